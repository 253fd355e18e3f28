//! The embed frame: an editor, a button that runs the program, and its output.

import { failureOf, wordsOf } from "./check.ts";
import { type Config, languageOf, readConfig } from "./config.ts";
import { createEditor, type Editor } from "./editor.ts";
import { CommandError, type Commands, Parent, shown } from "./messages.ts";
import { Credential, judge, type Judgement, type Program, type Result, run, RunError } from "./run.ts";
import { NOTHING, PLACE, readSetup, type Setup, type Test } from "./setup.ts";
import { linkTo } from "./share.ts";
import { duration, partsOf, sentenceOf, wordOf } from "./status.ts";
import { View } from "./view.ts";

const SECRET = "A secret key (sk_live_…) was given to a web page, where everybody can read it. Revoke it, and use a publishable key (pk_live_…).";

class Frame {
  readonly #config: Config;
  readonly #view: View;
  readonly #editor: Editor;
  readonly #parent: Parent;
  readonly #credential: Credential;
  #lang: string;
  #code: string;
  #setup: Setup = NOTHING;
  #running: AbortController | undefined;

  constructor(config: Config, frame: HTMLElement, nonce: string) {
    this.#config = config;
    this.#lang = config.lang;
    this.#code = config.code;
    this.#credential = new Credential(config.key);
    this.#view = new View(frame, config.stdin !== null);
    this.#view.stdin.value = config.stdin ?? "";
    const language = languageOf(config, config.lang);
    const start = () => void this.#run().catch(() => undefined);
    const mode = language?.mode ?? "";
    this.#editor = createEditor({ parent: this.#view.editor, code: config.code, mode, readonly: config.readonly, nonce, run: start, changed: () => this.#view.old() });
    this.#parent = new Parent(config.domains, this.#commands());
    this.#view.runButton.onclick = () => (this.#running === undefined ? start() : this.#stop());
    this.#view.copyButton.onclick = () => void this.#copy();
    this.#view.resetButton.onclick = () => this.#editor.setCode(this.#code);
    this.#view.resetButton.hidden = config.readonly;
    this.#view.openButton.hidden = config.playground === null;
    this.#view.openButton.onclick = () => void this.#open();
    document.addEventListener("keydown", (event) => {
      const isPeriod = event.key === "." && (event.ctrlKey || event.metaKey);
      const isOutside = !(event.target instanceof Node && this.#view.editor.contains(event.target));
      if (isPeriod || (event.key === "Escape" && isOutside)) this.#stop();
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey) && isOutside) start();
    });
    this.#idle();
  }

  /** Tells the page that the frame is there, and runs if it was asked to. */
  begin(): void {
    this.#parent.listen();
    if (this.#config.autoHeight) new ResizeObserver(() => this.#parent.tell({ type: "docle-resize", height: Math.ceil(this.#view.frame.getBoundingClientRect().height) })).observe(this.#view.frame);
    this.#parent.tell({ type: "docle-ready" });
    const { missing } = this.#config;
    if (missing !== null && missing.code !== "key_required") {
      if (missing.code === "secret_key_in_page") console.error(`Docle: ${SECRET}`);
      this.#parent.tell({ type: "docle-error", error: missing });
    }
    if (this.#config.autorun && missing === null) void this.#run().catch(() => undefined);
  }

  #idle(): void {
    const language = languageOf(this.#config, this.#lang);
    this.#view.title(language?.title ?? "Unknown language");
    const { missing } = this.#config;
    const reason = language === undefined ? "This playground names a language that is not here." : this.#credential.isThere ? "" : (missing?.message ?? "");
    this.#view.disabled(reason);
    this.#view.line("", [reason === "" ? "Not run yet" : "Cannot run"]);
    this.#view.clear();
    if (reason !== "") this.#view.print("note", reason);
  }

  #commands(): Commands {
    return {
      run: () => this.#run(),
      stop: () => this.#stop(),
      getCode: () => this.#editor.code(),
      setCode: (code) => {
        this.#code = code;
        this.#editor.setCode(code);
      },
      setLang: (lang) => {
        const language = languageOf(this.#config, lang);
        if (language === undefined) throw new CommandError("invalid_request", `The languages are ${this.#config.languages.map(({ id }) => id).join(", ")}.`);
        this.#lang = lang;
        this.#editor.setMode(language.mode);
        this.#idle();
      },
      setTheme: (theme) => {
        if (!["dark", "light", "system"].includes(theme)) throw new CommandError("invalid_request", "The themes are dark, light and system.");
        document.documentElement.dataset["theme"] = theme;
      },
      setKey: (key) => this.#setKey(key.trim()),
      setup: (setup) => {
        this.#setup = readSetup(setup);
      },
    };
  }

  /** Takes a run token, or begins anew with a publishable key, so that the policy of its domains holds. */
  #setKey(key: string): void {
    if (key.startsWith("sk_")) {
      console.error(`Docle: ${SECRET}`);
      throw new CommandError("secret_key_in_page", SECRET);
    }
    if (key.startsWith("rt_")) {
      this.#credential.use(key);
      this.#idle();
    } else if (/^pk_live_[0-9a-f]{48}$/.test(key)) {
      if (key === this.#config.key) return;
      const url = new URL(location.href);
      for (const [name, value] of [["key", key], ["lang", this.#lang], ["code", this.#editor.code()]] as const) url.searchParams.set(name, value);
      location.replace(url);
    } else {
      throw new CommandError("invalid_api_key", "A playground takes a publishable key (pk_live_…) or a run token (rt_…).");
    }
  }

  async #copy(): Promise<void> {
    try {
      await navigator.clipboard.writeText(this.#editor.code());
      this.#view.say("Copied");
    } catch {
      this.#view.say("This page does not let the playground copy");
    }
  }

  #stop(): void {
    this.#running?.abort();
  }

  async #run(): Promise<Result & { check?: { passed: boolean } }> {
    const view = this.#view;
    if (this.#running !== undefined) throw new CommandError("busy", "A program is running.");
    if (!this.#credential.isThere || view.runButton.ariaDisabled === "true") {
      const { missing } = this.#config;
      const error = missing ?? { code: "key_required", message: view.runButton.title };
      this.#parent.tell({ type: "docle-error", error });
      throw new CommandError(error.code, error.message);
    }
    const running = new AbortController();
    this.#running = running;
    const began = performance.now();
    view.say("");
    view.running(true);
    const tick = () => view.line("running", ["Running", duration(Math.floor((performance.now() - began) / 100) * 100)]);
    tick();
    const timer = setInterval(tick, 100);
    const { tests, judge: id } = this.#setup;
    try {
      if (id !== undefined) return this.#showJudgement(await judge(this.#program({}), id, this.#credential, running.signal), performance.now() - began);
      for (const [index, test] of tests.entries()) {
        const result = await this.#runOnce(test, running.signal);
        const failure = failureOf(test, index, result);
        if (failure === undefined && index + 1 < tests.length) continue;
        this.#show(result, failure === undefined ? ["Passed", ...(tests.length > 1 ? [`${tests.length} tests`] : [])] : ["Not yet", ...wordsOf(failure, tests.length, result)]);
        this.#parent.tell(failure === undefined ? { type: "docle-pass", tests: tests.length, data: result } : { type: "docle-fail", ...failure, data: result });
        return { ...result, check: failure === undefined ? { passed: true } : { passed: false, ...failure } };
      }
      const result = await this.#runOnce({}, running.signal);
      this.#show(result);
      return result;
    } catch (error) {
      const { code, message } = shown(error);
      view.line(code === "cancelled" ? "cancelled" : "error", [code === "cancelled" ? "Stopped" : "Not run"]);
      if (code !== "cancelled") view.print("note", message);
      view.say(message);
      this.#parent.tell({ type: "docle-error", error: { code, message } });
      this.#wait(error);
      throw error;
    } finally {
      clearInterval(timer);
      this.#running = undefined;
      view.flush();
      view.running(false);
    }
  }

  /** Shows a judgement. What the program has written may hold what the tests are, so there is no output. */
  #showJudgement(judgement: Judgement, ms: number): Result & { check: { passed: boolean } } {
    const view = this.#view;
    view.clear();
    const { verdict, passed, tests, compile } = judgement;
    const isRight = verdict === "accepted";
    const failed = tests.find((test) => test.verdict !== "accepted");
    if (compile !== undefined && verdict === "compile_error") view.print("stderr", compile.stderr || compile.stdout);
    if (failed?.message !== undefined) view.print("note", `${failed.message}\n`);
    const words = [isRight ? "Passed" : "Not yet", `${passed} of ${tests.length} tests`, ...(failed === undefined ? [] : [failed.verdict.replaceAll("_", " ")])];
    view.line(isRight ? "success" : "not-yet", [...words, duration(ms)]);
    view.say(words.join(", "));
    const { index = 0, name } = failed ?? {};
    const failure = { index, ...(name === undefined ? {} : { name }), actual: "" };
    this.#parent.tell(isRight ? { type: "docle-pass", tests: tests.length, data: judgement } : { type: "docle-fail", ...failure, passed, tests: tests.length, data: judgement });
    const result = { id: "", ok: isRight, status: isRight ? "success" : "error", exitCode: isRight ? 0 : 1, signal: null, stdout: "", stderr: "", truncated: { stdout: false, stderr: false }, usage: { cpuMs: 0, memMB: 0, durationMs: ms } };
    return { ...result, check: isRight ? { passed: true } : { passed: false, ...failure } };
  }

  /** Takes no run until a refused one may be repeated. */
  #wait(error: unknown): void {
    if (!(error instanceof RunError) || error.retryAfter === undefined) return;
    this.#view.disabled(error.message);
    setTimeout(() => this.#view.disabled(""), error.retryAfter * 1_000);
  }

  /** The request for one run. */
  #program(test: Test): Program {
    const { files, packages, template } = this.#setup;
    const code = template === undefined ? this.#editor.code() : template.replaceAll(PLACE, () => this.#editor.code());
    const entrypoint = languageOf(this.#config, this.#lang)?.entrypoint ?? "";
    const typed = this.#config.stdin === null || this.#view.stdin.value === "" ? undefined : this.#view.stdin.value;
    const stdin = test.stdin ?? (typed === undefined || typed.endsWith("\n") ? typed : `${typed}\n`);
    return {
      lang: this.#lang,
      ...(files.length === 0 ? { code } : { files: [{ path: entrypoint, content: code }, ...files], entrypoint }),
      ...(packages.length === 0 ? {} : { packages }),
      ...(stdin === undefined ? {} : { stdin }),
      ...(test.args === undefined ? {} : { args: test.args }),
    };
  }

  /** Runs the program once, and shows its output. */
  async #runOnce(test: Test, signal: AbortSignal): Promise<Result> {
    const view = this.#view;
    const { output } = this.#setup;
    view.clear();
    const result = await run(this.#program(test), this.#credential, signal, (stream, text) => {
      if (output === "text" || stream === "stderr") view.print(stream, text);
      this.#parent.tell({ type: "docle-output", stream, data: text });
    });
    if (output === "text") return result;
    const { theme } = document.documentElement.dataset;
    // Most frames show text alone.
    const { display } = await import("./display.ts");
    const shape = display(output, result.stdout, this.#config.outputPage, theme === "light" || theme === "dark" ? theme : "light dark");
    if (shape === undefined) view.print("stdout", result.stdout);
    else view.add(shape);
    return result;
  }

  /** Opens the program in the playground of the website. What the page keeps to itself stays here. */
  async #open(): Promise<void> {
    const { playground } = this.#config;
    if (playground === null) return;
    const program = { lang: this.#lang, code: this.#editor.code(), stdin: this.#view.stdin.value, packages: this.#setup.packages.join(" ") };
    window.open(await linkTo(playground, program), "_blank", "noopener");
  }

  /** Shows how a run ended: its status, or what the check says. */
  #show(result: Result, check?: string[]): void {
    const sentence = sentenceOf(result);
    if (sentence !== "") this.#view.print("note", `${sentence}\n`);
    if (check === undefined) {
      this.#view.line(result.status, partsOf(result));
      this.#view.say(`${wordOf(result.status)}, exit code ${result.exitCode}, ${duration(result.usage.durationMs)}`);
    } else {
      this.#view.line(check[0] === "Passed" ? "success" : "not-yet", [...check, duration(result.usage.durationMs)]);
      this.#view.say(check.join(", "));
    }
    this.#parent.tell({ type: "docle-result", data: result });
  }
}

const script = document.getElementById("config");
const main = document.getElementById("frame");
if (main !== null) new Frame(readConfig(), main, script?.nonce ?? "").begin();
