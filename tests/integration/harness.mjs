// The harness of the integration tests: a sandbox of its own for each test, and the clients.
//
//   import { test, sandbox, waitFor } from './harness.mjs';
//
//   test('the main dies', async (t) => {
//     const s = await sandbox(t, { controllers: 1 });
//     await s.ready();                              // every pod Ready
//     const load = s.writer();                      // writes through the gateway, all the time
//     await waitFor('first writes', () => load.acknowledged.length > 10);
//     await s.control('kill', 'main');
//     await waitFor('writes again', () => load.acknowledgedSince(s.lastCommandAt) > 10);
//     await load.stop();
//     await load.check(await s.pod('memgraph-1')); // nothing acknowledged is lost
//   });
//
// The sandbox ends with its test, however that ends. KEEP=1 leaves its directory (logs, volumes).
// MEMGRAPH=PATH: every sandbox runs that server, with --netns.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import readline from 'node:readline';
import nodeTest from 'node:test';
import { fileURLToPath } from 'node:url';

import neo4j from 'neo4j-driver';

import { Writer } from './writer.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
export const build = path.resolve(root, process.env.BUILD ?? 'build');

const memgraph = process.env.MEMGRAPH ? path.resolve(root, process.env.MEMGRAPH) : undefined;

// Options of tests that not every machine or server can do: test(name, needsNetns, async (t) => ...).
export const needsNetns = { skip: namespacesAreHad() ? false : 'network namespaces are not to be had (root?)' };
// what: of the simulated server alone.
export const needsSimulated = (what) => ({ skip: memgraph ? `the simulated server alone has ${what}` : false });

const NET_FIRST = 30;
const NET_LAST = 99;
let netNext = NET_FIRST + (process.pid * 7) % (NET_LAST - NET_FIRST + 1);

export const delay = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

function namespacesAreHad() {
  const link = ['ip', 'link', 'add', 'one', 'type', 'veth', 'peer', 'name', 'other'];
  return process.getuid() === 0 && spawnSync('unshare', ['--net', ...link]).status === 0;
}

// Every test has a limit, so that one that hangs does not take the others with it.
export function test(name, options, body) {
  if (typeof options === 'function') [options, body] = [{}, options];
  return nodeTest(name, { timeout: 60_000, ...options }, body);
}

