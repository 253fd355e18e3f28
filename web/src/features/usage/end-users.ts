//! What is kept of an end user of a project: their runs, with the results that are still there.

import { ApiError, call, type Schemas } from "../../api/client.ts";
import { at, type UsageRun } from "../../api/projects.ts";

const addressOf = (project: string, id: string) => `${at(project)}/end-users?id=${encodeURIComponent(id)}`;

/** The newest runs for an end user. */
export const loadRunsOf = (project: string, id: string, limit: number, cursor = "") =>
  call<Schemas["RunPage"]>("GET", `${addressOf(project, id)}&limit=${limit}${cursor === "" ? "" : `&cursor=${encodeURIComponent(cursor)}`}`);

/** Everything that is kept of an end user; `progress` hears how many runs are read. */
export async function exportEndUser(project: string, id: string, progress: (runs: number) => void) {
  const runs: (UsageRun & { result?: Schemas["StoredRun"] })[] = [];
  for (let cursor: string | null = ""; cursor !== null; ) {
    const page: Schemas["RunPage"] = await loadRunsOf(project, id, 100, cursor);
    for (const run of page.history) {
      const result = await call<Schemas["StoredRun"]>("GET", `/api/run/${encodeURIComponent(run.id)}`).catch((error: unknown) => {
        // Results are kept for a week only.
        if (error instanceof ApiError && error.status === 404) return undefined;
        throw error;
      });
      runs.push(result === undefined ? run : { ...run, result });
      progress(runs.length);
    }
    cursor = page.next_cursor;
  }
  return { end_user: id, project, exported_at: new Date().toISOString(), runs };
}

/** Deletes what is kept of an end user, call by call until nothing is left; `progress` hears how many runs are gone. */
export async function eraseEndUser(project: string, id: string, progress: (runs: number) => void): Promise<number> {
  for (let gone = 0; ; ) {
    const { deleted_runs, complete } = await call<Schemas["Deletion"]>("DELETE", addressOf(project, id));
    gone += deleted_runs;
    progress(gone);
    if (complete) return gone;
  }
}
