//! Scripts: the bodies of asynchronous functions, in JavaScript or TypeScript, that run in isolates.
//!
//! [`check`] says what is wrong with one, [`prepare`] makes a module of it. Reading order: [`syntax`] reads the text,
//! [`rules`] finds names that scripts do not have, [`translate`] turns TypeScript into JavaScript, [`meter`] adds the
//! calls that let a script be stopped where the runtime cannot do it, and [`positions`] leads from a place in the module
//! back to the author's text.

mod meter;
mod positions;
mod rules;
mod syntax;
mod translate;

use docle_protocol::isolate::{Finding, MAX_CODE_BYTES, Script, ScriptLanguage};
use oxc::allocator::Allocator;
use positions::{Edits, Lines, SourceMap};

/// The release of the parser and translator.
pub const OXC_VERSION: &str = env!("OXC_VERSION");

/// Lines of the module before the author's first.
const LINES_BEFORE: u32 = 1;

/// Everything that is wrong with a script: what does not parse, or else the names that scripts do not have.
pub fn check(script: &Script) -> Vec<Finding> {
    let allocator = Allocator::default();
    read(&allocator, script).err().unwrap_or_default()
}

/// A script as a module whose default export is an asynchronous function without parameters.
pub struct Prepared {
    /// The module's text. It imports `context` and the runtime APIs from `./runtime.js`, and `check` where it is metered.
    pub module: String,
    /// The module's name, `script_<tag>.js`: what is found in a text as a place in it, is one.
    pub name: String,
    /// What the author's text is called: `code.js` or `code.ts`.
    file: &'static str,
    edits: Option<Edits>,
    map: Option<SourceMap>,
}

/// Makes a module of a script. `tag`, letters and digits, is in names that the script must not know, so it must be
/// random. With `metered`, each of the script's loops and functions calls `check`.
///
/// # Errors
/// Everything that is wrong with the script, as [`check`] says it.
pub fn prepare(script: &Script, tag: &str, metered: bool) -> Result<Prepared, Vec<Finding>> {
    let allocator = Allocator::default();
    let read = read(&allocator, script)?;
    let (text, map) = match script.language {
        ScriptLanguage::JavaScript => (script.code.clone(), None),
        ScriptLanguage::TypeScript => {
            let (text, map) = translate::to_javascript(&allocator, read, &script.code)?;
            (text, Some(map))
        }
    };
    let check = format!("__check_{tag}");
    let (text, edits, import) = if metered {
        let (text, edits) = meter::add_checks(&text, &format!("{check}()"));
        (text, Some(edits), format!(", check as {check}"))
    } else {
        (text, None, String::new())
    };
    // The imports are the module's and not the function's, so that the author may declare the same names. The last line
    // may be a comment.
    let module = format!(
        "import {{ context, console, api, db, ai{import} }} from \"./runtime.js\"; export default async () => {{\n{text}\n}};\n"
    );
    let file = match script.language {
        ScriptLanguage::JavaScript => "code.js",
        ScriptLanguage::TypeScript => "code.ts",
    };
    Ok(Prepared { module, name: format!("script_{tag}.js"), file, edits, map })
}

/// Reads a script and holds it to the rules.
fn read<'a>(allocator: &'a Allocator, script: &'a Script) -> Result<syntax::Read<'a>, Vec<Finding>> {
    let lines = Lines::of(&script.code);
    if script.code.len() > MAX_CODE_BYTES {
        let message = format!("The code has {} bytes; at most {MAX_CODE_BYTES} are taken.", script.code.len());
        return Err(vec![lines.finding("too-large", message, 0, 0)]);
    }
    let read = syntax::read(allocator, &script.code, script.language).map_err(|wrong| wrong.findings(&lines))?;
    let found = rules::check(&read);
    if found.is_empty() { Ok(read) } else { Err(found.into_iter().map(|wrong| wrong.finding(&lines)).collect()) }
}

impl Prepared {
    /// `text` with each place in the module replaced by the author's: `script_<tag>.js:5:3` becomes `code.ts:7:9`.
    pub fn restore(&self, text: &str) -> String {
        let mut pieces = text.split(&self.name);
        let mut restored = pieces.next().unwrap_or_default().to_owned();
        for piece in pieces {
            restored.push_str(self.file);
            match place_at_start(piece) {
                Some((line, column, rest)) => {
                    let (line, column) = self.original(line, column);
                    restored.push_str(&format!(":{line}:{column}{rest}"));
                }
                None => restored.push_str(piece),
            }
        }
        restored
    }

    /// The first place of the author's text that a restored text names.
    pub fn first_place(&self, restored: &str) -> Option<(u32, u32)> {
        restored.split(self.file).skip(1).find_map(place_at_start).map(|(line, column, _)| (line, column))
    }

    /// The author's place for a line and column of the module, all counted from 1.
    fn original(&self, line: u32, column: u32) -> (u32, u32) {
        let mut place = (line.saturating_sub(LINES_BEFORE + 1), column.saturating_sub(1));
        if let Some(edits) = &self.edits {
            place = edits.before(place);
        }
        if let Some(map) = &self.map {
            place = map.source(place);
        }
        (place.0 + 1, place.1 + 1)
    }
}

/// The line and the column with which a text begins, `:5:3`, and the rest.
fn place_at_start(text: &str) -> Option<(u32, u32, &str)> {
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
