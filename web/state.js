// The state of the cluster in one sentence, its level, what to know beside it, and what helps.
import { clock, duration, mainServes, podNamed, trouble, unfit, until } from './words.js';

const KUBERNETES_OLD_MS = 60_000; // as the alert has it

const leads = (explain) => explain.failover.conditions.find((c) => c.name === 'somebody leads')?.holds !== false;

// At most two: the others mostly follow from the first. A pause has a note of its own.
function whyNot({ status, explain }) {
  const { conditions, answer } = explain.failover;
  const unmet = conditions.filter((c) => !c.holds && !(status.paused && /paused/.test(c.name)) && c.name !== 'somebody leads');
  if (unmet.length) return unmet.slice(0, 2).map((c) => c.value);
  return status.paused || !leads(explain) ? [] : [answer];
}

// What was decided, by whom, and who watches.
function circumstances({ status, explain }) {
  const { leadership: l } = status;
  const notes = [];
  if (status.paused) notes.push(`Decisions are paused by ${status.paused.text.split('@')[0]} ${until(status.paused.until, status.time)}: if the main dies, nobody takes over.`);
  if (status.degraded && mainServes(status)) notes.push(`By decision ${status.main} serves without a SYNC replica: a write is on one pod alone.`);
  if (status.plannedUntil) notes.push(`The SYNC replica's stop is planned for: ${status.main} may serve alone until ${clock(status.plannedUntil, status.time)}.`);
  if (status.request) notes.push(`Asked for: ${status.request.kind}${status.request.pod ? ` ${status.request.pod}` : ''}.`);
  for (const r of status.rebuild) notes.push(`${r.pod} is being filled anew: ${r.reason}.`);
  for (const p of status.pods) {
    const bad = ['main', 'sync'].includes(p.topology) || !status.main || status.rebuild.some((r) => r.pod === p.name) ? '' : trouble(p, status);
    if (bad) notes.push(`${p.name} (${p.registration?.mode === 'sync' ? 'SYNC' : 'ASYNC'} replica): ${bad}.`);
  }
  if (!leads(explain)) notes.push('Nobody decides: no controller was seen to renew its lease.');
  else if (!l.leader) notes.push(`This controller (${l.identity}) only looks on; ${l.holder || 'another one'} decides.`);
  if (status.kubernetesAgeMs > KUBERNETES_OLD_MS) notes.push(`The Kubernetes API was heard ${duration(status.kubernetesAgeMs)} ago: what is said of pods is as old.`);
  return notes;
}

// What a person can do, where there is something; commands between backticks.
function help({ status, explain }) {
  const { main, syncReplica: sync } = status;
  const [serves, writes] = [mainServes(status), explain.writes];
  const force = (to) => `Only if that is impossible: \`memgraph-controller failover ${to}--accept-data-loss\``;
  if (/^the record makes no sense/.test(status.reason)) return `the ConfigMap ${(status.pods[0]?.name ?? '').replace(/\d+$/, 'state')} is put right, or deleted while the pods are well: it is made anew from them`;
  if (!main || status.transition || (writes.possible && leads(explain))) return '';
  if (!leads(explain)) return 'the Kubernetes API, or a controller, comes back. Sessions go on until then; nothing is decided';
  if (status.paused) return '`memgraph-controller resume`: what has piled up is decided at once';
  if (/which may hold more/.test(status.reason)) return `${sync} comes back, to be compared. ${force(`--to ${main} `)}`;
  if (podNamed(status, main)?.link.state !== 'up' && !explain.failover.possible) return `${main} comes back: it has every acknowledged write. ${force('')}`;
  if (serves && !status.degraded && (writes.answer.startsWith(`${sync} `) || /^no SYNC replica/.test(writes.answer))) {
    const rebuild = explain.rebuild[sync];
    const back = !unfit(rebuild) ? `${sync} comes back` : rebuild.possible ? `${sync} is filled anew by itself`
      : `${sync} is filled anew: Rebuild, below, or \`memgraph-controller rebuild ${sync}\` (its data are kept aside)`;
    return `${back}; or ${main} serves alone: Degrade, below, or \`memgraph-controller degrade\``;
  }
  return '';
}

// {level: 'ok', 'warn' or 'bad', text, notes: [...], help: ''}
export function sentence(overview) {
  const { status, explain } = overview;
  const { main, syncReplica: sync, gate } = status;
  const next = explain.failover;
  const moving = status.request || ['refresh', 'switchover'].includes(status.transition);
  const takeover = `${sync} would take over now: ${next.possible ? 'yes' : 'no'}`;
  const notes = circumstances(overview);
  const say = (level, text, ...first) => ({ level, text, notes: [...first, ...notes], help: help(overview) });

  if (status.state === 'UNKNOWN_STATE') return say('bad', `Nothing is decided: ${status.reason}`, ...(main ? [`${main} goes on; if it dies, nobody takes over.`] : []));
  if (!main) return say('bad', `There is no main yet: ${status.reason}`);
  const why = next.possible || status.transition ? [] : whyNot(overview).map((w) => `Why not: ${w}`);
  if (explain.writes.possible) {
    const ok = next.possible && !notes.length && !status.transition;
    const looksOn = notes.length === 1 && /only looks on/.test(notes[0]) && next.possible && !status.transition;
    return say(ok || looksOn ? 'ok' : 'warn', `${main} is main; ${takeover}`, ...why);
  }
  const now = gate.state === 'open' ? `Writes fail: ${explain.writes.answer}` : `Writes wait: ${gate.why}`;
  const place = status.transition ? [] : [`${main} ${mainServes(status) ? 'is main' : 'is to be main'}; ${takeover}.`];
  // The leader's reason, where it is none of a refusal: that is said below.
  if (status.leadership.leader && ![gate.why, `${main} is main`].includes(status.reason) && !/^no failover/.test(status.reason)) place.push(`${status.reason}.`);
  return say(moving ? 'warn' : 'bad', now, ...place, ...why);
}
