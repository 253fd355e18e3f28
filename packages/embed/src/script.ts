//! The script of a page: makes its playgrounds when the page has been read. `window.Docle` makes more.

import { type Defaults, defineCodeRun, embedAll } from "./attributes.ts";
import { Embed, EmbedError } from "../../sdk/src/embed.ts";

const script = document.currentScript as HTMLScriptElement | null;
const defaults: Defaults = {};
const { key, endpoint } = script?.dataset ?? {};
if (key !== undefined) defaults.publishableKey = key;
// A Worker serves this script at these paths; a CDN does not.
const url = script?.src ? new URL(script.src) : undefined;
const own = url && (url.pathname === "/embed.js" || /^\/embed\/[\d.]+\.js$/.test(url.pathname)) ? url.origin : undefined;
const found = endpoint ?? own;
if (found !== undefined) defaults.endpoint = found;

const all = () => embedAll(document, defaults);
Object.assign(window, { Docle: { Embed, EmbedError, embedAll: all } });
defineCodeRun(defaults);
if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", all, { once: true });
else all();
