// Two releases in one namespace, one of them with users: they do not meet.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { startLoad, tell, writesGoOn } from "../story.mjs";
import { waitFor } from "../wait.mjs";
import { note } from "./gaps.mjs";
import { Release } from "./release.mjs";

const NAMESPACE = `shared-${process.pid}`;

let one, two;

before(async () => {
  const auth = { user: "admin", password: "secret" };
  const values = ["memgraph.passwordEncryption=sha256", "networkPolicy.enabled=true"];
  one = await Release.create("one", { namespace: NAMESPACE, auth, values });
  two = await Release.create("two", { namespace: NAMESPACE, values: ["memgraph.replicas=2"] });
  two.replicas = 2;
  await Promise.all([one.install(), two.install()]);
  await Promise.all([one.settled(), two.settled()]);
});
after(() => {
  one?.close();
  two?.close();
});

test("helm test logs on", async () => {
  assert.match(await one.test(), /Phase: *Succeeded/);
});

test("two releases side by side: both mains' containers killed (-9)", async (t) => {
  const load = await startLoad(two);
  const [oldOne, oldTwo] = [await one.mainPod(), await two.mainPod()];
  try {
    const told = await tell(t, one, {
      fault: async () => {
        await Promise.all([one.kill(oldOne), two.kill(oldTwo)]);
        await waitFor("other mains", async () =>
          (await one.mainPod()) !== oldOne && (await two.mainPod()) !== oldTwo);
      },
    });
    note("two releases side by side, both mains' containers killed (-9)", {
      ...told,
      acknowledged: one.ledger.acked.size,
    });
    await writesGoOn(load);
  } finally {
    await load.stop();
  }
  two.ledger.check(await two.stored(await two.settled()));
});

test("one is uninstalled, the other one does not notice", async () => {
  const load = await startLoad(one);
  try {
    await two.uninstall();
    await writesGoOn(load);
    assert.deepEqual(load.errors, []);
  } finally {
    await load.stop();
  }
  await one.settled();
  // Its pods stop within preStopTimeoutSeconds: their hooks find nobody any more whom they could ask.
  assert.equal(await two.kube.find(two.statefulSetPath), undefined);
});
