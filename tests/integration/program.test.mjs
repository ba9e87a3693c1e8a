// The program itself: its command line, its configuration, its exit statuses, what it tells.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { mkdtemp, readFile, readdir, readlink, rm, writeFile } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import neo4j from 'neo4j-driver';

import { cluster, formed } from './cluster.mjs';
import { build, test, waitFor } from './harness.mjs';

const program = path.join(build, 'memgraph-controller');

// Runs it to its end: {status, out, err}.
const run = (args, env = {}, timeout = 20_000) => new Promise((resolve) => {
  execFile(program, args, { env: { PATH: process.env.PATH, ...env }, timeout },
    (error, out, err) => resolve({ status: error ? error.code : 0, out, err }));
});

test('wrong configuration: all errors at once, status 2', async () => {
  const { status, err } = await run([], {
    BOLT_PORT: 'x', LOG_LEVEL: 'loud', RECONCILE_INTERVAL: '5', // each of them alone
    LEASE_DURATION: '5s', // shorter than LEASE_RENEW_DEADLINE
    ADMIN_TOKEN_FILE: '/',
  });
  assert.equal(status, 2);
  assert.equal(err.trim().split('\n').length, 5, err);
  for (const name of ['BOLT_PORT=', 'LOG_LEVEL=', 'RECONCILE_INTERVAL=', 'LEASE_DURATION', 'ADMIN_TOKEN_FILE'])
    assert.match(err, new RegExp(name));
});

test('no Kubernetes to talk to, a port that is taken: status 2, and what to do', async () => {
  const away = await run(['run']);
  assert.equal(away.status, 2);
  assert.match(away.err, /KUBE_API_URL/);

  const taken = net.createServer().listen(0, '127.0.0.1');
  await waitFor('it listens', () => taken.address());
  const { port } = taken.address();
  const busy = await run(['run'], { KUBE_API_URL: 'http://127.0.0.1:9', GATEWAY_BIND_ADDRESS: `127.0.0.1:${port}` });
  taken.close();
  assert.equal(busy.status, 2);
  assert.match(busy.err, new RegExp(`127.0.0.1.*${port}`));
});

test('too few descriptors for the clients: raised as far as allowed, else said', async () => {
  const taken = net.createServer().listen(0, '127.0.0.1'); // so that it ends at once
  await waitFor('it listens', () => taken.address());
  const limited = (soft, hard) => new Promise((resolve) => {
    const env = { KUBE_API_URL: 'http://127.0.0.1:9', GATEWAY_WORKERS: '2', GATEWAY_BIND_ADDRESS: `127.0.0.1:${taken.address().port}` };
    execFile('sh', ['-c', `ulimit -Sn ${soft} && ulimit -Hn ${hard} && exec "$0"`, program],
      { env: { PATH: process.env.PATH, ...env } }, (error, out, err) => resolve(out + err));
  });
  assert.doesNotMatch(await limited(256, 4096), /too few descriptors/);
  assert.match(await limited(256, 1024), /too few descriptors.*limit=1024 needed=2576/);
  taken.close();
});

test('check-config, version, help, a wrong command', async () => {
  const config = await run(['check-config'], { MEMGRAPH_USER: 'u', MEMGRAPH_PASSWORD: 'secret' });
  assert.equal(config.status, 0);
  assert.match(config.out, /^STATEFULSET_NAME=memgraph$/m);
  assert.doesNotMatch(config.out, /secret/);
  assert.match((await run(['version'])).out, /^memgraph-controller \d+\.\d+\.\d+$/m);
  assert.match((await run(['--help'])).out, /check-config/);
  const wrong = await run(['dance']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /unknown command 'dance'/);
});

test('a Secret without some keys: a warning, closed admin routes; what comes later is taken', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'program-'));
  t.after(() => rm(directory, { recursive: true }));
  const [users, token] = ['users', 'adminToken'].map((name) => path.join(directory, name));
  const files = { MEMGRAPH_USERS_FILE: users, ADMIN_TOKEN_FILE: token };
  const config = await run(['check-config'], files); // neither key, nor a user
  assert.equal(config.status, 0, config.err);
  const s = await cluster(t, { env: { ...files, MEMGRAPH_USER: 'app', MEMGRAPH_PASSWORD: 'p' } });
  const log = await s.log('controller-0');
  for (const file of [users, token]) assert.match(log, new RegExp(`warn.*is not there.*${file}`));
  const refresh = async () => fetch(`${(await s.controller()).http}/api/v1/admin/refresh`,
    { method: 'POST', headers: { authorization: 'Bearer t0ken' } });
  const closed = await refresh();
  assert.equal(closed.status, 403);
  assert.match((await closed.json()).error, new RegExp(`${token}: No such file`));

  await writeFile(users, 'ann:secret\n');
  await writeFile(token, 't0ken\n');
  assert.equal((await refresh()).status, 202);
  await waitFor('the refresh is done', async () => (await s.record()).request === '');
  await formed(s);
  await s.control('kill', 'main');
  await waitFor('the other one is main, with the user', async () => {
    const status = await s.status();
    if (status.main !== 'memgraph-1') return false;
    const driver = neo4j.driver((await s.pod('memgraph-1')).bolt, neo4j.auth.basic('ann', 'secret'), { telemetryDisabled: true });
    return driver.getServerInfo().finally(() => driver.close());
  });
});

