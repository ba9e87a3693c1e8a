// The relays that are measured side by side: how each is configured and started, and what it costs.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const build = process.env.BUILD;
const directory = mkdtempSync(join(tmpdir(), 'bench-'));
const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill();
  rmSync(directory, { recursive: true, force: true });
});

function file(name, text) {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
}

// Every command line; null: no relay. Each is set up for throughput, as its manual advises.
const commands = {
  direct: null,
  gateway: (port, upstream, workers, second) =>
    [join(build, 'bench/bench-gateway'), port, upstream, workers, second ?? upstream],
  'gateway*': (port, upstream, workers) => commands.gateway(port, upstream, workers), // see environments
  haproxy: (port, upstream, workers) => ['haproxy', '-db', '-f', file('haproxy.cfg', `
global
  nbthread ${workers}
  maxconn 9500
  maxpipes 400
defaults
  mode tcp
  option splice-auto
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend in
  bind 127.0.0.1:${port} backlog 4096
  default_backend out
backend out
  server one 127.0.0.1:${upstream}
`)],
  nginx: (port, upstream, workers) => ['nginx', '-c', file('nginx.conf', `
load_module /usr/lib/nginx/modules/ngx_stream_module.so;
daemon off;
user root;
worker_processes ${workers};
worker_rlimit_nofile 20000;
pid ${directory}/nginx.pid;
error_log stderr crit;
events { worker_connections 19900; }
stream {
  server {
    listen 127.0.0.1:${port} reuseport backlog=4096;
    proxy_pass 127.0.0.1:${upstream};
    proxy_half_close on;
  }
}
`)],
  go: (port, upstream) => [join(build, 'bench/bench-relay'), `127.0.0.1:${port}`, `127.0.0.1:${upstream}`],
};

// What a relay is started with, beside the command line.
const environments = {
  go: (workers) => ({ GOMAXPROCS: String(workers) }),
  'gateway*': () => ({ GATEWAY_TCP_CONGESTION: '' }), // the congestion control that all others have
};

export const relayNames = Object.keys(commands);

export function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

function connects(port) {
  return new Promise((resolve) => {
    const socket = net.connect(port, '127.0.0.1');
    socket.once('connect', () => { socket.destroy(); resolve(true); });
    socket.once('error', () => resolve(false));
  });
}

const childrenOf = (pid) =>
  readdirSync(`/proc/${pid}/task`).flatMap((task) =>
    readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number));

// A process that is asked line by line, and answers with a line of JSON.
export class Asked {
  constructor(argv, env = {}) {
    this.process = spawn(argv[0], argv.slice(1).map(String), {
      stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, ...env } });
    running.add(this.process);
    this.lines = [];
    this.waiting = [];
    this.over = false;
    let rest = '';
    this.process.stdout.on('data', (data) => {
      const parts = (rest + data).split('\n');
      rest = parts.pop();
      for (const line of parts) {
        const next = this.waiting.shift();
        if (next) next(line); else this.lines.push(line);
      }
    });
    this.ended = new Promise((resolve) => {
      this.process.once('close', (code) => {
        this.over = true;
        running.delete(this.process);
        for (const next of this.waiting) next('');
        resolve(code);
      });
    });
  }

  line() {
    if (this.lines.length || this.over) return Promise.resolve(this.lines.shift() ?? '');
    return new Promise((resolve) => { this.waiting.push(resolve); });
  }

  async ask(text) {
    this.process.stdin.write(`${text}\n`);
    return JSON.parse(await this.line());
  }

  cpuSeconds() {
    return cpuOf(this.process.pid);
  }

  async stop() {
    this.process.stdin.end();
    this.process.kill();
    await this.ended;
  }
}

function cpuOf(pid) {
  let ns = 0;
  for (const task of readdirSync(`/proc/${pid}/task`))
    ns += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
  return ns / 1e9;
}

export class Relay {
  static async start(name, upstream, workers, second) {
    const relay = new Relay();
    relay.port = upstream;
    if (!commands[name]) return relay;
    relay.port = await freePort();
    relay.asked = new Asked(commands[name](relay.port, upstream, workers, second),
      environments[name]?.(workers));
    if (name.startsWith('gateway')) await relay.asked.line(); // "ready"
    for (let tries = 0; !(await connects(relay.port)); tries++) {
      if (tries > 500 || relay.asked.over) throw new Error(`${name} does not listen`);
      await new Promise((resolve) => { setTimeout(resolve, 10); });
    }
    return relay;
  }

  pids() {
    if (!this.asked) return [];
    const main = this.asked.process.pid;
    return [main, ...childrenOf(main)];
  }

  cpuSeconds() {
    return this.pids().reduce((sum, pid) => sum + cpuOf(pid), 0);
  }

  // KiB; pages that several processes share are counted once.
  resident() {
    return this.pids().reduce((sum, pid) =>
      sum + Number(readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8').match(/^Pss:\s+(\d+)/m)[1]), 0);
  }

  peak() {
    return this.pids().reduce((sum, pid) =>
      sum + Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmHWM:\s+(\d+)/)[1]), 0);
  }

  stop() {
    return this.asked ? this.asked.stop() : Promise.resolve();
  }
}
