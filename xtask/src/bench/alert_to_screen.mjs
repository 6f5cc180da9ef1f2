// Opens the call centre's queue as an operator and notes when each case arrives: on the screen, brought by the page's own EventSource.
// node screen.mjs BROWSER_TESTS_FOLDER PORT OPERATOR; then one line "HOW_MANY LIMIT_MS" on standard input.

import { createInterface } from 'node:readline';
import { pathToFileURL } from 'node:url';

const [folder, port, operator] = process.argv.slice(2);
const { launch, open } = await import(pathToFileURL(`${folder}/lib/browser.mjs`));
const url = `http://127.0.0.1:${port}`;
const browser = await launch();
const page = await open(browser, { url });
await page.goto('/demo');
await page.locator(`form[action="/demo/enter/${operator}"] button`).first().click();
await page.goto('/cases');
await page.evaluate(() => {
  const noted = { shown: [], known: 0 };
  window.noted = noted;
  const count = () => {
    const more = document.querySelector('#queue .too-many');
    const all = more ? Number.parseInt(more.textContent, 10) : 0;
    return Math.max(all, document.querySelectorAll('#queue a.person-name').length);
  };
  noted.known = count();
  new MutationObserver(() => {
    for (const here = count(); noted.known < here; noted.known += 1) noted.shown.push(Date.now());
  }).observe(document.body, { childList: true, subtree: true });
});
console.log('ready');
for await (const line of createInterface({ input: process.stdin })) {
  const [many, limit] = line.split(' ').map(Number);
  const enough = (wanted) => window.noted.shown.length >= wanted;
  await page.waitForFunction(enough, many, { timeout: limit }).catch(() => {});
  console.log(JSON.stringify(await page.evaluate(() => window.noted)));
  break;
}
await browser.close();
