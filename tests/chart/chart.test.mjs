// The chart as helm renders it: against golden files, and what it refuses. UPDATE=1 writes the golden
// files anew: look at the difference before you commit it.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const here = import.meta.dirname ?? new URL(".", import.meta.url).pathname;
const root = join(here, "../..");
const CHART = join(root, "chart/memgraph-ha");

function helm(...args) {
  return execFileSync(process.env.HELM, args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

function template(name, ...args) {
  return helm("template", name, CHART, "--namespace", "prod", ...args);
}

test("helm lint finds nothing", () => {
  for (const values of [[], ["--values", join(here, "everything.yaml")]]) {
    assert.match(helm("lint", "--strict", CHART, ...values), /0 chart\(s\) failed/);
  }
});

for (const [name, args] of [
  ["default", ["--kube-version", "1.31.0"]],
  ["everything", ["--kube-version", "1.20.2", "--values", join(here, "everything.yaml")]],
]) {
  test(`rendered as in golden/${name}.yaml`, () => {
    const file = join(here, "golden", `${name}.yaml`);
    // The rules have tests of their own (tests/alerts): here it counts that they are there.
    const text = template("memgraph", ...args).replace(/(\n {6}rules:\n)(?: {8}.*\n)+/g, "$1        ...\n");
    if (process.env.UPDATE) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, "utf8"));
  });
}

test("two releases share no name", () => {
  const names = (release) =>
    [...template(release).matchAll(/^kind: (\w+)\nmetadata:\n {2}name: (\S+)/gm)].map(
      ([, kind, name]) => `${kind} ${name}`,
    );
  const [one, other] = [names("one"), names("other")];
  assert.ok(one.length >= 12, `${one}`);
  assert.deepEqual(
    one.filter((name) => other.includes(name)),
    [],
  );
});

test("the Role is the one of config/rbac.yaml", () => {
  const rules = (text) =>
    /kind: Role\n[^]*?\nrules:\n([^]*?)\n---/
      .exec(text)[1]
      .split("\n")
      .filter((line) => !/^\s*#/.test(line));
  assert.deepEqual(
    rules(template("memgraph", "--show-only", "templates/rbac.yaml")),
    rules(readFileSync(join(root, "config/rbac.yaml"), "utf8")),
  );
});

// What the PrometheusRule says, without what helm puts before it.
function alerts(...args) {
  const text = template("memgraph", "--show-only", "templates/monitoring.yaml", "--set", "prometheusRule.enabled=true", ...args);
  const [, spec] = text.split("\nkind: PrometheusRule\n")[1].split("\nspec:\n");
  return spec.split("\n---\n")[0].replace(/^ {2}/gm, "").trimEnd() + "\n";
}
const RULES = readFileSync(join(CHART, "files/alerts.yaml"), "utf8");

test("the PrometheusRule is files/alerts.yaml, its {{ }} as well", () => {
  assert.match(RULES, /\{\{ \$labels\.pod \}\}/);
  assert.equal(alerts(), RULES);
});

test("with the ServiceMonitor the rules know who is missing: another release is not enough", () => {
  const own = 'absent(memgraph_controller_info{namespace="prod", job="memgraph-controller"})';
  assert.equal(alerts("--set", "serviceMonitor.enabled=true"), RULES.replace("absent(memgraph_controller_info)", own));
  // That is the job which the operator makes of the Service, and there is one of this name.
  assert.match(template("memgraph", "--show-only", "templates/services.yaml"), /\n {2}name: memgraph-controller\n/);
  assert.doesNotMatch(template("memgraph", "--set", "serviceMonitor.enabled=true"), /jobLabel/);
});

test("alerts point to where the runbooks are kept", () => {
  const urls = (text) => [...text.matchAll(/runbook_url: (\S+)/g)].map(([, url]) => url);
  const given = urls(alerts("--set", "prometheusRule.runbooks=https://wiki.example/ha/"));
  assert.deepEqual(given, urls(RULES).map((url) => url.replace("docs/runbooks/", "https://wiki.example/ha/")));
  assert.ok(given.length > 20);
});

test("the rule about controllers that end again and again knows their container, which is nobody else's", () => {
  const name = /kube_pod_container_status_restarts_total\{container="([^"]+)"\}/.exec(RULES)[1];
  const text = template("memgraph", "--show-only", "templates/deployment.yaml");
  assert.equal(/\n {6}containers:\n {8}- name: (\S+)/.exec(text)[1], name);
  assert.notEqual(name, "controller"); // as ingress-nginx calls its own
});

