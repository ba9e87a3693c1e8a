// Runs every row for every relay, in turn, round after round, each relay freshly started, and
// prints medians as a table in Markdown. bench/README.md says how to read it.
import { join } from 'node:path';

import { Asked, Relay, freePort, relayNames } from './relays.mjs';

const number = (name, fallback) => Number(process.env[name] || fallback);
const rounds = number('ROUNDS', 5);
const seconds = number('SECONDS_EACH', 1.5);
const mib = number('BULK_MIB', 400);
const slowMib = number('SLOW_MIB', 2048);
const crowd = number('IDLE', 9000);
const workersList = (process.env.WORKERS || '1 2').split(' ').map(Number);
const onlyRows = new RegExp(process.env.ROWS || '.');
const relays = relayNames.filter((name) => new RegExp(process.env.RELAYS || '.').test(name));
const rivals = ['haproxy', 'nginx', 'go'];
const load = join(process.env.BUILD, 'bench/bench-load');

const median = (list) => {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted.length ? sorted[Math.floor(sorted.length / 2)] : NaN;
};

async function runLoad(args) {
  const process_ = new Asked([load, ...args]);
  const line = await process_.line();
  const code = await process_.ended;
  if (!line) throw new Error(`load ${args.join(' ')}: exit ${code}`);
  const result = JSON.parse(line);
  if (result.errors) throw new Error(`load ${args.join(' ')}: ${line}`);
  return result;
}

// A load, and the CPU seconds of the relay and of client, server and relay together that it took.
async function runCounted(relay, args) {
  const before = [relay.cpuSeconds(), server.cpuSeconds()];
  const result = await runLoad(args);
  const cpu = relay.cpuSeconds() - before[0];
  return { result, cpu, all: cpu + server.cpuSeconds() - before[1] + result.cpu_us / 1e6 };
}

// A row measures one relay once: {value, cpu, all, ...}; CPU is for one unit of work.
const bulkRow = (direction) => ({
  name: `bulk ${direction}, 8 streams`, unit: 'MiB/s', cpuUnit: 's/GiB', bulk: true, goal: 1, cpuGoal: 0.9,
  async measure(relay) {
    const { result, cpu, all } = await runCounted(relay, ['bulk', '127.0.0.1', relay.port, direction, 8, mib]);
    const gib = (8 * mib) / 1024;
    return { value: result.mib_per_s, cpu: cpu / gib, all: all / gib };
  },
});

const each = ({ result, cpu, all }) => ({ value: result.per_s, cpu: (cpu * 1e6) / result.all,
  all: (all * 1e6) / result.all, p50: result.p50_us, p99: result.p99_us });

const pingRow = (size, connections) => ({
  name: `ping ${size} B, ${connections} connection${connections === 1 ? '' : 's'}`, unit: '/s',
  cpuUnit: 'µs each', goal: connections === 1 ? 1 : 1.1, p99: true,
  async measure(relay) {
    return each(await runCounted(relay, ['ping', '127.0.0.1', relay.port, connections, size, seconds]));
  },
});

const churnRow = {
  name: 'connect, exchange, close', unit: '/s', cpuUnit: 'µs each', goal: 1, p99: true,
  async measure(relay) {
    return each(await runCounted(relay, ['churn', '127.0.0.1', relay.port, 64, seconds]));
  },
};

const rows = [bulkRow('up'), bulkRow('down'), ...[64, 1024].flatMap((size) =>
  [1, 64, 1000].map((connections) => pingRow(size, connections))), churnRow]
  .filter((row) => onlyRows.test(row.name));

async function measureOnce(row, name, upstream, workers) {
  const relay = await Relay.start(name, upstream, workers);
  try {
    return await row.measure(relay);
  } finally {
    await relay.stop();
  }
}

// The gateway with the others' congestion control differs in bulk.
const measured = (row, name) => row.bulk || name !== 'gateway*';

// results[row][relay] = list over the rounds
async function measureAll(upstream, workers) {
  const results = rows.map(() => Object.fromEntries(relays.map((name) => [name, []])));
  for (let round = 0; round < rounds; round++) {
    for (const [i, row] of rows.entries()) {
      const some = relays.filter((name) => measured(row, name));
      const order = some.map((_, k) => some[(k + round) % some.length]);
      for (const name of order) results[i][name].push(await measureOnce(row, name, upstream, workers));
    }
    process.stderr.write(`workers ${workers}: round ${round + 1} of ${rounds}\n`);
  }
  return results;
}

const show = (x, unit) => (unit === '/s' || unit === 'MiB/s' ? x.toFixed(0) : x < 10 ? x.toFixed(2) : x.toFixed(1));

