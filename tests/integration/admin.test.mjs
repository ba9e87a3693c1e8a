// What an operator and the pods' hooks ask for, over HTTP and with the program's own sub-commands.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';

import { checkWhole, cluster, cuts, formed, refused, writesOn } from './cluster.mjs';
import { build, test, waitFor } from './harness.mjs';

const program = path.join(build, 'memgraph-controller');
const TOKEN = 'open-sesame';

// A formed cluster whose admin routes are open; s.cli and s.post talk with a controller.
async function operated(t, options = {}) {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'admin-'));
  t.after(() => rm(directory, { recursive: true }));
  const tokenFile = path.join(directory, 'token');
  await writeFile(tokenFile, `${TOKEN}\n`);
  const s = await cluster(t, { ...options, env: { ADMIN_TOKEN_FILE: tokenFile, ...options.env } });

  // {status, out, err} of a sub-command that asks controller `index`.
  s.cli = async (args, index = 0) => {
    const { http } = await s.controller(index);
    return new Promise((resolve) => {
      execFile(program, [...args, '--controller', http, '--token-file', tokenFile],
        { timeout: 20_000 }, (error, out, err) => resolve({ status: error?.code ?? 0, out, err }));
    });
  };
  s.post = async (target, { index = 0, token = TOKEN, body = undefined } = {}) => {
    const { http } = await s.controller(index);
    const headers = token ? { authorization: `Bearer ${token}` } : {};
    const answer = await fetch(http + target, { method: 'POST', headers, body: body && JSON.stringify(body) });
    return { status: answer.status, body: await answer.json() };
  };
  return s;
}

const kinds = async (s) => JSON.parse((await s.record()).history).map((h) => h.kind);

test('switchover by a follower\'s command, and back by name: nothing lost, nobody refused', async (t) => {
  const s = await operated(t, { controllers: 2 });
  const follower = (await s.status(0, '/api/v1/leadership')).leader ? 1 : 0;
  const load = s.writer({ index: 0 });
  await writesOn(load);
  const cutsBefore = await cuts(s);

  const explained = await waitFor('the follower has seen who leads', async () => {
    const told = await s.cli(['explain'], follower);
    if (told.status !== 0) throw new Error(told.out + told.err);
    return told;
  });
  assert.match(explained.out, /^failover: yes: /m);
  assert.match(explained.out, /^switchover: yes: /m);
  assert.match(explained.out, /^rebuild of memgraph-2: no need is known: the main has nothing against its data$/m);

  s.lastCommandAt = performance.now();
  const asked = await s.cli(['switchover'], follower);
  assert.equal(asked.status, 0, asked.err);
  assert.match(asked.out, /^recorded: switchover@\d+/);
  await waitFor('the other one is main', async () => (await s.status()).main === 'memgraph-1');
  await writesOn(load);
  const gap = load.gapAroundMs(s.lastCommandAt);
  await formed(s);
  assert.equal((await s.record()).request, '');
  assert.ok(await cuts(s) - cutsBefore >= 1);

  const again = await s.cli(['switchover', '--to', 'memgraph-1']);
  assert.equal(again.status, 4);
  assert.match(again.err, /memgraph-1 is main already/);
  assert.equal((await s.cli(['switchover', '--to', 'memgraph-0'])).status, 0);
  await waitFor('back again', async () => (await s.status()).main === 'memgraph-0');
  await writesOn(load);
  await checkWhole(s, load);
  assert.equal(await refused(s), 0);
  t.diagnostic(`gap ${gap.toFixed(0)} ms`);
  assert.deepEqual((await kinds(s)).filter((k) => k !== 'refresh'), ['initial', 'switchover', 'switchover']);
  const history = await s.cli(['history']);
  assert.match(history.out, / switchover +memgraph-0 -> memgraph-1 /);
});

