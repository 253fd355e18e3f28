//! A hook that runs programs and gives what to show of them.

import { RunStore, type RunResult, type RunState, type RunStoreOptions } from "@doclehq/sdk";
import { useCallback, useEffect, useInsertionEffect, useRef, useState, useSyncExternalStore } from "react";

/** What `useDocle` gives. Each function is the same one at every rendering. */
export interface UseDocle extends RunState {
  /**
   * Runs a program; one that still runs is left. Resolves with the result, or with `undefined` if there is none: `error` says
   * why then, unless the run was cancelled or another one took its place.
   */
  run(code: string, options?: RunStoreOptions): Promise<RunResult | undefined>;
  /** Ends the run that is in progress; what it has written stays. */
  cancel(): void;
  /** Ends a run and forgets what the last one has written. */
  reset(): void;
}

/**
 * Runs programs, one at a time. A run is left when its component is.
 *
 * @param options settings of every run; `run` takes further ones.
 */
export function useDocle(options: RunStoreOptions = {}): UseDocle {
  const [store] = useState(() => new RunStore());
  const state = useSyncExternalStore(store.subscribe, store.getState, store.getState);
  const latest = useRef(options);
  useInsertionEffect(() => void (latest.current = options));
  useEffect(() => store.cancel, [store]);
  const run = useCallback((code: string, further?: RunStoreOptions) => store.run(code, { ...latest.current, ...further }), [store]);
  return { ...state, run, cancel: store.cancel, reset: store.reset };
}
