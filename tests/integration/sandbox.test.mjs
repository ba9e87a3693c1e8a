// The sandbox itself: its API server on a real socket, its pods, its controllers, its end.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import http from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { sandbox, test, waitFor } from './harness.mjs';

const PODS = '/api/v1/namespaces/default/pods';
const CONFIGMAPS = '/api/v1/namespaces/default/configmaps';
const standIn = new URL('./stand-in-controller', import.meta.url).pathname;

const alive = (pid) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const processState = async (pid) =>
  (await readFile(`/proc/${pid}/stat`, 'utf8')).replace(/^.*\) /, '')[0];

const configMap = (name, data, resourceVersion) => ({
  apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, resourceVersion }, data,
});

test('API server: tokens, conflicts, Status bodies', async (t) => {
  const s = await sandbox(t, { pods: 0 });

  assert.equal((await s.kube('GET', PODS, undefined, { authorization: 'Bearer x' })).status, 401);
  assert.equal((await fetch(s.apiUrl + PODS)).status, 403);
  assert.equal(await (await fetch(`${s.apiUrl}/readyz`)).text(), 'ok');
  assert.equal((await s.kube('GET', '/version')).body.major, '1');

  const made = await s.kube('POST', CONFIGMAPS, configMap('a', { x: '1' }));
  assert.equal(made.status, 201);
  const { resourceVersion } = made.body.metadata;
  const changed = await s.kube('PUT', `${CONFIGMAPS}/a`, configMap('a', { x: '2' }, resourceVersion));
  assert.equal(changed.status, 200);
  const stale = await s.kube('PUT', `${CONFIGMAPS}/a`, configMap('a', { x: '3' }, resourceVersion));
  assert.deepEqual([stale.status, stale.body.kind, stale.body.reason], [409, 'Status', 'Conflict']);
  const again = await s.kube('POST', CONFIGMAPS, configMap('a', {}));
  assert.deepEqual([again.status, again.body.reason], [409, 'AlreadyExists']);
  assert.equal((await s.kube('GET', `${CONFIGMAPS}/b`)).body.reason, 'NotFound');
  const patched = await s.kube('PATCH', `${CONFIGMAPS}/a`, { data: { x: null, y: '1' } });
  assert.deepEqual(patched.body.data, { y: '1' });
  const large = await s.kube('POST', CONFIGMAPS, configMap('large', { x: 'x'.repeat(4 << 20) }));
  assert.equal(large.status, 413);
  assert.equal((await s.kube('DELETE', `${CONFIGMAPS}/a`)).body.status, 'Success');
});

test('API server: watch from a version, bookmark, end, 410', async (t) => {
  const s = await sandbox(t, { pods: 0 });
  const { body: first } = await s.kube('POST', CONFIGMAPS, configMap('a', { n: '0' }));
  const from = first.metadata.resourceVersion;

  await s.kube('PATCH', `${CONFIGMAPS}/a`, { data: { n: '1' } });
  const watch = await s.watch(`${CONFIGMAPS}?watch=1&resourceVersion=${from}`);
  const named = await s.watch(`${CONFIGMAPS}?watch=1&resourceVersion=${from}` +
    '&fieldSelector=metadata.name%3Db&allowWatchBookmarks=true&timeoutSeconds=3');
  await s.kube('PATCH', `${CONFIGMAPS}/a`, { data: { n: '2' } });
  await waitFor('both changes', () => watch.lines.length === 2);
  assert.deepEqual(watch.lines.map((l) => [l.type, l.object.data.n]),
    [['MODIFIED', '1'], ['MODIFIED', '2']]);
  assert.equal(await named.ended, 'complete'); // after its timeoutSeconds
  assert.deepEqual(named.lines.map((l) => l.type), ['BOOKMARK']);
  assert.equal(named.lines[0].object.metadata.resourceVersion,
    watch.lines[1].object.metadata.resourceVersion);

  await s.control('api', 'compact');
  const old = await s.watch(`${CONFIGMAPS}?watch=1&resourceVersion=${from}`);
  assert.equal(await old.ended, 'complete');
  assert.deepEqual([old.lines[0].type, old.lines[0].object.code], ['ERROR', 410]);
  watch.stop();
});

