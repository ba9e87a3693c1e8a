// The status page in a browser: what it shows, that it follows what happens without a reload, and
// that it acts. One browser for each test; the cluster is the sandbox's.
import assert from 'node:assert/strict';
import path from 'node:path';

import { screenshot } from './browser.mjs';
import { cluster, writesOn } from './cluster.mjs';
import { test, waitFor } from './harness.mjs';
import { act, isGood, open, says, sentence, TOKEN } from './page.mjs';

test('the page shows the cluster', async (t) => {
  const { s, page } = await open(t);
  const load = s.writer();
  await writesOn(load);
  await isGood(page);
  assert.match(await sentence(page), /memgraph-0 is main; memgraph-1 would take over now: yes$/);
  assert.equal(await page.title(), '✔ memgraph-0 is main; memgraph-1 would take over now: yes');
  assert.match(await page.locator('#connection').innerText(), /live/);

  const label = await page.locator('#picture svg').getAttribute('aria-label');
  assert.match(label, /memgraph-0: ★ MAIN. memgraph-1: ◆ SYNC replica, STRICT SYNC ✔ \w+, lag \d+. memgraph-2: ● ASYNC replica, ASYNC ✔ \w+, lag \d+. The write gateway forwards: writes. Reads go to memgraph-2./);
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
  for (const name of ['theme', 'token', 'switchover', 'pause', 'resume', 'rebuild', 'rebuild-pod', 'degrade']) {
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
  for (const words of [/detected 0 ms/, /decided \d+ ms/, /recorded \d+ ms/, /promoted \d+ ms/, /first answer \d+ ms/,
    /writes waited \d+ ms/, /its process is gone; memgraph-1 holds every acknowledged write/]) {
    assert.match(text, words);
  }
  assert.ok(await entry.locator('.bar rect').count() >= 3);
  // Neither ids of processes nor codes of rules: they are for machines.
  assert.doesNotMatch(await page.locator('body').innerText(), /[0-9a-f]{8}-[0-9a-f]{4}-|EPOCH|\d{13}/);
  assert.equal(await page.evaluate(() => window.same), true);
  await page.setViewportSize({ width: 960, height: 800 });
  await screenshot(page, 'page-failover', 1180);
  assert.deepEqual(page.problems, []);
});

test('the page says why writes fail, why nobody could take over, and what helps', async (t) => {
  const { s, page } = await open(t);
  const state = () => page.locator('#state').innerText();
  await isGood(page);
  await s.control('stop-pod', 'memgraph-1');
  await says(page, /Writes fail: memgraph-1 does not confirm them/, 20_000, '#state .sentence');
  assert.equal(await page.locator('#state.bad').count(), 1);
  assert.match(await state(), /memgraph-0 is main; memgraph-1 would take over now: no/);
  assert.match(await state(), /What helps: memgraph-1 comes back; or memgraph-0 serves alone: Degrade, below, or memgraph-controller degrade/);
  const picture = page.locator('#picture');
  assert.match(await picture.textContent(), /✖ writes fail.*✖ no answer for/);
  assert.match(await picture.locator('svg').getAttribute('aria-label'), /memgraph-1: ◆ SYNC replica, does not answer.*writes fail/);
  assert.equal(await picture.locator('.arrow.broken').count(), 2); // writes, and replication
  assert.match(await page.locator('#explain').innerText(), /no a client wrote now: would it be acknowledged\?\s*▲ no memgraph-0 died now: would memgraph-1 take over/);
  const { explain } = await (await fetch(`${(await s.controller()).http}/api/v1/overview`)).json();
  assert.equal(explain.failover.possible, false);
  const unmet = explain.failover.conditions.find((c) => !c.holds).value;
  assert.ok((await state()).includes(`Why not: ${unmet.slice(0, 30)}`), unmet);
  await page.setViewportSize({ width: 960, height: 800 });
  await screenshot(page, 'page-refusal', 860);

  await page.fill('#token', TOKEN);
  await page.click('button[name=degrade]');
  assert.match(await page.locator('#confirm').innerText(),
    /Let memgraph-0 serve alone\?[\s\S]*on one pod. If it dies before memgraph-1 is back and has caught up, nobody takes over/);
  await page.keyboard.press('Escape');
  await act(page, 'degrade', /Done: memgraph-0 serves alone until memgraph-1 is back/);
  await says(page, /memgraph-0 is main; memgraph-1 would take over now: no/, 10_000, '#state .sentence');
  await says(page, /By decision memgraph-0 serves without a SYNC replica: a write is on one pod alone/);
  assert.match(await picture.textContent(), /✔ writes/);

  // The main is lost, too: the others' registrations are not known then, not missing.
  await s.control('stop-pod', 'memgraph-0');
  await says(page, /Writes wait: no connection to memgraph-0/, 10_000, '#state .sentence');
  await says(page, /What helps: memgraph-0 comes back: it has every acknowledged write. Only if that is impossible: memgraph-controller failover --accept-data-loss/);
  await waitFor('nothing is said of what is not known', async () => /not known now/.test(await picture.textContent()));
  assert.doesNotMatch(await page.locator('body').innerText(), /not registered|By decision/);
  await screenshot(page, 'page-main-lost');
  await s.control('start-pod', 'memgraph-0');
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
  await page.press('#token', 'Enter'); // asks for nothing
  assert.equal(await page.locator('#confirm').isVisible(), false);
  await page.click('button[name=switchover]');
  assert.match(await page.locator('#confirm').innerText(), /Switch over to memgraph-1\?[\s\S]*No acknowledged write is lost[\s\S]*memgraph-0 would hand over to memgraph-1/);
  await screenshot(page, 'page-confirm');
  await page.click('#confirm-yes');
  await waitFor('it is refused', async () => /Refused: this is not the token/.test(await result.innerText()));

  await page.fill('#token', TOKEN);
  await page.click('button[name=switchover]');
  await page.keyboard.press('Escape'); // no
  assert.equal((await s.record()).request, '');
  await act(page, 'switchover', /Done: memgraph-1 is main, epoch 2/);
  await isGood(page);
  assert.match(await sentence(page), /memgraph-1 is main/);
  assert.equal((await s.main()).name, 'memgraph-1');

  await act(page, 'pause', /Done: paused until [\d:]+ \((59|60) min from now\)/);
  await says(page, /Decisions are paused by dashboard until .*: if the main dies, nobody takes over/);
  assert.doesNotMatch(await page.locator('body').innerText(), /\d{13}/); // as the record has it
  await act(page, 'resume', /Done: resumed/);
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
  await says(page, /The connection to the controller is lost. This picture is [\d.]+ s old/, 15_000);
  assert.match(await page.title(), /connection lost/);
  await screenshot(page, 'page-lost');
  await s.control('start', 'controller-0');
  await waitFor('it is live again', async () =>
    /live/.test(await page.locator('#connection').innerText()) && !(await page.locator('#stale').isVisible()), 15_000);
  // Nobody else asks what the main holds, here.
  await says(page, /memgraph-0\s+main\s+✔ good\s+–\s+\d+ vertices, \d+ edges/, 10_000, '#pods');
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