test('an image has the authorities that bolt+s:// believes, where the TLS library looks, and none of this machine', async (t) => {
  const directory = await mkdtemp(path.join(tmpdir(), 'program-'));
  t.after(() => rm(directory, { recursive: true }));
  const root = path.join(directory, 'root');
  await promisify(execFile)('scripts/image-root', [root, program]);
  const link = await readlink(path.join(root, 'usr/lib/ssl/cert.pem'));
  assert.ok(path.isAbsolute(link)); // as the program sees it, whose / is the image
  const pem = await readFile(path.join(root, link), 'utf8');
  const prints = pem.match(/-----BEGIN[^]*?END CERTIFICATE-----/g).map((text) => new X509Certificate(text).fingerprint256);
  const debian = (await readdir('/usr/share/ca-certificates/mozilla')).length;
  assert.ok(debian > 100);
  assert.equal(new Set(prints).size, prints.length);
  assert.equal(prints.length, debian);
});

test('routes: health, leadership, metrics, wrong ones; nothing secret is told', async (t) => {
  const s = await cluster(t, { env: { MEMGRAPH_USER: 'app', MEMGRAPH_PASSWORD: 'very-secret' } });
  const { http } = await s.controller();
  const get = async (route, options) => {
    const answer = await fetch(http + route, options);
    return { status: answer.status, type: answer.headers.get('content-type'), text: await answer.text() };
  };

  for (const route of ['/livez', '/readyz', '/health', '/status', '/api/v1/status', '/api/v1/leadership', '/metrics', '/'])
    assert.equal((await get(route)).status, 200, route);
  assert.equal((await get('/status', { method: 'POST' })).status, 405);
  assert.equal((await get('/no/such')).status, 404);
  assert.equal(JSON.parse((await get('/health')).text).status, 'healthy');

  const { text, type } = await get('/metrics');
  assert.match(type, /^text\/plain; version=0\.0\.4/);
  assert.match(text, /^memgraph_cluster_pods_healthy 3$/m);
  assert.match(text, /^memgraph_controller_is_leader 1$/m);
  const names = new Set();
  for (const line of text.trim().split('\n')) { // every sample under its own HELP and TYPE
    const [, kind, name] = line.match(/^# (HELP|TYPE) (\S+) \S/) ?? [];
    if (kind) names.add(name);
    else assert.ok(names.has(line.match(/^[a-z_]+/)[0].replace(/_(bucket|sum|count)$/, '')) ||
      names.has(line.match(/^[a-z_]+/)[0]), line);
  }
  const status = (await get('/status')).text;
  const log = await s.log('controller-0');
  for (const told of [text, status, log]) assert.doesNotMatch(told, /very-secret/);
});

test('a wrong password is said once for each pod that denies us, with what to do', async (t) => {
  const env = { MEMGRAPH_USER: 'app', MEMGRAPH_PASSWORD: 'right' };
  const s = await cluster(t, { env });
  const other = await run(['run'], {
    ...env, MEMGRAPH_PASSWORD: 'wrong', POD_NAME: 'stranger', LOG_FORMAT: 'json', GATEWAY_ENABLED: 'false',
    KUBE_API_URL: s.apiUrl, KUBE_TOKEN_FILE: path.join(s.info.directory, 'token'),
    HTTP_BIND_ADDRESS: `127.${s.net}.9.1`,
  }, 4_000);
  const denied = (other.out + other.err).split('\n').filter((line) => line.includes('denies us'));
  assert.equal(denied.length, 1, other.out + other.err); // the replicas have no users of their own
  assert.match(denied[0], /MEMGRAPH_PASSWORD.*memgraph-0.*Authentication failure/);
});

test('somebody registers a replica under an endless name: its row hides nobody else', async (t) => {
  const s = await cluster(t);
  const session = s.driver((await s.pod('memgraph-0')).bolt).session();
  const register = `REGISTER REPLICA ${'x'.repeat(80)} ASYNC TO "127.${s.net}.9.9:10000"`;
  await assert.rejects(session.run(register)); // leaves a dead row behind
  await s.control('stop-pod', 'memgraph-2'); // its row must be seen to go, and to come back
  await waitFor('its row reads invalid', async () => (await s.status()).pods[2].registration?.status !== 'ready');
  await s.control('start-pod', 'memgraph-2');
  await formed(s);
});
