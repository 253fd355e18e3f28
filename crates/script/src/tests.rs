//! What the crate accepts, rejects and translates, and the positions that it reports. tests/isolates runs the modules in V8.

use super::*;
use docle_protocol::isolate::ScriptLanguage;
use proptest::prelude::*;

fn script(language: ScriptLanguage, code: &str) -> Script {
    Script { code: code.to_owned(), language }
}

/// `rule line:column-line:column` of each diagnostic.
fn found(language: ScriptLanguage, code: &str) -> Vec<String> {
    let diagnostics = check(&script(language, code));
    let show = |Diagnostic { rule, line, column, end_line, end_column, .. }: &Diagnostic| {
        format!("{rule} {line}:{column}-{end_line}:{end_column}")
    };
    diagnostics.iter().map(show).collect()
}

const JS: ScriptLanguage = ScriptLanguage::named("javascript");
const TS: ScriptLanguage = ScriptLanguage::named("typescript");

#[test]
fn what_scripts_have_is_accepted() {
    for code in [
        "",
        "return 1 + 1",
        "const value = await db({}); return value // the end",
        "return `require('x') import eval ${1}`",
        "// require('fs'); import x from 'y'\n/* eval() process */ return 'process.exit()'",
        "const o = { process: 1, require() {}, eval: 2, get Function() { return 1 } }; return o.process + o.eval",
        "function f(require, { process = 1 }) { return require(process) } return f",
        "const process = { env: {} }; return process.env",
        "let eval_ = 1; try { x } catch (process) { return process }",
        "class A { static process = 1; eval() {} #require = 2 } return A.process",
        "process: for (;;) { break process }",
        "return typeof process === 'undefined' && typeof (require) === 'undefined'",
        "const { a: process } = { a: 1 }; return process",
        "const context = 1, console = 2, api = 3; return context",
        "for await (const x of []) {} return this",
        "return globalThis.JSON",
        "'use strict'; return 1",
        "return /require\\(/.test('x')",
    ] {
        assert_eq!(found(JS, code), [""; 0], "{code}");
        assert_eq!(found(TS, code), [""; 0], "as TypeScript: {code}");
    }
    for code in [
        "interface User { name: string; process: number } const u: User = { name: 'a', process: 1 }; return u.name",
        "enum Color { Red, Green = 'g' } return Color.Red",
        "namespace N { export const a = 1; export function require() {} } return N.a",
        "import type { X } from 'x'; type Y = typeof process; let z: Y; return 1",
        "abstract class A<T> { constructor(private readonly a: T, public b?: number) {} } return A",
        "return (<T,>(x: T) => x)(1 as const satisfies number)!",
        "declare const process: { env: object }; return 1",
        "function f(x: string): void; function f(x: any) {} return f",
        "export type T = 1; return 1",
        "namespace N { export const a = 1 } namespace M { import b = N.a; export const c = b } return M.c",
    ] {
        assert_eq!(found(TS, code), [""; 0], "{code}");
    }
}

#[test]
fn what_scripts_do_not_have_is_found_at_its_position() {
    for (code, expected) in [
        ("const fs = require('fs')", &["require 1:12-1:19"][..]),
        ("\n  eval('1')", &["eval 2:3-2:7"]),
        ("return new Function('return 1')", &["Function 1:12-1:20"]),
        ("return process.env", &["process 1:8-1:15"]),
        ("return __dirname + __filename", &["__dirname 1:8-1:17", "__filename 1:20-1:30"]),
        ("import fs from 'fs'", &["import 1:1-1:20"]),
        ("const x = await import('fs')", &["import 1:17-1:29"]),
        ("return import.meta.url", &["import 1:8-1:19"]),
        ("export const a = 1", &["export 1:1-1:19"]),
        ("export default 1", &["export 1:1-1:17"]),
        ("return { process }", &["process 1:10-1:17"]),
        ("'\u{1f600}'; eval(1)", &["eval 1:7-1:11"]),
        ("a\r\neval(1)\u{2028}process", &["eval 2:1-2:5", "process 3:1-3:8"]),
        ("return globalThis.process", &["process 1:8-1:26"]),
        ("return globalThis['eval']('1')", &["eval 1:8-1:26"]),
        ("(0, eval)('1')", &["eval 1:5-1:9"]),
        ("function f(process) {} return process", &["process 1:31-1:38"]),
        ("return typeof process.env", &["process 1:15-1:22"]),
    ] {
        assert_eq!(found(JS, code), expected, "{code}");
        assert_eq!(found(TS, code), expected, "as TypeScript: {code}");
    }
    assert_eq!(found(TS, "import fs = require('fs')"), ["import 1:1-1:26"]);
    assert_eq!(found(TS, "namespace N { import fs = require('fs') }"), ["import 1:15-1:40"]);
    assert_eq!(found(TS, "class A { @log x = 1 }"), ["decorator 1:11-1:15"]);
    assert_eq!(found(JS, &"x".repeat(MAX_CODE_BYTES + 1)), ["too-large 1:1-1:1"]);
}

