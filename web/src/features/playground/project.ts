//! The project that pays for what a playground runs.

import { createProject, loadProjects, projects } from "../../api/projects.ts";

/** The project with this id, or else the first one, which is made where there is none. */
export async function projectToRunIn(named: string | undefined): Promise<string> {
  const all = projects.value ?? (await loadProjects());
  return (all.find(({ id }) => id === named) ?? all[0] ?? (await createProject("My project"))).id;
}
