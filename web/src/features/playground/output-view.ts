//! The output while it is written: pieces of text with classes, added once for each frame of the screen.

import { Ansi } from "../../../../packages/embed/src/frame/ansi.ts";

/** The most that is shown, in characters. */
const MOST = 1_048_576;

export class OutputView {
  readonly #element: HTMLElement;
  #colours = { stdout: new Ansi(), stderr: new Ansi() };
  #waiting: ["stdout" | "stderr" | "typed", string][] = [];
  #length = 0;

  constructor(element: HTMLElement) {
    this.#element = element;
  }

  /** All text that is shown. */
  get text(): string {
    return this.#element.textContent ?? "";
  }

  clear(): void {
    this.#element.replaceChildren();
    [this.#waiting, this.#length] = [[], 0];
    this.#colours = { stdout: new Ansi(), stderr: new Ansi() };
  }

  print(stream: "stdout" | "stderr" | "typed", text: string): void {
    // A page in the background has no frames; what waits is shown with the next one.
    if (this.#waiting.length === 0) requestAnimationFrame(() => this.#flush());
    this.#waiting.push([stream, text]);
  }

  #flush(): void {
    const box = this.#element;
    const sticks = box.scrollHeight - box.scrollTop - box.clientHeight < 24;
    for (const [stream, text] of this.#waiting) {
      const shown = text.slice(0, Math.max(0, MOST - this.#length));
      this.#length += shown.length;
      for (const piece of stream === "typed" ? [{ text: shown, classes: [] }] : this.#colours[stream].read(shown)) {
        const span = document.createElement("span");
        span.className = [stream, ...piece.classes].join(" ");
        span.textContent = piece.text;
        box.append(span);
      }
    }
    this.#waiting = [];
    if (sticks) box.scrollTop = box.scrollHeight;
  }
}
