// Debian's chromium as three desks see it: a phone, a tablet, a desktop; with and without JavaScript.
// Knows nothing of Tsunagari's pages.

import { accessSync, constants, mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';

/** Width and height in CSS pixels. The phone is the narrowest screen we promise to fit. */
export const SIZES = {
  phone: { width: 360, height: 740 },
  tablet: { width: 800, height: 1280 },
  desktop: { width: 1280, height: 800 },
};

const FLAGS = [
  '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
];
/** WCAG 2.2 AA and what axe's makers hold to be good practice. */
const AXE_TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** How long a page may keep somebody waiting before the story fails. */
const PATIENCE_MS = 15_000;

/** What each page was opened as, and what went wrong on it. */
const known = new WeakMap();

/** Starts the browser on PATH with a fresh profile, which goes when it is closed; `more` are flags of its own. */
export async function launch(more = []) {
  return chromium.launch({ executablePath: findChromium(), headless: true, args: [...FLAGS, ...more] });
}

/**
 * A page of a new, empty context (no cookies).
 *
 * @param {import('playwright-core').Browser} browser
 * @param {object} options
 * @param {'phone'|'tablet'|'desktop'} [options.size]
 * @param {boolean} [options.javascript] false: the page works as plain forms or not at all
 * @param {string} [options.url] relative addresses are seen from here
 */
export async function open(browser, { size = 'desktop', javascript = true, url } = {}) {
  const touched = size !== 'desktop';
  const context = await browser.newContext({
    viewport: SIZES[size],
    isMobile: touched,
    hasTouch: touched,
    javaScriptEnabled: javascript,
    locale: 'ja-JP',
    timezoneId: 'Asia/Tokyo',
    reducedMotion: 'reduce',
    baseURL: url,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const problems = [];
  known.set(page, { size, javascript, problems });
  page.on('pageerror', (error) => problems.push(`error in a script: ${error.message}`));
  page.on('console', (line) => {
    const { url: from } = line.location();
    // A page that is itself refused (403, 404) is the story's to judge.
    const isThePage = line.text().startsWith('Failed to load resource') && from === page.url();
    if (line.type() === 'error' && !isThePage) problems.push(`console: ${line.text()} (${from})`);
  });
  page.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());
    const outside = protocol.startsWith('http') || protocol.startsWith('ws');
    if (outside && hostname !== '127.0.0.1' && hostname !== 'localhost') {
      problems.push(`asked another host: ${request.url()}`);
    }
  });
  return page;
}

/** Fails if a script broke, the content policy was offended, or the page asked another host. */
export function quiet(page) {
  const { problems } = known.get(page);
  if (problems.length > 0) throw new Error(`${page.url()}:\n  ${problems.join('\n  ')}`);
}

/** Fails with a readable list of what axe finds on the page as it stands. */
export async function axe(page) {
  const found = await violations(page);
  if (found.length === 0) return;
  const lines = found.map(({ id, impact, help, nodes }) => {
    const places = nodes.map(({ target, html, failureSummary }) => {
      const why = (failureSummary ?? '').split('\n').slice(1).map((line) => line.trim()).join('; ');
      return `    ${target.join(' ')}\n      ${html.slice(0, 160)}\n      ${why}`;
    });
    return `  ${id} (${impact}): ${help}\n${places.join('\n')}`;
  });
  throw new Error(`axe on ${page.url()} (${title(page)}):\n${lines.join('\n')}`);
}

/** What axe finds, as it tells it. */
export async function violations(page) {
  const { javascript } = known.get(page);
  // Evaluated by the debugger, which a content policy does not stop and which works with scripts switched off; but
  // then the page's timers never ring. axe only uses short ones to let the page breathe, so they may ring at once.
  if (!javascript) await page.evaluate(ringAtOnce);
  await page.evaluate(`${AXE};undefined`);
  return page.evaluate(
    async ({ tags, frames }) => {
      const result = await window.axe.run(document, {
        runOnly: { type: 'tag', values: tags },
        resultTypes: ['violations'],
        preload: false,
        iframes: frames,
      });
      return result.violations;
    },
    { tags: AXE_TAGS, frames: javascript },
  );
}

/** Saves the whole page as `<name>-<size>[-plain].png` where TSUNAGARI_PICTURES says; nothing without it. */
export async function picture(page, name) {
  const folder = process.env.TSUNAGARI_PICTURES;
  if (!folder) return undefined;
  const { javascript } = known.get(page);
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}-${title(page)}${javascript ? '' : '-plain'}.png`);
  await page.screenshot({ path, fullPage: true, animations: 'disabled' });
  return path;
}

/** Fails if the page is wider than its window: nobody should have to scroll sideways on a phone. */
export async function fits(page) {
  const content = await page.evaluate(() => document.documentElement.scrollWidth);
  // Not the page's own innerWidth: a phone zooms out until a page that is too wide fits.
  const { width } = page.viewportSize();
  if (content > width) throw new Error(`${page.url()} (${title(page)}): ${content} px wide in a window of ${width} px`);
}

function title(page) {
  return known.get(page).size;
}

function ringAtOnce() {
  window.setTimeout = (ring, ms = 0, ...args) => {
    if (ms <= 50) Promise.resolve().then(() => ring(...args));
    return 0;
  };
  window.clearTimeout = () => {};
}

function findChromium() {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    for (const name of ['chromium', 'chromium-browser']) {
      const file = join(folder, name);
      try {
        accessSync(file, constants.X_OK);
        return file;
      } catch {
        // Not in this folder.
      }
    }
  }
  throw new Error('chromium is not on PATH: apt-get install chromium');
}
