//! The HTTP interface of Upstash in front of a Redis server: a POST of a command as a JSON array answers `{ result }`, or
//! `{ error }` with status 400; `/pipeline` takes and answers lists (https://upstash.com/docs/redis/features/restapi).

import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Redis } from "ioredis";

export interface UpstashServer {
  url: string;
  token: string;
  stop(): Promise<void>;
}

/** Starts it in front of the server at `redisUrl`. */
export async function startUpstash(redisUrl: string): Promise<UpstashServer> {
  const redis = new Redis(redisUrl);
  // It reports each attempt to reach a server that is gone; the calls fail by themselves.
  redis.on("error", () => undefined);
  const token = "secret-of-the-test";
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: unknown) => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${token}`) return answer(401, { error: "Unauthorized" });
    const encode = request.headers["upstash-encoding"] === "base64";
    const encoded = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(encoded) : encode && typeof value === "string" && value !== "OK" ? Buffer.from(value).toString("base64") : value;
    const run = async ([command, ...args]: [string, ...unknown[]]) => {
      try {
        return { result: encoded(await redis.call(command, ...args.map(String))) };
      } catch (error) {
        return { error: (error as Error).message };
      }
    };
    const body = JSON.parse(Buffer.concat(chunks).toString());
    if (request.url?.startsWith("/pipeline")) return answer(200, await Promise.all((body as [string][]).map(run)));
    const one = await run(body as [string]);
    answer("error" in one ? 400 : 200, one);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    token,
    async stop() {
      redis.disconnect();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
