//! Playgrounds from HTML: `data-docle`, and the element `<code-run>`.

import { dedent, Embed, type EmbedOptions } from "../../sdk/src/embed.ts";

/** Options that a page sets for all its playgrounds. */
export type Defaults = Pick<EmbedOptions, "publishableKey" | "endpoint">;

const made = new WeakMap<Element, Embed>();

/** The element of a page that `#id` names. */
function named(selector: string): Element {
  const element = document.getElementById(selector.slice(1));
  if (element === null) throw new Error(`Docle: there is no element ${selector} in this page.`);
  return element;
}

/** The text of an element, also of a `<template>`. */
const textOf = (element: Element) => dedent((element instanceof HTMLTemplateElement ? element.content : element).textContent ?? "");

/** The options that the attributes of an element name; `prefix` is `data-` or nothing. */
export function optionsOf(element: Element, prefix: string, defaults: Defaults): EmbedOptions {
  const text = (name: string) => element.getAttribute(prefix + name) ?? undefined;
  const isOn = (name: string) => ["", "true"].includes(text(name) ?? "false");
  /** The text of an attribute, or of the element that it names by `#id`. */
  const long = (name: string) => {
    const value = text(name);
    return value?.startsWith("#") ? textOf(named(value)) : value;
  };
  const check = text("check");
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
    packages: text("packages")?.split(/[\s,]+/).filter(Boolean),
    files: text("files")?.trim().split(/\s+/).map((id) => ({ path: (named(id) as HTMLElement).dataset.path ?? id.slice(1), content: textOf(named(id)) })),
    template: long("template"),
    // Tests are a list in JSON; everything else is the expected output.
    check: check?.startsWith("#") && (named(check) as HTMLScriptElement).type === "application/json" ? JSON.parse(textOf(named(check))) : long("check"),
    judge: text("judge"),
    output: text("output"),
  };
  return Object.fromEntries(Object.entries(entries).filter(([, value]) => value !== undefined)) as EmbedOptions;
}

/** Makes a playground of every element with `data-docle` that is none yet, and tells which there are now. */
export function embedAll(root: ParentNode = document, defaults: Defaults = {}): Embed[] {
  return [...root.querySelectorAll<HTMLElement>("[data-docle]")].flatMap((element) => {
    try {
      const embed = made.get(element) ?? new Embed(element, optionsOf(element, "data-", defaults));
      made.set(element, embed);
      return embed;
    } catch (error) {
      // The program of this one stays readable, and the others are made.
      console.error(error);
      return [];
    }
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
