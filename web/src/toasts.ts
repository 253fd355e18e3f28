//! Short messages at the edge: what happened somewhere else than where one looks.

import { ref } from "vue";

export interface Toast {
  id: number;
  text: string;
  isError: boolean;
  /** What takes back what happened. */
  action?: ToastAction | undefined;
}

export interface ToastAction {
  label: string;
  run: () => void;
}

export const toasts = ref<Toast[]>([]);
const SHOWN_MS = 5_000;
const MOST = 3;
let next = 0;

/** Shows a message; one about a failure stays until it is closed. */
export function toast(text: string, isError = false, action?: ToastAction): void {
  const id = next++;
  // The same message once: what its button takes back is what happened last.
  toasts.value = [...toasts.value.filter((one) => one.text !== text), { id, text, isError, action }].slice(-MOST);
  if (!isError) setTimeout(() => dismiss(id), SHOWN_MS);
}

/** Takes a message away. */
export function dismiss(id: number): void {
  toasts.value = toasts.value.filter((one) => one.id !== id);
}
