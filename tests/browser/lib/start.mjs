// Starts the program for one story and ends it with everything it left behind.
// Knows its command line and nothing of its pages.

import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

const READY_MS = 120_000;
const STOP_MS = 15_000;
/** What the program said is kept up to this length, characters. */
const LOG_CHARS = 200_000;

const running = new Set();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

/** `host=… port=… user=…` of a PostgreSQL server, or undefined for SQLite. Set by `cargo xtask test`. */
export const postgres = process.env.TSUNAGARI_TEST_POSTGRES || undefined;

/**
 * Starts `tsunagari demo` on a free port with a data folder (and, on PostgreSQL, a database) of its own, and waits
 * until it answers.
 *
 * @param {object} options
 * @param {number} [options.residents] how many people live in the town
 * @param {number} [options.staff]
 * @param {number} [options.seed] the same seed and the same `now` make the same town
 * @param {string} [options.now] the moment the town starts from, ISO 8601; without it, the present
 * @param {string[]} [options.extra] more arguments, as they stand
 * @param {Record<string, string>} [options.env] more environment
 * @param {string} [options.program] another program than TSUNAGARI_BIN
 * @returns {Promise<{url: string, port: number, data: string, database?: string, log: () => string,
 *   stop: () => Promise<void>, crash: () => Promise<void>}>} `crash` is kill -9 and keeps the data
 */
export async function start(options = {}) {
  const { residents = 40, staff = 60, seed = 1, now, extra = [], env = {} } = options;
  const program = options.program ?? process.env.TSUNAGARI_BIN;
  if (!program) throw new Error('TSUNAGARI_BIN names no program: run the stories by `cargo xtask test --only browser`');

  const data = mkdtempSync(join(tmpdir(), 'tsunagari-story-'));
  const database = postgres && createDatabase();
  const port = await freePort();
  const args = ['demo', '--port', port, '--data', data, '--residents', residents, '--staff', staff, '--seed', seed];
  if (now) args.push('--now', now);
  if (database) args.push('--database', `${postgres} dbname=${database}`);
  const child = spawn(program, [...args, ...extra].map(String), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let said = '';
  const hear = (chunk) => { said = (said + chunk).slice(-LOG_CHARS); };
  child.stdout.setEncoding('utf8').on('data', hear);
  child.stderr.setEncoding('utf8').on('data', hear);
  const ended = new Promise((resolve) => {
    child.once('error', (error) => { hear(String(error)); resolve('could not be started'); });
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
  }).finally(() => running.delete(child));

  const clear = () => {
    rmSync(data, { recursive: true, force: true });
    if (database) sql(`DROP DATABASE IF EXISTS ${database} WITH (FORCE)`);
  };
  const server = {
    url: `http://127.0.0.1:${port}`,
    port,
    data,
    database,
    log: () => said,
    async crash() {
      child.kill('SIGKILL');
      await ended;
    },
    async stop() {
      child.kill('SIGTERM');
      const how = await Promise.race([ended, pause(STOP_MS, undefined, { ref: false })]);
      if (how === undefined) child.kill('SIGKILL');
      await ended;
      clear();
      if (how === undefined) throw new Error(`the program did not end within ${STOP_MS} ms of SIGTERM\n${said}`);
    },
  };
  try {
    await untilItAnswers(server, ended);
  } catch (error) {
    await server.crash();
    clear();
    throw error;
  }
  return server;
}

/** Asks `condition` (which may be asynchronous) until it gives something true, and gives that back. */
export async function until(condition, what, ms = 10_000) {
  const deadline = Date.now() + ms;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (Date.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await pause(50);
  }
}

/** A port that nobody listens on at this moment. */
export async function freePort() {
  const listener = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve, reject) => listener.once('listening', resolve).once('error', reject));
  const { port } = listener.address();
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

async function untilItAnswers(server, ended) {
  let end;
  ended.then((how) => { end = how; });
  await until(async () => {
    if (end !== undefined) throw new Error(`the program ended (${end}) before it answered\n${server.log()}`);
    try {
      const answer = await fetch(server.url, { redirect: 'manual', signal: AbortSignal.timeout(2000) });
      await answer.arrayBuffer();
      return answer.status < 400;
    } catch {
      return false;
    }
  }, `an answer of ${server.url}`, READY_MS).catch((error) => {
    error.message += `\n${server.log()}`;
    throw error;
  });
}

let databases = 0;

/** Bytes decide the order on both engines, hence collation C. */
function createDatabase() {
  databases += 1;
  const name = `tsunagari_story_${process.pid}_${databases}`;
  sql(`CREATE DATABASE ${name} TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C' ENCODING 'UTF8'`);
  return name;
}

function sql(text) {
  execFileSync('psql', ['--no-psqlrc', '--quiet', '-v', 'ON_ERROR_STOP=1', '-d', `${postgres} dbname=postgres`, '-c', text]);
}
