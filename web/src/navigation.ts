//! How a page opens the navigation where the screen is too narrow for it.

import type { InjectionKey } from "vue";

export const OPEN_NAVIGATION: InjectionKey<() => void> = Symbol("open navigation");
