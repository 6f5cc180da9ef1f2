// A screen that looks alive and is not is worse than a blank one: whoever looks at a live page is told when its line is
// lost, however it was lost, and that it is back.

import assert from 'node:assert/strict';
import { createServer, connect } from 'node:net';
import { after, before, test } from 'node:test';
import { axe, fits, launch, picture } from './lib/browser.mjs';
import { become } from './lib/person.mjs';
import { start, until } from './lib/start.mjs';

/** A line that dies without a word is found out within this. */
const DEAF_MS = 60_000;

let browser;
let town;
let relay;

before(async () => {
  town = await start({ residents: 12, staff: 60, seed: 1 });
  relay = await lineTo(town.port);
  // The town answers under its own name only; the browser finds that name at the relay.
  browser = await launch([`--host-resolver-rules=MAP localhost:${town.port} 127.0.0.1:${relay.port}`]);
});

after(async () => {
  await browser?.close();
  relay?.cut();
  relay?.close();
  await town?.stop();
});

test('the banner stands while the line is down and goes when it is back', async () => {
  const page = await signedIn();
  const banner = page.locator('#line-lost');
  assert.equal(await banner.isVisible(), false);
  relay.refuse();
  await banner.waitFor({ state: 'visible', timeout: DEAF_MS });
  assert.match(await banner.innerText(), /回線が切れています/);
  assert.equal(await banner.getAttribute('role'), 'alert');
  await axe(page);
  await fits(page);
  await picture(page, 'lost-line');
  // What happened meanwhile was told to nobody here: the queue asks for itself again, and nothing is loaded anew.
  const asked = page.waitForResponse(/\/cases\/fragment/, { timeout: DEAF_MS });
  relay.mend();
  await banner.waitFor({ state: 'hidden', timeout: DEAF_MS });
  assert.equal((await asked).status(), 200);
  await page.context().close();
});

test('a line that dies without a word is noticed', async () => {
  const page = await signedIn();
  const banner = page.locator('#line-lost');
  relay.freeze();
  await banner.waitFor({ state: 'visible', timeout: DEAF_MS });
  const asked = page.waitForResponse(/\/cases\/fragment/, { timeout: DEAF_MS });
  relay.mend();
  await banner.waitFor({ state: 'hidden', timeout: DEAF_MS });
  assert.equal((await asked).status(), 200);
  await page.context().close();
});

// shows: 5.6.3 what was told before a line stood is shown as well
test('a line that opens late asks for what was told before it', async () => {
  const page = await signedIn();
  await page.route(/\/live\/cases$/, (route) => route.abort());
  await page.goto('/cases');
  const banner = page.locator('#line-lost');
  await banner.waitFor({ state: 'visible' });
  await page.waitForFunction(() => performance.now() > 3_000);
  const asked = page.waitForResponse(/\/cases\/fragment/, { timeout: DEAF_MS });
  await page.unroute(/\/live\/cases$/);
  await banner.waitFor({ state: 'hidden', timeout: DEAF_MS });
  assert.equal((await asked).status(), 200);
  await page.context().close();
});

test('a browser that goes offline says so at once, on a page without a live line too', async () => {
  const page = await signedIn();
  for (const path of ['/cases', '/account']) {
    await page.goto(path);
    const banner = page.locator('#line-lost');
    await page.context().setOffline(true);
    await banner.waitFor({ state: 'visible' });
    await page.context().setOffline(false);
    await banner.waitFor({ state: 'hidden', timeout: DEAF_MS });
  }
  await page.context().close();
});

/** An operator before the queue, whose live line stands. */
async function signedIn() {
  const { page } = await become(browser, `http://localhost:${town.port}`, {
    who: /コールセンター：/, size: 'desktop', javascript: true, story: 'lost-line',
  });
  // The page before has a live line of its own: it must not be taken for this one's.
  await page.waitForURL(/\/cases$/);
  await page.goto('about:blank');
  await Promise.all([page.waitForResponse(/\/live\/cases$/), page.goto('/cases')]);
  return page;
}

/** A relay between the page and the town: it can be cut, and it can fall silent. */
async function lineTo(target) {
  const lines = new Set();
  let mood = 'carries';
  const server = createServer((near) => {
    if (mood === 'refuses') { near.destroy(); return; }
    const far = connect(target, '127.0.0.1');
    const line = { near, far };
    lines.add(line);
    const end = () => { near.destroy(); far.destroy(); lines.delete(line); };
    near.on('data', (chunk) => { if (mood !== 'frozen') far.write(chunk); });
    far.on('data', (chunk) => { if (mood !== 'frozen') near.write(chunk); });
    for (const socket of [near, far]) socket.on('error', end).on('close', end);
  }).listen(0, '127.0.0.1');
  await until(() => server.listening, 'the relay');
  const cut = () => lines.forEach(({ near, far }) => { near.destroy(); far.destroy(); });
  return {
    port: server.address().port,
    cut,
    refuse() { mood = 'refuses'; cut(); },
    freeze() { mood = 'frozen'; },
    mend() { mood = 'carries'; cut(); },
    close: () => server.close(),
  };
}