test('API server: down, up, frozen, slow', async (t) => {
  const s = await sandbox(t, { pods: 0 });
  await s.kube('POST', CONFIGMAPS, configMap('a', { n: '0' }));
  const watch = await s.watch(`${CONFIGMAPS}?watch=1`);
  await waitFor('the first line', () => watch.lines.length === 1);

  await s.control('api', 'down');
  assert.equal(await watch.ended, 'cut');
  await assert.rejects(s.kube('GET', `${CONFIGMAPS}/a`));
  await s.control('api', 'up');
  assert.equal((await s.kube('GET', `${CONFIGMAPS}/a`)).body.data.n, '0');

  await s.control('api', 'freeze');
  let answered = false;
  const asked = s.kube('GET', `${CONFIGMAPS}/a`).then((answer) => {
    answered = true;
    return answer;
  });
  await s.control('status'); // the sandbox itself goes on
  assert.equal(answered, false);
  await s.control('api', 'thaw');
  assert.equal((await asked).status, 200);

  await s.control('api', 'slow', '300ms');
  const start = performance.now();
  await s.kube('GET', `${CONFIGMAPS}/a`);
  assert.ok(performance.now() - start >= 299);
  const waiting = s.kube('GET', `${CONFIGMAPS}/a`).catch(() => 'cut');
  await waitFor('it has arrived', async () => (await s.control('status')) && true);
  await s.control('api', 'down'); // with a request that waits
  await s.control('api', 'up');
  await waiting;
});

test('pods: ready, and what the API says of them', async (t) => {
  const s = await sandbox(t);
  const pods = await s.ready();
  assert.deepEqual(pods.map((p) => p.name), ['memgraph-0', 'memgraph-1', 'memgraph-2']);

  const { body } = await s.kube('GET', `${PODS}?labelSelector=app.kubernetes.io%2Fname%3Dmemgraph`);
  assert.equal(body.items.length, 3);
  for (const [i, item] of body.items.entries()) {
    assert.equal(item.metadata.uid, pods[i].uid);
    assert.equal(item.status.podIP, pods[i].ip);
    assert.equal(item.status.phase, 'Running');
    assert.equal(item.status.conditions.find((c) => c.type === 'Ready').status, 'True');
    assert.equal(item.status.containerStatuses[0].restartCount, 0);
  }
});

test('pods: a killed process is started again in the same pod', async (t) => {
  const s = await sandbox(t, { pods: 1 });
  const [before] = await s.ready();
  const { body: list } = await s.kube('GET', PODS);
  const watch = await s.watch(`${PODS}?watch=1&resourceVersion=${list.metadata.resourceVersion}`);

  process.kill(before.pid, 'SIGKILL'); // any tool may do it
  const after = await waitFor('another process is ready', async () => {
    const pod = await s.pod('memgraph-0');
    return pod.ready && pod.pid !== before.pid && pod;
  });
  assert.deepEqual([after.uid, after.ip, after.restarts], [before.uid, before.ip, 1]);
  await waitFor('the watch saw it ready again', () => watch.lines.length >= 3);
  const seen = watch.lines.map(({ object: { status } }) =>
    [status.conditions.find((c) => c.type === 'Ready').status, status.containerStatuses[0].restartCount]);
  assert.deepEqual(seen, [['False', 0], ['False', 1], ['True', 1]]);
  const { lastState } = watch.lines[0].object.status.containerStatuses[0];
  assert.equal(lastState.terminated.exitCode, 137);
  watch.stop();
});

