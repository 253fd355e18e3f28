//! `docle sandbox cp`: files and folders, from this machine into a sandbox and back.

import { chmodSync, createReadStream, createWriteStream, mkdirSync, readdirSync, statSync } from "node:fs";
import { basename, join } from "node:path";
import { posix } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream } from "node:stream/web";
import { DocleError, type Sandbox, type SandboxFile, type Sandboxes } from "@doclehq/sdk/sandboxes";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { say } from "./output.ts";

/** A place in a sandbox: an id or a key, and a path. */
const PLACE = /^(sbx_[a-z2-7]+|key:[\w.-]+):(.*)$/s;
/** The bits by which a file is a program. */
const EXECUTABLE = 0o111;

/** A place in a sandbox. */
interface Place {
  sandbox: Sandbox;
  path: string;
}

/** Copies what the operands name to the last of them. */
export async function copy(sandboxes: Sandboxes, { operands }: CommandLine): Promise<number> {
  const places = operands.map((text) => ({ text, match: PLACE.exec(text) }));
  const to = places.pop();
  if (to === undefined || places.length === 0) throw new Failure("Say what to copy, and where to: docle sandbox cp main.py <sandbox>:/workspace", USAGE);
  const isInto = to.match !== null;
  if (places.some(({ match }) => (match !== null) === isInto)) throw new Failure("One side of a copy is <sandbox>:<path>, with an id or key:<key>, and the other one is on this machine.", USAGE);
  const open = async (match: RegExpExecArray): Promise<Place> => ({ sandbox: await sandboxes.get(match[1] ?? ""), path: match[2] || "." });
  if (to.match !== null) {
    const target = await open(to.match);
    for (const { text } of places) await upload(text, target, places.length > 1);
  } else {
    for (const { match } of places) if (match !== null) await download(await open(match), to.text, places.length > 1);
  }
  return 0;
}

/** Copies a file or a folder of this machine. Into a directory that is there it comes under its own name. */
async function upload(from: string, { sandbox, path }: Place, several: boolean): Promise<void> {
  const stat = statSync(from, { throwIfNoEntry: false });
  if (stat === undefined) throw new Failure(`${from} does not exist.`, USAGE);
  const there = await found(sandbox, path);
  const isInside = several || path.endsWith("/") || there?.type === "directory";
  // `.` and `..` have no name: their content is copied.
  const name = basename(from).replace(/^\.{1,2}$/, "");
  const target = isInside ? posix.join(path, name) : path;
  if (stat.isDirectory()) await uploadFolder(from, sandbox, target);
  else if (stat.isFile()) await uploadFile(from, sandbox, target);
  else throw new Failure(`${from} is neither a file nor a folder.`, USAGE);
}

async function uploadFolder(from: string, sandbox: Sandbox, target: string): Promise<void> {
  await sandbox.files.mkdir(target, { recursive: true });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const [file, path] = [join(from, entry.name), posix.join(target, entry.name)];
    if (entry.isDirectory()) await uploadFolder(file, sandbox, path);
    else if (entry.isFile()) await uploadFile(file, sandbox, path);
    else say(`${file} is left out: it is neither a file nor a folder.`);
  }
}

async function uploadFile(from: string, sandbox: Sandbox, target: string): Promise<void> {
  await sandbox.files.write(target, Readable.toWeb(createReadStream(from)) as globalThis.ReadableStream<Uint8Array>);
  if ((statSync(from).mode & EXECUTABLE) !== 0) await sandbox.files.chmod(target, "755");
}

/** What a path of a sandbox is; undefined if it is nothing. */
async function found(sandbox: Sandbox, path: string): Promise<SandboxFile | undefined> {
  try {
    return (await sandbox.files.list(path)).entry;
  } catch (error) {
    if (error instanceof DocleError && error.code === "file_not_found") return undefined;
    throw error;
  }
}

/** Copies a file or a directory of a sandbox. Into a folder that is there it comes under its own name. */
async function download({ sandbox, path }: Place, to: string, several: boolean): Promise<void> {
  const { entry } = await sandbox.files.list(path);
  const isInside = several || to.endsWith("/") || statSync(to, { throwIfNoEntry: false })?.isDirectory() === true;
  const target = isInside ? join(to, nameOf(entry)) : to;
  if (isInside) mkdirSync(to, { recursive: true });
  if (entry.type === "directory") await downloadFolder(sandbox, entry.path, target);
  else await downloadFile(sandbox, entry, target);
}

async function downloadFolder(sandbox: Sandbox, from: string, to: string): Promise<void> {
  mkdirSync(to, { recursive: true });
  const { entries = [], more } = await sandbox.files.list(from);
  for (const entry of entries) {
    // Links are left out: they may lead anywhere.
    if (entry.path64 !== undefined || (entry.type !== "directory" && entry.type !== "file")) say(`${entry.path} is left out: it is ${entry.path64 === undefined ? "neither a file nor a directory" : "no name in UTF-8"}.`);
    else if (entry.type === "directory") await downloadFolder(sandbox, entry.path, join(to, nameOf(entry)));
    else await downloadFile(sandbox, entry, join(to, nameOf(entry)));
  }
  if (more) throw new Failure(`${from} has more than ${entries.length} entries, of which these were copied. Pack it with tar in the sandbox, and copy that file.`);
}

async function downloadFile(sandbox: Sandbox, { path, mode }: SandboxFile, to: string): Promise<void> {
  await pipeline(Readable.fromWeb((await sandbox.files.stream(path)) as ReadableStream<Uint8Array>), createWriteStream(to));
  if ((Number.parseInt(mode, 8) & EXECUTABLE) !== 0) chmodSync(to, statSync(to).mode | EXECUTABLE);
}

/** The name of an entry, which comes from a sandbox: it must not lead out of the folder. */
function nameOf({ name }: SandboxFile): string {
  if (name === "" || name === "." || name === ".." || /[/\\\0]/.test(name)) throw new Failure(`The sandbox has a file ${JSON.stringify(name)}, which cannot be copied to this machine.`);
  return name;
}
