//! A website that uses a package: its pages, and the routes of its server that the READMEs speak of.

import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { build, type Plugin } from "esbuild";

/** What the website's server needs to know of the service. */
export interface Account {
  url: string;
  key: string;
}

/** A website: each page is a document and a script. */
export class Website {
  readonly #server: Server;
  readonly #pages = new Map<string, { type: string; text: string }>();

  private constructor(server: Server) {
    this.#server = server;
  }

  /** Starts the server. `/api/docle` adds the key and passes on what it is sent, `/docle-token` answers with a run token. */
  static async start({ url, key }: Account): Promise<Website> {
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const server = createServer((request, response) => {
      const page = site.#pages.get(request.url ?? "");
      if (page !== undefined) return void response.setHeader("content-type", page.type).end(page.text);
      if (request.url === "/api/docle") return void pass(`${url}/api/run`, { ...headers, accept: request.headers.accept ?? "" }, request).catch(() => response.destroy());
      if (request.url === "/docle-token") {
        return void fetch(`${url}/api/tokens`, { method: "POST", headers, body: "{}" }).then(async (answer) => response.end(((await answer.json()) as { token: string }).token));
      }
      response.writeHead(request.url === "/favicon.ico" ? 204 : 404).end();

      async function pass(to: string, headers: Record<string, string>, body: Readable): Promise<void> {
        const left = new AbortController();
        response.on("close", () => left.abort());
        const init = { method: "POST", headers, body: Readable.toWeb(body) as ReadableStream, duplex: "half", signal: left.signal } as RequestInit;
        const answer = await fetch(to, init);
        response.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" });
        for await (const piece of answer.body ?? []) response.write(piece);
        response.end();
      }
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const site = new Website(server);
    return site;
  }

  get origin(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Adds a page with a body and a script; answers with its address. */
  add(name: string, body: string, script: string): string {
    this.#pages.set(`/${name}.js`, { type: "text/javascript", text: script });
    this.#pages.set(`/${name}`, { type: "text/html; charset=utf-8", text: `<!doctype html><html lang="en"><title>${name}</title><body>${body}<script type="module" src="/${name}.js"></script></body></html>` });
    return `${this.origin}/${name}`;
  }

  stop(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** One script of several modules, as a page has it; `alias` says where packages are that are not in the folder. */
export async function bundle(code: string, folder: string, settings: { platform?: "browser" | "node"; plugins?: Plugin[]; alias?: Record<string, string> } = {}): Promise<string> {
  const stdin = { contents: code, resolveDir: folder, loader: "tsx" as const };
  const define = { "process.env.NODE_ENV": '"development"', __VUE_OPTIONS_API__: "true", __VUE_PROD_DEVTOOLS__: "false", __VUE_PROD_HYDRATION_MISMATCH_DETAILS__: "true" };
  const { outputFiles } = await build({ stdin, bundle: true, format: "esm", target: "es2022", jsx: "automatic", write: false, define, platform: "browser", ...settings });
  return outputFiles[0]?.text ?? "";
}
