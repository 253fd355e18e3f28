//! What the frame shows around its editor: buttons, input, output, and the line that says how the run ended.

import { Ansi } from "./ansi.ts";

const SVG = "http://www.w3.org/2000/svg";

/** Shapes of lucide, on a grid of 24. */
const shapes: Record<string, string[]> = {
  play: ["M5 5a2 2 0 0 1 3.008-1.728l11.997 6.998a2 2 0 0 1 .003 3.458l-12 7A2 2 0 0 1 5 19z"],
  stop: ["M7 5h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2z"],
  copy: ["M10 8h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H10a2 2 0 0 1-2-2V10a2 2 0 0 1 2-2z", "M4 16c-1.1 0-2-.9-2-2V4c0-1.1.9-2 2-2h10c1.1 0 2 .9 2 2"],
  open: ["M15 3h6v6", "M10 14 21 3", "M18 13v6a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V8a2 2 0 0 1 2-2h6"],
  reset: ["M3 12a9 9 0 1 0 9-9 9.75 9.75 0 0 0-6.74 2.74L3 8", "M3 3v5h5"],
  check: ["M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0z", "m16 9-5.5 5.5L8 12"],
  alert: ["M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0z", "M12 8v4", "M12 16h.01"],
};

function icon(name: string): SVGSVGElement {
  const svg = document.createElementNS(SVG, "svg");
  for (const [attribute, value] of Object.entries({ class: "i", viewBox: "0 0 24 24", width: "14", height: "14", "aria-hidden": "true" })) svg.setAttribute(attribute, value);
  for (const shape of shapes[name] ?? []) {
    const path = document.createElementNS(SVG, "path");
    path.setAttribute("d", shape);
    svg.append(path);
  }
  return svg;
}

/** An element with a class and children. */
function element<Name extends keyof HTMLElementTagNameMap>(name: Name, className: string, ...children: (Node | string)[]): HTMLElementTagNameMap[Name] {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.append(...children);
  return made;
}

function button(className: string, shape: string, label: string, isIcon: boolean): HTMLButtonElement {
  const made = element("button", `btn ${className}`, icon(shape), ...(isIcon ? [] : [label]));
  made.type = "button";
  if (isIcon) [made.ariaLabel, made.title] = [label, label];
  return made;
}

/** The most text that the output holds, in characters. */
const MAX_OUTPUT = 1_048_576;

/** The parts of the frame. */
export class View {
  readonly editor: HTMLElement = element("div", "editor");
  readonly runButton = button("primary", "play", "Run", false);
  readonly copyButton = button("ghost icon", "copy", "Copy the code", true);
  readonly openButton = button("ghost icon", "open", "Open in the playground, in a new tab", true);
  readonly resetButton = button("ghost icon", "reset", "Reset the code", true);
  readonly stdin = element("textarea", "stdin");
  readonly frame: HTMLElement;
  readonly #title: HTMLElement = element("h1", "");
  readonly #output: HTMLElement = element("div", "out");
  readonly #line: HTMLElement = element("div", "line");
  readonly #said: HTMLElement = element("p", "sr");
  readonly #colours = { stdout: new Ansi(), stderr: new Ansi() };
  #length = 0;
  #waiting: [string, string][] = [];

  constructor(frame: HTMLElement, withInput: boolean) {
    this.frame = frame;
    const grow = element("span", "grow");
    const head = element("header", "head", this.#title, grow, this.openButton, this.resetButton, this.copyButton, this.runButton);
    this.runButton.setAttribute("aria-keyshortcuts", "Control+Enter Meta+Enter");
    this.stdin.ariaLabel = "Input of the program";
    this.stdin.rows = 2;
    this.stdin.spellcheck = false;
    this.stdin.placeholder = "Input";
    // The stream is not read out: what is, is the line at its end.
    this.#output.role = "log";
    this.#output.ariaLabel = "Output";
    this.#output.ariaLive = "off";
    this.#output.tabIndex = 0;
    this.#output.hidden = true;
    this.#said.role = "status";
    frame.replaceChildren(head, this.editor, ...(withInput ? [this.stdin] : []), this.#output, this.#line, this.#said);
  }

  title(text: string): void {
    this.#title.textContent = text;
  }

  /** Shows Stop instead of Run, or the other way round. */
  running(isRunning: boolean): void {
    this.frame.classList.toggle("running", isRunning);
    this.runButton.className = isRunning ? "btn stop" : "btn primary";
    this.runButton.replaceChildren(icon(isRunning ? "stop" : "play"), isRunning ? "Stop" : "Run");
  }

  /** Why Run does nothing; an empty text where it does. */
  disabled(reason: string): void {
    if (reason === "") this.runButton.removeAttribute("aria-disabled");
    else this.runButton.ariaDisabled = "true";
    this.runButton.title = reason;
  }

  clear(): void {
    this.#output.replaceChildren();
    this.#output.hidden = true;
    this.#output.classList.remove("old");
    [this.#length, this.#waiting] = [0, []];
    [this.#colours.stdout, this.#colours.stderr] = [new Ansi(), new Ansi()];
  }

  /** Marks the output as that of an earlier program. */
  old(): void {
    this.#output.classList.add("old");
  }

  /** Adds output, once for each frame of the screen. */
  print(stream: "stdout" | "stderr" | "note", text: string): void {
    if (this.#waiting.length === 0) requestAnimationFrame(() => this.flush());
    this.#waiting.push([stream, text]);
  }

  /** Shows what waits. */
  flush(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    if (waiting.length === 0) return;
    const output = this.#output;
    const sticks = output.scrollHeight - output.scrollTop - output.clientHeight < 24;
    for (const [stream, text] of waiting) {
      const shown = stream === "note" ? text : text.slice(0, Math.max(0, MAX_OUTPUT - this.#length));
      if (stream !== "note") this.#length += shown.length;
      const pieces = stream === "stdout" || stream === "stderr" ? this.#colours[stream].read(shown) : [{ text: shown, classes: [] }];
      output.append(...pieces.map((piece) => element("span", [stream, ...piece.classes].join(" "), piece.text)));
    }
    output.hidden = false;
    if (sticks) output.scrollTop = output.scrollHeight;
  }

  /** Adds an element to the output. */
  add(element: HTMLElement): void {
    this.flush();
    this.#output.append(element);
    this.#output.hidden = false;
  }

  /** The line below the output: its first part is the status. */
  line(status: string, parts: string[]): void {
    const [first = "", ...others] = parts;
    const shape = status === "success" ? "check" : "alert";
    const word = element("span", `status s-${status}`, ...(["", "running"].includes(status) ? [] : [icon(shape)]), first);
    this.#line.replaceChildren(word, ...others.map((part) => element("span", "", part)));
  }

  /** What a screen reader says, once. */
  say(text: string): void {
    this.#said.textContent = text;
  }
}
