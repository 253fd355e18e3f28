//! The message of an error beside the line that it names, until the program is edited.

import { type Extension, StateEffect, StateField } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, WidgetType } from "@codemirror/view";

class Lens extends WidgetType {
  readonly #message: string;
  constructor(message: string) {
    super();
    this.#message = message;
  }
  override eq(other: Lens): boolean {
    return other.#message === this.#message;
  }
  toDOM(): HTMLElement {
    const lens = document.createElement("span");
    lens.className = "lens";
    lens.textContent = this.#message;
    return lens;
  }
}

const show = StateEffect.define<{ line: number; message: string } | undefined>();

/** What an editor needs so that [`mark`] works. */
export const errorLens: Extension = StateField.define<DecorationSet>({
  create: () => Decoration.none,
  update(shown, transaction) {
    for (const effect of transaction.effects) {
      if (!effect.is(show)) continue;
      const { doc } = transaction.state;
      if (effect.value === undefined || effect.value.line < 1 || effect.value.line > doc.lines) return Decoration.none;
      const { from, to } = doc.line(effect.value.line);
      return Decoration.set([Decoration.line({ class: "cm-error-line" }).range(from), Decoration.widget({ widget: new Lens(effect.value.message), side: 1 }).range(to)]);
    }
    return transaction.docChanged ? Decoration.none : shown;
  },
  provide: (field) => EditorView.decorations.from(field),
});

/** Shows a message beside a line of an editor; without one, takes it away. */
export function mark(view: EditorView, at: { line: number; message: string } | undefined): void {
  view.dispatch({ effects: show.of(at) });
}
