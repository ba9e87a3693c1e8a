// Lists and tables beside the picture.
import { h, s } from './dom.js';
import { bytes, clock, count, duration, mainServes, replication, trouble, unfit } from './words.js';

// ---- what would happen if ----

const YES = ['ok', '✔ yes'];
const NO = ['warn', '▲ no'];

function one(key, title, e, [level, answer]) {
  return h('details', { class: 'if', 'data-key': key },
    h('summary', {}, h('span', { class: `mark ${level}` }, answer), ` ${title}`),
    h('p', {}, e.answer),
    h('ul', { class: 'conditions' }, e.conditions.map((c) => h('li', { class: c.holds ? 'ok' : 'warn' },
      h('span', { class: 'mark' }, c.holds ? '✔' : '✖'),
      h('span', {}, c.name, ': ', h('span', { class: 'dim' }, c.value, c.ageMs > 3000 ? `, seen ${duration(c.ageMs)} ago` : ''))))));
}

export function explanation({ status, explain }) {
  const rebuilds = Object.entries(explain.rebuild).filter(([, e]) => unfit(e)); // the others' answer is no
  return [
    one('writes', 'a client wrote now: would it be acknowledged?', explain.writes, explain.writes.possible ? YES : NO),
    one('failover', `${status.main ?? 'the main'} died now: would ${status.syncReplica ?? 'another'} take over?`, explain.failover, explain.failover.possible ? YES : NO),
    one('switchover', 'somebody asked for a switchover: would it happen?', explain.switchover, explain.switchover.possible ? YES : NO),
    rebuilds.map(([pod, e]) => one(pod, `${pod} does not fit the main: would it be filled anew by itself?`, e, e.possible ? ['ok', '✔ yes'] : NO)),
    !rebuilds.length && h('p', { class: 'if dim', 'data-key': 'none' }, '– No replica is known to need to be filled anew.'),
  ];
}

// ---- transitions ----

const PHASES = [
  ['decide', 'decided'], ['record', 'recorded'], ['fence', 'fenced'], ['promote', 'promoted'],
  ['touch', 'proved'], ['open', 'begun'], ['route', 'routed'], ['firstAnswer', 'first answer'],
];

// The moments in the order in which they came, each with what passed since the one before. Time begins
// when the loss was seen, or, where nothing was lost, with the decision.
function moments(entry) {
  const ms = { ...entry.ms, route: entry.clients?.ms.route, firstAnswer: entry.clients?.ms.firstAnswer };
  const points = PHASES.filter(([key]) => ms[key] > 0).map(([key, name]) => ({ key, name, at: ms[key] }));
  points.sort((a, b) => a.at - b.at);
  points.unshift(ms.decide > 0 ? { key: 'detect', name: 'detected', at: 0 } : { key: 'decide', name: 'decided', at: 0 });
  points.forEach((p, i) => { p.number = i + 1; p.took = i ? p.at - points[i - 1].at : 0; });
  return points;
}

// Numbers as in the list below, where there is room for them.
function bar(points) {
  const total = points.at(-1).at || 1;
  let x = 0;
  return s('svg', { class: 'bar', width: '100%', height: 18, 'aria-hidden': 'true' }, points.slice(1).map((p) => {
    const width = Math.max((p.took / total) * 100, 0.3);
    const begin = x;
    x += width;
    return [s('rect', { class: `phase ${p.key}`, x: `${begin}%`, y: 1, width: `${width}%`, height: 16 }),
      s('text', { class: `number ${p.key}`, x: `${begin + width / 2}%`, y: 13.5 }, width > 5 ? p.number : '')];
  }));
}

function clients(c) {
  if (!c) return 'What clients felt of it was not written down.';
  const parts = [`writes waited ${duration(c.shutMs)}`, `${count(c.sessionsCut, 'session')} cut`];
  if (c.parkedMost) parts.push(`${count(c.parkedMost, 'client')} waited`);
  if (c.ms.firstAnswer !== null) parts.push(`first answer after ${duration(c.ms.firstAnswer)}`);
  return `Clients: ${parts.join(', ')}.`;
}

