// The topology as a picture: gateways, the main, its replicas, and what flows between them. What a
// colour says is said in words, too. A unit is a pixel, so that letters have their size at any width.
import { s } from './dom.js';
import { bytes, count, duration, gate, replication, trouble, writing } from './words.js';

const ROLES = { main: '★ MAIN', sync: '◆ SYNC replica', async: '● ASYNC replica', unknown: '? no role yet' };
const GATE = { open: 'forwards', hold: 'holds clients', drain: 'sessions end', cut: 'closed' };
const WIDE = 880; // below it the picture stands upright
const [FULL, SMALL, GAP] = [100, 52, 16]; // heights of boxes; between them

const pen = document.createElement('canvas').getContext('2d');
const FONTS = { name: '650 16px', role: '600 12px', fact: '13px', 'fact bad': '600 13px', label: '12.5px' };

// A text, cut to so many pixels: a name at its beginning, as it is the ordinal at its end that matters.
function text(x, y, words, kind, width = Infinity, attributes = {}) {
  let shown = words;
  pen.font = `${FONTS[kind]} ${getComputedStyle(document.body).fontFamily}`;
  for (let n = words.length; pen.measureText(shown).width > width && n > 2; n--) {
    shown = kind === 'name' ? `…${words.slice(1 - n)}` : `${words.slice(0, n - 1)}…`;
  }
  return s('text', { x, y, class: kind, ...attributes }, shown, shown !== words && s('title', {}, words));
}

function box({ x, y, w, h, kind, name, role, lines, bad }) {
  const room = w - 26;
  const small = h === SMALL;
  return s('g', { class: `box ${kind}${bad ? ' trouble' : ''}` },
    s('rect', { x, y, width: w, height: h, rx: 10 }),
    kind === 'main' && s('rect', { class: 'inner', x: x + 4, y: y + 4, width: w - 8, height: h - 8, rx: 7 }),
    text(x + 14, y + (small ? 21 : 27), name, 'name', room),
    !small && text(x + 14, y + 46, role, 'role', room),
    lines.slice(0, small ? 1 : 2).map((line, i) => text(x + 14, y + (small ? 40 : 68) + i * 18, line, i === 0 && bad ? 'fact bad' : 'fact', room)));
}

const arrow = (d, kind) => s('path', { d, class: `arrow ${kind}`, 'marker-end': `url(#head-${kind})` });

function heads() {
  return s('defs', {}, ['flow', 'held', 'broken', 'unknown', 'read'].map((kind) =>
    s('marker', { id: `head-${kind}`, class: kind, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: 'auto-start-reverse' },
      s('path', { d: 'M0 0 L10 5 L0 10 Z' }))));
}

function podBox(pod, status, at) {
  const bad = trouble(pod, status);
  const lines = [];
  if (bad) lines.push(`✖ ${bad === 'does not answer' ? `no answer for ${duration(pod.link.sinceMs)}` : bad}`);
  if (pod.link.state === 'up') lines.push(`${pod.memgraph.version || 'version ?'}, answers in ${(pod.link.probeUs / 1000).toFixed(1)} ms`);
  lines.push(pod.kubernetes.ready ? `Ready, ${pod.kubernetes.ip}` : pod.kubernetes.exists ? `not Ready, ${pod.kubernetes.ip || 'no address'}` : 'no pod');
  return box({ ...at, kind: pod.topology, name: pod.name, role: ROLES[pod.topology] ?? '◆ SYNC replica', lines, bad });
}

function gatewayBox(name, g, at, to = '') {
  const lines = g ? [`${count(g.active, 'session')}${g.parked ? `, ${g.parked} waiting` : ''}`, `${bytes(g.bytesUp)} in, ${bytes(g.bytesDown)} out`]
    : ['not enabled'];
  return box({ ...at, kind: g ? 'gateway' : 'gateway off', name, role: g ? `port ${g.port}${to}` : '', lines });
}

// The same for those who do not see it.
function describe(overview) {
  const { status } = overview;
  const pods = status.pods.map((p) => [`${p.name}: ${ROLES[p.topology] ?? p.topology}`, trouble(p, status),
    p.topology !== 'main' && status.main && Object.values(replication(p, status)).slice(0, 2).join(' ')].filter(Boolean).join(', '));
  const readers = status.gateways.read ? ` Reads go to ${status.readers.join(', ') || 'nobody'}.` : '';
  return `Topology. ${pods.join('. ')}. The write gateway ${gate[status.gate.state]}: ${writing(overview).words}.${readers}`;
}

