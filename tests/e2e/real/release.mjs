// A release of the chart on the real node: installed, upgraded, rolled back and tested by helm, with
// the image of the simulated Memgraph in place of the real one. tests/e2e/run-node provides the node
// and the environment.
import { execFile } from "node:child_process";
import { chownSync, mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { queryOnce } from "../bolt.mjs";
import { Kube, KubeError } from "../kube.mjs";
import { Ledger } from "../load.mjs";
import { settledMain } from "../settled.mjs";
import { waitFor } from "../wait.mjs";

const run = promisify(execFile);
const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const CHART = join(here, "../../../chart/memgraph-ha");
const { HELM, E2E_FOLDER: FOLDER } = process.env;

const MEMGRAPH_USER_ID = 101;
const MEMGRAPH_GROUP_ID = 103;
const VOLUMES = 5; // for as many pods as a scenario may scale to

/** What every release of these tests differs in from the chart's defaults. */
const VALUES = [
  "memgraph.image.repository=localhost/memgraph-sim",
  "memgraph.image.tag=v1",
  "controller.logLevel=debug",
];

/** Runs helm and resolves to what it prints. */
export async function helm(...args) {
  try {
    return (await run(HELM, args, { maxBuffer: 1 << 24 })).stdout;
  } catch (error) {
    throw new Error(`helm ${args.join(" ")}: ${error.stderr || error.message}`);
  }
}

const isReady = ({ status }) =>
  status.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True");

export class Release {
  /**
   * Creates the namespace when it is not there. Nothing is installed yet. values: of the chart,
   * "key=value"; auth: {user, password}, which is set, too.
   */
  static async create(name, { namespace = name, values = [], auth } = {}) {
    const release = new Release(name, namespace, values, auth);
    try {
      const metadata = { name: namespace };
      await release.kube.post("/api/v1/namespaces", {
        apiVersion: "v1",
        kind: "Namespace",
        metadata,
      });
    } catch (error) {
      if (!(error instanceof KubeError && error.reason === "AlreadyExists")) throw error;
    }
    for (let i = 0; i < VOLUMES; i++) await release.makeVolume(i);
    return release;
  }

  /** For create() alone. */
  constructor(name, namespace, values, auth) {
    const user = auth ? [`auth.user=${auth.user}`, `auth.password=${auth.password}`] : [];
    Object.assign(this, { name, namespace, auth, values: [...values, ...user] });
    this.path = `/api/v1/namespaces/${namespace}`;
    this.apps = `/apis/apps/v1/namespaces/${namespace}`;
    this.statefulSetPath = `${this.apps}/statefulsets/${name}`;
    this.deploymentPath = `${this.apps}/deployments/${name}-controller`;
    this.kube = Kube.admin();
    this.ledger = new Ledger();
    this.replicas = 3;
    this.controllers = 2;
    this.volumes = 0;
    this.uids = new Map();
  }

  /** A volume for the claim of pod i, as a provisioner of local disks would make it. */
  async makeVolume(i) {
    const name = `${this.namespace}-${this.name}-${i}-${this.volumes++}`;
    const path = join(FOLDER, "volumes", name);
    mkdirSync(path, { recursive: true });
    chownSync(path, MEMGRAPH_USER_ID, MEMGRAPH_GROUP_ID);
    await this.kube.post("/api/v1/persistentvolumes", {
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: {
        capacity: { storage: "100Gi" },
        accessModes: ["ReadWriteOnce"],
        persistentVolumeReclaimPolicy: "Retain",
        hostPath: { path },
        claimRef: { namespace: this.namespace, name: `data-${this.name}-${i}` },
      },
    });
  }

  #settings(values) {
    return [...VALUES, ...this.values, ...values].flatMap((value) => ["--set", value]);
  }

  async install(...values) {
    await helm("install", this.name, CHART, "-n", this.namespace, ...this.#settings(values));
    await this.#lookAtGateways();
  }

  /** An upgrade with these values, which stay for later ones. */
  async upgrade(...values) {
    this.values.push(...values);
    await helm("upgrade", this.name, CHART, "-n", this.namespace, ...this.#settings([]));
  }

  async rollback() {
    await helm("rollback", this.name, "-n", this.namespace);
  }

  async test() {
    return await helm("test", this.name, "-n", this.namespace, "--timeout", "90s");
  }

  /** Removes the release; its claims and volumes stay, as helm leaves them. */
  async uninstall() {
    await helm("uninstall", this.name, "-n", this.namespace, "--wait", "--timeout", "120s");
  }

  async #lookAtGateways() {
    const address = async (service) =>
      `${(await this.kube.get(`${this.path}/services/${service}`)).spec.clusterIP}:7687`;
    this.gateways = [await address(`${this.name}-gateway`)];
    this.readGateway = await address(`${this.name}-gateway-read`);
  }

  podNames() {
    return Array.from({ length: this.replicas }, (_, i) => `${this.name}-${i}`);
  }

  async #list(app) {
    const labels = `app.kubernetes.io/name=${app},app.kubernetes.io/instance=${this.name}`;
    const query = `labelSelector=${encodeURIComponent(labels)}`;
    return (await this.kube.get(`${this.path}/pods?${query}`)).items;
  }

  async pods() {
    const pods = await this.#list("memgraph");
    for (const { metadata } of pods) this.uids.set(metadata.name, metadata.uid);
    return pods;
  }

  async controllerPods() {
    return await this.#list("memgraph-controller");
  }

  async #address(name) {
    const { status } = await this.kube.get(`${this.path}/pods/${name}`);
    if (!status.podIP) throw new Error(`${name} has no address`);
    return `${status.podIP}:7687`;
  }

  async #query(name, text) {
    return await queryOnce(await this.#address(name), text, {}, this.auth);
  }

  async role(name) {
    return (await this.#query(name, "SHOW REPLICATION ROLE"))[0]["replication role"];
  }

  async replicasOf(name) {
    const rows = await this.#query(name, "SHOW REPLICAS");
    return new Map(rows.map((row) => [row.name, row]));
  }

  async stored(name) {
    return await Ledger.stored(await this.#address(name), this.auth);
  }

  async record() {
    return (await this.kube.find(`${this.path}/configmaps/${this.name}-state`))?.data;
  }

  async mainPod() {
    return this.podNames()[(await this.record()).targetMainIndex];
  }

  /** The other of the pair. */
  async syncPod() {
    return this.podNames()[1 - (await this.record()).targetMainIndex];
  }

  /** Name of the controller that leads. */
  async leader() {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases`;
    return (await this.kube.get(`${path}/${this.name}-controller`)).spec.holderIdentity;
  }

  async deletePod(name, gracePeriodSeconds) {
    const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds };
    await this.kube.delete(`${this.path}/pods/${name}`, options);
  }

  /** As `kubectl drain` does: asks until the disruption budget allows it. */
  async evict(name, limitMs = 120_000) {
    const body = { apiVersion: "policy/v1beta1", kind: "Eviction", metadata: { name } };
    await waitFor(
      `${name} is evicted`,
      async () => {
        await this.kube.post(`${this.path}/pods/${name}/eviction`, body);
        return true;
      },
      limitMs,
      500,
    );
  }

  /** Of the pod of this name; while the API server is away, as it was last seen. */
  async #uid(pod) {
    try {
      this.uids.set(pod, (await this.kube.get(`${this.path}/pods/${pod}`)).metadata.uid);
    } catch (error) {
      if (error instanceof KubeError) throw error;
    }
    return this.uids.get(pod);
  }

  /** Ids of the processes of a program in a pod. */
  async processes(pod, program) {
    const uid = await this.#uid(pod);
    return readdirSync("/proc").filter((pid) => {
      if (!/^\d+$/.test(pid)) return false;
      try {
        const command = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0")[0];
        return command.endsWith(program) && readFileSync(`/proc/${pid}/cgroup`, "utf8").includes(uid);
      } catch {
        return false; // it has just ended
      }
    });
  }

  async kill(pod, signal = "SIGKILL", program = "/memgraph-sim") {
    const pids = await this.processes(pod, program);
    if (!pids.length) throw new Error(`no ${program} runs in ${pod}`);
    for (const pid of pids) process.kill(Number(pid), signal);
  }

  async killController(pod) {
    await this.kill(pod, "SIGKILL", "/memgraph-controller");
  }

  /**
   * Replaces the pods in which a container has died, one by one: the kubelet's crash backoff (10, 20,
   * 40 s before it starts a container again) begins anew with another pod.
   */
  async renew() {
    const pods = [...(await this.pods()), ...(await this.controllerPods())];
    const died = pods.filter(({ status }) =>
      status.containerStatuses?.some(({ restartCount }) => restartCount > 0));
    for (const { metadata } of died) {
      await this.deletePod(metadata.name).catch((error) => {
        if (error.status !== 404) throw error; // a rollout was faster
      });
      await waitFor(`${metadata.name} is another pod`, async () =>
        ![...(await this.pods()), ...(await this.controllerPods())].some((pod) => pod.metadata.uid === metadata.uid),
      60_000);
      await this.settled();
    }
  }

  /** As `kubectl rollout restart` does. */
  async rolloutRestart(path) {
    const annotations = { "kubectl.kubernetes.io/restartedAt": new Date().toISOString() };
    await this.kube.patch(path, { spec: { template: { metadata: { annotations } } } });
  }

  /** The claim and the pod of a replica go, and a new, empty volume is there for the next one. */
  async loseVolume(name) {
    const claim = `${this.path}/persistentvolumeclaims/data-${name}`;
    const { spec } = await this.kube.get(claim);
    await this.kube.delete(claim);
    await this.deletePod(name, 0);
    await waitFor("the claim is gone or new", async () => {
      const now = await this.kube.find(claim);
      return !now || now.spec.volumeName !== spec.volumeName;
    });
    await this.kube.delete(`/api/v1/persistentvolumes/${spec.volumeName}`);
    await this.makeVolume(Number(name.slice(name.lastIndexOf("-") + 1)));
    rmSync(join(FOLDER, "volumes", spec.volumeName), { recursive: true });
  }

  async #workloadsReady() {
    const pods = await this.pods();
    const bad = pods.filter((pod) => pod.metadata.deletionTimestamp || !isReady(pod));
    if (pods.length !== this.replicas || bad.length) {
      throw new Error(`Memgraph pods: ${pods.length}, not Ready: ${bad.map((p) => p.metadata.name)}`);
    }
    const set = await this.kube.get(this.statefulSetPath);
    const { status } = set;
    if (
      status.observedGeneration !== set.metadata.generation ||
      status.readyReplicas !== this.replicas ||
      status.currentRevision !== status.updateRevision
    ) {
      throw new Error(`StatefulSet: ${JSON.stringify(status)}`);
    }
    const deployment = await this.kube.get(this.deploymentPath);
    const { replicas, readyReplicas, updatedReplicas, observedGeneration } = deployment.status;
    const counts = [replicas, readyReplicas, updatedReplicas];
    if (
      observedGeneration !== deployment.metadata.generation ||
      counts.some((count) => count !== this.controllers)
    ) {
      throw new Error(`Deployment: ${JSON.stringify(deployment.status)}`);
    }
    return true;
  }

  /**
   * Waits for the state that every fault must end in: all pods Ready, StatefulSet and Deployment
   * say so, and what settledMain() wants. Resolves to the main's pod.
   */
  async settled({ underLoad = false, limitMs = 180_000 } = {}) {
    await waitFor("all workloads Ready", () => this.#workloadsReady(), limitMs, 200);
    return await waitFor("a settled cluster", () => settledMain(this, underLoad), limitMs, 200);
  }

  close() {
    this.kube.close();
  }
}
