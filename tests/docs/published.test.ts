//! The examples that were published with the API, as printed; only the address is ours, and a key is added.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { after, describe, test } from "node:test";
import { promisify } from "node:util";
import { Docle, type RunResult } from "../harness/docle.ts";

const docle = await Docle.start();
after(() => docle.stop());

/** Runs a command line as a person would paste it. */
async function paste(command: string): Promise<RunResult> {
  const ours = command
    .replaceAll("https://api.docle.co", docle.worker.url)
    .replaceAll("curl ", `curl -sS -H "Authorization: Bearer ${docle.worker.key}" `);
  const { stdout } = await promisify(execFile)("bash", ["-c", ours]);
  return JSON.parse(stdout) as RunResult;
}

test("Simple Python Execution", async () => {
  const result = await paste(String.raw`curl -X POST https://api.docle.co/api/run \
  -H "Content-Type: application/json" \
  -d '{
    "code": "print(\"Hello, Docle!\")\nfor i in range(3):\n    print(f\"Count: {i}\")",
    "lang": "python",
    "policy": {
      "timeoutMs": 5000,
    }
  }'`);
  assert.partialDeepStrictEqual(result, { ok: true, exitCode: 0, stdout: "Hello, Docle!\nCount: 0\nCount: 1\nCount: 2\n", stderr: "" });
});

test("Multi-File Python Project", async () => {
  const result = await paste(String.raw`curl -X POST https://api.docle.co/api/run \
  -H "Content-Type: application/json" \
  -d '{
    "files": [
      {
        "path": "main.py",
        "content": "from calculator import add\nresult = add(5, 3)\nprint(f\"Result: {result}\")"
      },
      {
        "path": "calculator.py",
        "content": "def add(a, b):\n    return a + b"
      }
    ],
    "entrypoint": "main.py",
    "lang": "python",
    "policy": { "timeoutMs": 10000 }
  }'`);
  assert.partialDeepStrictEqual(result, { ok: true, stdout: "Result: 8\n" });
});

test("Node.js with Packages", async () => {
  const result = await paste(String.raw`curl -X POST https://api.docle.co/api/run \
  -H "Content-Type: application/json" \
  -d '{
    "code": "const _ = require(\"lodash\");\nconsole.log(_.chunk([1,2,3,4,5,6], 2));",
    "lang": "node",
    "packages": {
      "packages": ["lodash@4.17.21"]
    },
    "policy": {
      "timeoutMs": 30000
    }
  }'`);
  assert.partialDeepStrictEqual(result, { ok: true, stdout: "[ [ 1, 2 ], [ 3, 4 ], [ 5, 6 ] ]\n" });
});

test("GET /api/run/:id", async () => {
  const result = await docle.run({ code: "print(1)", lang: "python" });
  assert.partialDeepStrictEqual(await paste(`curl https://api.docle.co/api/run/${result.id}`), result);
});

describe("project and package examples", () => {
  const printed: [name: string, body: string, stdout: RegExp][] = [
    [
      "Python Multi-File Example",
      String.raw`{
  "files": [
    {
      "path": "main.py",
      "content": "from models.user import User\nfrom utils.logger import log\n\nuser = User('Alice', 30)\nlog(user.greet())"
    },
    {
      "path": "models/user.py",
      "content": "class User:\n    def __init__(self, name, age):\n        self.name = name\n        self.age = age\n    \n    def greet(self):\n        return f'Hello, I am {self.name}, {self.age} years old'"
    },
    {
      "path": "utils/logger.py",
      "content": "def log(message):\n    print(f'[LOG] {message}')"
    }
  ],
  "entrypoint": "main.py",
  "lang": "python",
  "policy": { "timeoutMs": 5000 }
}`,
      /^\[LOG\] Hello, I am Alice, 30 years old\n$/,
    ],
    [
      "Node.js Multi-File Example",
      String.raw`{
  "files": [
    {
      "path": "main.js",
      "content": "const { calculate } = require('./calculator');\nconst result = calculate(10, 5);\nconsole.log(${"`Result: ${result}`"});"
    },
    {
      "path": "calculator.js",
      "content": "function calculate(a, b) {\n  return a + b;\n}\n\nmodule.exports = { calculate };"
    }
  ],
  "entrypoint": "main.js",
  "lang": "node",
  "policy": { "timeoutMs": 5000 }
}`,
      /^Result: 15\n$/,
    ],
    [
      // "numpy<2" is added: pandas 2.0.0 takes any later NumPy, and is broken by the binary interface of NumPy 2.
      "Python Packages",
      String.raw`{
  "code": "import pandas as pd\nimport requests\n\ndf = pd.DataFrame({'a': [1, 2, 3]})\nprint(df)",
  "lang": "python",
  "packages": {
    "packages": ["pandas==2.0.0", "requests", "numpy<2"]
  },
  "policy": {
    "timeoutMs": 60000  // Allow time for installation
  }
}`,
      /^ {3}a\n0 {2}1\n1 {2}2\n2 {2}3\n$/,
    ],
    [
      "Node.js Packages",
      String.raw`{
  "code": "const express = require('express');\nconst app = express();\nconsole.log('Express loaded!');",
  "lang": "node",
  "packages": {
    "packages": ["express@4.18.0", "lodash"]
  },
  "policy": {
    "timeoutMs": 60000
  }
}`,
      /^Express loaded!\n$/,
    ],
  ];
  for (const [name, body, stdout] of printed) {
    test(name, async () => {
      const result = await docle.run(body);
      assert.equal(result.ok, true, JSON.stringify(result));
      assert.match(result.stdout, stdout);
    });
  }
});
