//! The further languages in tests: whether they are installed, and their programs.

import { spawnSync } from "node:child_process";
import { whyNoApt } from "../../scripts/languages/apt.mjs";
import { installed } from "../../scripts/languages/tree.mjs";
import { inRoot } from "../../scripts/setup/paths.mjs";

/** The languages that tests run, beside the machine's own. */
export const LANGUAGES = ["bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"];

/** Why the languages cannot be tested here, in a sentence; undefined where they are installed, which this does on the way. */
export function whyNoLanguages(): string | undefined {
  const missing = whyNoApt();
  if (missing !== undefined) return missing;
  const absent = () => LANGUAGES.filter((id) => installed()[id] === undefined);
  if (absent().length === 0) return undefined;
  const { stderr } = spawnSync(process.execPath, [inRoot("scripts", "languages.mjs"), ...LANGUAGES], { encoding: "utf8", stdio: ["ignore", "inherit", "pipe"] });
  return absent().length === 0 ? undefined : `${absent().join(", ")} could not be installed: ${stderr.trim()}`;
}
