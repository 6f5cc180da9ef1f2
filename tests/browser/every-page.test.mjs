// Whoever one can be, everything that can be reached from their desk by links: it opens, it fits a phone, a tablet and
// a desktop, axe finds nothing, no script breaks, and on paper it shows its matter and no navigation.
// One engine is enough: what is looked at are pages, whatever their data came from.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { SIZES, axe, fits, launch, open, picture, quiet } from './lib/browser.mjs';
import { start } from './lib/start.mjs';

const ID = /[0-9a-f]{32}/g;
/** What is no page: a picture, a stream, a fragment of another page. */
const NO_PAGE = /^\/(photos|live|assets)\/|\/fragment$/;
/** Pages of a kind, like one case of many, that one person opens. */
const OF_A_KIND = 1;
/** A desk of more kinds of pages than this runs in circles. */
const KINDS = 80;

let browser;
let town;
/** Kinds of pages at which somebody looked closely already. */
const known = new Set();

before(async () => {
  [browser, town] = await Promise.all([launch(), start({ residents: 30, staff: 90, now: '2026-11-22T10:00' })]);
});

after(async () => {
  await browser?.close();
  await town?.stop();
});

test('every page of everybody is as every page is promised to be', { concurrency: 2 }, async (t) => {
  const accounts = await oneOfEachRole();
  await Promise.all(accounts.map((account) => t.test(account.role, async () => {
    const kinds = await walk(account);
    assert.ok(kinds > 2, `${account.role} has ${kinds} pages`);
    console.log(`${account.role}: ${kinds} kinds of pages`);
  })));
});

/** The first button under each heading of the start page. */
async function oneOfEachRole() {
  const page = await open(browser, { url: town.url, size: 'phone' });
  await page.goto('/demo');
  await close(page, 'demo');
  const all = await page.evaluate(() => {
    const first = new Map();
    let role = '';
    for (const part of document.querySelectorAll('h3, form[action^="/demo/enter/"]')) {
      if (part.tagName === 'H3') role = part.textContent.trim();
      else if (role && !first.has(role)) first.set(role, part.getAttribute('action'));
    }
    return [...first].map(([name, action]) => ({ role: name, action }));
  });
  await page.context().close();
  assert.ok(all.length >= 8, `${all.length} roles on the start page`);
  return all;
}

async function walk({ action }) {
  const page = await open(browser, { url: town.url, size: 'phone' });
  await page.goto('/demo');
  await Promise.all([page.waitForEvent('domcontentloaded'), page.locator(`form[action="${action}"] button`).first().click()]);
  const seen = new Map();
  const waiting = [new URL(page.url()).pathname];
  while (waiting.length > 0) {
    const path = waiting.shift();
    const kind = kindOf(path);
    if ((seen.get(kind) ?? 0) >= OF_A_KIND) continue;
    seen.set(kind, (seen.get(kind) ?? 0) + 1);
    assert.ok(seen.size <= KINDS, `more than ${KINDS} kinds of pages`);
    await page.setViewportSize(SIZES.phone);
    const answer = await page.goto(path);
    assert.ok(answer.status() < 400, `${path}: ${answer.status()}`);
    if (!known.has(kind)) {
      known.add(kind);
      await close(page, kind);
    }
    await fits(page);
    quiet(page);
    waiting.push(...await links(page));
  }
  await page.context().close();
  return seen.size;
}

/** What is looked at once for each kind of page. */
async function close(page, kind) {
  await page.waitForLoadState();
  await axe(page);
  for (const [name, size] of Object.entries(SIZES)) {
    await page.setViewportSize(size);
    await fits(page);
    await picture(page, `every${kind.replace(/\W+/g, '-')}-${name}`);
  }
  await axe(page);
  await page.emulateMedia({ media: 'print' });
  assert.ok(await page.locator('main').isVisible(), `${kind} shows nothing on paper`);
  assert.equal(await page.locator('nav:visible').count(), 0, `${kind} prints its navigation`);
  await page.emulateMedia({ media: 'screen' });
}

/** Where the page's links lead, inside the site. */
async function links(page) {
  const all = await page.locator('a[href]').evaluateAll((found) => found.map((a) => a.href));
  const inside = all.filter((href) => href.startsWith(`${town.url}/`)).map((href) => new URL(href));
  return [...new Set(inside.map(({ pathname, search }) => pathname + search))].filter((path) => !NO_PAGE.test(path));
}

/** `/cases/:id`: two pages of one kind differ in ids, or in the value of what is asked for. */
function kindOf(path) {
  return path.replace(ID, ':id').replace(/^\/l\/.*/, '/l/:token').replace(/=[^&]*/g, '=');
}
