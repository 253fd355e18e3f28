//! The HTTP interface of Upstash in front of a Redis server: a POST of a command as a JSON array answers `{ result }`, and
//! with an error `{ error }` and status 400 (https://upstash.com/docs/redis/features/restapi).

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
  const token = "secret-of-the-test";
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const answer = (status: number, body: unknown) => void response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (request.headers.authorization !== `Bearer ${token}`) return answer(401, { error: "Unauthorized" });
    const encode = request.headers["upstash-encoding"] === "base64";
    const encoded = (value: unknown): unknown =>
      Array.isArray(value) ? value.map(encoded) : encode && typeof value === "string" && value !== "OK" ? Buffer.from(value).toString("base64") : value;
    try {
      const [command, ...args] = JSON.parse(Buffer.concat(chunks).toString()) as [string, ...string[]];
      answer(200, { result: encoded(await redis.call(command, ...args.map(String))) });
    } catch (error) {
      answer(400, { error: (error as Error).message });
    }
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
