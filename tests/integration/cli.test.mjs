// The sub-commands as people and scripts use them, the plugin of kubectl, and the drill.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { cluster, formed, leader, writesOn } from './cluster.mjs';
import { build, test, waitFor } from './harness.mjs';

const program = path.join(build, 'memgraph-controller');
const here = path.dirname(fileURLToPath(import.meta.url));

// {status, out, err}
const run = (file, args, env = {}) => new Promise((resolve) => {
  execFile(file, args, { timeout: 60_000, env: { PATH: process.env.PATH, ...env } }, (error, out, err) =>
    resolve({ status: error?.code ?? 0, out, err }));
});

async function operated(t, options = {}) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'cli-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const token = path.join(directory, 'token');
  await writeFile(token, 'a-token\n');
  const s = await cluster(t, { ...options, env: { ADMIN_TOKEN_FILE: token, ...options.env } });
  s.directory = directory;
  s.env = { CONTROLLER_URL: (await s.controller()).http, ADMIN_TOKEN_FILE: token };
  s.cli = (...args) => run(program, args, s.env);
  return s;
}

test('status, explain and history for people, as JSON and as YAML', async (t) => {
  const s = await operated(t);
  const table = await s.cli('status');
  assert.equal(table.status, 0, table.err);
  assert.match(table.out, /^memgraph-0 is main; memgraph-1 would take over now: yes$/m);
  assert.match(table.out, /^POD +TOPOLOGY +ROLE +READY +LINK +REGISTERED +BEHIND +VERSION$/m);
  assert.match(table.out, /^memgraph-1 +sync +replica +yes +up +ready +0 +3\.6\.1$/m);
  assert.doesNotMatch(table.out, /\u001b/); // no terminal, no colour

  const json = JSON.parse((await s.cli('status', '-o', 'json')).out);
  assert.equal(json.main, 'memgraph-0');
  const yaml = (await s.cli('status', '--output=yaml')).out;
  assert.match(yaml, /^main: "memgraph-0"\n/m);
  assert.match(yaml, /^pods:\n {2}- name: "memgraph-0"\n {4}topology: "main"\n {4}kubernetes:\n {6}exists: true\n/m);
  assert.match(yaml, /^rebuild: \[\]\n/m);
  assert.match(yaml, /^readers:\n {2}- "memgraph-2"\n/m);
  for (const line of yaml.trimEnd().split('\n')) assert.match(line, /^ *(- )?(\w+:( .+)?|".*")$/);

  const explained = await s.cli('explain', '-o', 'json');
  assert.equal(explained.status, 0);
  assert.equal(JSON.parse(explained.out).failover.possible, true);
  const one = await s.cli('explain', 'memgraph-2');
  assert.equal(one.status, 4); // it needs no rebuild
  assert.match(one.out, /^rebuild of memgraph-2: NO: memgraph-2 needs no rebuild\n {2}\[ \] its data do not fit the main: /);
  assert.match((await s.cli('explain', 'memgraph-9')).err, /no such pod/);
  assert.match((await s.cli('history')).out, /initial {2}memgraph-0 {2}both of the pair are empty mains\n.*open \d+ ms/);
  const history = JSON.parse((await s.cli('history', '-o', 'json')).out);
  assert.equal(history.transitions[0].kind, 'initial');

  for (const args of [['status', '-o', 'xml'], ['switchover', '-o', 'json'], ['watch', '-o', 'yaml']]) {
    assert.equal((await s.cli(...args)).status, 1, args.join(' '));
  }
});

