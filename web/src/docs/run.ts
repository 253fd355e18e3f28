//! Runs an example in its page, in the frame of the embed: with a run token of the reader's own project. Who is not signed in is
//! led to the playground, which asks for that.

import { sharedIn } from "../features/playground/share.ts";

/** What an example has. */
interface Program {
  lang: string;
  code: string;
  stdin?: string;
}
const read = (value: unknown) => value as Program;

async function answer<T>(path: string, init?: RequestInit): Promise<T | undefined> {
  const response = await fetch(path, { headers: { accept: "application/json", "content-type": "application/json" }, ...init }).catch(() => undefined);
  return response?.ok === true ? ((await response.json()) as T) : undefined;
}
/** A token of the reader's first project; undefined where nobody is signed in, or there is no project. */
async function token(): Promise<string | undefined> {
  const found = await answer<{ projects: { id: string }[] }>("/api/projects?limit=1");
  const project = found?.projects[0]?.id;
  if (project === undefined) return undefined;
  return (await answer<{ token: string }>(`/api/projects/${project}/tokens`, { method: "POST", body: JSON.stringify({ origin: location.origin }) }))?.token;
}

async function run(button: HTMLButtonElement, link: string): Promise<void> {
  const example = button.closest(".code");
  example?.querySelector("iframe")?.remove();
  const [apiKey, program] = await Promise.all([token(), sharedIn(new URL(link, location.origin).hash, read)]);
  if (apiKey === undefined || program === undefined || example === null) return location.assign(link);
  const frame = document.createElement("iframe");
  frame.title = "The example, running";
  frame.className = "run-frame";
  const theme = document.documentElement.dataset["theme"] ?? "system";
  frame.src = `/embed?${new URLSearchParams({ lang: program.lang, code: program.code, stdin: program.stdin ?? "", theme, height: "auto" })}`;
  window.addEventListener("message", ({ source, data }: MessageEvent) => {
    if (source === null || source !== frame.contentWindow) return;
    if (data?.type === "docle-ready") for (const message of [{ type: "docle-set-apikey", apiKey }, { type: "docle-run" }]) frame.contentWindow?.postMessage(message, location.origin);
    else if (data?.type === "docle-resize" && typeof data.height === "number") frame.style.height = `${data.height}px`;
  });
  example.append(frame);
}

/** Gives each example that can run a button that does. */
export function startRuns(): void {
  for (const button of document.querySelectorAll<HTMLButtonElement>("[data-run]")) {
    const link = button.parentElement?.querySelector<HTMLAnchorElement>('a[href^="/playground#z="]')?.getAttribute("href");
    if (link == null) continue;
    button.hidden = false;
    button.addEventListener("click", () => {
      if (button.ariaBusy === "true") return;
      button.ariaBusy = "true";
      void run(button, link).finally(() => (button.ariaBusy = "false"));
    });
  }
}
