// Three empty pods and two controllers become a cluster that serves.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { queryOnce } from "./bolt.mjs";
import { Cluster } from "./cluster.mjs";
import { checkData, startLoad, writesGoOn } from "./story.mjs";
import { waitFor } from "./wait.mjs";

let cluster;

before(async () => {
  cluster = await Cluster.create("bootstrap", { controllers: 2 });
});
after(() => cluster?.stop());

test("three empty pods become a main, a SYNC replica and an ASYNC replica", async (t) => {
  await cluster.podsReady();
  const readyMs = performance.now();
  assert.equal(await cluster.settled(), "memgraph-0");
  t.diagnostic(`settled ${Math.round(performance.now() - readyMs)} ms after the pods were Ready`);

  const record = await cluster.record();
  assert.equal(record.targetMainIndex, "0");
  assert.equal(record.epoch, "1");
  assert.match(record.promoted, /^initial:/);
  assert.equal(record.promoted, `initial:${record.mainRun}`);

  const rows = await cluster.replicasOf("memgraph-0");
  assert.deepEqual([...rows.keys()].sort(), ["memgraph_1", "memgraph_2"]);
  assert.match(rows.get("memgraph_1").sync_mode, /^(strict_)?sync$/);
  assert.equal(rows.get("memgraph_2").sync_mode, "async");
});

test("writes through both gateways reach every pod", async () => {
  const load = await startLoad(cluster);
  await writesGoOn(load);
  await load.stop();
  assert.deepEqual(load.errors, []);
  await checkData(cluster, "memgraph-0");
});

test("the read gateways read from the ASYNC replica, and refuse to write", async () => {
  for (const controller of cluster.controllers) {
    await waitFor(`${controller.name} serves reads from memgraph-2`, async () => {
      assert.deepEqual((await controller.status()).readers, ["memgraph-2"]);
      return true;
    });
    const { readGateway } = controller;
    const [{ count }] = await queryOnce(readGateway, "MATCH (n:Written) RETURN count(n) AS count");
    assert.ok(count > 0);
    await assert.rejects(queryOnce(readGateway, "CREATE (:Refused)"), /replica/i);
  }
});

test("one controller leads; both are live and ready and have metrics", async () => {
  const leader = await cluster.leader();
  for (const controller of cluster.controllers) {
    await waitFor(`${controller.name} knows who leads`, async () => {
      return (await controller.leads()) === (controller === leader);
    });
    for (const path of ["/livez", "/readyz"]) {
      assert.equal((await controller.http(path)).status, 200, `${controller.name} ${path}`);
    }
    const { status, text } = await controller.http("/metrics");
    assert.equal(status, 200);
    assert.match(text, /^# TYPE memgraph_controller_\w+ (counter|gauge|histogram)$/m);
  }
});

// With TLS to the API server, both gateways, and after some sessions. A sanitizer needs far more.
test("a controller takes less than 15 MB", async (t) => {
  for (const { name, process, program } of cluster.controllers) {
    const status = await readFile(`/proc/${process.pid}/status`, "utf8");
    const kb = Number(status.match(/^VmRSS:\s+(\d+) kB$/m)[1]);
    t.diagnostic(`${name}: ${(kb / 1024).toFixed(1)} MiB resident`);
    if (!(await readFile(program)).includes("__asan_init")) assert.ok(kb * 1024 < 15e6, `${kb} kB`);
  }
});