#[test]
fn syntax_errors_have_the_position_of_the_unexpected_token() {
    for (code, line_and_column) in [
        ("return 1 +", (1, 11)),
        ("} evil(); {", (1, 1)),
        ("}; evil(); async () => {", (1, 1)),
        ("let x = 1;\nlet x = 2", (1, 5)),
        ("return `a", (1, 8)),
        ("/* never closed", (1, 1)),
        ("\n\n  const = 1", (3, 9)),
        ("'\u{1f600}' +* 1", (1, 7)),
        ("with (a) {}", (1, 1)),
        ("#!/bin/node", (1, 1)),
        ("const x: number = 1", (1, 7)),
    ] {
        let diagnostics = check(&script(JS, code));
        let first = diagnostics.first().map(|first| (first.rule.as_str(), (first.line, first.column)));
        assert_eq!(first, Some(("syntax", line_and_column)), "{code}: {diagnostics:?}");
        assert!(prepare(&script(JS, code), "t", true).is_err(), "{code}");
    }
    let jsx = check(&script(TS, "return <div>a</div>"));
    assert_eq!(jsx[0].rule, "syntax", "{jsx:?}");
}

fn module(language: ScriptLanguage, code: &str, metered: bool) -> ScriptModule {
    prepare(&script(language, code), "t", metered).unwrap_or_else(|diagnostics| panic!("{code}: {diagnostics:?}"))
}

/// The lines of a module between its first and its last.
fn body(prepared: &ScriptModule) -> &str {
    prepared.module.split_once('\n').unwrap().1.strip_suffix("\n};\n").unwrap()
}

#[test]
fn javascript_stays_as_it_is() {
    let code = "const a  =  1 ; // so\r\nreturn  a";
    let prepared = module(JS, code, false);
    assert_eq!(body(&prepared), code);
    assert_eq!(prepared.restore_positions("at script_t.js:3:9)"), "at code.js:2:9)");
}

#[test]
fn every_loop_and_every_function_has_a_check() {
    for (code, expected) in [
        ("for (;;) {}", "for (;;) {__check_t();}"),
        ("for (;;);", "for (;;){__check_t();;}"),
        ("while (a) b()", "while (a) {__check_t();b()}"),
        ("do b(); while (a)", "do {__check_t();b();} while (a)"),
        ("for (const x of y) z", "for (const x of y) {__check_t();z}"),
        ("for (const x in y) { z }", "for (const x in y) {__check_t(); z }"),
        ("a: for (;;) continue a", "a: for (;;) {__check_t();continue a}"),
        ("if (a) while (b); else c", "if (a) while (b){__check_t();;} else c"),
        ("while (a) while (b) c", "while (a) {__check_t();while (b) {__check_t();c}}"),
        ("function f() { 'use strict' }", "function f() {__check_t(); 'use strict' }"),
        ("x = () => 1", "x = () => (__check_t(),1)"),
        ("x = a => b => ({ c })", "x = a => (__check_t(),b => (__check_t(),({ c })))"),
        ("x = async () => { y }", "x = async () => {__check_t(); y }"),
        ("while (a) b => c", "while (a) {__check_t();b => (__check_t(),c)}"),
        (
            "class A { get b() { c } static { d } e = () => 1 }",
            "class A { get b() {__check_t(); c } static { __check_t();d } e = () => (__check_t(),1) }",
        ),
        ("x = (a = () => 1) => a", "x = (a = () => (__check_t(),1)) => (__check_t(),a)"),
        ("function* g() { yield* g() }", "function* g() {__check_t(); yield* g() }"),
    ] {
        assert_eq!(body(&module(JS, code, true)), expected);
    }
}

