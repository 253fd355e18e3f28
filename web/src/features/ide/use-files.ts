//! The files of a sandbox in the page: what is loaded, and what is done with them.

import type { Sandbox } from "@doclehq/sdk/sandboxes";
import { computed, ref, type ShallowRef, shallowRef } from "vue";
import { ApiError } from "../../api/client.ts";
import { called } from "../sandboxes/client.ts";
import { absolute, type Entry, entriesOf, folderOf, isWithin, rowsOf } from "./tree.ts";

/** The files of the sandbox. Every function but `refresh` throws what the pages know. */
export function useFiles(sandbox: ShallowRef<Sandbox | undefined>) {
  const folders = shallowRef<ReadonlyMap<string, Entry[]>>(new Map());
  const opened = ref<ReadonlySet<string>>(new Set<string>());
  const error = shallowRef<unknown>();
  const hasMore = ref(false);
  const rows = computed(() => rowsOf(folders.value, opened.value));
  const isLoaded = computed(() => folders.value.has(""));

  function files() {
    if (sandbox.value === undefined) throw new ApiError(404, { code: "sandbox_not_found" }, undefined);
    return sandbox.value.files;
  }
  async function load(folder: string): Promise<void> {
    const listing = await called(files().list(absolute(folder)));
    if (folder === "") hasMore.value = listing.more === true;
    folders.value = new Map([...folders.value, [folder, entriesOf(folder, listing.entries ?? [])]]);
  }
  /** Reads what is shown again. A folder that is gone is closed. */
  async function refresh(): Promise<void> {
    try {
      await load("");
      error.value = undefined;
    } catch (failure) {
      error.value = failure;
      return;
    }
    const all = Array.from(opened.value);
    const found = await Promise.all(all.map((folder) => load(folder).then(() => true, (failure: unknown) => !(failure instanceof ApiError && failure.status === 404))));
    const gone = all.filter((_, index) => found[index] === false);
    if (gone.length === 0) return;
    opened.value = new Set(all.filter((folder) => !gone.includes(folder)));
    folders.value = new Map(Array.from(folders.value).filter(([folder]) => !gone.includes(folder)));
  }
  async function toggle(folder: string, isOpen = !opened.value.has(folder)): Promise<void> {
    if (isOpen && !folders.value.has(folder)) await load(folder);
    opened.value = isOpen ? new Set([...opened.value, folder]) : new Set(Array.from(opened.value).filter((one) => one !== folder));
  }
  /** Shows a path: the folders above it are opened. */
  async function reveal(path: string): Promise<void> {
    const parts = folderOf(path).split("/").filter((part) => part !== "");
    for (let depth = 1; depth <= parts.length; depth += 1) await toggle(parts.slice(0, depth).join("/"), true);
  }

  async function makeFile(path: string, content: string | Blob = ""): Promise<void> {
    await called(files().write(absolute(path), content));
    await refresh();
    await reveal(path);
  }
  /** Whether something has this path. */
  const exists = (path: string) => called(files().list(absolute(path))).then(() => true, (failure: unknown) => (failure instanceof ApiError && failure.status === 404 ? false : Promise.reject(failure)));
  async function makeFolder(path: string): Promise<void> {
    await called(files().mkdir(absolute(path), { recursive: true }));
    await refresh();
    await toggle(path, true);
  }
  async function move(from: string, to: string): Promise<void> {
    if (folderOf(to) !== "" && !folders.value.has(folderOf(to))) await called(files().mkdir(absolute(folderOf(to)), { recursive: true }));
    await called(files().move(absolute(from), absolute(to)));
    opened.value = new Set(Array.from(opened.value, (folder) => (isWithin(folder, from) ? to + folder.slice(from.length) : folder)));
    await refresh();
    await reveal(to);
  }
  async function remove(path: string, isFolder: boolean): Promise<void> {
    await called(files().delete(absolute(path), { recursive: isFolder }));
    opened.value = new Set(Array.from(opened.value).filter((folder) => !isWithin(folder, path)));
    await refresh();
  }
  const bytes = (path: string) => called(files().read(absolute(path)));

  return { rows, opened, folders, error, hasMore, isLoaded, refresh, toggle, reveal, makeFile, makeFolder, move, remove, exists, bytes };
}

export type Files = ReturnType<typeof useFiles>;
