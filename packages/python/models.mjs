//! Makes the types of the API, `src/docle/_models.py`, of its OpenAPI document. With `--check` it only says whether they are so.

import { readFileSync, writeFileSync } from "node:fs";

/** @typedef {{ $ref?: string, type?: string | string[], description?: string, properties?: Record<string, Schema>, required?: string[], items?: Schema, anyOf?: Schema[], oneOf?: Schema[], enum?: string[], const?: string, additionalProperties?: boolean | Schema }} Schema */

/** @type {Record<string, Schema>} */
const schemas = JSON.parse(readFileSync(new URL("../../crates/api/openapi.json", import.meta.url), "utf8")).components.schemas;
const file = new URL("src/docle/_models.py", import.meta.url);

/** What callers send, as dictionaries. */
const sent = ["RunRequest", "ScriptConfig", "RunTokenSettings", "RoomSettings", "RoomTokenSettings", "RoomProgram", "InputsRequest", "BatchRequest", "JudgeRequest"];
sent.push("SandboxSettings", "SandboxChange", "ExecRequest", "ExecuteRequest", "ProcessStart", "ProcessWait", "SessionSettings", "PortSettings", "ContextSettings", "CodeRequest", "CodeRunRequest", "BranchSettings");
/** What the service answers, as data classes. */
const answered = ["RunResult", "StoredRun", "PendingRun", "RunList", "ScriptResult", "Validation", "RunToken", "CreatedRoom", "RoomPage", "RoomToken", "RoomRun", "Languages", "Health", "FieldError", "BatchResult", "JudgeResult"];
answered.push("Sandbox", "SandboxPage", "ExecResult", "ExecuteResult", "SandboxExecutionPage", "SandboxFile", "FileListing", "Process", "ProcessList", "ProcessLogs", "WaitResult", "SandboxSession", "SessionList");
answered.push("ExposedPort", "PortList", "CodeContext", "ContextList", "CodeExecution", "Snapshot", "SnapshotPage", "SnapshotDiff");
/** What a data class has beside its fields. */
const bases = { CodeResult: "Formats" };
/** Names of fields that Python keeps for itself. */
const keywords = ["from"];

const refName = (/** @type {Schema} */ schema) => schema.$ref?.split("/").at(-1);
/** The name of a field in Python: `timeoutMs` is `timeout_ms`, `memoryMB` is `memory_mb`. */
const snake = (/** @type {string} */ name) => (keywords.includes(name) ? `${name}_` : name.replaceAll(/([a-z0-9])([A-Z])/g, "$1_$2").toLowerCase());
const quoted = (/** @type {string[]} */ values) => values.map((value) => JSON.stringify(value)).join(", ");
const schemaOf = (/** @type {string} */ name) => schemas[name] ?? {};

/** Alternatives of a schema, without null. @param {Schema} schema */
const alternatives = (schema) => (schema.anyOf ?? schema.oneOf ?? [schema]).filter((one) => one.type !== "null");
const isNullable = (/** @type {Schema} */ schema) => [schema.type].flat().includes("null") || (schema.anyOf ?? []).some((one) => one.type === "null");
/** The values of a schema that is a list of words, else undefined. @param {Schema} schema @returns {string[] | undefined} */
function words(schema) {
  if (schema.enum) return schema.enum;
  if (schema.const !== undefined) return [schema.const];
  const values = (schema.oneOf ?? []).map(words);
  return values.length > 0 && values.every((value) => value !== undefined) ? values.flat() : undefined;
}
const isObject = (/** @type {Schema} */ schema) => schema.type === "object" && schema.properties !== undefined;

/** The type of a value. @param {Schema} schema @returns {string} */
function typeOf(schema) {
  const name = refName(schema);
  if (name !== undefined) return name;
  const found = words(schema);
  if (found) return `Literal[${quoted(found)}]`;
  const several = alternatives(schema);
  if (several.length > 1) return `Union[${several.map(typeOf).join(", ")}]`;
  const [one = {}] = several;
  if (one !== schema) return typeOf(one);
  switch ([schema.type].flat().find((type) => type !== "null")) {
    case "string":
      return "str";
    case "integer":
      return "int";
    case "number":
      return "float";
    case "boolean":
      return "bool";
    case "array":
      return `List[${typeOf(schema.items ?? {})}]`;
    case "object":
      return `Dict[str, ${typeof schema.additionalProperties === "object" ? typeOf(schema.additionalProperties) : "Any"}]`;
    default:
      return "Any";
  }
}

/** The expression that reads a value, given the expression of its JSON. @param {Schema} schema @param {string} json @returns {string} */
function reader(schema, json) {
  const name = refName(schema);
  if (name !== undefined) return classes.includes(name) ? `${name}._read(${json})` : isRenamed(name) ? `_renamed(${json})` : json;
  if (schema.anyOf) return reader(alternatives(schema)[0] ?? {}, json);
  if (schema.items && reader(schema.items, "one") !== "one") return `[${reader(schema.items, "one")} for one in ${json}]`;
  return json;
}

/** The lines of a description. @param {string | undefined} text @param {string} indent */
function doc(text, indent) {
  if (!text) return [];
  const lines = text.replaceAll("\\", "\\\\").split("\n");
  return lines.length === 1 ? [`${indent}"""${lines[0]}"""`] : [`${indent}"""${lines[0]}`, ...lines.slice(1).map((line) => (line ? indent + line : "")), `${indent}"""`];
}