#[test]
fn positions_map_back_to_the_author() {
    let code = "enum A { B }\nfor (;;) { interface C {} /* \u{1f600} */ throw new Error(`${A.B}`) }";
    for (language, metered) in [(TS, false), (TS, true)] {
        let prepared = module(language, code, metered);
        let thrown = LineIndex::of(&prepared.module).position(prepared.module.find("new Error").unwrap());
        let restored =
            prepared.restore_positions(&format!("Error\n    at f (script_t.js:{}:{})", thrown.0 + 1, thrown.1 + 1));
        assert_eq!(restored, "Error\n    at f (code.ts:2:42)", "{}", prepared.module);
        assert_eq!(prepared.first_position(&restored), Some((2, 42)));
    }
    let code = "const f = () => { null.x };\nwhile (true) f()";
    let prepared = module(JS, code, true);
    for part in ["null", "f()"] {
        let lines = LineIndex::of(&prepared.module);
        let (line, column) = lines.position(prepared.module.rfind(part).unwrap());
        let (author_line, author_column) = LineIndex::of(code).position(code.rfind(part).unwrap());
        let restored = prepared.restore_positions(&format!("script_t.js:{}:{}", line + 1, column + 1));
        assert_eq!(restored, format!("code.js:{}:{}", author_line + 1, author_column + 1));
    }
}

#[test]
fn only_positions_are_restored() {
    let prepared = module(JS, "return 1", false);
    for (text, restored) in [
        ("nothing here", "nothing here"),
        ("script_t.js", "code.js"),
        ("script_t.js:1:1", "code.js:1:1"),
        ("script_t.js:99999999999:1 script_t.js:2:", "code.js:99999999999:1 code.js:2:"),
        ("script_t.js:2:8script_t.js:2:9", "code.js:1:8code.js:1:9"),
    ] {
        assert_eq!(prepared.restore_positions(text), restored);
    }
    assert_eq!(prepared.first_position("a code.js b"), None);
}

#[test]
fn typescript_loses_its_types_and_keeps_its_values() {
    let code = "enum Color { Red, Green = 5 }\nnamespace N { export const a = Color.Green }\nclass P { constructor(private x: number) {} }\nreturn (N.a as number)!";
    let prepared = module(TS, code, false);
    let text = body(&prepared);
    for part in ["Color[Color[\"Red\"] = 0]", "this.x = x", "return N.a;"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    for part in ["enum", "namespace", "private", " as "] {
        assert!(!text.contains(part), "{part} in {text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn nothing_makes_it_panic(code in "\\PC{0,80}", fragments in proptest::collection::vec(0_usize..24, 0..24), raw in "\\PC{0,60}") {
        const FRAGMENTS: [&str; 24] = [
            "for(;;)", "{", "}", "(", ")", "=>", "function f", "class A", "enum E", "namespace N", "return ", "await ",
            "\u{2028}", "\r\n", "'\u{1f600}'", "`${", "static", ";", "x", "import ", "eval", ": number", "/*", "@d ",
        ];
        let joined: String = fragments.iter().map(|index| FRAGMENTS[*index]).collect();
        for code in [code, joined] {
            for language in [JS, TS] {
                for metered in [false, true] {
                    if let Ok(prepared) = prepare(&script(language, &code), "t", metered) {
                        prepared.restore_positions(&format!("{raw}script_t.js:1:1 script_t.js:4294967295:4294967295{raw}"));
                    }
                }
            }
        }
    }
}
