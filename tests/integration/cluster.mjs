// A sandbox with controllers whose cluster is formed: what most scenarios begin with.
import assert from 'node:assert/strict';

import { sandbox, waitFor } from './harness.mjs';

// Options as of sandbox(); the controllers default to one.
export async function cluster(t, options = {}) {
  const s = await sandbox(t, { controllers: 1, ...options });
  await s.ready();
  await formed(s);
  return s;
}

// The SYNC replica is proven, the gate open, every other pod registered and ready.
export async function formed(s, { index = 0, limitMs = 20_000, pods = undefined } = {}) {
  let status;
  return waitFor('the cluster is whole', async () => {
    status = await s.status(index);
    const expected = pods ?? (await s.state()).pods.length;
    const others = status.pods.filter((p) => p.topology !== 'main' && p.kubernetes.exists);
    const whole = status.state === 'OPERATIONAL_STATE' && status.sync.startsWith('ready:') &&
      status.transition === '' && status.gate.state === 'open' && others.length === expected - 1 &&
      others.every((p) => p.memgraph.role === 'replica' && follows(p)) && status.record.fenced === '';
    return whole && status;
  }, limitMs).catch((error) => {
    const { reason, sync, gate, pods: list } = status ?? {};
    throw new Error(`${error.message}: ${JSON.stringify({ reason, sync, gate, list }, null, 1)}`);
  });
}

// The index of the controller that leads, once one does.
export async function leader(s) {
  const [index] = await waitFor('a leader', async () => {
    const { controllers } = await s.state();
    for (let i = 0; i < controllers.length; i++)
      if (controllers[i].pid && (await s.status(i, '/api/v1/leadership')).leader) return [i];
    return undefined;
  });
  return index;
}

// Under writes an ASYNC replica hardly ever reads ready: being near is what can be asked of it.
const follows = ({ registration }) => registration && (registration.status === 'ready' ||
  (registration.ts > 0 && registration.behind > -1000 && registration.status !== 'diverged'));

// Writes go on: n more are acknowledged within the limit.
export async function writesOn(load, n = 10, limitMs = 15_000) {
  const from = performance.now();
  await waitFor(`${n} more writes`, () => load.acknowledgedSince(from) >= n, limitMs);
}

// Nothing acknowledged is missing on the main; nobody was refused; one main, the rest replicas.
export async function checkWhole(s, load, { index = 0 } = {}) {
  await load.stop();
  const status = await formed(s, { index });
  const outcomes = await load.check(await s.main());
  const roles = {};
  for (const { name } of (await s.state()).pods) roles[name] = await s.role(name);
  assert.equal(Object.values(roles).filter((r) => r === 'main').length, 1, JSON.stringify(roles));
  assert.equal(roles[status.main], 'main');
  await waitFor('every replica is ready', async () => (await s.status(index)).pods
    .every((p) => !p.registration || p.registration.status === 'ready'));
  return outcomes;
}

// Sessions that the write gateway has cut for a new route, so far.
export async function cuts(s, index = 0) {
  return (await s.status(index)).gateways.write.cut.route;
}

// Refused registrations (Error 3), as the controllers' logs tell.
export async function refused(s) {
  let n = 0;
  for (const { name } of (await s.state()).controllers)
    n += ((await s.log(name)).match(/outcome=diverged/g) ?? []).length;
  return n;
}

// Asks for a change of the main or of its epoch, and waits until it is done. Gives the time of the
// request (performance.now()) and what the history says of the change.
export async function change(s, action, { limitMs = 15_000 } = {}) {
  const { epoch } = await s.record();
  await s.admin(action);
  const askedAt = s.lastCommandAt;
  const entry = await waitFor(`${action} is done`, async () => {
    const { transition, request, history } = await s.record();
    return transition === '' && request === '' &&
      JSON.parse(history).find((h) => h.epoch > Number(epoch));
  }, limitMs);
  return { askedAt, entry };
}

// All pods get a new template, one after the other, and the cluster is whole again.
export async function rollingRestart(s, { action = 'restart', limitMs = 60_000 } = {}) {
  const set = async () =>
    (await s.kube('GET', '/apis/apps/v1/namespaces/default/statefulsets/memgraph')).body;
  const before = (await set()).status.updateRevision;
  // kubectl knows one restart a second.
  await waitFor('the rollout begins', async () => s.control('rollout', action));
  await waitFor('every pod is of the new revision', async () => {
    const { spec, status } = await set();
    return status.updateRevision !== before && status.currentRevision === status.updateRevision &&
      status.updatedReplicas === spec.replicas && status.readyReplicas === spec.replicas;
  }, limitMs);
  return formed(s);
}
