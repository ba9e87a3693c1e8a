// The status page: follows the controller and shows what it says.
import { setUpActions, showActions } from './actions.js';
import { $, h, show } from './dom.js';
import { follow } from './feed.js';
import { decisions, explanation, gateways, history, pods } from './panels.js';
import { picture } from './picture.js';
import { sentence } from './state.js';
import { duration, stopwatch } from './words.js';

const SIGNS = { ok: '✔', warn: '▲', bad: '✖' };
const LEVELS = { ok: 'Good', warn: 'Look at it', bad: 'Trouble' };
const SILENT_MS = 2_500; // events come once a second

let last; // the last document
let age; // of it
let connection = 'connecting';

const commands = (text) => text.split('`').map((part, i) => (i % 2 ? h('code', {}, part) : part));

function showState() {
  const { level, text, notes, help } = sentence(last);
  document.title = `${SIGNS[level]} ${text}`;
  $('state').className = `state ${level}`;
  show($('state'), [
    h('p', { class: 'sign', 'aria-hidden': 'true' }, SIGNS[level]),
    h('div', {},
      h('p', { class: 'sentence', role: 'status' }, h('span', { class: 'hidden' }, `${LEVELS[level]}: `), text),
      notes.length > 0 && h('ul', {}, notes.map((n) => h('li', {}, n))),
      help && h('p', { class: 'help' }, h('b', {}, 'What helps: '), commands(help), '.')),
  ]);
}

const showPicture = () => show($('picture'), [picture(last, $('picture').clientWidth)]);

function showAll() {
  showState();
  if (document.hidden) return;
  const { status } = last;
  $('cluster').textContent = status.pods[0]?.name.replace(/-\d+$/, '') ?? 'memgraph';
  showPicture();
  show($('explain'), explanation(last));
  show($('history'), history(last));
  show($('gateways'), gateways(status));
  show($('pods'), pods(status));
  show($('decisions'), decisions(status));
  showActions(last);
  $('footer').textContent = `Seen by ${status.leadership.identity}${status.leadership.leader ? ', which leads' : ''}; ` +
    `the Kubernetes API was heard ${duration(status.kubernetesAgeMs)} ago.`;
}

const set = (element, text) => { if (element.textContent !== text) element.textContent = text; };

function showConnection() {
  const silent = connection === 'live' && age() > SILENT_MS;
  const lost = connection === 'lost';
  const words = {
    connecting: '… connecting',
    live: '● live',
    polling: '◔ asking every 2 s',
    lost: '✖ connection lost',
  };
  $('connection').className = `pill ${silent ? 'polling' : connection}`;
  set($('connection'), silent ? '… silent' : words[connection]);
  $('stale').hidden = !lost;
  document.body.classList.toggle('old', lost);
  if (!lost) return;
  // Said aloud once; the age beside it is not.
  set($('stale-what'), age ? 'The connection to the controller is lost.' : 'The controller does not answer.');
  set($('stale-age'), age ? `This picture is ${duration(Math.floor(age() / 1000) * 1000 || 500)} old.` : '');
  document.title = '✖ connection lost';
}

setUpActions();
$('theme').addEventListener('click', () => {
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  const now = document.documentElement.dataset.theme ?? (dark ? 'dark' : 'light');
  document.documentElement.dataset.theme = now === 'dark' ? 'light' : 'dark';
});
new ResizeObserver(() => last && showPicture()).observe($('picture'));
document.addEventListener('visibilitychange', () => last && showAll());
follow((document) => {
  last = document;
  // A pod that was scaled away is not missed; the pair always is.
  last.status.pods = last.status.pods.filter((p) =>
    p.kubernetes.exists || p.registration || ['main', 'sync'].includes(p.topology));
  age = stopwatch();
  showAll();
}, (state) => {
  connection = state;
  showConnection();
});
setInterval(showConnection, 500);
