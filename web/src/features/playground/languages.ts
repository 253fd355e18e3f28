//! The languages of programs, with the versions that are here.

import { computed } from "vue";
import { call, type Schemas } from "../../api/client.ts";
import { useLoaded } from "../../use-loaded.ts";

/** What can be chosen, with the language that is in use even where it is not listed. */
export function useLanguages(current: () => string) {
  const { data: languages } = useLoaded(async () => (await call<Schemas["Languages"]>("GET", "/languages")).languages.filter(({ tier }) => tier === "run"));
  return computed(() => {
    const known = (languages.value ?? []).map(({ id, name, versions }) => ({ id, title: [name, Object.values(versions)[0] ?? ""].join(" ").trim() }));
    const lang = current();
    return known.some(({ id }) => id === lang) ? known : [{ id: lang, title: lang }, ...known];
  });
}
