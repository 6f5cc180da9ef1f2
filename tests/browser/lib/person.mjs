// Somebody at their own screen: becomes who they are by one click on the start page, and looks at every page the way
// it is promised: readable by everybody, no wider than the screen, with nothing broken behind it.

import { axe, fits, open, picture, quiet } from './browser.mjs';

/**
 * @param {import('playwright-core').Browser} browser
 * @param {string} url
 * @param {object} options
 * @param {string|RegExp} options.who the name on the button of the start page
 * @param {'phone'|'tablet'|'desktop'} options.size
 * @param {boolean} options.javascript
 * @param {string} options.story pictures are named after it
 */
export async function become(browser, url, { who, size, javascript, story }) {
  const page = await open(browser, { url, size, javascript });
  await page.goto('/demo');
  await page.getByRole('button', { name: who }).first().click();
  let looks = 0;
  return {
    page,
    /** The page as it stands keeps what every page promises; it is kept as a picture. */
    async look(what) {
      looks += 1;
      await page.waitForLoadState();
      await axe(page);
      await fits(page);
      quiet(page);
      await picture(page, `${story}-${what}`);
    },
    /** Presses a button and waits for the page that answers. */
    async press(name, within = page) {
      const button = within.getByRole('button', { name });
      await Promise.all([page.waitForEvent('domcontentloaded'), button.first().click()]);
      quiet(page);
    },
    /** Follows a link and waits for its page. */
    async follow(name, within = page) {
      const link = within.getByRole('link', { name });
      await Promise.all([page.waitForEvent('domcontentloaded'), link.first().click()]);
      quiet(page);
    },
    async shut() {
      quiet(page);
      await page.context().close();
    },
    looks: () => looks,
  };
}
