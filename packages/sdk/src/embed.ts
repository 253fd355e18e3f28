//! One playground in a page: an element whose text becomes a frame that runs it.

/** What a playground is made with. */
export interface EmbedOptions {
  /** The program; otherwise the text of the element. */
  code?: string;
  /** A language of the service, such as `python` or `node`. Default: `python`. */
  lang?: string;
  /** Default: `dark`. */
  theme?: "dark" | "light" | "system";
  /** Whether the program can only be run. */
  readonly?: boolean;
  /** Whether it runs at once. */
  autorun?: boolean;
  /** A length of CSS, or `auto` for that of the content. Default: `400px`. */
  height?: string;
  /** Shows a field for the standard input, with this text in it. */
  stdin?: string;
  /** A publishable key: `pk_live_…`. */
  publishableKey?: string;
  /** A run token, or what gets one, for pages whose server makes them. */
  token?: string | (() => string | Promise<string>);
  /** The address of the service. */
  endpoint?: string;
  /** When the frame is loaded: near the view, at once, or by a click on the program. Default: `lazy`. */
  loading?: "lazy" | "eager" | "click";
  /** What a screen reader calls the frame. */
  title?: string;
  /** Files beside the program. */
  files?: EmbedFile[];
  /** Packages that each run installs; the key must allow that. */
  packages?: string[];
  /** Code that the reader does not see; `{{code}}` in it stands for the program. */
  template?: string;
  /** What is expected: the output, or up to 20 tests, each of which is a run. Everybody who opens the page can read it. */
  check?: string | EmbedTest[];
  /** A stored judge, instead of `check`: its tests stay secret. */
  judge?: string;
  /** How the output is shown. `svg` and `html` are drawn in a frame that reaches nothing. Default: `text`. */
  output?: "text" | "table" | "svg" | "html";
}

/** A file beside the program. */
export interface EmbedFile {
  path: string;
  content: string;
  encoding?: "utf8" | "base64";
}

/** One run of a check. */
export interface EmbedTest {
  name?: string;
  /** Without it the program reads what the field for its input has. */
  stdin?: string;
  args?: string[];
  /** The expected output; white space at the ends of lines and of the output does not count. Without it, exit code 0 is enough. */
  expected?: string;
}

/** The first test that a program has not passed. */
export interface EmbedFailure {
  /** Its place, from 0. */
  index: number;
  name?: string;
  expected?: string;
  actual: string;
}

/** How a run ended: the result of `POST /api/run`. With `judge`, what the program has written stays hidden, and `id`, `stdout` and `stderr` are empty. */
export interface EmbedResult {
  id: string;
  ok: boolean;
  status: string;
  exitCode: number;
  signal: string | null;
  stdout: string;
  stderr: string;
  /** Where something was expected: whether it came. */
  check?: { passed: true } | ({ passed: false } & EmbedFailure);
}

/** Why the frame refused something. */
export class EmbedError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.name = "EmbedError";
    this.code = code;
  }
}

interface Answer {
  id?: number;
  result?: unknown;
  error?: { code: string; message: string };
  event?: { type: string; height?: number };
}

/** What goes with a program and is too much for an address. */
const BESIDE = ["files", "packages", "template", "check", "judge", "output"] as const;

/** How long a frame that is loaded may be silent, in milliseconds: its script speaks before. */
const SILENCE_MS = 3_000;

/** Addresses longer than this are not taken everywhere, so a longer program is sent to the frame. */
const MAX_URL = 6_000;

/** The text of an element as a program: without the line ends around it, and without common indentation. */
export function dedent(text: string): string {
  const lines = text.replace(/^\s*\n/, "").trimEnd().split("\n");
  const indents = lines.filter((line) => line.trim() !== "").map((line) => line.length - line.trimStart().length);
  const common = Math.min(...indents);
  return lines.map((line) => line.slice(common)).join("\n");
}

/** A playground. */
export class Embed {
  /** Resolves when the frame is there; rejects if it cannot be. */
  readonly ready: Promise<void>;
  readonly #element: HTMLElement;
  readonly #options: EmbedOptions;
  readonly #calls = new Map<number, [(value: any) => void, (error: Error) => void]>();
  readonly #undo: (() => void)[] = [];
  #port: MessagePort | undefined;
  #last = 0;
  #isReady!: () => void;
  #fail!: (error: EmbedError) => void;
  #load: () => void;