test('colour on a terminal, unless it is not wanted', async (t) => {
  const s = await operated(t);
  const terminal = (env) => run('script', ['-qec', `${program} status`, '/dev/null'], { ...s.env, ...env });
  assert.match((await terminal({})).out, /\u001b\[32mmemgraph-0 is main; memgraph-1 would take over now: yes\u001b\[0m/);
  assert.doesNotMatch((await terminal({ NO_COLOR: '1' })).out, /\u001b/);
});

test('watch tells what changes, and outlives its controller', async (t) => {
  const s = await operated(t);
  const watch = spawn(program, ['watch'], { env: { ...process.env, ...s.env } });
  let out = '';
  watch.stdout.on('data', (data) => { out += data; });
  t.after(() => watch.kill());
  await waitFor('its first line', () => /main=memgraph-0 writes=possible failover=possible: memgraph-0 is main\n/.test(out));
  await s.control('kill', 'main');
  await waitFor('the failover', () => /main=memgraph-1 writes=possible failover=possible: memgraph-1 is main\n/.test(out), 20_000);
  const { pid } = await s.controller();
  await s.control('kill', 'controller-0');
  await waitFor('the next controller', async () => (await s.controller()).pid !== pid && formed(s));
  await s.control('kill', 'main');
  await waitFor('the one after it', () => /main=memgraph-0 writes=possible failover=possible[^]*$/.test(out.split('main=memgraph-1').at(-1)), 20_000);
  assert.equal(watch.exitCode, null);
});

test('a request waits for what becomes of it', async (t) => {
  const s = await operated(t);
  const done = await s.cli('switchover');
  assert.equal(done.status, 0, done.err);
  assert.match(done.out, /^recorded: switchover@\d+\ndone: memgraph-1 is main \(epoch 2\)\n$/);
  await formed(s);
  const asked = await s.cli('switchover', '--no-wait');
  assert.match(asked.out, /^recorded: switchover@\d+\n$/);
  await waitFor('it is done', async () => (await s.status()).main === 'memgraph-0');
  await formed(s);
  await s.control('stop-pod', 'memgraph-1');
  await waitFor('the SYNC replica is missed', async () =>
    (await s.cli('explain')).status === 4);
  const refused = await s.cli('switchover');
  assert.equal(refused.status, 4);
  assert.match(refused.err, /memgraph-1/);
  assert.match((await s.cli('status')).out, /^(memgraph-0 is main; memgraph-1 would take over now: NO|writes wait: .*)\n(why not: .*\n)*why not: memgraph-1 /);
});

test('a controller that does not lead tells what became of a request, too', async (t) => {
  const s = await operated(t, { controllers: 2, env: { SWITCHOVER_TIMEOUT: '2s' } });
  s.env.CONTROLLER_URL = (await s.controller(1 - (await leader(s)))).http;

  await s.control('freeze', 'memgraph-1'); // nobody knows yet: the request is taken
  const refused = await s.cli('switchover');
  await s.control('thaw', 'memgraph-1');
  assert.equal(refused.status, 4, refused.out);
  assert.match(refused.out, /^recorded: switchover@\d+\n$/);
  assert.match(refused.err, /^memgraph-controller: refused: .*(memgraph-1|replicas)/);
  await formed(s);

  const done = await s.cli('switchover');
  assert.match(done.out, /\ndone: memgraph-1 is main \(epoch \d+\)\n$/, done.err);
});

test('writes that fail are said to fail, with the command that helps', async (t) => {
  const s = await operated(t);
  const says = (pattern) => waitFor(`status says ${pattern}`, async () => pattern.test((await s.cli('status')).out), 20_000);
  const write = (hint) => s.query('memgraph-0', `CREATE (:Tried {hint: '${hint}'})`);
  await s.control('stop-pod', 'memgraph-1');
  await says(/^writes FAIL: memgraph-1 does not confirm them \(it is invalid\)\nwhat helps: memgraph-1 comes back, or `memgraph-controller degrade`: memgraph-0 serves alone\nmemgraph-0 is main; memgraph-1 would take over now: NO\n/);
  await assert.rejects(write('alone'), /not confirmed/); // so it is
  assert.match((await s.cli('explain')).out, /^writes: NO: memgraph-1 does not confirm them/m);
  assert.match((await s.cli('status')).out, /^why not: .*\(sync is unproven:[0-9a-f]{8}\)$/m); // an id is for programs
  assert.equal((await s.cli('degrade')).status, 0);
  await says(/^memgraph-0 is main; memgraph-1 would take over now: NO\n/);
  await write('by decision');
  await s.control('start-pod', 'memgraph-1');
  await says(/^memgraph-0 is main; memgraph-1 would take over now: yes\n/);
});

test('a drill moves the main and back, and tells the gap', async (t) => {
  const s = await operated(t);
  const load = s.writer();
  await writesOn(load);
  const drill = await s.cli('drill');
  assert.equal(drill.status, 0, drill.out + drill.err);
  const gaps = [...drill.out.matchAll(/^the client could not write for (\d+\.\d) ms: (\d+) writes acknowledged, \d+ failed$/gm)];
  assert.equal(gaps.length, 2, drill.out);
  for (const [, gap, writes] of gaps) {
    assert.ok(Number(gap) > 1 && Number(gap) < 5000, drill.out);
    assert.ok(Number(writes) > 10, drill.out);
  }
  assert.match(drill.out, /done: memgraph-1 is main[^]*done: memgraph-0 is main[^]*\nmemgraph-0 is main again; the client could not write for \d+\.\d ms and \d+\.\d ms\n$/);
  await load.stop();
  await load.check(await s.pod('memgraph-0'));
  const [row] = await s.query('memgraph-0', 'MATCH (n:MemgraphControllerDrill) RETURN count(n) AS n');
  assert.equal(row.n, 0); // nothing is left behind
  await formed(s);
  const nobody = await Promise.all(['127.0.0.1:9', '[::1]:9'].map((address) => s.cli('drill', '--write', address)));
  assert.deepEqual(nobody.map(({ status }) => status), [5, 5]);
  assert.match(nobody[0].err, /\(connect: Connection refused\)$/m);
  assert.equal((await s.cli('drill', '--write', 'nonsense')).status, 1);
  assert.match((await s.cli('drill', '--write', 'neo4j://127.0.0.1:9')).err, /bolt\+s:/);
  assert.match((await s.cli('drill', '--write', 'bolt+s://127.0.0.1:9', '--tls-ca', '/dev/null')).err, /\/dev\/null/);
});

test('a drill that cannot be done says so at once; one that ends early says where the main is', async (t) => {
  const s = await operated(t, { controllers: 2 });
  const urls = await Promise.all([0, 1].map(async (i) => (await s.controller(i)).http));
  const drills = async () => (await s.query((await s.status()).main, 'MATCH (n:MemgraphControllerDrill) RETURN count(n) AS n'))[0].n;
  const drill = (signal, when) => new Promise((resolve) => {
    const child = spawn(program, ['drill', '--controller', `http://127.0.0.1:9,${urls[1]}`], { env: { ...process.env, ...s.env } });
    const text = { out: '', err: '' };
    let sent = false; // a second one would end it at once
    child.stderr.on('data', (data) => { text.err += data; });
    child.stdout.on('data', (data) => {
      text.out += data;
      if (signal && !sent && when.test(text.out)) sent = child.kill(signal);
    });
    child.on('close', (status) => resolve({ status, ...text }));
  });

  await waitFor('the second one knows who leads', async () => (await s.status(1, '/api/v1/explain')).switchover.possible);
  await s.cli('pause');
  await waitFor('it is paused', async () => (await s.status(1)).paused);
  const before = performance.now();
  const paused = await drill();
  assert.equal(paused.status, 4);
  assert.match(paused.err, /no switchover now: decisions are paused/);
  assert.ok(performance.now() - before < 5_000);
  await s.cli('resume');
  await waitFor('it goes on', async () => (await s.status(1, '/api/v1/explain')).switchover.possible);

  const ended = await drill('SIGINT', /^done: memgraph-1/m); // the first controller is dead, the second one's gateway is taken
  assert.equal(ended.status, 1, ended.out + ended.err);
  assert.match(ended.err, /^memgraph-controller: the main is memgraph-1 now, and was memgraph-0: `switchover --to memgraph-0` moves it back$/m);
  assert.equal((await s.status()).main, 'memgraph-1');
  assert.equal(await drills(), 0); // nothing is left behind
  await formed(s, { index: 1 });
  await waitFor('it can go back', async () => (await s.status(1, '/api/v1/explain')).switchover.possible);
  await drill('SIGTERM', /^recorded/m); // in the middle
  await formed(s);
  assert.equal(await drills(), 0);
});

test('a drill through a gateway that speaks TLS, and what is said when one does not', async (t) => {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'drill-'));
  t.after(() => rm(directory, { recursive: true, force: true }));
  const [certificate, key] = ['tls.crt', 'tls.key'].map((name) => path.join(directory, name));
  const made = await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '1',
    '-subj', '/CN=drill', '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', certificate]);
  assert.equal(made.status, 0, made.err);
  const s = await operated(t, { env: { GATEWAY_TLS_CERT_PATH: certificate, GATEWAY_TLS_KEY_PATH: key } });
  const gateway = (await s.controller()).gateway.replace('bolt://', '');
  const [plain, stranger] = await Promise.all([
    s.cli('drill', '--write', gateway), s.cli('drill', '--write', `bolt+s://${gateway}`, '--tls-ca', certificate)]);
  const drill = await s.cli('drill', '--write', `bolt+ssc://${gateway}`);
  assert.equal(drill.status, 0, drill.out + drill.err);
  assert.match(drill.out, /^memgraph-0 is main again; /m);
  assert.equal(plain.status, 5);
  assert.match(plain.err, /with bolt\+s:\/\/ if it speaks TLS/);
  assert.equal(stranger.status, 5);
  assert.match(stranger.err, /\(.*certificate.*\)$/m); // it is for another name
});

