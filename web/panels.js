// Lists and tables beside the picture.
import { h, s } from './dom.js';
import { bytes, clock, count, duration, mode, trouble } from './words.js';

// ---- what would happen if ----

const YES = ['ok', '✔ yes'];
const NO = ['warn', '▲ no'];

function one(title, e, [level, answer]) {
  return h('details', { class: 'if' },
    h('summary', {}, h('span', { class: `mark ${level}` }, answer), ` ${title}`),
    h('p', {}, e.answer),
    h('ul', { class: 'conditions' }, e.conditions.map((c) => h('li', { class: c.holds ? 'ok' : 'warn' },
      h('span', { class: 'mark' }, c.holds ? '✔' : '✖'),
      h('span', {}, c.name, ': ', h('span', { class: 'dim' }, c.value, c.ageMs > 3000 ? `, seen ${duration(c.ageMs)} ago` : ''))))));
}

export function explanation(explain, status) {
  return [
    one(`${status.main ?? 'the main'} died now: would ${status.syncReplica ?? 'another'} take over?`, explain.failover, explain.failover.possible ? YES : NO),
    one('somebody asked for a switchover: would it happen?', explain.switchover, explain.switchover.possible ? YES : NO),
    Object.entries(explain.rebuild).map(([pod, e]) => one(`${pod}: would it be filled anew?`, e, e.possible ? ['warn', '▲ yes'] : ['dim', '– no'])),
  ];
}

// ---- transitions ----

const PHASES = [
  ['decide', 'decided'], ['record', 'recorded'], ['fence', 'fenced'], ['promote', 'promoted'],
  ['touch', 'proved'], ['open', 'begun'], ['route', 'routed'], ['firstAnswer', 'first answer'],
];

// The moments in the order in which they came, each with what passed since the one before.
function segments(entry) {
  const ms = { ...entry.ms, route: entry.clients?.ms.route, firstAnswer: entry.clients?.ms.firstAnswer };
  const points = PHASES.filter(([key]) => ms[key] > 0).map(([key, name]) => ({ key, name, at: ms[key] }));
  let before = 0;
  points.sort((a, b) => a.at - b.at);
  for (const p of points) { p.took = p.at - before; before = p.at; }
  return points;
}

function bar(points) {
  const total = points.at(-1)?.at || 1;
  let x = 0;
  return s('svg', { class: 'bar', viewBox: '0 0 1000 14', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    points.map((p) => {
      const w = Math.max((p.took / total) * 1000, 3);
      const r = s('rect', { class: `phase ${p.key}`, x, y: 0, width: w, height: 14 });
      x += w;
      return r;
    }));
}

function clients(c) {
  if (!c) return 'What clients felt of it was not seen by this controller.';
  const parts = [`writes waited ${duration(c.shutMs)}`, `${count(c.sessionsCut, 'session')} cut`];
  if (c.parkedMost) parts.push(`${count(c.parkedMost, 'client')} waited`);
  if (c.ms.firstAnswer !== null) parts.push(`first answer after ${duration(c.ms.firstAnswer)}`);
  return `Clients: ${parts.join(', ')}.`;
}

export function history({ transitions }) {
  if (!transitions.length) return [h('p', { class: 'dim' }, 'None yet.')];
  return [h('ol', { class: 'history' }, transitions.slice(0, 8).map((t) => {
    const points = segments(t);
    const total = Math.max(0, ...points.filter((p) => p.key !== 'firstAnswer').map((p) => p.at));
    return h('li', {},
      h('p', { class: 'what' },
        h('time', { datetime: t.at }, clock(t.at)),
        h('span', {}, h('b', {}, t.kind), ` ${t.from && t.from !== t.to ? `${t.from} → ` : ''}${t.to}`),
        h('span', { class: 'total' }, duration(total))),
      h('p', { class: 'dim' }, t.why),
      bar(points.filter((p) => p.at <= 2 * total)), // without a client that came much later
      h('ul', { class: 'phases' }, points.map((p) => h('li', {},
        s('svg', { class: 'swatch', viewBox: '0 0 10 10', 'aria-hidden': 'true' }, s('rect', { class: `phase ${p.key}`, width: 10, height: 10 })),
        `${p.name} ${duration(p.at)}`))),
      h('p', { class: 'dim' }, clients(t.clients)));
  })),
  transitions.length > 8 && h('p', { class: 'dim' }, `${transitions.length - 8} older ones: `, h('a', { href: 'api/v1/history' }, 'as JSON'))];
}

// ---- tables ----

function table(head, rows) {
  return h('div', { class: 'scroll', tabindex: 0 }, h('table', {},
    h('thead', {}, h('tr', {}, head.map((t) => h('th', { scope: 'col' }, t)))),
    h('tbody', {}, rows.map(([first, ...rest]) => h('tr', {}, h('th', { scope: 'row' }, first), rest.map((c) => h('td', {}, c)))))));
}

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
const reasons = (counts) => Object.entries(counts).filter(([, n]) => n).map(([reason, n]) => `${n} ${reason}`).join(', ');

export function gateways({ gateways: g, gate, readers }) {
  const rows = [['write', g.write, gate.why], ['read', g.read, readers.length ? `to ${readers.join(', ')}` : 'nobody can be read from']];
  return [table(['gateway', 'sessions', 'waiting', 'in', 'out', 'cut', 'refused'],
    rows.filter(([, n]) => n).map(([name, n]) => [name, n.active, n.parked, bytes(n.bytesUp), bytes(n.bytesDown),
      h('span', { title: reasons(n.cut) }, sum(n.cut)), h('span', { title: reasons(n.refused) }, sum(n.refused))])),
  h('ul', { class: 'dim' }, rows.map(([name, n, why]) => h('li', {}, `${name}: ${n ? why : 'not enabled'}`)))];
}

export function pods(status) {
  return [table(['pod', 'role', 'state', 'replication', 'data'], status.pods.map((p) => [
    p.name,
    p.memgraph.role === 'unknown' ? '?' : p.memgraph.role,
    trouble(p, status) ? h('span', { class: 'mark warn' }, `✖ ${trouble(p, status)}`) : h('span', { class: 'mark ok' }, '✔ good'),
    p.registration ? `${mode(p.registration.mode)} ${p.registration.status}` : '–',
    p.memgraph.vertices === undefined ? '–' : `${p.memgraph.vertices.toLocaleString('en')} vertices`,
  ]))];
}

export function decisions(list) {
  if (!list.length) return [h('p', { class: 'dim' }, 'Nothing yet.')];
  return [h('ol', { class: 'decisions' }, list.slice(0, 12).map((d) => h('li', {},
    h('time', { datetime: d.at }, clock(d.at)), h('span', { class: 'rule' }, d.rule), h('span', {}, `${d.pod ? `${d.pod}: ` : ''}${d.why}`))))];
}
