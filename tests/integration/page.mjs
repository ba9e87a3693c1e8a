// The status page of a sandbox's controller, and what its tests ask of it.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { browse } from './browser.mjs';
import { cluster } from './cluster.mjs';
import { waitFor } from './harness.mjs';

export const TOKEN = 'page-token';

// A cluster, and the page of its controller `index` (or what index(s) gives), which takes TOKEN.
export async function open(t, { index = 0, env, ...options } = {}) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'page-'));
  t.after(() => rm(directory, { recursive: true }));
  const token = path.join(directory, 'token');
  await writeFile(token, `${TOKEN}\n`);
  const s = await cluster(t, { env: { ADMIN_TOKEN_FILE: token, ...env }, ...options });
  const at = typeof index === 'function' ? await index(s) : index;
  const page = await browse(t, `${(await s.controller(at)).http}/`);
  return { s, page };
}

export const sentence = (page) => page.locator('#state .sentence').innerText();

export const says = (page, pattern, limitMs, where = 'body') =>
  waitFor(`${where} of the page says ${pattern}`, async () => {
    const text = await page.locator(where).innerText();
    if (!pattern.test(text)) throw new Error(where === 'body' ? await page.locator('#state').innerText() : text);
    return true;
  }, limitMs);

export const isGood = (page, limitMs) => waitFor('the page says that all is well', async () =>
  (await page.locator('#state.ok').count()) === 1, limitMs);

// Presses the button of that name, says yes, and waits for the result.
export async function act(page, name, result, limitMs = 20_000) {
  await page.fill('#token', TOKEN);
  await page.click(`button[name=${name}]`);
  await page.click('#confirm-yes');
  await says(page, result, limitMs, '#result');
}

// From now on the page is shown this overview, instead of the controller's.
export async function pretend(page, overview) {
  await page.route('**/api/v1/events', (route) => route.fulfill({ status: 503 }));
  await page.route('**/api/v1/overview', (route) => route.fulfill({ json: overview }));
  await page.reload();
  await says(page, /asking every 2 s/, 10_000, '#connection');
}
