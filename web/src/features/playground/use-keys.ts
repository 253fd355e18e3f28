//! The keys of a playground: run, stop, share.

import { onMounted, onScopeDispose } from "vue";

/** Listens to the keys while the page is there. The editor has keys of its own. */
export function useKeys(actions: { run: () => void; stop: () => void; share: () => void }): void {
  function pressed(event: KeyboardEvent) {
    const isOutside = !(event.target instanceof HTMLElement && event.target.closest(".cm-editor, [role=dialog], [role=menu]") !== null);
    const withModifier = event.ctrlKey || event.metaKey;
    if (withModifier && event.key === "Enter" && isOutside) actions.run();
    else if ((withModifier && event.key === ".") || (event.key === "Escape" && isOutside)) actions.stop();
    else if (withModifier && event.key === "s") {
      event.preventDefault();
      actions.share();
    }
  }
  onMounted(() => document.addEventListener("keydown", pressed));
  onScopeDispose(() => document.removeEventListener("keydown", pressed));
}