test("Grafana's dashboard is whole JSON", () => {
  const text = template("memgraph", "--set", "grafanaDashboard.enabled=true");
  const body = /memgraph\.json: \|\n((?: {4}.*\n|\n)+)/.exec(text)[1];
  assert.ok(JSON.parse(body).panels.length > 0);
});

// Environment of the controllers: {name: value}; a value from elsewhere is "".
function environment(...args) {
  const text = template("memgraph", "--show-only", "templates/deployment.yaml", ...args);
  const block = /\n {10}env:\n([^]*?)\n {10}ports:/.exec(text)[1];
  return Object.fromEntries(
    [...block.matchAll(/- (?:\{name: (\w+), value: "?([^"}]*)"?\}|name: (\w+))/g)].map(([, name, value, other]) =>
      name ? [name, value] : [other, ""],
    ),
  );
}

test("every setting of the schema reaches the controllers, and what they get is documented", () => {
  const schema = JSON.parse(readFileSync(join(CHART, "values.schema.json"), "utf8"));
  const settings = Object.entries(schema.properties.controller.properties.settings.properties);
  const names = settings.map(([name]) => name);
  const values = Object.fromEntries(
    settings.map(([name, shape], i) => {
      if (shape.enum) return [name, shape.enum.at(-1)];
      if (shape.type === "integer") return [name, shape.maximum];
      return [name, shape.type === "boolean" ? i % 2 === 0 : `${i + 1}s`];
    }),
  );
  const file = join(mkdtempSync(join(tmpdir(), "chart-")), "values.yaml");
  writeFileSync(file, JSON.stringify({ controller: { settings: values } }));
  const given = environment("--values", join(here, "everything.yaml"), "--values", file);
  for (const name of names) assert.equal(given[name], `${values[name]}`, name);
  const [table] = readFileSync(join(root, "docs/reference.md"), "utf8").split("## Commands");
  const documented = new Set([...table.matchAll(/^\| `([A-Z_]+)` \|/gm)].map(([, name]) => name));
  for (const name of Object.keys(given)) assert.ok(documented.has(name), name);
  assert.ok(Object.keys(given).length > names.length);
});

test("TLS at the gateways: the Secret is mounted where the controllers look for it, and whole", () => {
  const text = template("memgraph", "--show-only", "templates/deployment.yaml", "--set", "gateway.tlsSecret=my-cert");
  const mount = /- \{name: tls, mountPath: (\S+), readOnly: true\}/.exec(text)[1];
  assert.match(text, /- name: tls\n {10}secret: \{secretName: my-cert, defaultMode: 0440\}/);
  assert.doesNotMatch(text, /subPath/); // such a file is never renewed
  const given = environment("--set", "gateway.tlsSecret=my-cert");
  assert.equal(given.GATEWAY_TLS_CERT_PATH, `${mount}/tls.crt`); // the keys of a Secret of type kubernetes.io/tls
  assert.equal(given.GATEWAY_TLS_KEY_PATH, `${mount}/tls.key`);
  assert.equal(environment().GATEWAY_TLS_CERT_PATH, undefined);
});

test("a Secret of one's own: mounted whole, as any of its keys may be missing or come later", () => {
  const args = ["--set", "auth.existingSecret=mine"];
  const text = template("memgraph", "--show-only", "templates/deployment.yaml", ...args);
  const mount = /- \{name: auth, mountPath: (\S+), readOnly: true\}/.exec(text)[1];
  assert.match(text, /- name: auth\n {10}secret: \{secretName: mine, defaultMode: 0440\}\n/);
  assert.doesNotMatch(text, /subPath|items:/); // the kubelet waits for keys that are named
  const given = environment(...args);
  assert.equal(given.MEMGRAPH_USERS_FILE, `${mount}/users`);
  assert.equal(given.ADMIN_TOKEN_FILE, `${mount}/adminToken`);
  for (const key of ["user", "password"]) assert.match(text, new RegExp(`name: mine, key: ${key}, optional: true`));
});