test('as a plugin of kubectl: found by label, through the API server, admin routes too', async (t) => {
  const s = await operated(t);
  const plugin = path.join(s.directory, 'kubectl-memgraph_ha');
  await symlink(program, plugin);
  await copyFile(path.join(here, 'stand-in-kubectl'), path.join(s.directory, 'kubectl'));
  await writeFile(path.join(s.directory, 'package.json'), '{"type": "module"}');
  const env = { PATH: `${s.directory}:${process.env.PATH}`, CONTROLLER: s.env.CONTROLLER_URL,
    ADMIN_TOKEN_FILE: s.env.ADMIN_TOKEN_FILE };
  const kubectl = (...args) => run(plugin, args, env);

  const bare = await kubectl(); // status is what people want first
  assert.equal(bare.status, 0, bare.err);
  assert.match(bare.out, /^memgraph-0 is main; memgraph-1 would take over now: yes$/m);
  const moved = await kubectl('switchover');
  assert.equal(moved.status, 0, moved.err);
  assert.match(moved.out, /done: memgraph-1 is main/);
  assert.match((await kubectl('-n', 'two', '--service', 'b-controller', 'status')).out, /^memgraph-1 is main/m);

  // However it ends, its kubectl ends with it.
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    const pidFile = path.join(s.directory, signal);
    const watch = spawn(plugin, ['watch'], { env: { ...env, PROXY_PID: pidFile } });
    t.after(() => watch.kill());
    await once(watch.stdout, 'data');
    const pid = Number(await readFile(pidFile, 'utf8'));
    assert.ok(existsSync(`/proc/${pid}`));
    watch.kill(signal);
    await waitFor(`kubectl ends after ${signal}`, () => !existsSync(`/proc/${pid}`) || !readFileSync(`/proc/${pid}/cmdline`).length);
  }

  const several = await kubectl('-n', 'two', 'status');
  assert.equal(several.status, 5);
  assert.match(several.err, /there are several, name one with --service: a-controller, b-controller/);
  assert.match((await kubectl('-n', 'none', 'status')).err, /no Service with the label memgraph-controller\/metrics=true/);
  const without = await run(plugin, ['status'], { PATH: '/nonexistent' });
  assert.equal(without.status, 5);
  assert.match(without.err, /is kubectl installed\?/);
  assert.equal((await kubectl('version')).status, 0);
});