function printSpeeds(results, workers) {
  console.log(`\n${workers} worker${workers === 1 ? '' : 's'}, ${rounds} rounds, medians; ` +
    'ratio: the gateway to the best of the three\n');
  console.log(`| work | | ${relays.join(' | ')} | ratio | goal |\n|---|---|${relays.map(() => '---|').join('')}---|---|`);
  const line = (label, unit, pick, row, i, more, goal) => {
    const m = Object.fromEntries(relays.map((name) => [name, median(results[i][name].map(pick))]));
    const others = rivals.filter((name) => relays.includes(name)).map((name) => m[name]);
    const best = more ? Math.max(...others) : Math.min(...others);
    const cells = relays.map((name) => (!measured(rows[i], name) || (name === 'direct' && label.startsWith('CPU'))
      ? '' : show(m[name], unit)));
    console.log(`| ${row} | ${label} | ${cells.join(' | ')} | ${(m.gateway / best).toFixed(2)} | ${goal} |`);
  };
  for (const [i, row] of rows.entries()) {
    line(row.unit, row.unit, (r) => r.value, row.name, i, true, `≥ ${row.goal}`);
    line(`CPU ${row.cpuUnit}`, row.cpuUnit, (r) => r.cpu, '', i, false, row.cpuGoal ? `≤ ${row.cpuGoal}` : '');
    line(`all three, CPU ${row.cpuUnit}`, row.cpuUnit, (r) => r.all, '', i, false, '');
    if (row.p99) line('p99 µs', 'µs', (r) => r.p99, '', i, false, '≤ 1');
  }
}

async function measureIdle(name, upstream, workers, second) {
  const relay = await Relay.start(name, upstream, workers, second);
  const out = { empty: relay.resident() };
  const clients = new Asked([load, 'idle', '127.0.0.1', relay.port, crowd]);
  if (await clients.line() !== 'ready') throw new Error(`${name}: no ${crowd} sessions`);
  out.full = relay.resident();
  out.errors = (await clients.ask('check')).errors;
  if (name === 'gateway') {
    const waiting = clients.ask('cut');
    const cut = await relay.asked.ask('forward 1'); // as in a failover: to another pod
    const seen = await waiting;
    out.cut = { ...cut, ...seen };
    await clients.stop();
    for (let tries = 0; tries < 100; tries++) {
      out.fds = (await relay.asked.ask('stats')).fds;
      if (out.fds < 64) break;
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  } else {
    await clients.stop();
  }
  await relay.stop();
  return out;
}

async function printIdle(upstream, workers, second) {
  const cuts = [];
  console.log(`\n${crowd} idle sessions, ${workers} worker${workers === 1 ? '' : 's'}\n`);
  console.log('| relay | resident before, KiB | with the sessions, KiB | bytes for each |\n|---|---|---|---|');
  for (const name of relays.filter((n) => n !== 'direct' && n !== 'gateway*')) {
    const one = await measureIdle(name, upstream, workers).catch((error) => ({ failure: error.message }));
    if (one.failure) console.log(`| ${one.failure} | | |`);
    else console.log(`| ${name} | ${one.empty} | ${one.full} | ${(((one.full - one.empty) * 1024) / crowd).toFixed(0)} |`);
    if (one.errors) throw new Error(`${name}: ${one.errors} idle sessions gave no answer`);
  }
  console.log(`\ncut of ${crowd} sessions, ms from the command\n`);
  console.log('| in force | last client told | next served | reset | left | descriptors after |\n|---|---|---|---|---|---|');
  for (let round = 0; round < rounds; round++) cuts.push(await measureIdle('gateway', upstream, workers, second));
  const ms = (pick) => (median(cuts.map((c) => pick(c.cut))) / 1000).toFixed(1);
  const worst = (pick) => Math.max(...cuts.map(pick));
  console.log(`| ${ms((c) => c.in_force_us)} | ${ms((c) => c.last_us - c.at_us)} | ${ms((c) => c.served_us - c.at_us)} ` +
    `| ${median(cuts.map((c) => c.cut.reset))} | ${worst((c) => c.cut.left + c.cut.ended)} | ${worst((c) => c.fds)} |`);
}

async function printSlow(upstream, workers) {
  console.log(`\n${slowMib} MiB each way through slow readers, ${workers} worker${workers === 1 ? '' : 's'}; every byte compared\n`);
  console.log('| relay | seconds | peak resident, KiB |\n|---|---|---|');
  for (const name of relays.filter((n) => n !== 'direct' && n !== 'gateway*')) {
    const relay = await Relay.start(name, upstream, workers);
    const result = await runLoad(['slow', '127.0.0.1', relay.port, slowMib]);
    console.log(`| ${name} | ${result.seconds} | ${relay.peak()} |`);
    await relay.stop();
  }
}

async function startServer() {
  const port = await freePort();
  const server = new Asked([load, 'serve', '127.0.0.1', port]);
  await server.line();
  return { server, port };
}

const { server, port } = await startServer();
const { server: secondServer, port: secondPort } = await startServer();
for (const workers of workersList) {
  if (rows.length) printSpeeds(await measureAll(port, workers), workers);
  if (onlyRows.test('idle')) await printIdle(port, workers, secondPort);
  if (onlyRows.test('slow')) await printSlow(port, workers);
}
await server.stop();
await secondServer.stop();