export function history({ status, history: { transitions } }) {
  if (!transitions.length) return [h('p', { class: 'dim' }, 'None yet.')];
  return [h('ol', { class: 'history' }, transitions.slice(0, 8).map((t) => {
    const points = moments(t);
    const total = Math.max(0, ...points.filter((p) => p.key !== 'firstAnswer').map((p) => p.at));
    return h('li', { 'data-key': t.epoch },
      h('p', { class: 'what' },
        h('time', { datetime: t.at }, clock(t.at, status.time)),
        h('span', {}, h('b', {}, t.kind), ` ${t.from && t.from !== t.to ? `${t.from} → ` : ''}${t.to}`),
        h('span', { class: 'total' }, duration(total))),
      h('p', { class: 'dim' }, t.why),
      points.length > 1 && bar(points.filter((p) => p.at <= 2 * total)), // without a client that came much later
      h('ol', { class: 'phases' }, points.map((p) => h('li', {},
        h('span', { class: 'dim' }, `${p.number} `),
        s('svg', { class: 'swatch', viewBox: '0 0 10 10', 'aria-hidden': 'true' }, s('rect', { class: `phase ${p.key}`, width: 10, height: 10 })),
        `${p.name} ${duration(p.at)}`))),
      h('p', { class: 'dim' }, clients(t.clients)));
  })),
  transitions.length > 8 && h('p', { class: 'dim' }, `${transitions.length - 8} older ones: `, h('a', { href: 'api/v1/history' }, 'as JSON'))];
}

// ---- tables ----

// On a phone each row is a block, and each cell is named by its column.
function table(head, rows) {
  return h('table', {},
    h('thead', {}, h('tr', {}, head.map((t) => h('th', { scope: 'col' }, t)))),
    h('tbody', {}, rows.map(([first, ...rest]) => h('tr', {}, h('th', { scope: 'row' }, first),
      rest.map((c, i) => h('td', { 'data-name': head[i + 1] }, c))))));
}

const sum = (counts) => Object.values(counts).reduce((a, b) => a + b, 0);
const reasons = (name, counts) => (sum(counts) ? `; ${name}: ${Object.entries(counts).filter(([, n]) => n).map(([reason, n]) => `${n} ${reason.replaceAll('_', ' ')}`).join(', ')}` : '');

function reading(readers) {
  if (!readers.length) return 'nobody can be read from';
  return readers.length > 3 ? `to ${readers[0]} and ${readers.length - 1} more` : `to ${readers.join(', ')}`;
}

export function gateways({ gateways: g, gate, readers }) {
  const rows = [['write', g.write, gate.why], ['read', g.read, reading(readers)]];
  return [table(['gateway', 'sessions', 'waiting', 'in', 'out', 'cut', 'refused'],
    rows.filter(([, n]) => n).map(([name, n]) => [name, n.active, n.parked, bytes(n.bytesUp), bytes(n.bytesDown), sum(n.cut), sum(n.refused)])),
  h('ul', { class: 'dim' }, rows.map(([name, n, why]) => h('li', {},
    `${name}: ${n ? `${why}${reasons('cut', n.cut)}${reasons('refused', n.refused)}` : 'not enabled'}`)))];
}

function data({ vertices, edges, storageAgeMs }) {
  if (vertices === undefined) return '–';
  return `${count(vertices, 'vertex', 'vertices')}, ${count(edges, 'edge')}${storageAgeMs > 60_000 ? `, ${duration(storageAgeMs)} ago` : ''}`;
}

function follow(pod, status) {
  if (!status.main || pod.topology === 'main') return '–';
  const { mode, state } = replication(pod, status);
  return `${mode} ${state}`;
}

export function pods(status) {
  return [table(['pod', 'role', 'state', 'replication', 'data'], status.pods.map((p) => [
    p.name,
    p.memgraph.role === 'unknown' ? '?' : p.memgraph.role,
    trouble(p, status) ? h('span', { class: 'mark warn' }, `✖ ${trouble(p, status)}`) : h('span', { class: 'mark ok' }, '✔ good'),
    follow(p, status),
    data(p.memgraph),
  ])), !mainServes(status) && status.main && h('p', { class: 'dim' }, 'How replicas follow is what their main says; it does not answer as one now.')];
}

export function decisions({ decisions: list, leadership: l, time }) {
  const other = l.holder && l.holder !== l.identity;
  const elsewhere = !l.leader && h('p', { class: 'dim' }, other ? `${l.holder} decides; its page and its log have what.` : 'Nobody decides now.');
  if (!list.length) return [elsewhere || h('p', { class: 'dim' }, 'Nothing yet.')];
  return [elsewhere, h('ol', { class: 'decisions' }, list.slice(0, 12).map((d) => h('li', {},
    h('time', { datetime: d.at }, clock(d.at, time)), h('span', {}, `${d.pod && !d.why.startsWith(d.pod) ? `${d.pod}: ` : ''}${d.why}`))))];
}