test('bash completes commands, options and pods', async (t) => {
  const s = await operated(t);
  // What bash sets: the line as it is typed, and words that it has split at colons and equal signs, too.
  const complete = async (...words) => {
    const script = `source <(${program} completion)
      COMP_LINE=$1 COMP_POINT=\${#1}; IFS=' :=' COMP_WORDS=($1); IFS=$' \\t\\n'; _memgraph_controller; echo "\${COMPREPLY[@]}"`;
    return (await run('bash', ['-c', script, 'bash', [program, ...words].join(' ')], s.env)).out.trim();
  };
  assert.equal(await complete('sw'), 'switchover');
  assert.equal(await complete('status', '-o', ''), 'table json yaml');
  assert.equal(await complete('status', '--output=j'), 'json');
  assert.equal(await complete('pause', '--f'), '--for');
  assert.equal(await complete('status', '--f'), ''); // it takes none
  assert.equal(await complete('rebuild', ''), 'memgraph-0 memgraph-1 memgraph-2');
  assert.equal(await complete('-c', s.env.CONTROLLER_URL, 'switchover', '--to', ''), 'memgraph-0 memgraph-1 memgraph-2');
  assert.equal(await complete('rebuild', 'memgraph-0', '--n'), '--no-wait');
  const help = (await s.cli('--help')).out;
  const commands = (await complete('')).split(' ');
  for (const command of commands) assert.match(help, new RegExp(`^  ${command}\\b`, 'm'));
  assert.ok(commands.length >= 19);

  // kubectl asks a program of this name.
  const plugin = path.join(s.directory, 'kubectl_complete-memgraph_ha');
  await symlink(program, plugin);
  await copyFile(path.join(here, 'stand-in-kubectl'), path.join(s.directory, 'kubectl'));
  await writeFile(path.join(s.directory, 'package.json'), '{"type": "module"}');
  const env = { PATH: `${s.directory}:${process.env.PATH}`, CONTROLLER: s.env.CONTROLLER_URL };
  const offered = async (...words) => (await run(plugin, words, env)).out.trim().split('\n').join(' ');
  assert.equal(await offered('re'), 'rebuild refresh resume');
  assert.equal(await offered('r'), 'rebuild refresh resume'); // and not `run`
  assert.equal(await offered('rebuild', ''), 'memgraph-0 memgraph-1 memgraph-2');
  assert.equal(await offered('switchover', '--names'), '--namespace');
});
