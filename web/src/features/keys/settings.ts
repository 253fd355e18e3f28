//! The settings of a key as a form has them: what is wrong with them, and the request that they make. The server checks them again.

import type { Schemas } from "../../api/client.ts";
import type { Key } from "../../api/projects.ts";
import { count } from "../../format.ts";

/** What a key is for; `url` is a secret key that may stand in URLs. */
export type Kind = "secret" | "publishable" | "management" | "url";
/** The most that a run with a publishable key may use. */
export type Limits = Required<Schemas["PublishableLimits"]>;

/** A form. */
export interface Draft {
  name: string;
  rate: number;
  domains: string[];
  /** When it ends: `keep` as it was, `never`, a number of days from now, or `date`. */
  end: string;
  /** The day of `date`, as fields for dates have it: the key ends with this day, in UTC. */
  date: string;
  limits: Limits;
}

const DAY_MS = 86_400_000;
const MOST_RATE = { secret: 10_000, publishable: 10_000, management: 10_000, url: 60 };
/** The longest life in days, where a key must have an end. */
export const MOST_DAYS: Partial<Record<Kind, number>> = { management: 365, url: 90 };
const USUAL_LIMITS: Limits = { timeoutMs: 10_000, memoryMB: 256, networkRateLimitPerMinute: 10, allowNetwork: false, allowPackages: false };

/** The choices of an end. */
export const ENDS: [value: string, title: string][] = [["never", "Never"], ["30", "In 30 days"], ["90", "In 90 days"], ["365", "In a year"], ["date", "On a date"]];
/** Those that a kind of keys may have. */
export const endsOf = (kind: Kind) => ENDS.filter(([value]) => MOST_DAYS[kind] === undefined || (value !== "never" && !(Number(value) > (MOST_DAYS[kind] ?? 0))));

/** What the form of a new key begins with. */
export const freshDraft = (): Draft => ({ name: "API key", rate: 60, domains: [], end: "never", date: "", limits: { ...USUAL_LIMITS } });

/** What the form of a key begins with. */
export function draftOf(key: Key): Draft {
  return { name: key.name, rate: key.rate_limit_per_minute, domains: [...key.allowed_domains], end: "keep", date: "", limits: { ...USUAL_LIMITS, ...key.limits } };
}

/** What a key is for. */
export const kindOf = (key: Key): Kind => (key.allow_in_url ? "url" : key.type);

const LABEL = /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/;
/** Whether a text is a host as the list of domains has it: `app.example.com`, or `*.example.com`. */
export const isHost = (text: string) => text.length <= 253 && text.replace(/^\*\./, "").split(".").every((label) => LABEL.test(label));

/** When a form's key ends; undefined where the form keeps what is there, null for never. */
export function endOf({ end, date }: Draft, now: number): string | null | undefined {
  if (end === "keep") return undefined;
  if (end === "never") return null;
  return end === "date" ? `${date}T23:59:59Z` : new Date(now + Number(end) * DAY_MS).toISOString();
}

/** What is wrong with a form, by the names of the API's fields. */
export function problemsOf(draft: Draft, kind: Kind, now: number): Record<string, string> {
  const found: Record<string, string> = {};
  const whole = (value: number, most: number) => Number.isInteger(value) && value >= 1 && value <= most;
  if (draft.name.trim() === "") found["name"] = "A name for the key";
  if (!whole(draft.rate, MOST_RATE[kind])) found["rateLimitPerMinute"] = kind === "url" ? `A key in URLs lets through at most ${MOST_RATE.url} calls per minute` : `A whole number from 1 to ${count(MOST_RATE[kind])}`;
  if (kind === "publishable") {
    if (draft.domains.length === 0) found["allowedDomains"] = "A publishable key names the hosts of its pages";
    if (!whole(draft.limits.networkRateLimitPerMinute, 10_000)) found["limits.networkRateLimitPerMinute"] = "A whole number from 1 to 10,000";
  }
  const end = endOf(draft, now);
  const at = typeof end === "string" ? Date.parse(end) : undefined;
  const days = MOST_DAYS[kind];
  if (at !== undefined && !(at > now)) found["expiresAt"] = "A day to come";
  else if (days !== undefined && (end === null || (at !== undefined && at > now + days * DAY_MS))) found["expiresAt"] = `At most ${days} days from now`;
  return found;
}

/** The settings that a new key gets. */
export function newSettings(draft: Draft, kind: Kind, now: number): Schemas["KeySettings"] {
  const settings = { name: draft.name.trim(), rateLimitPerMinute: draft.rate, expiresAt: endOf(draft, now) ?? null };
  if (kind === "management") return { ...settings, type: kind };
  if (kind === "publishable") return { ...settings, type: kind, allowedDomains: draft.domains, limits: draft.limits };
  return { ...settings, type: "secret", allowedDomains: draft.domains, ...(kind === "url" ? { allowInUrl: true } : {}) };
}

/** What a form changes of a key: only these settings are sent, so what another window has changed stays. */
export function changesOf(draft: Draft, key: Key, now: number): Schemas["KeySettings"] {
  const before = draftOf(key);
  const end = endOf(draft, now);
  const differs = (one: unknown, other: unknown) => JSON.stringify(one) !== JSON.stringify(other);
  const limits = Object.entries(draft.limits).filter(([name, value]) => value !== before.limits[name as keyof Limits]);
  return {
    ...(draft.name.trim() === before.name ? {} : { name: draft.name.trim() }),
    ...(draft.rate === before.rate ? {} : { rateLimitPerMinute: draft.rate }),
    ...(differs(draft.domains.toSorted(), before.domains.toSorted()) ? { allowedDomains: draft.domains } : {}),
    ...(end === undefined ? {} : { expiresAt: end }),
    ...(limits.length === 0 || key.type !== "publishable" ? {} : { limits: Object.fromEntries(limits) }),
  };
}
