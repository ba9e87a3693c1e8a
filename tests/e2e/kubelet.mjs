// Stands in for the scheduler, the kubelet and the container runtime of one node: binds the pods of
// one namespace to a node that exists in the API only, and runs one process for each of them.
//
// As the real one: a pod keeps its IP and its volume while its process is restarted in place; a new
// pod has a new IP and the volume of its claim; a deleted pod gets SIGTERM, its grace, SIGKILL, and
// only then leaves the API; a pod is Ready when its port accepts; an init container runs before. All of it goes on while the API
// server is away, and is reported when it is back.
import { spawn } from "node:child_process";
import { mkdirSync, openSync, closeSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { KubeError } from "./kube.mjs";

const RESTART_DELAY_MS = 1000;
const API_RETRY_MS = 200;
const PROBE_STARTING_MS = 50;
const PROBE_RUNNING_MS = 1000;
const PROBE_FAILURES = 2;

const now = () => new Date().toISOString().replace(/\.\d+Z$/, "Z");
const delay = (ms) => new Promise((wake) => setTimeout(wake, ms));

function accepts(host, port) {
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 1000 });
    const end = (result) => {
      socket.destroy();
      resolve(result);
    };
    socket.on("connect", () => end(true));
    socket.on("timeout", () => end(false));
    socket.on("error", () => end(false));
  });
}

/** One pod, from its first sight to its end. */
class PodRunner {
  #kubelet;
  #path;
  #deadline = Infinity; // of a termination, ms
  #wake = () => {};
  #publishing = false;
  #changed = false;
  #conditions = {};
  #startTime = now();
  #container = { state: { waiting: { reason: "ContainerCreating" } }, lastState: {} };
  #killTimer;