  constructor(element: HTMLElement, options: EmbedOptions = {}) {
    this.#element = element;
    this.#options = options;
    this.ready = new Promise((resolve, reject) => {
      this.#isReady = resolve;
      this.#fail = reject;
    });
    // A caller that waits for it gets the error.
    this.ready.catch(() => undefined);
    const load = () => {
      this.#load = () => undefined;
      this.#insert();
    };
    this.#load = load;
    if ([options.publishableKey, options.token].some((key) => typeof key === "string" && key.startsWith("sk_"))) {
      // The text of the element stays, and the key goes nowhere.
      console.error("Docle: a secret key (sk_live_…) stands in this page, where everybody can read it. Revoke it, and use a publishable key (pk_live_…).");
      this.#load = () => undefined;
    } else if (options.loading === "click") {
      const click = () => this.#load();
      element.addEventListener("click", click, { once: true });
      this.#undo.push(() => element.removeEventListener("click", click));
    } else if (options.loading === "eager" || !("IntersectionObserver" in window)) {
      load();
    } else {
      const observer = new IntersectionObserver((entries) => entries.some((entry) => entry.isIntersecting) && (observer.disconnect(), this.#load()), { rootMargin: "300px" });
      observer.observe(element);
      this.#undo.push(() => observer.disconnect());
    }
  }

  /** Runs the program, and resolves with its result. */
  run(): Promise<EmbedResult> {
    return this.#call("run");
  }

  /** Ends the run. */
  stop(): Promise<void> {
    return this.#call("stop");
  }

  getCode(): Promise<string> {
    return this.#call("getCode");
  }

  setCode(code: string): Promise<void> {
    return this.#call("setCode", code);
  }

  setLang(lang: string): Promise<void> {
    return this.#call("setLang", lang);
  }

  setTheme(theme: "dark" | "light" | "system"): Promise<void> {
    return this.#call("setTheme", theme);
  }

  /** Removes the frame and everything that belongs to it. The element is as it was. */
  destroy(): void {
    for (const undo of this.#undo.splice(0).reverse()) undo();
    const gone = new EmbedError("destroyed", "The playground was removed.");
    for (const [, reject] of this.#calls.values()) reject(gone);
    this.#calls.clear();
    this.#fail(gone);
    this.#load = () => undefined;
  }

  #insert(): void {
    const { code, lang = "python", theme = "dark", readonly, autorun, height = "400px", stdin, publishableKey, token, endpoint = "https://api.docle.co", title = "Code playground" } = this.#options;
    const element = this.#element;
    const program = code ?? dedent(element.textContent ?? "");
    const url = new URL("/embed", endpoint);
    const query = url.searchParams;
    query.set("lang", lang);
    query.set("theme", theme);
    if (readonly) query.set("readonly", "true");
    if (stdin !== undefined) query.set("stdin", stdin);
    if (height === "auto") query.set("height", "auto");
    if (publishableKey) query.set("key", publishableKey);
    const isShort = encodeURIComponent(program).length < MAX_URL;
    if (isShort) query.set("code", program);
    const beside = BESIDE.map((name) => [name, this.#options[name]]).filter(([, value]) => value !== undefined);
    // With a token, a long program or more than a program, the frame has to get that first.
    const runsItself = autorun && isShort && token === undefined && beside.length === 0;
    if (runsItself) query.set("autorun", "true");
    const frame = document.createElement("iframe");
    frame.title = title;
    frame.allow = "clipboard-write";
    frame.src = url.href;
    // Nothing of it is seen before it is there.
    Object.assign(frame.style, { display: "block", width: "100%", border: "0", height: "0", visibility: "hidden" });
    const listen = async ({ source, origin, data }: MessageEvent) => {
      if (source !== frame.contentWindow || origin !== url.origin || data?.type !== "docle-ready") return;
      clearTimeout(timer);
      frame.onload = null;
      this.#port?.close();
      const { port1, port2 } = new MessageChannel();
      this.#port = port1;
      port1.onmessage = (event) => this.#answer(event.data as Answer, frame);
      frame.contentWindow?.postMessage({ type: "docle-connect" }, url.origin, [port2]);
      Object.assign(frame.style, { height: height === "auto" ? "200px" : height, visibility: "" });
      for (const child of shown) child.remove();
      try {
        if (!isShort) await this.#send("setCode", program);
        if (beside.length > 0) await this.#send("setup", Object.fromEntries(beside));
        if (token !== undefined) await this.#send("setKey", typeof token === "string" ? token : await token());
        this.#isReady();
        // The frame itself tells why it does not run.
        if (autorun && !runsItself) void this.#send("run").catch(() => undefined);
      } catch (error) {
        this.#refuse(error as EmbedError);
      }
    };
    let timer: ReturnType<typeof setTimeout> | undefined;
    frame.onload = () => {
      timer = setTimeout(() => this.#refuse(new EmbedError("unreachable", `${url.origin} cannot be reached, or the key or frame-src of this page does not allow it here.`)), SILENCE_MS);
    };
    const shown = [...element.childNodes];
    window.addEventListener("message", listen);
    element.append(frame);
    this.#undo.push(() => {
      window.removeEventListener("message", listen);
      clearTimeout(timer);
      this.#port?.close();
      frame.remove();
      element.prepend(...shown);
    });
  }

  /** Tells that the playground is not there. */
  #refuse(error: EmbedError): void {
    console.error("Docle:", error);
    this.#fail(error);
    this.#element.dispatchEvent(new CustomEvent("error", { detail: { type: "docle-error", error: { code: error.code, message: error.message } } }));
  }

  #answer({ id, result, error, event }: Answer, frame: HTMLIFrameElement): void {
    if (event) {
      if (event.type === "docle-resize" && this.#options.height === "auto" && Number.isFinite(event.height)) frame.style.height = `${event.height}px`;
      // `docle-result` is heard as `result`.
      this.#element.dispatchEvent(new CustomEvent(event.type.slice(6), { detail: event }));
      return;
    }
    const call = this.#calls.get(id ?? 0);
    this.#calls.delete(id ?? 0);
    if (error) call?.[1](new EmbedError(error.code, error.message));
    else call?.[0](result);
  }

  async #call(method: string, params?: string): Promise<any> {
    this.#load();
    await this.ready;
    return this.#send(method, params);
  }

  #send(method: string, params?: unknown): Promise<any> {
    const id = ++this.#last;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, [resolve, reject]);
      this.#port?.postMessage({ id, method, params });
    });
  }
}

