// The main job with servers of other versions than the default: what a version says in its own
// words (docs/simulated-memgraph.md, "Versions") must not change what the controller does.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

import { checkWhole, cluster, formed, refused, writesOn } from './cluster.mjs';
import { build, needsSimulated, test, waitFor } from './harness.mjs';

// A server program that is memgraph-sim of that version.
async function memgraphOf(t, version) {
  const directory = await mkdtemp(path.join(tmpdir(), 'memgraph-of-'));
  const program = path.join(directory, 'memgraph');
  await writeFile(program, `#!/bin/sh\nexec ${build}/memgraph-sim --memgraph-version=${version} "$@"\n`);
  await chmod(program, 0o755);
  t.after(() => rm(directory, { recursive: true }));
  return program;
}

for (const [version, mode] of [['3.4.0', 'sync'], ['3.12.0', 'strict_sync']]) {
  test(`Memgraph ${version}: formed as ${mode}; the SYNC replica and then the main die under writes`,
    { timeout: 90_000, ...needsSimulated('several versions') }, async (t) => {
      const s = await cluster(t, { memgraph: await memgraphOf(t, version) });
      const status = await formed(s);
      assert.deepEqual(status.pods.map((p) => p.memgraph.version), [version, version, version]);
      assert.deepEqual(status.pods.map((p) => p.registration?.mode), [undefined, mode, 'async']);

      const load = s.writer();
      await writesOn(load);
      await s.control('kill', 'memgraph-1');
      await waitFor('a new process, a new epoch', async () => Number((await s.record()).epoch) > 1);
      await formed(s);
      await s.control('kill', 'main');
      await writesOn(load);
      assert.equal((await s.status()).main, 'memgraph-1');
      const outcomes = await checkWhole(s, load);
      t.diagnostic(JSON.stringify(outcomes));
      assert.equal(await refused(s), 0);
    });
}