  get #stopping() {
    return this.#deadline !== Infinity;
  }

  constructor(kubelet, pod, ip, previous) {
    this.#kubelet = kubelet;
    this.#path = `/api/v1/namespaces/${pod.metadata.namespace}/pods/${pod.metadata.name}`;
    this.name = pod.metadata.name;
    this.uid = pod.metadata.uid;
    this.ip = ip;
    this.ready = false;
    this.restarts = 0;
    this.held = false;
    this.process = undefined;
    const claim = pod.spec.volumes?.find((volume) => volume.persistentVolumeClaim);
    this.volume = join(kubelet.folder, "volumes", claim.persistentVolumeClaim.claimName);
    mkdirSync(this.volume, { recursive: true });
    this.container = pod.spec.containers[0];
    this.ended = this.#live(pod, previous);
  }

  /** Deletion with this grace: 0 kills at once. Said again, only an earlier end counts. */
  terminate(graceSeconds) {
    const deadline = Date.now() + graceSeconds * 1000;
    if (deadline >= this.#deadline) return;
    this.#deadline = deadline;
    this.#wake();
    clearTimeout(this.#killTimer);
    if (graceSeconds === 0) this.process?.kill("SIGKILL");
    else {
      this.process?.kill("SIGTERM");
      this.#killTimer = setTimeout(() => this.process?.kill("SIGKILL"), graceSeconds * 1000);
    }
  }

  /** After the next death of the process nothing is started until release(). */
  hold() {
    this.held = true;
  }

  release() {
    this.held = false;
    this.#wake();
  }

  async #live(pod, previous) {
    await previous?.ended;
    if (this.#stopping) return;
    if (!pod.spec.nodeName) await this.#bind();
    while (!this.#stopping && (await this.#runInit()) !== 0) {
      await Promise.race([delay(RESTART_DELAY_MS), this.#woken()]);
    }
    while (!this.#stopping) {
      await this.#runOnce();
      if (this.#stopping) break;
      await Promise.race([delay(RESTART_DELAY_MS), this.#woken()]);
      while (this.held && !this.#stopping) await this.#woken();
      this.restarts += 1;
    }
    clearTimeout(this.#killTimer);
    await this.#finalize();
  }

  #woken() {
    return new Promise((wake) => {
      this.#wake = wake;
    });
  }

  async #bind() {
    const binding = {
      apiVersion: "v1",
      kind: "Binding",
      metadata: { name: this.name, uid: this.uid },
      target: { apiVersion: "v1", kind: "Node", name: this.#kubelet.node },
    };
    const bound = (pod) => pod.spec.nodeName; // an answer that an outage swallowed
    await this.#insist(() => this.#kubelet.kube.post(`${this.#path}/binding`, binding), bound);
  }

  #spawn({ file, args, env }) {
    const log = openSync(join(this.#kubelet.folder, `${this.name}.log`), "a");
    const child = spawn(file, args, { env, stdio: ["ignore", log, log] });
    closeSync(log);
    this.process = child;
    return child;
  }

  /** The init container, before the pod's first process. Resolves to its exit status. */
  async #runInit() {
    const init = this.#kubelet.init?.(this);
    if (!init) return 0;
    const child = this.#spawn(init);
    const status = await new Promise((resolve) => {
      child.on("error", () => resolve(127));
      child.on("exit", (code) => resolve(code ?? 137));
    });
    this.process = undefined;
    return status;
  }

  async #runOnce() {
    const child = this.#spawn(this.#kubelet.command(this));
    const startedAt = now();
    this.#setState({ running: { startedAt } }, false);
    const exited = new Promise((resolve) => {
      child.on("error", () => resolve({ exitCode: 127, reason: "StartError" }));
      child.on("exit", (code, signal) => {
        resolve({ exitCode: code ?? 137, reason: code === 0 ? "Completed" : (signal ?? "Error") });
      });
    });
    let alive = true;
    const end = exited.then((how) => {
      alive = false;
      return how;
    });
    await this.#probe(end, () => alive);
    const terminated = { ...(await end), startedAt, finishedAt: now() };
    this.process = undefined;
    this.#container.lastState = { terminated };
    this.#setState({ waiting: { reason: "CrashLoopBackOff" } }, false);
  }

  /** Keeps `ready` true to what the port says, while the process lives. */
  async #probe(end, alive) {
    const port = this.container.readinessProbe.tcpSocket.port;
    let failures = 0;
    while (alive()) {
      failures = (await accepts(this.ip, port)) ? 0 : failures + 1;
      const ready = failures === 0 || (this.ready && failures < PROBE_FAILURES);
      if (alive() && ready !== this.ready) this.#setState(this.#container.state, ready);
      await Promise.race([delay(this.ready ? PROBE_RUNNING_MS : PROBE_STARTING_MS), end]);
    }
  }

  #setState(state, ready) {
    this.#container.state = state;
    this.ready = ready;
    this.#publish();
  }

  #condition(type, value) {
    const status = value ? "True" : "False";
    if (this.#conditions[type]?.status !== status) {
      this.#conditions[type] = { type, status, lastTransitionTime: now() };
    }
    return this.#conditions[type];
  }

  #status() {
    return {
      phase: "Running",
      hostIP: "127.0.0.1",
      podIP: this.ip,
      podIPs: [{ ip: this.ip }],
      startTime: this.#startTime,
      conditions: [
        this.#condition("Initialized", true),
        this.#condition("ContainersReady", this.ready),
        this.#condition("Ready", this.ready),
        this.#condition("PodScheduled", true),
      ],
      containerStatuses: [
        {
          name: this.container.name,
          image: this.container.image,
          imageID: "none",
          containerID: `process://${this.process?.pid ?? 0}`,
          ready: this.ready,
          started: this.ready,
          restartCount: this.restarts,
          ...this.#container,
        },
      ],
    };
  }

  /** Writes the status as it is now; what changes in the meantime is written after that. */
  async #publish() {
    this.#changed = true;
    if (this.#publishing) return;
    this.#publishing = true;
    while (this.#changed) {
      this.#changed = false;
      const patch = { metadata: { uid: this.uid }, status: this.#status() };
      await this.#insist(() => this.#kubelet.kube.patch(`${this.#path}/status`, patch));
    }
    this.#publishing = false;
  }

  async #finalize() {
    const options = {
      apiVersion: "v1",
      kind: "DeleteOptions",
      gracePeriodSeconds: 0,
      preconditions: { uid: this.uid },
    };
    await this.#insist(() => this.#kubelet.kube.delete(this.#path, options));
  }

  /** Until it works, is needless (`done`), the pod is gone or replaced, or the kubelet stops. */
  async #insist(call, done = () => false) {
    while (!this.#kubelet.signal.aborted) {
      try {
        return await call();
      } catch (error) {
        if (error instanceof KubeError && (await this.#isOver(done))) return undefined;
        await delay(API_RETRY_MS);
      }
    }
    return undefined;
  }

  async #isOver(done) {
    try {
      const pod = await this.#kubelet.kube.find(this.#path);
      return !pod || pod.metadata.uid !== this.uid || done(pod);
    } catch {
      return false;
    }
  }
}

export class Kubelet {
  #namespace;
  #addresses;
  #abort = new AbortController();
  #following;
  #runners = new Map();

  /**
   * addresses: iterator of IPs for new pods. command(runner): {file, args} of a pod's process, and
   * init(runner), if there is one, of its init container, with its env; runner has name, uid, ip,
   * volume.
   */
  constructor({ kube, namespace, node, folder, addresses, command, init }) {
    Object.assign(this, { kube, node, folder, command, init });
    this.#namespace = namespace;
    this.#addresses = addresses;
    this.signal = this.#abort.signal;
  }

  async start() {
    const body = { apiVersion: "v1", kind: "Node", metadata: { name: this.node } };
    if (!(await this.kube.find(`/api/v1/nodes/${this.node}`))) {
      await this.kube.post("/api/v1/nodes", body);
    }
    this.#following = this.kube.follow(`/api/v1/namespaces/${this.#namespace}/pods`, {
      signal: this.signal,
      onList: (pods) => {
        // A pod that vanished while nobody watched.
        const uids = new Set(pods.map((pod) => pod.metadata.uid));
        for (const runner of this.#runners.values()) {
          if (!uids.has(runner.uid)) runner.terminate(0);
        }
        pods.forEach((pod) => this.#see(pod));
      },
      onEvent: (type, pod) => {
        if (type !== "DELETED") this.#see(pod);
        else if (this.#runners.get(pod.metadata.name)?.uid === pod.metadata.uid) {
          this.#runners.get(pod.metadata.name).terminate(0);
        }
      },
    });
  }

  #see(pod) {
    const { name, uid, deletionTimestamp, deletionGracePeriodSeconds } = pod.metadata;
    const known = this.#runners.get(name);
    if (known?.uid !== uid) {
      known?.terminate(0);
      const ip = this.#addresses.next().value;
      this.#runners.set(name, new PodRunner(this, pod, ip, known));
    }
    if (deletionTimestamp) this.#runners.get(name).terminate(deletionGracePeriodSeconds);
  }

  /** What runs as the pod of this name: {name, uid, ip, volume, ready, restarts, process}. */
  pod(name) {
    const runner = this.#runners.get(name);
    if (!runner) throw new Error(`no pod ${name}`);
    return runner;
  }

  /** Ends every process and, if the API answers, nothing else: the objects stay. */
  async stop() {
    this.#abort.abort();
    for (const runner of this.#runners.values()) runner.terminate(0);
    await Promise.all([...this.#runners.values()].map((runner) => runner.ended));
    await this.#following;
  }
}
