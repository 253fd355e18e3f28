//! The Worker under conditions of production, which tests/production/conditions.mjs makes.

import { inRoot } from "../../scripts/setup/paths.mjs";
import { Platform } from "./platform.ts";

export type Kind = "d1" | "kv" | "object";

export interface Conditions {
  /** Milliseconds that calls of a kind take, from … to. */
  delays?: Partial<Record<Kind, [number, number]>>;
  /** Calls of a kind whose text (SQL, "put key", or the call of an object as JSON) has `match` fail so many times. */
  faults?: { kind: Kind; match: string; fail: "before" | "after"; times: number }[];
  /** How long work lasts that was handed to `waitUntil`, in milliseconds. */
  waitUntilMs?: number;
}

export interface Call {
  kind: Kind;
  text: string;
}

/** A database as slow as one at the other end of a continent. */
export const SLOW: Conditions = { delays: { d1: [15, 75] } };

/** Starts the platform so that its conditions can be changed. */
export const startUnderConditions = () => Platform.start({}, undefined, inRoot("tests", "production", "conditions.mjs"));

/** Makes conditions hold from now on, in place of those before. */
export async function make(platform: Platform, conditions: Conditions): Promise<void> {
  await platform.fetch("/conditions", { method: "PUT", body: JSON.stringify(conditions) });
}

/** What was called since the conditions changed. */
export async function calls(platform: Platform, kind: Kind): Promise<string[]> {
  const all = (await (await platform.fetch("/conditions")).json()) as Call[];
  return all.filter((call) => call.kind === kind).map(({ text }) => text);
}
