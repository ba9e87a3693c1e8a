// config/rbac.yaml gives what the controller uses, and nothing else: the API server's audit log has
// every request of the ServiceAccount and whether it was allowed.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "./cluster.mjs";
import { Kube, KubeError } from "./kube.mjs";
import { tell } from "./story.mjs";
import { waitFor } from "./wait.mjs";

// Read when a write of the Lease was refused and no watch event has told why before the next try.
const SELDOM_USED = ["get leases"];

let cluster;

before(async () => {
  cluster = await Cluster.create("rights", { controllers: 2 });
  await cluster.settled();
});
after(() => cluster?.stop());

test("bootstrap, failover, rebuild and a change of leader need no right that is missing", async (t) => {
  await tell(t, cluster, {
    fault: async () => {
      const old = await cluster.mainPod();
      cluster.killPod(old);
      await waitFor("another main", async () => (await cluster.mainPod()) !== old);
    },
  });
  const { uid } = cluster.kubelet.pod("memgraph-2");
  await cluster.ask("rebuild/memgraph-2");
  await waitFor("another pod", () => cluster.kubelet.pod("memgraph-2").uid !== uid, 60_000);
  await cluster.settled();
  const leader = await cluster.leader();
  await leader.end("SIGTERM");
  await waitFor("another leader", async () => (await cluster.leader(0)) !== leader);

  const requests = cluster.audit();
  assert.ok(requests.length > 0, "the audit log has the controllers' requests");
  const refused = requests.filter(({ responseStatus }) => responseStatus?.code === 403);
  assert.deepEqual(
    refused.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
    [],
  );
  const foreign = requests.filter(({ objectRef }) => objectRef?.namespace !== cluster.namespace);
  assert.deepEqual(
    foreign.map(({ verb, requestURI }) => `${verb} ${requestURI}`),
    [],
  );
});

test("no right is given that is not used", async () => {
  const path = `/apis/rbac.authorization.k8s.io/v1/namespaces/${cluster.namespace}/roles`;
  const { rules } = await cluster.kube.get(`${path}/memgraph-controller`);
  const given = rules.flatMap(({ resources, verbs }) =>
    resources.flatMap((resource) => verbs.map((verb) => `${verb} ${resource}`)),
  );
  // A watch is in the log when it ends: the leader's have just ended.
  await waitFor("every right is used", () => {
    const requests = cluster.audit();
    const used = requests.map(({ verb, objectRef }) => `${verb} ${objectRef.resource}`);
    const needed = new Set([...used, ...SELDOM_USED]);
    assert.deepEqual([...needed].sort(), [...new Set(given)].sort());
    return true;
  });
});

test("what a thief of the token would like to have is refused", async () => {
  const thief = Kube.withToken(cluster.token);
  const attempts = [
    ["GET", `${cluster.path}/secrets`],
    ["GET", `${cluster.path}/configmaps`],
    ["GET", `${cluster.path}/configmaps/kube-root-ca.crt`],
    ["GET", `${cluster.path}/events`],
    ["GET", "/api/v1/namespaces/default/pods"],
    ["GET", "/api/v1/nodes"],
    ["DELETE", `${cluster.path}/pods`],
    ["PATCH", `${cluster.path}/pods/memgraph-0/status`],
    ["POST", `${cluster.path}/pods`],
    ["DELETE", `${cluster.path}/configmaps/memgraph-state`],
    ["POST", `${cluster.path}/pods/memgraph-0/exec?command=id&stdout=true`],
    ["PATCH", cluster.statefulSetPath],
  ];
  try {
    for (const [method, path] of attempts) {
      await assert.rejects(
        thief.request(method, path),
        (error) => error instanceof KubeError && error.status === 403,
        `${method} ${path}`,
      );
    }
    // The token is a good one: this is what it is for.
    assert.equal((await thief.get(`${cluster.path}/pods`)).items.length, 3);
  } finally {
    thief.close();
  }
});
