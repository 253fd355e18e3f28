//! The keys of a tool: run, stop, and what its page makes of the key that saves. In a terminal they are those of the program.

import { onMounted, onScopeDispose } from "vue";

/** Listens to the keys while the page is there. The editor has keys of its own. */
export function useKeys(actions: { run: () => void; stop: () => void; save: () => void }): void {
  function pressed(event: KeyboardEvent) {
    if (event.target instanceof HTMLElement && event.target.closest(".xterm") !== null) return;
    const isOutside = !(event.target instanceof HTMLElement && event.target.closest(".cm-editor, [role=dialog], [role=menu]") !== null);
    const withModifier = event.ctrlKey || event.metaKey;
    if (withModifier && event.key === "Enter" && isOutside) actions.run();
    else if ((withModifier && event.key === ".") || (event.key === "Escape" && isOutside)) actions.stop();
    else if (withModifier && event.key === "s") {
      event.preventDefault();
      actions.save();
    }
  }
  onMounted(() => document.addEventListener("keydown", pressed));
  onScopeDispose(() => document.removeEventListener("keydown", pressed));
}
