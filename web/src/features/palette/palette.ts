//! Whether the command palette is open, and the keys that open it and the places of the site.

import { onMounted, onScopeDispose, shallowRef } from "vue";
import { useRouter } from "vue-router";
import { PLACES } from "./entries.ts";

/** Whether the palette is open. */
export const isPaletteOpen = shallowRef(false);

/** How long the second key of a pair may take, in milliseconds. */
const PAIR_MS = 1_000;
const TYPING = "input, textarea, select, [contenteditable], [role=dialog], [role=alertdialog], [role=menu]";

/** Listens to ⌘K, Ctrl+K, and to G with the letter of a place, while `isOn` says so. */
export function usePaletteKeys(isOn: () => boolean): void {
  const router = useRouter();
  let since = -Infinity;
  const pressed = (event: KeyboardEvent) => {
    if (!isOn()) return;
    // In a terminal, keys with Ctrl are those of the program.
    if (!event.metaKey && event.target instanceof HTMLElement && event.target.closest(".xterm") !== null) return;
    if (event.key.toLowerCase() === "k" && (event.metaKey || event.ctrlKey) && !event.altKey && !event.shiftKey) {
      event.preventDefault();
      isPaletteOpen.value = !isPaletteOpen.value;
      return;
    }
    const isOff = event.ctrlKey || event.metaKey || event.altKey || (event.target instanceof HTMLElement && event.target.closest(TYPING) !== null);
    if (isOff || event.defaultPrevented) return;
    const isSecond = event.timeStamp - since < PAIR_MS;
    since = event.key === "g" && !isSecond ? event.timeStamp : -Infinity;
    const place = isSecond ? PLACES.find(({ keys }) => keys?.[1]?.toLowerCase() === event.key) : undefined;
    if (place?.path === undefined) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    if (place.path === "/docs") location.assign(place.path);
    else void router.push(place.path);
  };
  // Before the keys of a page, one of which may be the second of a pair.
  onMounted(() => document.addEventListener("keydown", pressed, true));
  onScopeDispose(() => document.removeEventListener("keydown", pressed, true));
}
