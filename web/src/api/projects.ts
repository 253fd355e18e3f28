//! The projects of the account, shared by the navigation and the pages.

import { shallowRef } from "vue";
import { call, callAll, type Schemas } from "./client.ts";

export type Project = Schemas["Project"];
export type Usage = Schemas["Usage"];
export type Key = Schemas["Key"];
export type UsageRun = Schemas["UsageRun"];

/** All projects; undefined before they are loaded. */
export const projects = shallowRef<Project[]>();

/** The address of a project in the API. */
export const at = (id: string) => `/api/projects/${encodeURIComponent(id)}`;

/** Loads all projects. */
export async function loadProjects(): Promise<Project[]> {
  const all = await callAll("/api/projects", (page: Schemas["ProjectPage"]) => page.projects);
  projects.value = all;
  return all;
}

/** Makes a project. */
export async function createProject(name: string, isPrivate = false): Promise<Project> {
  const project = await call<Project>("POST", "/api/projects", { name, privateResults: isPrivate });
  projects.value = [project, ...(projects.value ?? [])];
  return project;
}

/** Puts a changed project in its place. */
export function replaceProject(project: Project): void {
  projects.value = projects.value?.map((one) => (one.id === project.id ? project : one));
}

/** Forgets a project that was deleted. */
export function removeProject(id: string): void {
  projects.value = projects.value?.filter((one) => one.id !== id);
}

/** All keys of a project. */
export const loadKeys = (project: string): Promise<Key[]> => callAll(`${at(project)}/keys`, (page: Schemas["KeyPage"]) => page.apiKeys);

/** What a project was used for. */
export const loadUsage = (project: string, query: Record<string, string>) => call<Usage>("GET", `${at(project)}/usage?${new URLSearchParams(query)}`);

/** Loads a page of a project's runs, the newest first; a filter that is empty does not matter. */
export function loadRuns(project: string, filters: Record<string, string>): Promise<Schemas["RunList"]> {
  const given = Object.entries({ project, ...filters }).filter(([, value]) => value !== "");
  return call("GET", `/api/runs?${new URLSearchParams(given)}`);
}
