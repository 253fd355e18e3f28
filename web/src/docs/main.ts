//! What the pages of the documentation do: copy examples, search, show which part is read, and open the list of pages where
//! the screen is narrow. Without this script they can be read all the same.

import { startRuns } from "./run.ts";
import { startSearch } from "./search.ts";

const all = <T extends Element>(selector: string) => Array.from(document.querySelectorAll<T>(selector));

for (const button of all<HTMLButtonElement>("[data-copy]")) {
  button.addEventListener("click", async () => {
    const text = button.closest(".code")?.querySelector("code")?.textContent ?? "";
    const isCopied = await navigator.clipboard.writeText(text).then(
      () => true,
      () => false,
    );
    button.textContent = isCopied ? "Copied" : "Select the text to copy it";
    setTimeout(() => (button.textContent = "Copy"), 1_500);
  });
}

const opener = document.querySelector<HTMLButtonElement>(".bar .only-narrow");
opener?.addEventListener("click", () => {
  const isOpen = document.querySelector("#pages")?.classList.toggle("is-open") === true;
  opener.setAttribute("aria-expanded", String(isOpen));
});

document.querySelector(".docs-nav [aria-current]")?.scrollIntoView({ block: "nearest" });

const links = new Map(all<HTMLAnchorElement>('.toc a[href^="#"]').map((link) => [decodeURIComponent(link.hash.slice(1)), link]));
const headings = all<HTMLElement>(".prose h2[id]").filter(({ id }) => links.has(id));
/** Marks the heading that was scrolled past last. */
function mark() {
  const current = headings.findLast((heading) => heading.getBoundingClientRect().top < 140) ?? headings[0];
  for (const [id, link] of links) id === current?.id ? link.setAttribute("aria-current", "true") : link.removeAttribute("aria-current");
}
document.querySelector("#main")?.addEventListener("scroll", mark, { passive: true });
mark();

startSearch();
startRuns();
