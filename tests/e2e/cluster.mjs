// A release of Memgraph in a namespace of its own: a real StatefulSet whose pods the stand-in for
// the kubelet runs, the rights of config/rbac.yaml, and controllers with a token of that
// ServiceAccount. tests/e2e/run provides the control plane and the environment.
import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { queryOnce } from "./bolt.mjs";
import { Controller } from "./controller.mjs";
import { Kube } from "./kube.mjs";
import { Kubelet } from "./kubelet.mjs";
import { Ledger } from "./load.mjs";
import { settledMain } from "./settled.mjs";
import { waitFor } from "./wait.mjs";

const run = promisify(execFile);
const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const { E2E_BUILD: BUILD, E2E_FOLDER: FOLDER, E2E_NET: NET } = process.env;

const ACCOUNT = "memgraph-controller";
const BOLT_PORT = 7687;
const LABELS = { "app.kubernetes.io/name": "memgraph" };

function statefulSet(replicas) {
  return {
    apiVersion: "apps/v1",
    kind: "StatefulSet",
    metadata: { name: "memgraph", labels: LABELS },
    spec: {
      serviceName: "memgraph",
      replicas,
      podManagementPolicy: "OrderedReady",
      selector: { matchLabels: LABELS },
      template: {
        metadata: { labels: LABELS },
        spec: {
          terminationGracePeriodSeconds: 10,
          containers: [
            {
              name: "memgraph",
              image: "memgraph-sim",
              ports: [{ name: "bolt", containerPort: BOLT_PORT }],
              readinessProbe: { tcpSocket: { port: BOLT_PORT } },
            },
          ],
        },
      },
      volumeClaimTemplates: [
        {
          metadata: { name: "data" },
          spec: {
            accessModes: ["ReadWriteOnce"],
            resources: { requests: { storage: "1Gi" } },
          },
        },
      ],
    },
  };
}

function* podAddresses() {
  for (let i = 1; i < 255; i++) yield `127.${NET}.1.${i}`;
}

export class Cluster {
  #secret;

  /** The namespace, its StatefulSet (pods come up by themselves), and this many controllers. */
  static async create(namespace, { replicas = 3, controllers = 0 } = {}) {
    const cluster = new Cluster(namespace);
    try {
      await cluster.#create(replicas);
      for (let i = 0; i < controllers; i++) cluster.startController();
    } catch (error) {
      await cluster.stop();
      throw error;
    }
    return cluster;
  }

  /** For create() alone. */
  constructor(namespace) {
    this.namespace = namespace;
    this.replicas = 0;
    this.folder = join(FOLDER, namespace);
    this.path = `/api/v1/namespaces/${namespace}`;
    this.statefulSetPath = `/apis/apps/v1/namespaces/${namespace}/statefulsets/memgraph`;
    this.kube = Kube.admin();
    this.tokenFile = join(this.folder, "token");
    this.controllers = [];
    this.ledger = new Ledger();
    mkdirSync(this.folder, { recursive: true });
    this.kubelet = new Kubelet({
      kube: this.kube,
      namespace,
      node: "e2e",
      folder: this.folder,
      addresses: podAddresses(),
      command: ({ name, ip, volume }) => ({
        file: join(BUILD, "memgraph-sim"),
        args: [
          ...["--bolt-address", ip, "--bolt-port", `${BOLT_PORT}`],
          ...["--data-directory", volume, "--log-file", join(this.folder, `${name}.memgraph.log`)],
        ],
      }),
      init: ({ name, uid, volume }) => this.#init(name, uid, volume),
    });
    this.adminTokenFile = join(this.folder, "admin-token");
    writeFileSync(this.adminTokenFile, randomBytes(16).toString("hex"));
  }

