import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { tell } from "../story.mjs";
import { Release, helm } from "./release.mjs";

let release;

before(async () => {
  release = await Release.create("memgraph");
});
after(() => release?.close());

test("helm installs the chart, and a cluster is formed", async (t) => {
  const begin = performance.now();
  await release.install();
  await release.settled();
  t.diagnostic(`ready after ${Math.round(performance.now() - begin)} ms`);
});

test("helm test writes and reads through the gateways", async () => {
  assert.match(await release.test(), /Phase: *Succeeded/);
});
