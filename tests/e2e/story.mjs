// What every scenario does around its fault: writers before, during and after it, and at the end
// the proof that no acknowledged write is lost and that every pod has the same data.
import assert from "node:assert/strict";
import { Load } from "./load.mjs";
import { waitFor } from "./wait.mjs";

/**
 * A route that does not change shows no gap at all, one that waits for a lease or for the API
 * server many seconds; what lies between is the scheduler of a busy machine.
 */
export const UNNOTICED_MS = 2000;

const WARM_UP_WRITES = 200;
const SETTLED_WRITES = 200;

/** A load of writers through these gateways that is well under way. */
export async function startLoad(cluster, gateways = cluster.gateways) {
  const load = new Load(cluster.ledger, gateways, { auth: cluster.auth });
  try {
    await waitFor("writes are acknowledged", () => load.count >= WARM_UP_WRITES);
  } catch (error) {
    await load.stop();
    const texts = new Set(load.errors.map(({ text }) => text));
    throw new Error(`${error.message}; the clients saw: ${[...texts].join(" | ")}`);
  }
  return load;
}

/** Waits until this many more writes were acknowledged than are now. */
export async function writesGoOn(load, { count = SETTLED_WRITES, limitMs = 30_000 } = {}) {
  const goal = load.count + count;
  await waitFor(`${count} more writes are acknowledged`, () => load.count >= goal, limitMs);
}

/**
 * With writers running: `fault`, then waits until everything works again, checks every promise
 * about the data and prints what the clients saw. Resolves to {main, gapMs, errors}: the longest
 * time without an acknowledged write at one gateway, and the errors, both since the fault.
 */
export async function tell(t, cluster, { gateways, fault }) {
  const load = await startLoad(cluster, gateways);
  let gaps, errors;
  try {
    const faultMs = performance.now();
    await fault(load);
    await cluster.settled({ underLoad: true });
    await writesGoOn(load);
    gaps = load.longestGapsSince(faultMs);
    errors = load.errorsSince(faultMs);
  } finally {
    await load.stop();
  }
  const main = await cluster.settled();
  await checkData(cluster, main);
  for (const { gateway, ms, afterMs } of gaps) {
    t.diagnostic(`longest write gap at ${gateway}: ${ms} ms, ${afterMs} ms after the fault`);
  }
  t.diagnostic(
    `${load.count} writes acknowledged, none lost; ${errors.length} failed; main is ${main}`,
  );
  for (const [text, count] of countTexts(errors)) t.diagnostic(`  ${count} x ${text}`);
  return { main, gapMs: Math.max(...gaps.map(({ ms }) => ms)), errors };
}

function countTexts(errors) {
  const counts = new Map();
  for (const { text } of errors) counts.set(text, (counts.get(text) ?? 0) + 1);
  return counts;
}

/** No acknowledged write is lost, and every pod has the data of the main. */
export async function checkData(cluster, main) {
  const stored = await cluster.stored(main);
  cluster.ledger.check(stored);
  for (const name of cluster.podNames()) {
    await waitFor(`${name} has what ${main} has`, async () => {
      assert.deepEqual(await cluster.stored(name), stored);
      return true;
    });
  }
}
