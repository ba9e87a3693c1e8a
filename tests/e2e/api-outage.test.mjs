// The API server is killed and stays away for longer than a lease lasts. Clients notice nothing;
// what needs a decision waits until the server is back.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster, startApi, stopApi } from "./cluster.mjs";
import { UNNOTICED_MS, tell, writesGoOn } from "./story.mjs";
import { waitFor } from "./wait.mjs";

const OUTAGE_MS = 20_000;

let cluster;

before(async () => {
  cluster = await Cluster.create("api-outage", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

test("20 s without the API server: no write fails or waits", async (t) => {
  const main = await cluster.mainPod();
  const told = await tell(t, cluster, {
    fault: async (load) => {
      const startMs = performance.now();
      await stopApi("KILL");
      try {
        while (performance.now() - startMs < OUTAGE_MS) await writesGoOn(load);
      } finally {
        await startApi();
      }
    },
  });
  assert.equal(told.main, main);
  assert.deepEqual(told.errors, []);
  assert.ok(told.gapMs < UNNOTICED_MS, `no write was acknowledged for ${told.gapMs} ms`);
});

test("a main that dies in an outage is replaced when the API server is back", async (t) => {
  const old = await cluster.mainPod();
  const other = old === "memgraph-0" ? "memgraph-1" : "memgraph-0";
  const told = await tell(t, cluster, {
    fault: async (load) => {
      await stopApi("KILL");
      try {
        await writesGoOn(load);
        cluster.kubelet.pod(old).hold();
        cluster.killPod(old);
        // A client that waits for its route is refused after GATEWAY_HOLD_TIMEOUT: by then a
        // decision would have been taken long ago.
        const diedMs = performance.now();
        await waitFor("clients are refused", () => load.errorsSince(diedMs + 3000).length > 0);
        assert.equal(await cluster.role(other), "replica", "decided without a record");
      } finally {
        await startApi();
      }
      const backMs = performance.now();
      await waitFor("another main", async () => (await cluster.mainPod()) === other);
      await writesGoOn(load, { count: 1 });
      const afterMs = Math.round(performance.now() - backMs);
      t.diagnostic(`first write ${afterMs} ms after the API server was ready again`);
      cluster.kubelet.pod(old).release();
    },
  });
  assert.equal(told.main, other);
});
