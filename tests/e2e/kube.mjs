// A small client of the Kubernetes API for the tests: requests with JSON, and a list that is kept
// up to date by a watch. It knows no kinds of objects: callers give paths.
import { Agent, request as httpsRequest } from "node:https";
import { readFileSync } from "node:fs";

/** An answer other than 2xx. `status` is the HTTP status, `reason` Kubernetes' own word for it. */
export class KubeError extends Error {
  constructor(method, path, status, body) {
    super(`${method} ${path}: ${status} ${body?.message ?? JSON.stringify(body)}`);
    this.status = status;
    this.reason = body?.reason;
  }
}

export class Kube {
  constructor({ url, caFile, token }) {
    this.url = url;
    this.token = token;
    this.agent = new Agent({ keepAlive: true, ca: readFileSync(caFile) });
  }

  /** The administrator of the control plane that tests/e2e/run has started. */
  static admin() {
    return Kube.withToken(process.env.K8S_TOKEN);
  }

  static withToken(token) {
    return new Kube({ url: process.env.K8S_API, caFile: process.env.K8S_CA, token });
  }

  #open(method, path, type, timeoutMs, text = "") {
    return httpsRequest(this.url + path, {
      method,
      agent: this.agent,
      timeout: timeoutMs,
      headers: {
        authorization: `Bearer ${this.token}`,
        accept: "application/json",
        "content-type": type,
        "content-length": Buffer.byteLength(text), // Node sends a DELETE's body without it
      },
    });
  }

  /** body: an object, or text of the given content type. Resolves to the parsed answer. */
  request(method, path, body, type = "application/json") {
    const content = typeof body === "string" ? body : (JSON.stringify(body) ?? "");
    return new Promise((resolve, reject) => {
      const req = this.#open(method, path, type, 10_000, content);
      req.on("timeout", () => req.destroy(new Error(`${method} ${path}: no answer in 10 s`)));
      req.on("error", reject);
      req.on("response", (res) => {
        const parts = [];
        res.on("error", reject);
        res.on("data", (part) => parts.push(part));
        res.on("end", () => {
          const text = Buffer.concat(parts).toString();
          let answer = text;
          try {
            answer = JSON.parse(text);
          } catch {
            // Some answers are plain text (/readyz, an unknown path).
          }
          if (res.statusCode >= 200 && res.statusCode < 300) resolve(answer);
          else reject(new KubeError(method, path, res.statusCode, answer));
        });
      });
      req.end(content);
    });
  }

  get(path) {
    return this.request("GET", path);
  }

  post(path, body) {
    return this.request("POST", path, body);
  }

  delete(path, options) {
    return this.request("DELETE", path, options);
  }

  /** A strategic merge patch, or another kind of patch ("merge", "json"). */
  patch(path, body, kind = "strategic-merge") {
    return this.request("PATCH", path, body, `application/${kind}-patch+json`);
  }

  /** Undefined instead of an error when there is no such object. */
  async find(path) {
    try {
      return await this.get(path);
    } catch (error) {
      if (error instanceof KubeError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** Creates the objects of a YAML file of several documents: the API server itself reads them. */
  async applyYaml(text) {
    for (const document of text.split(/^---$/m)) {
      const version = /^apiVersion: *(\S+)/m.exec(document)?.[1];
      const kind = /^kind: *(\S+)/m.exec(document)?.[1];
      const namespace = /^ {2}namespace: *(\S+)/m.exec(document)?.[1];
      if (!kind) continue;
      const root = version.includes("/") ? `/apis/${version}` : `/api/${version}`;
      const place = namespace ? `/namespaces/${namespace}` : "";
      const path = `${root}${place}/${kind.toLowerCase()}s`;
      await this.request("POST", path, document, "application/yaml");
    }
  }

  /**
   * Lists `path`, then follows it until `signal` aborts; lists again after every break. onList gets
   * all objects, onEvent gets the type (ADDED, MODIFIED, DELETED) and the object.
   */
  async follow(path, { onList, onEvent, signal }) {
    while (!signal.aborted) {
      try {
        const list = await this.get(path);
        if (signal.aborted) return;
        onList(list.items);
        await this.#watch(path, list.metadata.resourceVersion, onEvent, signal);
      } catch {
        // The API server is away, or the stream broke: list again.
      }
      if (!signal.aborted) await new Promise((wake) => setTimeout(wake, 100));
    }
  }

  #watch(path, version, onEvent, signal) {
    return new Promise((resolve, reject) => {
      const query = `watch=1&timeoutSeconds=300&resourceVersion=${version}`;
      const req = this.#open("GET", `${path}?${query}`, "application/json", 310_000);
      const stop = () => req.destroy();
      signal.addEventListener("abort", stop, { once: true });
      req.on("timeout", stop);
      req.on("close", () => {
        signal.removeEventListener("abort", stop);
        resolve();
      });
      req.on("error", reject);
      req.on("response", (res) => {
        let rest = "";
        res.setEncoding("utf8");
        res.on("error", reject);
        res.on("data", (text) => {
          const lines = (rest + text).split("\n");
          rest = lines.pop();
          for (const line of lines) {
            if (signal.aborted) return;
            const { type, object } = JSON.parse(line);
            if (type === "ERROR") return stop();
            onEvent(type, object);
          }
        });
      });
      req.end();
    });
  }

  close() {
    this.agent.destroy();
  }
}
