//! Translates TypeScript into JavaScript.

use crate::positions::{LineIndex, SourceMap};
use crate::syntax::ParsedScript;
use docle_protocol::isolate::Diagnostic;
use oxc::allocator::Allocator;
use oxc::ast::ast::{ExportNamedDeclaration, Statement};
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::transformer::{TransformOptions, Transformer};
use std::path::{Path, PathBuf};

/// Translates a script into JavaScript and returns the source map. The translator removes types and replaces what TypeScript
/// adds to the language; it does not touch anything else.
///
/// # Errors
/// The constructs that cannot be translated.
pub fn to_javascript<'a>(
    allocator: &'a Allocator,
    parsed: ParsedScript<'a>,
    code: &str,
) -> Result<(String, SourceMap), Vec<Diagnostic>> {
    let ParsedScript { program, scoping, .. } = parsed;
    let options = TransformOptions::default();
    let transformed = Transformer::new(allocator, Path::new("code.ts"), &options).build_with_scoping(scoping, program);
    if !transformed.errors.is_empty() {
        let lines = LineIndex::of(code);
        let diagnostic = |error: oxc::diagnostics::OxcDiagnostic| {
            let label = error.labels.as_ref().and_then(|labels| labels.first());
            let (start, length) = label.map_or((0, 0), |label| (label.offset(), label.len()));
            lines.diagnostic("syntax", error.message.to_string(), start, start + length)
        };
        return Err(transformed.errors.into_iter().map(diagnostic).collect());
    }
    // After the removal of types the transformer leaves `export {}`, which a function body cannot contain.
    program
        .body
        .retain(|statement| !matches!(statement, Statement::ExportNamedDeclaration(export) if is_empty(export)));
    let options = CodegenOptions {
        source_map_path: Some(PathBuf::from("code.ts")),
        comments: CommentOptions::disabled(),
        ..CodegenOptions::default()
    };
    let printed = Codegen::new().with_options(options).with_source_text(code).build(program);
    let tokens = printed
        .map
        .iter()
        .flat_map(|map| map.get_tokens())
        .map(|token| ((token.get_dst_line(), token.get_dst_col()), (token.get_src_line(), token.get_src_col())));
    let map = SourceMap::of(tokens);
    Ok((printed.code, map))
}

fn is_empty(export: &ExportNamedDeclaration<'_>) -> bool {
    export.declaration.is_none() && export.specifiers.is_empty() && export.source.is_none()
}
