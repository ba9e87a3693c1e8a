// Writers of unique ids through a gateway, and the check that nothing acknowledged is lost.
//
// Each write has one of three outcomes: acknowledged, unknown (the connection broke, or the server
// answered with an error: a main in SYNC mode commits and reports one), or still under way. Unknown
// ones may be there or not; acknowledged ones must be.
import assert from "node:assert/strict";
import { openDriver, query, queryOnce } from "./bolt.mjs";

const PAUSE_AFTER_ERROR_MS = 2;

export class Load {
  #drivers;
  #running = true;
  #writers;
  #next = 0;

  /** addresses: gateways, "host:port"; every one of them gets `writers` writers. */
  constructor(addresses, { writers = 4 } = {}) {
    this.attempted = 0;
    this.acked = new Map(); // id -> time of the answer, ms
    this.errors = []; // {atMs, gateway, text}
    this.#drivers = addresses.map((address) => ({ address, driver: openDriver(address) }));
    this.#writers = this.#drivers.flatMap((each) =>
      Array.from({ length: writers }, () => this.#write(each)),
    );
  }

  async #write({ address, driver }) {
    while (this.#running) {
      const id = this.#next++;
      this.attempted = this.#next;
      try {
        await query(driver, "CREATE (:Written {id: $id})", { id });
        this.acked.set(id, performance.now());
      } catch (error) {
        this.errors.push({ atMs: performance.now(), gateway: address, text: error.message });
        await new Promise((wake) => setTimeout(wake, PAUSE_AFTER_ERROR_MS));
      }
    }
  }

  get count() {
    return this.acked.size;
  }

  /** Milliseconds without an acknowledgement: the longest such time since `fromMs`. */
  longestGapSince(fromMs) {
    let before = fromMs;
    let longest = 0;
    for (const atMs of this.acked.values()) {
      if (atMs < fromMs) continue;
      longest = Math.max(longest, atMs - before);
      before = atMs;
    }
    return Math.round(Math.max(longest, (this.#running ? performance.now() : before) - before));
  }

  errorsSince(fromMs) {
    return this.errors.filter(({ atMs }) => atMs >= fromMs);
  }

  async stop() {
    this.#running = false;
    await Promise.all(this.#writers);
    await Promise.all(this.#drivers.map(({ driver }) => driver.close()));
  }

  /** The ids that the server at `address` has, sorted. */
  static async stored(address) {
    const rows = await queryOnce(address, "MATCH (n:Written) RETURN n.id AS id");
    return rows.map(({ id }) => id).sort((a, b) => a - b);
  }

  /** After stop(): every acknowledged id is at `address`, once, and nothing that nobody wrote. */
  async check(address) {
    const stored = await Load.stored(address);
    const there = new Set(stored);
    assert.equal(there.size, stored.length, "an id is there twice");
    const lost = [...this.acked.keys()].filter((id) => !there.has(id));
    assert.deepEqual(lost, [], `${lost.length} of ${this.count} acknowledged writes are lost`);
    assert.ok(
      stored.every((id) => id >= 0 && id < this.attempted),
      "an id is there that nobody wrote",
    );
    return stored;
  }
}