test('who may ask, and for what', async (t) => {
  const s = await operated(t);
  const admin = '/api/v1/admin';

  assert.equal((await s.post(`${admin}/refresh`, { token: null })).status, 401);
  assert.equal((await s.post(`${admin}/refresh`, { token: 'guess' })).status, 401);
  assert.equal((await s.post(`${admin}/failover`)).status, 400);
  assert.equal((await s.post(`${admin}/nothing`)).status, 404);
  assert.equal((await s.post(`${admin}/rebuild/memgraph-0`)).status, 409); // it is main
  assert.equal((await s.post(`${admin}/switchover`, { body: { to: 'memgraph-2' } })).status, 409);
  const usage = await s.cli(['failover']);
  assert.equal(usage.status, 1);
  assert.match(usage.err, /--accept-data-loss/);
  assert.deepEqual(await kinds(s), ['initial']);

  const closed = await cluster(t, { env: { ADMIN_TOKEN_FILE: '' } });
  const answer = await fetch(`${(await closed.controller()).http}${admin}/refresh`,
    { method: 'POST', headers: { authorization: `Bearer ${TOKEN}` } });
  assert.equal(answer.status, 403);
  assert.match((await answer.json()).error, /ADMIN_TOKEN_FILE/);
});

test('paused: the main dies and nobody decides; resumed: failover', async (t) => {
  const s = await operated(t, { args: ['--no-backoff'], restartDelay: '60s' });
  const load = s.writer();
  await writesOn(load);

  assert.equal((await s.cli(['pause', '--for', '1h'])).status, 0);
  await waitFor('it is paused', async () => (await s.status()).paused);
  assert.match((await s.cli(['status'])).out, /^paused +by \w+ since \S+Z until \S+Z$/m);
  await s.control('kill', 'main');
  await waitFor('the loss is seen', async () => (await s.status()).pods[0].link.state === 'down');
  const epoch = (await s.record()).epoch;
  const refusal = await s.cli(['switchover']);
  assert.equal(refusal.status, 4);
  assert.match(refusal.err, /paused/);
  await waitFor('writes fail', () => load.count('refused') + load.count('unknown') > 0);
  assert.equal((await s.record()).epoch, epoch);

  assert.equal((await s.cli(['resume'])).status, 0);
  await waitFor('the other one is main', async () => (await s.status()).main === 'memgraph-1');
  await writesOn(load);
  await load.stop();
  await load.check(await s.main());
  assert.equal((await s.cli(['resume'])).status, 4); // it is not paused
});

test('degraded by request: the main serves alone, and a failover would be refused', async (t) => {
  const s = await operated(t);
  const load = s.writer();
  await writesOn(load);

  assert.equal((await s.cli(['degrade'])).status, 0);
  await waitFor('it serves alone', async () => /^none:degraded/.test((await s.status()).sync));
  await writesOn(load);
  const status = await s.status();
  assert.equal(status.degraded, true);
  const explained = await s.cli(['explain']);
  assert.equal(explained.status, 4);
  assert.match(explained.out, /^failover: NO: /m);
  assert.match(explained.out, /^ {2}\[ \] /m);
  assert.match(await (await fetch(`${(await s.controller()).http}/metrics`)).text(),
    /^memgraph_controller_degraded 1$/m);

  assert.equal((await s.cli(['refresh'])).status, 0); // S may join again
  await formed(s);
  await checkWhole(s, load);
  assert.equal(await refused(s), 0);
});

const hook = async (s, pod) => fetch(`${(await s.controller()).http}/prestop-hook/${pod}`, { method: 'POST' });

