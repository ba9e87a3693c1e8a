// Pods in network namespaces of their own (sandbox --netns), and partitions: who is cut off from whom,
// what the controller makes of it, and that no acknowledged write is lost. And that a real server would
// take the command line that the sandbox gives it.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import net from 'node:net';
import path from 'node:path';

import { checkWhole, cluster, cuts, formed, refused, writesOn } from './cluster.mjs';
import { build, needsNetns, needsSimulated, sandbox, test, waitFor } from './harness.mjs';

const strictMemgraph = new URL('./strict-memgraph', import.meta.url).pathname;

// Runs a program to its end: {status, out, err}.
const run = (program, args, env = {}) => new Promise((resolve) => {
  execFile(program, args, { env: { ...process.env, ...env } },
    (error, out, err) => resolve({ status: error ? error.code : 0, out, err }));
});

// A program within the namespace of a pod.
const inside = (pod, ...command) => run('nsenter', [`--target=${pod.pid}`, '--net', ...command]);

// What a new connection from a pod comes to: open, refused, or silence for a second.
async function connects(pod, address, port) {
  const { status } = await inside(pod, 'timeout', '1', 'bash', '-c', `</dev/tcp/${address}/${port}`);
  return { 0: 'open', 124: 'silence' }[status] ?? 'refused';
}

// A query by a client beside the pod's server, with no gateway or partition between: the first value, or the error.
async function askInside(pod, query) {
  const script = `import neo4j from 'neo4j-driver';
    const driver = neo4j.driver('${pod.bolt}', neo4j.auth.none(), { disableLosslessIntegers: true });
    await driver.session().run('${query}').then(({ records }) => console.log(String(records[0]?.get(0))),
      (error) => console.log(error.message));
    await driver.close();`;
  const { out, err } = await inside(pod, process.execPath, '--input-type=module', '-e', script);
  assert.equal(err, '');
  return out.trim();
}

const ownLink = async (s) => (await run('ip', ['link', 'show', `sandbox${s.net}`])).status === 0;

test('a server that knows only a real one\'s flags takes what the sandbox gives it', async (t) => {
  const s = await sandbox(t, { memgraph: strictMemgraph });
  await s.ready();
  assert.equal(s.event('memgraph-0', 'died').length, 0);
  const wrong = await run(strictMemgraph, ['--memgraph-version=3.6.1']);
  assert.equal(wrong.status, 1);
  assert.match(wrong.err, /unknown command line flag '--memgraph-version=3.6.1'/);
});

test('without the right to make namespaces --netns says so', async () => {
  const bare = process.getuid() === 0 ? ['--bounding-set=-all', '--inh-caps=-all'] : [];
  const { status, err } = await run('setpriv', [...bare, path.join(build, 'sandbox'), 'run', '--netns', '--net=29']);
  assert.equal(status, 1);
  assert.match(err, /--netns needs root/);
});

test('without --netns there are no partitions', needsSimulated('loopback addresses'), async (t) => {
  const s = await sandbox(t, { pods: 2 });
  await s.ready();
  await assert.rejects(s.control('partition', 'memgraph-0', 'memgraph-1'), /this needs --netns, and root/);
  await assert.rejects(s.control('heal'), /this needs --netns, and root/);
});

test('two pods are cut off from each other, and a pod from the controllers; then all is healed', needsNetns,
  async (t) => {
    const s = await sandbox(t, { netns: true });
    let [one, other, third] = await s.ready();
    const host = `198.19.${s.net}.100`;
    const listener = net.createServer().listen(0, host);
    t.after(() => listener.close());
    await waitFor('it listens', () => listener.address());
    const { port } = listener.address();

    assert.equal(await connects(one, other.ip, 7687), 'open');
    assert.equal(await connects(one, host, port), 'open');
    assert.equal(await connects(one, third.ip, 1), 'refused');
    await assert.rejects(s.control('partition', 'memgraph-0', 'memgraph-0'), /memgraph-0 is memgraph-0/);
    await assert.rejects(s.control('partition', 'memgraph-0'), /no pod/);

    await s.control('partition', 'memgraph-0', 'memgraph-1');
    assert.match(await s.control('status'), /; cut: memgraph-0 memgraph-1$/);
    assert.equal(await connects(one, other.ip, 7687), 'silence');
    assert.equal(await connects(other, one.ip, 7687), 'silence');
    assert.equal(await connects(one, third.ip, 7687), 'open');
    assert.equal(await connects(third, other.ip, 7687), 'open');
    await s.control('delete', 'memgraph-1', '0'); // its next incarnation is cut off, too
    other = await waitFor('another pod', async () => {
      const pod = await s.pod('memgraph-1');
      return pod.ready && pod.ip !== other.ip && pod;
    });
    assert.equal(await connects(one, other.ip, 7687), 'silence');
    assert.equal(await connects(other, one.ip, 7687), 'silence');
    await s.control('heal', 'memgraph-1', 'memgraph-0');
    assert.equal(await connects(one, other.ip, 7687), 'open');
    assert.equal(await connects(other, one.ip, 7687), 'open');

    // A connection that stands: a request does not even arrive while it is cut, and is answered afterwards.
    const session = s.driver(one.bolt).session();
    await session.run('RETURN 1');
    await s.control('partition', 'controllers', 'memgraph-0');
    const write = session.run('CREATE (:Late)');
    assert.equal(await connects(one, host, port), 'silence');
    assert.equal(await askInside(one, 'MATCH (n:Late) RETURN count(n)'), '0');
    assert.equal(await connects(one, other.ip, 7687), 'open');
    await s.control('heal');
    await write;
    assert.equal(await askInside(one, 'MATCH (n:Late) RETURN count(n)'), '1');
    await session.close();
    assert.equal(await connects(one, host, port), 'open');
    assert.doesNotMatch(await s.control('status'), /cut/);

    await s.control('partition', 'memgraph-2', 'all'); // but not from its kubelet
    await s.control('kill', 'memgraph-2');
    await waitFor('it is started again, and Ready', async () => {
      const pod = await s.pod('memgraph-2');
      return pod.restarts === third.restarts + 1 && pod.ready;
    });
  });

