//! How Node reads a program's text: scripts, modules, and what is found out only by reading.

import { ends, prints, type Program } from "../compare.ts";

export const source: Program[] = [
  { name: "UTF-8", code: "console.log('é€😀', 'é€😀'.length)", holds: prints("é€😀 4\n") },
  { name: "a shebang", code: "#!/usr/bin/env node\nconsole.log(1)", holds: prints("1\n") },
  { name: "a byte order mark", code: "\ufeffconsole.log(1)", holds: prints("1\n") },
  { name: "a byte order mark and a shebang", code: "\ufeff#!/usr/bin/env node\nconsole.log(1)" },
  { name: "carriage returns", code: "console.log(1)\r\nconsole.log(`a\r\nb`.length)\r\n", holds: prints("1\n3\n") },
  { name: "only a comment", code: "// nothing", holds: ends("success", 0) },
  { name: "a hashbang comment and HTML comments", code: "<!-- a\nconsole.log(1)\n--> b" },
  { name: "one long line", code: `const s = '${"b".repeat(300_000)}'; console.log(s.length)`, holds: prints("300000\n") },
  { name: "several megabytes", code: `const s = \`${"0123456789abcde\n".repeat(200_000)}\`; console.log(s.length)`, holds: prints("3200000\n") },
  { name: "exactly what a pipe holds", code: `//${"a".repeat(65_536 - 18)}\nconsole.log(1)` },
  { name: "a character across two reads", code: `const s = '${"€".repeat(100_000)}'; console.log(s.length)`, holds: prints("100000\n") },
  { name: "reading itself", code: "console.log(require('fs').readFileSync(__filename, 'utf8'))" },
  { name: "requiring itself", code: "exports.a = 1; console.log(require('./main.js') === exports, require('./main').a)" },
  { name: "importing itself", code: "import('./main.js').then(m => console.log(Object.keys(m)))" },
  { name: "replacing itself while it runs", code: "require('fs').writeFileSync(__filename, 'module.exports = 2'); delete require.cache[__filename]; console.log(require('./main.js'))", holds: prints("2\n") },
  { name: "a source map that is missing", code: "process.setSourceMapsEnabled(true);\nthrow new Error('m')\n//# sourceMappingURL=main.js.map" },
  { name: "eval and Function", code: "console.log(eval('1 + 1'), new Function('return typeof require')(), (0, eval)('typeof module'))" },
  { name: "vm", code: "const vm = require('vm'); console.log(vm.runInNewContext('a + 1', { a: 1 })); vm.runInThisContext('throw new Error(1)', 'other.js')" },
  { name: "an octal literal outside strict mode", code: "console.log(010, this !== undefined)" },
];

export const modules: Program[] = [
  { name: "an import in .js", code: "import fs from 'fs';\nconsole.log(typeof fs.readFileSync)", holds: prints("function\n") },
  { name: "import.meta", code: "console.log(import.meta.url, import.meta.filename, import.meta.dirname, import.meta.main, typeof import.meta.resolve)" },
  { name: "import.meta.resolve", code: "console.log(import.meta.resolve('./x.js'), import.meta.resolve('fs'))" },
  { name: "top-level await", code: "await 1;\nconsole.log('tla')", holds: prints("tla\n") },
  { name: "an export and top-level await", code: "export const a = 1;\nconsole.log(await Promise.resolve(3))", holds: prints("3\n") },
  { name: "names that modules do not have", code: "import 'fs';\nconsole.log(typeof require, typeof module, typeof __filename, this)" },
  { name: "strict mode", code: "import 'fs';\nx = 1" },
  { name: "require in a module", code: "import 'fs';\nrequire('fs')" },
  { name: "createRequire", code: "import { createRequire } from 'module';\nconst r = createRequire(import.meta.url); console.log(r('os').EOL, r.main)" },
  { name: "an exception in a module", code: "import 'fs';\nfunction f() { throw new Error('m') }\nf()" },
  { name: "an exception after top-level await", code: "await null;\nthrow new Error('m')" },
  { name: "a rejected top-level await", code: "await Promise.reject(new Error('r'))" },
  { name: "a syntax error in a module", code: "import fs from 'fs';\nlet x = ;" },
  { name: "await and require together", code: "const fs = require('fs');\nawait 1;" },
  { name: "await as a name", code: "var await = 1; console.log(await)" },
  { name: "a namespace that holds itself", code: "import * as me from './main.js';\nexport const a = 1; console.log(me, me.a)" },
  { name: "a dynamic import", code: "const { default: fs } = await import('node:fs'); console.log(typeof fs.statSync)" },
  { name: "import of JSON from a string", code: "import data from 'data:application/json,[1]' with { type: 'json' };\nconsole.log(data)" },
];
