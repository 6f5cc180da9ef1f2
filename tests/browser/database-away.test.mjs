// What an open page shows while the database is away is no newer than the moment at which it went: the page says so by
// itself, asks for nothing meanwhile, and renews when the database is back.
// It needs a server: an embedded database is never away.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { after, before, test } from 'node:test';
import { axe, fits, launch, picture } from './lib/browser.mjs';
import { become } from './lib/person.mjs';
import { postgres, start } from './lib/start.mjs';

/** It is known to be away, or back, within this. */
const KNOWN_MS = 40_000;

let browser;
let town;
const sessions = new Set();

before(async () => {
  if (!postgres) return;
  town = await start({ residents: 12, staff: 60, seed: 1 });
  browser = await launch();
});

after(async () => {
  sessions.forEach((session) => session.stdin.end());
  await browser?.close();
  await town?.stop();
});

// shows: 5.5.5 open screens say that what they show is old while the database is away, and renew when it is back
const skip = !postgres && 'no server was named';
test('open screens say that the database is away, and renew when it is back', { skip }, async () => {
  const { page } = await become(browser, town.url, {
    who: /コールセンター：/, size: 'desktop', javascript: true, story: 'database-away',
  });
  await page.waitForURL(/\/cases$/);
  for (const [path, fragment] of [['/cases', /\/cases\/fragment/], ['/wallboard', /\/wallboard\/fragment/]]) {
    await page.goto('about:blank');
    await Promise.all([page.waitForResponse(/\/live\/cases$/), page.goto(path)]);
    const banner = page.locator('#line-lost');
    assert.equal(await banner.isVisible(), false);
    const release = await lock(town.database);
    // Somebody looks at something, which would be recorded.
    const look = page.request.get(`${town.url}/cases`);
    await banner.waitFor({ state: 'visible', timeout: KNOWN_MS });
    assert.match(await banner.innerText(), /^\d\d:\d\dからシステムの記録に接続できません/);
    const asked = [];
    page.on('request', (request) => { if (fragment.test(request.url())) asked.push(request.url()); });
    // A heartbeat of the line is no word that the database is back.
    await page.waitForFunction((from) => performance.now() > from + 17_000,
      await page.evaluate(() => performance.now()), { timeout: KNOWN_MS });
    assert.equal(await banner.isVisible(), true);
    assert.deepEqual(asked, []);
    await axe(page);
    await fits(page);
    await picture(page, `database-away-${path.slice(1)}`);
    assert.equal((await look).status(), 503);
    const renewed = page.waitForResponse(fragment, { timeout: KNOWN_MS });
    await release();
    await banner.waitFor({ state: 'hidden', timeout: KNOWN_MS });
    assert.equal((await renewed).status(), 200);
  }
  await page.context().close();
});

/** Another session holds the record, until this is called. */
async function lock(database) {
  const session = spawn('psql', ['--no-psqlrc', '--quiet', '-At', '-d', `${postgres} dbname=${database}`]);
  sessions.add(session);
  const locked = new Promise((resolve) => session.stdout.once('data', resolve));
  session.stdin.write("BEGIN; LOCK TABLE audit_row IN EXCLUSIVE MODE; SELECT 'locked';\n");
  await locked;
  const ended = new Promise((resolve) => session.once('close', resolve));
  return () => { session.stdin.end('ROLLBACK;\n'); return ended; };
}
