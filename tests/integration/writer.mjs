// A load of writes, each with an id of its own and an outcome that is recorded, and the check that
// compares the outcomes with what a server holds in the end.
//
//   acknowledged   the server said yes: it must be there, once
//   refused        the server said no: it must not be there
//   unknown        the connection broke, or the server said that it committed without a replica's
//                  word: it may be there or not
import assert from 'node:assert/strict';

let labelNext = 1;

// Memgraph's SYNC mode commits and then reports this as an error; STRICT_SYNC's error says in the
// same words that a replica has not confirmed, and that the transaction will be aborted.
const COMMITTED_ALL_THE_SAME = /not confirmed(?!.*aborted)/i;

export class Writer {
  // sessions: how many write at the same time; pauseMs: of each after a write, and after a failure.
  constructor(makeDriver, url, { sessions = 4, pauseMs = 5, failPauseMs = 10, label } = {}) {
    this.label = label ?? `Load${process.pid}_${labelNext++}`;
    this.outcomes = new Map(); // id -> {outcome, at, error}
    this.acknowledged = []; // times (performance.now()) of acknowledgements, in order
    this.running = true;
    this.driver = makeDriver(url, { maxConnectionPoolSize: sessions });
    this.loops = Array.from({ length: sessions }, (_, i) => this.#loop(i, pauseMs, failPauseMs));
  }

  async #loop(index, pauseMs, failPauseMs) {
    for (let n = 0; this.running; n++) {
      const good = await this.#write(`${index}-${n}`);
      await new Promise((resolve) => setTimeout(resolve, good ? pauseMs : failPauseMs));
    }
  }

  async #write(id) {
    const session = this.driver.session();
    try {
      await session.run(`CREATE (:${this.label} {id: $id})`, { id });
      this.acknowledged.push(performance.now());
      this.outcomes.set(id, { outcome: 'acknowledged', at: performance.now() });
      return true;
    } catch (error) {
      const server = /^(Memgraph|Neo)\./.test(error.code) && !COMMITTED_ALL_THE_SAME.test(error.message);
      this.outcomes.set(id, { outcome: server ? 'refused' : 'unknown', at: performance.now(), error });
      return false;
    } finally {
      await session.close().catch(() => {});
    }
  }

  count(outcome) {
    let n = 0;
    for (const o of this.outcomes.values()) n += o.outcome === outcome;
    return n;
  }

  acknowledgedSince(time) {
    return this.acknowledged.filter((at) => at >= time).length;
  }

  // The longest time between two acknowledgements in a row, in ms, from `since` on.
  longestGapMs(since = 0) {
    const times = this.acknowledged.filter((at) => at >= since);
    let gap = 0;
    for (let i = 1; i < times.length; i++) gap = Math.max(gap, times[i] - times[i - 1]);
    return gap;
  }

  // What an event at `time` cost: the longest time without an acknowledgement that ended after it.
  // (The first one after it may still be an answer to what went before.)
  gapAroundMs(time) {
    const times = this.acknowledged;
    const first = times.findIndex((at) => at >= time);
    return first < 0 ? Infinity : this.longestGapMs(times[Math.max(0, first - 1)]);
  }

  async stop() {
    if (!this.running) return;
    this.running = false;
    await Promise.all(this.loops);
    await this.driver.close().catch(() => {});
  }

  // Compares with what the server at pod.bolt holds. Gives the numbers of each outcome.
  async check(pod) {
    assert.equal(this.running, false, 'stop the writer before the check');
    const { queryOnce } = await import('./harness.mjs');
    const rows = await queryOnce(pod.bolt, `MATCH (n:${this.label}) RETURN n.id AS id`);
    const held = new Map();
    for (const { id } of rows) held.set(id, (held.get(id) ?? 0) + 1);

    const lost = [], phantom = [];
    for (const [id, { outcome }] of this.outcomes) {
      if (outcome === 'acknowledged' && !held.has(id)) lost.push(id);
      if (outcome === 'refused' && held.has(id)) phantom.push(id);
    }
    const twice = [...held].filter(([, n]) => n > 1).map(([id]) => id);
    const wrong = Object.entries({ lost, phantom, twice }).filter(([, ids]) => ids.length)
      .map(([what, ids]) => `${ids.length} ${what} (${ids.slice(0, 5).join(', ')})`);
    if (wrong.length) assert.fail(`SAFETY: ${this.label} on ${pod.name ?? pod.bolt}: ${wrong.join('; ')}`);
    return {
      acknowledged: this.count('acknowledged'),
      refused: this.count('refused'),
      unknown: this.count('unknown'),
    };
  }
}
