//! The client of the account's sandboxes, with the session of the page, and its errors as those of the site.

import { DocleConnectionError, DocleError, type ListedSandbox, Sandboxes } from "@doclehq/sdk/sandboxes";
import { ApiError, type Problem, sessionEnded } from "../../api/client.ts";
import { loadProjects, type Project } from "../../api/projects.ts";

/** The sandboxes, with the cookie that the browser sends along. */
export const sandboxes = new Sandboxes({ baseUrl: location.origin });

/** A failure of the client as the pages know failures. */
export function failureOf(error: unknown): unknown {
  if (error instanceof DocleConnectionError) return new ApiError(0, {}, undefined);
  if (!(error instanceof DocleError)) return error;
  if (error.code === "session_required") sessionEnded();
  const { status, code, message, requestId, fields, retryAfterMs } = error;
  return new ApiError(status, { code: code as Problem["code"], message, errors: fields, ...(requestId === undefined ? {} : { requestId }) }, retryAfterMs === undefined ? undefined : retryAfterMs / 1_000);
}

/** The value of a call; throws what the pages know. */
export async function called<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw failureOf(error);
  }
}

/** The values of a list; throws what the pages know. */
export async function all<T>(list: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  try {
    for await (const one of list) found.push(one);
  } catch (error) {
    throw failureOf(error);
  }
  return found;
}

/** A sandbox of the list, with its project. */
export interface Row extends ListedSandbox {
  project: string;
}

/** When a sandbox was last used; when it was made, if it never was. */
export const usedAt = ({ last_used_at, created_at }: Pick<ListedSandbox, "last_used_at" | "created_at">) => last_used_at ?? created_at;

/** The sandboxes of all projects, the one that was used last first. */
export async function loadSandboxes(): Promise<Row[]> {
  const of = async ({ id, name }: Project) => (await all(sandboxes.list({ limit: 100, project_id: id }))).map((one): Row => ({ ...one, project: name }));
  const rows = (await Promise.all((await loadProjects()).map(of))).flat();
  return rows.toSorted((one, other) => usedAt(other).localeCompare(usedAt(one)));
}

/** What people call it. */
export const titleOf = ({ id, name, key }: Pick<ListedSandbox, "id" | "name" | "key">) => name ?? key ?? id;