test("every container may run where Pod Security says restricted", () => {
  const pods = template("memgraph").split(/^---$/m).filter((text) => /^ +containers:$/m.test(text));
  assert.equal(pods.length, 3); // Memgraph, controllers, helm test
  let containers = 0;
  for (const pod of pods) {
    const [ofPod, ...each] = pod.split(/^ *- name: [\w-]+\n *image: /m);
    assert.match(ofPod, /securityContext:\n(?: +(?:run|fs).*\n)* +runAsNonRoot: true\n/);
    assert.doesNotMatch(pod, /hostPath|hostNetwork|hostPID|privileged|runAsUser: 0/);
    for (const container of each) {
      const wanted = "allowPrivilegeEscalation: false capabilities: drop: [ALL] seccompProfile: type: RuntimeDefault";
      assert.ok(container.replace(/\s+/g, " ").includes(wanted), container);
      containers++;
    }
  }
  assert.equal(containers, 5); // with the two init containers
});

// What helm install says at its end: NOTES.txt, which helm template leaves out, in another file's name.
function notes(...args) {
  const chart = join(mkdtempSync(join(tmpdir(), "chart-")), "memgraph-ha");
  cpSync(CHART, chart, { recursive: true });
  writeFileSync(join(chart, "templates/notes.yaml"), 'notes: {{ include (print $.Template.BasePath "/NOTES.txt") . | toJson }}\n');
  const text = helm("template", "memgraph", chart, "--namespace", "prod", "--show-only", "templates/notes.yaml", ...args);
  return JSON.parse(/^notes: (.*)$/m.exec(text)[1]);
}

test("the notes say how to test, with TLS and without", () => {
  for (const args of [[], ["--set", "gateway.tlsSecret=my-cert"]])
    assert.match(notes(...args), /Does it work\?\n\n {2}helm test memgraph -n prod\n/);
  assert.match(notes("--set", "gateway.tlsSecret=my-cert"), /must be in the certificate of my-cert\. Does/);
});

test("without a user the notes say who may do what; with a NetworkPolicy fewer", () => {
  assert.match(notes(), /may do everything: auth.user and auth.password are not set. Whoever reaches port 8080 .* may move the main: .*networkPolicy.enabled/);
  const policy = ["--set", "networkPolicy.enabled=true"];
  assert.match(notes(...policy), /auth.password are not set\.\n/);
  assert.doesNotMatch(notes("--set", "auth.user=a,auth.password=b"), /may move the main|may do everything/);
  assert.doesNotMatch(notes(...policy), /Prometheus/);
  const scraped = [...policy, "--set", "serviceMonitor.enabled=true"];
  assert.match(notes(...scraped), /networkPolicy.controllerFrom names nobody: Prometheus/);
  assert.doesNotMatch(notes(...scraped, "--set", "networkPolicy.controllerFrom[0].ipBlock.cidr=10.0.0.0/8"), /Prometheus/);
});

// Of the policy of the controllers: [who, ports] of each rule; who "" is everybody.
function rules(...args) {
  const text = template("memgraph", "--set", "networkPolicy.enabled=true", ...args, "--show-only", "templates/networkpolicy.yaml");
  const own = text.split("\n---\n").find((policy) => policy.includes("metadata:\n  name: memgraph-controller\n"));
  return /\n {2}ingress:\n([^]*)/.exec(own)[1].split(/^ {4}- /m).slice(1).map((rule) => [
    rule.includes("from:") ? rule.slice(0, rule.indexOf("ports:")).replace(/\s+/g, " ").trim() : "",
    [...rule.matchAll(/port: (\d+)/g)].map(([, port]) => port),
  ]);
}

