//! The entry points of the isolate Worker: `Isolates` for the API's Worker, `Host` for scripts, and the default one for HTTP
//! on a development machine, which needs a secret.

import { WorkerEntrypoint } from "cloudflare:workers";
import Worker from "./build/index.js";

const forward = ({ ctx, env }, request) => new Worker(ctx, env).fetch(request);

/** The API's Worker reaches it through a service binding. */
export class Isolates extends WorkerEntrypoint {
  fetch(request) {
    return forward(this, request);
  }
}

/** Scripts reach it through a stub, whose properties are the grant. An isolate gets no other binding. */
export class Host extends WorkerEntrypoint {
  fetch(request) {
    return this.ctx.props.run ? forward(this, request) : new Response(null, { status: 403 });
  }
}

const encoder = new TextEncoder();

function isSecret(given, secret) {
  const [one, other] = [given ?? "", `Bearer ${secret}`].map((text) => encoder.encode(text));
  return Boolean(secret) && one.length === other.length && crypto.subtle.timingSafeEqual(one, other);
}

/** HTTP clients reach it with the deployment's secret. A deployment without a secret refuses every request. */
export default class extends WorkerEntrypoint {
  fetch(request) {
    if (isSecret(request.headers.get("authorization"), this.env.ISOLATES_SECRET)) return forward(this, request);
    return Response.json({ code: "unauthorized", message: "The secret is missing or wrong." }, { status: 401 });
  }
}
