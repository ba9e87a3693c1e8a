// The main is lost in three ways, one after the other, with writers at both gateways.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "./cluster.mjs";
import { tell } from "./story.mjs";
import { waitFor } from "./wait.mjs";

// Far above what is expected (tens of milliseconds), far below every timeout of the controller: a
// decision that waited for one of those is found, a busy machine is not.
const GAP_LIMIT_MS = 2000;

let cluster;

before(async () => {
  cluster = await Cluster.create("failover", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

const WAYS = [
  ["its pod is deleted", (name) => cluster.deletePod(name)],
  ["its pod is deleted with grace 0", (name) => cluster.deletePod(name, 0)],
  ["its process is killed", (name) => cluster.killPod(name)],
];

for (const [words, lose] of WAYS) {
  test(`the main is lost: ${words}`, async (t) => {
    const old = await cluster.mainPod();
    const { epoch } = await cluster.record();
    const { main, gapMs } = await tell(t, cluster, {
      fault: async () => {
        await lose(old);
        await waitFor("another main", async () => (await cluster.mainPod()) !== old);
      },
    });
    assert.notEqual(main, old);
    assert.ok(Number((await cluster.record()).epoch) > Number(epoch));
    assert.ok(gapMs < GAP_LIMIT_MS, `no write was acknowledged for ${gapMs} ms`);
  });
}
