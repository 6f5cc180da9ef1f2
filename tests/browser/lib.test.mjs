// The tools of the stories find what they are there to find.
// One engine is enough: what is told here is about the tools of the stories.

import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { axe, fits, launch, open, picture, quiet, violations } from './lib/browser.mjs';
import { postgres, start } from './lib/start.mjs';

const GOOD = '<main><h1>見守り</h1><p>異常はありません。</p><a href="/">最初のページ</a></main>';
const BAD = '<main><h1>見守り</h1><img src="/"><p style="color:#ccc;background:#fff">薄い文字</p></main>';
const SMALL = '<main><h1>見守り</h1><button style="width:9px;height:9px;padding:0;border:0">あ</button>'
  + '<button style="width:9px;height:9px;padding:0;border:0">い</button></main>';
const BROKEN = '<main><h1>見守り</h1></main><script nonce="n">missing()</script>';
const WIDE = '<main><h1>見守り</h1><div style="width:700px">幅</div></main>';
const PAGES = { '/': GOOD, '/bad': BAD, '/small': SMALL, '/broken': BROKEN, '/wide': WIDE };

let browser;
let server;
let url;
let folder;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'tsunagari-lib-'));
  server = createServer((request, response) => {
    const body = PAGES[request.url] ?? '';
    response.setHeader('content-type', 'text/html; charset=utf-8');
    // As strict as ours: axe must work although the page may run nothing of its own.
    response.setHeader('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'; script-src 'nonce-n'; img-src 'self' data:");
    response.end('<!doctype html><html lang="ja"><head><title>試験</title>'
      + `<link rel="icon" href="data:,"><meta name="viewport" content="width=device-width"></head><body>${body}</body></html>`);
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${server.address().port}`;
  browser = await launch();
});

after(async () => {
  await browser?.close();
  server.close();
  rmSync(folder, { recursive: true, force: true });
});

for (const javascript of [true, false]) {
  test(`axe finds what is wrong and only that, JavaScript ${javascript ? 'on' : 'off'}`, async () => {
    const page = await open(browser, { url, javascript });
    await page.goto('/');
    await axe(page);
    await page.goto('/bad');
    const found = (await violations(page)).map(({ id }) => id).sort();
    assert.deepEqual(found, ['color-contrast', 'image-alt']);
    await assert.rejects(axe(page), /image-alt \(critical\)[^]*<img/);
    await page.goto('/small');
    await assert.rejects(axe(page), /target-size/);
    await page.context().close();
  });
}

test('a broken script and a page too wide for a phone are noticed', async () => {
  const page = await open(browser, { url, size: 'phone' });
  await page.goto('/');
  quiet(page);
  await fits(page);
  await page.goto('/wide');
  await assert.rejects(fits(page), /708 px wide in a window of 360 px/);
  await page.goto('/broken');
  assert.throws(() => quiet(page), /missing is not defined/);
  await page.context().close();
});

test('a picture is kept where asked', async () => {
  const page = await open(browser, { url, size: 'tablet', javascript: false });
  await page.goto('/');
  const path = await picture(page, 'lib-self-test');
  assert.equal(Boolean(path), Boolean(process.env.TSUNAGARI_PICTURES));
  if (path) {
    assert.match(path, /lib-self-test-tablet-plain\.png$/);
    assert.ok(existsSync(path));
  }
  await page.context().close();
});

test('a program is started, asked for, and cleared away', async () => {
  const program = script('serving', `
    const http = require('node:http');
    const port = process.argv[process.argv.indexOf('--port') + 1];
    process.on('SIGTERM', () => process.exit(0));
    console.log(process.argv.slice(2).join(' '));
    http.createServer((request, response) => response.end('hello')).listen(port, '127.0.0.1');
  `);
  const town = await start({ program, seed: 7, now: '2026-02-01T09:00:00+09:00' });
  assert.equal(await (await fetch(town.url)).text(), 'hello');
  assert.match(town.log(), /^demo --port \d+ --data .* --seed 7 --now 2026-02-01T09:00:00\+09:00/);
  assert.equal(/--database host=.* dbname=tsunagari_story_/.test(town.log()), Boolean(postgres));
  await town.stop();
  assert.ok(!existsSync(town.data));
  await assert.rejects(fetch(town.url));
});

test('a program that ends too early says why', async () => {
  const program = script('ending', "console.error('the port is taken'); process.exit(3);");
  await assert.rejects(start({ program }), /exit code 3[^]*the port is taken/);
});

function script(name, body) {
  const file = join(folder, name);
  writeFileSync(file, `#!/usr/bin/env node\n${body}`, { mode: 0o755 });
  return file;
}
