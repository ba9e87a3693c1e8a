// One release under fire: writers go on through every fault, and after each of them no acknowledged
// write is lost, there is one main, every replica is ready and every workload Ready.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startApi, stopApi } from "../cluster.mjs";
import { tell } from "../story.mjs";
import { waitFor } from "../wait.mjs";
import { note, RUNS } from "./gaps.mjs";
import { Release } from "./release.mjs";

const API_OUTAGE_MS = 30_000;

// What no scenario may exceed but those whose fault itself lasts: a lease of 15 s, or pods that
// Kubernetes has to make anew.
const GAP_LIMIT_MS = 2000;

let release;

before(async () => {
  // A second try is another process, and finds what the first one has left.
  release = await Release.create("memgraph", { namespace: `memgraph-${process.pid}` });
  await release.install();
  await release.settled();
});
after(() => release?.close());

const anotherMain = (old) =>
  waitFor("another main", async () => (await release.mainPod()) !== old, 60_000);

/** Tells one scenario RUNS times. */
function scenario(name, fault, { gapLimitMs = GAP_LIMIT_MS } = {}) {
  for (let i = 0; i < RUNS; i++) {
    test(RUNS > 1 ? `${name} (${i + 1})` : name, async (t) => {
      if (i > 0) await release.renew();
      const before = release.ledger.acked.size;
      const told = await tell(t, release, { fault });
      note(name, { ...told, acknowledged: release.ledger.acked.size - before });
      assert.ok(told.gapMs < gapLimitMs, `no write was acknowledged for ${told.gapMs} ms`);
    });
  }
}

test("helm test writes and reads through the gateways", async () => {
  assert.match(await release.test(), /Phase: *Succeeded/);
});

scenario("main's pod deleted", async () => {
  const old = await release.mainPod();
  await release.deletePod(old);
  await anotherMain(old);
});

scenario("main's pod deleted with a grace of 1 s (`--now`)", async () => {
  const old = await release.mainPod();
  await release.deletePod(old, 1);
  await anotherMain(old);
});

scenario("main's pod deleted by force (grace 0)", async () => {
  const old = await release.mainPod();
  await release.deletePod(old, 0);
  await anotherMain(old);
});

scenario("main's container killed (-9)", async () => {
  const old = await release.mainPod();
  await release.kill(old);
  await anotherMain(old);
});

scenario("main's process frozen, thawed after the failover", async () => {
  const old = await release.mainPod();
  await release.kill(old, "SIGSTOP");
  try {
    await anotherMain(old);
  } finally {
    await release.kill(old, "SIGCONT");
  }
}, { gapLimitMs: 10_000 });

scenario("SYNC replica's container killed (-9)", async () => {
  await release.kill(await release.syncPod());
}, { gapLimitMs: 20_000 });

scenario("rolling restart (`kubectl rollout restart`)", async () => {
  await release.rolloutRestart(release.statefulSetPath);
});

scenario("image upgrade (`helm upgrade`)", async () => {
  await release.upgrade("memgraph.image.tag=v2");
});

scenario("its rollback (`helm rollback`)", async () => {
  await release.rollback();
});

scenario("drain: every Memgraph pod evicted, one by one", async () => {
  for (const name of release.podNames()) {
    const { uid } = (await release.pods()).find(({ metadata }) => metadata.name === name).metadata;
    await release.evict(name);
    await waitFor(`${name} is another pod`, async () =>
      (await release.pods()).some(({ metadata }) => metadata.name === name && metadata.uid !== uid), 60_000);
  }
});

scenario("scaled from 3 pods to 5", async () => {
  release.replicas = 5;
  await release.upgrade("memgraph.replicas=5");
});

scenario("scaled from 5 pods to 3", async () => {
  release.replicas = 3;
  await release.upgrade("memgraph.replicas=3");
});

scenario("API server away for 30 s", async () => {
  await outage();
});

scenario("API server away for 30 s, and the main's container killed in it", async () => {
  const old = await release.mainPod();
  await outage(() => release.kill(old));
}, { gapLimitMs: API_OUTAGE_MS + 30_000 });

async function outage(during = async () => {}) {
  const before = await release.pods(); // what kill() needs to know is asked for before
  assert.ok(before.length);
  await stopApi("KILL");
  try {
    await during();
    await new Promise((wake) => setTimeout(wake, API_OUTAGE_MS)); // the fault itself
  } finally {
    await startApi();
  }
}

scenario("leading controller killed (-9)", async () => {
  await release.killController(await release.leader());
}, { gapLimitMs: 20_000 });

scenario("other controller killed (-9)", async () => {
  const leader = await release.leader();
  const pods = await release.controllerPods();
  await release.killController(pods.find(({ metadata }) => metadata.name !== leader).metadata.name);
});

scenario("all controllers killed (-9)", async () => {
  for (const { metadata } of await release.controllerPods()) {
    await release.killController(metadata.name);
  }
}, { gapLimitMs: 30_000 });

scenario("controllers' rolling restart", async () => {
  await release.rolloutRestart(release.deploymentPath);
});

scenario("all Memgraph pods deleted at once", async () => {
  await Promise.all(release.podNames().map((name) => release.deletePod(name)));
}, { gapLimitMs: 120_000 });

scenario("volume of the SYNC replica lost", async () => {
  await release.loseVolume(await release.syncPod());
}, { gapLimitMs: 60_000 });

scenario("volume of an ASYNC replica lost", async () => {
  await release.loseVolume(release.podNames().at(-1));
});
