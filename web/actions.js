// What an operator may ask for. Each action is confirmed with its consequence; the result is shown
// as the record and the pods tell it: also through a controller that does not lead.
import { $, h, show } from './dom.js';
import { podNamed, trouble, until } from './words.js';

let last; // overview
let asked; // {action, text, pod, uid}: recorded, and neither done nor refused yet

const rebuildPod = () => $('rebuild-pod').value;
const atRest = (status) => !status.transition && status.gate.state === 'open';

// done() gives what has become of a request that was served, in words; '' while it is under way.
const ACTIONS = {
  switchover: {
    title: () => `Switch over to ${last.status.syncReplica}?`,
    text: () => 'Sessions on the write gateway are cut once; clients that come meanwhile wait until the new main serves. No acknowledged write is lost.',
    now: () => `Now: ${last.explain.switchover.possible ? '' : 'it would be refused: '}${last.explain.switchover.answer}`,
    yes: 'Switch over', path: () => 'switchover', body: () => ({}),
    done: ({ status }) => (atRest(status) ? `${status.main} is main, epoch ${status.epoch}.` : ''),
  },
  degrade: {
    title: () => `Let ${last.status.main} serve alone?`,
    text: () => `Writes are acknowledged by ${last.status.main} alone, on one pod. If it dies before ${last.status.syncReplica} is back and has caught up, nobody takes over; if its volume is lost, so is what was written meanwhile.`,
    now: () => `Now: ${last.explain.writes.possible ? 'writes are acknowledged' : `writes are not acknowledged: ${last.explain.writes.answer}`}`,
    yes: 'Degrade', path: () => 'degrade', body: () => ({}),
    done: ({ status }) => (atRest(status) ? `${status.main} serves${status.degraded ? ` alone until ${status.syncReplica} is back` : ''}.` : ''),
  },
  pause: {
    title: () => 'Pause all decisions?',
    text: () => `Nothing is decided ${$('pause-for').value ? `for ${$('pause-for').selectedOptions[0].text}` : 'until somebody resumes'}: if the main dies meanwhile, nobody takes over and writes fail.`,
    now: () => '', yes: 'Pause', path: () => 'pause',
    body: () => ({ ...($('pause-for').value && { for: $('pause-for').value }), by: 'dashboard' }),
    noted: true, // by the controller that was asked: nobody serves it
    done: ({ status }, { text }) => (status.record?.paused === text ? `paused ${until(status.paused?.until, status.time)}.` : ''),
  },
  resume: {
    title: () => 'Resume decisions?',
    text: () => 'What has piled up is decided at once: a main that is lost is replaced, replicas are registered.',
    now: () => (last.status.paused ? `Now: paused ${until(last.status.paused.until, last.status.time)}.` : 'Now: it is not paused.'),
    yes: 'Resume', path: () => 'resume', body: () => ({}),
    noted: true,
    done: ({ status }) => (status.record?.paused === '' ? 'resumed.' : ''),
  },
  rebuild: {
    title: () => `Rebuild ${rebuildPod()}?`,
    text: () => `Its data are moved aside, its pod is deleted, and the new one is filled from the main.${rebuildPod() === last.status.syncReplica ? ' Until that is done nobody can take over.' : ''}`,
    now: () => `Now: ${last.explain.rebuild[rebuildPod()]?.answer ?? 'not known'}`,
    yes: 'Rebuild', path: () => `rebuild/${rebuildPod()}`, body: () => ({}),
    done: (overview, { pod, uid }) => {
      const is = podNamed(overview.status, pod);
      if (is?.kubernetes.uid === uid || overview.status.rebuild.some((r) => r.pod === pod)) return '';
      return is?.registration && !trouble(is, overview.status) ? `${pod} is a replica again.` : '';
    },
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

function refused(status, said) {
  if (status === 401) return 'this is not the token.';
  return said.error ?? said.message ?? `HTTP ${status}`;
}

async function send(action) {
  const pod = rebuildPod();
  const uid = podNamed(last.status, pod)?.kubernetes.uid;
  result('wait', `${action.yes}: asking`);
  asked = undefined;
  try {
    const answer = await fetch(`api/v1/admin/${action.path()}`, {
      method: 'POST',
      // Not Authorization: a proxy of the API server needs that for itself.
      headers: { 'X-Memgraph-Admin-Token': $('token').value, 'Content-Type': 'application/json' },
      body: JSON.stringify(action.body()),
      signal: AbortSignal.timeout(15_000),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.status !== 202) {
      result('warn', `Refused: ${refused(answer.status, said)}`);
      return;
    }
    asked = { action, text: said.recorded, pod, uid };
    result('wait', `${action.yes}: recorded, the leader serves it`);
    judge();
  } catch (error) {
    result('warn', `Not known whether it was asked: ${error.message}`);
  }
}

// Of a request: undefined while it is open, '' when it was served, else why not.
function refusal({ record }) {
  const prefix = `${asked.text}: `;
  if (!record?.answer?.startsWith(prefix)) return undefined;
  const outcome = record.answer.slice(prefix.length);
  return outcome === 'served' ? '' : outcome.replace(/^refused: /, '');
}

// What has become of what was asked for?
function judge() {
  if (!asked) return;
  const { action } = asked;
  const no = action.noted ? '' : refusal(last.status);
  if (no === undefined) return;
  const done = no === '' && action.done(last, asked);
  if (no) result('warn', `Refused: ${no}`);
  else if (done) result('ok', `Done: ${done}`);
  else { result('wait', `${action.yes}: under way`); return; }
  asked = undefined;
}

export function showActions(overview) {
  last = overview;
  $('actions').hidden = !overview.actions;
  $('closed').hidden = overview.actions;
  $('degrade-what').textContent = overview.status.main ? `let ${overview.status.main} serve alone` : 'let the main serve alone';
  const names = overview.status.pods.filter((p) => p.topology !== 'main').map((p) => p.name);
  if ([...$('rebuild-pod').options].map((o) => o.value).join() !== names.join()) {
    const chosen = rebuildPod();
    show($('rebuild-pod'), names.map((name) => h('option', { value: name }, name)));
    if (names.includes(chosen)) $('rebuild-pod').value = chosen;
  }
  judge();
}

export function setUpActions() {
  // The Enter key in the field of the token asks for nothing.
  $('actions').addEventListener('submit', (event) => event.preventDefault());
  $('actions').addEventListener('click', async (event) => {
    const action = ACTIONS[event.target.closest('button')?.name];
    if (!action || !last) return;
    if (!$('token').value) {
      result('warn', 'Give the token first.');
      $('token').focus();
      return;
    }
    if (await confirmed(action)) await send(action);
  });
}
