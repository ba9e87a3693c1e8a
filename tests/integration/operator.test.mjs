// The sub-commands against controllers that are stood in for: what they say of answers that a real one
// gives at bad moments only.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { open } from 'node:fs/promises';
import http from 'node:http';
import path from 'node:path';

import { build, test, waitFor } from './harness.mjs';

const program = path.join(build, 'memgraph-controller');

// {status, out, err}
async function run(args, env = {}, stdio = ['ignore', 'pipe', 'pipe']) {
  const child = spawn(program, args, { env: { PATH: process.env.PATH, ...env }, stdio });
  const text = { out: '', err: '' };
  child.stdout?.on('data', (data) => { text.out += data; });
  child.stderr.on('data', (data) => { text.err += data; });
  const [status] = await once(child, 'close');
  return { status, ...text };
}

// A server that answers as `answer(request)` says: [status, document], or nothing (undefined): it
// breaks the connection. `asked` are the paths, with their methods.
async function standIn(t, answer) {
  const asked = [];
  const server = http.createServer((request, reply) => {
    asked.push(`${request.method} ${request.url}`);
    request.resume().on('end', () => {
      const [status, document] = answer(request) ?? [];
      if (!status) return request.socket.destroy();
      return reply.writeHead(status, { connection: 'close' }).end(typeof document === 'string' ? document : JSON.stringify(document));
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  return { url: `http://127.0.0.1:${server.address().port}`, asked };
}

const calm = { epoch: 4, main: 'memgraph-0', syncReplica: 'memgraph-1', request: null, transition: '', rebuild: [],
  gate: { state: 'open', why: 'memgraph-0 is main' }, reason: 'this controller does not lead', decisions: [], pods: [] };
const recorded = (text) => [202, { asked: 'x', recorded: text }];
// Takes the request, and shows `after` from then on; `answer` is what the record says of it.
const taking = (text, answer, after = {}) => (request) => (request.method === 'POST' ? recorded(text)
  : [200, { ...calm, ...after, record: { answer: `${answer === undefined ? 'refresh@0: served' : `${text}: ${answer}`}` } }]);

test('what became of a request is told as the record has it, whoever answers', async (t) => {
  const cases = [
    [['switchover'], 'switchover@1', 'served', { main: 'memgraph-1', epoch: 5 }, 0, /^done: memgraph-1 is main \(epoch 5\)$/m],
    [['degrade'], 'degrade@1', 'served', { epoch: 5 }, 0, /^done: memgraph-0 serves alone \(epoch 5\), and cannot be replaced until memgraph-1 is back$/m],
    [['failover', '--accept-data-loss'], 'failover@1', 'served',
      { main: 'memgraph-1', epoch: 5, decisions: [{ effect: 'event', why: 'memgraph-2 is refused as diverged' }] },
      0, /^done: memgraph-1 is main \(epoch 5\)$/m],
    [['rebuild', 'memgraph-2'], 'rebuild:2@1', 'served', {}, 0, /^done: memgraph-2 is filled anew/m],
    [['switchover'], 'switchover@1', 'memgraph-1 is empty', {}, 4, /^memgraph-controller: memgraph-1 is empty$/m],
    [['degrade'], 'degrade@1', undefined, {}, 6, /nothing is known of its end here/],
  ];
  for (const [args, text, answer, after, status, said] of cases) {
    const s = await standIn(t, taking(text, answer, after));
    const result = await run([...args, '-c', s.url]);
    assert.equal(result.status, status, `${args}: ${result.out}${result.err}`);
    assert.match(result.out + result.err, said);
    assert.match(result.out, new RegExp(`^recorded: ${text}$`, 'm'));
  }
});

test('a request that may have been taken is not made twice', async (t) => {
  const breaks = await standIn(t, (request) => (request.method === 'POST' ? undefined : [200, calm]));
  const other = await standIn(t, taking('switchover@2', 'served'));
  const result = await run(['switchover', '-c', `http://127.0.0.1:9,${breaks.url},${other.url}`]);
  assert.equal(result.status, 6, result.out + result.err);
  assert.match(result.err, /it may have been recorded all the same/);
  assert.deepEqual(other.asked, []);
  const unsure = await standIn(t, () => [504, { error: 'the answer is missing: it may have been written all the same' }]);
  assert.equal((await run(['switchover', '-c', unsure.url])).status, 6);
});

test('who answers is no controller, or a proxy before it', async (t) => {
  const page = await standIn(t, () => [200, '<html>']);
  const strange = await run(['status', '-c', page.url]);
  assert.equal(strange.status, 5);
  assert.match(strange.err, /is no controller/);
  const proxy = await standIn(t, () => [503, { kind: 'Status', message: 'no endpoints available for service "mg-controller"' }]);
  const away = await run(['status', '-c', proxy.url]);
  assert.equal(away.status, 5);
  assert.match(away.err, /: no endpoints available for service "mg-controller" \(/);
  const forbidden = await standIn(t, () => [403, { kind: 'Status', message: 'you cannot get services/proxy' }]);
  const refused = await run(['status', '-c', forbidden.url]);
  assert.equal(refused.status, 4);
  assert.match(refused.err, /refused \(HTTP 403\): you cannot get services\/proxy/);
  const both = await run(['status', '-c', 'http://127.0.0.1:9,http://127.0.0.1:19']);
  assert.match(both.err, /:9: .*; http:\/\/127\.0\.0\.1:19: /);
  const wrong = await standIn(t, () => [401, { error: 'wanted the header' }]);
  assert.match((await run(['switchover', '-c', wrong.url])).err, /--token-file FILE \(else ADMIN_TOKEN_FILE\)/);
});

const pod = (name, topology, state = 'up') => ({ name, topology, kubernetes: { exists: true, ready: state === 'up', uid: name },
  link: { state }, memgraph: { role: topology === 'main' ? 'main' : 'replica', version: '3.6.1' }, registration: null });
const no = (answer, ...conditions) => ({ possible: false, answer, conditions });

test('status says what a person can do, and how sure it is', async (t) => {
  const document = {
    status: { ...calm, state: 'OPERATIONAL_STATE', degraded: true, plannedUntil: '2026-11-25T20:06:30.000000Z', kubernetesAgeMs: 17_400,
      gate: { state: 'cut', why: 'no connection to memgraph-0' }, reason: 'I follow', leadership: { leader: false, holder: 'controller-1', identity: 'controller-0' },
      paused: null, request: { kind: 'rebuild', pod: 'memgraph-2', at: '2026-11-25T20:01:30.123456Z' },
      pods: [pod('memgraph-0', 'main', 'down'), pod('memgraph-1', 'sync'), pod('memgraph-2', 'async')] },
    explain: {
      failover: no('', { name: 'it is connected', holds: true }, { name: 'somebody leads', holds: false, value: 'no lease' }), writes: no('gate'),
      rebuild: { 'memgraph-1': no('memgraph-1 waits for a person: request a rebuild', { holds: true, value: 'refused as diverged' }),
        'memgraph-2': no('memgraph-2 needs no rebuild', { holds: false, value: 'nothing' }) },
    },
  };
  const s = await standIn(t, () => [200, document]);
  const status = async () => (await run(['status', '-c', s.url])).out;
  const out = await status();
  assert.match(out, /^what helps memgraph-0 comes back: .*`memgraph-controller failover --accept-data-loss`$/m);
  assert.match(out, /^alone +memgraph-0 serves alone by decision until 2026-11-25T20:06:30: nobody can take over$/m);
  assert.match(out, /^leader +controller-1 \(controller-0 answers\)$/m);
  assert.match(out, /^kubernetes heard 17 s ago: nothing is decided until somebody leads$/m);
  assert.match(out, /^request +rebuild memgraph-2, since 2026-11-25T20:01:30Z$/m);
  assert.match(out, /^rebuild +memgraph-1 waits for a person: request a rebuild \(refused as diverged\): `memgraph-controller rebuild memgraph-1`$/m);
  assert.match(out, /^memgraph-1 .* none /m);
  assert.doesNotMatch(out, /I follow|memgraph-2 needs/);
  document.status.paused = { words: 'by ann since then' }; // nobody is to act now
  assert.doesNotMatch(await status(), /what helps/);
  assert.match(await status(), /^paused +by ann since then$/m);
});

test('YAML of names and words that would read as something else', async (t) => {
  const words = ['yes', '12:34', 'a: b', '# no', "it's \"so\"", 'two\nlines', '\u007f\u0085\u009f', 'Grüße \u{1f600}', '', '- x'];
  const s = await standIn(t, () => [200, { '1e-0': 1, words, history: { possible: true }, list: [[1, []], {}] }]);
  const { out } = await run(['status', '-o', 'yaml', '-c', s.url]);
  assert.match(out, /^"1e-0": 1\nwords:\n/);
  const items = out.split('words:\n')[1].split('\nhistory:')[0].split('\n');
  assert.deepEqual(items.map((line) => JSON.parse(line.replace(/^ {2}- /, ''))), words);
  assert.doesNotMatch(out, /[\u007f-\u009f]/u);
  assert.equal(out.split('list:\n')[1], '  -\n    - 1\n    - []\n  - {}\n');
  const empty = await standIn(t, () => [200, { seenBy: 'c', transitions: [] }]);
  assert.equal((await run(['history', '-c', empty.url])).out, 'no transition so far\n');
});

test('watch keeps the first lines in sight, and says when nobody answers any more', async (t) => {
  let away = false;
  const document = { status: { ...calm, time: '2026-11-25T20:06:30.123456Z', leadership: { holder: 'c', identity: 'c', leader: true }, state: 'OPERATIONAL_STATE',
    pods: ['memgraph-0', 'memgraph-1', 'memgraph-2'].map((name, i) => pod(name, ['main', 'sync', 'async'][i])) },
    explain: { writes: { possible: true }, failover: no('', ...[1, 2, 3].map((n) => ({ name: `${n}`, value: `reason ${n} ${'x'.repeat(50)}` }))) } };
  const s = await standIn(t, () => (away ? undefined : [200, document]));
  const watch = spawn('script', ['-qefc', `stty rows 9 cols 40; exec ${program} watch -c ${s.url}`, '/dev/null'],
    { env: { PATH: process.env.PATH, TERM: 'xterm' } });
  t.after(() => watch.kill());
  let out = '';
  watch.stdout.on('data', (data) => { out += data; });
  const screens = () => out.split('\u001b[H\u001b[J').slice(1, -1); // whole ones
  await waitFor('two screens', () => screens().length >= 2);
  const plain = screens()[0].replaceAll(/\u001b\[\d*m/g, '').split('\r\n');
  const rows = plain.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 40)), 0);
  assert.ok(rows <= 9 && rows >= 8, `${rows} rows: ${plain.join('\n')}`);
  assert.match(plain[2], /^memgraph-0 is main; memgraph-1 would take over now: NO/);
  away = true;
  await waitFor('that nobody answers', () => /NO CONTROLLER ANSWERS, for \d+ s: so it was at 2026-11-25T20:06:30Z/.test(out));
  away = false;
  await waitFor('that somebody does', () => !/NO CONTROLLER/.test(screens().at(-1)));
});

test('arguments that nobody would mean are refused before anybody is asked', async (t) => {
  const s = await standIn(t, taking('pause@1', 'served'));
  const cases = [
    [['rebuild', '../pause'], /'\.\.\/pause' is no pod's name/],
    [['rebuild', '..'], /no pod's name/],
    [['explain', 'a b'], /no pod's name/],
    [['pause', '--for', '1x'], /'1x': wanted a duration/],
    [['pause', '--for', '0'], /wanted a duration/],
    [['status', '--namespace', 'production'], /kubectl memgraph-ha/],
    [['switchover', '--context', 'production'], /kubectl memgraph-ha/],
    [['drill', '--read', '127.0.0.1:9'], /drill --help/],
  ];
  for (const [args, said] of cases) {
    const result = await run([...args, '-c', s.url]);
    assert.equal(result.status, 1, args.join(' '));
    assert.match(result.err, said);
  }
  assert.deepEqual(s.asked, []);
});

test('output that gets nowhere is an error', async (t) => {
  const s = await standIn(t, () => [200, calm]);
  const full = await open('/dev/full', 'w');
  t.after(() => full.close());
  for (const args of [['status', '-o', 'json', '-c', s.url], ['version'], ['--help'], ['failover', '--help']]) {
    const result = await run(args, {}, ['ignore', full.fd, 'pipe']);
    assert.equal(result.status, 1, args.join(' '));
    assert.match(result.err, /standard output: No space left on device/);
  }
});

test('the help of a command has its options alone, and what it means', async () => {
  const failover = (await run(['failover', '--help'])).out;
  assert.match(failover, /^Usage: memgraph-controller failover \[OPTION\.\.\.\]\n/);
  assert.match(failover, /ACKNOWLEDGED WRITES MAY BE LOST/);
  assert.match(failover, /^ +--accept-data-loss/m);
  assert.doesNotMatch(failover, /--data-directory|--namespace|--for/);
  assert.match((await run(['--help', 'rebuild'])).out, /^Usage: memgraph-controller rebuild POD /);
  const all = (await run(['--help'])).out.split('\nCommands:\n')[1].split('\n\n')[0];
  const names = [...all.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name);
  assert.ok(names.length >= 19);
  for (const line of all.split('\n')) assert.match(line, /^ {2}[a-z-]/); // none is broken in two
});
