//! What the page around the frame says to it, and what it hears: `postMessage`, and calls through a MessagePort.

/** What a page can do with the frame. */
export interface Commands {
  run(): Promise<unknown>;
  stop(): void;
  setCode(code: string): void;
  getCode(): string;
  setLang(lang: string): void;
  setKey(key: string): void;
  setTheme(theme: string): void;
  /** Takes what goes with the program, as the page has sent it. */
  setup(setup: unknown): void;
}

/** An error that a page reads by its code. */
export class CommandError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

/** The longest text in a message, in characters. */
const MAX_TEXT = 1_048_576;
/** Messages that are read in a second. A page that sends more is broken, or means harm. */
const MAX_MESSAGES = 100;

type Method = keyof Commands;
const methods: Method[] = ["run", "stop", "setCode", "getCode", "setLang", "setKey", "setTheme", "setup"];

/** A value of a message that is the message's own, and no part of its prototype. */
export const own = (data: unknown, name: string): unknown => (typeof data === "object" && data !== null && Object.hasOwn(data, name) ? (data as Record<string, unknown>)[name] : undefined);

/** Whether a host is one of these domains. */
export const covers = (domains: string[], host: string): boolean => domains.some((domain) => (domain.startsWith("*.") ? host.endsWith(domain.slice(1)) && host.length > domain.length - 1 : host === domain));

/** The page around the frame. */
export class Parent {
  #port: MessagePort | undefined;
  #heard = 0;
  #second = 0;
  readonly #domains: string[];
  readonly #commands: Commands;

  constructor(domains: string[], commands: Commands) {
    this.#domains = domains;
    this.#commands = commands;
  }

  /** Begins to listen. */
  listen(): void {
    window.addEventListener("message", (event) => this.#message(event));
  }

  /** Tells the page of something. The policy of this page has let in only parents that may know it. */
  tell(message: { type: string; [name: string]: unknown }): void {
    if (window.parent !== window) window.parent.postMessage(message, "*");
    this.#port?.postMessage({ event: message });
  }

  /** Whether a message is read: there are not too many of them. */
  #hasRoom(): boolean {
    const second = Math.floor(performance.now() / 1_000);
    if (second !== this.#second) [this.#second, this.#heard] = [second, 0];
    this.#heard += 1;
    if (this.#heard === MAX_MESSAGES + 1) this.tell({ type: "docle-error", error: { code: "too_many_messages", message: `A page may send ${MAX_MESSAGES} messages a second; the others are not read.` } });
    return this.#heard <= MAX_MESSAGES;
  }

  #isParent(event: MessageEvent): boolean {
    if (event.source === null || event.source !== window.parent || window.parent === window) return false;
    return this.#domains.length === 0 || (URL.canParse(event.origin) && covers(this.#domains, new URL(event.origin).hostname));
  }

  #message(event: MessageEvent): void {
    const type = own(event.data, "type");
    if (typeof type !== "string" || !type.startsWith("docle-") || !this.#isParent(event) || !this.#hasRoom()) return;
    if (type === "docle-connect") return this.#connect(event.ports[0]);
    const commands: Record<string, [Method, string?]> = {
      "docle-run": ["run"],
      "docle-stop": ["stop"],
      "docle-set-code": ["setCode", "code"],
      "docle-set-lang": ["setLang", "lang"],
      "docle-set-apikey": ["setKey", "apiKey"],
      "docle-set-theme": ["setTheme", "theme"],
      "docle-setup": ["setup", "setup"],
    };
    const command = Object.hasOwn(commands, type) ? commands[type] : undefined;
    if (command === undefined) return;
    const [method, name] = command;
    // What a run comes to is told by its own messages.
    this.#do(method, name === undefined ? undefined : own(event.data, name)).catch((error: unknown) => method !== "run" && this.tell({ type: "docle-error", error: shown(error) }));
  }

  #connect(port: MessagePort | undefined): void {
    if (port === undefined) return;
    this.#port?.close();
    this.#port = port;
    port.onmessage = ({ data }) => {
      const id = own(data, "id");
      if ((typeof id !== "number" && typeof id !== "string") || !this.#hasRoom()) return;
      const method = own(data, "method");
      const isMethod = (name: unknown): name is Method => methods.includes(name as Method);
      const done = isMethod(method) ? this.#do(method, own(data, "params")) : Promise.reject(new CommandError("unknown_method", `The methods are ${methods.join(", ")}.`));
      done.then(
        (result) => port.postMessage({ id, result }),
        (error: unknown) => port.postMessage({ id, error: shown(error) }),
      );
    };
    port.postMessage({ event: { type: "docle-ready" } });
  }

  async #do(method: Method, value: unknown): Promise<unknown> {
    const commands = this.#commands;
    if (method === "run") return commands.run();
    if (method === "stop") return commands.stop();
    if (method === "getCode") return commands.getCode();
    if (method === "setup") return commands.setup(value);
    if (typeof value !== "string" || value.length > MAX_TEXT) throw new CommandError("invalid_request", `${method} takes a text of at most ${MAX_TEXT} characters.`);
    return commands[method](value);
  }
}

/** An error as a page gets it. */
export function shown(error: unknown): { code: string; message: string } {
  const code = own(error, "code");
  return { code: typeof code === "string" ? code : "internal", message: error instanceof Error ? error.message : "The frame failed." };
}
