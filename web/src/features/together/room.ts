//! A room as a page sees it: the text, who is there, and what runs. The room merges edits; this file only connects.

import * as decoding from "lib0/decoding";
import { onScopeDispose, ref, shallowRef } from "vue";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import type { Schemas } from "../../api/client.ts";
import { hueOf } from "./hue.ts";
import { MAX_NAME, type RoomAccess } from "./room-access.ts";

export type Connection = "joining" | "live" | "reconnecting" | "closed";

/** A person in the room. */
export interface Person {
  client: number;
  name: string;
  /** Which of the colours of people. */
  hue: number;
  isSelf: boolean;
  /** Whether the cursor is in the text. */
  isWriting: boolean;
}

/** What happens in a run of the room. */
export type RunNews = { by: string } & ({ type: "start" } | { type: "stdout" | "stderr"; data: string } | { type: "complete"; result: Schemas["RunResult"] } | { type: "refused"; message: string });

/** The frame of a room that holds a message of the JSON protocol. */
const EVENT = 100;
/** Codes after which the same client would be refused again. */
const isFinal = (code: number) => code >= 4400 && code < 4500;

/** Joins a room until the page goes. */
export function useRoom(access: RoomAccess, name: string, onRun: (news: RunNews) => void) {
  const doc = new Y.Doc();
  const text = doc.getText("code");
  const meta = doc.getMap<unknown>("meta");
  const connection = ref<Connection>("joining");
  /** Why the room does not take the page back. */
  const reason = ref<string>();
  const people = shallowRef<Person[]>([]);
  const lang = ref<string>();

  const provider = new WebsocketProvider(`${location.origin.replace("http", "ws")}/collab/${access.room}`, "yjs", doc, {
    params: { events: "1" },
    protocols: ["docle", `docle.token.${access.token}`],
    // Tabs of one browser would share the document beside the room, also what the room refuses.
    disableBc: true,
  });
  const { awareness } = provider;
  awareness.setLocalStateField("user", { name, ...hueOf(doc.clientID) });

  provider.messageHandlers[EVENT] = (_encoder: unknown, decoder: decoding.Decoder) => {
    const message = JSON.parse(decoding.readVarString(decoder)) as { type: string; userId?: string; data?: { type?: string } };
    if (message.type === "run" && message.data?.type !== undefined) onRun({ by: message.userId ?? "", ...message.data } as RunNews);
  };
  provider.on("sync", (isSynced: boolean) => {
    if (isSynced) connection.value = "live";
  });
  provider.on("status", ({ status }: { status: string }) => {
    if (status !== "connected" && connection.value === "live") connection.value = "reconnecting";
  });
  provider.on("connection-close", (event: CloseEvent | null) => {
    if (event === null || !isFinal(event.code)) return;
    provider.shouldConnect = false;
    [connection.value, reason.value] = ["closed", event.reason === "" ? `The room is closed (${event.code}).` : event.reason];
  });

  function count() {
    const states = Array.from(awareness.getStates() as Map<number, { user?: { name?: unknown; color?: unknown }; cursor?: unknown }>);
    people.value = states.map(([client, { user, cursor }]) => ({
      client,
      name: typeof user?.name === "string" && user.name.trim() !== "" ? user.name.slice(0, MAX_NAME) : "Guest",
      hue: hueOf(client, user?.color).hue,
      isSelf: client === doc.clientID,
      isWriting: cursor !== undefined && cursor !== null,
    }));
  }
  awareness.on("change", count);
  count();
  const readMeta = () => {
    const named = meta.get("lang");
    lang.value = typeof named === "string" ? named : undefined;
  };
  meta.observe(readMeta);

  onScopeDispose(() => {
    provider.destroy();
    doc.destroy();
  });
  return { text, awareness, connection, reason, people, lang, setLang: (next: string) => void meta.set("lang", next) };
}