test('nothing of the network is left at the end, also when it is killed', needsNetns, async (t) => {
  for (const how of ['SIGTERM', 'SIGKILL']) {
    const s = await sandbox(t, { pods: 2, netns: true });
    await s.ready();
    await s.control('partition', 'all', 'all');
    assert.ok(await ownLink(s));
    s.process.kill(how);
    await s.exited;
    await waitFor(`the interface is gone after ${how}`, async () => !await ownLink(s));
    await rm(s.info.directory, { recursive: true, force: true });
  }
});

test('the main is cut off from the controllers: failover, nothing is lost, it joins again',
  { ...needsNetns, timeout: 90_000 }, async (t) => {
    const s = await cluster(t, { netns: true });
    const load = s.writer();
    await writesOn(load);
    const before = await cuts(s);
    const old = await s.pod('memgraph-0');

    await s.control('partition', 'main', 'controllers');
    await waitFor('failover', async () => (await s.status()).main === 'memgraph-1');
    await writesOn(load);
    const gap = load.gapAroundMs(s.lastCommandAt);
    assert.ok(await cuts(s) > before, 'no session was cut');
    assert.ok((await s.pod('memgraph-0')).ready); // Kubernetes does not know
    // It is still main for who reaches it, but S, which it would need, is another's now.
    assert.match(await askInside(old, `CREATE (:${load.label})`), /has not confirmed|TransientError|is not main/);

    await s.control('heal');
    await formed(s);
    await writesOn(load);
    const outcomes = await checkWhole(s, load);
    t.diagnostic(`gap ${gap.toFixed(0)} ms, ${JSON.stringify(outcomes)}`);
    assert.equal(await refused(s), 0);
    assert.equal((await s.pod('memgraph-0')).pid, old.pid);
  });

// Reads through the gateway: how many of the load's nodes there are.
async function counted(s, load) {
  const session = s.gateway().session();
  try {
    const { records } = await session.run(`MATCH (n:${load.label}) RETURN count(n) AS n`);
    return records[0].get('n');
  } finally {
    await session.close();
  }
}

// The write that is under way waits half a minute for the answer of S: Memgraph's own limit.
const WRITE_LIMIT_MS = 45_000;

test('the main is cut off from its SYNC replica: writes are refused, until they meet again',
  { ...needsNetns, timeout: 120_000 }, async (t) => {
    const s = await cluster(t, { netns: true, env: { GATEWAY_HOLD_TIMEOUT: '700ms' } });
    const load = s.writer({ failPauseMs: 50 });
    await writesOn(load);

    await s.control('partition', 'main', 'sync');
    await waitFor('a write is refused', () => load.count('refused') > 0, WRITE_LIMIT_MS);
    await waitFor('S is unproven', async () => (await s.record()).sync.startsWith('unproven:'));
    await waitFor('reads go on', async () => await counted(s, load) > 0);
    // But for one that was in its last step when they were cut off: Memgraph acknowledges it after its time-out.
    assert.ok(load.acknowledgedSince(s.lastCommandAt + 1_000) <= 1);
    assert.equal((await s.status()).main, 'memgraph-0');

    await s.control('heal');
    await formed(s);
    await writesOn(load);
    const outcomes = await checkWhole(s, load);
    t.diagnostic(JSON.stringify(outcomes));
    assert.equal(await refused(s), 0);
  });

test('the same with DURABILITY=preferred: the main goes on alone, and S joins when they meet again',
  { ...needsNetns, timeout: 120_000 }, async (t) => {
    const s = await cluster(t, { netns: true, env: { DURABILITY: 'preferred', SYNC_LOSS_TIMEOUT: '1s' } });
    const load = s.writer();
    await writesOn(load);

    await s.control('partition', 'main', 'sync');
    await waitFor('S is given up', async () => (await s.record()).sync === 'none:degraded', WRITE_LIMIT_MS);
    const alone = load.acknowledged.length;
    await waitFor('writes go on without it', () => load.acknowledged.length > alone + 10, 20_000);
    assert.equal((await s.status()).main, 'memgraph-0');

    await s.control('heal');
    await formed(s);
    await writesOn(load);
    const outcomes = await checkWhole(s, load);
    t.diagnostic(JSON.stringify(outcomes));
    assert.equal(await refused(s), 0);
  });
