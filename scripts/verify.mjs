//! `npm run verify -- <url>`: whether a deployment works, by using it as a client does. The API key is in DOCLE_KEY.

import { main, Missing } from "./setup/missing.mjs";
import { checks } from "./verify/checks.mjs";
import { Client } from "./verify/client.mjs";
import { verify } from "./verify/verify.mjs";

await main(async () => {
  const [url, ...rest] = process.argv.slice(2);
  if (url === undefined || !/^https?:\/\//.test(url) || rest.length > 0) {
    throw new Missing("Say which deployment: DOCLE_KEY=sk_live_… npm run verify -- https://api.example.com");
  }
  const key = process.env.DOCLE_KEY;
  if (!key) throw new Missing("Set DOCLE_KEY to an API key of the deployment. The checks make about 20 calls with it, and read and run nothing else.");
  return verify(new Client(url.replace(/\/+$/, ""), key), checks, (text) => void process.stdout.write(text));
});
