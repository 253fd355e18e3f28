//! The pages of the documentation, in the order of its navigation. Each is made of a Markdown file of the repository; the pages
//! about operations are made of the OpenAPI document.

export interface Page {
  /** Its address: `/docs` and, but for the first page, a slash and this. */
  slug: string;
  /** The file, from the root of the repository; undefined where the text is made. */
  file?: string;
  /** Its name in the navigation; the heading of the file if it is left out. */
  label?: string;
}

export interface Group {
  name: string;
  pages: Page[];
}

const page = (name: string, label?: string): Page => ({ slug: name, file: `docs/${name}.md`, ...(label === undefined ? {} : { label }) });
const library = (folder: string, slug: string, label: string): Page => ({ slug, file: `packages/${folder}/README.md`, label });
const part = (name: string, label?: string): Page => ({ slug: `architecture/${name}`, file: `docs/architecture/${name}.md`, ...(label === undefined ? {} : { label }) });

export const GROUPS: Group[] = [
  { name: "Start", pages: [{ slug: "", file: "README.md", label: "What Docle is" }, page("running-locally"), page("quotas")] },
  { name: "Run programs", pages: [page("api", "Run a program"), page("runs"), page("webhooks"), page("judging"), page("batch"), page("interactive"), page("files"), page("repositories"), page("packages"), page("languages"), page("isolates"), page("isolates-limits", "Limits of scripts")] },
  { name: "Platform", pages: [page("accounts"), page("keys"), page("tokens"), page("usage"), page("rooms"), page("sandboxes"), page("processes"), page("ports"), page("terminals"), page("snapshots"), page("interpreter"), page("agents"), page("compat")] },
  {
    name: "In your code",
    pages: [page("embed"), library("embed", "script-tag", "Script tag"), library("react", "react", "React"), library("vue", "vue", "Vue"), library("sdk", "typescript", "TypeScript"), library("python", "python", "Python"), library("cli", "command-line", "Command line"), library("sandbox", "sandbox-sdk", "Sandbox SDK"), library("rate-limit", "rate-limits", "Rate limits")],
  },
  { name: "Reference", pages: [page("errors"), page("troubleshooting"), page("security"), page("performance")] },
  { name: "Operations", pages: [page("deploy"), page("monitoring"), page("scaling"), page("unseen", "Never seen in production")] },
  {
    name: "How it is built",
    pages: [
      { slug: "architecture", file: "ARCHITECTURE.md", label: "Overview" },
      part("worker"),
      part("objects"),
      part("runner"),
      part("sandboxes"),
      part("interpreter"),
      part("languages"),
      part("isolates"),
      part("rooms"),
      part("history"),
      part("packages", "Published packages"),
      part("web"),
      part("local"),
      part("decisions"),
      { slug: "contributing", file: "CONTRIBUTING.md" },
    ],
  },
];

/** The path of a page on the site. */
export const pathOf = ({ slug }: Page) => (slug === "" ? "/docs" : `/docs/${slug}`);
