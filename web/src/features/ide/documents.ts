//! The open files: what stands in the sandbox, and what was typed. What was typed is never lost: it stays in this browser until it is saved.

import type { Sandbox, SandboxFile } from "@doclehq/sdk/sandboxes";
import { computed, type Ref, ref, type ShallowRef } from "vue";
import { ApiError, sentenceOf } from "../../api/client.ts";
import { forget, keep, kept } from "../../storage.ts";
import { called } from "../sandboxes/client.ts";
import { absolute, isWithin } from "./tree.ts";

/** The largest file that is edited, in bytes. */
const MAX_BYTES = 1_048_576;

/** An open file. */
export interface Document {
  /** Stays when it gets another path. */
  id: number;
  path: string;
  state: "loading" | "text" | "bytes" | "failed";
  /** Why there is nothing to edit. */
  reason: string;
  text: string;
  /** What the sandbox has; undefined where it has no such file. */
  saved: string | undefined;
  modifiedAt: string | undefined;
  isSaving: boolean;
  /** Why it could not be saved. */
  problem: string | undefined;
  /** Whether the file has changed in the sandbox since it was loaded. */
  isConflict: boolean;
}

/** The text of bytes; undefined where they are none. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes("\0") ? undefined : text;
  } catch {
    return undefined;
  }
}

/** What was typed into a file, and what the file had been before. */
interface Draft {
  text: string;
  base: string | undefined;
}

/** What was typed and not saved, by path; in this browser. */
function drafts(id: string) {
  const name = `draft.${id}`;
  const read = (): Record<string, Draft> => {
    try {
      const found: unknown = JSON.parse(kept(name) ?? "{}");
      return typeof found === "object" && found !== null ? (found as Record<string, Draft>) : {};
    } catch {
      return {};
    }
  };
  const write = (all: Record<string, Draft>) => (Object.keys(all).length === 0 ? (forget(name), true) : keep(name, JSON.stringify(all)));
  return {
    of: (path: string): Draft | undefined => (Object.hasOwn(read(), path) ? read()[path] : undefined),
    set: (path: string, draft: Draft) => write({ ...read(), [path]: draft }),
    drop: (path: string) => write(Object.fromEntries(Object.entries(read()).filter(([one]) => one !== path))),
  };
}

