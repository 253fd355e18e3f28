//! Trees of a sandbox, as the Worker's object keeps them: packs and manifests in a bucket.

import assert from "node:assert/strict";
import type { RunnerSandbox } from "./sandboxes.ts";

const MANIFEST = 1;
const PACK = 2;
const END = 3;

/** What the runner says at the end of a tree. */
export interface Summary {
  packs: { save: number; number: number }[];
  entries: number;
  contentBytes: number;
  newBytes: number;
}

export interface Tree {
  manifest: Buffer;
  summary: Summary;
}

/** A frame of a tree on its way. */
export function frame(kind: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt8(kind, 0);
  head.writeUInt32LE(content.length, 1);
  return Buffer.concat([head, content]);
}

/** The frames in some bytes. */
export function* frames(bytes: Buffer): Generator<[kind: number, content: Buffer]> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + 5 + bytes.readUInt32LE(at + 1);
    assert(end <= bytes.length, "the last frame is whole");
    yield [bytes.readUInt8(at), bytes.subarray(at + 5, end)];
    at = end;
  }
}

const END_FRAME = frame(END, Buffer.from('{"packs":[],"entries":0,"contentBytes":0,"newBytes":0}'));

/** The packs of one sandbox. */
export class Bucket {
  readonly packs = new Map<string, Buffer>();
  #saves = 0;

  /** Saves a sandbox on top of an earlier tree, and stores what is new. */
  async save(sandbox: RunnerSandbox, base?: Tree): Promise<Tree> {
    const save = ++this.#saves;
    const body = base ? Buffer.concat([frame(MANIFEST, base.manifest), END_FRAME]) : END_FRAME;
    const response = await sandbox.request("POST", `/tree?save=${save}`, Uint8Array.from(body));
    assert.equal(response.status, 200, await (response.status === 200 ? "" : response.clone().text()));
    const manifest: Buffer[] = [];
    let [number, summary]: [number, Summary | undefined] = [0, undefined];
    for (const [kind, content] of frames(Buffer.from(await response.arrayBuffer()))) {
      assert(!summary, "nothing comes after the end");
      if (kind === PACK) this.packs.set(`${save}-${number++}`, content);
      else if (kind === MANIFEST) manifest.push(content);
      else summary = JSON.parse(content.toString()) as Summary;
    }
    assert(summary);
    return { manifest: Buffer.concat(manifest), summary };
  }

  /** What restores a tree. */
  body(tree: Tree): Buffer {
    const packs = tree.summary.packs.map(({ save, number }) => frame(PACK, this.packs.get(`${save}-${number}`)!));
    return Buffer.concat([frame(MANIFEST, tree.manifest), ...packs, END_FRAME]);
  }

  /** Changes what differs between two trees, the second of which was saved on top of the first. */
  patch(sandbox: RunnerSandbox, before: Tree, after: Tree): Promise<Response> {
    // What the second one alone has lies in packs of its own.
    const added = after.summary.packs.filter((pack) => !before.summary.packs.some((known) => known.save === pack.save && known.number === pack.number));
    const packs = added.map(({ save, number }) => frame(PACK, this.packs.get(`${save}-${number}`)!));
    const body = [frame(MANIFEST, before.manifest), END_FRAME, frame(MANIFEST, after.manifest), ...packs, END_FRAME];
    return sandbox.request("PATCH", "/tree", Uint8Array.from(Buffer.concat(body)));
  }

  restore(sandbox: RunnerSandbox, tree: Tree): Promise<Response> {
    return sandbox.request("PUT", "/tree", Uint8Array.from(this.body(tree)));
  }
}
