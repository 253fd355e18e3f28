//! The cursors and selections of the others, in the form that editors with Yjs exchange. Colours are classes: the policy of the
//! page forbids styles of elements.

import { Annotation, type Extension, type Range, RangeSet } from "@codemirror/state";
import { Decoration, type DecorationSet, EditorView, ViewPlugin, type ViewUpdate, WidgetType } from "@codemirror/view";
import type { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { hueOf } from "./hue.ts";
import { MAX_NAME } from "./room-access.ts";

type Awareness = WebsocketProvider["awareness"];
interface State {
  user?: { name?: unknown; color?: unknown };
  cursor?: { anchor: unknown; head: unknown } | null;
}

class Caret extends WidgetType {
  readonly #name: string;
  readonly #hue: number;
  constructor(name: string, hue: number) {
    super();
    [this.#name, this.#hue] = [name, hue];
  }
  override eq(other: Caret): boolean {
    return other.#name === this.#name && other.#hue === this.#hue;
  }
  toDOM(): HTMLElement {
    const caret = document.createElement("span");
    caret.className = `peer-caret hue-${this.#hue}`;
    const flag = document.createElement("span");
    flag.className = "peer-flag";
    flag.textContent = this.#name;
    // A joiner keeps the height of the line without adding to its width.
    caret.append("\u2060", flag);
    return caret;
  }
  override ignoreEvent(): boolean {
    return true;
  }
}

const moved = Annotation.define<boolean>();

/** Shows where the others are in a text, and tells them where this editor is. */
export function cursors(text: Y.Text, awareness: Awareness): Extension {
  return ViewPlugin.fromClass(
    class {
      decorations: DecorationSet = RangeSet.empty;
      readonly #listen: (change: Record<"added" | "updated" | "removed", number[]>) => void;

      constructor(view: EditorView) {
        // What this editor itself tells comes in the middle of an update of its own.
        this.#listen = ({ added, updated, removed }) => {
          if ([...added, ...updated, ...removed].some((client) => client !== text.doc?.clientID)) view.dispatch({ annotations: [moved.of(true)] });
        };
        awareness.on("change", this.#listen);
        this.#draw(view);
      }
      update(update: ViewUpdate) {
        if (update.selectionSet || update.docChanged || update.focusChanged) this.#tell(update.view);
        this.#draw(update.view);
      }
      destroy() {
        awareness.off("change", this.#listen);
        awareness.setLocalStateField("cursor", null);
      }

      #tell(view: EditorView) {
        const before = (awareness.getLocalState() as State | null)?.cursor;
        if (!view.hasFocus) {
          if (before) awareness.setLocalStateField("cursor", null);
          return;
        }
        const { anchor, head } = view.state.selection.main;
        const place = (index: number) => Y.createRelativePositionFromTypeIndex(text, Math.min(index, text.length));
        const cursor = JSON.parse(JSON.stringify({ anchor: place(anchor), head: place(head) })) as NonNullable<State["cursor"]>;
        if (JSON.stringify(cursor) !== JSON.stringify(before)) awareness.setLocalStateField("cursor", cursor);
      }
      #draw(view: EditorView) {
        const { doc } = text;
        const ranges: Range<Decoration>[] = [];
        for (const [client, state] of awareness.getStates() as Map<number, State>) {
          if (doc === null || client === doc.clientID || !state.cursor) continue;
          const [anchor, head] = [indexOf(state.cursor.anchor, doc), indexOf(state.cursor.head, doc)];
          if (anchor === undefined || head === undefined) continue;
          const { hue } = hueOf(client, state.user?.color);
          const [from, to] = [Math.min(anchor, head, view.state.doc.length), Math.min(Math.max(anchor, head), view.state.doc.length)];
          if (from < to) ranges.push(Decoration.mark({ class: `peer-selection hue-${hue}` }).range(from, to));
          const name = typeof state.user?.name === "string" ? state.user.name.slice(0, MAX_NAME) : "Guest";
          const at = Math.min(head, view.state.doc.length);
          ranges.push(Decoration.widget({ side: head > anchor ? -1 : 1, widget: new Caret(name, hue) }).range(at));
        }
        this.decorations = Decoration.set(ranges, true);
      }
    },
    { decorations: (plugin) => plugin.decorations },
  );

  function indexOf(position: unknown, doc: Y.Doc): number | undefined {
    try {
      const found = Y.createAbsolutePositionFromRelativePosition(Y.createRelativePositionFromJSON(position), doc);
      return found?.type === text ? found.index : undefined;
    } catch {
      // Another client may send anything.
      return undefined;
    }
  }
}
