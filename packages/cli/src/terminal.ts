//! What a program writes, for a terminal. A program that nobody trusts must not command the terminal of who runs it.

/** Longer than every sequence that is let through; what is longer is dropped as it comes. */
const MAX_SEQUENCE = 64;

/** Modes of a terminal that programs which draw screens use; see DECSET in xterm's list of control sequences. */
const SCREEN_MODES = new Set([1, 6, 7, 12, 25, 47, 1000, 1002, 1003, 1006, 1047, 1048, 1049, 2004, 2026]);
/** Those of them that are on in a terminal that nobody has used: wrapping, and a cursor that is seen. */
const ON = new Set([7, 25]);

/**
 * Lets text, colours and moves of the cursor pass. Commands to the terminal itself do not: titles, the clipboard, links (OSC),
 * device strings (DCS, APC, PM, SOS), and questions that the terminal would answer into the input of the shell.
 *
 * With `screen` a program may draw: it uses the other screen, hides the cursor, asks for the mouse, and asks where the cursor is.
 * The answer to that has only digits. {@link TerminalFilter.reset} takes back what it has left.
 */
export class TerminalFilter {
  readonly #screen: boolean;
  /** The modes that are not as they were. */
  readonly #changed = new Set<number>();
  #state: "text" | "escape" | "csi" | "string" | "stringEscape" = "text";
  #sequence = "";

  constructor(screen = false) {
    this.#screen = screen;
  }

  /** What makes the terminal as it was before. */
  reset(): string {
    const modes = [...this.#changed].map((mode) => `\x1b[?${mode}${ON.has(mode) ? "h" : "l"}`);
    this.#changed.clear();
    return `${modes.join("")}\x1b[!p\x1b[0m`;
  }

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
        return (code >= 0x80 && code < 0xa0) || (char === "\x07" && !this.#screen) || char === "\x05" ? "" : char;
      case "escape":
        if (char === "[") return this.#begin("csi", "\x1b[");
        if ("]PX^_".includes(char)) return this.#begin("string", "");
        if (code >= 0x20 && code < 0x30) return this.#more(char);
        return this.#end("78DEHM".includes(char) || (this.#screen && this.#isOfScreen(char)) ? `${this.#sequence}${char}` : "");
      case "csi":
        if (code >= 0x20 && code < 0x40) return this.#more(char);
        // SGR, moves, erasing and scrolling; no modes (h, l), reports (c, n, t, x) or settings of the terminal (p, q).
        if (this.#screen && this.#isOfScreen(char)) return this.#end(`${this.#sequence}${char}`);
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

  /** Whether a program that draws may end a sequence with this character. */
  #isOfScreen(char: string): boolean {
    const sequence = this.#sequence;
    const modes = sequence.match(/^\x1b\[\?([\d;]+)$/)?.[1]?.split(";").map(Number);
    if (modes) {
      if (!"hl".includes(char) || !modes.every((mode) => SCREEN_MODES.has(mode))) return false;
      for (const mode of modes) {
        if (ON.has(mode) === (char === "h")) this.#changed.delete(mode);
        else this.#changed.add(mode);
      }
      return true;
    }
    // Keypad and character sets; inserting, deleting and margins; insert mode; the cursor's place and shape; a soft reset.
    return (sequence === "\x1b" && "=>".includes(char)) || (/^\x1b[()]$/.test(sequence) && "B0".includes(char)) || (/^\x1b\[[\d;]*$/.test(sequence) && "@ILMPXZ`abegr".includes(char)) || (sequence === "\x1b[4" && "hl".includes(char)) || (sequence === "\x1b[6" && char === "n") || (/^\x1b\[\d? $/.test(sequence) && char === "q") || (sequence === "\x1b[!" && char === "p");
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