test('pods: a deleted pod comes back as another one, with its volume', async (t) => {
  const s = await sandbox(t, { pods: 2 });
  const [before] = await s.ready();
  const { body: marked } = await s.kube('DELETE', `${PODS}/memgraph-0`);
  assert.equal(marked.metadata.deletionGracePeriodSeconds, 2);

  const after = await waitFor('another pod is ready', async () => {
    const pod = await s.pod('memgraph-0');
    return pod.ready && pod.uid !== before.uid && pod;
  });
  assert.notEqual(after.ip, before.ip);
  assert.deepEqual([after.volume, after.restarts], [before.volume, 0]);
  assert.equal(alive(before.pid), false);

  await s.kube('DELETE', `${PODS}/memgraph-0?gracePeriodSeconds=0`);
  await waitFor('and another', async () => {
    const pod = await s.pod('memgraph-0');
    return pod.ready && pod.uid !== after.uid;
  });
  assert.equal(alive(after.pid), false);
});

test('pods: a rolling restart goes from the highest down, one by one, and back', async (t) => {
  const s = await sandbox(t, { args: ['--ordered'] });
  const before = await s.ready();
  const uids = async () => (await s.state()).pods.map((p) => p.uid);
  const set = async () =>
    (await s.kube('GET', '/apis/apps/v1/namespaces/default/statefulsets/memgraph')).body.status;
  const { body: list } = await s.kube('GET', PODS);
  const watch = await s.watch(`${PODS}?watch=1&resourceVersion=${list.metadata.resourceVersion}`);
  const gone = () => watch.lines.filter((l) => l.type === 'DELETED')
    .map((l) => l.object.metadata.name);

  await assert.rejects(s.control('rollout', 'undo'), /no last revision/);
  const old = (await set()).updateRevision;
  await s.control('rollout', 'restart');
  await waitFor('all are new', async () => {
    const status = await set();
    return status.currentRevision !== old && status.readyReplicas === 3 && status;
  });
  assert.deepEqual(gone(), ['memgraph-2', 'memgraph-1', 'memgraph-0']);
  const now = await uids();
  assert.ok(before.every((p) => !now.includes(p.uid)));
  // One at a time: whenever one goes, the two others are Ready.
  const ready = new Set(['memgraph-0', 'memgraph-1', 'memgraph-2']);
  for (const { type, object } of watch.lines) {
    const is = object.status.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
    if (type === 'DELETED' || !is) ready.delete(object.metadata.name);
    else ready.add(object.metadata.name);
    assert.ok(ready.size >= 2, `${[...ready]}`);
  }
  await s.control('rollout', 'undo');
  await waitFor('all are old', async () => (await set()).currentRevision === old);
  watch.stop();
});

test('pods: evicted, drained, deleted by force, with a silent node', async (t) => {
  const s = await sandbox(t);
  const pods = await s.ready();

  await s.control('stop-pod', 'memgraph-2');
  await waitFor('it is not Ready', async () => !(await s.pod('memgraph-2')).ready);
  await assert.rejects(s.control('evict', 'memgraph-0'), /disruption budget.*429/);
  await s.control('start-pod', 'memgraph-2');
  await s.ready();
  await s.control('drain', 'memgraph-0');
  await waitFor('the next one has no node', async () => {
    const pod = await s.pod('memgraph-0');
    return pod.uid !== pods[0].uid && pod.phase === 'pending';
  });
  await s.control('uncordon', 'memgraph-0');
  await s.ready();

  await s.control('node', 'down', 'memgraph-1');
  await s.control('delete', 'memgraph-1', '0');
  await waitFor('another object', async () => (await s.pod('memgraph-1')).uid !== pods[1].uid);
  assert.equal((await s.pod('memgraph-1')).phase, 'pending');
  assert.ok(alive(pods[1].pid)); // nobody is there to end it
  await s.control('node', 'up', 'memgraph-1');
  await s.ready();
  assert.ok(!alive(pods[1].pid));
});

test('pods: frozen, and then deleted: SIGKILL after the grace', async (t) => {
  const s = await sandbox(t, { pods: 1, graceSeconds: 1 });
  const [pod] = await s.ready();

  await s.control('freeze', 'memgraph-0');
  await waitFor('it is stopped', async () => (await processState(pod.pid)) === 'T');
  await assert.rejects(s.control('freeze', 'memgraph-0'), /frozen already/);
  await s.control('thaw', 'memgraph-0');
  await waitFor('it goes on', async () => (await processState(pod.pid)) !== 'T');
  await s.control('freeze', 'memgraph-0');
  await s.control('delete', 'memgraph-0');
  await waitFor('another pod', async () => (await s.pod('memgraph-0')).uid !== pod.uid);
  assert.equal(s.event('memgraph-0', 'killed').length, 1);
});

