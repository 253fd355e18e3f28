//! The parts of `npm test`: each runs, hands on what it prints, and counts.

import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { wranglerEnv } from "../setup/development.mjs";
import { Missing } from "../setup/missing.mjs";
import { installPackageTools, installSitePackages } from "../setup/packages.mjs";
import { whyNoApt } from "../languages/apt.mjs";
import { findEngine } from "../containers/engine.mjs";
import { buildImages } from "../containers/images.mjs";
import { inRoot, node, own, root, tsc, wrangler } from "../setup/paths.mjs";

/**
 * @typedef {{ passed: number, failed: number }} Count
 * @typedef {(text: string) => void} Out takes what a part prints
 *
 * A part of the tests. `needs` says what is missing for it. Parts of the lanes of a stage run side by side, those of one lane in
 * turn, and a part without a lane runs alone, after all stages; `ahead` is what such a part can have done for it in a lane.
 * @typedef {object} Part
 * @property {string} name
 * @property {(out: Out) => Promise<Count>} run
 * @property {() => Promise<string | undefined>} [needs]
 * @property {Lane} [lane]
 * @property {{ lane: Lane, run: () => Promise<unknown> }} [ahead]
 *
 * @typedef {"cargo" | "others" | "clients" | "pages"} Lane
 */

/**
 * The lanes of each stage. Cargo lets no two of its commands compile at once, so they have a lane of their own. Tests that wait for
 * a service most of their time, and neither count processes nor attack the machine, share it with one another.
 * @type {Lane[][]}
 */
export const STAGES = [["cargo", "others"], ["clients", "pages"]];

/**
 * Runs a command. Answers with its exit code and what it printed.
 * @param {Out} out @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} [env]
 * @returns {Promise<{ code: number, output: string }>}
 */
function show(out, command, args, env) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const from of [child.stdout, child.stderr]) from.setEncoding("utf8").on("data", (text) => ((output += text), out(text)));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output }));
  });
}

/** A part that either holds or does not. @param {Lane} lane @param {string} name @param {string} command @param {string[]} args @param {NodeJS.ProcessEnv} [env] @returns {Part} */
function check(lane, name, command, args, env) {
  const run = async (/** @type {Out} */ out) => ((await show(out, command, args, env)).code === 0 ? { passed: 1, failed: 0 } : { passed: 0, failed: 1 });
  return { name, lane, run };
}

const cargoTest = ["test", "--workspace", "--no-fail-fast", "--quiet"];

/** Rust's tests, natively. @type {Part} */
const rustTests = {
  name: "Rust tests",
  // Compiled beside other parts. Where that fails, it fails again in sight.
  ahead: { lane: "cargo", run: () => show(() => {}, "cargo", [...cargoTest, "--no-run"]) },
  async run(out) {
    const { code, output } = await show(out, "cargo", cargoTest);
    const results = Array.from(output.matchAll(/test result: \w+\. (\d+) passed; (\d+) failed/g));
    const sum = (/** @type {number} */ group) => results.reduce((total, result) => total + Number(result[group]), 0);
    const [passed, failed] = [sum(1), sum(2)];
    // A crate that does not compile has no result to count.
    return { passed, failed: code !== 0 && failed === 0 ? 1 : failed };
  },
};

/** Runs tests in TypeScript by Node's own runner. @param {Out} out @param {NodeJS.ProcessEnv} env @param {string[]} files @returns {Promise<Count>} */
async function runTests(out, env, files) {
  mkdirSync(own, { recursive: true });
  const totals = join(mkdtempSync(join(own, "tally-")), "totals.json");
  const reporters = ["--test-reporter=spec", "--test-reporter-destination=stdout"];
  reporters.push("--test-reporter=./scripts/test/tally.mjs", `--test-reporter-destination=${totals}`);
  // One file at a time: each starts a runtime and a runner, and some of them count processes. The longest takes four minutes; one that
  // hangs must not keep the others from being run and told.
  const { code } = await show(out, node, ["--test", "--test-concurrency=1", "--test-timeout=600000", ...reporters, ...files], { ...wranglerEnv, ...env });
  const counted = existsSync(totals) ? /** @type {Count} */ (JSON.parse(readFileSync(totals, "utf8") || '{"passed":0,"failed":1}')) : { passed: 0, failed: 1 };
  rmSync(dirname(totals), { recursive: true });
  return code !== 0 && counted.failed === 0 ? { ...counted, failed: 1 } : counted;
}

/** Tests in TypeScript. @param {string} name @param {...string} files @returns {Part} */
const nodeTests = (name, ...files) => ({ name, run: (out) => runTests(out, {}, files) });

/** Tests in TypeScript that run beside those of the other lanes. @param {Lane} lane @param {string} name @param {...string} files @returns {Part} */
const besideOthers = (lane, name, ...files) => ({ ...nodeTests(name, ...files), lane });

/** What a test against real containers lacks here, in a sentence; its images are built on the way. */
async function findContainers() {
  const engine = await findEngine();
  if (engine.missing !== undefined) return engine.missing;
  try {
    await buildImages(engine.docker);
  } catch (error) {
    if (error instanceof Missing) return error.message;
    throw error;
  }
  return undefined;
}

