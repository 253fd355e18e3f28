//! A composable that runs programs and gives what to show of them.

import { RunStore, type RunResult, type RunState, type RunStoreOptions } from "@doclehq/sdk";
import { computed, onScopeDispose, shallowRef, toValue, type ComputedRef, type MaybeRefOrGetter } from "vue";

/** What `useDocle` gives: each field of the state, and what changes it. */
export type UseDocle = { readonly [Field in keyof RunState]: ComputedRef<RunState[Field]> } & {
  /**
   * Runs a program; one that still runs is left. Resolves with the result, or with `undefined` if there is none: `error` says
   * why then, unless the run was cancelled or another one took its place.
   */
  run(code: string, options?: RunStoreOptions): Promise<RunResult | undefined>;
  /** Ends the run that is in progress; what it has written stays. */
  cancel(): void;
  /** Ends a run and forgets what the last one has written. */
  reset(): void;
};

/**
 * Runs programs, one at a time. A run is left when its component is.
 *
 * @param options settings of every run, which may be reactive; `run` takes further ones.
 */
export function useDocle(options: MaybeRefOrGetter<RunStoreOptions> = {}): UseDocle {
  const store = new RunStore();
  const state = shallowRef(store.getState());
  const unsubscribe = store.subscribe(() => void (state.value = store.getState()));
  onScopeDispose(() => {
    unsubscribe();
    store.cancel();
  });
  return {
    loading: computed(() => state.value.loading),
    stdout: computed(() => state.value.stdout),
    stderr: computed(() => state.value.stderr),
    result: computed(() => state.value.result),
    error: computed(() => state.value.error),
    run: (code, further) => store.run(code, { ...toValue(options), ...further }),
    cancel: store.cancel,
    reset: store.reset,
  };
}