test('pods: wiped, stopped and started, scaled', async (t) => {
  const s = await sandbox(t, { pods: 2 });
  const [pod] = await s.ready();
  const mark = `${pod.volume}/mark`;

  await writeFile(mark, 'x');
  await s.control('restart', 'memgraph-0');
  await waitFor('restarted', async () => (await s.pod('memgraph-0')).restarts === 1);
  assert.ok(existsSync(mark));
  await waitFor('ready', async () => (await s.pod('memgraph-0')).ready);
  await s.control('wipe', 'memgraph-0');
  await waitFor('restarted', async () => (await s.pod('memgraph-0')).restarts === 2);
  assert.ok(!existsSync(mark));

  await s.ready();
  await s.control('stop-pod', 'memgraph-0');
  await waitFor('down', async () => (await s.pod('memgraph-0')).phase === 'down');
  await assert.rejects(s.control('kill', 'memgraph-0'), /not possible while it is down/);
  await s.control('start-pod', 'memgraph-0');
  await s.ready();

  await s.control('scale', '3');
  assert.equal((await s.ready()).length, 3);
  await s.control('scale', '1');
  assert.equal((await s.ready()).length, 1);
  await assert.rejects(s.control('nonsense'), /unknown command/);
  await assert.rejects(s.control('kill', 'main'), /no pod 'main'/); // nobody wrote a record
});

test('for programs: the ready file, commands on standard input, events as JSON lines', async (t) => {
  const file = path.join(tmpdir(), `sandbox-ready-${process.pid}`);
  const s = await sandbox(t, { pods: 1, args: [`--ready-file=${file}`] });
  t.after(() => rm(file));
  assert.deepEqual(Object.keys(JSON.parse(await readFile(file, 'utf8'))), Object.keys(s.info));

  await s.ready();
  s.process.stdin.write('kill memgraph-0\nnonsense\n');
  await waitFor('both answers', () => s.events.filter((e) => e.event === 'answer').length === 2);
  assert.deepEqual(s.events.filter((e) => e.event === 'answer').map(({ ok, text }) => [ok, text]),
    [[true, 'memgraph-0: killed'], [false, "unknown command 'nonsense'; try help"]]);
  await waitFor('its death', () => s.event('memgraph-0', 'died').length === 1);
  assert.match(s.event('memgraph-0', 'died')[0].text, /signal 9/);
  s.process.stdin.end(); // the one who gave commands is gone
  assert.deepEqual(await s.exited, [0, null]);
});

test('controllers: environment, restart, clean stop', async (t) => {
  const s = await sandbox(t,
    { pods: 0, controllers: 2, controller: standIn, env: { EXTRA: 'more' } });
  const line = await waitFor('its first line', async () =>
    JSON.parse((await s.log('controller-1')).split('\n')[0]));
  assert.deepEqual(line, {
    level: 'info', module: 'main', msg: 'started', args: 'run', pod: 'controller-1', api: s.apiUrl,
    token: s.info.token, gateway: s.info.controllers[1].gateway.replace('bolt://', ''), extra: 'more',
  });

  const { pid } = await s.controller(1);
  await s.control('kill', 'controller-1');
  await waitFor('another process', async () => {
    const c = await s.controller(1);
    return c.pid && c.pid !== pid;
  });
  await s.control('term', 'controller-1');
  await waitFor('it is down', async () => (await s.controller(1)).pid === 0);
  await s.control('start', 'controller-1');
  assert.ok((await s.controller(1)).pid);
});

