//! How the page of a sandbox was left: the open files and the side. In this browser.

import { keep, kept } from "../../storage.ts";

export interface Layout {
  opened: string[];
  chosen: string | undefined;
  /** Undefined where nobody has chosen. */
  hasSide: boolean | undefined;
}

/** The most files that are opened again. */
const MOST = 20;

export function keptLayout(id: string): Layout {
  try {
    const { opened, chosen, hasSide } = JSON.parse(kept(`sandbox.${id}`) ?? "{}") as Partial<Record<keyof Layout, unknown>>;
    const paths = Array.isArray(opened) ? opened.filter((path): path is string => typeof path === "string").slice(0, MOST) : [];
    return { opened: paths, chosen: typeof chosen === "string" ? chosen : undefined, hasSide: typeof hasSide === "boolean" ? hasSide : undefined };
  } catch {
    return { opened: [], chosen: undefined, hasSide: undefined };
  }
}

export const keepLayout = (id: string, layout: Layout) => keep(`sandbox.${id}`, JSON.stringify(layout));
