// Several controllers, and the API server away.
import assert from 'node:assert/strict';

import { checkWhole, cluster, cuts, formed, leader, writesOn } from './cluster.mjs';
import { test, waitFor } from './harness.mjs';

// A short lease, so that a test does not wait for the default's 15 s.
const env = { LEASE_DURATION: '3s', LEASE_RENEW_DEADLINE: '2s', LEASE_RETRY_PERIOD: '500ms', SHUTDOWN_GRACE: '200ms' };

test('both controllers route; the leader is killed -9: the second takes over and fails over', async (t) => {
  const s = await cluster(t, { controllers: 2, env, restart: false });
  const first = await leader(s);
  const other = 1 - first;
  const load = s.writer({ index: other });
  await writesOn(load);

  await s.control('kill', `controller-${first}`);
  await writesOn(load, 20);
  assert.equal(load.count('unknown') + load.count('refused'), 0, 'the follower\'s clients noticed');
  await waitFor('it leads', async () => (await s.status(other, '/api/v1/leadership')).leader);
  await s.control('kill', 'main');
  await writesOn(load);
  assert.equal((await s.status(other)).main, 'memgraph-1');
  await load.stop();
  await formed(s, { index: other });
  await load.check(await s.main());
});

test('the leader stops cleanly: the second leads within a second', async (t) => {
  const s = await cluster(t, { controllers: 2, restart: false });
  const first = await leader(s);
  const other = 1 - first;

  await s.control('term', `controller-${first}`);
  const from = s.lastCommandAt;
  await waitFor('it leads', async () => (await s.status(other, '/api/v1/leadership')).leader);
  const took = performance.now() - from;
  t.diagnostic(`took over after ${took.toFixed(0)} ms`);
  assert.ok(took < 1_000, `${took} ms`);
});

test('a failover by the leader carries the clients of the follower too', async (t) => {
  const s = await cluster(t, { controllers: 2, env });
  const loads = [s.writer({ index: 0 }), s.writer({ index: 1 })];
  await Promise.all(loads.map((load) => writesOn(load)));

  await s.control('kill', 'main');
  await Promise.all(loads.map((load) => writesOn(load)));
  const gaps = loads.map((load) => load.gapAroundMs(s.lastCommandAt));
  t.diagnostic(`gaps ${gaps.map((g) => g.toFixed(0)).join(' and ')} ms`);
  await loads[1].stop();
  await checkWhole(s, loads[0]);
  await loads[1].check(await s.main());
});

test('what the clients of all controllers felt outlives the controllers', async (t) => {
  const s = await cluster(t, { controllers: 2, env });
  const loads = [s.writer({ index: 0 }), s.writer({ index: 1 })];
  await Promise.all(loads.map((load) => writesOn(load)));
  await s.control('kill', 'main');
  await Promise.all(loads.map((load) => writesOn(load)));
  const felt = async () => (await s.status(0, '/api/v1/history')).transitions.find(({ kind }) => kind === 'failover').clients;
  const before = await waitFor('both have written it down', async () => {
    const { epoch } = (await s.status(0, '/api/v1/history')).transitions.find(({ kind }) => kind === 'failover');
    return Object.keys(JSON.parse((await s.record()).clients ?? '{}')[epoch] ?? {}).length === 2 && felt();
  });
  await Promise.all(loads.map((load) => load.stop()));
  for (const { name, pid } of (await s.state()).controllers) {
    await s.control('kill', name);
    await waitFor(`another ${name}`, async () =>
      (await s.state()).controllers.some((now) => now.name === name && now.pid && now.pid !== pid));
  }
  await formed(s);
  const after = await felt();
  assert.deepEqual(after, before);
  assert.equal(after.replicas.length, 2);
  assert.ok(after.ms.firstAnswer > 0, JSON.stringify(after)); // their sessions broke with their main, or were cut
});

test('the API server is away for 20 s: no client notices', { timeout: 90_000 }, async (t) => {
  const s = await cluster(t, { controllers: 2 });
  const load = s.writer();
  await writesOn(load);
  const before = await cuts(s);

  await s.control('api', 'down');
  const until = performance.now() + 20_000;
  await waitFor('20 s are over', () => performance.now() >= until, 25_000);
  await s.control('api', 'up');
  await writesOn(load);
  assert.equal(load.count('unknown') + load.count('refused'), 0);
  assert.ok(load.longestGapMs() < 1_000, `gap ${load.longestGapMs()} ms`);
  assert.equal(await cuts(s), before);
  await checkWhole(s, load);
});

test('the main dies while the API server is away: decided when it is back', { timeout: 90_000 }, async (t) => {
  const s = await cluster(t);
  const load = s.writer();
  await writesOn(load);

  await s.control('api', 'down');
  await s.control('stop-pod', 'memgraph-0');
  await waitFor('the loss is seen', async () => (await s.status()).gate.state === 'cut');
  await waitFor('it wants to decide, and cannot write that down', async () => {
    const { reason, leadership } = await s.status();
    return !leadership.leader || /the record/.test(reason);
  });
  assert.equal((await s.status()).main, 'memgraph-0');
  assert.equal(await s.role('memgraph-1'), 'replica');
  await s.control('api', 'up');
  await waitFor('failover', async () => (await s.status()).main === 'memgraph-1', 30_000);
  await writesOn(load);
  await s.control('start-pod', 'memgraph-0');
  await checkWhole(s, load);
});
