// Sessions of the official driver for one address, with plain numbers instead of its 64-bit ones.
import neo4j from "neo4j-driver";

/**
 * One connection is opened for each query that runs at the same time; nothing is retried. auth:
 * {user, password}, or undefined for none.
 */
export function openDriver(address, auth) {
  const token = auth ? neo4j.auth.basic(auth.user, auth.password) : neo4j.auth.none();
  return neo4j.driver(`bolt://${address}`, token, {
    disableLosslessIntegers: true,
    encrypted: false,
    connectionTimeout: 10_000,
    connectionAcquisitionTimeout: 15_000,
    telemetryDisabled: true,
  });
}

/** Runs one query in a transaction of its own and resolves to its rows as objects. */
export async function query(driver, text, parameters) {
  const session = driver.session();
  try {
    const { records } = await session.run(text, parameters);
    return records.map((record) => record.toObject());
  } finally {
    await session.close();
  }
}

/** The same on a connection that is opened for it and closed after it. */
export async function queryOnce(address, text, parameters, auth) {
  const driver = openDriver(address, auth);
  try {
    return await query(driver, text, parameters);
  } finally {
    await driver.close();
  }
}
