//! Node programs at work: streams, processes, and projects of several files.

import { prints, type Program, STDIN } from "../compare.ts";

const files = (all: Record<string, string>) => Object.entries(all).map(([path, content]) => ({ path, content }));

export const streams: Program[] = [
  { name: "events of standard input", code: "process.stdin.on('data', d => console.log('in', String(d))).on('end', () => console.log('end')).on('close', () => console.log('close'))" },
  { name: "readable events", code: "process.stdin.setEncoding('utf8').on('readable', () => { for (let d; (d = process.stdin.read(5)) !== null;) console.log(JSON.stringify(d)) })" },
  { name: "iteration over standard input", code: "for await (const d of process.stdin) console.log(String(d).length)", holds: prints(`${STDIN.length}\n`) },
  { name: "readline", code: "require('readline').createInterface({ input: process.stdin }).on('line', l => console.log('>', l)).on('close', () => console.log('.'))", holds: prints("> first line\n> second line\n.\n") },
  { name: "readFileSync(0)", code: "console.log(require('fs').readFileSync(0, 'utf8'))", holds: prints(`${STDIN}\n`) },
  { name: "no input", code: "process.stdin.on('data', () => console.log('data')).on('end', () => console.log('end'))", rest: { stdin: "" }, holds: prints("end\n") },
  { name: "much input", code: "const h = require('crypto').createHash('sha256'); process.stdin.on('data', d => h.update(d)).on('end', () => console.log(h.digest('hex')))", rest: { stdin: "0123456789".repeat(300_000) } },
  { name: "input that nobody reads", code: "console.log(1)", rest: { stdin: "x".repeat(1_000_000) }, holds: prints("1\n") },
  { name: "both streams", code: "for (let i = 0; i < 100; i++) { console.log(i); console.error(i) }" },
  { name: "much output, then the exit", code: "const fs = require('fs'); for (let i = 0; i < 3000; i++) fs.writeSync(1, 'x'.repeat(100)); process.exit(3)" },
  { name: "no line end", code: "process.stdout.write('abc')", holds: prints("abc") },
  { name: "invalid UTF-8", code: "process.stdout.write(Buffer.from([97, 0xff, 0xe2, 0x82]))", holds: prints("a\ufffd\ufffd") },
  { name: "formats of console.log", code: "console.log('%s %d %j %o', 'a', 1, { b: 2 }, [3], new Map([[1, { c: new Set([4]) }]]), Symbol('s'), 5n, () => {})\nconsole.table([{ a: 1 }]); console.group(); console.info('in'); console.groupEnd()" },
];

export const processes: Program[] = [
  { name: "timers", code: "const i = setInterval(() => { console.log('i'); clearInterval(i); setTimeout(() => console.log('t'), 3) }, 1)" },
  { name: "a worker of itself", code: "const w = require('worker_threads'); if (w.isMainThread) new w.Worker(__filename).on('exit', c => console.log('exit', c)); else console.log('worker', __filename)" },
  { name: "a worker with data", code: "const w = require('worker_threads'); new w.Worker('const w = require(\"worker_threads\"); w.parentPort.postMessage(w.workerData + 1)', { eval: true, workerData: 1 }).on('message', m => console.log(m))", holds: prints("2\n") },
  { name: "a worker that fails", code: "const w = require('worker_threads'); new w.Worker('throw new Error(1)', { eval: true }).on('error', e => console.log(e.message)).on('exit', c => console.log(c))" },
  { name: "shared memory between workers", code: "const w = require('worker_threads'); const s = new Int32Array(new SharedArrayBuffer(4)); new w.Worker('const s = require(\"worker_threads\").workerData; Atomics.store(s, 0, 7); Atomics.notify(s, 0)', { eval: true, workerData: s }); Atomics.wait(s, 0, 0); console.log(s[0])", holds: prints("7\n") },
  { name: "execSync", code: "console.log(String(require('child_process').execSync('echo hi; cat main.js')))" },
  { name: "spawn of the same interpreter", code: "const r = require('child_process').spawnSync(process.execPath, ['-p', 'process.argv.length + process.execArgv.join()'], { encoding: 'utf8' }); console.log(r.status, r.stdout, r.stderr)" },
  { name: "fork of itself", code: "const { fork } = require('child_process'); if (process.send) process.send('x'); else fork(__filename).on('message', m => console.log(m)).on('exit', c => console.log(c))", holds: prints("x\n0\n") },
  { name: "a child that is killed", code: "const c = require('child_process').spawn('cat'); c.on('exit', (code, signal) => console.log(code, signal)); c.kill('SIGKILL')" , holds: prints("null SIGKILL\n") },
  { name: "a cluster", code: "const c = require('cluster'); if (c.isPrimary) { c.fork().on('message', m => { console.log(m); c.disconnect() }) } else process.send(c.worker.id)", holds: prints("1\n") },
  { name: "a local server", apart: true, code: "const http = require('http'); const s = http.createServer((q, r) => r.end(q.url)).listen(0, '127.0.0.1', async () => { console.log(await (await fetch(`http://127.0.0.1:${s.address().port}/a`)).text()); s.close(); s.closeAllConnections() })", holds: prints("/a\n") },
  { name: "files", code: "const fs = require('fs'); fs.writeFileSync('/tmp/x', '1'); fs.appendFileSync('y', '2'); console.log(fs.readdirSync('/tmp'), fs.readdirSync('.'), fs.statSync('y').mode.toString(8))" },
  { name: "asynchronous files", code: "const fs = require('fs/promises'); (async () => { await fs.mkdir('a/b', { recursive: true }); await fs.writeFile('a/b/c', 'x'); console.log(await fs.readdir('.', { recursive: true })) })()" },
  { name: "compression and hashes", code: "const z = require('zlib'), c = require('crypto'); console.log(z.gunzipSync(z.gzipSync('abc')).toString(), c.createHash('md5').update('a').digest('hex'), c.scryptSync('p', 's', 16).toString('hex'))" },
  { name: "WebAssembly", code: "const m = new WebAssembly.Module(new Uint8Array([0,97,115,109,1,0,0,0,1,5,1,96,0,1,127,3,2,1,0,7,5,1,1,102,0,0,10,6,1,4,0,65,42,11])); console.log(new WebAssembly.Instance(m).exports.f())", holds: prints("42\n") },
  { name: "languages of the world", code: "console.log(new Intl.DateTimeFormat('de', { dateStyle: 'full', timeZone: 'UTC' }).format(0), (1234.5).toLocaleString('fr'), Intl.DateTimeFormat().resolvedOptions().timeZone)" },
  { name: "structures", code: "console.log([...'abc'].entries().next(), structuredClone({ a: new Date(0) }), new URL('http://a/b?c').searchParams, crypto.randomUUID().length)" },
];

