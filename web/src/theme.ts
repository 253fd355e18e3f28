//! The theme: dark, light, or that of the system. index.html applies what is kept before the first paint.

import { shallowRef } from "vue";
import { keep, kept } from "./storage.ts";

export const THEMES = ["dark", "light", "system"] as const;
export type Theme = (typeof THEMES)[number];

const stored = kept("theme");
export const theme = shallowRef<Theme>(THEMES.find((one) => one === stored) ?? "dark");

/** Shows a theme, and keeps it. */
export function setTheme(next: Theme): void {
  theme.value = next;
  document.documentElement.dataset["theme"] = next;
  keep("theme", next);
}
