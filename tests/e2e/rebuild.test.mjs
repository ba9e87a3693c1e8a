// An ASYNC replica that somebody wrote to behind the controller's back is refused as diverged: its
// pod is deleted, its init container moves the data aside, the main fills it anew. No client notices.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { queryOnce } from "./bolt.mjs";
import { Cluster } from "./cluster.mjs";
import { UNNOTICED_MS, tell } from "./story.mjs";
import { waitFor } from "./wait.mjs";

const REPLICA = "memgraph-2";
let cluster;

before(async () => {
  cluster = await Cluster.create("rebuild", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

/** Made main and written to, before the controller makes it a replica again. */
async function diverge(name) {
  await waitFor("it has a write of its own", async () => {
    await queryOnce(cluster.bolt(name), "SET REPLICATION ROLE TO MAIN").catch(() => {});
    await queryOnce(cluster.bolt(name), "CREATE (:Foreign)");
    return true;
  });
}

test("a diverged replica is filled anew, and its data are kept aside", async (t) => {
  const { uid, volume } = cluster.kubelet.pod(REPLICA);
  const { gapMs, errors } = await tell(t, cluster, {
    fault: async () => {
      await diverge(REPLICA);
      const another = () => cluster.kubelet.pod(REPLICA).uid !== uid;
      await waitFor("another pod", another, 60_000);
    },
  });
  assert.deepEqual(errors, []);
  assert.ok(gapMs < UNNOTICED_MS, `no write was acknowledged for ${gapMs} ms`);
  const foreign = "MATCH (n:Foreign) RETURN count(n) AS n";
  assert.deepEqual(await queryOnce(cluster.bolt(REPLICA), foreign), [{ n: 0 }]);
  assert.deepEqual(readdirSync(join(volume, "aside")), [uid]);
  const events = (await cluster.kube.get(`${cluster.path}/events`)).items;
  assert.ok(events.some(({ reason }) => reason === "ReplicaRebuilt"));
});
