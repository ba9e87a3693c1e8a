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

// Milliseconds since the call, as a function. A monotonic clock stands still while a laptop sleeps, the
// other one may be set: whichever shows more.
export function stopwatch() {
  const [mono, wall] = [performance.now(), Date.now()];
  return () => Math.max(performance.now() - mono, Date.now() - wall);
}

// A time of the controller's in the reader's zone; the day as well unless it is `now`'s.
export function clock(text, now = Date.now()) {
  const d = new Date(text);
  const time = d.toLocaleTimeString('en-GB');
  return d.toDateString() === new Date(now).toDateString() ? time : `${d.toLocaleDateString('sv')} ${time}`;
}

// "until 21:05:48 (59 min from now)": by the controller's clock, whatever the reader's shows.
export function until(text, now) {
  return text ? `until ${clock(text, now)} (${duration(Math.max(0, Date.parse(text) - Date.parse(now)))} from now)` : 'until somebody resumes';
}

export const mode = (text) => text.replace('strict_sync', 'STRICT SYNC').replace('async', 'ASYNC').replace('sync', 'SYNC');

export const gate = { open: 'forwards', hold: 'holds clients', drain: 'lets sessions end', cut: 'lets nobody through' };

// The controller's words for people, without what only machines compare: ids of processes by their
// first letters (a text that was too long may end within one), the record's notation of `sync` and `paused`.
export function readable(text) {
  return text
    .replace(/\bsync is (ready|unproven):[0-9a-f-]+/g, 'sync is $1')
    .replace(/\bsync is none:(\w+)(:[0-9a-f.-]*)?/g, 'sync is none, $1')
    .replace(/\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f-]*/g, '$1…')
    .replace(/^([!-?A-~]+)@\d{13}\.\.(\d{13})?$/, (_, by, end) => `${by}, ${end ? `until ${clock(Number(end))}` : 'until somebody resumes'}`);
}

const FOR_PEOPLE = new Set(['why', 'value', 'answer', 'reason', 'error']);

export const parse = (text) => JSON.parse(text, (key, value) => (FOR_PEOPLE.has(key) && typeof value === 'string' ? readable(value) : value));

// How a replica follows: 'good', 'near' (under writes an ASYNC replica hardly ever reads ready),
// 'behind' (it catches up) or 'bad'.
export function follows({ registration: r, link }) {
  if (!r || r.status === 'dead' || r.status === 'diverged') return 'bad';
  if (r.status === 'ready' || r.status === 'replicating') return 'good';
  if (r.mode === 'async' && link.state === 'up' && r.ts > 0 && Math.abs(r.behind) < 1000) return 'near';
  return r.status === 'recovery' ? 'behind' : 'bad';
}

export const podNamed = (status, name) => status.pods.find((p) => p.name === name);

// The main answers, as one: what it says of its replicas is known.
export function mainServes(status) {
  const main = podNamed(status, status.main);
  return main?.link.state === 'up' && main.memgraph.role === 'main';
}

// Replication to a pod, as the main shows it: {mode, state, kind of arrow}.
export function replication(replica, status) {
  const r = replica.registration;
  if (!r) {
    return mainServes(status) && !status.transition ? { mode: 'not registered', state: '', kind: 'broken' }
      : { mode: 'not known now', state: '', kind: 'unknown' };
  }
  const how = follows(replica);
  const [sign, kind] = { good: ['✔', 'flow'], near: ['✔', 'flow'], behind: ['…', 'held'], bad: ['✖', 'broken'] }[how];
  const lag = r.behind === undefined ? '' : `, lag ${Math.abs(r.behind)}`;
  return { mode: mode(r.mode), state: `${sign} ${how === 'near' ? 'follows' : r.status}${lag}`, kind };
}

// What is wrong with a pod, in a few words; '' when nothing is.
export function trouble(p, status) {
  if (!p.kubernetes.exists) return 'gone';
  if (p.kubernetes.terminating) return 'is being stopped';
  if (p.link.state === 'down') return 'does not answer';
  if (p.link.state !== 'up') return 'is being connected';
  if (!status.main || status.transition) return '';
  if (p.topology !== 'main' && p.memgraph.role === 'main') return 'main, not meant to be';
  if (p.topology === 'main') return p.memgraph.role === 'main' ? '' : 'is no main yet';
  if (!p.registration) return mainServes(status) ? 'is not registered' : '';
  return follows(p) === 'bad' ? p.registration.status : '';
}

// Of what explain says of a pod's rebuild: it needs one.
export const unfit = (e) => e?.conditions.some((c) => c.name === 'its data do not fit the main' && c.holds);

// Writes through the gateway: {sign, words, kind of arrow}.
export function writing({ status, explain }) {
  const { state } = status.gate;
  if (state === 'open' && explain.writes.possible) return { sign: '✔', words: 'writes', kind: 'flow' };
  if (state === 'open') return { sign: '✖', words: 'writes fail', kind: 'broken' };
  return state === 'cut' ? { sign: '✖', words: 'writes wait', kind: 'broken' } : { sign: '‖', words: 'writes wait', kind: 'held' };
}
