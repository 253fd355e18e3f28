//! Programs that listen in a sandbox, for tests of exposed ports.

/** Answers with what it was asked, and does what its path says. Without dependencies, so it speaks WebSocket itself. */
export const SERVER = String.raw`
const http = require("node:http");
const { createHash } = require("node:crypto");
const PATHS = {
  "/cookie": (request, response) => response.setHeader("set-cookie", ["a=1; Domain=example.com; Path=/", "b=2"]).end("cookies"),
  "/redirect": (request, response) => response.writeHead(302, { location: "/elsewhere" }).end(),
  "/empty": (request, response) => response.writeHead(204).end(),
  "/range": (request, response) => {
    const [, from, to] = request.headers.range.match(/bytes=(\d+)-(\d+)/);
    response.writeHead(206, { "content-range": "bytes " + from + "-" + to + "/10" }).end("0123456789".slice(+from, +to + 1));
  },
  "/utf8": (request, response) => response.setHeader("content-disposition", Buffer.from("attachment; filename=\"é.txt\"").toString("latin1")).setHeader("x-latin1", "\u00e9").end(request.headers["x-own"]),
  "/gzip": (request, response) => response.setHeader("content-encoding", "gzip").end(require("node:zlib").gzipSync("compressed")),
  "/events": (request, response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    response.write("data: one\n\n");
    PATHS["/continue"] = (_, other) => { response.end("data: two\n\n"); other.end("told"); };
    request.on("close", () => (global.left = true));
  },
  "/flooded": (request, response) => response.end(String(global.flooded)),
  "/left": (request, response) => response.end(String(global.left === true)),
  "/large": (request, response) => {
    response.setHeader("content-length", 32 << 20);
    const piece = Buffer.alloc(1 << 20, "x");
    let sent = 0;
    const more = () => { while (sent < 32) { sent++; if (!response.write(piece)) return response.once("drain", more); } response.end(); };
    more();
  },
  "/short": (request, response) => { response.setHeader("content-length", 100); response.write("half"); setImmediate(() => response.destroy()); },
  "/cut": (request, response) => { response.write("half"); setImmediate(() => response.destroy()); },
};
const server = http.createServer((request, response) => {
  const act = PATHS[request.url.split("?")[0]];
  if (act) return act(request, response);
  const hash = createHash("sha256");
  let length = 0;
  request.on("data", (chunk) => { hash.update(chunk); length += chunk.length; });
  request.on("end", () => {
    const seen = { method: request.method, url: request.url, headers: request.headers, length, sha256: hash.digest("hex") };
    response.setHeader("content-type", "application/json").end(JSON.stringify(seen));
  });
});
const frame = (kind, content) => {
  const head = content.length < 126 ? Buffer.from([128 | kind, content.length]) : Buffer.from([128 | kind, 127, 0, 0, 0, 0, 0, 0, 0, 0]);
  if (content.length >= 126) head.writeBigUInt64BE(BigInt(content.length), 2);
  return Buffer.concat([head, content]);
};
server.on("upgrade", (request, socket) => {
  if (request.url === "/refused") return socket.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 2\r\n\r\nno");
  const accept = createHash("sha1").update(request.headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
  const protocol = (request.headers["sec-websocket-protocol"] ?? "").split(",").map((text) => text.trim()).at(-1);
  socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\nsec-websocket-accept: " + accept + "\r\n" + (protocol ? "sec-websocket-protocol: " + protocol + "\r\n" : "") + "set-cookie: ws=1; domain=example.com\r\n\r\n");
  socket.on("error", () => {});
  if (request.url === "/flood") {
    const piece = frame(2, Buffer.alloc(64 << 10, "x"));
    global.flooded = 0;
    const more = () => { while (!socket.destroyed) { global.flooded += piece.length; if (!socket.write(piece)) return socket.once("drain", more); } };
    socket.on("close", () => (global.flooded = -global.flooded));
    return more();
  }
  if (request.url === "/host") socket.write(frame(1, Buffer.from(JSON.stringify(request.headers))));
  let bytes = Buffer.alloc(0);
  socket.on("data", (chunk) => {
    bytes = Buffer.concat([bytes, chunk]);
    for (;;) {
      if (bytes.length < 2) return;
      const short = bytes[1] & 127;
      const begin = short === 127 ? 10 : short === 126 ? 4 : 2;
      if (bytes.length < begin + 4) return;
      const length = short === 127 ? Number(bytes.readBigUInt64BE(2)) : short === 126 ? bytes.readUInt16BE(2) : short;
      if (bytes.length < begin + 4 + length) return;
      const mask = bytes.subarray(begin, begin + 4);
      const content = Buffer.from(bytes.subarray(begin + 4, begin + 4 + length).map((byte, at) => byte ^ mask[at % 4]));
      const kind = bytes[0] & 15;
      bytes = bytes.subarray(begin + 4 + length);
      if (kind === 8) { console.log("closed " + (length >= 2 ? content.readUInt16BE(0) : 1005) + " " + content.subarray(2)); return socket.end(frame(8, content)); }
      if (kind === 1 && String(content).startsWith("close ")) { const code = Buffer.alloc(2); code.writeUInt16BE(+String(content).slice(6)); return socket.write(frame(8, Buffer.concat([code, Buffer.from("bye")]))); }
      if (kind === 1 || kind === 2) socket.write(frame(kind, content));
    }
  });
});
server.listen(+process.argv[2] || 8000, process.argv[3] || "0.0.0.0");
`;

/** Programs that are no servers, by what they do to a client. */
export const HOSTILE: Record<string, string> = {
  garbage: "import socket\ns = socket.create_server(('', 8000))\nwhile True:\n  c, _ = s.accept(); c.sendall(b'SSH-2.0-x\\r\\n' * 100); c.close()",
  "headers without end": "import socket\ns = socket.create_server(('', 8000))\nwhile True:\n  c, _ = s.accept()\n  try:\n    c.sendall(b'HTTP/1.1 200 OK\\r\\n')\n    while True: c.sendall(b'x: ' + b'y' * 4096 + b'\\r\\n')\n  except OSError: pass",
  "one header without end": "import socket\ns = socket.create_server(('', 8000))\nwhile True:\n  c, _ = s.accept()\n  try:\n    c.sendall(b'HTTP/1.1 200 OK\\r\\nx: ')\n    while True: c.sendall(b'y' * 65536)\n  except OSError: pass",
  "a thousand headers": "import socket\ns = socket.create_server(('', 8000))\nwhile True:\n  c, _ = s.accept()\n  c.recv(65536); c.sendall(b'HTTP/1.1 200 OK\\r\\n' + b'a: b\\r\\n' * 1000 + b'\\r\\n'); c.close()",
  "a switch that nobody asked for": "import socket\ns = socket.create_server(('', 8000))\nwhile True:\n  c, _ = s.accept()\n  c.recv(65536); c.sendall(b'HTTP/1.1 101 Switching Protocols\\r\\nupgrade: evil\\r\\nconnection: upgrade\\r\\n\\r\\n')",
  "a closed connection": "import socket\ns = socket.create_server(('', 8000))\nwhile True:\n  c, _ = s.accept(); c.close()",
};
