//! What a line costs that is typed into a run and comes back: through the WebSocket, the objects and the program.

import { inTurn } from "./measure.ts";

/** Prints what it reads, line by line. */
const program = { lang: "python", code: "import sys\nfor line in sys.stdin: print(line, end='')", policy: { timeoutMs: 120_000 } };

/** Types a line and waits for it, two hundred times in one run, once that is warm. Answers with the median in milliseconds. */
export async function echo(url: string, key: string): Promise<number> {
  const socket = new WebSocket(`${url.replace("http", "ws")}/api/run`, ["docle", `docle.key.${key}`]);
  const over = Promise.withResolvers<void>();
  let [text, heard, typed] = ["", () => {}, 0];
  socket.onopen = () => socket.send(JSON.stringify(program));
  socket.onclose = () => over.reject(new Error(`the interactive run ended after ${typed} lines`));
  socket.onmessage = ({ data }) => {
    const event = JSON.parse(data as string) as { type: string; data?: string; status?: string };
    if (event.type === "stdout" && (text += event.data ?? "").endsWith(`${typed}\n`)) heard();
    if (event.type === "complete" && event.status === "success") over.resolve();
  };
  const line = async () => {
    const answer = new Promise<void>((resolve) => (heard = resolve));
    text = "";
    socket.send(JSON.stringify({ type: "stdin", data: `${++typed}\n` }));
    await Promise.race([answer, over.promise]);
  };
  await Promise.race([new Promise((resolve) => socket.addEventListener("message", resolve, { once: true })), over.promise]);
  // These warm it up, with the five of each call that are never counted: twenty lines.
  await inTurn(10, line);
  const [times] = await inTurn(200, line);
  socket.send(JSON.stringify({ type: "stdin", end: true }));
  await over.promise;
  return times?.p50 ?? NaN;
}
