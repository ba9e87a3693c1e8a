// A replica's process is killed and restarted in place, with writers at both gateways. Its loss may
// delay writes and may fail those that were under way; it cuts no session.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "./cluster.mjs";
import { UNNOTICED_MS, tell } from "./story.mjs";
import { waitFor } from "./wait.mjs";

// The process is away for a second; then its replica has to catch up and to be proven.
const SYNC_GAP_LIMIT_MS = 5_000;

let cluster;

before(async () => {
  cluster = await Cluster.create("replica", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

async function restart(name) {
  const { restarts } = cluster.kubelet.pod(name);
  cluster.killPod(name);
  await waitFor(`${name} is restarted`, () => {
    const pod = cluster.kubelet.pod(name);
    return pod.restarts > restarts && pod.ready;
  });
}

test("the SYNC replica's process is killed: no session is cut", async (t) => {
  const old = await cluster.mainPod();
  const { main, gapMs, errors } = await tell(t, cluster, { fault: () => restart("memgraph-1") });
  assert.equal(main, old);
  // Memgraph answers a write that S did not confirm with an error; the connection stays.
  assert.deepEqual(
    errors.filter(({ code }) => code === "ServiceUnavailable"),
    [],
  );
  assert.ok(gapMs < SYNC_GAP_LIMIT_MS, `no write was acknowledged for ${gapMs} ms`);
});

test("the ASYNC replica's process is killed: no client notices", async (t) => {
  const old = await cluster.mainPod();
  const { main, gapMs, errors } = await tell(t, cluster, { fault: () => restart("memgraph-2") });
  assert.equal(main, old);
  assert.deepEqual(errors, []);
  assert.ok(gapMs < UNNOTICED_MS, `no write was acknowledged for ${gapMs} ms`);
});
