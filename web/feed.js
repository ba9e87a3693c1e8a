// The controller's overview, live: server-sent events, and asking every two seconds while there are
// none. onData gets each document; onState gets 'live', 'polling' or 'lost'.
import { parse, stopwatch } from './words.js';

const SILENT_MS = 5_000;
const POLL_MS = 2_000;

export function follow(onData, onState) {
  let events;
  let silence = stopwatch();
  let polling = false;

  const take = (text, state) => {
    silence = stopwatch();
    onData(parse(text));
    onState(state);
  };

  const open = () => {
    events?.close();
    events = new EventSource('api/v1/events');
    events.addEventListener('overview', (event) => take(event.data, 'live'));
  };

  const poll = async () => {
    if (polling) return;
    polling = true;
    try {
      const answer = await fetch('api/v1/overview', { cache: 'no-store', signal: AbortSignal.timeout(POLL_MS) });
      if (!answer.ok) throw new Error(`HTTP ${answer.status}`);
      take(await answer.text(), 'polling');
    } catch {
      onState('lost');
    } finally {
      polling = false;
    }
  };

  // EventSource connects again by itself after an end, not after an error of HTTP.
  const look = () => {
    const silent = silence() > SILENT_MS;
    if (events.readyState === EventSource.OPEN && !silent) return;
    if (events.readyState === EventSource.CLOSED || silent) open();
    poll();
  };

  open();
  setInterval(look, POLL_MS);
  addEventListener('online', look);
  document.addEventListener('visibilitychange', look); // timers are slow in the background
}
