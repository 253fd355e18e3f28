//! Addresses of scripts that the site itself has, as its policy on trusted types wants them.

interface Policy {
  createScriptURL(address: string): URL;
}
interface Factory {
  createPolicy(name: string, rules: { createScriptURL(address: string): string }): Policy;
}

let policy: Policy | undefined;

/** A script of the site's own files. */
export function trusted(address: string): URL {
  const { origin } = new URL(address, location.href);
  if (origin !== location.origin) throw new Error(`${address} is no script of this site`);
  const factory = (window as { trustedTypes?: Factory }).trustedTypes;
  if (factory === undefined) return new URL(address, location.href);
  policy ??= factory.createPolicy("docle", { createScriptURL: (own) => own });
  return policy.createScriptURL(address);
}
