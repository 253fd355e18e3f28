//! Who is signed in.

import { shallowRef } from "vue";
import { ApiError, call, type Schemas } from "./client.ts";

export type Account = Schemas["Account"];

/** The account; null where nobody is signed in, undefined where that is not known yet. */
export const account = shallowRef<Account | null>();

/** Asks who is signed in. */
export async function loadAccount(): Promise<void> {
  try {
    account.value = await call<Account>("GET", "/auth/me");
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 401) throw error;
    account.value = null;
  }
}

/** Ends the session. */
export async function signOut(): Promise<void> {
  await call("POST", "/auth/logout");
  account.value = null;
}
