//! The run token of the playground: made with the session, for this origin, and in memory only.

import { call, type Schemas } from "../../api/client.ts";
import { at } from "../../api/projects.ts";

let current: { project: string; token: string; until: number } | undefined;

/** A token for the runs of a project. */
export async function runToken(project: string): Promise<string> {
  if (current?.project === project && Date.now() < current.until) return current.token;
  const settings = { origin: location.origin, limits: { allowNetwork: true, allowPackages: true } };
  const made = await call<Schemas["RunToken"]>("POST", `${at(project)}/tokens`, settings);
  // A minute early, because clocks differ.
  current = { project, token: made.token, until: Date.parse(made.expiresAt) - 60_000 };
  return made.token;
}

/** Forgets the token, which was refused. */
export function forgetToken(): void {
  current = undefined;
}
