// Writers of unique ids through a gateway, and the check that nothing acknowledged is lost.
//
// Each write has one of three outcomes: acknowledged, unknown (the connection broke, or the server
// answered with an error: a main in SYNC mode commits and reports one), or still under way. Unknown
// ones may be there or not; acknowledged ones must be.
import assert from "node:assert/strict";
import { openDriver, query, queryOnce } from "./bolt.mjs";

const PAUSE_MS = 5;

/** Every write that was ever tried at one cluster. */
export class Ledger {
  attempted = 0; // ids are 0 .. attempted - 1
  acked = new Set();

  /** The ids that the server at `address` has, sorted. */
  static async stored(address, auth) {
    const rows = await queryOnce(address, "MATCH (n:Written) RETURN n.id AS id", {}, auth);
    return rows.map(({ id }) => id).sort((a, b) => a - b);
  }

  /** Every acknowledged id is among the stored ones, each once, none that nobody wrote. */
  check(stored) {
    const there = new Set(stored);
    assert.equal(there.size, stored.length, "SAFETY: an id is there twice");
    const lost = [...this.acked].filter((id) => !there.has(id));
    assert.deepEqual(lost, [], `SAFETY: ${lost.length} of ${this.acked.size} acknowledged writes are lost`);
    assert.ok(
      stored.every((id) => id >= 0 && id < this.attempted),
      "an id is there that nobody wrote",
    );
  }
}

export class Load {
  #ledger;
  #drivers;
  #running = true;
  #writers;

  /** addresses: gateways, "host:port"; every one of them gets `writers` writers. */
  constructor(ledger, addresses, { writers = 4, auth } = {}) {
    this.#ledger = ledger;
    this.errors = []; // {atMs, gateway, code, text}
    this.#drivers = addresses.map((address) => {
      return { address, driver: openDriver(address, auth), ackedMs: [] };
    });
    this.#writers = this.#drivers.flatMap((each) =>
      Array.from({ length: writers }, () => this.#write(each)),
    );
  }

  async #write({ address, driver, ackedMs }) {
    while (this.#running) {
      const id = this.#ledger.attempted++;
      try {
        await query(driver, "CREATE (:Written {id: $id})", { id });
        this.#ledger.acked.add(id);
        ackedMs.push(performance.now());
      } catch ({ code, message: text }) {
        this.errors.push({ atMs: performance.now(), gateway: address, code, text });
      }
      // A rate that a busy machine bears too: at full speed its own load would be the fault.
      await new Promise((wake) => setTimeout(wake, PAUSE_MS));
    }
  }

  /** Writes that were acknowledged so far. */
  get count() {
    return this.#drivers.reduce((sum, { ackedMs }) => sum + ackedMs.length, 0);
  }

  /**
   * The longest time without an acknowledgement since `fromMs` at each gateway, until now:
   * {gateway, ms, afterMs}, where afterMs is when it began, counted from fromMs.
   */
  longestGapsSince(fromMs) {
    return this.#drivers.map(({ address: gateway, ackedMs }) => {
      const longest = { gateway, ms: 0, afterMs: 0 };
      let before = fromMs;
      for (const atMs of [...ackedMs, performance.now()]) {
        if (atMs < fromMs) continue;
        const ms = Math.round(atMs - before);
        if (ms > longest.ms) Object.assign(longest, { ms, afterMs: Math.round(before - fromMs) });
        before = atMs;
      }
      return longest;
    });
  }

  errorsSince(fromMs) {
    return this.errors.filter(({ atMs }) => atMs >= fromMs);
  }

  async stop() {
    this.#running = false;
    await Promise.all(this.#writers);
    await Promise.all(this.#drivers.map(({ driver }) => driver.close()));
  }
}