/** @param {string} name */
function dataClass(name) {
  const { description, properties = {}, required = [] } = schemaOf(name);
  // Where the API has a field in two spellings, both are one in Python.
  const once = Object.entries(properties).filter(([json], at, all) => all.findIndex(([other]) => snake(other) === snake(json)) === at);
  const fields = once.map(([json, schema]) => {
    const isOptional = !required.includes(json) || isNullable(schema);
    const type = typeOf(schema);
    const name = snake(json);
    const value = required.includes(json) ? `data[${JSON.stringify(json)}]` : `data.get(${JSON.stringify(json)})`;
    const isPlain = reader(schema, value) === value;
    const given = isOptional && !isPlain ? `None if (${name} := ${value}) is None else ${reader(schema, name)}` : reader(schema, value);
    return { name, annotation: isOptional && type !== "Any" ? `Optional[${type}]` : type, isOptional, description: schema.description, given };
  });
  // Fields that may be missing come last, as data classes ask.
  const sorted = [...fields.filter((field) => !field.isOptional), ...fields.filter((field) => field.isOptional)];
  return [
    "@dataclass(frozen=True)",
    `class ${name}${name in bases ? `(${bases[/** @type {keyof bases} */ (name)]})` : ""}:`,
    ...doc(description, "    "),
    "",
    ...sorted.flatMap((field) => [`    ${field.name}: ${field.annotation}${field.isOptional ? " = None" : ""}`, ...doc(field.description, "    ")]),
    "",
    "    @classmethod",
    `    def _read(cls, data: Dict[str, Any]) -> ${name}:`,
    "        return cls(",
    ...fields.map((field) => `            ${field.name}=${field.given},`),
    "        )",
  ];
}

/** @param {string} name */
function typedDict(name) {
  const { description, properties = {}, required = [] } = schemaOf(name);
  const field = ([json, schema] = /** @type {[string, Schema]} */ (["", {}])) => [`    ${snake(json)}: ${required.includes(json) ? `Required[${typeOf(schema)}]` : typeOf(schema)}`, ...doc(schema.description, "    ")];
  return [`class ${name}(TypedDict, total=False):`, ...doc(description, "    "), "", ...Object.entries(properties).flatMap(field)];
}

/** Every schema that these refer to, each after those that it refers to. @param {string[]} names */
function reachable(names) {
  /** @type {string[]} */
  const found = [];
  const visit = (/** @type {string} */ name) => {
    if (found.includes(name)) return;
    for (const [, other = ""] of JSON.stringify(schemaOf(name)).matchAll(/#\/components\/schemas\/(\w+)/g)) visit(other);
    if (!found.includes(name)) found.push(name);
  };
  names.forEach(visit);
  return found;
}

const inAnswers = reachable(answered);
const inRequests = reachable(sent);
const both = inRequests.filter((name) => inAnswers.includes(name) && isObject(schemaOf(name)));
// A part of a request that an answer repeats is a data class there; callers send dictionaries.
const dictionaries = inRequests.filter((name) => isObject(schemaOf(name)) && !both.includes(name));
const classes = inAnswers.filter((name) => isObject(schemaOf(name)) && !both.includes(name));
/** Whether a part of a request that an answer repeats has other names in Python. @param {string} name */
const isRenamed = (name) => both.includes(name) && Object.keys(schemaOf(name).properties ?? {}).some((json) => snake(json) !== json);
const aliases = [...new Set([...inRequests, ...inAnswers])].filter((name) => !isObject(schemaOf(name)));

/** Fields whose name in JSON is not the one in Python. */
const names = Object.fromEntries([...new Set(inRequests.flatMap((name) => Object.keys(schemaOf(name).properties ?? {})))].filter((json) => snake(json) !== json).map((json) => [snake(json), json]).toSorted());

const lines = [
  '"""The types of the API, made of its OpenAPI document by models.mjs."""',
  "",
  "from __future__ import annotations",
  "",
  "from dataclasses import dataclass",
  "from typing import TYPE_CHECKING, Any, Dict, List, Literal, Optional, TypedDict, Union",
  "",
  "if TYPE_CHECKING:",
  "    from typing_extensions import Required",
  "",
  ...[...new Set(Object.values(bases))].map((base) => `from ._${snake(base)} import ${base}`),
  "",
  ...aliases.map((name) => `${name} = ${typeOf(schemaOf(name))}`),
  "",
  "NAMES: Dict[str, str] = {",
  ...Object.entries(names).map(([python, json]) => `    ${JSON.stringify(python)}: ${JSON.stringify(json)},`),
  "}",
  '"""The names of fields in requests, where the one in JSON is another one."""',
  "",
  "",
  "def _renamed(data: Dict[str, Any]) -> Any:",
  '    """A part of a request that an answer repeats, with the names that requests have in Python."""',
  "    return {next((python for python, json in NAMES.items() if json == name), name): value for name, value in data.items()}",
  ...[...both, ...dictionaries].flatMap((name) => ["", "", ...typedDict(name)]),
  ...classes.flatMap((name) => ["", "", ...dataClass(name)]),
];
const text = `${lines.join("\n")}\n`;
if (!process.argv.includes("--check")) writeFileSync(file, text);
else if (readFileSync(file, "utf8") !== text) {
  console.error("src/docle/_models.py is not what models.mjs makes: run node models.mjs");
  process.exitCode = 1;
}