function sorted(status) {
  const order = { main: 0, strict_sync: 1, sync: 1, async: 2 };
  return [...status.pods].sort((a, b) => (order[a.topology] ?? 3) - (order[b.topology] ?? 3) || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

// The main, the others, and how high the others' boxes are: many are drawn small, the pair never.
function cast(status) {
  const all = sorted(status);
  const main = all.find((p) => p.topology === 'main');
  const others = all.filter((p) => p !== main);
  return { main, others, heights: others.map((p) => (others.length > 4 && p.topology === 'async' ? SMALL : FULL)) };
}

// Left to right: gateways, main, replicas.
function wide(overview, width) {
  const { status } = overview;
  const { main, others, heights } = cast(status);
  const [gw, pw] = [180, 204]; // widths of boxes
  const left = 2;
  const middle = left + gw + Math.round((width - 4 - gw - 2 * pw) * 0.42);
  const right = width - pw - 2;
  const tops = heights.reduce((list, h) => [...list, list.at(-1) + h + GAP + 8], [6]);
  const below = 6 + FULL + GAP + 8; // the read gateway's
  const w = writing(overview);
  const parts = [gatewayBox('write gateway', status.gateways.write, { x: left, y: 6, w: gw, h: FULL }),
    gatewayBox('read gateway', status.gateways.read, { x: left, y: below, w: gw, h: FULL })];
  if (main) parts.push(podBox(main, status, { x: middle, y: 6, w: pw, h: FULL }));
  if (status.gateways.write && main) {
    const [x, room] = [(left + gw + middle) / 2, { 'text-anchor': 'middle' }];
    parts.push(arrow(`M${left + gw + 2} 56 H${middle - 3}`, w.kind),
      text(x, 47, `${w.sign} ${w.words}`, 'label', Infinity, room), text(x, 75, GATE[status.gate.state], 'label', Infinity, room));
  }
  if (status.gateways.read && status.readers.length) {
    const at = others.findIndex((p) => p.name === status.readers[0]);
    const foot = (i) => tops[i] + heights[i] - (heights[i] === SMALL ? 12 : 24);
    const from = `M${left + gw + 2} ${below + FULL - 24}`;
    const to = at < 0 ? `H${middle + pw / 2} V${6 + FULL + 4}` : `H${right - 34} V${foot(at)} H${right - 3}`;
    parts.push(arrow(`${from} ${to}`, 'read'), text(left + gw + 12, below + FULL - 33, '✔ reads', 'label'));
  }
  others.forEach((pod, i) => {
    const r = replication(pod, status);
    const small = heights[i] === SMALL;
    const start = middle + pw + 2;
    const mid = tops[i] + (i === 0 || small ? heights[i] / 2 : 32);
    parts.push(podBox(pod, status, { x: right, y: tops[i], w: pw, h: heights[i] }));
    if (!main) return;
    parts.push(arrow(i === 0 ? `M${start} ${mid} H${right - 3}` : `M${start} 56 h14 V${mid} H${right - 3}`, r.kind),
      small ? text(start + 20, mid - 7, `${r.mode} ${r.state}`, 'label', right - start - 24)
        : [text(start + 20, mid - 9, r.mode, 'label', right - start - 24), text(start + 20, mid + 19, r.state, 'label', right - start - 24)]);
  });
  return [Math.max(below + FULL, others.length ? tops.at(-1) - GAP - 8 : 0) + 8, parts];
}

// Top to bottom, for a phone.
function narrow(overview, width) {
  const { status } = overview;
  const { main, others, heights } = cast(status);
  const full = width - 4;
  const w = writing(overview);
  const reader = status.gateways.read && status.readers[0];
  const parts = [gatewayBox('write gateway', status.gateways.write, { x: 2, y: 4, w: full, h: FULL })];
  let y = 4 + FULL;
  if (status.gateways.write && main) {
    parts.push(arrow(`M60 ${y + 2} V${y + 47}`, w.kind),
      text(74, y + 30, `${w.sign} ${w.words}: ${GATE[status.gate.state]}`, 'label', full - 80));
  }
  y += 50;
  if (main) parts.push(podBox(main, status, { x: 2, y, w: full, h: FULL }));
  y += main ? FULL : -30;
  // One line from the main to its last replica, which passes by the others.
  const trunk = main && others.length > 1 && s('path', { class: 'trunk' });
  if (trunk) parts.unshift(trunk);
  const from = y;
  others.forEach((pod, i) => {
    const r = replication(pod, status);
    const h = heights[i];
    if (trunk) trunk.setAttribute('d', `M18 ${from} V${y + 34}`);
    if (main) {
      parts.push(arrow(`M18 ${y + 2} V${y + 34 + h / 2} H37`, r.kind), text(34, y + 24, `${r.mode}  ${r.state}`, 'label', full - 40));
    }
    parts.push(podBox(pod, status, { x: 40, y: y + 34, w: full - 38, h }));
    if (pod.name === reader) parts.push(text(full - 14, y + 34 + h - 12, '▼ reads', 'label', Infinity, { 'text-anchor': 'end' }));
    y += 34 + h;
  });
  y += 24;
  parts.push(gatewayBox('read gateway', status.gateways.read, { x: 2, y, w: full, h: FULL }, reader ? ` → ${reader}` : ''));
  return [y + FULL + 6, parts];
}

export function picture(overview, width) {
  const upright = width < WIDE;
  const w = upright ? Math.min(Math.max(width, 200), 480) : width;
  const [h, parts] = upright ? narrow(overview, w) : wide(overview, w);
  return s('svg', { viewBox: `0 0 ${w} ${h}`, width: w, height: h, role: 'img', 'aria-label': describe(overview), class: upright ? 'narrow' : 'wide' }, heads(), parts);
}