test('preStop hooks of S and of the main: both may stop soon; for S no write fails', async (t) => {
  const s = await operated(t);
  const load = s.writer();
  await writesOn(load);

  assert.equal((await hook(s, 'memgraph-2')).status, 200); // nobody counts on it
  await s.control('kill', 'memgraph-2'); // its container is restarted: its request, if it needed one, is closed
  await formed(s);
  await waitFor('no request is open', async () => (await s.record()).request === '');
  const answer = await hook(s, 'memgraph-1');
  assert.equal(answer.status, 200, await answer.text());
  assert.match((await s.record()).sync, /^none:planned/);
  assert.match((await s.record()).request, /^stop:1@/);
  await writesOn(load);
  await s.control('kill', 'memgraph-1'); // its container is restarted
  await formed(s);
  assert.equal((await s.record()).request, '');
  assert.equal((await s.status()).main, 'memgraph-0');
  assert.equal(load.count('refused') + load.count('unknown'), 0, 'a write failed');

  const second = await hook(s, 'memgraph-0');
  assert.equal(second.status, 200, await second.text());
  assert.equal((await s.status()).main, 'memgraph-1');
  assert.match((await s.record()).sync, /^none:/);
  await writesOn(load);
  await s.control('kill', 'memgraph-0');
  await formed(s);
  await checkWhole(s, load);
  assert.equal(await refused(s), 0);
});

test('a replica is rebuilt: its data go aside, the main fills it anew', async (t) => {
  const s = await operated(t, { args: ['--init'] });
  const load = s.writer();
  await writesOn(load);
  const old = await s.pod('memgraph-2');

  assert.equal((await s.cli(['rebuild', 'memgraph-2'])).status, 0);
  await waitFor('another pod', async () => (await s.pod('memgraph-2')).uid !== old.uid);
  await waitFor('it is filled', async () => (await s.record()).rebuild === '');
  const pod = await s.pod('memgraph-2');
  assert.deepEqual((await readdir(path.join(pod.volume, 'aside'))), [old.uid]);
  const aside = await readdir(path.join(pod.volume, 'aside', old.uid));
  assert.ok(['done', 'replication', 'wal'].every((name) => aside.includes(name)), aside.join());
  await checkWhole(s, load);

  // The one that was set aside makes room, as a person asks again.
  assert.equal((await s.cli(['rebuild', 'memgraph-2'])).status, 0);
  await waitFor('another pod', async () => (await s.pod('memgraph-2')).uid !== pod.uid);
  await waitFor('it is filled', async () => (await s.record()).rebuild === '');
  assert.deepEqual((await readdir(path.join(pod.volume, 'aside'))), [pod.uid]);
  await formed(s);
});

// A sub-command without a cluster: {status, out, err}.
const alone = (args, env = {}) => new Promise((resolve) => {
  execFile(program, args, { env: { ...process.env, ...env }, timeout: 20_000 },
    (error, out, err) => resolve({ status: error?.code ?? 0, out, err }));
});

test('sub-commands without a controller: what they say, and their exit statuses', async (t) => {
  const nobody = { CONTROLLER_URL: 'http://127.0.0.1:9,http://127.0.0.1:19' };
  const help = await alone(['--help']);
  assert.equal(help.status, 0);
  for (const name of ['run', 'check-config', 'status', 'explain', 'history', 'switchover', 'failover',
    'rebuild', 'degrade', 'refresh', 'pause', 'resume', 'prestop', 'init', 'version'])
    assert.match(help.out, new RegExp(`^  ${name}\\b`, 'm'));

  for (const args of [['status'], ['explain'], ['switchover']])
    assert.equal((await alone(args, nobody)).status, 5, args.join(' '));
  for (const args of [['rebuild'], ['status', 'x'], ['status', '--for', '1h'], ['run', 'x'], ['nothing'],
    ['init', 'a', 'b']])
    assert.equal((await alone(args, nobody)).status, 1, args.join(' '));
  assert.equal((await alone(['init'], nobody)).status, 2);
  assert.equal((await alone(['switchover', '--token-file', '/nonexistent'], nobody)).status, 2);

  const pod = { ...nobody, POD_NAME: 'memgraph-0', POD_UID: 'u', INIT_TIMEOUT: '1s', PRESTOP_TIMEOUT_SECONDS: '1' };
  const init = await alone(['init'], pod);
  assert.equal(init.status, 1);
  assert.match(init.err, /no controller .* says whether the data of memgraph-0 may be used: /);
  const prestop = await alone(['prestop'], pod);
  assert.equal(prestop.status, 1);
  t.diagnostic(prestop.err.trim());
});
