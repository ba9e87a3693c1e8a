// What the benches share: a table of percentiles.
export const at = (list, q) =>
  [...list].sort((a, b) => a - b)[Math.min(list.length - 1, Math.floor(q * list.length))];

// rows: {name: [numbers]}
export function table(title, rows, digits = 0) {
  const line = ([name, list]) =>
    `| ${name} | ${[0.5, 0.9, 0.99, 1].map((q) => at(list, q).toFixed(digits)).join(' | ')} |`;
  return [`| ${title} | median | p90 | p99 | max |`, '|---|---|---|---|---|',
    ...Object.entries(rows).map(line)].join('\n');
}
