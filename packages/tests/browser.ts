//! A real browser: the Chromium of the other tests.

import executable from "@sparticuz/chromium";
import { chromium, type Browser } from "playwright-core";

/** Starts the browser, without a window. It speaks to nobody but the pages it is given. */
export async function startBrowser(): Promise<Browser> {
  const args = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update"];
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? (await executable.executablePath()), args });
}
