// Numbers and states in words.

export function duration(ms) {
  if (ms === null || ms === undefined) return 'never';
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  if (ms < 3_600_000) return `${Math.floor(ms / 60_000)} min`;
  if (ms < 86_400_000) return `${Math.floor(ms / 3_600_000)} h`;
  return `${Math.floor(ms / 86_400_000)} d`;
}

export function bytes(n) {
  const units = ['B', 'kB', 'MB', 'GB', 'TB'];
  let i = 0;
  while (n >= 1000 && i < units.length - 1) { n /= 1000; i++; }
  return `${i && n < 100 ? n.toFixed(1) : Math.round(n)} ${units[i]}`;
}

export const count = (n, one, many = `${one}s`) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

export function clock(text) {
  const d = new Date(text);
  const time = d.toLocaleTimeString('en-GB');
  return d.toDateString() === new Date().toDateString() ? time : `${d.toISOString().slice(0, 10)} ${time}`;
}

export const mode = (text) => text.replace('strict_sync', 'STRICT SYNC').replace('async', 'ASYNC').replace('sync', 'SYNC');

export const gate = { open: 'forwards', hold: 'holds clients', drain: 'lets sessions end', cut: 'lets nobody through' };

// How a replica follows: 'good', 'near' (under writes an ASYNC replica hardly ever reads ready),
// 'behind' (it catches up) or 'bad'.
export function follows({ registration: r, link }) {
  if (!r || r.status === 'dead' || r.status === 'diverged') return 'bad';
  if (r.status === 'ready' || r.status === 'replicating') return 'good';
  if (r.mode === 'async' && link.state === 'up' && r.ts > 0 && Math.abs(r.behind) < 1000) return 'near';
  return r.status === 'recovery' ? 'behind' : 'bad';
}

// Ids of processes by their first letters.
const short = (text) => text.replace(/\b([0-9a-f]{8})-[0-9a-f-]{27}\b/g, '$1…');

// What is wrong with a pod, in a few words; '' when nothing is.
export function trouble(pod, status) {
  if (!pod.kubernetes.exists) return 'gone';
  if (pod.topology !== 'main' && pod.memgraph.role === 'main') return 'main without being meant to';
  if (pod.kubernetes.terminating) return 'is being stopped';
  if (pod.link.state === 'down') return 'does not answer';
  if (pod.link.state !== 'up') return 'is being connected';
  if (pod.topology === 'main' && pod.memgraph.role !== 'main') return 'is no main yet';
  if (pod.topology !== 'main' && !pod.registration && status.main) return 'is not registered';
  if (pod.registration && follows(pod) === 'bad') return pod.registration.status;
  return '';
}

// The one sentence, its level (ok, warn, bad) and what to know beside it.
export function sentence({ status, explain }) {
  const notes = [];
  if (status.paused) {
    notes.push(`Decisions are paused${status.paused.until ? ` until ${clock(status.paused.until)}` : ' until somebody resumes them'} (${status.paused.text.split('@')[0]}): if the main dies, nobody takes over.`);
  }
  if (status.degraded) notes.push('The main serves without a SYNC replica, by decision: a write is on one pod alone.');
  if (status.request) notes.push(`Asked for: ${status.request.kind}${status.request.pod ? ` ${status.request.pod}` : ''}.`);
  if (!status.leadership.leader && status.leadership.holder !== status.leadership.identity) notes.push(`This controller (${status.leadership.identity}) only looks on; ${status.leadership.holder || 'nobody'} decides.`);
  if (!status.main) return { level: 'bad', text: `There is no main yet: ${status.reason}`, notes };
  const next = explain.failover;
  if (status.gate.state !== 'open') {
    const held = status.gate.state === 'hold';
    if (status.reason !== status.gate.why) notes.unshift(`${status.reason}.`);
    return { level: held ? 'warn' : 'bad', text: `Writes wait: ${status.gate.why}`, notes };
  }
  const text = `${status.main} is main; ${status.syncReplica} would take over now: ${next.possible ? 'yes' : 'no'}`;
  if (!next.possible) {
    const unmet = next.conditions.filter((c) => !c.holds).map((c) => c.value);
    notes.unshift(...(unmet.length ? unmet : [next.answer]).map((why) => `Why not: ${short(why)}`));
  }
  const level = !next.possible || status.paused || status.degraded || status.transition ? 'warn' : 'ok';
  return { level, text, notes };
}
