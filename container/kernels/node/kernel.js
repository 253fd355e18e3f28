// The loop of the kernel: one cell after another, as in a REPL.

let session;
let kernelId;
const post = (method, parameters) => new Promise((resolve, reject) => session.post(method, parameters, (error, result) => (error ? reject(error) : resolve(result))));

/** What the inspector knows by a handle only. */
const kernel = {
  taken: undefined,
  take(value) {
    this.taken = value;
  },
};

let count = 0;
let cell;

Object.assign(globalThis, { display });
globalThis.require = nodeModule.createRequire(`${process.cwd()}/`);
process.argv.length = 1;

/** Stacks end where the kernel begins. */
Error.prepareStackTrace = (error, frames) => {
  const first = frames.findIndex((frame) => /(\/\[kernel\]|^node:inspector)$/.test(frame.getFileName() ?? ""));
  const own = first < 0 ? frames : frames.slice(0, first);
  let head;
  try {
    head = Error.prototype.toString.call(error);
  } catch {
    head = "Error";
  }
  return [head, ...own.map((frame) => `    at ${frame}`)].join("\n");
};

/** The value behind a handle. In a box, because a promise is not to be awaited here. */
async function valueOf(remote) {
  const { objectId, unserializableValue: text } = remote;
  if (objectId) {
    const functionDeclaration = "function (value) { this.take(value); }";
    await post("Runtime.callFunctionOn", { objectId: kernelId, functionDeclaration, arguments: [{ objectId }], silent: true });
    const { taken } = kernel;
    kernel.taken = undefined;
    return { value: taken };
  }
  if (text === undefined) return { value: remote.value };
  return { value: text.endsWith("n") ? BigInt(text.slice(0, -1)) : text === "-0" ? -0 : Number(text) };
}

/** A cell that could not be read as a script. */
class Unreadable {
  constructor(error, line, column) {
    Object.assign(this, { error, line, column });
  }
}

async function evaluate(code, name, isTypeScript) {
  const run = async (text) => {
    const script = prepared(text);
    // A promise that the inspector waits for ends the process if it is collected. So it gets none that takes its time.
    const awaiting = withTopLevelAwait(script);
    const answer = await post("Runtime.evaluate", {
      expression: `${awaiting ?? script}\n//# sourceURL=${name}`,
      replMode: true,
      objectGroup: "cell",
      silent: true,
    });
    const details = answer.exceptionDetails;
    if (details === undefined) {
      const { value } = await valueOf(answer.result);
      return awaiting === null ? value : (await value)?.value;
    }
    const error = details.exception ? (await valueOf(details.exception)).value : new Error(details.text);
    if (error instanceof SyntaxError && !hasFrame(error)) throw new Unreadable(error, details.lineNumber, details.columnNumber);
    throw error;
  };
  if (mayBeObject(code)) {
    const object = scriptOrNone(`(${code}\n)`, isTypeScript);
    try {
      if (object !== undefined) return await run(object);
    } catch (unreadable) {
      if (!(unreadable instanceof Unreadable)) throw unreadable;
    }
  }
  const script = isTypeScript ? withoutTypes(code) : code;
  try {
    return await run(script);
  } catch (unreadable) {
    const changed = unreadable instanceof Unreadable && /\b(import|export)\b/.test(script) ? withoutImports(script) : script;
    if (changed === script) throw unreadable;
    return run(changed);
  }
}

const hasFrame = (error) => /\n\s+at .*cell-\d+/.test(String(error.stack));

/** The lines of an error without those of the kernel and of Node. */
function traceback(error) {
  if (!(error instanceof Error)) return [`Uncaught ${util.inspect(error)}`];
  const lines = String(error.stack ?? error).split("\n");
  const own = lines.filter((line) => !/^\s+at .*node:/.test(line));
  const cause = error.cause === undefined ? [] : traceback(error.cause).map((line, index) => (index === 0 ? `[cause]: ${line}` : line));
  return [...own, ...cause].slice(0, 200).map((line) => cut(line, 2_000));
}

const nameOf = (error) => String(error.name === "Error" ? error.constructor?.name || "Error" : error.name);

