// The controller that leads goes, with writers at the gateway of the other one. Its clients notice
// nothing: the route of a gateway does not depend on who leads.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "./cluster.mjs";
import { UNNOTICED_MS, tell } from "./story.mjs";
import { waitFor } from "./wait.mjs";

const LEASE_MS = 15_000;
const RENEWAL_MS = 2_000;
const MARGIN_MS = 3_000;

let cluster;

before(async () => {
  cluster = await Cluster.create("leader", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

const WAYS = [
  ["is stopped cleanly", "SIGTERM", 1_000],
  ["is killed", "SIGKILL", LEASE_MS + RENEWAL_MS + MARGIN_MS],
];

for (const [words, signal, limitMs] of WAYS) {
  test(`the leader ${words}: the other controller takes over`, async (t) => {
    const leader = await cluster.leader();
    const other = cluster.controllers.find((each) => each !== leader);
    const takeover = async () => {
      const startMs = performance.now();
      const ended = leader.end(signal);
      await waitFor(
        `${other.name} leads, and says so`,
        async () => (await cluster.leader(0)) === other && (await other.leads()),
        limitMs,
      );
      t.diagnostic(`new leader after ${Math.round(performance.now() - startMs)} ms`);
      const { code } = await ended;
      assert.equal(code, signal === "SIGTERM" ? 0 : null);
    };
    const before = await cluster.record();
    try {
      const { gapMs, errors } = await tell(t, cluster, {
        gateways: [other.gateway],
        fault: takeover,
      });
      assert.deepEqual(await cluster.record(), before, "a new leader finds nothing to decide");
      assert.deepEqual(errors, []);
      assert.ok(gapMs < UNNOTICED_MS, `no write was acknowledged for ${gapMs} ms`);
    } finally {
      await leader.exited;
      leader.start();
    }
    await waitFor("the old leader follows", async () => {
      return !(await leader.leads()) && (await leader.http("/readyz")).status === 200;
    });
  });
}

test("the new leader decides: the main dies and the other of the pair follows", async (t) => {
  const old = await cluster.mainPod();
  const { main } = await tell(t, cluster, {
    fault: async () => {
      cluster.killPod(old);
      await waitFor("another main", async () => (await cluster.mainPod()) !== old);
    },
  });
  assert.notEqual(main, old);
});
