//! Code that is loaded when it is needed. A deployment gives files other names, and networks break: then it does not arrive.
//! Browsers remember within a page that a module failed, so only loading the page anew asks for it again.

import { type Component, defineAsyncComponent } from "vue";
import NotLoaded from "./components/NotLoaded.vue";

/** For how long a page that was loaded anew is not loaded anew again, in milliseconds. */
const RELOAD_MS = 10_000;
const KEY = "docle.reloaded";

/** Loads a path of the site anew, whole; answers false where that was just tried, or where the browser keeps nothing. */
export function loadAnew(path: string): boolean {
  try {
    if (Date.now() - Number(sessionStorage.getItem(KEY)) < RELOAD_MS) return false;
    sessionStorage.setItem(KEY, String(Date.now()));
  } catch {
    return false;
  }
  // Another fragment alone loads nothing.
  if (location.pathname + location.search === path.replace(/#.*/, "")) location.reload();
  else location.assign(path);
  return true;
}

/** Loads a module of this page. Where it does not arrive, the page is loaded anew, once. */
export async function arrived<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    if (!loadAnew(location.pathname + location.search)) throw error;
    return new Promise(() => {});
  }
}

/** A part of a page. Where its code does not come, the part says so and offers to load the page again. */
export const part = (load: () => Promise<{ default: Component }>) => defineAsyncComponent({ loader: () => arrived(load), delay: 0, errorComponent: NotLoaded });
