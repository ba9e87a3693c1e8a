// The controller's overview, live: server-sent events, and asking every two seconds while there are
// none. onData gets each document; onState gets 'live', 'polling' or 'lost'.

const SILENT_MS = 5_000;
const POLL_MS = 2_000;

export function follow(onData, onState) {
  let events;
  let heardAt = performance.now();
  let polling = false;

  const take = (document, state) => {
    heardAt = performance.now();
    onData(document);
    onState(state);
  };

  const open = () => {
    events?.close();
    events = new EventSource('api/v1/events');
    events.addEventListener('overview', (event) => take(JSON.parse(event.data), 'live'));
  };

  const poll = async () => {
    if (polling) return;
    polling = true;
    try {
      const answer = await fetch('api/v1/overview', { cache: 'no-store', signal: AbortSignal.timeout(POLL_MS) });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      take(await answer.json(), 'polling');
    } catch {
      onState('lost');
    } finally {
      polling = false;
    }
  };

  // EventSource connects again by itself after an end, not after an error of HTTP.
  const look = () => {
    const silent = performance.now() - heardAt > SILENT_MS;
    if (events.readyState === EventSource.OPEN && !silent) return;
    if (events.readyState === EventSource.CLOSED || silent) open();
    poll();
  };

  open();
  setInterval(look, POLL_MS);
  addEventListener('online', look);
}
