// A recorded home as its gateway would tell it today: contacts only, shifted by whole weeks, cut where the person
// falls silent. Knows the columns of the recordings and docs/readings.md; nothing of the watch.

import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

const FOLDER = new URL('../../../../shared/data/sensors/', import.meta.url);
const DAY = 24 * 60 * 60 * 1000;
/** Which contact stands for which, as `tools/watch_eval.py` maps them. */
const KINDS = {
  door: 'entrance', fridge: 'fridge', kitchen_proxy: 'fridge',
  bathroom_door: 'bathroom', bathroom_proxy: 'bathroom', flush: 'bathroom',
};
/** One MQTT message holds 16 KiB at most. */
const MESSAGE_BYTES = 15_000;

/**
 * The contacts of a recording as readings of our own payload, in order of time.
 *
 * The recording is shifted by whole weeks, so that its nights stay nights and its Sundays Sundays, until it would reach
 * `now`; what lies in the last `silence` hours before `now` is left out: there the person no longer moves.
 *
 * @param {string} name `ordonez_B`, `kasteren_A`, …
 * @param {object} options
 * @param {number} options.now milliseconds
 * @param {number} options.silence hours
 * @returns {{devices: Map<string, string>, readings: object[], last: number}} devices: serial to kind
 */
export function recording(name, { now, silence }) {
  const [, ...lines] = gunzipSync(readFileSync(new URL(`${name}.csv.gz`, FOLDER))).toString('utf8').trim().split('\n');
  const events = lines.map((line) => line.split(','))
    .filter(([, , , kind]) => kind in KINDS)
    // The recordings tell the time of their own place; here it is Japan's.
    .map(([, time, device, kind, , value]) => ({ device, kind: KINDS[kind], at: Date.parse(`${time}+09:00`), value }));
  const end = Math.max(...events.map(({ at }) => at));
  const shift = Math.ceil((now - end) / (7 * DAY)) * 7 * DAY;
  const devices = new Map(events.map(({ device, kind }) => [serial(device), kind]));
  const kept = events.filter(({ at }) => at + shift <= now - silence * 60 * 60 * 1000);
  const readings = kept.map(({ device, at, value }) => ({
    device: serial(device), at: at + shift, kind: 'contact', value: Number(value) > 0 ? 'open' : 'closed',
  }));
  return { devices, readings, last: readings.at(-1).at };
}

/** Lists of readings, each small enough for one message. */
export function messages(readings) {
  const lists = [[]];
  let bytes = 2;
  for (const reading of readings) {
    const size = Buffer.byteLength(JSON.stringify(reading)) + 1;
    if (bytes + size > MESSAGE_BYTES) {
      lists.push([]);
      bytes = 2;
    }
    lists.at(-1).push(reading);
    bytes += size;
  }
  return lists.map((list) => JSON.stringify(list));
}

function serial(device) {
  return device.replace(/\s+/g, '-');
}
