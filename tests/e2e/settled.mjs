// The state that every fault must end in, as far as the record and Memgraph say.

/**
 * One main, which is the record's, no transition open, the SYNC replica proven, nothing fenced or to
 * be rebuilt, and every replica ready on the main; underLoad: or at work. Returns the main's pod, and
 * throws what is not so yet. `cluster` has record(), podNames(), role(pod) and replicasOf(pod).
 */
export async function settledMain(cluster, underLoad) {
  const good = underLoad ? ["ready", "replicating", "recovery"] : ["ready"];
  const record = await cluster.record();
  if (!record) throw new Error("no record");
  if (!record.sync.startsWith("ready:")) throw new Error(`sync=${record.sync}`);
  for (const key of ["transition", "fenced", "rebuild", "request"]) {
    if (record[key]) throw new Error(`${key}=${record[key]}`);
  }
  const names = cluster.podNames();
  const main = names[record.targetMainIndex];
  const roles = await Promise.all(names.map((name) => cluster.role(name)));
  names.forEach((name, i) => {
    const expected = name === main ? "main" : "replica";
    if (roles[i] !== expected) throw new Error(`${name} is ${roles[i]}`);
  });
  const rows = await cluster.replicasOf(main);
  for (const name of names.filter((each) => each !== main)) {
    const row = rows.get(name.replaceAll("-", "_"));
    const states = Object.values(row?.data_info ?? {});
    if (!states.length || states.some(({ status }) => !good.includes(status))) {
      throw new Error(`${name} on ${main}: ${JSON.stringify(row)}`);
    }
  }
  return main;
}
