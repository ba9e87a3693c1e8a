// Elements, and how a tree that is on the page becomes another one without losing focus, selection
// or what a reader has opened.

const SVG = 'http://www.w3.org/2000/svg';

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? '' : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== undefined && child !== null && child !== false) element.append(child);
  }
  return element;
}

export const h = (tag, attributes = {}, ...children) => fill(document.createElement(tag), attributes, children);
export const s = (tag, attributes = {}, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
export const $ = (id) => document.getElementById(id);

const KEPT = new Set(['open']); // the reader's, not ours

function patch(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName || old.dataset?.key !== fresh.dataset?.key) {
    old.replaceWith(fresh);
    return;
  }
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) {
    if (!fresh.hasAttribute(name) && !KEPT.has(name)) old.removeAttribute(name);
  }
  for (const { name, value } of fresh.attributes) {
    if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  }
  show(old, [...fresh.childNodes]);
}

// Makes these the children of parent.
export function show(parent, children) {
  const fresh = children.flat(Infinity).filter((c) => c !== undefined && c !== null && c !== false);
  const old = [...parent.childNodes];
  fresh.forEach((child, i) => {
    const node = child instanceof Node ? child : document.createTextNode(child);
    if (old[i]) patch(old[i], node);
    else parent.append(node);
  });
  for (const gone of old.slice(fresh.length)) gone.remove();
}
