//! The editor: CodeMirror with few extensions, whose parser arrives when its language is chosen.

import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, HighlightStyle, indentService, indentUnit, LRLanguage, syntaxHighlighting } from "@codemirror/language";
import { Compartment, EditorState, Prec, type Extension } from "@codemirror/state";
import { drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, keymap, lineNumbers } from "@codemirror/view";
import { tags } from "@lezer/highlight";
import { errorLens, mark } from "./error-lens.ts";

/** What an editor begins with. */
export interface EditorOptions {
  parent: HTMLElement;
  code: string;
  mode: string;
  readonly: boolean;
  nonce: string;
  /** Ctrl+Enter or Cmd+Enter. */
  run: () => void;
  /** The program has changed. */
  changed: () => void;
  /** What others who edit the same text bring along, in place of a history of one's own. */
  together?: Extension;
}

/** The editor of the frame. */
export interface Editor {
  code(): string;
  setCode(code: string): void;
  setMode(mode: string): void;
  focus(): void;
  /** Shows a message beside a line until the program is edited; without one, takes it away. */
  mark(at: { line: number; message: string } | undefined): void;
}

const colours = HighlightStyle.define([
  { tag: [tags.keyword, tags.self, tags.moduleKeyword], class: "tok-keyword" },
  { tag: [tags.string, tags.special(tags.string)], class: "tok-string" },
  { tag: [tags.number, tags.bool, tags.null, tags.atom], class: "tok-number" },
  { tag: [tags.comment, tags.meta], class: "tok-comment" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], class: "tok-function" },
  { tag: [tags.typeName, tags.className], class: "tok-type" },
  { tag: tags.propertyName, class: "tok-property" },
  { tag: [tags.operator, tags.punctuation], class: "tok-operator" },
  { tag: [tags.regexp, tags.escape], class: "tok-regexp" },
  { tag: tags.tagName, class: "tok-tag" },
]);

/** The parsers, each a file of its own. */
const parsers: Record<string, () => Promise<LRLanguage>> = {
  python: async () => LRLanguage.define({ parser: (await import("@lezer/python")).parser, languageData: { commentTokens: { line: "#" } } }),
  javascript: async () => LRLanguage.define({ parser: (await import("@lezer/javascript")).parser, languageData: { commentTokens: { line: "//", block: { open: "/*", close: "*/" } } } }),
};

/** A line is as deep as the one before it, and deeper after what opens a block. */
const indentation = indentService.of((context, position) => {
  const { text } = context.lineAt(Math.max(0, position - 1), -1);
  const depth = text.length - text.trimStart().length;
  return /[:{([]\s*$/.test(text) ? depth + context.unit : depth;
});

/** Makes the editor. */
export function createEditor({ parent, code, mode, readonly, nonce, run, changed, together }: EditorOptions): Editor {
  const language = new Compartment();
  const unit = new Compartment();
  let wanted = "";
  let leaves = false;
  const label = readonly ? "Program, read only." : "Program. Escape, then Tab leaves the editor.";
  // Escape, then Tab moves the focus on: without it the keyboard is caught in the editor.
  const leaving = EditorView.domEventHandlers({
    keydown(event) {
      if (event.key === "Tab" && leaves) return true;
      leaves = event.key === "Escape";
      return false;
    },
    blur() {
      leaves = false;
      return false;
    },
  });
  const keys = Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (run(), true) }, { key: "Ctrl-Enter", run: () => (run(), true) }]));
  const extensions: Extension[] = [
    Prec.highest(leaving),
    keys,
    lineNumbers(),
    highlightActiveLineGutter(),
    highlightActiveLine(),
    together ?? [history(), keymap.of(historyKeymap)],
    drawSelection(),
    bracketMatching(),
    errorLens,
    indentation,
    syntaxHighlighting(colours),
    language.of([]),
    unit.of([]),
    keymap.of([indentWithTab, ...defaultKeymap]),
    EditorView.cspNonce.of(nonce),
    EditorView.contentAttributes.of({ "aria-label": label, tabindex: "0", spellcheck: "false", autocapitalize: "off", autocorrect: "off" }),
    EditorView.updateListener.of((update) => update.docChanged && changed()),
    ...(readonly ? [EditorState.readOnly.of(true)] : []),
  ];
  const view = new EditorView({ parent, state: EditorState.create({ doc: code, extensions }) });
  const setMode = (next: string) => {
    wanted = next;
    const width = next === "python" ? "    " : "  ";
    view.dispatch({ effects: unit.reconfigure(indentUnit.of(width)) });
    const load = parsers[next === "typescript" ? "javascript" : next];
    void load?.().then(
      (support) => wanted === next && view.dispatch({ effects: language.reconfigure(support) }),
      // Without colours the editor still edits.
      () => undefined,
    );
  };
  setMode(mode);
  return {
    code: () => view.state.doc.toString(),
    setCode: (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } }),
    setMode,
    focus: () => view.focus(),
    mark: (at) => mark(view, at),
  };
}
