//! Snapshots of a sandbox: its files at one time.

import { sendForJson, type CallOptions, type Connection } from "./call.ts";
import type * as api from "./generated/api.ts";
import { query } from "./query.ts";
import { download, streamOf } from "./sandbox-content.ts";

/** The snapshots of a sandbox. */
export interface Snapshots {
  /** Saves the files as they are now, and keeps them. */
  create(name?: string, options?: CallOptions): Promise<api.Snapshot>;
  /** The snapshots, the newest first. Further pages are read as they are needed. */
  list(page?: { limit?: number }, options?: CallOptions): AsyncGenerator<api.Snapshot, void, undefined>;
  get(id: string, options?: CallOptions): Promise<api.Snapshot>;
  /** Gives the sandbox the files of a snapshot, or some paths of it. */
  restore(id: string, settings?: api.SnapshotRestore, options?: CallOptions): Promise<api.Sandbox>;
  /** What differs from a snapshot to the snapshot `to`, or to now. */
  diff(id: string, settings?: { to?: string }, options?: CallOptions): Promise<api.SnapshotDiff>;
  /** All files of a snapshot as a tar archive, as it comes. */
  export(id: string, options?: CallOptions): Promise<ReadableStream<Uint8Array>>;
  delete(id: string, options?: CallOptions): Promise<void>;
}

/** Those of the sandbox at a path. */
export function snapshotsOf(connection: Connection, sandbox: string): Snapshots {
  const snapshots = `${sandbox}/snapshots`;
  const at = (id: string) => `${snapshots}/${encodeURIComponent(id)}`;
  return {
    create: (name, options = {}) => sendForJson(connection, snapshots, { method: "POST", body: name === undefined ? {} : { name }, ...options }),
    async *list(page = {}, options = {}) {
      let cursor: string | null | undefined;
      do {
        const listed = await sendForJson<api.SnapshotPage>(connection, `${snapshots}?${query({ ...page, cursor })}`, options);
        yield* listed.snapshots;
        cursor = listed.next_cursor;
      } while (cursor);
    },
    get: (id, options = {}) => sendForJson(connection, at(id), options),
    restore: (id, settings = {}, options = {}) => sendForJson(connection, `${at(id)}/restore`, { method: "POST", body: settings, ...options }),
    diff: (id, settings = {}, options = {}) => sendForJson(connection, `${at(id)}/diff?${query(settings)}`, options),
    export: (id, options) => streamOf(download(connection, `${at(id)}/export`, options)),
    delete: (id, options = {}) => sendForJson<void>(connection, at(id), { method: "DELETE", ...options }),
  };
}
