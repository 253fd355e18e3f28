//! Scripts: the bodies of asynchronous functions, in JavaScript or TypeScript, that run in isolates.
//!
//! [`check`] lists the errors of a script, [`prepare`] turns a script into a module. Reading order: [`syntax`] parses the
//! text, [`rules`] finds names that scripts do not have, [`translate`] turns TypeScript into JavaScript, [`meter`] inserts
//! calls that stop a script where the runtime cannot interrupt it, and [`positions`] maps positions in the module back to
//! the author's text.

mod meter;
mod positions;
mod rules;
mod syntax;
mod translate;

use docle_protocol::isolate::{Diagnostic, Dialect, MAX_CODE_BYTES, Script};
use oxc::allocator::Allocator;
use positions::{Insertions, LineIndex, SourceMap};

/// The release of the parser and translator.
pub const OXC_VERSION: &str = env!("OXC_VERSION");

/// The lines of the module before the author's first line.
const LINES_BEFORE: u32 = 1;

/// The errors of a script: its syntax errors, or else the forbidden names that it uses.
pub fn check(script: &Script) -> Vec<Diagnostic> {
    let allocator = Allocator::default();
    parse(&allocator, script).err().unwrap_or_default()
}

/// A script as a module whose default export is an asynchronous function without parameters.
pub struct ScriptModule {
    /// The module's text. It imports `context` and the runtime APIs from `./runtime.js`, and `check` where it is metered.
    pub module: String,
    /// The module's name, `script_<tag>.js`. The tag is random, so the name appears in positions of this module only.
    pub name: String,
    /// The file name of the author's text in stacks: `code.js` or `code.ts`.
    file: &'static str,
    insertions: Option<Insertions>,
    map: Option<SourceMap>,
}

/// Turns a script into a module. `tag` consists of letters and digits and must be random: it is part of names that the
/// script must not guess. With `metered`, each loop and each function of the script calls `check`.
///
/// # Errors
/// The errors of the script, as [`check`] lists them.
pub fn prepare(script: &Script, tag: &str, metered: bool) -> Result<ScriptModule, Vec<Diagnostic>> {
    let allocator = Allocator::default();
    let parsed = parse(&allocator, script)?;
    let (text, map) = match script.language.dialect() {
        Dialect::JavaScript => (script.code.clone(), None),
        Dialect::TypeScript => {
            let (text, map) = translate::to_javascript(&allocator, parsed, &script.code)?;
            (text, Some(map))
        }
    };
    let check = format!("__check_{tag}");
    let (text, insertions, import) = if metered {
        let (text, insertions) = meter::add_checks(&text, &format!("{check}()"));
        (text, Some(insertions), format!(", check as {check}"))
    } else {
        (text, None, String::new())
    };
    // The imports are in the module's scope, so the script may declare the same names in the function. The line break
    // before the closing brace ends a comment in the script's last line.
    let module = format!(
        "import {{ context, console, api, db, ai{import} }} from \"./runtime.js\"; export default async () => {{\n{text}\n}};\n"
    );
    let file = match script.language.dialect() {
        Dialect::JavaScript => "code.js",
        Dialect::TypeScript => "code.ts",
    };
    Ok(ScriptModule { module, name: format!("script_{tag}.js"), file, insertions, map })
}

/// Parses a script and checks the rules.
fn parse<'a>(allocator: &'a Allocator, script: &'a Script) -> Result<syntax::ParsedScript<'a>, Vec<Diagnostic>> {
    let lines = LineIndex::of(&script.code);
    if script.code.len() > MAX_CODE_BYTES {
        let message = format!("The code has {} bytes; the limit is {MAX_CODE_BYTES}.", script.code.len());
        return Err(vec![lines.diagnostic("too-large", message, 0, 0)]);
    }
    let parsed = syntax::parse(allocator, &script.code, script.language.dialect())
        .map_err(|errors| errors.diagnostics(&lines))?;
    let violations = rules::check(&parsed);
    if violations.is_empty() {
        return Ok(parsed);
    }
    Err(violations.into_iter().map(|violation| violation.diagnostic(&lines)).collect())
}

impl ScriptModule {
    /// `text` with each position in the module mapped to the author's text: `script_<tag>.js:5:3` becomes `code.ts:7:9`.
    pub fn restore_positions(&self, text: &str) -> String {
        let mut pieces = text.split(&self.name);
        let mut restored = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            restored.push_str(self.file);
            match leading_position(piece) {
                Some((line, column, rest)) => {
                    let (line, column) = self.original(line, column);
                    restored.push_str(&format!(":{line}:{column}{rest}"));
                }
                None => restored.push_str(piece),
            }
        }
        restored
    }

    /// The first position of the author's text in a text with restored positions.
    pub fn first_position(&self, restored: &str) -> Option<(u32, u32)> {
        restored.split(self.file).skip(1).find_map(leading_position).map(|(line, column, _)| (line, column))
    }

    /// Maps a line and column of the module to the author's text, all counted from 1.
    fn original(&self, line: u32, column: u32) -> (u32, u32) {
        let mut position = (line.saturating_sub(LINES_BEFORE + 1), column.saturating_sub(1));
        if let Some(insertions) = &self.insertions {
            position = insertions.original(position);
        }
        if let Some(map) = &self.map {
            position = map.source(position);
        }
        (position.0 + 1, position.1 + 1)
    }
}

/// The line and the column at the start of a text, `:5:3`, and the rest of the text.
fn leading_position(text: &str) -> Option<(u32, u32, &str)> {
    let number = |text: &'_ str| -> Option<(u32, usize)> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        Some((text[..digits].parse().ok()?, digits))
    };
    let text = text.strip_prefix(':')?;
    let (line, digits) = number(text)?;
    let text = text[digits..].strip_prefix(':')?;
    let (column, digits) = number(text)?;
    Some((line, column, &text[digits..]))
}

#[cfg(test)]
mod tests;
