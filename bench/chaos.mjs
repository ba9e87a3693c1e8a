// Random faults under writes for a while, then healing: nothing acknowledged may be lost.
//   bench/chaos      with DURATION_S=60 MODE=auto|sync SEED=n in the environment
import assert from 'node:assert/strict';
import test from 'node:test';

import { checkWhole, cluster, formed, refused, writesOn } from '../tests/integration/cluster.mjs';
import { delay } from '../tests/integration/harness.mjs';

const seconds = Number(process.env.DURATION_S ?? 60);
const seed = Number(process.env.SEED ?? Date.now() % 1_000_000);
const mode = process.env.MODE ?? 'auto';

// mulberry32: small, seeded.
function generator(state) {
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const random = generator(seed);
const pick = (list) => list[Math.floor(random() * list.length)];
const pods = ['memgraph-0', 'memgraph-1', 'memgraph-2'];

const faults = {
  kill: async (s) => s.control('kill', pick(pods)),
  'kill two': async (s) => { const p = pick(pods); await s.control('kill', p); await s.control('kill', pick(pods.filter((x) => x !== p))); },
  'kill all': async (s) => { for (const p of pods) await s.control('kill', p); },
  restart: async (s) => s.control('restart', pick(pods)),
  delete: async (s) => s.control('delete', pick(pods), pick([0, 1])),
  // In SYNC mode not the main: thawed, it may hold commits that nobody else has, and is rightly refused then.
  freeze: async (s) => { const { name } = await s.main(); const p = pick(pods.filter((x) => mode !== 'sync' || x !== name)); await s.control('freeze', p); await delay(500 + random() * 5000); await s.control('thaw', p); },
  'kill a controller': async (s) => s.control('kill', pick(['controller-0', 'controller-1'])),
  'stop a controller': async (s) => { const c = pick(['controller-0', 'controller-1']); await s.control('term', c); await delay(300); await s.control('start', c); },
  // By plan: all of it may meet a cluster that cannot do it now, and is refused then.
  switchover: async (s) => s.admin('switchover', {}, pick([0, 1])),
  refresh: async (s) => s.admin('refresh', {}, pick([0, 1])),
  rebuild: async (s) => s.admin('rebuild/memgraph-2', {}, pick([0, 1])),
  rollout: async (s) => s.control('rollout', pick(['restart', 'undo'])),
  evict: async (s) => s.control('evict', pick(pods)),
  drain: async (s) => { const p = pick(pods); await s.control('drain', p); await delay(random() * 4000); await s.control('uncordon', p); },
  'node lost': async (s) => { const p = pick(pods); await s.control('node', `down ${p}`); await s.control('delete', p, pick([0, 1])); await delay(random() * 3000); await s.control('node', `up ${p}`); },
  'API away': async (s) => { await s.control('api', 'down'); await delay(200 + random() * 3000); await s.control('api', 'up'); },
};

test(`chaos, ${mode}, seed ${seed}, ${seconds} s`, { timeout: (seconds + 120) * 1000 }, async (t) => {
  const env = { REPLICATION_MODE: mode, LEASE_DURATION: '3s', LEASE_RENEW_DEADLINE: '2s', LEASE_RETRY_PERIOD: '500ms' };
  const s = await cluster(t, { pods: pods.length, controllers: 2, env, args: ['--no-backoff', '--prestop', '--init'], restartDelay: '100ms', graceSeconds: 10 });
  const loads = [s.writer({ index: 0, failPauseMs: 5 }), s.writer({ index: 1, failPauseMs: 5 })];
  const done = {};
  const end = performance.now() + seconds * 1000;
  while (performance.now() < end) {
    const name = pick(Object.keys(faults));
    try {
      await faults[name](s);
    } catch (error) {
      if (!/does not run|no pod|no such|frozen|already|not running|is gone|there is no|not possible|fetch failed|: 40[39] |: 503 |HTTP 4|last revision/i.test(error.message)) throw error;
    }
    done[name] = (done[name] ?? 0) + 1;
    if (random() < 0.7) await delay(random() * 1500);
    else await formed(s, { limitMs: 60_000 }).catch((error) => { console.log(error.message); throw error; });
  }
  await formed(s, { limitMs: 60_000 });
  await Promise.all(loads.map((load) => writesOn(load)));
  await loads[1].stop();
  const outcomes = [await checkWhole(s, loads[0]), await loads[1].check(await s.main())];
  const history = JSON.parse((await s.record()).history);
  console.log(JSON.stringify({ seed, mode, done, outcomes, epoch: (await s.record()).epoch, refused: await refused(s), kinds: history.map((h) => h.kind).join(' ') }));
  assert.equal(await refused(s), 0);
});
