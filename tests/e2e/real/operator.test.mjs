// What a person on call does from outside of the cluster: the plugin of kubectl and the status page,
// both through the API server and with rights on services/proxy alone. TLS ends at the gateways.
import assert from "node:assert/strict";
import { execFile, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { browse } from "../../integration/browser.mjs";
import { waitFor } from "../wait.mjs";
import { Release } from "./release.mjs";

const NAMESPACE = `operator-${process.pid}`;
const TOKEN = "a-token-of-the-admin-routes";
const GOOD = /^(graph-[01]) is main; (graph-[01]) would take over now: yes$/m;
const { K8S_API, K8S_CA, K8S_TOKEN, KUBECTL, E2E_BUILD } = process.env;

let release, folder;

/** A kubeconfig (JSON is YAML) of whom this token names. */
function kubeconfig(name, token) {
  const path = join(folder, `${name}.kubeconfig`);
  const cluster = {
    server: K8S_API,
    "certificate-authority-data": readFileSync(K8S_CA).toString("base64"),
  };
  writeFileSync(
    path,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "c", cluster }],
      users: [{ name, user: { token } }],
      contexts: [{ name: "here", context: { cluster: "c", user: name, namespace: NAMESPACE } }],
      "current-context": "here",
    }),
  );
  return path;
}

/** A ServiceAccount that may do so to services/proxy, and look at Services. Its kubeconfig. */
async function person(name, verbs) {
  const { kube, path } = release;
  const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}`;
  const apiGroup = "rbac.authorization.k8s.io";
  const metadata = { name };
  await kube.post(`${path}/serviceaccounts`, { metadata });
  await kube.post(`${rbac}/roles`, {
    metadata,
    rules: [
      { apiGroups: [""], resources: ["services"], verbs: ["list"] },
      { apiGroups: [""], resources: ["services/proxy"], verbs },
    ],
  });
  await kube.post(`${rbac}/rolebindings`, {
    metadata,
    subjects: [{ kind: "ServiceAccount", name, namespace: NAMESPACE }],
    roleRef: { apiGroup, kind: "Role", name },
  });
  const { status } = await kube.post(`${path}/serviceaccounts/${name}/token`, { spec: {} });
  return kubeconfig(name, status.token);
}

/** `kubectl memgraph-ha ...` as a person: {status, out, err}. */
function ha(config, ...words) {
  const env = { ...process.env, PATH: `${folder}:${process.env.PATH}`, KUBECONFIG: config, NO_COLOR: "1" };
  return new Promise((resolve) => {
    execFile(KUBECTL, ["memgraph-ha", ...words], { env, timeout: 120_000 }, (error, out, err) =>
      resolve({ status: error ? error.code : 0, out, err }));
  });
}

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "operator-"));
  writeFileSync(join(folder, "token"), `${TOKEN}\n`);
  symlinkSync(join(E2E_BUILD, "memgraph-controller"), join(folder, "kubectl-memgraph_ha"));
  const [cert, key] = [join(folder, "tls.crt"), join(folder, "tls.key")];
  execFileSync("openssl", ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
    "-days", "2", "-subj", "/CN=graph-gateway", "-addext", "subjectAltName=DNS:graph-gateway",
    "-keyout", key, "-out", cert], { stdio: "pipe" });
  const base64 = (file) => readFileSync(file).toString("base64");
  release = await Release.create("graph", {
    namespace: NAMESPACE,
    values: [`auth.adminToken=${TOKEN}`, "gateway.tlsSecret=gateway-tls"],
  });
  await release.kube.post(`${release.path}/secrets`, {
    metadata: { name: "gateway-tls" },
    type: "kubernetes.io/tls",
    data: { "tls.crt": base64(cert), "tls.key": base64(key) },
  });
  await release.install();
  await release.settled();
});
after(() => {
  release?.close();
  if (folder) rmSync(folder, { recursive: true });
});

test("helm test writes and reads through gateways that speak TLS", async () => {
  assert.match(await release.test(), /Phase: *Succeeded/);
});

test("kubectl memgraph-ha: who may look looks, and may do nothing", async () => {
  const config = await person("looker", ["get"]);
  const bare = await ha(config);
  assert.match(bare.out, GOOD, bare.err);
  assert.equal((await ha(config, "explain")).status, 0);
  assert.match((await ha(config, "history")).out, /initial +graph-0/);
  const refused = await ha(config, "pause", "--token-file", join(folder, "token"));
  assert.notEqual(refused.status, 0);
  assert.match(refused.err, /cannot create resource "services\/proxy"/);
  assert.doesNotMatch(refused.err, /[{}]/); // the API server's words, not its JSON
  assert.equal((await release.record()).paused ?? "", "");

  const nobody = await ha(await person("nobody", ["create"]), "status");
  assert.notEqual(nobody.status, 0);
  assert.match(nobody.err, /cannot get resource "services\/proxy"/);
});

test("kubectl memgraph-ha: who may create acts, and the Events say so", async () => {
  const config = await person("on-call", ["get", "create"]);
  const token = ["--token-file", join(folder, "token")];
  const old = await release.mainPod();
  const moved = await ha(config, "switchover", ...token);
  assert.equal(moved.status, 0, moved.err);
  assert.match(moved.out, /done: graph-[01] is main \(epoch \d+\)/);
  assert.notEqual(await release.mainPod(), old);
  await release.settled();
  assert.match((await ha(config, "status")).out, GOOD);

  const described = execFileSync(KUBECTL, ["--kubeconfig", kubeconfig("admin", K8S_TOKEN), "describe",
    "statefulset", "graph"]).toString();
  assert.match(described, /Normal +SwitchoverDone +.*memgraph-controller/);

  assert.equal((await ha(config, "pause", "--for", "10m", ...token)).status, 0);
  assert.match((await ha(config, "status")).out, /^paused +.*on-call|^paused +\S/m);
  assert.equal((await ha(config, "resume", ...token)).status, 0);

  // There and back, with a client of its own that speaks TLS.
  const drill = await ha(config, "drill", ...token, "--write", `bolt+ssc://${release.gateways[0]}`);
  assert.equal(drill.status, 0, drill.out + drill.err);
  assert.equal(drill.out.match(/^the client could not write for \d+\.\d ms/gm).length, 2);
  await release.settled();
});

test("the status page through kubectl proxy follows, and acts", async (t) => {
  const config = await person("page", ["get", "create"]);
  const proxy = spawn(KUBECTL, ["--kubeconfig", config, "proxy", "--port", "0"], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => proxy.kill());
  const [, address] = await new Promise((resolve, reject) => {
    proxy.on("error", reject);
    createInterface({ input: proxy.stdout }).on("line", (line) => {
      const found = /^Starting to serve on (.*)$/.exec(line);
      if (found) resolve(found);
    });
  });
  const page = await browse(t, `http://${address}/api/v1/namespaces/${NAMESPACE}/services/graph-controller:http/proxy/`);
  const says = (where, pattern) => waitFor(`the page says ${pattern}`, async () => {
    const text = await page.locator(where).innerText();
    if (!pattern.test(text)) throw new Error(text);
    return true;
  });
  await says("#state", GOOD);
  await says("#connection", /live/); // server-sent events pass through the API server
  const old = await release.mainPod();
  await page.fill("#token", TOKEN);
  await page.click("button[name=switchover]");
  await page.click("#confirm-yes");
  await says("#result", /Done: graph-[01] is main/);
  assert.notEqual(await release.mainPod(), old);
  await says("#state", GOOD);
  assert.deepEqual(page.problems, []);
});
