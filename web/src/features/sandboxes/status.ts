//! The states of a sandbox in words, with their dots; and its languages.

import type { ListedSandbox } from "@doclehq/sdk/sandboxes";

export type Status = ListedSandbox["status"];

const STATUSES: Record<Status, [word: string, dot: string, tag: string]> = {
  creating: ["Starting", "accent pulse", "accent"],
  running: ["Running", "ok", "ok"],
  sleeping: ["Sleeping", "hollow", ""],
  waking: ["Starting", "accent pulse", "accent"],
  failed: ["Failed", "bad", "bad"],
  deleting: ["Being deleted", "hollow", ""],
};

export const wordOf = (status: Status) => STATUSES[status]?.[0] ?? status;
export const dotOf = (status: Status) => STATUSES[status]?.[1] ?? "hollow";
export const tagOf = (status: Status) => STATUSES[status]?.[2] ?? "";

/** Whether a state is about to become another one. */
export const isPassing = (status: Status) => status === "creating" || status === "waking" || status === "deleting";

/** The names of the languages; the API has their ids. */
const NAMES: Record<string, string> = { python: "Python", node: "JavaScript", bash: "Bash", perl: "Perl", lua: "Lua", php: "PHP", ruby: "Ruby", c: "C", cpp: "C++", go: "Go", java: "Java", rust: "Rust" };

export const languageName = (id: string) => NAMES[id] ?? id;