test("the controllers' policy: the gateways for all, 8080 for pods, controllers and whom the values name", () => {
  const own = ["memgraph-controller", "memgraph"].map(
    (name) => `- podSelector: matchLabels: app.kubernetes.io/name: ${name} app.kubernetes.io/instance: memgraph`,
  );
  assert.deepEqual(rules(), [["", ["7687", "7688"]], [`from: ${own.join(" ")}`, ["8080"]]]);
  assert.deepEqual(rules("--set", "gateway.read.enabled=false")[0], ["", ["7687"]]);
  const [, [who]] = rules("--set", "networkPolicy.controllerFrom[0].namespaceSelector.matchLabels.name=monitoring");
  assert.equal(who, `from: ${own.join(" ")} - namespaceSelector: matchLabels: name: monitoring`);
});

test("big numbers of a values file stay numbers", () => {
  const file = join(mkdtempSync(join(tmpdir(), "chart-")), "values.yaml");
  const big = 123456789;
  const memgraph = ["walFlushEveryTransactions", "snapshotIntervalSeconds", "snapshotRetention", "memoryLimitMiB",
    "queryTimeoutSeconds", "startupSeconds", "gracePeriodSeconds"];
  writeFileSync(file, `memgraph:\n${memgraph.map((name) => `  ${name}: ${big}\n`).join("")}controller: {gracePeriodSeconds: ${big}}\n`);
  const text = template("memgraph", "--values", file);
  assert.equal(text.split(`${big}`).length - 1, memgraph.length + 1);
  assert.doesNotMatch(text, /\de\+\d/);
});

