// Waiting for conditions with a limit: the tests have no sleeps.

/**
 * Calls `condition` every few milliseconds until it returns something truthy, and resolves to that.
 * An exception counts as "not yet"; the last one is told when the limit is reached.
 */
export async function waitFor(what, condition, limitMs = 30_000, everyMs = 20) {
  const end = Date.now() + limitMs;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      last = error;
    }
    if (Date.now() >= end) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`not within ${limitMs} ms: ${what}; last seen: ${seen}`);
    }
    await new Promise((wake) => setTimeout(wake, everyMs));
  }
}
