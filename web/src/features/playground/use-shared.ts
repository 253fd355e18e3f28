//! Sharing: a link that holds the program, and a program that came with one.

import { onMounted, shallowRef, watch } from "vue";
import { useRoute, useRouter } from "vue-router";
import { takeFragment } from "../../router.ts";
import { toast } from "../../toasts.ts";
import { sharedIn, sharedLink } from "./share.ts";

/**
 * Opens what the address holds, also when it changes; answers with the function that shares a program, and with the program that
 * waits: where the browser keeps another one, `mayReplace` says no, and its reader is asked.
 */
export function useShared<T extends object>(read: (value: unknown) => T | undefined, open: (program: T) => void, mayReplace: (program: T) => boolean) {
  const waiting = shallowRef<T>();
  function take(program: T) {
    waiting.value = undefined;
    open(program);
  }
  const route = useRoute();
  const router = useRouter();
  const page = route.path;

  async function openShared() {
    const found = await sharedIn(route.hash === "" ? takeFragment() : route.hash, read);
    if (found !== undefined) mayReplace(found) ? take(found) : (waiting.value = found);
    else if (route.hash.startsWith("#z=")) toast("The link holds no program.", true);
  }
  onMounted(() => void openShared());
  watch(() => route.hash, (hash) => route.path === page && hash.startsWith("#z=") && void openShared());

  async function share(program: object): Promise<void> {
    const link = await sharedLink(page, program);
    if (link === undefined) return toast("Too long for a link.", true);
    try {
      await navigator.clipboard.writeText(location.origin + link);
      toast("The link is copied. It holds the program itself.");
    } catch {
      toast("This browser does not let the page copy. The link is in the address bar.");
    }
    await router.replace(link);
  }
  return { share, waiting, take };
}
