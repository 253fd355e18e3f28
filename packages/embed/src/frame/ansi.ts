//! Colours of terminals in output: text with classes, and never markup.

/** A piece of text with the classes that its colours stand for. */
export interface Piece {
  text: string;
  classes: string[];
}

const names = ["black", "red", "green", "yellow", "blue", "magenta", "cyan", "white"];

/** Control sequences: CSI, OSC up to its end, and other escapes of two characters. */
const sequence = /\x1b\[([0-9;:?]*)([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\^_]|[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f]/g;

/** Splits output into pieces. It keeps its colours, and half of a sequence, from one text to the next. */
export class Ansi {
  #colour = "";
  #bold = false;
  #rest = "";

  /** The pieces of the next text. */
  read(chunk: string): Piece[] {
    let text = this.#rest + chunk;
    this.#rest = "";
    // A sequence may come in two texts. A longer beginning is none.
    const begun = text.lastIndexOf("\x1b");
    if (begun >= 0 && text.length - begun < 64 && !/\x1b(\[[0-9;:?]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[@-Z\\^_])/.test(text.slice(begun))) {
      this.#rest = text.slice(begun);
      text = text.slice(0, begun);
    }
    const pieces: Piece[] = [];
    const add = (part: string) => part !== "" && pieces.push({ text: part, classes: [this.#colour, this.#bold ? "bold" : ""].filter(Boolean) });
    let from = 0;
    for (const match of text.matchAll(sequence)) {
      add(text.slice(from, match.index));
      from = match.index + match[0].length;
      if (match[2] === "m") this.#style(match[1] ?? "");
    }
    add(text.slice(from).replaceAll("\x1b", ""));
    return pieces;
  }

  #style(parameters: string): void {
    const codes = parameters.split(/[;:]/).map(Number);
    for (let index = 0; index < codes.length; index++) {
      const code = codes[index] ?? 0;
      if (code === 0) [this.#colour, this.#bold] = ["", false];
      else if (code === 1) this.#bold = true;
      else if (code === 22) this.#bold = false;
      else if (code >= 30 && code <= 37) this.#colour = `ansi-${names[code - 30]}`;
      else if (code >= 90 && code <= 97) this.#colour = `ansi-bright-${names[code - 90]}`;
      else if (code === 39) this.#colour = "";
      else if (code === 38 || code === 48) {
        // Of 256 colours, the first 16 are those of the terminal.
        const number = codes[index + 2] ?? 0;
        if (code === 38 && codes[index + 1] === 5) this.#colour = number < 8 ? `ansi-${names[number]}` : number < 16 ? `ansi-bright-${names[number - 8]}` : "";
        index += codes[index + 1] === 5 ? 2 : 4;
      }
    }
  }
}
