// The status page: follows the controller and shows what it says.
import { setUpActions, showActions } from './actions.js';
import { $, h, show } from './dom.js';
import { follow } from './feed.js';
import { decisions, explanation, gateways, history, pods } from './panels.js';
import { picture } from './picture.js';
import { duration, sentence } from './words.js';

const SIGNS = { ok: '✔', warn: '▲', bad: '✖' };
const LEVELS = { ok: 'Good', warn: 'Look at it', bad: 'Trouble' };

let last; // the last document
let lastAt;
let connection = 'connecting';

function showState() {
  const { level, text, notes } = sentence(last);
  document.title = `${SIGNS[level]} ${text}`;
  $('state').className = `state ${level}`;
  show($('state'), [
    h('p', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[level]),
    h('div', {},
      h('p', { class: 'sentence', role: 'status' }, h('span', { class: 'hidden' }, `${LEVELS[level]}: `), text),
      notes.length > 0 && h('ul', {}, notes.map((n) => h('li', {}, n)))),
  ]);
}

function showPicture() {
  const narrow = $('picture').clientWidth < 640;
  show($('picture'), [picture(last.status, narrow)]);
}

function showAll() {
  const { status, explain } = last;
  $('cluster').textContent = status.pods[0]?.name.replace(/-\d+$/, '') ?? 'memgraph';
  showState();
  showPicture();
  show($('explain'), explanation(explain, status));
  show($('history'), history(last.history));
  show($('gateways'), gateways(status));
  show($('pods'), pods(status));
  show($('decisions'), decisions(status.decisions));
  showActions(last);
  $('footer').textContent = `Seen by ${status.leadership.identity}${status.leadership.leader ? ', which leads' : ''}; ` +
    `the Kubernetes API was heard ${duration(status.kubernetesAgeMs)} ago.`;
}

function showConnection() {
  const age = lastAt === undefined ? null : performance.now() - lastAt;
  const words = {
    connecting: '… connecting',
    live: '● live',
    polling: '◔ asking every 2 s',
    lost: '✖ connection lost',
  };
  const lost = connection === 'lost';
  $('connection').className = `pill ${connection}`;
  if ($('connection').textContent !== words[connection]) $('connection').textContent = words[connection];
  $('stale').hidden = !lost;
  document.body.classList.toggle('old', lost);
  if (lost) {
    $('stale').textContent = age === null ? 'The controller does not answer.'
      : `The connection to the controller is lost. This picture is ${duration(Math.floor(age / 1000) * 1000 || 500)} old.`;
    document.title = '✖ connection lost';
  }
}

setUpActions();
$('theme').addEventListener('click', () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light');
  document.documentElement.dataset.theme = now === 'dark' ? 'light' : 'dark';
});
new ResizeObserver(() => last && showPicture()).observe($('picture'));
follow((document) => {
  last = document;
  // A pod that was scaled away is not missed; the pair always is.
  last.status.pods = last.status.pods.filter((p) =>
    p.kubernetes.exists || p.registration || ['main', 'sync'].includes(p.topology));
  lastAt = performance.now();
  showAll();
}, (state) => {
  connection = state;
  showConnection();
});
setInterval(showConnection, 500);
