// The status page where it is harder to be right: through a controller that does not lead, with a
// connection that is silent, behind a proxy, with many pods, for eyes and fingers of every kind.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';

import { browse, screenshot } from './browser.mjs';
import { cluster, writesOn } from './cluster.mjs';
import { sandbox, test, waitFor } from './harness.mjs';
import { act, isGood, open, pretend, says, sentence, TOKEN } from './page.mjs';

const overviewOf = async (s, index = 0) => (await fetch(`${(await s.controller(index)).http}/api/v1/overview`)).json();

test('a controller that only looks on says who decides, and takes requests', async (t) => {
  const { s, page } = await open(t, { controllers: 2, index: async (c) => ((await c.status(0)).leadership.leader ? 1 : 0) });
  await says(page, /This controller \(controller-\d\) only looks on; controller-\d decides/);
  await isGood(page);
  assert.match(await page.locator('#decisions').innerText(), /controller-\d decides; its page and its log have what/);
  await act(page, 'switchover', /Done: memgraph-1 is main, epoch 2/);
  await page.selectOption('#rebuild-pod', 'memgraph-2');
  const { uid } = await s.pod('memgraph-2');
  await act(page, 'rebuild', /Done: memgraph-2 is a replica again/);
  assert.notEqual((await s.pod('memgraph-2')).uid, uid);
  await act(page, 'pause', /Done: paused until/);
  await act(page, 'resume', /Done: resumed/);
  assert.deepEqual(page.problems, []);
});

test('what is wrong is said, whatever it is, and what helps', async (t) => {
  const { s, page } = await open(t);
  await isGood(page);
  await s.control('stop-pod', 'memgraph-2');
  await says(page, /memgraph-0 is main; memgraph-1 would take over now: yes\s+memgraph-2 \(ASYNC replica\): does not answer/, 10_000, '#state.warn');
  await s.control('start-pod', 'memgraph-2');
  await isGood(page, 20_000);

  const map = '/api/v1/namespaces/default/configmaps/memgraph-state';
  const { data } = (await s.kube('GET', map)).body;
  await s.kube('PATCH', map, { data: { epoch: 'eleven' } });
  await says(page, /Nothing is decided: the record makes no sense: epoch is 'eleven'/, 10_000, '#state.bad .sentence');
  await says(page, /memgraph-0 goes on; if it dies, nobody takes over.\s+What helps: the ConfigMap memgraph-state is put right/);
  await s.kube('PATCH', map, { data });
  await isGood(page);

  await act(page, 'pause', /Done: paused/);
  await s.control('kill', 'main');
  await says(page, /Writes wait: memgraph-0 was restarted[\s\S]*What helps: memgraph-controller resume: what has piled up is decided at once/, 10_000, '#state.bad');
  await act(page, 'resume', /Done: resumed/);
  await isGood(page, 20_000);

  const { main, syncReplica } = await s.status();
  await s.control('stop-pod', syncReplica);
  await s.control('stop-pod', main);
  await s.control('start-pod', main);
  await says(page, new RegExp(`Writes wait[^]*${main} was restarted: waiting for ${syncReplica}, which may hold more[^]*` +
    `What helps: ${syncReplica} comes back, to be compared. Only if that is impossible: memgraph-controller failover --to ${main} --accept-data-loss`), 15_000, '#state.bad');
  assert.deepEqual(page.problems, []);
});

test('the page is there before there is a main', async (t) => {
  const s = await sandbox(t, { controllers: 1, pods: 1, env: { ADMIN_TOKEN_FILE: '' } });
  await s.ready();
  const page = await browse(t, `${(await s.controller()).http}/`);
  await says(page, /There is no main yet: waiting until memgraph-1 is Ready/, 10_000, '#state.bad .sentence');
  assert.doesNotMatch(await page.locator('#picture').textContent(), /✖/); // nobody is wrong yet
  await says(page, /The admin routes of this controller are closed: set ADMIN_TOKEN_FILE to open them/);
  assert.deepEqual(page.problems, []);
});

