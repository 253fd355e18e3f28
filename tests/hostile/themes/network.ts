//! Networks: none by default, and with permission only what is public.

import assert from "node:assert/strict";
import { createServer } from "node:net";
import { once } from "node:events";
import { apart, attempt, ends, node, prints, python, shell, type Attack, type Theme } from "../attack.ts";
import type { Rest } from "../../harness/jobs.ts";

const open: Rest = { network: { mode: "public" } };
const hosts = (...hosts: string[]): Rest => ({ network: { mode: "hosts", hosts } });

const connects = (...addresses: string[]) => `import socket\nfor h in ${JSON.stringify(addresses)}:\n  try: socket.create_connection((h, 80), 1); print('connected')\n  except OSError: print('refused')`;

/** Asks the proxy and prints the status it answers with. */
const asks = (...heads: string[]) => `import socket\nfor h in ${JSON.stringify(heads)}:\n  s = socket.create_connection(('127.0.0.1', 3128), 5); s.sendall(h.encode())\n  print(s.recv(4096).decode(errors='replace').split('\\r\\n')[0])`;
const connect = (target: string) => `CONNECT ${target} HTTP/1.1\r\nHost: ${target}\r\n\r\n`;
const get = (url: string) => `GET ${url} HTTP/1.1\r\nHost: example.com\r\n\r\n`;
const forbids = (count: number) => prints("HTTP/1.1 403 Forbidden\n".repeat(count));

const ownAddresses = ["127.0.0.1", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "localhost", "0.0.0.0", "0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]"];
const privateAddresses = ["10.0.0.1", "172.16.0.1", "172.17.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "192.0.2.2", "[fe80::1]", "[fd00::2]", "[fd00:ec2::254]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]", "224.0.0.1", "255.255.255.255"];

/** A service of the host that no program may reach, whatever name leads to it. */
const service: Attack = {
  name: "python: a service of the host",
  async act(scene) {
    let visitors = 0;
    const server = createServer((socket) => void (visitors++, socket.destroy())).listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as { port: number };
    const targets = ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]", "2130706433", "LOCALHOST.", "localhost."].map((host) => connect(`${host}:${port}`));
    for (const rest of [open, hosts("127.0.0.1", "localhost", "2130706433", "::ffff:127.0.0.1")]) {
      const { stdout } = await attempt(scene, "python", asks(...targets, get(`http://127.0.0.1:${port}/`)), rest);
      assert.doesNotMatch(stdout, / 200 /);
    }
    assert.equal(visitors, 0);
    server.close();
  },
};

export const network: Theme = {
  name: "network",
  attacks: [
    python("connections without permission", connects("1.1.1.1", "127.0.0.1", "169.254.169.254", "10.0.0.1", "::1", "2606:4700::1111"), prints("refused\n".repeat(6))),
    python("packets without permission", "import socket\nfor h in '1.1.1.1', '8.8.8.8', '255.255.255.255', '224.0.0.251':\n  try: s = socket.socket(type=socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1); s.sendto(b'x', (h, 53)); print('sent')\n  except OSError: print('refused')", prints("refused\n".repeat(4))),
    python("names without permission", "import socket\ntry: print(socket.getaddrinfo('example.com', 80))\nexcept OSError: print('refused')", prints("refused\n")),
    apart(python("interfaces", "print([l.split(':')[0].strip() for l in open('/proc/net/dev') if ':' in l])", prints("['lo']\n"))),
    python("a proxy that is not there", "import socket\ntry: socket.create_connection(('127.0.0.1', 3128), 1); print('connected')\nexcept OSError: print('refused')", prints("refused\n")),
    node("fetch without permission", "fetch('http://1.1.1.1').then(() => console.log('got it'), () => console.log('refused'))", prints("refused\n")),
    shell("a connection by bash", "bash -c 'exec 3<>/dev/tcp/1.1.1.1/80' 2>/dev/null && echo connected || echo refused", prints("refused\n")),
    python("with permission: past the proxy", connects("1.1.1.1", "169.254.169.254", "10.0.0.1"), prints("refused\n".repeat(3)), open),
    python("with permission: the machine itself", asks(...ownAddresses.map((host) => connect(`${host}:22`))), forbids(ownAddresses.length), open),
    python("with permission: private and reserved addresses", asks(...privateAddresses.map((host) => connect(`${host}:80`))), forbids(privateAddresses.length), open),
    python("with permission: the same in plain", asks(...["127.0.0.1", "169.254.169.254/latest/meta-data/", "[::1]", "10.0.0.1:8080"].map((host) => get(`http://${host}`))), forbids(4), open),
    python("hosts that are listed and private all the same", asks(...["localhost:80", "127.0.0.1:80", "169.254.169.254:80"].map(connect)), forbids(3), hosts("localhost", "127.0.0.1", "169.254.169.254")),
    python("hosts that are not listed", asks(...["evil.example:443", "example.com.evil.example:443", "badexample.com:443", "example.org:443"].map(connect)), forbids(4), hosts("example.com", "*.example.org")),
    python("heads that are none", asks("\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "CONNECT x HTTP/1.1\r\n\r\n", "GET file:///etc/passwd HTTP/1.1\r\n\r\n", "CONNECT a@b:80 HTTP/1.1\r\n\r\n", "CONNECT :80 HTTP/1.1\r\n\r\n", "CONNECT a:99999 HTTP/1.1\r\n\r\n", "X".repeat(40_000), "GET http://example.com/a\nHost:evil.internal\nX: HTTP/1.1\r\nHost: y\r\n\r\n", "G(T http://example.com/ HTTP/1.1\r\n\r\n", "POST http://example.com/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"), prints("HTTP/1.1 400 Bad Request\n".repeat(11)), open),
    python("mail", asks(...["1.1.1.1:25", "1.1.1.1:465", "1.1.1.1:587"].map(connect)), forbids(3), open),
    python("more connections than there are", "import socket\nk = []\nfor i in range(200):\n  s = socket.socket(); s.setblocking(False)\n  try: s.connect(('127.0.0.1', 3128))\n  except BlockingIOError: pass\n  k.append(s)\nprint(len(k))", prints("200\n"), open),
    python("its own port first", "import socket\ntry: socket.create_server(('127.0.0.1', 3128)); print('taken')\nexcept OSError: print('refused')", prints("refused\n"), open),
    python("connections that outlive the run", "import os, socket\nfor _ in range(20): socket.create_connection(('127.0.0.1', 3128)).sendall(b'CONNECT ')\nprint('done', flush=True); os._exit(0)", ends("success"), open),
    service,
  ],
};
