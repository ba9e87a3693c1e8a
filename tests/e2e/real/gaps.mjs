// The table of scenarios: how long no write was acknowledged, and what was lost (nothing, or the
// scenario has failed before). tests/e2e/run-node prints it at its end; with RUNS=3 each scenario is
// told so often, and the median counts.
import { appendFileSync } from "node:fs";
import { join } from "node:path";

const FILE = join(process.env.E2E_FOLDER, "gaps.jsonl");

export const RUNS = Number(process.env.RUNS ?? 1);

/** Notes the longest time without an acknowledged write, and the writes that failed, of one run. */
export function note(scenario, { gapMs, errors, acknowledged }) {
  const line = { scenario, gapMs, failed: errors.length, acknowledged };
  appendFileSync(FILE, `${JSON.stringify(line)}\n`);
}