  /** As the init container of a pod; nothing to ask where no controller was ever started. */
  #init(name, uid, volume) {
    if (!this.controllers.length) return undefined;
    return {
      file: join(BUILD, "memgraph-controller"),
      args: ["init", "--data-directory", volume],
      env: {
        POD_NAME: name,
        POD_UID: uid,
        CONTROLLER_URL: this.controllers.map(({ ip }) => `http://${ip}:8080`).join(),
      },
    };
  }

  async #create(replicas) {
    const metadata = { name: this.namespace };
    await this.kube.post("/api/v1/namespaces", { apiVersion: "v1", kind: "Namespace", metadata });
    const rbac = readFileSync(join(here, "../../config/rbac.yaml"), "utf8");
    const place = `namespace: ${this.namespace}`;
    await this.kube.applyYaml(rbac.replaceAll("namespace: memgraph", place));
    await this.rotateToken();
    await this.kubelet.start();
    // Before the default ServiceAccount has its token no pod can be made, and the controller of
    // StatefulSets would try again late. The one of ServiceAccounts is slow after an outage.
    const account = `${this.path}/serviceaccounts/default`;
    const hasToken = async () => (await this.kube.find(account))?.secrets?.length;
    await waitFor("the default ServiceAccount has its token", hasToken, 120_000);
    await this.kube.post(this.statefulSetPath.replace(/\/memgraph$/, ""), statefulSet(replicas));
    this.replicas = replicas;
  }

  /**
   * Gives the controllers a new token, as the kubelet does from time to time: the file is replaced.
   * Tokens are bound to a Secret, so that deleting that ends the old one. Resolves to the old one.
   */
  async rotateToken() {
    const old = { token: this.token, secret: this.#secret };
    const metadata = { generateName: "token-" };
    const secrets = `${this.path}/secrets`;
    const secret = await this.kube.post(secrets, { apiVersion: "v1", kind: "Secret", metadata });
    const { name, uid } = secret.metadata;
    const request = {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: {
        expirationSeconds: 3600,
        boundObjectRef: { apiVersion: "v1", kind: "Secret", name, uid },
      },
    };
    const answer = await this.kube.post(`${this.path}/serviceaccounts/${ACCOUNT}/token`, request);
    this.token = answer.status.token;
    this.#secret = name;
    writeFileSync(`${this.tokenFile}.new`, this.token);
    renameSync(`${this.tokenFile}.new`, this.tokenFile);
    if (old.secret) await this.kube.delete(`${secrets}/${old.secret}`);
    return old.token;
  }

  /** User name of the controllers, as the API server's audit log has it. */
  get user() {
    return `system:serviceaccount:${this.namespace}:${ACCOUNT}`;
  }

  /** settings: environment variables of the controller. */
  startController(settings = {}) {
    const index = this.controllers.length;
    const controller = new Controller({
      name: `controller-${index}`,
      ip: `127.${NET}.2.${index + 1}`,
      program: join(BUILD, "memgraph-controller"),
      folder: this.folder,
      settings: {
        KUBE_API_URL: process.env.K8S_API,
        KUBE_CA_FILE: process.env.K8S_CA,
        KUBE_TOKEN_FILE: this.tokenFile,
        NAMESPACE: this.namespace,
        STATEFULSET_NAME: "memgraph",
        APP_NAME: "memgraph",
        LOG_LEVEL: "debug",
        ADMIN_TOKEN_FILE: this.adminTokenFile,
        ...settings,
      },
    });
    this.controllers.push(controller);
    controller.start();
    return controller;
  }

  /** One of the controllers is asked for something: POST /api/v1/admin/<action>. */
  async ask(action, body = {}) {
    const [{ ip }] = this.controllers;
    const answer = await fetch(`http://${ip}:8080/api/v1/admin/${action}`, {
      method: "POST",
      headers: { authorization: `Bearer ${readFileSync(this.adminTokenFile, "utf8")}` },
      body: JSON.stringify(body),
    });
    if (answer.status !== 202) throw new Error(`${action}: ${answer.status} ${await answer.text()}`);
  }

  async scale(replicas) {
    await this.kube.patch(this.statefulSetPath, { spec: { replicas } }, "merge");
    this.replicas = replicas;
  }

  /** Deletes a pod as `kubectl delete pod [--grace-period]` does. */
  async deletePod(name, gracePeriodSeconds) {
    const options = { apiVersion: "v1", kind: "DeleteOptions", gracePeriodSeconds };
    await this.kube.delete(`${this.path}/pods/${name}`, options);
  }

  async pods() {
    return (await this.kube.get(`${this.path}/pods`)).items;
  }

  /** Waits until Kubernetes says that all pods, and no others, are Ready. */
  async podsReady(limitMs = 60_000) {
    const condition = ({ status }, wanted) =>
      status.conditions?.some(({ type, status: is }) => type === wanted && is === "True");
    await waitFor(
      `${this.replicas} pods Ready`,
      async () => {
        const pods = await this.pods();
        const ready = pods.filter(
          (pod) => !pod.metadata.deletionTimestamp && condition(pod, "Ready"),
        );
        const { status } = await this.kube.get(this.statefulSetPath);
        const counts = [pods.length, ready.length, status.replicas, status.readyReplicas ?? 0];
        if (counts.every((count) => count === this.replicas)) return true;
        throw new Error(`pods, Ready ones, and both as the StatefulSet says: ${counts}`);
      },
      limitMs,
      50,
    );
  }

  /** Kills the process of a pod: it is restarted in place, as the kubelet does. */
  killPod(name, signal = "SIGKILL") {
    this.kubelet.pod(name).process.kill(signal);
  }

  bolt(name) {
    return `${this.kubelet.pod(name).ip}:${BOLT_PORT}`;
  }

  async role(name) {
    const rows = await queryOnce(this.bolt(name), "SHOW REPLICATION ROLE");
    return rows[0]["replication role"];
  }

  /** The ids that this pod has, sorted. */
  async stored(name) {
    return await Ledger.stored(this.bolt(name));
  }

  /** Rows of SHOW REPLICAS on that pod, by name. */
  async replicasOf(name) {
    const rows = await queryOnce(this.bolt(name), "SHOW REPLICAS");
    return new Map(rows.map((row) => [row.name, row]));
  }

  /** The controllers' record (an object of strings), or undefined. */
  async record() {
    return (await this.kube.find(`${this.path}/configmaps/memgraph-state`))?.data;
  }

  /** The gateways for reads and writes of all controllers that have been started. */
  get gateways() {
    return this.controllers.map(({ gateway }) => gateway);
  }

  podNames() {
    return Array.from({ length: this.replicas }, (_, i) => `memgraph-${i}`);
  }

  /** Pod that the record names as main. */
  async mainPod() {
    return `memgraph-${(await this.record()).targetMainIndex}`;
  }

  async leases() {
    const path = `/apis/coordination.k8s.io/v1/namespaces/${this.namespace}/leases`;
    return (await this.kube.get(path)).items;
  }

  /** The controller that holds the Lease and says so itself. */
  async leader(limitMs = 30_000) {
    return await waitFor(
      "a leader",
      async () => {
        const [lease] = await this.leases();
        const holder = lease?.spec.holderIdentity;
        return this.controllers.find(({ name }) => holder === name);
      },
      limitMs,
    );
  }

  /**
   * Waits for the state that every fault must end in: all pods Ready, one main, which is the
   * record's, no transition open, the SYNC replica proven, nothing fenced or to be rebuilt, and
   * every replica ready on the main; underLoad: or at work. Resolves to the main's pod.
   */
  async settled({ underLoad = false, limitMs = 60_000 } = {}) {
    await this.podsReady(limitMs);
    return await waitFor("a settled cluster", () => settledMain(this, underLoad), limitMs, 100);
  }

  /** Requests of the controllers that the API server has answered, from its audit log. */
  audit() {
    return readFileSync(process.env.K8S_AUDIT, "utf8")
      .split("\n")
      .filter((line) => line)
      .map((line) => JSON.parse(line))
      .filter(({ user }) => user.username === this.user);
  }

  async stop() {
    for (const { process: child } of this.controllers) child.kill("SIGKILL");
    await Promise.allSettled(this.controllers.map(({ exited }) => exited));
    await this.kubelet.stop();
    this.kube.close();
  }
}

/** An outage of the API server: resolves when it is down. */
export async function stopApi(signal) {
  await run(join(here, "control-plane"), ["stop-api", signal]);
}

/** Resolves when the API server is ready again. */
export async function startApi() {
  await run(join(here, "control-plane"), ["start-api"]);
}
