// What planned changes cost the clients of the write gateway: the official driver writes in four
// sessions all the time. A gap is the longest time without an acknowledged write around the change.
import assert from 'node:assert/strict';
import test from 'node:test';

import { change, checkWhole, cluster, cuts, formed, refused, rollingRestart, writesOn } from '../tests/integration/cluster.mjs';
import { waitFor } from '../tests/integration/harness.mjs';
import { table } from './table.mjs';

const runs = Number(process.env.RUNS);
const few = Math.max(1, Math.round(runs / 10));
const what = process.env.WHAT.split(' ');
const SESSIONS = 4;

async function begin(t) {
  const s = await cluster(t, {
    args: ['--prestop', '--init', '--ordered'],
    graceSeconds: 30,
    env: { REPLICATION_MODE: process.env.MODE ?? 'auto' },
  });
  const load = s.writer({ sessions: SESSIONS, pauseMs: 1, failPauseMs: 1 });
  await writesOn(load);
  return { s, load };
}

async function end(s, load, title, rows) {
  const outcomes = await checkWhole(s, load);
  console.log(`\n${table(title, rows)}`);
  console.log(`\nacknowledged ${outcomes.acknowledged}, refused ${outcomes.refused}, unknown ${outcomes.unknown}, ` +
    `acknowledged and lost 0, sessions cut ${await cuts(s)}, refused registrations ${await refused(s)}\n`);
}

// `runs` changes of one kind by request, one after the other.
async function changes(t, action, { mayCut }) {
  const { s, load } = await begin(t);
  const rows = { 'gap of the clients': [], 'gate closed': [] };
  for (let i = 0; i < runs; i++) {
    const { askedAt, entry } = await change(s, action);
    await writesOn(load, 5);
    rows['gap of the clients'].push(load.gapAroundMs(askedAt));
    rows['gate closed'].push(entry.ms.open);
    await formed(s);
  }
  if (!mayCut) assert.equal(await cuts(s), 0);
  await end(s, load, `${action} (ms, ${runs} runs)`, rows);
}

const benches = {
  switchover: (t) => changes(t, 'switchover', { mayCut: true }),
  refresh: (t) => changes(t, 'refresh', { mayCut: false }),

  // Every pod is replaced, each with its preStop hook and its init container.
  async rolling(t) {
    const { s, load } = await begin(t);
    const rows = { 'longest gap': [], 'all pods are new': [] };
    let switchovers = 0;
    for (let i = 0; i < few; i++) {
      const from = performance.now();
      const { epoch } = await s.record();
      await rollingRestart(s);
      rows['all pods are new'].push(performance.now() - from);
      rows['longest gap'].push(load.longestGapMs(from));
      const kinds = JSON.parse((await s.record()).history)
        .filter((h) => h.epoch > Number(epoch)).map((h) => h.kind);
      assert.ok(!kinds.includes('failover'), kinds.join(' '));
      switchovers += kinds.filter((kind) => kind === 'switchover').length;
      await writesOn(load, 5);
    }
    console.log(`switchovers: ${switchovers}, sessions: ${SESSIONS}`);
    await end(s, load, `rolling restart (ms, ${few} runs)`, rows);
  },

  // SIGSTOP; the old main is thawed afterwards, fenced, and joins again or is rebuilt.
  async frozen(t) {
    const { s, load } = await begin(t);
    const rows = { 'gap of the clients': [] };
    for (let i = 0; i < few; i++) {
      const { name } = await s.main();
      await s.control('freeze', name);
      const frozenAt = s.lastCommandAt;
      await waitFor('another main', async () => (await s.main()).name !== name);
      await writesOn(load, 5);
      rows['gap of the clients'].push(load.gapAroundMs(frozenAt));
      await s.control('thaw', name);
      await formed(s, { limitMs: 60_000 });
    }
    await end(s, load, `frozen main (ms, ${few} runs)`, rows);
  },
};

for (const name of what) {
  assert.ok(benches[name], `bench/planned: there is no ${name}`);
  test(name, { timeout: runs * 20_000 }, benches[name]);
}