function describe(thrown, code, name) {
  if (thrown instanceof Unreadable) {
    const { error, line, column } = thrown;
    const place = [`${name}:${line + 1}`, code.split("\n")[line] ?? "", `${" ".repeat(column)}^`];
    return { name: error.name, message: error.message, traceback: [...place, `${error.name}: ${error.message}`] };
  }
  if (thrown instanceof Error) {
    return { name: nameOf(thrown), message: cut(String(thrown.message), 10_000), traceback: traceback(thrown) };
  }
  return { name: "Error", message: cut(typeof thrown === "string" ? thrown : util.inspect(thrown), 10_000), traceback: traceback(thrown) };
}

const interrupted = () => Object.assign(new Error("The cell was interrupted."), { name: "Interrupted", stack: "Interrupted" });

/** The cell that runs. It is ended once, also if the interrupt that ends it has hit the kernel itself. */
class Cell {
  isOver = false;

  constructor({ code, env, is_typescript: isTypeScript }) {
    Object.assign(this, { code, isTypeScript, name: `cell-${++count}`, cpuBefore: process.cpuUsage() });
    this.variables = Object.entries(env ?? {}).map(([variable, value]) => {
      const old = process.env[variable];
      process.env[variable] = value;
      return [variable, old];
    });
  }

  async run() {
    try {
      let value = await evaluate(this.code, this.name, this.isTypeScript);
      if (util.types.isPromise(value)) value = await value;
      // What was rejected in this turn without anyone to handle it is known in the next one.
      await new Promise((resolve) => setImmediate(resolve));
      if (value !== undefined) {
        const data = await bundleOf(value);
        if (this.isOver) return;
        globalThis._ = value;
        sendInOrder({ type: "result", data, main: true });
      }
      this.end();
    } catch (thrown) {
      this.fail(thrown);
    }
  }

  fail(thrown) {
    if (this.isOver) return;
    let described;
    try {
      described = describe(isTermination(thrown) ? interrupted() : thrown, this.code, this.name);
    } catch {
      described = { name: "Error", message: "An error that cannot be shown.", traceback: [] };
    }
    sendInOrder({ type: "error", ...described });
    this.end();
  }

  end() {
    if (this.isOver) return;
    this.isOver = true;
    for (const [variable, old] of this.variables) {
      if (old === undefined) delete process.env[variable];
      else process.env[variable] = old;
    }
    session.post("Runtime.releaseObjectGroup", { objectGroup: "cell" });
    const { user, system } = process.cpuUsage(this.cpuBefore);
    send({ type: "done", count, cpuMs: (user + system) / 1_000, memMB: process.resourceUsage().maxRSS / 1_024 });
  }
}

const isTermination = (thrown) => thrown?.message === "Execution was terminated" || thrown?.code === "ERR_INSPECTOR_COMMAND";

/** An error that nothing has caught: that of the cell that runs, or else a line of standard error. */
function uncaught(error) {
  if (cell && !cell.isOver) return cell.fail(error);
  process.stderr.write(`Uncaught ${traceback(error).join("\n")}\n`);
}
process.on("uncaughtException", uncaught);
process.on("unhandledRejection", uncaught);
process.on("SIGINT", () => undefined);

worker.on("message", (order) => {
  if (order.type === "interrupt") {
    Atomics.store(shared, 1, Math.max(order.number, Atomics.load(shared, 1)));
    if (order.cell !== count || cell.isOver) return;
    connect();
    cell.fail(interrupted());
  } else if (order.type === "run") {
    lastStream = undefined;
    cell = new Cell(order);
    void cell.run();
  }
});
worker.on("error", () => process.kill(process.pid, "SIGKILL"));

/** Begins with the inspector anew. What an interrupt has hit may leave it an answer to give while memory is collected, which
 * would end the process. */
function connect() {
  session?.disconnect();
  session = new inspector.Session();
  session.connect();
  globalThis.__kernel = kernel;
  session.post("Runtime.evaluate", { expression: "globalThis.__kernel" }, (error, answer) => {
    kernelId = answer?.result.objectId;
  });
  delete globalThis.__kernel;
}

connect();
send({ type: "ready" });
