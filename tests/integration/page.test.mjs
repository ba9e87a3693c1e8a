// The status page in a browser: what it shows, that it follows what happens without a reload, and
// that it acts. One browser for each test; the cluster is the sandbox's.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { browse, screenshot } from './browser.mjs';
import { cluster, writesOn } from './cluster.mjs';
import { test, waitFor } from './harness.mjs';

const TOKEN = 'page-token';

async function open(t, options = {}) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'page-'));
  t.after(() => rm(directory, { recursive: true }));
  const token = path.join(directory, 'token');
  await writeFile(token, `${TOKEN}\n`);
  const s = await cluster(t, { env: { ADMIN_TOKEN_FILE: token, ...options.env } });
  const page = await browse(t, `${(await s.controller()).http}/`);
  return { s, page };
}

const sentence = (page) => page.locator('#state .sentence').innerText();
const says = (page, pattern, limitMs) =>
  waitFor(`the page says ${pattern}`, async () => pattern.test(await page.locator('body').innerText()), limitMs);
const isGood = (page, limitMs) => waitFor('the page says that all is well', async () =>
  (await page.locator('#state.ok').count()) === 1, limitMs);

test('the page shows the cluster', async (t) => {
  const { s, page } = await open(t);
  const load = s.writer();
  await writesOn(load);
  await isGood(page);
  assert.match(await sentence(page), /memgraph-0 is main; memgraph-1 would take over now: yes$/);
  assert.equal(await page.title(), '✔ memgraph-0 is main; memgraph-1 would take over now: yes');
  assert.match(await page.locator('#connection').innerText(), /live/);

  const label = await page.locator('#picture svg').getAttribute('aria-label');
  assert.match(label, /memgraph-0: ★ MAIN. memgraph-1: ◆ SYNC replica. memgraph-2: ● ASYNC replica/);
  const picture = await page.locator('#picture').textContent();
  for (const words of ['STRICT SYNC', 'ASYNC', 'write gateway', '✔ writes', '✔ reads']) {
    assert.ok(picture.includes(words), `${words} in: ${picture}`);
  }
  assert.match(picture, /STRICT SYNC✔ (ready|replicating), lag \d+/);
  await waitFor('bytes of the gateway move', async () => {
    const row = await page.locator('#gateways tbody tr').first().innerText();
    return /write\s+[1-9]\d*\s+0\s+[1-9].* k?B/.test(row);
  });
  assert.equal(await page.locator('#pods tbody tr').count(), 3);
  assert.match(await page.locator('#history li').first().innerText(), /initial memgraph-0/);

  await screenshot(page, 'page-light');
  await page.emulateMedia({ colorScheme: 'dark', reducedMotion: 'reduce' });
  await screenshot(page, 'page-dark');
  await page.setViewportSize({ width: 380, height: 760 });
  await waitFor('the picture stands upright', async () => (await page.locator('#picture svg.narrow').count()) === 1);
  const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  assert.ok(overflow <= 0, `${overflow} pixels too wide for a phone`);
  await screenshot(page, 'page-phone');

  // Everything that can be done can be reached by keyboard.
  const reached = new Set();
  for (let i = 0; i < 40; i++) {
    await page.keyboard.press('Tab');
    reached.add(await page.evaluate(() => document.activeElement.name || document.activeElement.id));
  }
  for (const name of ['theme', 'token', 'switchover', 'pause', 'resume', 'rebuild', 'rebuild-pod']) {
    assert.ok(reached.has(name), `${name} by keyboard; reached ${[...reached]}`);
  }
  assert.deepEqual(page.problems, []);
});

test('the page follows a failover', async (t) => {
  const { s, page } = await open(t);
  const load = s.writer();
  await writesOn(load);
  await isGood(page);
  await page.evaluate(() => { window.same = true; }); // a reload would forget it
  await s.control('kill', 'main');
  await says(page, /failover memgraph-0 → memgraph-1/);
  await isGood(page, 20_000);
  assert.match(await sentence(page), /memgraph-1 is main; memgraph-0 would take over now: yes/);
  const entry = page.locator('#history > ol > li', { hasText: 'failover' }).first();
  const text = await entry.innerText();
  for (const words of [/decided \d+ ms/, /recorded \d+ ms/, /promoted \d+ ms/, /first answer \d+ ms/,
    /writes waited \d+ ms/, /its process is gone; memgraph-1 holds every acknowledged write/]) {
    assert.match(text, words);
  }
  assert.ok(await entry.locator('.bar rect').count() >= 3);
  assert.equal(await page.evaluate(() => window.same), true);
  await page.setViewportSize({ width: 960, height: 800 });
  await screenshot(page, 'page-failover', 1000);
  assert.deepEqual(page.problems, []);
});

