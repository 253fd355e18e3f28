//! One sandbox while its page is open: what it does, and the ways to wake it and put it to sleep.

import type { Sandbox } from "@doclehq/sdk/sandboxes";
import { computed, onScopeDispose, shallowRef } from "vue";
import { ApiError } from "../../api/client.ts";
import { called, sandboxes } from "../sandboxes/client.ts";
import { isPassing, type Status } from "../sandboxes/status.ts";

/** How often the state is read while the page is seen, in milliseconds; the second while it is about to change. Reading wakes nothing. */
const REFRESH_MS = 4_000;
const PASSING_MS = 700;

export type Info = Sandbox["info"];

/** The sandbox with this id. */
export function useSandbox(id: string) {
  const sandbox = shallowRef<Sandbox>();
  const info = shallowRef<Info>();
  const error = shallowRef<unknown>();
  let isLeft = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const status = computed<Status | undefined>(() => info.value?.status);
  /** Whether it was deleted, here or elsewhere. */
  const isGone = computed(() => error.value instanceof ApiError && error.value.status === 404);

  async function refresh(): Promise<void> {
    try {
      const current = sandbox.value ?? (await called(sandboxes.get(id)));
      const read = current === sandbox.value ? await called(current.refresh()) : current.info;
      if (!isLeft) [sandbox.value, info.value, error.value] = [current, read, undefined];
    } catch (failure) {
      if (!isLeft) error.value = failure;
    }
  }
  function schedule() {
    clearTimeout(timer);
    if (isLeft || isGone.value) return;
    timer = setTimeout(async () => {
      if (document.visibilityState === "visible") await refresh();
      schedule();
    }, status.value !== undefined && isPassing(status.value) ? PASSING_MS : REFRESH_MS);
  }
  async function load() {
    await refresh();
    schedule();
  }

  /** Starts it unless it runs. What needs it may be called right after. */
  async function wake(): Promise<void> {
    if (sandbox.value === undefined || info.value === undefined) return;
    if (info.value.status !== "running") info.value = { ...info.value, status: "waking" };
    try {
      info.value = await called(sandbox.value.wake());
    } catch (failure) {
      await refresh();
      throw failure;
    }
  }
  /** Puts it to sleep; answers whether it sleeps. */
  async function sleep(): Promise<boolean> {
    if (sandbox.value === undefined) return false;
    info.value = await called(sandbox.value.sleep());
    return info.value.status === "sleeping";
  }

  onScopeDispose(() => {
    isLeft = true;
    clearTimeout(timer);
  });
  void load();
  return { sandbox, info, error, status, isGone, refresh: load, wake, sleep };
}
