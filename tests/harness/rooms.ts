//! People in a room: stock Yjs clients, and clients of the JSON protocol.

import assert from "node:assert/strict";
import { WebsocketProvider } from "y-websocket";
import * as Y from "yjs";
import { until } from "./until.ts";

/** Who came in. A client that a failed test left there would keep the process alive. */
const everybody = new Set<{ leave(): void }>();

/** Ends every connection that is left. */
export function everybodyLeaves(): void {
  everybody.forEach((person) => person.leave());
}

/** Enough for a busy machine; nothing waits that long that is not broken. */
const PATIENCE_S = 60;

/** A person with an editor that speaks Yjs, made of yjs and y-websocket as npm has them. */
export class YjsPerson {
  readonly doc = new Y.Doc();
  readonly text = this.doc.getText("code");
  readonly provider: WebsocketProvider;
  /** How often it was connected. */
  connections = 0;
  /** Why it was disconnected, last. */
  closed: { code: number; reason: string } | undefined;

  constructor(url: string, room: string, options: { token?: string; params?: Record<string, string>; path?: string; connect?: boolean } = {}) {
    const { token, params = {}, path = "yjs", connect = true } = options;
    everybody.add(this);
    this.provider = new WebsocketProvider(`${url.replace("http", "ws")}/collab/${room}`, path, this.doc, {
      params,
      connect,
      // Browsers share documents between tabs this way; here it would pass by the room.
      disableBc: true,
      protocols: token === undefined ? [] : ["docle", `docle.token.${token}`],
    });
    this.provider.on("status", ({ status }: { status: string }) => void (status === "connected" && this.connections++));
    this.provider.on("connection-close", (event: CloseEvent | null) => {
      if (event) this.closed = { code: event.code, reason: event.reason };
    });
  }

  async synced(): Promise<this> {
    await until("a Yjs client to be in step", () => this.provider.synced, PATIENCE_S);
    return this;
  }

  type(at: number, text: string): void {
    this.text.insert(at, text);
  }

  get code(): string {
    return this.text.toString();
  }

  /** States of the others and one's own, by client. */
  get states(): Record<string, any>[] {
    return [...this.provider.awareness.getStates().values()];
  }

  leave(): void {
    everybody.delete(this);
    this.provider.destroy();
    this.doc.destroy();
  }
}

export interface Message {
  type: string;
  userId?: string;
  timestamp?: number;
  data?: any;
}

/** A client that sends whole texts, as the JSON protocol has it. */
export class JsonPerson {
  readonly socket: WebSocket;
  readonly heard: Message[] = [];
  code = "";
  rev: number | undefined;
  closed: { code: number; reason: string } | undefined;

  constructor(url: string, room: string, options: { token?: string; query?: string } = {}) {
    everybody.add(this);
    const protocols = options.token === undefined ? [] : ["docle", `docle.token.${options.token}`];
    this.socket = new WebSocket(`${url.replace("http", "ws")}/collab/${room}/websocket${options.query ?? ""}`, protocols);
    this.socket.addEventListener("message", ({ data }) => {
      assert.equal(typeof data, "string", "JSON is spoken in text");
      const message = JSON.parse(data) as Message;
      this.heard.push(message);
      if (["init", "sync", "update"].includes(message.type)) {
        this.code = message.data.code;
        this.rev = message.data.rev;
      }
    });
    this.socket.addEventListener("close", ({ code, reason }) => void (this.closed = { code, reason }));
    this.socket.addEventListener("error", () => undefined);
  }

  /** Resolves when it knows the room, which it asks for at once instead of waiting to be told. */
  async greeted(): Promise<this> {
    await until("a socket to open", () => this.socket.readyState !== WebSocket.CONNECTING, PATIENCE_S);
    this.send({ type: "sync" });
    await this.hears("init");
    return this;
  }

  send(message: Record<string, unknown> | string): void {
    this.socket.send(typeof message === "string" ? message : JSON.stringify(message));
  }

  /** Sends the text that it has now, as made of the revision that it saw last. */
  sends(code: string, more: Record<string, unknown> = {}): void {
    this.code = code;
    this.send({ type: "update", rev: this.rev, data: { code, ...more } });
  }

  /** The first message of this type that `matches`, which may have come already. */
  async hears(type: string, matches: (message: Message) => boolean = () => true): Promise<Message> {
    const find = () => this.heard.find((message) => message.type === type && matches(message));
    await until(`a message of type ${type} among ${JSON.stringify(this.heard).slice(0, 2_000)}`, () => find() !== undefined, PATIENCE_S);
    return find() as Message;
  }

  leave(): void {
    everybody.delete(this);
    this.socket.close();
  }
}

/** Resolves when all of them have the same text; gives it. */
export async function same(...people: { code: string }[]): Promise<string> {
  await until(`the same text: ${people.map(({ code }) => JSON.stringify(code).slice(0, 200))}`, () => new Set(people.map(({ code }) => code)).size === 1, PATIENCE_S);
  return people[0]?.code ?? "";
}

/** An open room. */
export async function openRoom(url: string): Promise<string> {
  const response = await fetch(`${url}/collab`, { redirect: "manual" });
  assert.equal(response.status, 302);
  const room = response.headers.get("location")?.match(/^\/collab\/(open_[0-9a-f]{32})$/)?.[1];
  assert.ok(room);
  return room;
}

export interface OwnedRoom {
  id: string;
  url: string;
  websocket: string;
  yjs: string;
  token: string;
  role: string;
  expires_at: string;
}
