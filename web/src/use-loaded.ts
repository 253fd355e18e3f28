//! Data of the API in a component: loading, there, failed, or failed after it was there.

import { onScopeDispose, shallowRef, watch, type Ref, type WatchSource } from "vue";

export interface Loaded<T> {
  data: Ref<T | undefined>;
  error: Ref<unknown>;
  /** Whether loading takes long enough to be shown. */
  isSlow: Ref<boolean>;
  reload: () => Promise<void>;
}

/** How long nothing is shown while data loads, in milliseconds. */
const QUIET_MS = 150;

/** Loads now and whenever `source` changes; an answer that was overtaken is dropped. */
export function useLoaded<T>(load: () => Promise<T>, source?: WatchSource<unknown>): Loaded<T> {
  const data = shallowRef<T>();
  const error = shallowRef<unknown>();
  const isSlow = shallowRef(false);
  let latest = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const reload = async () => {
    const mine = ++latest;
    timer ??= setTimeout(() => (isSlow.value = true), QUIET_MS);
    try {
      const loaded = await load();
      if (mine === latest) [data.value, error.value] = [loaded, undefined];
    } catch (failure) {
      if (mine === latest) error.value = failure;
    }
    if (mine === latest) {
      clearTimeout(timer);
      timer = undefined;
      isSlow.value = false;
    }
  };
  if (source !== undefined) {
    watch(source, () => {
      data.value = undefined;
      void reload();
    });
  }
  onScopeDispose(() => {
    latest += 1;
    clearTimeout(timer);
  });
  void reload();
  return { data, error, isSlow, reload };
}
