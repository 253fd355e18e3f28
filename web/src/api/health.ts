//! Whether the service works, as it says itself.

import { shallowRef } from "vue";
import { call, type Schemas } from "./client.ts";

export type Health = Schemas["Health"];

/** What the service said last; null where it did not answer. */
export const health = shallowRef<Health | null>();

/** Asks the service. */
export async function loadHealth(): Promise<void> {
  health.value = await call<Health>("GET", "/health").catch(() => null);
}

/** Its state in words. */
export function healthText(): string {
  if (health.value === undefined) return "Checking the service";
  if (health.value === null) return "The service does not answer";
  return health.value.status === "ok" ? "All systems normal" : "Programs do not run at the moment";
}
