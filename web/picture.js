// The topology as a picture: gateways, the main, its replicas, and what flows between them. What a
// colour says is said in words, too.
import { s } from './dom.js';
import { bytes, count, duration, follows, gate, mode, trouble } from './words.js';

const ROLES = { main: '★ MAIN', sync: '◆ SYNC replica', async: '● ASYNC replica', unknown: '? unknown' };

const text = (x, y, words, attributes = {}) => s('text', { x, y, ...attributes }, words);

function box({ x, y, w, h, kind, name, role, lines, bad }) {
  return s('g', { class: `box ${kind}${bad ? ' trouble' : ''}` },
    s('rect', { x, y, width: w, height: h, rx: 10 }),
    kind === 'main' && s('rect', { class: 'inner', x: x + 4, y: y + 4, width: w - 8, height: h - 8, rx: 7 }),
    text(x + 16, y + 27, name, { class: 'name' }),
    text(x + 16, y + 46, role, { class: 'role' }),
    lines.map((line, i) => text(x + 16, y + 68 + i * 18, line, { class: i === 0 && bad ? 'fact bad' : 'fact' })));
}

function arrow(d, kind) {
  return s('path', { d, class: `arrow ${kind}`, 'marker-end': `url(#head-${kind})` });
}

function heads() {
  return s('defs', {}, ['flow', 'held', 'broken', 'read'].map((kind) =>
    s('marker', { id: `head-${kind}`, class: kind, viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 7, markerHeight: 7, orient: 'auto-start-reverse' },
      s('path', { d: 'M0 0 L10 5 L0 10 Z' }))));
}

function podLines(pod, status) {
  const bad = trouble(pod, status);
  const lines = [];
  if (bad) lines.push(`✖ ${bad}${pod.link.state === 'down' ? ` for ${duration(pod.link.sinceMs)}` : ''}`);
  if (pod.link.state === 'up') lines.push(`version ${pod.memgraph.version || '?'}, answers in ${(pod.link.probeUs / 1000).toFixed(1)} ms`);
  lines.push(pod.kubernetes.ready ? `Ready, ${pod.kubernetes.ip}` : pod.kubernetes.exists ? `not Ready, ${pod.kubernetes.ip || 'no address'}` : 'no pod');
  return { lines: lines.slice(0, 2), bad };
}

function gatewayLines(g) {
  if (!g) return ['not enabled'];
  return [
    `${count(g.active, 'session')}${g.parked ? `, ${g.parked} waiting` : ''}`,
    `${bytes(g.bytesUp)} in, ${bytes(g.bytesDown)} out`,
  ];
}

// Replication to a pod, as the main shows it: [above the arrow, below it, kind].
function replication(pod) {
  const r = pod.registration;
  if (!r) return ['not registered', '', 'broken'];
  const [sign, kind] = { good: ['✔', 'flow'], near: ['✔', 'flow'], behind: ['…', 'held'], bad: ['✖', 'broken'] }[follows(pod)];
  const lag = r.behind === undefined ? '' : `, lag ${Math.abs(r.behind)}`;
  return [mode(r.mode), `${sign} ${follows(pod) === 'near' ? 'follows' : r.status}${lag}`, kind];
}

function writes(status) {
  const kind = { open: 'flow', hold: 'held', drain: 'held', cut: 'broken' }[status.gate.state];
  return [`${kind === 'flow' ? '✔' : kind === 'held' ? '‖' : '✖'} writes`, gate[status.gate.state], kind];
}

function describe(status) {
  const parts = status.pods.map((p) => `${p.name}: ${ROLES[p.topology] ?? p.topology}${trouble(p, status) ? `, ${trouble(p, status)}` : ''}`);
  return `Topology. ${parts.join('. ')}. The write gateway ${gate[status.gate.state]}.`;
}

function sorted(status) {
  const order = { main: 0, strict_sync: 1, sync: 1, async: 2 };
  return [...status.pods].sort((a, b) => (order[a.topology] ?? 3) - (order[b.topology] ?? 3) || a.name.localeCompare(b.name, 'en', { numeric: true }));
}

const podBox = (pod, status, at) => {
  const { lines, bad } = podLines(pod, status);
  return box({ ...at, kind: pod.topology, name: pod.name, role: ROLES[pod.topology] ?? mode(pod.topology), lines, bad });
};

const gatewayBox = (name, g, at) => box({ ...at, kind: g ? 'gateway' : 'gateway off', name, role: g ? `port ${g.port}` : '', lines: gatewayLines(g) });

