//! Who may reach what of this Worker: the API's Worker through `Isolates`, scripts through `Host`, and the network,
//! which only a development machine has, with a secret.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./build/index.js";

const pass = ({ ctx, env }, request) => new Worker(ctx, env).fetch(request);

/** For the API's Worker, through a service binding. */
export class Isolates extends WorkerEntrypoint {
  fetch(request) {
    return pass(this, request);
  }
}

/** For scripts: a stub of it with a grant as its properties is all that an isolate gets. */
export class Host extends WorkerEntrypoint {
  fetch(request) {
    return this.ctx.props.run ? pass(this, request) : new Response(null, { status: 403 });
  }
}

const encoder = new TextEncoder();

function isSecret(given, secret) {
  const [one, other] = [given ?? "", `Bearer ${secret}`].map((text) => encoder.encode(text));
  return Boolean(secret) && one.length === other.length && crypto.subtle.timingSafeEqual(one, other);
}

/** For the network: without a secret in the deployment nobody gets in. */
export default class extends WorkerEntrypoint {
  fetch(request) {
    if (isSecret(request.headers.get("authorization"), this.env.ISOLATES_SECRET)) return pass(this, request);
    return Response.json({ code: "unauthorized", message: "Another secret is wanted." }, { status: 401 });
  }
}
