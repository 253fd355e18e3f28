//! `compile` of a request: options and limits of a compilation.

use crate::domain::input::reader::{Reader, shown};
use docle_api::{fields, limits, runs};
use docle_protocol::{Compile, RunLanguage};

/// Reads `compile`. A language that is compiled has it with or without the field, and no other language may have it.
pub fn read(fields: &mut Reader<'_>, language: Option<RunLanguage>) -> Option<Compile> {
    let language = language?;
    let is_compiled = language.runner().compile.is_some();
    if !is_compiled && fields.has("compile") {
        fields.value("compile");
        fields.note("compile", format!("must be left out: {} is not compiled", language.title));
    }
    if !is_compiled {
        return None;
    }
    let mut compile = Compile {
        options: Vec::new(),
        timeout_ms: limits::DEFAULT_COMPILE_TIMEOUT_MS,
        memory_mb: limits::DEFAULT_COMPILE_MEMORY_MB,
    };
    let Some(mut fields) = fields.object("compile", fields::of::<runs::CompileRequest>()) else {
        return Some(compile);
    };
    compile.timeout_ms = fields.integer("timeoutMs", &limits::COMPILE_TIMEOUT_MS).unwrap_or(compile.timeout_ms);
    compile.memory_mb = fields.integer("memoryMB", &limits::COMPILE_MEMORY_MB).unwrap_or(compile.memory_mb);
    compile.options = fields.strings("options", limits::MAX_COMPILE_OPTIONS).unwrap_or_default();
    for (index, text) in compile.options.iter().enumerate() {
        if let Some(clause) = wrong_option(text) {
            fields.note(&format!("options[{index}]"), format!("{clause}, got \"{}\"", shown(text)));
        }
    }
    Some(compile)
}

/// What is wrong with one option: a clause that follows the name of the field.
fn wrong_option(text: &str) -> Option<String> {
    if text.len() < 2 || !text.starts_with('-') {
        return Some("must be an option such as \"-O2\"; an option with a value is one text, \"-std=c11\"".into());
    }
    if text.contains('\0') {
        return Some("must not contain NUL".into());
    }
    (text.len() > limits::MAX_COMPILE_OPTION_BYTES)
        .then(|| format!("must have at most {} bytes", limits::MAX_COMPILE_OPTION_BYTES))
}
