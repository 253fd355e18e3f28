//! TypeScript into JavaScript.

use crate::positions::{Lines, SourceMap};
use crate::syntax::Read;
use docle_protocol::isolate::Finding;
use oxc::allocator::Allocator;
use oxc::ast::ast::{ExportNamedDeclaration, Statement};
use oxc::codegen::{Codegen, CodegenOptions, CommentOptions};
use oxc::transformer::{TransformOptions, Transformer};
use std::path::{Path, PathBuf};

/// The JavaScript that a script in TypeScript means, and where its parts come from. Only types and what TypeScript adds
/// to the language are translated; the rest stays as it is.
///
/// # Errors
/// What cannot be translated.
pub fn to_javascript<'a>(
    allocator: &'a Allocator,
    read: Read<'a>,
    code: &str,
) -> Result<(String, SourceMap), Vec<Finding>> {
    let Read { program, scoping, .. } = read;
    let options = TransformOptions::default();
    let transformed = Transformer::new(allocator, Path::new("code.ts"), &options).build_with_scoping(scoping, program);
    if !transformed.errors.is_empty() {
        let lines = Lines::of(code);
        let finding = |error: oxc::diagnostics::OxcDiagnostic| {
            let label = error.labels.as_ref().and_then(|labels| labels.first());
            let (start, length) = label.map_or((0, 0), |label| (label.offset(), label.len()));
            lines.finding("syntax", error.message.to_string(), start, start + length)
        };
        return Err(transformed.errors.into_iter().map(finding).collect());
    }
    // Where nothing but types was imported or exported, `export {}` would keep the text a module.
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
