// The metrics, the alert rules, the dashboard and the runbooks belong together; Prometheus' own tool
// judges what it can.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
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

// {name: Set of labels} of a page of metrics, or of the reference (with the type of each).
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
    const [first, type, labels] = line.split('|').slice(1);
    const words = (text) => [...text.matchAll(/`([^`]+)`/g)].map(([, word]) => word);
    for (const name of words(first)) names.set(name, Object.assign(new Set(words(labels)), { type: type.trim() }));
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
  const types = new Map([...page.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, type]) => [name, type]));
  for (const [name, { type }] of names) {
    assert.ok(shown.has(name), `${name} has no value`);
    assert.equal(types.get(name), type, `type of ${name}`);
  }
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
  for (const rule of rules.split('      - alert: ').slice(1)) {
    const alert = rule.split('\n')[0];
    const [, severity] = /severity: (\w+)/.exec(rule);
    const wait = /for: (\w+)/.exec(rule)?.[1];
    assert.ok(rule.includes(`runbook_url: docs/runbooks/${alert}.md`), alert);
    assert.ok(index.includes(`| [${alert}](${alert}.md) | ${severity} |`), `${alert} in the index`);
    assert.ok(tests.includes(`alertname: ${alert}\n        exp_alerts:\n`), `${alert} is tested`);
    assert.ok(tests.includes(`alertname: ${alert}\n        exp_alerts: []\n`), `${alert} is tested for when it must not fire`);
    const page = await read(`docs/runbooks/${alert}.md`);
    assert.ok(page.startsWith(`# ${alert}\n\n`), alert);
    assert.ok(page.includes(`\nSeverity: ${severity}.${wait ? ` After: ${wait}.` : ''}\n`), `severity and time of ${alert}`);
    assert.deepEqual([...page.matchAll(/^## (.*)$/gm)].map(([, head]) => head),
      ['What it means', 'What clients feel', 'Look', 'Do'], alert);
    assert.ok(page.endsWith('[Get help](README.md#when-a-page-does-not-help).\n'), alert);
    for (const [, target] of page.matchAll(/\]\((\w+\.md)\)/g))
      assert.ok(pages.includes(target), `${alert} points to ${target}`);
  }
  assert.ok(index.includes('\n## When a page does not help\n'));
});

