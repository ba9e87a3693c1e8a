// The alert rules in a Prometheus that scrapes real controllers: what tests/alerts assumes of the series
// is what they export. Each `for` is cut to a second.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

import { cluster, formed } from './cluster.mjs';
import { test, waitFor } from './harness.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

// Ends with the test. {firing()}: the alerts that fire, by name.
async function prometheus(t, s) {
  const folder = await mkdtemp(path.join(tmpdir(), 'prometheus-'));
  const address = `127.${s.net}.0.1:9090`;
  const targets = s.info.controllers.map(({ http }) => new URL(http).host);
  const rules = await readFile(path.join(root, 'chart/memgraph-ha/files/alerts.yaml'), 'utf8');
  await writeFile(path.join(folder, 'rules.yaml'), rules.replace(/for: \w+/g, 'for: 1s'));
  await writeFile(path.join(folder, 'prometheus.yml'), JSON.stringify({ // JSON is YAML
    global: { scrape_interval: '500ms', scrape_timeout: '500ms', evaluation_interval: '500ms' },
    rule_files: ['rules.yaml'],
    scrape_configs: [{ job_name: 'mg', honor_labels: true, static_configs: [{ targets, labels: { namespace: 'db' } }] }],
  }));
  const child = spawn('prometheus', [`--config.file=${folder}/prometheus.yml`, `--storage.tsdb.path=${folder}/data`,
    `--web.listen-address=${address}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  let errors = '';
  child.stderr.on('data', (data) => { errors += data; });
  const ended = once(child, 'exit');
  t.after(async () => {
    child.kill();
    await ended;
    await rm(folder, { recursive: true });
  });
  const get = async (target) => {
    if (child.exitCode !== null) throw new Error(errors);
    return (await (await fetch(`http://${address}${target}`)).json()).data;
  };
  await waitFor('it has seen both controllers', async () =>
    (await get('/api/v1/query?query=memgraph_controller_info')).result.length === 2, 20_000);
  return {
    firing: async () => Object.fromEntries((await get('/api/v1/alerts')).alerts
      .filter((alert) => alert.state === 'firing').map((alert) => [alert.labels.alertname, alert])),
  };
}

test('Prometheus: the alerts that fire are those of what happened, and no other', { timeout: 120_000 }, async (t) => {
  const s = await cluster(t, { controllers: 2, env: { GATEWAY_HOLD_TIMEOUT: '700ms' } });
  const { firing } = await prometheus(t, s);
  const names = async () => Object.keys(await firing()).sort();
  const fires = (what, wanted) => waitFor(`${what}: ${wanted}`, async () => {
    const now = await names();
    assert.deepEqual(now, wanted);
    return true;
  }, 20_000);
  await fires('all is well', []);

  await s.control('kill', 'main');
  await formed(s);
  await fires('a failover, and all is well again', ['MemgraphFailover']);

  // S is away: the gate opens again, and each write fails behind it.
  await s.control('stop-pod', 'sync');
  await fires('S is away', ['MemgraphFailover', 'MemgraphFailoverImpossible', 'MemgraphNoWrites', 'MemgraphPodDown']);
  assert.equal((await s.status()).gate.state, 'open');
  const { labels } = (await firing()).MemgraphPodDown;
  assert.deepEqual([labels.pod, labels.namespace, labels.job], ['memgraph-0', 'db', 'mg']);

  await s.control('stop-pod', 'main');
  await fires('the main, too', ['MemgraphFailover', 'MemgraphFailoverImpossible', 'MemgraphFailoverRefused',
    'MemgraphNoWrites', 'MemgraphPodDown']);
  await s.control('start-pod', 'memgraph-1');
  await s.control('start-pod', 'memgraph-0');
  await formed(s);
  await fires('both are back', ['MemgraphFailover']);

  await s.admin('pause');
  await fires('paused', ['MemgraphFailover', 'MemgraphFailoverImpossible', 'MemgraphPaused']);
  await s.admin('resume');
  await s.control('term', 'controller-1');
  await fires('one controller is away', ['MemgraphControllerReplicaDown', 'MemgraphFailover']);
  await s.control('term', 'controller-0');
  await waitFor('no controller is there', async () => (await names()).includes('MemgraphControllerDown'), 20_000);
});