export const projects: Program[] = [
  { name: "a module beside it", code: "console.log(require('./helper').x, require('./helper.js') === require('./helper'), module.children.length)", rest: { files: files({ "helper.js": "exports.x = [__filename, module.parent.id]" }) } },
  { name: "a directory with an index", code: "console.log(require('./lib'), require('./lib/deep/er'))", rest: { files: files({ "lib/index.js": "module.exports = require('./deep/er').y", "lib/deep/er.js": "exports.y = __dirname" }) } },
  { name: "imports from sub-directories", code: "import { a } from './lib/a.mjs';\nimport b from './lib/deep/b.mjs';\nconsole.log(a, b)", rest: { files: files({ "lib/a.mjs": "export const a = import.meta.url", "lib/deep/b.mjs": "import { a } from '../a.mjs'; export default a.length" }) } },
  { name: "JSON", code: "console.log(require('./data.json'), require('./data'))", rest: { files: files({ "data.json": "{\"a\": [1]}" }) } },
  { name: "JSON that is broken", code: "require('./data.json')", rest: { files: files({ "data.json": "{" }) } },
  { name: "JSON as a module", code: "import data from './data.json' with { type: 'json' };\nconsole.log(data)", rest: { files: files({ "data.json": "{\"a\": 1}" }) } },
  { name: "a circular require", code: "console.log(require('./a'))", rest: { files: files({ "a.js": "exports.early = 1; exports.b = require('./b').seen; exports.late = 2", "b.js": "exports.seen = { ...require('./a') }" }) } },
  { name: "a circular import", code: "import { a } from './a.mjs';\nconsole.log(a())", rest: { files: files({ "a.mjs": "import { b } from './b.mjs'; export const a = () => b()", "b.mjs": "import { a } from './a.mjs'; export const b = () => typeof a" }) } },
  { name: "a script requires a module", code: "console.log(require('./m.mjs').x, require('./m.mjs').default)", rest: { files: files({ "m.mjs": "export const x = 1; export default 2" }) } },
  { name: "a module imports a script", code: "import s, { x } from './s.cjs';\nconsole.log(s, x)", rest: { files: files({ "s.cjs": "exports.x = 1" }) } },
  { name: "TypeScript beside it", code: "console.log(require('./t.ts').x)", rest: { files: files({ "t.ts": "exports.x = 1 as number" }) } },
  { name: "an error in a module", code: "require('./broken')", rest: { files: files({ "broken.js": "\n\nnull.x" }) } },
  { name: "a syntax error in a module", code: "require('./broken')", rest: { files: files({ "broken.js": "let x = ;" }) } },
  { name: "a package of its own in node_modules", code: "console.log(require('own'), require.resolve('own'))", rest: { files: files({ "node_modules/own/index.js": "module.exports = 'own'" }) } },
  { name: "a package.json in a sub-directory", code: "import('./sub/m.js').then(m => console.log(m.x))", rest: { files: files({ "sub/package.json": "{\"type\": \"module\"}", "sub/m.js": "export const x = import.meta.url" }) } },
  { name: "package.json: a module", code: "import fs from 'fs';\nconsole.log(typeof fs, typeof require)", rest: { files: files({ "package.json": "{\"type\": \"module\"}" }) }, holds: prints("object undefined\n") },
  { name: "package.json: a script", code: "import fs from 'fs';", rest: { files: files({ "package.json": "{\"type\": \"commonjs\"}" }) } },
  { name: "package.json: imports", code: "console.log(require('#x'))", rest: { files: files({ "package.json": "{\"imports\": {\"#x\": \"./y.js\"}}", "y.js": "module.exports = 7" }) }, holds: prints("7\n") },
  { name: "package.json that is broken", code: "console.log(1)", rest: { files: files({ "package.json": "{" }) } },
  { name: "an .env file is only a file", code: "console.log(process.env.SECRET, process.loadEnvFile(), process.env.SECRET)", rest: { files: files({ ".env": "SECRET=1" }) } },
];