// Left to right: gateways, main, replicas.
function wide(status) {
  const all = sorted(status);
  const main = all.find((p) => p.topology === 'main');
  const others = all.filter((p) => p !== main);
  const [w, h, step] = [250, 100, 124];
  const [left, middle, right] = [2, 395, 808];
  const rows = Math.max(others.length, 2);
  const y = (row) => 6 + row * step;
  const reader = others.findIndex((p) => p.name === status.readers[0]);
  const parts = [gatewayBox('write gateway', status.gateways.write, { x: left, y: y(0), w: 232, h })];
  const [above, below, kind] = writes(status);
  if (status.gateways.write && main) {
    parts.push(arrow(`M${left + 234} ${y(0) + h / 2} H${middle - 3}`, kind),
      text((left + 232 + middle) / 2, y(0) + h / 2 - 9, above, { class: 'label', 'text-anchor': 'middle' }),
      text((left + 232 + middle) / 2, y(0) + h / 2 + 19, below, { class: 'label', 'text-anchor': 'middle' }));
  }
  if (main) parts.push(podBox(main, status, { x: middle, y: y(0), w, h }));
  parts.push(gatewayBox('read gateway', status.gateways.read, { x: left, y: y(1), w: 232, h }));
  if (status.gateways.read && status.readers.length) {
    const from = `M${left + 234} ${y(1) + h - 20}`;
    const under = y(1) + h - 20;
    if (reader < 0) parts.push(arrow(`${from} H${middle + w / 2} V${y(0) + h + 4}`, 'read'));
    else if (reader === 0) parts.push(arrow(`${from} H${right - 40} V${y(0) + h - 16} H${right - 3}`, 'read'));
    else parts.push(arrow(reader === 1 ? `${from} H${right - 3}` : `${from} H${right - 40} V${y(reader) + h - 20} H${right - 3}`, 'read'));
    parts.push(text(left + 246, under - 9, '✔ reads', { class: 'label' }));
  }
  others.forEach((pod, i) => {
    const at = { x: right, y: y(i), w, h };
    const mid = at.y + (i === 0 ? h / 2 : 32);
    const [mode_, state, flow] = replication(pod);
    const start = middle + w + 2;
    parts.push(podBox(pod, status, at));
    if (!main) return;
    parts.push(arrow(i === 0 ? `M${start} ${mid} H${right - 3}` : `M${start} ${y(0) + h / 2} h14 V${mid} H${right - 3}`, flow),
      text(start + 24, mid - 9, mode_, { class: 'label' }),
      text(start + 24, mid + 19, state, { class: 'label' }));
  });
  return [1060, y(rows - 1) + h + 8, parts];
}

// Top to bottom, for a phone.
function narrow(status) {
  const all = sorted(status);
  const main = all.find((p) => p.topology === 'main');
  const others = all.filter((p) => p !== main);
  const [full, h] = [356, 100];
  const parts = [gatewayBox('write gateway', status.gateways.write, { x: 2, y: 4, w: full, h: 100 })];
  const [above, below, kind] = writes(status);
  let y = 104;
  parts.push(arrow(`M180 ${y + 2} V${y + 47}`, kind), text(194, y + 30, `${above}: ${below}`, { class: 'label' }));
  y += 50;
  if (main) parts.push(podBox(main, status, { x: 2, y, w: full, h }));
  y += h;
  for (const pod of others) {
    const [mode_, state, flow] = replication(pod);
    parts.push(arrow(`M18 ${y + 2} V${y + 84} H37`, flow),
      text(34, y + 24, `${mode_}  ${state}`, { class: 'label' }),
      podBox(pod, status, { x: 40, y: y + 34, w: full - 38, h }));
    if (pod.name === status.readers[0] && status.gateways.read) parts.push(text(full - 14, y + 34 + h - 12, '▼ reads', { class: 'label', 'text-anchor': 'end' }));
    y += 34 + h;
  }
  // The line from the main to the last replica passes by the others.
  if (others.length) parts.unshift(s('path', { d: `M18 ${154 + h} V${y - h / 2 - 20}`, class: 'trunk' }));
  y += 24;
  parts.push(gatewayBox(`read gateway${status.gateways.read && status.readers[0] ? ` → ${status.readers[0]}` : ''}`, status.gateways.read, { x: 2, y, w: full, h: 100 }));
  return [360, y + 106, parts];
}

export function picture(status, isNarrow) {
  const [w, h, parts] = isNarrow ? narrow(status) : wide(status);
  return s('svg', { viewBox: `0 0 ${w} ${h}`, role: 'img', 'aria-label': describe(status), class: isNarrow ? 'narrow' : 'wide' }, heads(), parts);
}
