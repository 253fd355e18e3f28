//! Names are the field's own: words that only this repository once used do not come back.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { inRoot } from "../../scripts/setup/paths.mjs";

const folders = ["src", "crates", "isolates", "scripts", "tests", "packages", "web"];
const names = execFileSync("git", ["ls-files", "-z", ...folders], { cwd: inRoot(), encoding: "utf8" })
  .split("\0")
  .filter((path) => /\.(rs|mjs|js|ts|tsx|vue)$/.test(path) && path !== "tests/tidy/words.test.ts" && existsSync(inRoot(path)))
  .map((path) => ({ path, text: readFileSync(inRoot(path), "utf8") }));

/** Names that are not used, and what is used instead. */
const banned: [word: RegExp, instead: string][] = [
  [/\b(un)?book(ed|ing|s)?_\w+|\bbook_oldest\b|\bunbooked\b/, "flush, pending usage"],
  [/\bHandover\b|\bhand_over\b/, "FinishedRun, submit"],
  [/\b[Cc]hores\b/, "maintenance"],
  [/\bVerdict\b|\bKeyFacts\b/, "Decision, KeyConfig"],
  [/\bOnce\b(?!Cell|Lock)|\bonce_storage\b|\bWatched\b/, "idempotency, InFlight"],
  [/\bRemembered\b/, "Recordable"],
  [/\bInUse\b|\bHeld\b/, "Lease"],
  [/\bTrouble\b|\bBroken\b/, "RunnerError, Interrupted"],
  [/\bTranscript\b/, "PartialOutput"],
  [/\bPayer\b|\bPaidBy\b|\bSeatAsked\b|\bWish\b/, "BillingKey, RunAs, JoinRequest, TokenRequest"],
  [/\b(hear|tell)_[a-z]+\b/, "on_*, broadcast_*"],
  [/\btalk_to_run\b/, "interactive_run"],
  [/\bring_by\b/, "schedule_alarm"],
  [/\bwithdraw(n|s|al)?(_\w+)?\b|\bWithdraw\w*/, "cancel_unstarted"],
  [/\bSandboxFailure\w*\b/, "PoolFailure"],
  [/\b(class|new) Talk\b/, "InteractiveClient, interactive run"],
  [/\bSeat\b|\bseat\b/, "RoomAccess, slot"],
  [/\bTurns\b/, "FifoLock, queue"],
  [/\b\w+(Manager|Helper|Util|Utils)\b/, "what it does"],
];

/** Words that hide the subject of a sentence, in code, comments, tests and pages. */
const vague = /\b(whoever|somebody|sees to it|is told of)\b/i;

describe("names are the field's", () => {
  for (const [word, instead] of banned) {
    test(`${instead}, not ${word.source}`, () => {
      const found = names.flatMap(({ path, text }) => text.split("\n").flatMap((line, index) => (word.test(line.replace(/\/\/.*/, "")) ? [`${path}:${index + 1}: ${line.trim()}`] : [])));
      assert.deepEqual(found, []);
    });
  }
});

test("prose names its subject", () => {
  const texts = execFileSync("git", ["ls-files", "-z"], { cwd: inRoot(), encoding: "utf8" })
    .split("\0")
    .filter((path) => /\.(rs|mjs|js|ts|tsx|vue|py|md|json|toml|sql)$/.test(path) && !/package-lock\.json$|^tests\/tidy\/words/.test(path) && existsSync(inRoot(path)))
    .map((path) => ({ path, text: readFileSync(inRoot(path), "utf8") }));
  const found = texts.flatMap(({ path, text }) => text.split("\n").flatMap((line, index) => (vague.test(line) ? [`${path}:${index + 1}: ${line.trim()}`] : [])));
  assert.deepEqual(found, []);
});
