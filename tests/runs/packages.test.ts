//! Packages from the real registries: versions, scopes, what cannot be installed, and the cache.

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Docle } from "../harness/docle.ts";
import { readEvents } from "../harness/events.ts";

const docle = await Docle.start();
after(() => docle.stop());

const python = (code: string, ...packages: string[]) => docle.run({ lang: "python", code, packages: { packages }, policy: { timeoutMs: 30_000 } });
const node = (code: string, ...packages: string[]) => docle.run({ lang: "node", code, packages: { packages }, policy: { timeoutMs: 30_000 } });

const version = (name: string) => `import importlib.metadata as m; print(m.version('${name}'))`;
const nodeVersion = (name: string) => `console.log(require('${name}/package.json').version)`;

describe("a Python requirement", () => {
  const cases: [requirement: string, name: string, expected: RegExp][] = [
    ["idna", "idna", /^\d+\.\d+/],
    ["idna==3.6", "idna", /^3\.6\n$/],
    ["idna>=3.5,<3.7", "idna", /^3\.6\n$/],
    ["idna~=3.4.0", "idna", /^3\.4\n$/],
    ["six != 1.16.0, <1.17", "six", /^1\.15\.0\n$/],
  ];
  for (const [requirement, name, expected] of cases) {
    test(requirement, async () => {
      const result = await python(version(name), requirement);
      assert.equal(result.status, "success", result.stderr);
      assert.match(result.stdout, expected);
    });
  }
});

describe("a Node requirement", () => {
  const cases: [requirement: string, name: string, expected: RegExp][] = [
    ["is-number", "is-number", /^\d+\.\d+\.\d+\n$/],
    ["is-number@6.0.0", "is-number", /^6\.0\.0\n$/],
    ["is-number@^5", "is-number", /^5\./],
    ["is-number@>=4 <6", "is-number", /^5\./],
    ["is-number@latest", "is-number", /^\d+\./],
    ["@sindresorhus/is@4.6.0", "@sindresorhus/is", /^4\.6\.0\n$/],
    ["@types/ms", "@types/ms", /^\d+\./],
  ];
  for (const [requirement, name, expected] of cases) {
    test(requirement, async () => {
      const result = await node(nodeVersion(name), requirement);
      assert.equal(result.status, "success", result.stderr);
      assert.match(result.stdout, expected);
    });
  }

  test("is there for modules, too", async () => {
    const code = "import isNumber from 'is-number'; console.log(isNumber('5'))";
    const result = await docle.run({ lang: "node", code, entrypoint: "main.mjs", packages: { packages: ["is-number@7.0.0"] } });
    assert.equal(result.stdout, "true\n", result.stderr);
  });
});

describe("what cannot be installed", () => {
  const absent = "docle-there-is-no-such-package-c0ffee";
  const cases: [name: string, body: object, said: RegExp][] = [
    ["a Python package that does not exist", { lang: "python", packages: { packages: [absent] } }, new RegExp(absent)],
    ["a Python version that does not exist", { lang: "python", packages: { packages: ["idna==0.0.99"] } }, /idna/],
    ["Python versions that exclude each other", { lang: "python", packages: { packages: ["idna==3.6", "idna==3.5"] } }, /idna/],
    ["a Node package that does not exist", { lang: "node", packages: { packages: [absent] } }, new RegExp(absent)],
    ["a Node version that does not exist", { lang: "node", packages: { packages: ["is-number@99.0.0"] } }, /is-number/],
  ];
  for (const [name, body, said] of cases) {
    test(`${name} keeps the program from starting`, async () => {
      const result = await docle.run({ ...body, code: "print('started'); console.log('started')" });
      assert.partialDeepStrictEqual(result, { ok: false, status: "install_failed", stdout: "" });
      assert.notEqual(result.exitCode, 0);
      assert.match(result.stderr, said);
    });
  }
});

test("the second run of the same packages installs nothing", async () => {
  const first = await python(version("toolz"), "toolz==0.12.0");
  const second = await python(version("toolz"), "toolz==0.12.0");
  assert.deepEqual([first.stdout, second.stdout], ["0.12.0\n", "0.12.0\n"]);
  assert.ok(first.usage.installMs > 0);
  assert.equal(second.usage.installMs, 0);
});

test("the events of a run say that its packages are being installed, if they are", async () => {
  const names = async () => {
    const found: string[] = [];
    const program = { lang: "python", code: version("toolz"), packages: ["toolz==0.11.2"] };
    for await (const { event } of readEvents(await docle.post(program, { headers: { accept: "text/event-stream" } }))) found.push(event);
    return [...new Set(found)];
  };
  assert.deepEqual(await names(), ["start", "install", "stdout", "complete"]);
  assert.deepEqual(await names(), ["start", "stdout", "complete"]);
});

test("a run cannot change what the next run imports", async () => {
  const spoil = "import idna, os\ntry: open(idna.__file__, 'a').write('x = 1')\nexcept OSError as error: print('refused')";
  assert.equal((await python(spoil, "idna==3.6")).stdout, "refused\n");
  assert.equal((await python("import idna; print(hasattr(idna, 'x'))", "idna==3.6")).stdout, "False\n");
});

test("packages of one run are not there for another", async () => {
  await python("import toolz", "toolz==0.12.0");
  const result = await docle.run({ lang: "python", code: "import toolz" });
  assert.match(result.stderr, /ModuleNotFoundError/);
});

test("an allowed network is not needed to install, and installing allows none", async () => {
  const code = "import idna, socket\ntry: socket.create_connection(('pypi.org', 443), 3); print('connected')\nexcept OSError: print('refused')";
  assert.equal((await python(code, "idna==3.6")).stdout, "refused\n");
});
