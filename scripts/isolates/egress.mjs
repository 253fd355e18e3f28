//! The way of scripts to the network on this machine: it resolves each name, checks each address, and connects to the
//! address that it has checked, so that no name leads to a private network, however often the name changes.

import { lookup } from "node:dns";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import { BlockList, isIP } from "node:net";
import { networkInterfaces } from "node:os";
import { Readable } from "node:stream";
import { Response } from "miniflare";

/** Addresses that are not public: IANA's special-purpose registries for IPv4 and IPv6. */
const SPECIAL = [
  ...["0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"],
  ...["192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"],
  ...["::/3", "4000::/2", "8000::/1", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"],
];

/** No script waits longer, so no connection of a script stays open longer. */
const MAX_MS = 60_000;

// A list for each family: with one for both, an address of IPv4 would be looked up among those of IPv6 as well, where
// `::/3` has them all.
const refused = { ipv4: new BlockList(), ipv6: new BlockList() };
for (const range of SPECIAL) {
  const [net = "", prefix] = range.split("/");
  refused[familyOf(net)].addSubnet(net, Number(prefix), familyOf(net));
}

/** @param {string} address */
function familyOf(address) {
  return isIP(address) === 6 ? "ipv6" : "ipv4";
}

/** Whether scripts may connect to an address: it is public, and none of this machine's. @param {string} address */
export function isPublic(address) {
  const own = Object.values(networkInterfaces()).flatMap((interfaces) => interfaces ?? []);
  const special = isIP(address) === 0 || refused[familyOf(address)].check(address, familyOf(address));
  return !special && own.every((one) => one.address !== address);
}

/** Resolves a name to addresses that scripts may connect to. @type {import("node:net").LookupFunction} */
const lookupPublic = (name, options, done) => {
  lookup(name, { ...options, all: true }, (error, addresses) => {
    const allowed = (addresses ?? []).filter(({ address }) => isPublic(address));
    if (error ?? allowed.length === 0) return done(error ?? new Error("The name leads to no public address."), "", 0);
    if (options.all) return done(null, allowed);
    done(null, allowed[0]?.address ?? "", allowed[0]?.family);
  });
};

/**
 * Passes a script's request on; 502 where nothing public answers.
 * @param {import("miniflare").Request} request
 * @returns {Promise<import("miniflare").Response>}
 */
export async function passOn(request) {
  const url = new URL(request.url);
  const literal = url.hostname.replace(/^\[|\]$/g, "");
  if (isIP(literal) !== 0 && !isPublic(literal)) return new Response(null, { status: 502 });
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  // What is compressed stays so on its way, and the other end would not know.
  const headers = { ...Object.fromEntries(request.headers), "accept-encoding": "identity" };
  try {
    // The whole body is read before a connection is opened, so that no connection fails before it is awaited.
    const sent = request.body === null ? undefined : Buffer.from(await request.arrayBuffer());
    const onward = send(url, { method: request.method, headers, lookup: lookupPublic, signal: AbortSignal.timeout(MAX_MS) });
    const answered = once(onward, "response");
    onward.end(sent);
    const [answer] = /** @type {[import("node:http").IncomingMessage]} */ (await answered);
    // A connection that breaks from here on is an error of the answer, which its reader gets.
    onward.on("error", () => {});
    const status = answer.statusCode ?? 502;
    const body = [101, 204, 205, 304].includes(status) ? null : Readable.toWeb(answer);
    const pairs = Object.entries(answer.headersDistinct).flatMap(([name, values]) => (values ?? []).map((value) => /** @type {[string, string]} */ ([name, value])));
    return new Response(/** @type {any} */ (body), { status, headers: pairs });
  } catch {
    return new Response(null, { status: 502 });
  }
}
