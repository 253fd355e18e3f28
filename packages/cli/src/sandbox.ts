//! `docle sandbox`: machines whose files stay.

import { Sandboxes, type Process, type Sandbox, type SandboxSettings } from "@doclehq/sdk/sandboxes";
import { accessOf } from "./config.ts";
import { Failure, USAGE } from "./failure.ts";
import { numberOf, variables, type CommandLine } from "./options.ts";
import { Output, say } from "./output.ts";
import { copy } from "./sandbox-copy.ts";
import { exec } from "./sandbox-exec.ts";

const actions: Record<string, (sandboxes: Sandboxes, line: CommandLine) => Promise<number>> = { new: make, ls: list, exec, cp: copy, logs, rm: remove };

/** Does what the first operand names; answers with the exit code. */
export async function sandbox({ operands: [name, ...operands], ...line }: CommandLine): Promise<number> {
  const action = name !== undefined && Object.hasOwn(actions, name) ? actions[name] : undefined;
  if (action === undefined) throw new Failure(`Say what to do with sandboxes: docle sandbox ${Object.keys(actions).join("|")}. \`docle sandbox --help\` explains them.`, USAGE);
  return action(new Sandboxes(accessOf(line.values["base-url"])), { ...line, operands });
}

/** Makes one, and prints its id. */
async function make(sandboxes: Sandboxes, { values }: CommandLine): Promise<number> {
  const [memoryMB, diskMB] = [numberOf("memory", values.memory), numberOf("disk", values.disk)];
  const hosts = values["allow-host"];
  const settings: SandboxSettings = {
    ...(values.name === undefined ? {} : { name: values.name }),
    ...(values.key === undefined ? {} : { key: values.key }),
    ...(values.lang === undefined ? {} : { language: values.lang }),
    ...(values.env ? { env: variables(values.env) } : {}),
    runtime_config: {
      ...(memoryMB === undefined ? {} : { memoryMB }),
      ...(diskMB === undefined ? {} : { diskMB }),
      ...(values["allow-network"] ? { network: "public" } : {}),
      ...(hosts ? { allowedHosts: hosts } : {}),
    },
  };
  const { info } = await sandboxes.create(settings);
  await new Output().stdout.write(values.json ? `${JSON.stringify(info)}\n` : `${info.id}\n`);
  return 0;
}

/** Prints them, a line for each. */
async function list(sandboxes: Sandboxes, { values }: CommandLine): Promise<number> {
  const output = new Output();
  for await (const one of sandboxes.list()) {
    const words = [one.id, one.status, one.language, one.created_at, one.key ?? "-", one.name === null ? "-" : JSON.stringify(one.name)];
    await output.stdout.write(values.json ? `${JSON.stringify(one)}\n` : `${words.join("\t")}\n`);
  }
  return 0;
}

/** Prints what a process has written. */
async function logs(sandboxes: Sandboxes, { operands, values }: CommandLine): Promise<number> {
  const [id, name] = operands;
  if (id === undefined) throw new Failure("Say which sandbox: docle sandbox logs <sandbox> <process>", USAGE);
  const sandbox = await sandboxes.get(id);
  const output = new Output();
  if (name === undefined) return listProcesses(sandbox, output);
  const { id: process } = await processOf(sandbox, name);
  if (!values.follow) {
    const { stdout, stderr, droppedBytes } = await sandbox.processes.logs(process);
    if (droppedBytes > 0) say(`${droppedBytes} bytes that were written earlier are not kept.`);
    await output.stdout.write(stdout);
    await output.stderr.write(stderr);
    return 0;
  }
  for await (const event of sandbox.processes.follow(process)) {
    if (event.type === "stdout" || event.type === "stderr") await output[event.type].write(event.data);
    else if (event.type === "dropped") say(`${event.bytes} bytes were written before this and are not kept.`);
    else return event.process.exitCode ?? 0;
  }
  return 0;
}

async function listProcesses(sandbox: Sandbox, output: Output): Promise<number> {
  for (const { id, name, status, exitCode, command } of await sandbox.processes.list()) {
    await output.stdout.write(`${[id, name ?? "-", status, exitCode ?? "-", JSON.stringify(command)].join("\t")}\n`);
  }
  return 0;
}

/** The process with an id, a process id or a name; of several with a name the one that was started last. */
async function processOf(sandbox: Sandbox, name: string): Promise<Process> {
  const all = await sandbox.processes.list();
  const found = all.find((one) => one.id === name || `${one.pid}` === name) ?? all.filter((one) => one.name === name).toSorted((a, b) => (a.startedAt < b.startedAt ? 1 : -1))[0];
  if (found === undefined) throw new Failure(`The sandbox has no process ${name}. \`docle sandbox logs ${sandbox.id}\` lists those that it has.`, USAGE);
  return found;
}

/** Deletes them with their files. */
async function remove(sandboxes: Sandboxes, { operands }: CommandLine): Promise<number> {
  if (operands.length === 0) throw new Failure("Say which sandboxes: docle sandbox rm <sandbox>...", USAGE);
  for (const id of operands) await sandboxes.delete(id);
  return 0;
}