/** The open files of a sandbox. `lost` is called when this browser keeps no more of what is typed. */
export function useDocuments(sandbox: ShallowRef<Sandbox | undefined>, lost: () => void) {
  const documents: Ref<Document[]> = ref([]);
  const chosen = ref<string>();
  const at = (path: string) => documents.value.find((one) => one.path === path);
  const isChanged = (one: Document) => one.state === "text" && one.text !== one.saved;
  const changed = computed(() => documents.value.filter(isChanged).map(({ path }) => path));
  /** Whether what was typed is kept by this page alone. */
  let isFull = false;
  let nextId = 0;

  const files = () => {
    if (sandbox.value === undefined) throw new ApiError(404, { code: "sandbox_not_found" }, undefined);
    return sandbox.value.files;
  };
  const draft = () => drafts(sandbox.value?.id ?? "");
  const stat = (path: string): Promise<SandboxFile> => called(files().list(absolute(path))).then(({ entry }) => entry);

  async function read(one: Document): Promise<void> {
    const { path } = one;
    const entry = await stat(path);
    if (entry.type === "directory") return void Object.assign(one, { state: "bytes", reason: "It is a folder." });
    if (entry.size > MAX_BYTES) return void Object.assign(one, { state: "bytes", reason: "It is larger than 1 MiB." });
    const text = textOf(await called(files().read(absolute(path))));
    if (text === undefined) return void Object.assign(one, { state: "bytes", reason: "It is no text." });
    Object.assign(one, { state: "text", text, saved: text, modifiedAt: entry.modifiedAt, isConflict: false, problem: undefined });
  }
  /** Opens a file, or brings it to the front. What was typed into it before and not saved is there again. */
  async function open(path: string): Promise<void> {
    chosen.value = path;
    if (at(path) !== undefined) return;
    documents.value.push({ id: nextId++, path, state: "loading", reason: "", text: "", saved: undefined, modifiedAt: undefined, isSaving: false, problem: undefined, isConflict: false });
    await load(path);
  }
  async function load(path: string): Promise<void> {
    const one = at(path);
    if (one === undefined) return;
    const typed = draft().of(path);
    try {
      await read(one);
    } catch (error) {
      if (typed === undefined) return void Object.assign(one, { state: "failed", reason: sentenceOf(error) });
      Object.assign(one, { state: "text", saved: undefined, problem: `${sentenceOf(error)} What you typed is here.` });
    }
    if (typed === undefined || one.state !== "text") return;
    if (typed.text === one.saved) return void draft().drop(path);
    one.text = typed.text;
    // The file is another one than was typed into.
    one.isConflict = one.saved !== undefined && typed.base !== one.saved;
  }
  function close(path: string): void {
    const index = documents.value.findIndex((one) => one.path === path);
    documents.value = documents.value.filter((one) => one.path !== path);
    if (chosen.value === path) chosen.value = documents.value[Math.min(index, documents.value.length - 1)]?.path;
  }
  function write(path: string, text: string): void {
    const one = at(path);
    if (one === undefined || one.text === text) return;
    one.text = text;
    const isKept = text === one.saved ? draft().drop(path) : draft().set(path, { text, base: one.saved });
    if (!isKept && !isFull) lost();
    isFull = !isKept;
  }
  /** Saves a file; answers whether it is saved. One that has changed in the sandbox is only replaced if `isForced` says so. */
  async function save(path: string, isForced = false): Promise<boolean> {
    const one = at(path);
    if (one === undefined || one.state !== "text") return false;
    if (!isChanged(one)) return true;
    if (one.isSaving) return false;
    const { text } = one;
    Object.assign(one, { isSaving: true, problem: undefined });
    try {
      if (!isForced && (one.isConflict || (await hasMoved(one)))) {
        one.isConflict = true;
        return false;
      }
      const { modifiedAt } = await called(files().write(absolute(path), text));
      Object.assign(one, { saved: text, modifiedAt, isConflict: false });
      // What was typed meanwhile is not saved yet.
      if (one.text === text) draft().drop(path);
      return one.text === text;
    } catch (error) {
      one.problem = sentenceOf(error);
      return false;
    } finally {
      one.isSaving = false;
    }
  }
  /** Whether the file in the sandbox is another one than was loaded. */
  async function hasMoved(one: Document): Promise<boolean> {
    const entry = await stat(one.path).catch((error: unknown) => (error instanceof ApiError && error.status === 404 ? undefined : Promise.reject(error)));
    if (entry === undefined || entry.modifiedAt === one.modifiedAt) return false;
    const text = entry.size > MAX_BYTES ? undefined : textOf(await called(files().read(absolute(one.path))));
    return text !== one.saved && text !== one.text;
  }
  /** Takes what the sandbox has, in place of what was typed. */
  async function revert(path: string): Promise<void> {
    draft().drop(path);
    await load(path);
  }
  /** Reads the open files again that nobody has typed into, after something else may have written them. */
  async function reread(): Promise<void> {
    const rest = documents.value.filter((one) => !isChanged(one) && !one.isSaving && one.state !== "loading");
    await Promise.all(rest.map(async (one) => {
      const entry = await stat(one.path).catch(() => undefined);
      if (entry !== undefined && entry.modifiedAt !== one.modifiedAt && !isChanged(one)) await read(one).catch(() => undefined);
    }));
  }
  function renamed(from: string, to: string): void {
    for (const one of documents.value.filter(({ path }) => isWithin(path, from))) {
      const next = to + one.path.slice(from.length);
      const typed = draft().of(one.path);
      if (typed !== undefined) {
        draft().set(next, typed);
        draft().drop(one.path);
      }
      if (chosen.value === one.path) chosen.value = next;
      one.path = next;
    }
  }
  function removed(path: string): void {
    for (const one of documents.value.filter((document) => isWithin(document.path, path))) {
      draft().drop(one.path);
      close(one.path);
    }
  }
  return { documents, chosen, changed, at, open, load, close, write, save, revert, reread, renamed, removed, isKept: () => !isFull };
}

export type Documents = ReturnType<typeof useDocuments>;