test('the page says why nobody could take over', async (t) => {
  const { s, page } = await open(t);
  await isGood(page);
  await s.control('stop-pod', 'memgraph-1');
  await says(page, /memgraph-1 does not answer|does not answer for/);
  await waitFor('why not is said', async () => {
    const state = await page.locator('#state').innerText();
    return (await page.locator('#state.ok').count()) === 0 && /memgraph-1/.test(state) && /not|lost/.test(state);
  });
  await waitFor('the answer is no', async () =>
    /no memgraph-0 died now: would memgraph-1 take over/.test(await page.locator('#explain').innerText()));
  const { explain } = await (await fetch(`${(await s.controller()).http}/api/v1/overview`)).json();
  assert.equal(explain.failover.possible, false);
  const unmet = explain.failover.conditions.find((c) => !c.holds).value;
  assert.ok((await page.locator('#state').innerText()).includes(`Why not: ${unmet.slice(0, 30)}`), unmet);
  await page.setViewportSize({ width: 960, height: 800 });
  await screenshot(page, 'page-refusal', 820);
  await s.control('start-pod', 'memgraph-1');
  await isGood(page, 20_000);
  assert.deepEqual(page.problems, []);
});

test('a switchover is asked for, confirmed and followed', async (t) => {
  const { s, page } = await open(t);
  const load = s.writer();
  await writesOn(load);
  await isGood(page);
  const result = page.locator('#result');

  await page.click('button[name=switchover]');
  assert.match(await result.innerText(), /Give the token first/);
  await page.fill('#token', 'wrong');
  await page.click('button[name=switchover]');
  assert.match(await page.locator('#confirm').innerText(), /Switch over to memgraph-1\?[\s\S]*No acknowledged write is lost[\s\S]*memgraph-0 would hand over to memgraph-1/);
  await screenshot(page, 'page-confirm');
  await page.click('#confirm-yes');
  await waitFor('it is refused', async () => /Refused: .*Authorization/.test(await result.innerText()));

  await page.fill('#token', TOKEN);
  await page.click('button[name=switchover]');
  await page.keyboard.press('Escape'); // no
  assert.equal((await s.record()).request, '');
  await page.click('button[name=switchover]');
  await page.click('#confirm-yes');
  await waitFor('it is done', async () => {
    const text = await result.innerText();
    if (!/Done: memgraph-1 is main/.test(text)) throw new Error(text);
    return true;
  }, 20_000);
  await isGood(page);
  assert.match(await sentence(page), /memgraph-1 is main/);
  assert.equal((await s.main()).name, 'memgraph-1');

  await page.click('button[name=pause]');
  await page.click('#confirm-yes');
  await waitFor('it is paused', async () => /Paused: dashboard/.test(await result.innerText()));
  await says(page, /Decisions are paused until .* \(dashboard\): if the main dies, nobody takes over/);
  await page.click('button[name=resume]');
  await page.click('#confirm-yes');
  await waitFor('it is resumed', async () => /Resumed/.test(await result.innerText()));
  await isGood(page);
  assert.equal(await page.evaluate(() => document.cookie + localStorage.length + sessionStorage.length), '00');
  await load.stop();
  await load.check(await s.pod('memgraph-1'));
  assert.deepEqual(page.problems, []);
});

test('the page outlives its controller', async (t) => {
  const { s, page } = await open(t);
  await isGood(page);
  await s.control('term', 'controller-0');
  await says(page, /The connection to the controller is lost. This picture is \d+ s old/, 15_000);
  assert.match(await page.title(), /connection lost/);
  await screenshot(page, 'page-lost');
  await s.control('start', 'controller-0');
  await waitFor('it is live again', async () =>
    /live/.test(await page.locator('#connection').innerText()) && !(await page.locator('#stale').isVisible()), 15_000);
  await isGood(page);
  assert.deepEqual(page.problems, []);
});

test('the page is served with a strict policy, and not again when it is known', async (t) => {
  const s = await cluster(t);
  const { http } = await s.controller();
  const first = await fetch(`${http}/`, { headers: { accept: 'text/html' } });
  const policy = first.headers.get('content-security-policy');
  for (const part of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "frame-ancestors 'none'"]) {
    assert.ok(policy.includes(part), policy);
  }
  assert.doesNotMatch(policy, /unsafe/);
  assert.equal(first.headers.get('set-cookie'), null);
  const html = await first.text();
  assert.doesNotMatch(html, /https?:\/\//);
  const again = await fetch(`${http}/`, { headers: { 'if-none-match': first.headers.get('etag') } });
  assert.equal(again.status, 304);
  assert.equal(await again.text(), '');
  for (const [, file] of html.matchAll(/(?:src|href)="(web\/[^"]+)"/g)) {
    const answer = await fetch(path.posix.join(`${http}/`, file).replace(':/', '://'));
    assert.equal(answer.status, 200, file);
  }
  const json = await fetch(`${http}/`, { headers: { accept: 'application/json' } });
  assert.equal((await json.json()).main, 'memgraph-0');
  assert.equal((await fetch(`${http}/web/nothing.js`)).status, 404);
});
