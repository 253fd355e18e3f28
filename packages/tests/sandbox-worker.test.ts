//! `@doclehq/sandbox`, from its tarball, in a Worker: the examples of the classic guides as printed, through the Durable Object of the
//! package and over a service binding, in the real Workers runtime.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { build } from "esbuild";
import { Miniflare } from "miniflare";
import { dataStack } from "../../tests/harness/data-stack.ts";
import { visit } from "../../tests/harness/preview.ts";
import { Runner } from "../../tests/harness/runner.ts";
import { until } from "../../tests/harness/until.ts";
import { startWorker } from "../../tests/harness/worker.ts";
import type * as Package from "../sandbox/src/index.ts";
import { install, load } from "./packed.ts";

const installed = [install("sdk"), install("sandbox")] as const;
const { getSandbox } = (await load(installed[1])) as typeof Package;

/** A Worker as its author's tools make it. */
async function bundled(contents: string): Promise<string> {
  const { outputFiles } = await build({ stdin: { contents, loader: "ts", resolveDir: installed[1].folder }, nodePaths: [join(installed[0].folder, "node_modules")], bundle: true, format: "esm", target: "es2022", write: false });
  return outputFiles[0]?.text ?? "";
}

/** The examples of the guides by their headings. */
const examples = new Map(Array.from(readFileSync(new URL("sandbox-examples.md", import.meta.url), "utf8").matchAll(/^## (.*)\n\n```typescript\n([^]*?)^```$/gm), ([, name = "", code = ""]) => [name, code]));
const printed = (name: string) => examples.get(name) ?? assert.fail(`no example ${name}`);
const isModule = (code: string) => /^export (default|\{)/m.test(code);

/** What an example finds beside the sandbox, and what is done after it. */
const around: Record<string, { before?: string; after?: string }> = {
  runCode: { before: 'const pythonCtx = await sandbox.createCodeContext({ language: "python" });', after: "return Response.json({ out: execution.logs.stdout.join(''), contexts: (await sandbox.listCodeContexts()).length })" },
  createCodeContext: { after: "return Response.json((await sandbox.listCodeContexts()).map(({ language }) => language))" },
  runCodeStream: { after: "for await (const event of parseSSEStream(stream)) if (event.type === 'stdout') console.log(event.data);" },
  "Rich Outputs": { before: 'const pythonCtx = await sandbox.createCodeContext({ language: "python" });', after: "return Response.json([execution.results.flatMap((result) => result.formats()), tableExecution.results.map(({ html }) => html).join(), execution.error])" },
  "Data Analysis": { after: "return Response.json([analysis.stdout, analysis.results.map((result) => result.formats()), jsAnalysis.results[0].json.map((row) => row.growth)])" },
  "CI/CD Build System": { after: "await runBuild({ ...env, BUILDS: { put: async (id, value) => console.log(id, JSON.stringify(value)) } }, 'build-1')" },
  "Implicit Sessions": { after: "return new Response((await sandbox.exec('pwd; echo $MY_VAR')).stdout)" },
  "Explicit Sessions": { after: "return Response.json(await Promise.all([buildSession, testSession].map(async (session) => (await session.exec('pwd; echo $NODE_ENV; cat ran')).stdout)))" },
  "Security with AI Agents": { after: "return Response.json(await Promise.all([devSession, appSession].map(async (session) => (await session.exec('echo $ANTHROPIC_API_KEY/$PORT')).stdout)))" },
  Debugging: { after: "await sandbox.exec('printf one; exit 3'); await sandbox.exec('printf', ['%s', 'a b'])" },
  "Complete Code Execution Flow": {
    before: "const getFileExtension = (language) => ({ python: 'py' })[language]; const getExecutionCommand = (language) => ({ python: 'python3' })[language];",
    after: "return Response.json([await executeCode('print(6 * 7)', 'python', 'room-123'), await executeCode('1 / 0', 'python', 'room-123'), await executeCode('', 'none', 'room-123')])",
  },
};
const functions = [...examples].filter(([, code]) => !isModule(code)).map(([name, code]) => {
  const { before = "", after = "" } = around[name] ?? {};
  // Imports stand at the top of the module, and nothing is exported within a function.
  const body = code.replaceAll(/^import \{.*$/gm, "").replace(/^export (?=async function)/m, "");
  return `${JSON.stringify(name)}: async ({ env, console, sandbox, process }) => { ${before}\n{ ${body}\n${after}\n} }`;
});

const runner = await Runner.start();
const env = (worker: string) => ({ DOCLE: { type: "worker", worker }, Sandbox: { type: "durable-object", worker: "neighbour", exportName: "Sandbox" } });
const neighbour = {
  modules: {
    "neighbour.js": await bundled(`import { getSandbox, parseSSEStream, proxyToSandbox } from "@doclehq/sandbox";
      export { Sandbox } from "@doclehq/sandbox";
      export default { async fetch(request, env) {
        const { pathname, searchParams } = new URL(request.url);
        if (pathname === "/visit") return (await proxyToSandbox(new Request(searchParams.get("url")), { ...env, DOCLE_PREVIEW_HOST: "localhost" })) ?? new Response("not a port");
        if (pathname === "/visit-unset") return proxyToSandbox(new Request(searchParams.get("url")), env);
        const apiKey = request.headers.get("key");
        const sandbox = getSandbox(env.DOCLE, "bound", { apiKey });
        if (pathname === "/port") return sandbox.containerFetch(new Request("http://localhost/hello.txt?query", { headers: { "x-own": "1" } }), 8000);
        if (pathname === "/expose") return Response.json(await sandbox.exposePort(8000, { hostname: "neighbour.example" }));
        if (pathname === "/error") return getSandbox(env.DOCLE, "bound", { apiKey: "sk_live_wrong" }).exec("true").catch((error) => Response.json({ code: error.code, status: error.status }));
        if (pathname === "/no-key") return getSandbox(env.Sandbox, "bound").exec("true").catch((error) => Response.json({ code: error.code, message: error.message }));
        if (pathname === "/none") { try { getSandbox(env.Missing, "bound") } catch (error) { return new Response(error.message) } }
        return new Response((await sandbox.exec("echo over a binding; cat hello.txt")).stdout);
      } };`),
  },
  env,
  exports: { Sandbox: { type: "durable-object", storage: "sqlite" } },
};
const service = await startWorker({ SANDBOX_URL: runner.url, SANDBOX_SECRET: runner.secret }, { neighbour });
const here = { apiKey: service.key, baseUrl: service.url };

/** Starts a Worker of a user's own account, whose Durable Object reaches the service over HTTP. */
async function startOwn(source: string): Promise<{ url: string; runtime: Miniflare }> {
  const object = { type: "durable-object", worker: "user", exportName: "Sandbox" };
  const text = (value: string) => ({ type: "text", value });
  const config = {
    name: "user",
    compatibilityDate: "2026-11-01",
    manifest: { mainModule: "worker.js", modulesRoot: "/", modules: { "worker.js": { type: "esm", contents: await bundled(source) } } },
    exports: { Sandbox: { type: "durable-object", storage: "sqlite" } },
    env: { Sandbox: object, SANDBOX: object, DOCLE_API_KEY: text(service.key), DOCLE_BASE_URL: text(service.url) },
  };
  const runtime = new Miniflare({ host: "127.0.0.1", port: 0, cf: false, workers: [{ config }] } as unknown as ConstructorParameters<typeof Miniflare>[0]);
  return { url: (await runtime.ready).origin, runtime };
}

const own = await startOwn(`import { getSandbox, parseSSEStream } from "@doclehq/sandbox";
  export { Sandbox } from "@doclehq/sandbox";
  const examples = { ${functions.join(",\n")} };
  export default { async fetch(request, env) {
    const { pathname, searchParams } = new URL(request.url);
    const said = [];
    const log = (...values) => void said.push(values.map((value) => (typeof value === "string" ? value : JSON.stringify(value))).join(" "));
    const name = decodeURIComponent(pathname.slice(1));
    if (name === "leave") {
      const stream = await getSandbox(env.Sandbox, "my-sandbox").execStream("sleep 60 & echo $! > pid; echo here; wait");
      for await (const event of parseSSEStream(stream)) if (event.type === "stdout") return new Response(event.data);
    }
    const sandbox = getSandbox(env.Sandbox, searchParams.get("sandbox"));
    const response = await examples[name]({ env, console: { log, error: log }, sandbox, process: { env: { ANTHROPIC_API_KEY: "agent-key" } } });
    return Response.json({ said, answer: response && (await response.text()) });
  } };`);
after(async () => {
  await own.runtime.dispose();
  await service.stop();
  await runner.stop();
  for (const one of installed) one.remove();
});

/** Executes an example in the Worker. */
async function run(name: string, sandbox = "my-sandbox"): Promise<{ said: string[]; answer?: string }> {
  const response = await fetch(`${own.url}/${encodeURIComponent(name)}?sandbox=${sandbox}`);
  const text = await response.text();
  assert.equal(response.status, 200, text);
  return JSON.parse(text) as { said: string[]; answer?: string };
}

const build1 = JSON.stringify({ scripts: { build: "echo built", test: "echo tested" } });
/** The sandbox of an example, with a project in it. */
const project = async (id = "my-sandbox", folder = "/workspace") => {
  const sandbox = getSandbox(here, id);
  await sandbox.mkdir(folder, { recursive: true });
  await sandbox.writeFile(`${folder}/package.json`, build1);
  return sandbox;
};

test("the three steps of the guide work with the import changed", async () => {
  const { url, runtime } = await startOwn(printed("Basic Setup"));
  assert.equal(await (await fetch(url)).text(), "Hello from the edge!\n");
  await runtime.dispose();
});

test("the guide's Worker has the types of Workers", () => {
  const [folder, file] = [installed[1].folder, join(installed[1].folder, "worker.ts")];
  const bindings = `import type { Sandbox as SandboxClass } from "@doclehq/sandbox";
    interface Env { Sandbox: DurableObjectNamespace<SandboxClass>; DOCLE: Fetcher }
    export async function bound(request: Request, env: Env) { return (await proxyToSandbox(request, env)) ?? getSandbox(env.DOCLE, "a", { apiKey: "k" }).exec("true"); }`;
  writeFileSync(file, `import { proxyToSandbox } from "@doclehq/sandbox";\n${printed("Basic Setup")}\n${bindings}`);
  mkdirSync(join(folder, "node_modules", "@doclehq"), { recursive: true });
  symlinkSync(installed[0].package, join(folder, "node_modules", "@doclehq", "sdk"));
  const config = { compilerOptions: { strict: true, exactOptionalPropertyTypes: true, target: "es2023", module: "esnext", moduleResolution: "bundler", lib: ["es2023"], types: ["@cloudflare/workers-types"], noEmit: true, skipLibCheck: false }, files: [file] };
  writeFileSync(join(folder, "tsconfig.json"), JSON.stringify(config));
  const compiler = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
  const { stdout, status } = spawnSync(process.execPath, [compiler, "-p", folder], { encoding: "utf8" });
  assert.equal(status, 0, stdout);
});

test("the Workers of the README run", async () => {
  const readme = readFileSync(new URL("../sandbox/README.md", import.meta.url), "utf8");
  const workers = Array.from(readme.matchAll(/^```js\n([^]*?)^```$/gm), ([, code = ""]) => code);
  const answers = [];
  for (const worker of workers) {
    // Every Worker here has the binding, whose class must be there.
    const { url, runtime } = await startOwn(worker.includes("export { Sandbox }") ? worker : `${worker}\nexport { Sandbox } from "@doclehq/sandbox";`);
    answers.push(await (await fetch(url)).text());
    await runtime.dispose();
  }
  assert.deepEqual(answers, ["Hello from the edge!\n", "Not a port of a sandbox."]);
});

test("output is told as it comes, in the ways that the guide has for it", async () => {
  await project();
  const callbacks = await run("streaming callbacks");
  assert.match(callbacks.said.join(""), /^\[stdout\] [^]*echo built[^]*built\n$/);
  const tested = await run("execStream");
  assert.match(tested.said.join(""), /^Test output: [^]*tested\nTests passed$/);
  const built = await run("AsyncIterable Streaming Support");
  assert.equal(built.said[0], "Build started: npm run build");
  assert.match(built.said.join(""), /built\nExit code: 0$/);
  await project("build-1");
  assert.deepEqual((await run("CI/CD Build System")).said, ['build-1 {"status":"running"}', 'build-1 {"status":"success","exitCode":0}']);
});

test("processes are started and their logs followed", async () => {
  await (await project()).writeFile("server.js", "console.log('listening')");
  const { said } = await run("startProcess");
  assert.match(said[0] ?? "", /^Started process proc_\w+ with PID \d+$/);
  assert.equal(said.slice(1).join(""), "Server: listening\nServer: ");
  assert.deepEqual((await run("System Monitoring")).said, []);
});

test("files and variables are as the guide says", async () => {
  await run("writeFile");
  const sandbox = getSandbox(here, "my-sandbox");
  assert.equal((await sandbox.exec("node /workspace/app.js")).stdout, "Hello!\n");
  await sandbox.writeFile("/package.json", "{}");
  assert.deepEqual((await run("readFile")).said, ["{}"]);
  assert.deepEqual((await run("setEnvVars")).said, ["production\n"]);
  // They stay with the sandbox: what starts later has them, too.
  const process = await getSandbox(here, "my-sandbox").startProcess("echo kept");
  assert.equal(process.command, "echo kept");
});

test("cells of code run as the guide says, the one that forgets its import included", async () => {
  assert.deepEqual(JSON.parse((await run("createCodeContext")).answer ?? ""), ["python", "javascript"]);
  const { said, answer } = await run("runCode");
  assert.equal((JSON.parse(answer ?? "") as { out: string }).out, "Hello World\n");
  assert.match(said.join("\n"), /^Real-time: Step 0/);
  assert.doesNotMatch(said.join("\n"), /Step 1/, "time is not imported");
  assert.equal((await run("runCodeStream")).said.join(""), "0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n");
});

test("charts and tables come as the guide says", { timeout: 300_000 }, async () => {
  const sandbox = getSandbox(here, "analysis", { settings: { runtime_config: { memoryMB: 1_024, diskMB: 1_024 } } });
  const site = (await sandbox.exec("python3 -m site --user-site")).stdout.trim();
  await sandbox.writeFile("/tmp/site.tgz", dataStack(/python(3\.\d+)/.exec(site)?.[1] ?? assert.fail(site)).toString("base64"), { encoding: "base64" });
  const unpacked = await sandbox.exec(`mkdir -p ${site} && tar -xzf /tmp/site.tgz -C ${site} && rm /tmp/site.tgz`);
  assert.equal(unpacked.exitCode, 0, unpacked.stderr);
  const rich = await run("Rich Outputs", "analysis");
  const [formats, table, error] = JSON.parse(rich.answer ?? "") as [string[], string, unknown];
  assert.equal(error, null, JSON.stringify(error));
  assert.deepEqual(rich.said, ["Chart generated!"]);
  assert.ok(formats.includes("png") && formats.includes("chart"), formats.join());
  assert.match(table, /<td>Alice<\/td>/);
  const { said, answer } = await run("Data Analysis");
  assert.match(said.join("\n"), /^Chart generated: iVBOR\S{45}\.\.\.\nData: \[\{"Month":"Jan",/);
  const [stdout, results, growth] = JSON.parse(answer ?? "") as [string, string[][], unknown[]];
  assert.match(stdout, /^Sales Summary:\n/);
  assert.deepEqual(results.map((formats) => [formats.includes("png"), formats.includes("json")]), [[true, false], [false, true]]);
  assert.deepEqual(growth, [0, "20.00%", "25.00%", "-6.67%", "28.57%"]);
});

test("a port has a URL", async () => {
  const url = String.raw`http://(\d+)-[a-z2-7]{26}-[a-z0-9]{16}\.localhost:\d+/`;
  assert.match((await run("exposePort")).said.join(), new RegExp(`^${url}$`));
  assert.match((await run("Expose Services with Preview URLs")).said.join(), new RegExp(`^Service available at: ${url}$`));
});

test("sessions keep their directory and variables, and none has those of another", async () => {
  assert.equal((await run("Implicit Sessions")).answer, "/app\nhello\n");
  for (const [folder, script] of [["/build", "build"], ["/test", "test"]] as const) {
    const sandbox = getSandbox(here, "multi-env");
    await sandbox.mkdir(folder, { recursive: true });
    await sandbox.writeFile(`${folder}/package.json`, JSON.stringify({ scripts: { [script]: `echo ${script} > ran` } }));
  }
  assert.deepEqual(JSON.parse((await run("Explicit Sessions")).answer ?? ""), ["/build\nproduction\nbuild\n", "/test\ntest\ntest\n"]);
  assert.deepEqual(JSON.parse((await run("Explicit Sessions")).answer ?? ""), ["/build\nproduction\nbuild\n", "/test\ntest\ntest\n"], "sessions that are there are used as they are");
  await (await project()).writeFile("server.js", "");
  assert.deepEqual(JSON.parse((await run("Security with AI Agents")).answer ?? ""), ["agent-key/\n", "/3000\n"]);
});

test("hooks are told of every command", async () => {
  const { said } = await run("Debugging");
  assert.deepEqual(said, ["Starting: printf one; exit 3 ", "[stdout] one", "Completed: false (3)", "Starting: printf %s a b", "[stdout] a b", "Completed: true (0)"]);
});

test("a program with its arguments is executed, as in the guide for interviews", async () => {
  assert.deepEqual((await run("Basic Code Execution")).said, ["Output: Hello World!\n", "Exit code: 0", "Errors: "]);
  const results = JSON.parse((await run("Complete Code Execution Flow")).answer ?? "") as { success: boolean; output?: string; exitCode?: number; error: string }[];
  assert.deepEqual(results[0], { success: true, output: "42\n", error: "", exitCode: 0 });
  assert.match(results[1]?.error ?? "", /ZeroDivisionError/);
  assert.equal(results[2]?.success, false);
});

test("leaving a stream in a Worker ends the command", async () => {
  assert.equal(await (await fetch(`${own.url}/leave`)).text(), "here\n");
  // Its own session must not wait for the command.
  const watch = await getSandbox(here, "my-sandbox").createSession({ name: "watch" });
  const waited = await watch.exec("timeout 20 tail --pid=$(cat pid) -f /dev/null");
  assert.equal(waited.exitCode, 0);
});

test("a service binding reaches the service, and what listens in a sandbox", async () => {
  const sandbox = getSandbox(here, "bound");
  await sandbox.writeFile("hello.txt", "hello\n");
  const call = async (path: string) => service.neighbour(path, { headers: { key: service.key } });
  assert.equal(await (await call("/")).text(), "over a binding\nhello\n");
  await sandbox.startProcess("python3 -m http.server 8000");
  await until("the server answers", async () => (await (await call("/port")).text()) === "hello\n");
  const exposed = (await (await call("/expose")).json()) as { url: string; port: number };
  const label = /^https:\/\/(8000-[a-z2-7]{26}-[a-z0-9]{16})\.neighbour\.example\/$/.exec(exposed.url)?.[1] ?? assert.fail(exposed.url);
  assert.deepEqual(await sandbox.getExposedPorts(), [{ ...exposed, url: `http://${label}.localhost:${new URL(service.url).port}/` }]);
  const visited = async (url: string, path = "/visit") => (await call(`${path}?url=${encodeURIComponent(url)}`)).text();
  assert.equal(await visited(`${exposed.url}hello.txt`), "hello\n");
  assert.equal(await visited("https://neighbour.example/hello.txt"), "not a port");
  assert.match(await visited(exposed.url, "/visit-unset"), /Set DOCLE_PREVIEW_HOST/);
  assert.equal((await visit(`http://${label}.localhost:${new URL(service.url).port}/hello.txt`)).text, "hello\n");
  await sandbox.unexposePort(8000);
  assert.deepEqual(await sandbox.getExposedPorts(), []);
});

test("what is missing is said, with the way out", async () => {
  const call = async (path: string) => (await service.neighbour(path, { headers: { key: service.key } })).text();
  assert.deepEqual(JSON.parse(await call("/error")), { code: "invalid_api_key", status: 401 });
  const { code, message } = JSON.parse(await call("/no-key")) as { code: string; message: string };
  assert.deepEqual([code, message.includes("wrangler secret put DOCLE_API_KEY")], ["missing_api_key", true]);
  assert.match(await call("/none"), /needs a binding/);
});