test('the commands and settings that the runbooks name are there', async () => {
  const reference = await read('docs/reference.md');
  const values = await read('docs/values.md');
  const commands = reference.split('\n## Commands and exit statuses\n')[1].split('| option |')[0];
  for (const file of await readdir(path.join(root, 'docs/runbooks'))) {
    const page = await read(`docs/runbooks/${file}`);
    for (const [, command] of page.matchAll(/memgraph-controller ([a-z-]+)/g))
      assert.match(commands, new RegExp(`\`${command}[ \`]`), `${command} in ${file}`);
    for (const [, option] of page.matchAll(/memgraph-controller [^\n`]*?(--[a-z-]+)/g))
      assert.ok(reference.includes(`\`${option}`), `${option} in ${file}`);
    for (const [, name] of page.matchAll(/`([A-Z]+(?:_[A-Z]+)+)(?:=\w+)?`/g))
      assert.ok(reference.includes(`\`${name}\``), `${name} in ${file}`);
    for (const [, value] of page.matchAll(/`((?:controller|memgraph|networkPolicy)\.\w+)`/g))
      assert.ok(values.includes(`\`${value}\``), `${value} in ${file}`);
  }
});

// What Prometheus adds to every series of a target, and le.
const TARGET = ['namespace', 'job', 'instance', 'le'];
const metricsOf = (text) => [...text.matchAll(/\b(?:memgraph|process)_[a-z_]+\b/g)].map(([name]) => name);
const known = (names, name) => names.get(name) ?? names.get(name.replace(/_(?:bucket|sum|count)$/, ''));

// Series and labels of one expression are those of the reference.
function checkExpression(names, expr) {
  const labels = new Set(TARGET);
  for (const name of metricsOf(expr)) {
    assert.ok(known(names, name), `${name} in ${expr}`);
    for (const label of known(names, name)) labels.add(label);
  }
  for (const [, name, matchers] of expr.matchAll(/([a-z_]+)\{([^}]*)\}/g)) {
    for (const [, label] of matchers.matchAll(/([a-z]+)(?:=~|!~|!=|=)"/g))
      if (known(names, name)) assert.ok(known(names, name).has(label) || TARGET.includes(label), `${label} of ${name} in ${expr}`);
  }
  for (const [, list] of expr.matchAll(/\b(?:by|on) \(([^)]*)\)/g))
    for (const label of list.split(/, */)) assert.ok(labels.has(label), `${label} in ${expr}`);
  for (const [whole, call, name] of expr.matchAll(/([a-z_]*)\(?(memgraph_[a-z_]+_(?:total|bucket))\b/g))
    assert.match(call, /^(?:rate|increase)$/, `${name} in ${whole}`);
  return labels;
}

test('the rules ask for series that there are', async () => {
  const names = documented(await read('docs/reference.md'));
  const rules = await read('chart/memgraph-ha/files/alerts.yaml');
  const exprs = [...rules.matchAll(/expr: \|\n +(.*)\n/g)].map(([, expr]) => expr);
  assert.ok(exprs.length > 20 && exprs.length === rules.split('alert: ').length - 1);
  for (const expr of exprs.filter((e) => !e.includes('kube_pod_container'))) checkExpression(names, expr);
});

test('the dashboard: panels that do not overlap, expressions that Prometheus takes, series that there are', async (t) => {
  const names = documented(await read('docs/reference.md'));
  const dashboard = JSON.parse(await read('chart/memgraph-ha/files/dashboard.json'));
  const { panels } = dashboard;
  assert.equal(new Set(panels.map((p) => p.id)).size, panels.length);
  assert.equal(new Set(panels.map((p) => p.title)).size, panels.length);
  assert.deepEqual(dashboard.templating.list.map((v) => v.name), ['datasource', 'namespace', 'job']);
  for (const [i, { title, gridPos: g }] of panels.entries()) {
    assert.ok(g.x >= 0 && g.w > 0 && g.h > 0 && g.x + g.w <= 24, title);
    for (const { title: other, gridPos: o } of panels.slice(i + 1))
      assert.ok(g.x + g.w <= o.x || o.x + o.w <= g.x || g.y + g.h <= o.y || o.y + o.h <= g.y, `${title} over ${other}`);
  }
  const source = { type: 'prometheus', uid: '${datasource}' };
  const shown = panels.filter((p) => p.type !== 'row');
  assert.ok(shown.length >= 40);
  const exprs = [];
  for (const panel of shown) {
    assert.ok(['stat', 'timeseries', 'state-timeline'].includes(panel.type), panel.title);
    assert.deepEqual(panel.datasource, source, panel.title);
    assert.equal(new Set(panel.targets.map((q) => q.refId)).size, panel.targets.length, panel.title);
    for (const { expr, legendFormat, datasource } of panel.targets) {
      assert.deepEqual(datasource, source, panel.title);
      const labels = checkExpression(names, expr);
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) {
        assert.ok(labels.has(label), `{{${label}}} in ${panel.title}`);
        assert.ok(!/ by \(/.test(expr) || new RegExp(` by \\([^)]*\\b${label}\\b`).test(expr), `{{${label}}} of ${expr}`);
      }
      exprs.push(expr);
    }
  }
  exprs.push(...dashboard.annotations.list.map((note) => note.expr));
  for (const expr of exprs) // two installations in one namespace are two pictures
    for (const [selector] of expr.matchAll(/\b(?:memgraph|process)_[a-z_]+(?:\{[^}]*\})?/g))
      assert.match(selector, /\{namespace="\$namespace",job="\$job"/, expr);
  const rules = exprs.map((expr, i) => `  - record: panel_${i}\n    expr: ${JSON.stringify(
    expr.replaceAll('$__rate_interval', '5m').replaceAll('$__range', '1h'))}\n`).join('');
  const file = path.join(await mkdtemp(path.join(tmpdir(), 'dashboard-')), 'rules.yaml');
  t.after(() => rm(path.dirname(file), { recursive: true }));
  await writeFile(file, `groups:\n- name: dashboard\n  rules:\n${rules}`);
  assert.deepEqual((await promtool(['check', 'rules', '--lint=none', file])).text.match(/\d+ rules found|FAILED[^]*/)?.[0], `${exprs.length} rules found`);
});
