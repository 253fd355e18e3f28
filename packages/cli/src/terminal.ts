//! What a program writes, for a terminal. A program that nobody trusts must not command the terminal of who runs it.

/** Longer than every sequence that is let through; what is longer is dropped as it comes. */
const MAX_SEQUENCE = 64;

/**
 * Lets text, colours and moves of the cursor pass. Commands to the terminal itself do not: titles, the clipboard, links (OSC),
 * device strings (DCS, APC, PM, SOS), and questions that the terminal would answer into the input of the shell.
 */
export class TerminalFilter {
  #state: "text" | "escape" | "csi" | "string" | "stringEscape" = "text";
  #sequence = "";

  /** The part of a chunk that may be shown; a sequence may begin in one chunk and end in another. */
  filter(chunk: string): string {
    let shown = "";
    for (const char of chunk) shown += this.#take(char);
    return shown;
  }

  #take(char: string): string {
    const code = char.codePointAt(0) ?? 0;
    switch (this.#state) {
      case "text":
        if (char === "\x1b") return this.#begin("escape", char);
        if (code === 0x9b) return this.#begin("csi", "\x1b[");
        if ([0x90, 0x98, 0x9d, 0x9e, 0x9f].includes(code)) return this.#begin("string", "");
        // Other controls of the second set, and the bell, which is harmless once but not a thousand times.
        return (code >= 0x80 && code < 0xa0) || char === "\x07" || char === "\x05" ? "" : char;
      case "escape":
        if (char === "[") return this.#begin("csi", "\x1b[");
        if ("]PX^_".includes(char)) return this.#begin("string", "");
        if (code >= 0x20 && code < 0x30) return this.#more(char);
        return this.#end("78DEHM".includes(char) ? `${this.#sequence}${char}` : "");
      case "csi":
        if (code >= 0x20 && code < 0x40) return this.#more(char);
        // SGR, moves, erasing and scrolling; no modes (h, l), reports (c, n, t, x) or settings of the terminal (p, q).
        return this.#end(/^\x1b\[[\d;:]*$/.test(this.#sequence) && "mABCDEFGHJKSTfdsu".includes(char) ? `${this.#sequence}${char}` : "");
      case "string":
        if (char === "\x07" || code === 0x9c) return this.#end("");
        if (char === "\x1b") this.#state = "stringEscape";
        return "";
      case "stringEscape":
        // ESC \ ends the string; another escape sequence ends it, too.
        if (char === "\\") return this.#end("");
        this.#begin("escape", "\x1b");
        return this.#take(char);
    }
  }

  #begin(state: "escape" | "csi" | "string", sequence: string): string {
    this.#state = state;
    this.#sequence = sequence;
    return "";
  }

  #more(char: string): string {
    if (this.#sequence.length < MAX_SEQUENCE) this.#sequence += char;
    return "";
  }

  #end(shown: string): string {
    this.#state = "text";
    const isWhole = this.#sequence.length < MAX_SEQUENCE;
    this.#sequence = "";
    return isWhole ? shown : "";
  }
}
