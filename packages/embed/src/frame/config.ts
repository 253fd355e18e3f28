//! What the Worker has written into the page of the frame.

/** The settings of this frame. */
export interface Config {
  /** The language, as the page spells it. */
  lang: string;
  code: string;
  readonly: boolean;
  autorun: boolean;
  /** The standard input that the frame shows; null where the page does not ask for it. */
  stdin: string | null;
  autoHeight: boolean;
  /** The publishable key of the page; null where something is missing. */
  key: string | null;
  /** Hosts of the pages that may show this frame; empty where every page may. */
  domains: string[];
  /** The address of the service. */
  baseUrl: string;
  /** The page that shows output as SVG or HTML. */
  outputPage: string;
  /** The page of the website that opens programs; null where there is none. */
  playground: string | null;
  languages: Language[];
  /** The id of the language for each of its names. */
  names: Record<string, string>;
  /** What keeps this frame from running programs; null where nothing does. */
  missing: { code: string; message: string } | null;
}

/** A language that programs can be written in. */
export interface Language {
  id: string;
  title: string;
  /** The mode of the editor. */
  mode: string;
  /** The file that a program of one file gets. */
  entrypoint: string;
}

/** Reads the settings. */
export function readConfig(): Config {
  const text = document.getElementById("config")?.textContent ?? "{}";
  return JSON.parse(text) as Config;
}

/** The language that a page means by a name; undefined where there is none. */
export function languageOf(config: Config, name: string): Language | undefined {
  const key = name.toLowerCase();
  const id = Object.hasOwn(config.names, key) ? config.names[key] : undefined;
  return config.languages.find((language) => language.id === id);
}
