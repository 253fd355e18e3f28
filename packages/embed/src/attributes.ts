//! Playgrounds from HTML: `data-docle`, and the element `<code-run>`.

import { Embed, type EmbedOptions } from "../../sdk/src/embed.ts";

/** Options that a page sets for all its playgrounds. */
export type Defaults = Pick<EmbedOptions, "publishableKey" | "endpoint">;

const made = new WeakMap<Element, Embed>();

/** The options that the attributes of an element name; `prefix` is `data-` or nothing. */
export function optionsOf(element: Element, prefix: string, defaults: Defaults): EmbedOptions {
  const text = (name: string) => element.getAttribute(prefix + name) ?? undefined;
  const isOn = (name: string) => ["", "true"].includes(text(name) ?? "false");
  const entries = {
    code: text("code"),
    lang: text("lang"),
    theme: text("theme"),
    height: text("height"),
    stdin: text("stdin"),
    loading: text("loading"),
    title: element.getAttribute("title") ?? undefined,
    publishableKey: text("key") ?? defaults.publishableKey,
    endpoint: text("endpoint") ?? defaults.endpoint,
    readonly: isOn("readonly"),
    autorun: isOn("autorun"),
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as EmbedOptions;
}

/** Makes a playground of every element with `data-docle` that is none yet, and tells which there are now. */
export function embedAll(root: ParentNode = document, defaults: Defaults = {}): Embed[] {
  return [...root.querySelectorAll<HTMLElement>("[data-docle]")].map((element) => {
    const embed = made.get(element) ?? new Embed(element, optionsOf(element, "data-", defaults));
    made.set(element, embed);
    return embed;
  });
}

/** Defines the element `<code-run>`, if the page has none. Where there are no elements, as on a server, it does nothing. */
export function defineCodeRun(defaults: Defaults = {}): void {
  if (typeof customElements === "undefined" || customElements.get("code-run")) return;
  customElements.define(
    "code-run",
    class extends HTMLElement {
      embed: Embed | undefined;

      connectedCallback(): void {
        this.style.display ||= "block";
        // The parser may not have read the text yet.
        setTimeout(() => this.isConnected && (this.embed ??= new Embed(this, optionsOf(this, "", defaults))));
      }

      disconnectedCallback(): void {
        this.embed?.destroy();
        this.embed = undefined;
      }
    },
  );
}