const REFUSED = [
  ["a value that nobody knows", ["memgraph.replica=3"], /replica is not allowed/],
  ["no pods", ["memgraph.replicas=0"], /greater than or equal to 1/],
  ["more pods than the controller looks at", ["memgraph.replicas=17"], /less than or equal to 16/],
  ["a tag that is a number", ["memgraph.image.tag=3"], /Expected: string/],
  ["a flag that the chart sets", ["memgraph.extraArgs={--bolt-port=1}"], /Must not validate/],
  ["the flag of coordinators", ["memgraph.extraArgs={--management-port=1}"], /Must not validate/],
  ["another storage mode", ["memgraph.extraArgs={--storage-mode=ON_DISK}"], /Must not validate/],
  ["an unknown setting", ["controller.settings.PROBE_INTERVALL=1s"], /PROBE_INTERVALL is not/],
  ["a duration without a unit", ["controller.settings.PROBE_INTERVAL=10"], /PROBE_INTERVAL: Invalid type/],
  ["a duration that is none", ["controller.settings.PROBE_INTERVAL=soon"], /PROBE_INTERVAL: Does not match pattern/],
  ["a duration without a unit where 0 needs none", ["controller.settings.GATEWAY_IDLE_TIMEOUT=10"], /GATEWAY_IDLE_TIMEOUT: Must be less/],
  ["a number that is none", ["controller.settings.PROBE_FAILURES=some"], /PROBE_FAILURES: Invalid type/],
  ["too small a number", ["controller.settings.GATEWAY_BUFFER_SIZE=4095"], /greater than or equal to 4096/],
  ["too big a number", ["controller.settings.GATEWAY_WORKERS=65"], /less than or equal to 64/],
  ["a word that is none", ["controller.settings.READ_BALANCE=fair"], /READ_BALANCE must be one of/],
  ["a switch that is neither on nor off", ["controller.settings.READ_FALLBACK_MAIN=maybe"], /READ_FALLBACK_MAIN: Invalid type/],
  ["a text that is a number", ["controller.settings.GATEWAY_TCP_CONGESTION=1"], /GATEWAY_TCP_CONGESTION: Invalid type/],
  ["a setting of the certificate, which is a Secret", ["controller.settings.GATEWAY_TLS_CERT_PATH=/a"], /GATEWAY_TLS_CERT_PATH is not/],
  ["a Secret's name that is none", ["gateway.tlsSecret=A_b"], /gateway.tlsSecret/],
  ["a setting that has a value of its own", ["controller.settings.DURABILITY=required"], /DURABILITY is not/],
  ["an unknown durability", ["controller.durability=maybe"], /must be one of/],
  ["a user without a password", ["auth.user=a"], /set both, or none/],
  ["users without a first one", ["auth.users.a=b"], /auth.users needs auth.user/],
  ["a Secret and a password", ["auth.existingSecret=a", "auth.user=a", "auth.password=b"], /holds everything itself/],
  ["a name that nobody can have", ["auth.user=a", "auth.password=b", "auth.users.a:b=c"], /auth.users: Property name of "a:b"/],
  ["a first user whom nobody can be", ["auth.user=a:b", "auth.password=c"], /auth.user: Does not match pattern/],
  ["a name that is too long", ["auth.user=a", "auth.password=b", `auth.users.${"n".repeat(128)}=c`], /auth.users: Property name of "nn/],
  ["a password that is too long", ["auth.user=a", `auth.password=${"p".repeat(128)}`], /auth.password: String length/],
  ["a password with a tab", ["auth.user=a", "auth.password=b", "auth.users.c=d\te"], /auth.users.c: Does not match pattern/],
  ["a password of two lines", ["auth.user=a", "auth.password=b", "auth.users.c=d\ne"], /auth.users.c: Does not match pattern/],
  ["a grace within the hook's time", ["memgraph.gracePeriodSeconds=60"], /must be more than/],
  ["a grace within that of the sessions", ["controller.gracePeriodSeconds=3"], /controller.gracePeriodSeconds must be more than SHUTDOWN_GRACE \(3s\)/],
  ["a grace within a longer one", ["controller.settings.SHUTDOWN_GRACE=29s1000ms"], /more than SHUTDOWN_GRACE \(29s1000ms\)/],
  ["a grace of minutes", ["controller.settings.SHUTDOWN_GRACE=1m", "controller.gracePeriodSeconds=60"], /more than SHUTDOWN_GRACE \(1m\)/],
  ["runbooks that are no URL", ["prometheusRule.runbooks=docs"], /prometheusRule.runbooks: Does not match/],
  ["a peer who is everybody", ["networkPolicy.controllerFrom[0].ipBlock=null"], /controllerFrom.0/],
  ["a peer that no NetworkPolicy knows", ["networkPolicy.controllerFrom[0].cidr=10.0.0.0/8"], /cidr is not allowed/],
  ["a size that is none", ["memgraph.persistence.size=big"], /Does not match pattern/],
];

for (const [what, values, words] of REFUSED) {
  test(`refused: ${what}`, () => {
    assert.throws(() => template("memgraph", ...values.flatMap((value) => ["--set", value])), words);
  });
}

test("taken: users whose names are addresses", () => {
  const file = join(mkdtempSync(join(tmpdir(), "chart-")), "values.yaml");
  const [own, other] = ["root+db@example.com", "ann@example.com"];
  writeFileSync(file, JSON.stringify({ auth: { user: own, password: "p", users: { [other]: "ü: '\"" } } }));
  const text = template("memgraph", "--show-only", "templates/secret.yaml", "--values", file);
  assert.ok(text.includes(`  user: "${own}"\n`) && text.includes(`\n    ${other}:ü: '"\n`), text);
});

test("taken: a grace of more than that of the sessions, whose default is the program's", () => {
  for (const [grace, seconds] of [["29999ms", 30], ["1m08s", 69], ["0", 1], ["1h", 3601]])
    template("memgraph", "--set", `controller.settings.SHUTDOWN_GRACE=${grace},controller.gracePeriodSeconds=${seconds}`);
  template("memgraph", "--set", "controller.gracePeriodSeconds=4");
  assert.match(readFileSync(join(root, "docs/reference.md"), "utf8"), /^\| `SHUTDOWN_GRACE` \| `3s` \|/m);
});

test("taken: 0 with a unit, without, and as a number", () => {
  const name = "GATEWAY_IDLE_TIMEOUT";
  for (const [how, value] of [["--set", "0"], ["--set-string", "0"], ["--set", "0s"]])
    assert.equal(environment(how, `controller.settings.${name}=${value}`)[name], value);
});

test("refused: a release whose name no Service can have", () => {
  assert.throws(() => template("1st"), /a letter first/);
});