test('a silent controller is noticed, and the age of the picture is not shouted', async (t) => {
  const { s, page } = await open(t);
  await isGood(page);
  await s.control('freeze', 'controller-0');
  await says(page, /… silent/, 10_000, '#connection');
  await says(page, /The connection to the controller is lost. This picture is [\d.]+ s old/, 15_000);
  // A screen reader reads an alert again whenever it changes.
  await page.evaluate(() => {
    window.said = 0;
    new MutationObserver((list) => { window.said += list.length; })
      .observe(document.querySelector('#stale [role=alert]'), { childList: true, subtree: true, characterData: true });
  });
  const age = await page.locator('#stale-age').innerText();
  await waitFor('the age grows', async () => (await page.locator('#stale-age').innerText()) !== age);
  assert.equal(await page.evaluate(() => window.said), 0);
  // A laptop that slept: its monotonic clock stood still, the other one did not.
  await page.evaluate(() => { const now = Date.now; Date.now = () => now() + 2 * 3600e3; });
  await says(page, /This picture is 2 h old/);
  await s.control('thaw', 'controller-0');
  await says(page, /live/, 15_000, '#connection');
  await isGood(page);
  assert.deepEqual(page.problems, []);
});

test('where no more readers are taken the page asks instead', async (t) => {
  const s = await cluster(t);
  const url = (await s.controller()).http;
  const streams = [];
  for (let n = 0; n < 16; n++) {
    const [answer] = await once(http.get(`${url}/api/v1/events`), 'response');
    assert.equal(answer.statusCode, 200);
    answer.resume();
    answer.on('error', () => {});
    streams.push(answer);
  }
  const page = await browse(t, `${url}/`);
  await says(page, /asking every 2 s/, 10_000, '#connection');
  await isGood(page);
  for (const stream of streams) stream.destroy();
  await says(page, /live/, 15_000, '#connection');
  assert.deepEqual(page.problems, []);
});

test('under writes alone events come once a second', async (t) => {
  const s = await cluster(t);
  await writesOn(s.writer());
  const [answer] = await once(http.get(`${(await s.controller()).http}/api/v1/events`), 'response');
  t.after(() => answer.destroy());
  let events = 0;
  answer.on('error', () => {});
  answer.on('data', (data) => { events += String(data).split('event: overview').length - 1; });
  const from = performance.now();
  await waitFor('six events', () => events >= 6);
  assert.ok(performance.now() - from > 2500, `after ${performance.now() - from} ms`);
});

test('words from elsewhere stay words', async (t) => {
  const { s, page } = await open(t);
  const answer = await fetch(`${(await s.controller()).http}/api/v1/admin/pause`, {
    method: 'POST', headers: { 'x-memgraph-admin-token': TOKEN }, body: JSON.stringify({ by: '<img/src=x/onerror=a()>"\'' }),
  });
  assert.equal(answer.status, 202);
  await says(page, /paused by <img\/src=x\/onerror=a\(\)>"'/, 5_000, '#state');
  const overview = await overviewOf(s);
  const bad = '<img src=x onerror="document.body.remove()"><script>document.body.remove()</script>\'"&amp;';
  const poison = (value) => (typeof value === 'string' ? bad + value : Array.isArray(value) ? value.map(poison)
    : value && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, poison(v)])) : value);
  overview.history = poison(overview.history);
  overview.status.decisions = poison(overview.status.decisions);
  overview.status.paused = { text: `${bad}@1`, until: null };
  overview.status.reason = overview.status.gate.why = bad;
  overview.explain.failover = { ...overview.explain.failover, answer: bad, possible: false, conditions: [{ name: bad, value: bad, holds: false, ageMs: null }] };
  for (const pod of overview.status.pods) pod.name += bad;
  await pretend(page, overview);
  await says(page, /Why not: <img src=x onerror=/);
  assert.equal(await page.locator('main img, main script').count(), 0);
  assert.deepEqual(page.problems, []);
});

test('the page works behind a path of a proxy', async (t) => {
  const { s, page: direct } = await open(t);
  const target = (await s.controller()).http;
  const prefix = '/api/v1/namespaces/x/services/y:8080/proxy';
  const outside = [];
  const proxy = http.createServer((request, answer) => {
    if (!request.url.startsWith(prefix)) {
      outside.push(request.url);
      answer.writeHead(404).end();
      return;
    }
    const on = http.request(target + request.url.slice(prefix.length), { method: request.method, headers: request.headers }, (a) => {
      answer.writeHead(a.statusCode, a.headers);
      a.pipe(answer);
    });
    on.on('error', () => answer.destroy());
    answer.on('close', () => on.destroy());
    request.pipe(on);
  }).listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  t.after(() => { proxy.closeAllConnections(); proxy.close(); });
  await direct.goto('about:blank');
  const page = await browse(t, `http://127.0.0.1:${proxy.address().port}${prefix}/`);
  await isGood(page);
  await says(page, /live/, 10_000, '#connection');
  await act(page, 'pause', /Done: paused/);
  assert.deepEqual(outside, []);
  assert.deepEqual(page.problems, []);
});

