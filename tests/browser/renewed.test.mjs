// A screen that renews itself shows what happened while it did.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch } from './lib/browser.mjs';
import { become } from './lib/person.mjs';
import { start, until } from './lib/start.mjs';

const SEED = 1;
const NOW = '2026-11-22T10:00';
/** From what somebody else did to the operator's eye, also on a busy machine. */
const TO_SCREEN_MS = 10_000;

let browser;
let town;

before(async () => {
  [browser, town] = await Promise.all([launch(), start({ residents: 12, staff: 60, seed: SEED, now: NOW })]);
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

// shows: 5.6.3 nothing told to a screen is lost
test('what happens while the screen is being renewed is shown as well', async () => {
  const watching = await become(browser, town.url, { who: /コールセンター：/, size: 'desktop', javascript: true, story: 'minutes' });
  const taking = await become(browser, town.url, { who: /コールセンター：/, size: 'desktop', javascript: true, story: 'minutes' });
  const { page } = watching;
  await page.addInitScript(() => {
    window.told = [];
    window.EventSource = class extends window.EventSource {
      constructor(...line) {
        super(...line);
        this.addEventListener('changed', (word) => window.told.push(Date.now() + Number(word.data)));
      }
    };
  });
  await Promise.all([page.waitForResponse(/\/live\/cases$/), page.goto('/cases')]);
  await stays(page);
  await until(() => page.locator('#queue a.person-name').count(), 'a case', 60_000);
  const waiting = await page.locator('#queue a.person-name').first().getAttribute('href');
  const step = (screen) => screen.locator(`#queue tr:has(a[href="${waiting}"]) td`).nth(3).innerText();

  // The answer to the first word is held back on its way: it knows nothing of what happens next.
  let fetched;
  let deliver;
  const held = new Promise((resolve) => { fetched = resolve; });
  const delivered = new Promise((resolve) => { deliver = resolve; });
  await page.route(/\/cases\/fragment/, async (route) => {
    const response = await route.fetch();
    fetched();
    await delivered;
    await route.fulfill({ response });
  }, { times: 1 });
  const next = taking.page.locator('section.next');
  await taking.page.goto(waiting);
  await taking.press('受け付ける', next);
  await held;
  const words = await page.evaluate(() => window.told.length);
  await taking.press('不在', next);
  await page.waitForFunction((known) => window.told.length > known && Date.now() > Math.max(...window.told), words, { timeout: 10_000 });
  deliver();
  await Promise.all([taking.page.waitForResponse(/\/live\/cases$/), taking.page.goto('/cases')]);
  await until(async () => (await step(page)) === (await step(taking.page)), 'the call that nobody answered', TO_SCREEN_MS);
  await stayed(page);
  await watching.shut();
  await taking.shut();
});

/** From here on the page is not to be loaded again. */
const stays = (page) => page.evaluate(() => { document.documentElement.dataset.loaded = 'once'; });

async function stayed(page) {
  assert.equal(await page.evaluate(() => document.documentElement.dataset.loaded), 'once', `${page.url()} was loaded again`);
}
