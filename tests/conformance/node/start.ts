//! What a Node program finds when it begins.

import { prints, type Program } from "../compare.ts";

export const start: Program[] = [
  { name: "argv", code: "console.log(process.argv, process.execArgv, process.argv0, process.execPath, process.title)" },
  { name: "its file", code: "console.log(__filename, __dirname)", holds: prints("/workspace/main.js /workspace\n") },
  { name: "its module", code: "console.log(module.id, module.filename, module.loaded, module.parent, module.children, module.exports)" },
  { name: "require.main", code: "console.log(require.main === module, require.main.filename)", holds: prints("true /workspace/main.js\n") },
  { name: "module paths", code: "console.log(module.paths, require.resolve.paths('x'))" },
  { name: "require", code: "console.log(Object.keys(require), Object.keys(require.cache), Object.keys(require.extensions))" },
  { name: "arguments of the wrapper", code: "console.log(this === module.exports, arguments.length, arguments[2] === module)" },
  { name: "globals", code: "console.log(Object.getOwnPropertyNames(globalThis).sort().join())" },
  { name: "built-in modules", code: "console.log(require('module').builtinModules)" },
  { name: "environment", code: "console.log(process.env)" },
  { name: "process ids", apart: true, code: "console.log(process.pid, process.ppid)" },
  { name: "working directory", code: "const fs = require('fs'); console.log(process.cwd(), fs.readdirSync('.'), fs.readdirSync('/tmp'), fs.readdirSync('/dev/shm'))" },
  { name: "its file's owner and mode", code: "const s = require('fs').statSync(__filename); console.log(s.mode.toString(8), s.size, s.uid === process.getuid(), s.isFile(), s.nlink)" },
  { name: "version", code: "console.log(process.version, process.versions, process.release, process.arch, process.features)" },
  { name: "configuration", code: "console.log(process.config.variables.napi_build_version, process.allowedNodeEnvironmentFlags.size, process.permission)" },
  { name: "machine", code: "const os = require('os'); console.log(os.hostname(), os.homedir(), os.tmpdir(), os.userInfo().username, os.availableParallelism(), os.EOL)" },
  { name: "listeners", code: "for (const e of ['exit', 'SIGTERM', 'SIGINT', 'uncaughtException', 'unhandledRejection', 'warning']) console.log(e, process.listenerCount(e))" },
  { name: "umask and descriptors", code: "console.log(process.umask(), require('fs').readdirSync('/proc/self/fd').length)" },
  { name: "standard streams", code: "for (const s of ['stdin', 'stdout', 'stderr']) console.log(process[s].constructor.name, process[s].isTTY, process[s].fd, process[s].writableHighWaterMark)" },
  { name: "no stray handles", code: "console.log(process.getActiveResourcesInfo())" },
  { name: "numbers that only grow", code: "console.log(process.uptime() >= 0, performance.now() >= 0, process.memoryUsage().rss > 0, performance.timeOrigin > 1e12)" },
  { name: "an inspector that is off", code: "console.log(require('inspector').url())" },
  { name: "heap limit follows the memory", code: "console.log(require('v8').getHeapStatistics().heap_size_limit > 0)" },
  { name: "asynchronous context", code: "const a = require('async_hooks'); console.log(a.triggerAsyncId(), typeof a.executionAsyncId(), a.executionAsyncResource())" },
];
