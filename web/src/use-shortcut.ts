//! A key of the page: off while one types, and while a dialog is open.

import { onMounted, onScopeDispose } from "vue";

/** Calls `run` when the key is pressed alone. */
export function useShortcut(key: string, run: (event: KeyboardEvent) => void): void {
  const pressed = (event: KeyboardEvent) => {
    if (event.key !== key || event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target instanceof HTMLElement && event.target.closest("input, textarea, select, [contenteditable], [role=dialog], [role=alertdialog], [role=menu]") !== null) return;
    event.preventDefault();
    run(event);
  };
  onMounted(() => document.addEventListener("keydown", pressed));
  onScopeDispose(() => document.removeEventListener("keydown", pressed));
}
