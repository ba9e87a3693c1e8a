// The controllers' token is replaced while they run, and the old one ends.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "./cluster.mjs";
import { Kube, KubeError } from "./kube.mjs";
import { UNNOTICED_MS, tell } from "./story.mjs";
import { waitFor } from "./wait.mjs";

let cluster;

before(async () => {
  cluster = await Cluster.create("token", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

test("a token that is rotated changes neither the leader nor the clients' sessions", async (t) => {
  const [before] = await cluster.leases();
  const { gapMs, errors } = await tell(t, cluster, {
    fault: async () => {
      const thief = Kube.withToken(await cluster.rotateToken());
      try {
        // The API server remembers a good token for 10 s.
        await waitFor("the old token is refused", () =>
          thief.get(`${cluster.path}/pods`).then(
            () => false,
            (error) => error instanceof KubeError && error.status === 401,
          ),
        );
      } finally {
        thief.close();
      }
      const [{ spec: then }] = await cluster.leases();
      await waitFor("the lease is renewed with the new token", async () => {
        const [{ spec }] = await cluster.leases();
        return spec.renewTime > then.renewTime;
      });
    },
  });
  const [{ spec }] = await cluster.leases();
  assert.equal(spec.holderIdentity, before.spec.holderIdentity);
  assert.equal(spec.leaseTransitions, before.spec.leaseTransitions);
  assert.deepEqual(errors, []);
  assert.ok(gapMs < UNNOTICED_MS, `no write was acknowledged for ${gapMs} ms`);
});

test("with the new token the record is written: the main dies and is replaced", async (t) => {
  const old = await cluster.mainPod();
  const { main } = await tell(t, cluster, {
    fault: async () => {
      cluster.killPod(old);
      await waitFor("another main", async () => (await cluster.mainPod()) !== old);
    },
  });
  assert.notEqual(main, old);
});
