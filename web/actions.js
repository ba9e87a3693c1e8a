// What an operator may ask for. Each action is confirmed with its consequence; the result is shown
// as the record and the decisions tell it.
import { $, h, show } from './dom.js';

let last; // document
let asked; // {action, text}: recorded, and neither served nor refused yet

const rebuildPod = () => $('rebuild-pod').value;

const ACTIONS = {
  switchover: {
    title: () => `Switch over to ${last.status.syncReplica}?`,
    text: () => 'Sessions on the write gateway are cut once; clients that come meanwhile wait until the new main serves. No acknowledged write is lost.',
    now: () => `Now: ${last.explain.switchover.possible ? '' : 'it would be refused: '}${last.explain.switchover.answer}`,
    yes: 'Switch over', path: () => 'switchover', body: () => ({}),
  },
  pause: {
    title: () => 'Pause all decisions?',
    text: () => `Nothing is decided ${$('pause-for').value ? `for ${$('pause-for').selectedOptions[0].text}` : 'until somebody resumes'}: if the main dies meanwhile, nobody takes over and writes fail.`,
    now: () => '', yes: 'Pause', path: () => 'pause',
    body: () => ({ ...($('pause-for').value && { for: $('pause-for').value }), by: 'dashboard' }),
  },
  resume: {
    title: () => 'Resume decisions?',
    text: () => 'What has piled up is decided at once: a main that is lost is replaced, replicas are registered.',
    now: () => (last.status.paused ? `Paused: ${last.status.paused.text}` : 'Now: it is not paused.'),
    yes: 'Resume', path: () => 'resume', body: () => ({}),
  },
  rebuild: {
    title: () => `Rebuild ${rebuildPod()}?`,
    text: () => `Its data are moved aside, its pod is deleted, and the new one is filled from the main.${rebuildPod() === last.status.syncReplica ? ' Until that is done nobody can take over.' : ''}`,
    now: () => `Now: ${last.explain.rebuild[rebuildPod()]?.answer ?? 'not known'}`,
    yes: 'Rebuild', path: () => `rebuild/${rebuildPod()}`, body: () => ({}),
    done: () => 'its pod is replaced, and filled from the main',
  },
};

function result(kind, text) {
  $('result').className = kind;
  show($('result'), [h('span', { class: 'mark' }, { ok: '✔ ', warn: '✖ ', wait: '… ' }[kind]), text]);
}

function confirmed(action) {
  $('confirm-title').textContent = action.title();
  $('confirm-text').textContent = action.text();
  $('confirm-now').textContent = action.now();
  $('confirm-yes').textContent = action.yes;
  $('confirm').returnValue = '';
  $('confirm').showModal();
  return new Promise((resolve) => {
    $('confirm').addEventListener('close', () => resolve($('confirm').returnValue === 'yes'), { once: true });
  });
}

async function send(action) {
  result('wait', `${action.yes}: asking`);
  try {
    const answer = await fetch(`api/v1/admin/${action.path()}`, {
      method: 'POST',
      // Not Authorization: a proxy of the API server needs that for itself.
      headers: { 'X-Memgraph-Admin-Token': $('token').value, 'Content-Type': 'application/json' },
      body: JSON.stringify(action.body()),
      signal: AbortSignal.timeout(15_000),
    });
    const said = await answer.json();
    if (answer.status !== 202) {
      result('warn', `Refused: ${said.error ?? said.message ?? `HTTP ${answer.status}`}`);
      return;
    }
    asked = { action, text: said.recorded };
    result('wait', `${action.yes}: recorded, the leader serves it`);
    judge();
  } catch (error) {
    result('warn', `Not known whether it was asked: ${error.message}`);
  }
}

// What has become of what was asked for?
function judge() {
  if (!asked) return;
  const { status } = last;
  const { answer, paused } = status.record ?? {};
  if (asked.action === ACTIONS.pause || asked.action === ACTIONS.resume) {
    if ((paused ?? '') !== asked.text) return;
    result('ok', paused ? `Paused: ${paused}` : 'Resumed.');
    asked = undefined;
    return;
  }
  const prefix = `${asked.text}: `;
  if (!answer?.startsWith(prefix)) return;
  const outcome = answer.slice(prefix.length);
  if (outcome !== 'served') result('warn', `Refused: ${outcome.replace(/^refused: /, '')}`);
  else if (status.transition || status.gate.state !== 'open') return;
  else result('ok', `Done: ${asked.action.done?.() ?? `${status.main} is main, epoch ${status.epoch}`}.`);
  asked = undefined;
}

export function showActions(document) {
  last = document;
  $('actions').hidden = !document.actions;
  $('closed').hidden = document.actions;
  const names = document.status.pods.filter((p) => p.topology !== 'main').map((p) => p.name);
  if ([...$('rebuild-pod').options].map((o) => o.value).join() !== names.join()) {
    const chosen = rebuildPod();
    show($('rebuild-pod'), names.map((name) => h('option', { value: name }, name)));
    if (names.includes(chosen)) $('rebuild-pod').value = chosen;
  }
  judge();
}

export function setUpActions() {
  $('actions').addEventListener('submit', async (event) => {
    event.preventDefault();
    const action = ACTIONS[event.submitter?.name];
    if (!action || !last) return;
    if (!$('token').value) {
      result('warn', 'Give the token first.');
      $('token').focus();
      return;
    }
    if (await confirmed(action)) await send(action);
  });
}
