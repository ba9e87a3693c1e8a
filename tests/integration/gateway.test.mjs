// The gateways as clients of all kinds meet them, with the official driver and real processes.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { change, cluster, formed } from './cluster.mjs';
import { build, driver, queryOnce, test, waitFor } from './harness.mjs';

// Sessions of the read gateway, each on a connection of its own that has been used once.
async function readers(s, n) {
  const list = [];
  for (let i = 0; i < n; i++) {
    const session = s.readGateway(0, { maxConnectionPoolSize: 1 }).session({ defaultAccessMode: 'READ' });
    await session.run('RETURN 1');
    list.push(session);
  }
  return list;
}

test('several readers: clients are spread, and only those of a lost replica are cut', async (t) => {
  const s = await cluster(t, { pods: 5, env: { READ_BALANCE: 'round_robin' } });
  await waitFor('three readers', async () => (await s.status()).readers.length === 3);
  await readers(s, 9);
  const before = (await s.status()).gateways.read;
  assert.equal(before.active, 9);

  await s.control('kill', 'memgraph-3');
  await waitFor('it has left the list', async () => !(await s.status()).readers.includes('memgraph-3'));
  await waitFor('its sessions are gone', async () => (await s.status()).gateways.read.active === 6);
  await formed(s);
  await waitFor('it serves again', async () => (await s.status()).readers.length === 3);
  assert.equal((await s.status()).gateways.read.active, 6); // the others never noticed
});

function certificate(directory, name, address = '127.0.0.1') {
  execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes',
    '-days', '2', '-subj', `/CN=${name}`, '-addext', `subjectAltName=IP:${address}`, '-keyout', join(directory, 'tls.key'), '-out', join(directory, 'tls.crt')],
  { stdio: 'ignore' });
}

