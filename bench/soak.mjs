// The gateway between a crowd of clients and two servers, while its route changes all the time. Ends
// with an error when a byte was wrong, a stream ended early or got stuck, a descriptor or memory leaked.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { Asked, freePort } from './relays.mjs';

const number = (name, fallback) => Number(process.env[name] || fallback);
const duration = number('DURATION_S', 600);
const sessions = number('SESSIONS', 2000);
const workers = number('WORKERS', 2);
const seed = number('SEED', Math.floor(Math.random() * 1e6));
const program = (name) => join(process.env.BUILD, 'bench', name);

let state = seed;
const draw = (below) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};
const pause = (ms) => new Promise((resolve) => { setTimeout(resolve, ms); });

async function startServer() {
  const port = await freePort();
  const server = new Asked([program('bench-load'), 'serve', '127.0.0.1', port]);
  await server.line();
  return { server, port };
}

const servers = [await startServer(), await startServer()];
const port = await freePort();
const gateway = new Asked([program('bench-gateway'), port, servers[0].port, workers, servers[1].port]);
await gateway.line();
const before = await gateway.ask('stats');
const resident = () =>
  Number(readFileSync(`/proc/${gateway.process.pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)[1]);

// One change of the route, and the way back to normal.
async function change() {
  switch (draw(6)) {
    case 0: return [await gateway.ask('cut')];
    case 1: return [await gateway.ask(`forward ${draw(2)}`)];
    case 2: {
      const parked = await gateway.ask('park');
      await pause(draw(200));
      return [parked, await gateway.ask(`forward ${draw(2)}`)];
    }
    default: {
      const held = await gateway.ask('hold');
      await pause(draw(100));
      return [held, await gateway.ask(draw(8) ? 'release' : `forward ${draw(2)}`)];
    }
  }
}

console.log(`soak: ${duration} s, ${sessions} sessions, ${workers} workers, seed ${seed}`);
const crowd = new Asked([program('bench-load'), 'crowd', '127.0.0.1', port, sessions, duration, seed]);
const memory = [];
let changes = 0, cut = 0, slowest = 0;
const end = Date.now() + duration * 1000;
for (let sample = Date.now(); !crowd.over && Date.now() < end + 5000;) {
  await pause(50 + draw(900));
  for (const answer of await change()) {
    changes++;
    cut += answer.cut;
    slowest = Math.max(slowest, answer.in_force_us);
  }
  if (Date.now() - sample > Math.min(2000, duration * 20)) {
    sample = Date.now();
    memory.push(resident());
  }
}
const result = JSON.parse(await crowd.line());
await crowd.ended;
let after;
for (let tries = 0; tries < 200; tries++) {
  after = await gateway.ask('stats');
  if (after.active + after.parked === 0 && after.fds <= before.fds + 8 * workers) break;
  await pause(50);
}
for (const one of [gateway, ...servers.map((s) => s.server)]) await one.stop();

const third = Math.ceil(memory.length / 3);
const early = Math.max(...memory.slice(0, third * 2)), late = Math.max(...memory.slice(-third));
console.log(JSON.stringify({ ...result, changes, cut, slowest_change_us: slowest, sessions: after.sessions,
  descriptors: [before.fds, after.fds], resident_kib: { early, late, samples: memory.length } }));
const faults = [
  [result.wrong, 'wrong bytes'], [result.early_ends, 'streams that ended early'], [result.stuck, 'stuck sessions'],
  [after.active + after.parked, 'sessions left'],
  [after.fds > before.fds + 8 * workers, 'descriptors leaked'], // each worker keeps four pipes
  [late > early * 1.1 + 1024, 'memory grew'], [result.finished === 0, 'nothing finished'],
].filter(([bad]) => bad);
for (const [count, what] of faults) console.error(`soak: ${what}: ${count}`);
process.exit(faults.length ? 1 : 0);
