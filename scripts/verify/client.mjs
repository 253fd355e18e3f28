//! What the checks call: a deployment, by HTTP and by WebSocket.

/** How long a call may take, in milliseconds: a cold start that pulls an image is in it. */
const PATIENCE_MS = 120_000;

/** @typedef {{ status: number, headers: Headers, text: string, json: any }} Answer */

export class Client {
  /** @param {string} url without a slash at the end @param {string} key */
  constructor(url, key) {
    this.url = url;
    this.key = key;
  }

  /** Calls a path. @param {string} path @param {RequestInit} [init] @returns {Promise<Answer>} */
  async call(path, init = {}) {
    const response = await fetch(this.url + path, { redirect: "manual", signal: AbortSignal.timeout(PATIENCE_MS), ...init });
    const text = await response.text();
    let json;
    try {
      json = JSON.parse(text);
    } catch {
      json = undefined;
    }
    return { status: response.status, headers: response.headers, text, json };
  }

  /** `POST /api/run` with the key. @param {object} body @param {Record<string, string>} [headers] */
  run(body, headers = {}) {
    const all = { authorization: `Bearer ${this.key}`, "content-type": "application/json", ...headers };
    return this.call("/api/run", { method: "POST", headers: all, body: JSON.stringify(body) });
  }

  /**
   * An interactive run: sends `body`, and one line of input when the program has written. Answers with the events.
   * @param {object} body @param {string} input @returns {Promise<any[]>}
   */
  talk(body, input) {
    const { WebSocket } = globalThis;
    if (WebSocket === undefined) return Promise.reject(new Error("this check needs Node 22 or newer; npm start installs one"));
    const socket = new WebSocket(`${this.url.replace(/^http/, "ws")}/api/run`, ["docle", `docle.key.${this.key}`]);
    /** @type {any[]} */
    const events = [];
    return new Promise((resolve, reject) => {
      const patience = setTimeout(() => (socket.close(), reject(new Error("the socket did not end"))), PATIENCE_MS);
      const end = (/** @type {() => void} */ how) => (clearTimeout(patience), how());
      socket.onopen = () => socket.send(JSON.stringify(body));
      socket.onmessage = ({ data }) => {
        const event = JSON.parse(data);
        events.push(event);
        if (event.type === "stdout" && events.filter(({ type }) => type === "stdout").length === 1) socket.send(JSON.stringify({ type: "stdin", data: input }));
      };
      socket.onclose = () => end(() => resolve(events));
      socket.onerror = () => end(() => reject(new Error("the WebSocket did not open")));
    });
  }
}
