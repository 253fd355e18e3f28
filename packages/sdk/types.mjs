//! Makes the types of the API, `src/generated/api.ts`, of its OpenAPI document.

import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import openapiTs from "openapi-typescript";

const root = new URL("../../", import.meta.url);
const document = JSON.parse(readFileSync(new URL("crates/api/openapi.json", root), "utf8"));
const wanted = ["RunRequest", "RunResult", "StoredRun", "Artifact", "PendingRun", "UsageRun", "RunList", "ListedPendingRun", "ScriptRequest", "ScriptResult", "Script", "Validation", "RunTokenSettings", "RunToken"];
wanted.push("CreatedRoom", "RoomSettings", "RoomPage", "RoomTokenSettings", "RoomToken", "RoomProgram", "RoomRun", "Languages", "Health", "FieldError", "Problem");
wanted.push("SandboxSettings", "SandboxChange", "Sandbox", "SandboxPage", "ListedSandbox", "ExecRequest", "ExecResult", "ExecStreamEvent", "ExecuteRequest", "ExecuteResult");
wanted.push("ProcessStart", "Process", "ProcessStatus", "ProcessList", "ProcessLogs", "ProcessLogEvent", "ProcessWait", "WaitResult", "SessionSettings", "SandboxSession", "SessionList");
wanted.push("PortSettings", "ExposedPort", "PortList", "TerminalMessage");
wanted.push("SandboxExecutionPage", "SandboxFile", "FileListing");
wanted.push("ContextSettings", "CodeContext", "ContextList", "CodeRequest", "CodeRunRequest", "CodeResult", "CodeError", "CodeExecution", "CodeStreamEvent");
wanted.push("SnapshotSettings", "Snapshot", "SnapshotPage", "SnapshotRestore", "SnapshotDiff", "SnapshotChange", "BranchSettings");
wanted.push("MergeResult", "EnvNames", "SearchResult", "CheckoutRequest", "CheckoutResult");
wanted.push("WebhookMessage", "Repository", "FetchedRepository");
wanted.push("InputsRequest", "BatchRequest", "BatchResult", "BatchRun", "JudgeRequest", "JudgeTest", "JudgeResult", "JudgedTest", "JudgeVerdict");

/** The names of these schemas and of all that they refer to. @param {string[]} names */
function reachable(names) {
  const found = new Set();
  const visit = (/** @type {string} */ name) => {
    if (found.has(name)) return;
    found.add(name);
    for (const [, other = ""] of JSON.stringify(document.components.schemas[name]).matchAll(/#\/components\/schemas\/(\w+)/g)) visit(other);
  };
  names.forEach(visit);
  return found;
}

const schemas = Object.fromEntries([...reachable(wanted)].toSorted().map((name) => [name, document.components.schemas[name]]));
const text = await openapiTs({ openapi: document.openapi, info: document.info, paths: {}, components: { schemas } }, { exportType: false });
const named = wanted.map((name) => `export type ${name} = components["schemas"]["${name}"];`);
mkdirSync(new URL("src/generated/", import.meta.url), { recursive: true });

// A build that runs at the same time sees the types whole.
const file = new URL("src/generated/api.ts", import.meta.url);
const unfinished = new URL(`${file}.${process.pid}`);
writeFileSync(unfinished, `//! The types of the API, made of its OpenAPI document by types.mjs.\n\n${text}\n${named.join("\n")}\n`);
renameSync(unfinished, file);
