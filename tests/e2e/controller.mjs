// One memgraph-controller process, as a container of a Deployment's pod would run it.
import { spawn } from "node:child_process";
import { openSync, closeSync, readFileSync } from "node:fs";
import { join } from "node:path";

export class Controller {
  /** settings: environment variables beyond those of every controller. */
  constructor({ name, ip, program, folder, settings }) {
    Object.assign(this, { name, ip, program });
    this.gateway = `${ip}:7687`;
    this.readGateway = `${ip}:7688`;
    this.logFile = join(folder, `${name}.log`);
    this.env = {
      PATH: process.env.PATH,
      POD_NAME: name,
      GATEWAY_ENABLED: "true",
      GATEWAY_BIND_ADDRESS: this.gateway,
      ENABLE_READ_GATEWAY: "true",
      GATEWAY_READ_BIND_ADDRESS: this.readGateway,
      HTTP_BIND_ADDRESS: ip,
      HTTP_PORT: "8080",
      ...settings,
    };
  }

  start() {
    const log = openSync(this.logFile, "a");
    const child = spawn(this.program, ["run"], { env: this.env, stdio: ["ignore", log, log] });
    closeSync(log);
    this.process = child;
    this.exited = new Promise((resolve, reject) => {
      child.on("error", reject);
      child.on("exit", (code, signal) => resolve({ code, signal }));
    });
  }

  /** Sends a signal and resolves to how it ended: {code, signal}. */
  async end(signal) {
    this.process.kill(signal);
    return await this.exited;
  }

  /** GET of the HTTP server: {status, text}. */
  async http(path) {
    const response = await fetch(`http://${this.ip}:8080${path}`, {
      signal: AbortSignal.timeout(2000),
    });
    return { status: response.status, text: await response.text() };
  }

  async status() {
    const { text } = await this.http("/status");
    return JSON.parse(text);
  }

  /** Does it say that it leads? */
  async leads() {
    return (await this.status()).leadership.leader;
  }

  log() {
    return readFileSync(this.logFile, "utf8");
  }
}
