// The ground that the scenarios stand on: a real StatefulSet and the stand-in for the kubelet, with
// no controller. What fails here is no fault of the controller.
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster, startApi, stopApi } from "./cluster.mjs";
import { waitFor } from "./wait.mjs";

let cluster;

before(async () => {
  cluster = await Cluster.create("harness");
});
after(() => cluster?.stop());

const find = async (name) => (await cluster.pods()).find((pod) => pod.metadata.name === name);

test("three pods come up in order, are Ready, and have addresses and volumes", async () => {
  await cluster.podsReady();
  const pods = await cluster.pods();
  assert.deepEqual(pods.map((pod) => pod.metadata.name).sort(), [
    "memgraph-0",
    "memgraph-1",
    "memgraph-2",
  ]);
  assert.equal(new Set(pods.map((pod) => pod.status.podIP)).size, 3);
  for (const { metadata, status } of pods) {
    assert.equal(metadata.labels["app.kubernetes.io/name"], "memgraph");
    assert.equal(status.podIP, cluster.kubelet.pod(metadata.name).ip);
    assert.ok(existsSync(cluster.kubelet.pod(metadata.name).volume));
  }
});

test("a process that dies is restarted in place", async () => {
  const before = await find("memgraph-1");
  cluster.killPod("memgraph-1");
  await waitFor("memgraph-1 reported as not Ready", async () => {
    const { status } = await find("memgraph-1");
    return status.conditions.some(({ type, status: is }) => type === "Ready" && is === "False");
  });
  await cluster.podsReady();
  const pod = await find("memgraph-1");
  assert.equal(pod.metadata.uid, before.metadata.uid);
  assert.equal(pod.status.podIP, before.status.podIP);
  const [container] = pod.status.containerStatuses;
  assert.equal(container.restartCount, 1);
  assert.equal(container.lastState.terminated.exitCode, 137);
});

for (const grace of [undefined, 0]) {
  const how = grace === 0 ? "by force" : "gracefully";
  test(`a pod deleted ${how} comes back with another uid and IP and its volume`, async () => {
    const old = cluster.kubelet.pod("memgraph-2");
    const { uid, ip, process: child } = old;
    writeFileSync(join(old.volume, "mark"), how);
    await cluster.deletePod("memgraph-2", grace);
    await waitFor("another memgraph-2", async () => {
      const pod = await find("memgraph-2");
      return pod && pod.metadata.uid !== uid;
    });
    await cluster.podsReady();
    const replaced = cluster.kubelet.pod("memgraph-2");
    assert.notEqual(replaced.uid, uid);
    assert.notEqual(replaced.ip, ip);
    assert.ok(existsSync(join(replaced.volume, "mark")));
    assert.ok(child.exitCode !== null || child.signalCode !== null, "the old process has ended");
    assert.equal((await find("memgraph-2")).status.podIP, replaced.ip);
  });
}

test("the StatefulSet is scaled up and down", async () => {
  await cluster.scale(4);
  await cluster.podsReady();
  const { process: child } = cluster.kubelet.pod("memgraph-3");
  await cluster.scale(3);
  await waitFor("memgraph-3 gone", async () => !(await find("memgraph-3")));
  assert.ok(child.exitCode !== null || child.signalCode !== null, "its process has ended");
  await cluster.podsReady();
});

test("what happens during an outage of the API is reported after it", async () => {
  await stopApi("KILL");
  try {
    await assert.rejects(cluster.pods());
    cluster.killPod("memgraph-0");
    await waitFor("the process is back", () => {
      const { restarts, ready } = cluster.kubelet.pod("memgraph-0");
      return restarts === 1 && ready;
    });
  } finally {
    await startApi();
  }
  await waitFor("the restart is in the API", async () => {
    const [container] = (await find("memgraph-0")).status.containerStatuses;
    return container.restartCount === 1 && container.ready;
  });
  await cluster.podsReady();
});
