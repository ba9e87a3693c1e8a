// The metrics, the alert rules, the dashboard and the runbooks belong together; Prometheus' own tool
// judges what it can.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { cluster, formed, writesOn } from './cluster.mjs';
import { test, waitFor } from './harness.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const read = (file) => readFile(path.join(root, file), 'utf8');

const promtool = (args, input = '') => new Promise((resolve) => {
  const child = execFile('promtool', args, { cwd: root }, (error, out, err) =>
    resolve({ status: error ? error.code : 0, text: out + err }));
  child.stdin.end(input);
});

// {name: Set of labels} of a page of metrics, or of the reference.
function series(page) {
  const names = new Map();
  for (const [, name, labels = ''] of page.matchAll(/^([a-z_]+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? [-+0-9]/gm)) {
    const set = names.get(name) ?? names.set(name, new Set()).get(name);
    for (const [, label] of labels.matchAll(/([a-z]+)="/g)) if (label !== 'le') set.add(label);
  }
  return names;
}

function documented(reference) {
  const names = new Map();
  const table = reference.split('\n## Metrics\n')[1].split('\n## ')[0];
  for (const line of table.split('\n').filter((l) => l.startsWith('| `'))) {
    const [first, labels] = line.split('|').slice(1);
    const words = (text) => [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
    for (const name of words(first)) names.set(name, new Set(words(labels)));
  }
  return names;
}

test('the metrics keep the conventions, and are those of the reference with their labels', async (t) => {
  const s = await cluster(t);
  const load = s.writer();
  await writesOn(load);
  await s.control('kill', 'main');
  await formed(s);
  const { http } = await s.controller();
  const page = await waitFor('the metrics tell of the failover and of what is stored', async () => {
    const text = await (await fetch(`${http}/metrics`)).text();
    return /failovers_total\{from="memgraph-0",to="memgraph-1",reason="process gone",result="done"\} 1/.test(text) &&
      /memgraph_pod_vertices\{pod="memgraph-1"\} [1-9]/.test(text) && /memgraph_pod_memory_bytes\{.*\} [1-9]/.test(text) && text;
  });
  assert.deepEqual(await promtool(['check', 'metrics'], page), { status: 0, text: '' });
  assert.notEqual((await promtool(['check', 'metrics'], `${page}# TYPE odd_total gauge\nodd_total 1\n`)).status, 0);

  const names = documented(await read('docs/reference.md'));
  const shown = series(page);
  for (const [name, labels] of shown) {
    assert.ok(names.has(name), `${name} is in no table`);
    assert.deepEqual([...labels].sort(), [...names.get(name)].sort(), `labels of ${name}`);
  }
  for (const name of names.keys()) assert.ok(shown.has(name), `${name} has no value`);
});

test('the alert rules fire for what they are about; each has its page', async () => {
  assert.match((await promtool(['check', 'rules', 'chart/memgraph-ha/files/alerts.yaml'])).text, /SUCCESS: \d+ rules found/);
  const { status, text } = await promtool(['test', 'rules', 'tests/alerts/alerts.test.yaml']);
  assert.equal(status, 0, text);
  const rules = await read('chart/memgraph-ha/files/alerts.yaml');
  const alerts = [...rules.matchAll(/alert: (\w+)/g)].map(([, name]) => name);
  const tests = await read('tests/alerts/alerts.test.yaml');
  const pages = (await readdir(path.join(root, 'docs/runbooks'))).filter((f) => f !== 'README.md');
  assert.deepEqual(pages.map((f) => f.replace('.md', '')).sort(), [...alerts].sort());
  const index = await read('docs/runbooks/README.md');
  for (const alert of alerts) {
    assert.ok(rules.includes(`runbook: docs/runbooks/${alert}.md`), alert);
    assert.ok(index.includes(`(${alert}.md)`), `${alert} in the index`);
    assert.ok(tests.includes(`alertname: ${alert}\n        exp_alerts:\n`), `${alert} is tested`);
  }
  for (const page of pages) {
    for (const [, target] of (await read(`docs/runbooks/${page}`)).matchAll(/\]\((\w+\.md)\)/g)) {
      assert.ok(pages.includes(target), `${page} points to ${target}`);
    }
  }
});

test('rules and dashboard ask for metrics that there are', async () => {
  const names = documented(await read('docs/reference.md'));
  const dashboard = JSON.parse(await read('chart/memgraph-ha/files/dashboard.json'));
  const texts = dashboard.panels.flatMap((p) => p.targets.map((target) => target.expr));
  assert.ok(texts.length >= 18);
  texts.push(await read('chart/memgraph-ha/files/alerts.yaml'));
  for (const text of texts) {
    for (const [name] of text.matchAll(/\bmemgraph_[a-z_]+\b/g)) {
      assert.ok(names.has(name.replace(/_bucket$/, '')), `${name} in ${text.slice(0, 80)}`);
    }
  }
  assert.equal(new Set(dashboard.panels.map((p) => p.id)).size, dashboard.panels.length);
});
