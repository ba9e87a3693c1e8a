// What is known afterwards of each transition, by the record, which outlives everybody; and the metric of it.
import assert from 'node:assert/strict';

import { change, cluster, formed, writesOn } from './cluster.mjs';
import { test, waitFor } from './harness.mjs';

const env = { LEASE_DURATION: '3s', LEASE_RENEW_DEADLINE: '2s', LEASE_RETRY_PERIOD: '500ms' };
const PHASES = ['decide', 'record', 'fence', 'promote', 'touch', 'open'];
const history = async (s, index = 0) => (await s.status(index, '/api/v1/history')).transitions;

// The entry of an epoch that was begun after this one, once its first answer has come.
const felt = (s, kind, after) => waitFor(`clients were answered after the ${kind}`, async () =>
  (await history(s)).find((h) => h.kind === kind && h.epoch > after && Number.isInteger(h.clients?.ms.firstAnswer)));

test('every kind of transition: its phases, what clients felt, the reason; kept by the record', async (t) => {
  const s = await cluster(t, { controllers: 2, env });
  const load = s.writer({ pauseMs: 1, failPauseMs: 1 });
  await writesOn(load);
  const epoch = async () => Number((await s.record()).epoch);

  const entries = [await felt(s, 'initial', 0)];
  for (const kind of ['refresh', 'switchover']) {
    const before = await epoch();
    await change(s, kind);
    await writesOn(load);
    entries.push(await felt(s, kind, before));
    await formed(s);
  }
  const lost = async (how) => {
    const before = await epoch();
    await how();
    await writesOn(load);
    entries.push(await felt(s, 'failover', before));
  };
  await lost(() => s.control('kill', 'main'));
  await formed(s);
  await lost(() => s.admin('failover', { acceptDataLoss: true })); // its old main may wait for a rebuild
  await load.stop();

  const reasons = [/both of the pair are empty mains/, /an operator asks for it/, /hands over: an operator asks for it/,
    /its process is gone; memgraph-0 holds every acknowledged write/, /an operator forces it/];
  for (const [i, entry] of entries.entries()) {
    const what = JSON.stringify(entry);
    assert.match(entry.why, reasons[i]);
    assert.deepEqual(Object.keys(entry.ms), PHASES);
    assert.ok(entry.ms.open >= entry.ms.promote && (entry.ms.promote >= entry.ms.fence || entry.kind === 'initial'), what);
    assert.ok(entry.ms.open > 0 && entry.ms.touch > 0 && entry.ms.open < 10_000, what);
    assert.equal(Date.parse(entry.at) - Date.parse(entry.since), entry.ms.open, what);
    const { sessionsCut, parkedMost, shutMs, ms } = entry.clients;
    assert.ok(ms.route >= ms.shut && ms.firstAnswer >= ms.route && shutMs >= 0, what);
    // Of a main that died the sessions broke by themselves: some are cut before that, or none.
    assert.ok(entry.kind === 'switchover' ? sessionsCut > 0 : entry.kind === 'failover' || sessionsCut === 0, what);
    assert.ok(sessionsCut <= 4, what);
    assert.ok(parkedMost <= 4, what);
  }

  // Both controllers know the same once each has written its part down; and one that has just started.
  const before = await waitFor('both have written what their clients felt', async () => {
    const parts = JSON.parse((await s.record()).clients);
    const all = await history(s);
    for (const { epoch: n } of entries) assert.ok(parts[n]['controller-0'], `${n}`);
    assert.deepEqual(await history(s, 1), all);
    return all;
  }, 20_000);
  const leading = await waitFor('a leader', async () => {
    for (const i of [0, 1]) if ((await s.status(i, '/api/v1/leadership')).leader) return `${i}`;
  });
  await s.control('kill', `controller-${leading}`);
  await waitFor('it is back', async () => (await history(s, Number(leading))).length > 0);
  const after = await history(s, Number(leading));
  assert.deepEqual(after.slice(-before.length), before);
  const { http } = await s.controller(Number(leading));
  const page = await (await fetch(`${http}/metrics`)).text();
  const last = after.find((h) => h.kind === 'failover');
  assert.ok(page.includes(`memgraph_controller_last_transition_timestamp_seconds{kind="failover"} ${
    (Date.parse(last.at) / 1000).toFixed(3)}\n`), 'Prometheus is told of a failover by who was not there');
});

test('twenty are kept, each within its bound', async (t) => {
  const s = await cluster(t);
  for (let i = 0; i < 21; i++) await change(s, 'refresh');
  const list = await history(s);
  assert.equal(list.length, 20);
  assert.deepEqual(list.map((h) => h.epoch), list.map((_, i) => list[0].epoch - i));
  assert.equal(list[0].epoch, Number((await s.record()).epoch));
  assert.ok((await s.record()).history.length < 20 * 640);
});