/** What a playground tells. */
export interface PlaygroundEvents {
  /** The frame is there. */
  ready?(): void;
  /** A program has ended. One that fails is a result, too. */
  run?(result: EmbedResult): void;
  /** A run was refused, or the frame refused something. */
  error?(error: EmbedError): void;
  /** The program did what `check` expects. */
  pass?(): void;
  /** It did not; the first test that failed. */
  fail?(failure: EmbedFailure): void;
}

const failureOf = ({ index, name, expected, actual }: EmbedFailure): EmbedFailure => ({ index, actual, ...(name !== undefined && { name }), ...(expected !== undefined && { expected }) });

/** A playground whose options change: what a component of a framework is made of. */
export class Playground {
  readonly embed: Embed;
  /** What is told, which may change at any time. */
  events: PlaygroundEvents;
  #shown: EmbedOptions;
  #wanted: EmbedOptions;
  #last: Promise<void>;
  #isGone = false;
  readonly #element: HTMLElement;
  readonly #listeners: [string, (event: Event) => void][];

  constructor(element: HTMLElement, options: EmbedOptions, events: PlaygroundEvents) {
    this.#element = element;
    this.events = events;
    this.#shown = this.#wanted = options;
    const detail = (event: Event) => (event as CustomEvent).detail;
    this.#listeners = [
      ["result", (event) => this.events.run?.(detail(event).data)],
      ["pass", () => this.events.pass?.()],
      ["fail", (event) => this.events.fail?.(failureOf(detail(event)))],
      ["error", (event) => this.events.error?.(new EmbedError(detail(event)?.error?.code ?? "internal", detail(event)?.error?.message ?? "The frame failed."))],
    ];
    for (const [type, listener] of this.#listeners) element.addEventListener(type, listener);
    this.embed = new Embed(element, options);
    this.#last = this.embed.ready.then(() => {
      if (!this.#isGone) this.events.ready?.();
    });
    this.#last.catch(() => undefined);
  }

  /** Takes over `lang`, `theme` and `code` as they are now. What the user has typed stays. */
  update(options: EmbedOptions): void {
    this.#wanted = options;
    this.#last = this.#last.then(() => this.#take()).catch(() => undefined);
  }

  destroy(): void {
    this.#isGone = true;
    for (const [type, listener] of this.#listeners) this.#element.removeEventListener(type, listener);
    this.embed.destroy();
  }

  async #take(): Promise<void> {
    const { lang = "python", theme = "dark", code = "" } = this.#wanted;
    const { lang: oldLang = "python", theme: oldTheme = "dark", code: oldCode = "" } = this.#shown;
    this.#shown = this.#wanted;
    if (this.#isGone) return;
    if (theme !== oldTheme) await this.embed.setTheme(theme);
    if (lang !== oldLang) await this.embed.setLang(lang);
    if (code !== oldCode && (await this.embed.getCode()) === oldCode.replace(/\r\n?/g, "\n")) await this.embed.setCode(code);
  }
}
