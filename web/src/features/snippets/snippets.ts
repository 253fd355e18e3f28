//! Ways to use the service, as code to copy. The code is that of the documentation and of the packages' READMEs, whose examples
//! the tests execute.

import embed from "../../../../docs/embed.md?raw";
import cli from "../../../../packages/cli/README.md?raw";
import python from "../../../../packages/python/README.md?raw";
import rateLimit from "../../../../packages/rate-limit/README.md?raw";
import react from "../../../../packages/react/README.md?raw";
import typescript from "../../../../packages/sdk/README.md?raw";
import vue from "../../../../packages/vue/README.md?raw";
import { firstCall } from "../../first-call.ts";

export interface Step {
  title: string;
  code: string;
  /** The language, as the highlighter calls it; empty where it is unknown. */
  language: string;
}

/** An example of a Markdown text. */
type Example = Omit<Step, "title">;

/** What the highlighter calls the languages of the examples. */
const LANGUAGES: Record<string, string> = { sh: "bash", bash: "bash", html: "xml", vue: "xml", js: "javascript", typescript: "typescript", ts: "typescript", tsx: "typescript", python: "python" };

export interface Snippet {
  id: string;
  name: string;
  steps: Step[];
  /** Its page in the documentation. */
  docs: string;
  /** Whether it shows a playground in a page, and so needs a publishable key. */
  isPlayground: boolean;
  /** How it learns the address of this service, where that is not the usual one. */
  address?: string;
}

/** Where the packages send their calls unless they are told otherwise. */
const USUAL = "https://api.docle.co";

/** The examples of a section of a Markdown text; those before the first section if it is not named. */
function examples(markdown: string, section?: string): Example[] {
  const parts = markdown.split(/^## /m);
  const part = section === undefined ? parts[0] : parts.slice(1).find((one) => one.startsWith(`${section}\n`));
  return Array.from(part?.matchAll(/^```([^\n]*)\n([^]*?)\n```$/gm) ?? [], ([, info = "", code = ""]) => ({ code, language: LANGUAGES[info.trim().split(" ")[0] ?? ""] ?? "" }));
}

/** The ways to use the service at an address, with a publishable key */
export function snippets(address: string, key: string): Snippet[] {
  const own = (code: string) => code.replaceAll("http://localhost:8787", address).replaceAll("pk_live_…", key);
  const steps = (...named: [title: string, example: Example | undefined][]): Step[] => named.flatMap(([title, example]) => (example === undefined ? [] : [{ ...example, title, code: own(example.code) }]));
  const elsewhere = (sentence: string) => (address === USUAL ? {} : { address: sentence });
  const [install, example] = ["Install the package", "Run a program"];
  const [server, component] = [elsewhere(`For this service: \`endpoint: "${address}"\``), elsewhere(`For this service: \`endpoint="${address}"\``)];
  return [
    { id: "script", name: "Script tag", docs: "/docs/embed", isPlayground: true, steps: steps(["Load the script once, and mark the code to run", examples(embed, "A script and an element")[0]], ["Or make a playground yourself", examples(embed, "A script and an element")[1]]) },
    { id: "iframe", name: "iframe", docs: "/docs/embed#a-frame-alone", isPlayground: true, steps: steps(["Put the frame into your page", examples(embed, "A frame alone")[0]], ["Talk to it", examples(embed, "Messages")[0]]) },
    { id: "react", name: "React", docs: "/docs/react", isPlayground: true, steps: steps([install, examples(react)[0]], ["Show a playground", examples(react, "A playground")[0]], ["Or bring your own editor", examples(react, "A hook for your own editor")[0]]), ...component },
    { id: "vue", name: "Vue", docs: "/docs/vue", isPlayground: true, steps: steps([install, examples(vue)[0]], ["Show a playground", examples(vue, "A playground")[0]], ["Or bring your own editor", examples(vue, "A composable for your own editor")[0]]), ...component },
    { id: "typescript", name: "TypeScript", docs: "/docs/typescript", isPlayground: false, steps: steps([install, examples(typescript)[0]], [example, examples(typescript)[1]], ["Read output as it is written", examples(typescript, "Output as it is written")[0]]), ...server },
    { id: "python", name: "Python", docs: "/docs/python", isPlayground: false, steps: steps([install, examples(python)[0]], [example, examples(python)[1]]), ...elsewhere(`For this service: \`DOCLE_BASE_URL=${address}\``) },
    { id: "curl", name: "curl", docs: "/docs/api", isPlayground: false, steps: steps([example, { code: firstCall(address, "$DOCLE_API_KEY"), language: "bash" }]) },
    { id: "cli", name: "Command line", docs: "/docs/command-line", isPlayground: false, steps: steps(["Sign in, and run a file", examples(cli)[0]], ["More ways to run", examples(cli, "Run a program")[0]]), ...elsewhere(`For this service: \`DOCLE_BASE_URL=${address}\``) },
    { id: "rate-limits", name: "Rate limits", docs: "/docs/rate-limits", isPlayground: false, steps: steps([install, examples(rateLimit)[0]], ["Limit each of your users", examples(rateLimit, "Redis")[0]]) },
  ];
}
