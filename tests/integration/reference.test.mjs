// docs/reference.md against the code: commands, options, exit statuses, routes, Events. (Variables and
// metrics are compared in the unit tests and in metrics.test.mjs.)
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { build, test } from './harness.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file) => readFile(path.join(root, file), 'utf8');
const reference = await read('docs/reference.md');
const section = (heading, end = '\n## ') => reference.split(`\n${heading}\n`)[1].split(end)[0];
// What stands in backticks in the n-th column of the tables of a text.
const column = (text, n = 1) => text.split('\n').filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...line.split(/(?<!\\)\|/)[n].matchAll(/`([^`]+)`/g)].map(([, word]) => word));
const help = () => new Promise((resolve) => {
  execFile(path.join(build, 'memgraph-controller'), ['--help'], (error, out) => resolve(out));
});
const sources = async (folder) => (await Promise.all((await readdir(path.join(root, folder)))
  .filter((file) => file.endsWith('.c')).map((file) => read(`${folder}/${file}`)))).join('\n');

test('every command and option is documented, and there are no others', async () => {
  const text = await help();
  const commands = text.split('Commands:\n')[1].split('\n\n')[0].split('\n')
    .map((line) => line.match(/^ {2}([a-z-]+)/)?.[1]).filter(Boolean).sort();
  const [table, options] = section('## Commands and exit statuses', '\nColour is').split('| option |');
  assert.deepEqual(column(table).map((word) => word.split(' ')[0]).sort(), commands);
  const known = [...text.matchAll(/^ {2,6}(?:-\w, {1,2}| {4})?(--[a-z-]+)/gm)].map(([, name]) => name)
    .filter((name) => !['--help', '--usage', '--version'].includes(name)).sort();
  assert.deepEqual(column(options).map((word) => word.split(' ')[0]).filter((word) => word.startsWith('--')).sort(), known);
});

test('every exit status is documented', async () => {
  const header = `${await read('src/app/run.h')}${await read('src/app/cli.h')}`;
  const defined = [...header.matchAll(/EXIT_[A-Z_]+ = (\d)/g)].map(([, n]) => n).sort();
  const table = section('## Commands and exit statuses').split('| status | meaning |')[1].split('\n\n')[0];
  assert.deepEqual([...table.matchAll(/^\| (\d) \|/gm)].map(([, n]) => n), defined);
});

test('every route is documented', async () => {
  const api = await read('src/app/api.c');
  const routes = [...api.matchAll(/^ {4}\{"(\/[^"]*)", on_\w+\}/gm)].map(([, route]) => route);
  const documented = column(section('## HTTP, on `HTTP_PORT`', '\n### '));
  assert.ok(routes.length >= 12);
  for (const route of routes) assert.ok(documented.includes(route), `${route} in ${documented}`);
  for (const prefix of ['/api/v1/init/<pod>', '/prestop-hook/<pod>', '/api/v1/admin/', '/web/']) {
    assert.ok(documented.some((word) => word.includes(prefix)), prefix);
  }
  const admin = await read('src/app/admin.c');
  const actions = [...admin.matchAll(/^ {4}\{"(\w+)", REQUEST_/gm)].map(([, name]) => name);
  const table = column(section('### Admin routes', '\n### ')).map((word) => word.split('/')[0]);
  for (const action of [...actions, 'pause', 'resume']) assert.ok(table.includes(action), action);
});

test('every Event is documented, and no other', async () => {
  const core = await sources('src/core');
  const told = core.matchAll(/plan_(?:tell|warn)\(\s*plan,\s*v,\s*[A-Z]\w+,\s*"([A-Za-z]+)"/g);
  const made = new Set([...told].map(([, name]) => name));
  const chosen = core.match(/static const char \*event_of\([^]*?\n\}/)[0];
  for (const [, name] of chosen.matchAll(/return "([A-Za-z]+)"/g)) made.add(name);
  const line = reference.split('\n').find((text) => text.startsWith('| Events |'));
  assert.deepEqual([...line.matchAll(/`([A-Z][A-Za-z]+)`/g)].map(([, name]) => name).sort(), [...made].sort());
});