/** What a test of the further languages lacks here, in a sentence; they are installed on the way. @returns {Promise<string | undefined>} */
async function findLanguages() {
  const missing = whyNoApt();
  if (missing !== undefined) return missing;
  const { code, output } = await show(() => {}, process.execPath, [inRoot("scripts", "languages.mjs")]);
  return code === 0 ? undefined : output.trim().split("\n").at(-1);
}

/** @type {Promise<string | undefined> | undefined} */
let foundLanguages;
const languages = () => (foundLanguages ??= findLanguages());

/** @type {Promise<string | undefined> | undefined} */
let found;
const containers = () => (found ??= findContainers());

/** Tests in TypeScript that run against real containers. @param {string} name @param {NodeJS.ProcessEnv} env @param {...string} files @returns {Part} */
const containerTests = (name, env, ...files) => ({ name, run: (out) => runTests(out, env, files), needs: containers, ahead: { lane: "others", run: containers } });

// What users see of a run is the same wherever it runs, so it is the same tests.
const conformance = ["run", "stream", "interactive", "idempotency", "isolation", "load", "verify"].map((name) => `tests/runs/${name}.test.ts`);

// Without a Docker engine wrangler cannot build the container's image, not even in a dry run, so the Worker's half is
// what is checked here: bundle, bindings, migrations and the container's settings. The image is checked where it can be.
const dryRun = (/** @type {string} */ name, /** @type {string} */ environment, /** @type {string} */ worker = ".") => {
  const config = inRoot(worker, "wrangler.toml");
  return check("others", `Dry-run deployment: ${name}`, node, [wrangler, "deploy", "--dry-run", "--containers-rollout=none", "--config", config, "--env", environment], wranglerEnv);
};

/** The packages that people install. @type {Part} */
const packages = {
  name: "Packages",
  lane: "clients",
  async run(out) {
    await installPackageTools();
    const { passed, failed } = await runTests(out, {}, ["packages/tests/*.test.ts"]);
    // The tests build the packages, and with them the types that are made of the API's description.
    const types = await show(out, node, [tsc, "--project", inRoot("packages")]);
    return types.code === 0 ? { passed: passed + 1, failed } : { passed, failed: failed + 1 };
  },
};

/** The website: its types, and what it does in a browser. @type {Part} */
const site = {
  name: "Web",
  lane: "pages",
  async run(out) {
    await installSitePackages();
    const made = await show(out, node, [inRoot("web", "types.mjs")]);
    const sdk = await show(out, node, [inRoot("packages", "sdk", "types.mjs")]);
    const types = await show(out, node, [inRoot("web", "node_modules", "vue-tsc", "bin", "vue-tsc.js"), "--noEmit", "--project", inRoot("web")]);
    const { passed, failed } = await runTests(out, {}, ["tests/web/*.test.ts"]);
    return made.code + sdk.code + types.code === 0 ? { passed: passed + 1, failed } : { passed, failed: failed + 1 };
  },
};

const wasm = ["--target", "wasm32-unknown-unknown"];

/** @type {Part[]} */
export const parts = [
  check("others", "Types of scripts and tests", node, [tsc]),
  besideOthers("others", "The tree", "tests/tidy/*.test.ts"),
  check("cargo", "Rust format", "cargo", ["fmt", "--all", "--check"]),
  check("cargo", "Rust lints", "cargo", ["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
  check("cargo", "Rust lints, WebAssembly", "cargo", ["clippy", "-p", "docle", "-p", "docle-isolates", "--quiet", ...wasm, "--", "-D", "warnings"]),
  dryRun("development", ""),
  dryRun("staging", "staging"),
  dryRun("production", "production"),
  dryRun("isolates, development", "", "isolates"),
  dryRun("isolates, staging", "staging", "isolates"),
  dryRun("isolates, production", "production", "isolates"),
  { ...check("others", "Dry-run deployment, with its image", node, [inRoot("scripts", "deploy.mjs"), "staging", "--dry-run"], wranglerEnv), needs: containers },
  rustTests,
  nodeTests("End to end", "tests/runs/*.test.ts", "tests/start/*.test.ts", "tests/docs/*.test.ts"),
  containerTests("End to end, in containers", { DOCLE_BACKEND: "containers" }, ...conformance),
  containerTests("Containers", {}, "tests/containers/*.test.ts"),
  packages,
  besideOthers("clients", "Platform", "tests/platform/*.test.ts"),
  besideOthers("clients", "Production", "tests/production/*.test.ts"),
  besideOthers("clients", "Isolates", "tests/isolates/*.test.ts"),
  site,
  besideOthers("pages", "Embed", "tests/embed/*.test.ts"),
  besideOthers("pages", "Rooms", "tests/rooms/*.test.ts"),
  nodeTests("Warm starts are like cold ones", "tests/conformance/*.test.ts"),
  nodeTests("Terminals", "tests/terminals/*.test.ts"),
  nodeTests("Persistent sandboxes", "tests/sandboxes/*.test.ts"),
  nodeTests("Hostile programs", "tests/hostile/*.test.ts"),
  { ...nodeTests("Languages", "tests/languages/*.test.ts"), needs: languages, ahead: { lane: "others", run: languages } },
];
