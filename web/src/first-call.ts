//! The command of a first call: right for this address and this key.

/** A curl command that runs a program. */
export const firstCall = (address: string, credential: string) =>
  [
    `curl ${address}/api/run`,
    `  -H "Authorization: Bearer ${credential}"`,
    `  -H "Content-Type: application/json"`,
    `  -d '{ "lang": "python", "code": "print(40 + 2)" }'`,
  ].join(" \\\n");