test('what a reader has opened, and where he is, stays', async (t) => {
  const { s, page } = await open(t);
  await isGood(page);
  await page.click('#explain details[data-key=switchover] summary');
  await page.focus('button[name=rebuild]');
  await s.control('kill', 'main');
  await says(page, /failover memgraph-0 → memgraph-1/);
  await isGood(page, 20_000);
  assert.equal(await page.evaluate(() => document.activeElement.name), 'rebuild');
  assert.equal(await page.locator('#explain details[open]').getAttribute('data-key'), 'switchover');
  await page.keyboard.press('Tab');
  assert.notEqual(await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle), 'none');
  assert.deepEqual(page.problems, []);
});

// A cluster of 16 with the longest name that a StatefulSet's pods allow, made of what a small one says.
function enlarge(overview) {
  const name = 'memgraph-production-analytics-graph-database-cluster';
  const { status } = overview;
  const [last] = status.pods.slice(-1);
  for (let i = 3; i < 16; i++) status.pods.push({ ...structuredClone(last), name: `memgraph-${i}` });
  status.readers = status.pods.slice(2).map((p) => p.name);
  return JSON.parse(JSON.stringify(overview).replace(/memgraph-(\d+)/g, `${name}-$1`));
}

test('the page has room for many pods with long names, on every width', async (t) => {
  const { s, page } = await open(t);
  await pretend(page, enlarge(await overviewOf(s)));
  for (const width of [1200, 960, 872, 768, 641, 380, 320]) {
    await page.setViewportSize({ width, height: 900 });
    await waitFor('the picture is drawn for this width', () => page.evaluate(() => {
      const [svg, around] = [document.querySelector('#picture svg'), document.querySelector('#picture')];
      const drawn = Number(svg.getAttribute('width'));
      return drawn === Math.min(around.clientWidth, around.clientWidth < 880 ? 480 : Infinity) &&
        Math.abs(svg.getBoundingClientRect().width - drawn) < 1;
    }));
    const wrong = await page.evaluate(() => {
      const list = [];
      if (document.documentElement.scrollWidth > innerWidth) list.push(`${document.documentElement.scrollWidth - innerWidth} pixels too wide`);
      for (const group of document.querySelectorAll('#picture .box')) {
        const rect = group.querySelector('rect').getBoundingClientRect();
        for (const text of group.querySelectorAll('text')) {
          const r = text.getBoundingClientRect();
          if (r.left < rect.left || r.right > rect.right || r.bottom > rect.bottom) list.push(`outside its box: ${text.textContent}`);
        }
      }
      for (const text of document.querySelectorAll('#picture text')) {
        if (text.getBoundingClientRect().height < 13) list.push(`too small: ${text.textContent}`);
      }
      for (const cell of document.querySelectorAll('th, td, li, p, option:checked')) {
        const r = cell.getBoundingClientRect();
        if (r.width > 1 && r.right > innerWidth) list.push(`cut off: ${cell.textContent}`);
      }
      return list;
    });
    assert.deepEqual(wrong, [], `at ${width}`);
    if (width < 400) {
      const small = await page.evaluate(() => [...document.querySelectorAll('button, input, select, summary')]
        .filter((e) => e.offsetParent && e.getBoundingClientRect().height < 40).map((e) => e.outerHTML.slice(0, 60)));
      assert.deepEqual(small, [], 'for fingers');
    }
    await screenshot(page, `page-many-${width}`);
  }
  assert.equal(await page.locator('#picture .box').count(), 18); // 16 pods, 2 gateways
  assert.deepEqual(page.problems, []);
});

