// Kills the main again and again, under writes of the official driver, and measures what the
// clients see. The phases come from the record's history and from both clocks of this machine:
//   detect   kill to the broken connection that the controller sees
//   confirm  three refused connections: the process is gone (0, 5, 20 ms), and the decision
//   record   the write of the record to the (simulated) API server
//   promote  SET REPLICATION ROLE TO MAIN, with the poke
//   touch    the write that makes the epoch durable
//   client   from the open gate to the first acknowledged write: reconnection, log-on, write
import { readFile } from 'node:fs/promises';
import test from 'node:test';

import { checkWhole, cluster, formed, refused, writesOn } from '../tests/integration/cluster.mjs';
import { waitFor } from '../tests/integration/harness.mjs';
import { table } from './table.mjs';

const runs = Number(process.env.RUNS);

async function oneRun(s, load) {
  const main = await s.main();
  await writesOn(load, 5);
  const wallAtZero = Date.now() - performance.now();
  const killedAt = performance.now();
  process.kill(main.pid, 'SIGKILL');
  await waitFor('the record says so', async () => {
    const record = await s.record();
    return record.transition === '' && `memgraph-${record.targetMainIndex}` !== main.name;
  });
  const last = JSON.parse((await s.record()).history).filter((h) => h.kind === 'failover').at(-1);
  const detected = last.at - last.ms.open - wallAtZero; // on the clock of performance.now()
  await formed(s);
  // Answers of the dead main may still arrive after the kill; those of the new one come after the
  // gate was opened (the history's times are whole milliseconds).
  const openedAt = last.at - wallAtZero;
  const first = load.acknowledged.find((time) => time > openedAt - 1);
  return {
    total: first - killedAt,
    detect: detected - killedAt,
    confirm: last.ms.decide,
    record: last.ms.record - last.ms.decide,
    promote: last.ms.promote - last.ms.record,
    touch: last.ms.open - last.ms.promote,
    client: first - openedAt,
  };
}

test(`failover, ${runs} runs`, { timeout: runs * 20_000 }, async (t) => {
  const s = await cluster(t, { args: ['--no-backoff'], restartDelay: '500ms' });
  const idle = await readFile(`/proc/${(await s.controller()).pid}/status`, 'utf8');
  console.log(`resident memory of the idle controller: ${idle.match(/VmRSS:\s+(\d+)/)[1]} kB`);
  const load = s.writer({ sessions: 4, pauseMs: 1, failPauseMs: 1 });
  const results = [];
  for (let i = 0; i < runs; i++) results.push(await oneRun(s, load));
  const outcomes = await checkWhole(s, load);
  const rows = Object.fromEntries(Object.keys(results[0])
    .map((phase) => [phase, results.map((r) => Math.max(0, r[phase]))]));
  console.log(`\n${table(`phase (ms, ${runs} runs)`, rows)}`);
  console.log(`\nacknowledged ${outcomes.acknowledged}, refused ${outcomes.refused}, unknown ${outcomes.unknown}, ` +
    `acknowledged and lost 0, refused registrations ${await refused(s)}\n`);
});