// Asks again and again until the condition gives something true, and returns that. A condition that
// throws is not true yet; the last error is in the message when time is up.
export async function waitFor(what, condition, limitMs = 10_000) {
  const end = performance.now() + limitMs;
  let last;
  for (;;) {
    try {
      const value = await condition();
      if (value) return value;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (performance.now() > end) {
      throw new Error(`not within ${limitMs} ms: ${what}${last ? ` (${last.message})` : ''}`);
    }
    await delay(20);
  }
}

export function driver(url, config = {}) {
  return neo4j.driver(url, neo4j.auth.none(), {
    disableLosslessIntegers: true,
    telemetryDisabled: true,
    maxTransactionRetryTime: 0,
    connectionTimeout: 5_000,
    connectionAcquisitionTimeout: 10_000,
    ...config,
  });
}

// Starts a sandbox for this test. Options:
//   pods (3), controllers (0), env {KEY: VALUE} of the controllers, args [...] more options of
//   `sandbox run`, restart (false: a controller that ends stays down), restartDelay ('200ms'),
//   graceSeconds (2), netns (false), memgraph, controller: other programs.
export async function sandbox(t, options = {}) {
  for (let tries = NET_LAST - NET_FIRST + 1; tries > 0; tries--) {
    const net = netNext;
    netNext = net === NET_LAST ? NET_FIRST : net + 1;
    const s = new Sandbox(net, options);
    if (await s.started()) {
      t.after(() => s.stop());
      return s;
    }
    if (!/in use/.test(s.errors)) throw new Error(`sandbox: ${s.errors || 'ended at once'}`);
  }
  throw new Error(`no free net from ${NET_FIRST} to ${NET_LAST}`);
}

class Sandbox {
  constructor(net, options) {
    this.net = net;
    this.controlUrl = `http://127.${net}.0.1:6444`;
    this.apiUrl = `http://127.${net}.0.1:6443`;
    this.events = []; // what the sandbox told: {time, subject, event, text}
    this.errors = '';
    this.drivers = [];
    this.writers = [];
    this.process = spawn(path.join(build, 'sandbox'), argumentsOf(net, options), {
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    this.exited = once(this.process, 'exit');
    this.process.stderr.on('data', (data) => { this.errors += data; });
    this.process.stdin.on('error', () => {}); // it has ended
    readline.createInterface({ input: this.process.stdout })
      .on('line', (line) => this.events.push(JSON.parse(line)));
  }

  // False: it ended, most likely because somebody else has these addresses.
  async started() {
    await waitFor('the sandbox takes commands', async () => {
      if (this.process.exitCode !== null) return true;
      const state = await this.state();
      if (state.pid === this.process.pid) this.info = state;
      return this.info;
    });
    return this.info !== undefined;
  }

  async state() {
    const answer = await fetch(`${this.controlUrl}/sandbox/state`);
    return answer.json();
  }

  // s.control('kill', 'main'); gives the text of the answer, throws when it is a no.
  async control(command, ...args) {
    const url = `${this.controlUrl}/sandbox/${command}?args=${encodeURIComponent(args.join(' '))}`;
    this.lastCommandAt = performance.now();
    const answer = await (await fetch(url, { method: 'POST' })).json();
    if (!answer.ok) throw new Error(`${command} ${args.join(' ')}: ${answer.error}`);
    return answer.text;
  }

  // The pod as the sandbox sees it: {name, uid, ip, bolt, pid, phase, ready, frozen, ...}.
  async pod(name) {
    const pod = (await this.state()).pods.find((p) => p.name === name);
    if (!pod) throw new Error(`no pod ${name} now`);
    return pod;
  }

  async controller(index = 0) {
    return (await this.state()).controllers[index];
  }

  // Every pod is Ready (the number that the StatefulSet wants now).
  async ready(limitMs = 15_000) {
    return waitFor('all pods are Ready', async () => {
      const { pods } = await this.state();
      const set = await this.kube('GET', '/apis/apps/v1/namespaces/default/statefulsets/memgraph');
      return pods.length === set.body.spec.replicas && pods.every((p) => p.ready) && pods;
    }, limitMs);
  }

  // A request to the API server: {status, body}.
  async kube(method, target, body, headers = {}) {
    const type = method === 'PATCH' ? 'application/merge-patch+json' : 'application/json';
    const answer = await fetch(this.apiUrl + target, {
      method,
      headers: { authorization: `Bearer ${this.info.token}`, 'content-type': type, ...headers },
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await answer.text();
    const json = answer.headers.get('content-type') === 'application/json';
    return { status: answer.status, body: json ? JSON.parse(text) : text };
  }

  // A watch: {lines: [...], ended: Promise, stop()}; lines grow while it is open.
  async watch(target) {
    const abort = new AbortController();
    const answer = await fetch(this.apiUrl + target, {
      headers: { authorization: `Bearer ${this.info.token}` },
      signal: abort.signal,
    });
    const watch = { status: answer.status, lines: [], stop: () => abort.abort() };
    watch.ended = (async () => {
      let text = '';
      try {
        for await (const chunk of answer.body) {
          text += Buffer.from(chunk).toString();
          const lines = text.split('\n');
          text = lines.pop();
          watch.lines.push(...lines.map((line) => JSON.parse(line)));
        }
        return 'complete';
      } catch {
        return 'cut';
      }
    })();
    return watch;
  }

  // The record's keys; undefined: there is none yet.
  async record() {
    const { status, body } =
      await this.kube('GET', '/api/v1/namespaces/default/configmaps/memgraph-state');
    return status === 200 ? body.data : undefined;
  }

  // The pod that the record names as main.
  async main() {
    const record = await this.record();
    if (!record) throw new Error('there is no record yet');
    return this.pod(`memgraph-${record.targetMainIndex}`);
  }

  // GET /status of a controller (or another path).
  async status(index = 0, target = '/status') {
    const { http } = await this.controller(index);
    const answer = await fetch(http + target, { signal: AbortSignal.timeout(5_000) });
    return answer.json();
  }

  // What an operator asks of a controller: s.admin('switchover'), s.admin('rebuild/memgraph-2').
  async admin(action, body = {}, index = 0) {
    const { http } = await this.controller(index);
    this.lastCommandAt = performance.now();
    const answer = await fetch(`${http}/api/v1/admin/${action}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${this.info.token}` },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(10_000),
    });
    const json = await answer.json();
    if (answer.status !== 202) throw new Error(`${action}: ${answer.status} ${json.error}`);
    return json;
  }

  // Drivers end with the sandbox.
  driver(url, config) {
    const d = driver(url, config);
    this.drivers.push(d);
    return d;
  }

  gateway(index = 0, config = {}) {
    return this.driver(this.info.controllers[index].gateway, config);
  }

  readGateway(index = 0, config = {}) {
    return this.driver(this.info.controllers[index].readGateway, config);
  }

  // One query straight to a pod, with a connection of its own: an array of plain objects.
  async query(podName, text, parameters = {}) {
    const pod = await this.pod(podName);
    return queryOnce(pod.bolt, text, parameters);
  }

  async role(podName) {
    const [row] = await this.query(podName, 'SHOW REPLICATION ROLE');
    return Object.values(row)[0];
  }

  // A load of writes through a gateway (of controller `index`, or any Bolt url).
  writer({ index = 0, url = this.info.controllers[index].gateway, ...options } = {}) {
    const writer = new Writer(driver, url, options);
    this.writers.push(writer);
    return writer;
  }

  // What a pod ("memgraph-0", "memgraph-0.server") or a controller has logged so far.
  async log(name) {
    return readFile(path.join(this.info.directory, 'logs', `${name}.log`), 'utf8');
  }

  event(subject, what) {
    return this.events.filter((e) => e.subject === subject && e.event === what);
  }

  async stop() {
    for (const writer of this.writers) await writer.stop();
    for (const d of this.drivers) await d.close().catch(() => {});
    if (process.env.KEEP) console.error(`kept: ${this.info.directory}`);
    if (this.process.exitCode === null && this.process.signalCode === null) {
      this.process.stdin.end('quit\n');
      const late = setTimeout(() => this.process.kill('SIGABRT'), 8_000);
      const [code, signal] = await this.exited;
      clearTimeout(late);
      // A sanitizer that found something says so by its status, too.
      if (code !== 0) throw new Error(`sandbox ended with ${signal ?? code}: ${this.errors}`);
    }
  }
}

export async function queryOnce(url, text, parameters = {}) {
  const d = driver(url);
  try {
    const session = d.session();
    const { records } = await session.run(text, parameters);
    await session.close();
    return records.map((record) => record.toObject());
  } finally {
    await d.close();
  }
}

function argumentsOf(net, options) {
  const list = ['run', `--net=${net}`, `--pods=${options.pods ?? 3}`,
    `--controllers=${options.controllers ?? 0}`, `--grace=${options.graceSeconds ?? 2}`,
    `--restart-delay=${options.restartDelay ?? '200ms'}`];
  for (const [key, value] of Object.entries(options.env ?? {})) list.push(`--env=${key}=${value}`);
  if (options.restart === false) list.push('--no-controller-restart');
  if (options.netns || memgraph) list.push('--netns');
  if (options.memgraph ?? memgraph) list.push(`--memgraph=${options.memgraph ?? memgraph}`);
  if (options.controller) list.push(`--controller=${options.controller}`);
  if (process.env.KEEP) list.push('--keep');
  return [...list, ...(options.args ?? [])];
}
