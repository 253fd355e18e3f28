//! Runs that go on without their caller: wait for one, and list those that have not ended and those that have.

import { limited, send, sendForJson, sleep, type CallOptions, type Connection } from "./call.ts";
import { DocleConnectionError } from "./errors.ts";
import type { ListedPendingRun, PendingRun, RunList, StoredRun, UsageRun } from "./generated/api.ts";
import { RUNS, eventsOf } from "./stream.ts";

/** What listed runs have in common. */
export interface RunFilter extends PendingFilter {
  status?: StoredRun["status"];
  /** How many runs one call asks for. */
  limit?: number;
}

/** What listed runs that have not ended have in common. */
export interface PendingFilter {
  /** The language, by any of its names. */
  language?: string;
  /** A `userContext.id`. */
  user?: string;
  /** They were asked for then or later. */
  from?: Date | string;
  /** They were asked for before this time. */
  to?: Date | string;
}

/** The pause before a run is looked at again whose stream has ended too early. */
const LOOK_AGAIN_MS = 500;

/** Resolves with the result of a run when it has ended. */
export async function wait(connection: Connection, id: string, options: CallOptions = {}): Promise<StoredRun> {
  const { signal, release } = limited(connection, options);
  const path = `${RUNS}/${encodeURIComponent(id)}`;
  const call = { ...options, ...(signal && { signal }) };
  try {
    for (;;) {
      const run = await sendForJson<StoredRun | PendingRun>(connection, path, call);
      if ("exitCode" in run) return run;
      // The last event comes a moment before the result can be read.
      if (!(await completes())) await sleep(LOOK_AGAIN_MS, signal);
    }
  } finally {
    release();
  }

  /** Follows the run until it ends; whether its end was seen. */
  async function completes(): Promise<boolean> {
    try {
      for await (const event of eventsOf(await send(connection, path, { ...call, accept: "text/event-stream" }, signal))) {
        if (event.type === "complete") return true;
      }
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      if (!(error instanceof DocleConnectionError)) throw error;
    }
    return false;
  }
}

/** The runs that have not ended and match a filter. */
export async function pending(connection: Connection, filter: PendingFilter = {}, options: CallOptions = {}): Promise<ListedPendingRun[]> {
  const page = await sendForJson<RunList>(connection, `/api/runs?${queryOf({ ...filter, limit: 1 })}`, options);
  if (!page.pending) throw new DocleConnectionError("The service did not reach the runs that have not ended.");
  return page.pending;
}

/** The runs that match a filter, page by page. */
export async function* list(connection: Connection, filter: RunFilter = {}, options: CallOptions = {}): AsyncGenerator<UsageRun, void, undefined> {
  const query = queryOf(filter);
  for (;;) {
    const page = await sendForJson<RunList>(connection, `/api/runs?${query}`, options);
    yield* page.history;
    if (!page.next_cursor) return;
    query.set("cursor", page.next_cursor);
  }
}

function queryOf(filter: object): URLSearchParams {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(filter)) {
    if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : `${value}`);
  }
  return query;
}
