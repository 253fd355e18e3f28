//! `docle keys` and `docle open`: the project that `docle login` has signed in to.

import { spawn } from "node:child_process";
import { DEFAULT_URL, baseUrlOf, readConfig, type Management } from "./config.ts";
import { Failure, USAGE } from "./failure.ts";
import type { CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";
import { call } from "./service.ts";

/** A key, as its owner sees it. */
interface Key {
  id: string;
  name: string;
  type: string;
  key_prefix: string;
  is_active: number;
  last_used_at: string | null;
  expires_at: string | null;
}

const actions: Record<string, (project: Project, line: CommandLine) => Promise<number>> = { ls: list, new: make, rm: revoke };

/** The project, and the token that manages it. */
interface Project extends Management {
  baseUrl: string;
}

/** Does what the first operand names, or lists the keys. */
export async function keys({ operands: [name = "ls", ...operands], ...line }: CommandLine): Promise<number> {
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw new Failure(`Say what to do with keys: docle keys ${Object.keys(actions).join("|")}.`, USAGE);
  return action(projectOf(line), { ...line, operands });
}

/** Opens the page of the project. */
export async function open(line: CommandLine): Promise<number> {
  const { baseUrl, project } = projectOf(line);
  // It becomes part of a command.
  if (!/^[\w-]+$/.test(project)) throw new Failure(`${project} is no id of a project. Sign in again with \`docle login\`.`, USAGE);
  const url = `${baseUrl}/projects/${project}`;
  await new Output().stdout.write(`${url}\n`);
  const [program, ...args] = process.platform === "darwin" ? ["open"] : process.platform === "win32" ? ["rundll32", "url.dll,FileProtocolHandler"] : ["xdg-open"];
  const browser = spawn(program ?? "", [...args, url], { stdio: "ignore", detached: true });
  browser.once("error", () => say("there is no browser here; open the address yourself.")).unref();
  return 0;
}

async function list({ baseUrl, token, project }: Project, { values }: CommandLine): Promise<number> {
  const output = new Output();
  for (let cursor: string | null = ""; cursor !== null; ) {
    const path: string = `/api/projects/${project}/keys${cursor === "" ? "" : `?cursor=${encodeURIComponent(cursor)}`}`;
    const page: { apiKeys: Key[]; next_cursor: string | null } = await call(baseUrl, "GET", path, { token });
    for (const key of page.apiKeys) {
      const words = [key.id, key.type, key.is_active ? "active" : "ended", `${key.key_prefix}…`, key.last_used_at ?? "never used", key.expires_at ?? "-", JSON.stringify(key.name)];
      await output.stdout.write(values.json ? `${JSON.stringify(key)}\n` : `${words.join("\t")}\n`);
    }
    cursor = page.next_cursor;
  }
  return 0;
}

/** Makes a key, and prints it: this is the only time. */
async function make({ baseUrl, token, project }: Project, { values }: CommandLine): Promise<number> {
  const body = values.name === undefined ? {} : { name: values.name };
  const made = await call<{ id: string; key: string }>(baseUrl, "POST", `/api/projects/${project}/keys`, { token, body });
  await new Output().stdout.write(values.json ? `${JSON.stringify(made)}\n` : `${made.key}\n`);
  return 0;
}

async function revoke({ baseUrl, token }: Project, { operands }: CommandLine): Promise<number> {
  if (operands.length === 0) throw new Failure("Say which keys: docle keys rm <key>...", USAGE);
  for (const id of operands) await call(baseUrl, "DELETE", `/api/keys/${encodeURIComponent(id)}`, { token });
  return 0;
}

/** The project of the login. A kept token is sent to the address only that it was kept with. */
function projectOf({ values }: Pick<CommandLine, "values">): Project {
  const { management, baseUrl: keptFor = DEFAULT_URL } = readConfig();
  const baseUrl = baseUrlOf(values["base-url"]);
  if (management === undefined || keptFor.replace(/\/+$/, "") !== baseUrl) {
    throw new Failure(`You are not signed in to ${baseUrl}. Sign in with \`docle login\`; a key alone manages no project.`, USAGE);
  }
  return { ...management, baseUrl };
}