// What is said of other clocks and of what is far away.
test('old knowledge is said to be old, by the clock of the controller', async (t) => {
  const { s, page } = await open(t);
  const overview = await overviewOf(s);
  overview.status.kubernetesAgeMs = 3 * 60_000;
  const at = Date.parse(overview.status.time) + 5 * 3600e3; // hours ahead of this machine
  overview.status.time = new Date(at).toISOString();
  overview.status.paused = { text: 'ann@1', until: new Date(at + 20 * 60_000).toISOString() };
  overview.explain.failover.possible = false;
  const led = overview.explain.failover.conditions.find((c) => c.name === 'somebody leads');
  led.holds = false;
  await pretend(page, overview);
  await says(page, /The Kubernetes API was heard 3 min ago: what is said of pods is as old/, 5_000, '#state');
  await says(page, /paused by ann until [\d:]+ \(20 min from now\)/, 5_000, '#state');
  await says(page, /Nobody decides/, 5_000, '#state');
  await says(page, /What helps: the Kubernetes API, or a controller, comes back/, 5_000, '#state');
  assert.equal(await page.locator('#state.warn').count(), 1);
  assert.match(await sentence(page), /would take over now: no/);
  assert.deepEqual(page.problems, []);
});

test('a SYNC replica that does not fit is to be filled anew', async (t) => {
  const { s, page } = await open(t);
  const overview = await overviewOf(s);
  overview.explain.writes = { ...overview.explain.writes, possible: false, answer: 'memgraph-1 does not confirm them (it is diverged)' };
  const unfit = overview.explain.rebuild['memgraph-1'].conditions.find((c) => c.name === 'its data do not fit the main');
  unfit.holds = true;
  await pretend(page, overview);
  await says(page, /What helps: memgraph-1 is filled anew: Rebuild, below, or memgraph-controller rebuild memgraph-1 \(its data are kept aside\); or memgraph-0 serves alone/, 5_000, '#state');
  await says(page, /no memgraph-1 does not fit the main: would it be filled anew by itself\?/, 5_000, '#explain');
  overview.explain.rebuild['memgraph-1'].possible = true;
  await pretend(page, overview);
  await says(page, /What helps: memgraph-1 is filled anew by itself; or memgraph-0/, 5_000, '#state');
  assert.deepEqual(page.problems, []);
});

// WCAG 2: the contrast of every text with what is behind it.
const contrasts = () => {
  const parse = (c) => { const [r, g, b, a = 1] = c.match(/[\d.]+/g).map(Number); return { rgb: [r, g, b], a }; };
  const light = (rgb) => rgb.map((v) => v / 255).map((v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const rect = e.matches?.('.box') && e.querySelector('rect');
      const color = parse(rect ? getComputedStyle(rect).fill.replace('none', 'rgba(0,0,0,0)') : getComputedStyle(e).backgroundColor);
      if (color.a === 1) return color.rgb;
    }
    return [255, 255, 255];
  };
  const list = [];
  for (const e of document.querySelectorAll('body *')) {
    const own = [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (!own || !e.getClientRects().length || e.closest('.hidden, .skip, title, noscript')) continue;
    const fore = parse(e.ownerSVGElement ? getComputedStyle(e).fill : getComputedStyle(e).color).rgb;
    const number = e.matches('.number') && e.previousElementSibling;
    const back = number ? parse(getComputedStyle(number).fill).rgb : behind(e);
    const [a, b] = [light(fore), light(back)].sort((x, y) => y - x);
    list.push({ ratio: (a + 0.05) / (b + 0.05), text: e.textContent.trim().slice(0, 40), fore, back });
  }
  return list;
};

test('every text has contrast, in light and dark, and forced colours leave it readable', async (t) => {
  const { s, page } = await open(t);
  await s.control('kill', 'main');
  await says(page, /failover memgraph-0 → memgraph-1/);
  await isGood(page, 20_000);
  const overview = await overviewOf(s);
  overview.status.pods[0].link.state = 'down';
  overview.explain.writes.possible = false;
  await pretend(page, overview);
  await page.fill('#token', 'x');
  await page.click('button[name=pause]');
  await page.click('#confirm-yes');
  await says(page, /Refused/, 5_000, '#result');
  for (const colorScheme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    for (const level of ['ok', 'warn', 'bad']) {
      await page.evaluate((name) => { document.querySelector('#state').className = `state ${name}`; }, level);
      const all = await page.evaluate(contrasts);
      assert.ok(all.length > 60, `${all.length} texts`);
      assert.deepEqual(all.filter((c) => c.ratio < 4.5), [], `${colorScheme}, ${level}`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light', forcedColors: 'active' });
  const text = await page.evaluate(() => getComputedStyle(document.querySelector('#picture .name')).fill);
  assert.equal(text, await page.evaluate(() => getComputedStyle(document.querySelector('h2')).color));
  await screenshot(page, 'page-forced-colors');
  assert.deepEqual(page.problems, []);
});
