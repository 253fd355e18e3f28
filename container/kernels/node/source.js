// From the code of a cell to a script: types are taken out, and imports made into what a script may have.

const { stripTypeScriptTypes } = nodeModule;

/** JavaScript of TypeScript: lines and columns stay where they are, unless there is something like an enum. */
function withoutTypes(code) {
  try {
    return stripTypeScriptTypes(code);
  } catch (error) {
    if (error.code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw error;
    return stripTypeScriptTypes(code, { mode: "transform" });
  }
}

/** A script whose top-level await is in a function of its own; null if there is none. */
function withTopLevelAwait(script) {
  if (!/\bawait\b/.test(script)) return null;
  try {
    return processTopLevelAwait(`${script}\n`);
  } catch {
    // The error of the script itself says more.
    return null;
  }
}

/** Whether a cell may be an object and no block, as the REPL has it: `{ a: 1 }`. */
const mayBeObject = (script) => /^\s*\{/.test(script) && !/;\s*$/.test(script);

/** The script of a text; undefined if it is no TypeScript and should be. */
function scriptOrNone(text, isTypeScript) {
  try {
    return isTypeScript ? withoutTypes(text) : text;
  } catch {
    return undefined;
  }
}

const IMPORT = /^([ \t]*)import\s+(?:([\w$]+)\s*,?\s*)?(?:\*\s*as\s+([\w$]+)\s+|\{([^}]*)\}\s*)?(?:from\s+)?(["'])([^"'\n]+)\5(?:\s+with\s*\{[^}]*\})?[ \t]*;?/gm;
const EXPORT = /^([ \t]*)export\s+(?:default\s+)?(?=(?:async\s+)?(?:const|let|var|function|class)\b)/gm;

// Strings and comments are passed over. What takes the place of a word has its length, so that columns stay.
const WORDS = /"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\[^]|[^`\\])*`|\/\/[^\n]*|\/\*[^]*?\*\/|(?<![.\w$])import(?=\s*\()|(?<=^|^\S.*;[ \t]*)const(?=\s)/gm;

/** Dynamic imports by a function of ours, because scripts of the inspector may have none. And constants of the top level as
 * variables, because one that an await makes is a variable, too, and could not take the place of a constant. */
const prepared = (code) => code.replace(WORDS, (found) => (found === "import" ? "imp0rt" : found === "const" ? "let  " : found));
Object.defineProperty(globalThis, "imp0rt", { value: (from, options) => import(from, options), enumerable: false });

/** Static imports as dynamic ones. Only for code that is no script as it stands. */
function withoutImports(code) {
  const replaced = code.replace(IMPORT, (whole, indent, fallback, all, names, _quote, from) => {
    const source = `await import(${JSON.stringify(from)})`;
    const parts = [];
    if (fallback) parts.push(`default: ${fallback}`);
    if (names) parts.push(...names.split(",").map((name) => name.trim().replace(/\s+as\s+/, ": ")).filter(Boolean));
    const lines = "\n".repeat(whole.split("\n").length - 1);
    if (all) return `${indent}const ${all} = ${source};${fallback ? ` const { default: ${fallback} } = ${all};` : ""}${lines}`;
    return parts.length > 0 ? `${indent}const { ${parts.join(", ")} } = ${source};${lines}` : `${indent}${source};${lines}`;
  });
  return replaced.replace(EXPORT, "$1");
}
