//! `compile` of a request: options and limits of a compilation.

use crate::domain::input::reader::{Reader, shown};
use docle_api::compile::CompileRequest;
use docle_api::{fields, limits};
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
    let Some(mut fields) = fields.object("compile", fields::of::<CompileRequest>()) else {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::run::id::RunId;
    use crate::domain::run::request::parse;
    use serde_json::{Value, json};

    fn read(body: Value) -> Result<Option<Compile>, Vec<String>> {
        let parsed = parse(body, RunId::from_random([0; 16]), 300_000);
        parsed
            .map(|request| request.job.compile)
            .map_err(|errors| errors.into_iter().map(|error| format!("{} {}", error.field, error.message)).collect())
    }

    #[test]
    fn a_compiled_language_is_compiled_with_or_without_the_field() {
        let default = Compile { options: Vec::new(), timeout_ms: 30_000, memory_mb: 768 };
        assert_eq!(read(json!({ "lang": "c", "code": "" })), Ok(Some(default.clone())));
        assert_eq!(read(json!({ "lang": "ruby", "code": "" })), Ok(None));
        let asked = json!({ "lang": "rs", "code": "", "compile": { "options": ["-g"], "memoryMB": 1_024 } });
        assert_eq!(read(asked), Ok(Some(Compile { options: vec!["-g".into()], memory_mb: 1_024, ..default })));
    }

    #[test]
    fn what_is_no_option_is_refused_with_its_place() {
        for (compile, says) in [
            (json!({ "options": ["-O2", "other.c"] }), "compile.options[1] must be an option such as \"-O2\""),
            (json!({ "options": ["-"] }), "compile.options[0] must be an option"),
            (json!({ "options": ["-\0a"] }), "compile.options[0] must not contain NUL"),
            (json!({ "options": [format!("-{}", "a".repeat(256))] }), "compile.options[0] must have at most 256 bytes"),
        ] {
            let errors = read(json!({ "lang": "c", "code": "", "compile": compile })).unwrap_err();
            assert!(errors[0].starts_with(says), "{errors:?}");
        }
        let errors = read(json!({ "lang": "php", "code": "", "compile": {} })).unwrap_err();
        assert_eq!(errors, ["compile must be left out: PHP is not compiled"]);
    }
}