test('TLS ends at the gateway, its certificate is renewed, a bad one changes nothing', async (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-tls-'));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  certificate(directory, 'first');
  const s = await cluster(t, { env: {
    GATEWAY_TLS_CERT_PATH: join(directory, 'tls.crt'), GATEWAY_TLS_KEY_PATH: join(directory, 'tls.key') } });
  const { gateway } = (await s.state()).controllers[0];
  const address = gateway.replace(/^bolt:\/\//, '');
  const [host, port] = address.split(':');
  const secure = driver(`bolt+ssc://${address}`);
  t.after(() => secure.close());
  const session = secure.session();
  await session.run('CREATE (:Hello {n: 1})');

  const served = () => execFileSync('sh', ['-c', `openssl s_client -connect ${host}:${port} </dev/null 2>/dev/null | openssl x509 -noout -subject`],
    { encoding: 'utf8' }).trim();
  assert.match(served(), /first/);
  certificate(directory, 'second', host);
  await waitFor('the new certificate is served', () => /second/.test(served()));
  for (const [scheme, ...ca] of [['bolt+ssc'], ['bolt+s', '--tls-ca', join(directory, 'tls.crt')]]) {
    const tried = execFileSync(join(build, 'memgraph-controller'), ['try', '--write', `${scheme}://${address}`, ...ca],
      { encoding: 'utf8', timeout: 30_000 });
    assert.match(tried, /^written [^]*^read [^]*^removed /m);
  }
  writeFileSync(join(directory, 'tls.crt'), 'no certificate\n');
  const name = (await s.state()).controllers[0].name;
  await waitFor('the log says so', async () => /"error".*the old one stays/.test(await s.log(name)));
  assert.match(served(), /second/);
  const { records } = await session.run('MATCH (n:Hello) RETURN count(n) AS n'); // on its first connection
  assert.equal(records[0].get('n'), 1);

  const plain = net.connect(Number(port), host);
  plain.on('error', () => {});
  await new Promise((resolve) => { plain.once('connect', resolve); });
  plain.write('\x60\x60\xb0\x17 no TLS');
  await waitFor('it is refused', async () => (await s.status()).gateways.write.refused.tls === 1);
});

test('a client that sends too many connections is refused, others are not', async (t) => {
  const s = await cluster(t, { env: {
    GATEWAY_RATE_LIMIT_PER_SECOND: '1', GATEWAY_RATE_LIMIT_BURST: '3', GATEWAY_PROXY_PROTOCOL_FROM: '127.0.0.0/8,198.18.0.0/15' } });
  const { gateway } = (await s.state()).controllers[0];
  const [host, port] = gateway.replace(/^bolt:\/\//, '').split(':');
  const connect = (from) => new Promise((resolve) => {
    const socket = net.connect(Number(port), host, () => socket.write(
      Buffer.concat([Buffer.from(`PROXY TCP4 ${from} 192.0.2.9 5000 7687\r\n`), Buffer.from('6060b01700000005000000000000000000000000', 'hex')])));
    socket.once('data', (data) => { socket.destroy(); resolve(data.toString('hex')); });
    socket.once('error', (error) => resolve(error.code));
  });
  const flood = await Promise.all(Array.from({ length: 10 }, () => connect('192.0.2.1')));
  assert.ok(flood.filter((answer) => answer === 'ECONNRESET').length >= 6, flood.join(' '));
  assert.match(await connect('192.0.2.2'), /^[0-9a-f]+$/); // an answer of the pod
  const { refused } = (await s.status()).gateways.write;
  assert.ok(refused.rate >= 6, JSON.stringify(refused));
});

// The whole process stands still for so long.
async function freeze(s, name, ms) {
  await s.control('freeze', name);
  const until = performance.now() + ms;
  await waitFor('the time is over', () => performance.now() >= until, ms + 5_000);
  await s.control('thaw', name);
}

test('a controller that stood still cuts its write sessions, unless it was short', async (t) => {
  // So the limit is 2 s. A controller that was away for less than a probe's time-out misses nothing.
  const s = await cluster(t, { env: { PROBE_TIMEOUT: '2s', PROBE_FAILURES: '2' } });
  const { pid, http } = await s.controller();
  const gateways = async () => (await s.status()).gateways;
  const cut = (await gateways()).write.cut;
  const tx = await s.gateway().session().beginTransaction(); // of one connection, or it fails
  await tx.run('RETURN 1');
  const [reader] = await readers(s, 1);

  await freeze(s, 'controller-0', 1_000);
  await tx.run('RETURN 1');
  const { write } = await gateways();
  assert.deepEqual([write.active, write.cut], [1, cut]);

  await freeze(s, 'controller-0', 3_000);
  await assert.rejects(tx.run('RETURN 1'), /ECONNRESET|closed|Connection/);
  await waitFor('it is told', async () => (await gateways()).write.cut.stalled === 1);
  assert.deepEqual((await gateways()).write.cut, { ...cut, stalled: 1 });
  const metrics = await (await fetch(`${http}/metrics`)).text();
  assert.match(metrics, /^memgraph_gateway_sessions_cut_total\{gateway="write",reason="stalled"\} 1$/m);
  assert.match(metrics, /^memgraph_gateway_sessions_cut_total\{gateway="read",reason="stalled"\} 0$/m);
  await reader.run('RETURN 1');
  assert.equal((await gateways()).read.accepted, 1); // on its first connection: what a replica says may be old anyhow
  assert.equal((await s.controller()).pid, pid);
  await formed(s);
  await s.gateway().session().run('RETURN 1');
});

test('a controller that is stopped is not ready, serves on for its grace, then cuts', async (t) => {
  const s = await cluster(t, { restart: false, env: { SHUTDOWN_GRACE: '3s' } });
  const { http, gateway } = await s.controller();
  const session = await s.gateway().session().beginTransaction();
  await session.run('RETURN 1');
  const [host, port] = gateway.replace(/^bolt:\/\//, '').split(':');
  const idle = net.connect(Number(port), host); // says nothing
  await new Promise((resolve) => { idle.once('connect', resolve); });
  const ended = new Promise((resolve) => {
    idle.once('error', (error) => resolve(error.code));
    idle.once('end', () => resolve('end'));
    idle.resume();
  });

  await s.control('term', 'controller-0');
  const from = s.lastCommandAt;
  await waitFor('it is not ready', async () => (await fetch(`${http}/readyz`)).status === 503);
  await session.run('RETURN 1');
  await queryOnce(gateway, 'RETURN 1'); // a new client, too
  assert.equal(await ended, 'ECONNRESET');
  assert.ok(performance.now() - from > 2_900, 'after its grace');
  await assert.rejects(session.run('RETURN 1'));
  await waitFor('it has ended', async () => (await s.controller()).pid === 0);
  assert.match(await s.log('controller-0'), /"stopped"/);
});

test('every reason is a metric, a member of /status, and in the documentation', async (t) => {
  const s = await cluster(t);
  const { http } = await s.controller();
  const metrics = await (await fetch(`${http}/metrics`)).text();
  const { gateways } = await s.status();
  const page = await readFile(new URL('../../docs/gateway.md', import.meta.url), 'utf8');
  const reference = await readFile(new URL('../../docs/reference.md', import.meta.url), 'utf8');
  for (const [member, metric, sentence] of [
    ['refused', 'connections_rejected', /Reasons of refusals: ([^.]*)\./],
    ['cut', 'sessions_cut', /Reasons of cuts: ([^.]*)\./],
  ]) {
    const documented = [...sentence.exec(page)[1].matchAll(/`([a-z_]+)`/g)].map(([, name]) => name);
    const row = reference.split('\n').find((line) => line.includes(`memgraph_gateway_${metric}_total`));
    for (const side of ['write', 'read']) {
      const told = [...metrics.matchAll(new RegExp(`^memgraph_gateway_${metric}_total\\{gateway="${side}",reason="([a-z_]+)"\\}`, 'gm'))];
      const reasons = told.map(([, reason]) => reason);
      assert.ok(reasons.length >= 5);
      assert.deepEqual(Object.keys(gateways[side][member]), reasons);
      assert.deepEqual(documented, reasons);
      for (const reason of reasons) assert.ok(row.includes(`\`${reason}\``), `${reason} in docs/reference.md`);
    }
  }
});

test('readers go to an ASYNC replica, else the SYNC one, else the main', async (t) => {
  const s = await cluster(t);
  const served = (pod) => waitFor(`${pod} serves reads`, async () => {
    const { readers: list } = await s.status();
    return list.length === 1 && list[0] === pod;
  });
  for (const [stopped, pod] of [[undefined, 'memgraph-2'], ['memgraph-2', 'memgraph-1'], ['memgraph-1', 'memgraph-0']]) {
    if (stopped) await s.control('stop-pod', stopped);
    await served(pod);
    const [session] = await readers(s, 1);
    const { sessions } = (await s.status()).gateways.read;
    await session.run('RETURN 1');
    assert.equal((await s.status()).gateways.read.sessions, sessions); // on the same connection
  }
  for (const pod of ['memgraph-1', 'memgraph-2']) await s.control('start-pod', pod);
  await formed(s);
  await served('memgraph-2');
});

test('who reads from the replica that is to be main is cut before it is promoted', async (t) => {
  const s = await cluster(t, { pods: 2 });
  await waitFor('it serves reads', async () => (await s.status()).readers.join() === 'memgraph-1');
  const session = await s.readGateway().session({ defaultAccessMode: 'READ' }).beginTransaction();
  await session.run('RETURN 1');
  await change(s, 'switchover');
  await assert.rejects(session.run('RETURN 1'));
  assert.equal((await s.status()).gateways.read.cut.route, 1);
  const log = (await s.log('controller-0')).split('\n');
  const cutAt = log.findIndex((line) => /"sessions cut","gateway":"read","sessions":"1"/.test(line));
  const promotedAt = log.findIndex((line) => /"effect":"promote","pod":"memgraph-1"/.test(line));
  assert.ok(cutAt >= 0 && cutAt < promotedAt, `line ${cutAt}, promoted in line ${promotedAt}`);
});