test('hooks: before a pod starts, before it is stopped', async (t) => {
  const s = await sandbox(t, {
    pods: 1,
    args: ['--init-hook=echo $POD_NAME $POD_IP >>$DATA_DIRECTORY/init',
      '--stop-hook=echo stop $POD_UID >>$DATA_DIRECTORY/stop'],
  });
  const [pod] = await s.ready();
  await s.control('delete', 'memgraph-0');
  const next = await waitFor('another pod is ready', async () => {
    const p = await s.pod('memgraph-0');
    return p.ready && p.uid !== pod.uid && p;
  });
  assert.equal(await readFile(`${pod.volume}/init`, 'utf8'),
    `memgraph-0 ${pod.ip}\nmemgraph-0 ${next.ip}\n`);
  assert.equal(await readFile(`${pod.volume}/stop`, 'utf8'), `stop ${pod.uid}\n`);
});

test('the preStop hook asks a controller, and SIGTERM waits for its answer', async (t) => {
  const s = await sandbox(t, {
    pods: 1, controllers: 2, restart: false, graceSeconds: 30,
    env: { MEMGRAPH_USER: 'ann', MEMGRAPH_PASSWORD: 'secret' },
    args: ['--prestop', '--controllers-wait'], // nobody answers, and nobody holds the addresses
  });
  const [pod] = await s.ready();
  await s.control('delete', 'memgraph-0');
  const asked = [];
  const server = http.createServer((request, response) => asked.push({ request, response }))
    .listen(8080, (await s.controller(1)).ip); // the second one
  t.after(() => server.close());

  await waitFor('it is asked', () => asked.length === 1);
  const [{ request, response }] = asked;
  assert.equal(`${request.method} ${request.url}`, `POST /prestop-hook/memgraph-0?uid=${pod.uid}`);
  assert.equal(request.headers.authorization,
    `Basic ${Buffer.from('ann:secret').toString('base64')}`);
  assert.equal((await s.pod('memgraph-0')).terminating, true);
  assert.ok(alive(pod.pid));
  response.end();
  await waitFor('another pod', async () => (await s.pod('memgraph-0')).uid !== pod.uid);
  assert.match(s.event('memgraph-0', 'prestop')[0].text, /exit status 0/);
});

test('the end: nothing is left, also when it is killed', async (t) => {
  for (const how of ['quit', 'SIGTERM', 'SIGKILL']) {
    const s = await sandbox(t, { pods: 2, controllers: 1, controller: standIn, args: ['--keep'] });
    const pods = await s.ready();
    const pids = [...pods.map((p) => p.pid), (await s.controller()).pid];

    await s.control('freeze', 'memgraph-1');
    if (how === 'quit') await s.control('quit');
    else s.process.kill(how);
    await s.exited;
    await waitFor(`no process is left after ${how}`, () => !pids.some(alive));
    await rm(s.info.directory, { recursive: true });
  }
  const s = await sandbox(t, { pods: 1 });
  await s.ready();
  await s.stop();
  assert.equal(existsSync(s.info.directory), false);
});

test('the writer and its check find what is lost, and what should not be there', async (t) => {
  const s = await sandbox(t, { pods: 1 });
  const [pod] = await s.ready();
  const writer = s.writer({ url: pod.bolt });

  await waitFor('fifty writes', () => writer.acknowledged.length >= 50);
  await s.control('kill', 'memgraph-0');
  await waitFor('writes again', () => writer.acknowledgedSince(s.lastCommandAt + 100) > 10);
  await writer.stop();
  await s.ready();
  const { acknowledged, unknown } = await writer.check(pod);
  assert.ok(acknowledged >= 60 && unknown > 0);
  assert.ok(writer.gapAroundMs(s.lastCommandAt) > 100);

  const [id] = [...writer.outcomes].find(([, o]) => o.outcome === 'acknowledged');
  await s.query('memgraph-0', `CREATE (:${writer.label} {id: $id})`, { id });
  await assert.rejects(writer.check(pod), /twice/);
  await s.query('memgraph-0', `MATCH (n:${writer.label}) WHERE n.id = $id DELETE n`, { id });
  await assert.rejects(writer.check(pod), /lost/);
});
