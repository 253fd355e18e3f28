//! Parses a script into its syntax tree and scopes, or into its syntax errors.

use crate::positions::LineIndex;
use docle_protocol::isolate::{Diagnostic, Dialect};
use oxc::allocator::Allocator;
use oxc::ast::ast::Program;
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::{AstNodes, Scoping, SemanticBuilder};
use oxc::span::{GetSpan, SourceType};

/// A script that parses.
pub struct ParsedScript<'a> {
    pub program: &'a mut Program<'a>,
    pub scoping: Scoping,
    /// Names that are used and not declared: name, start and end in bytes.
    pub unresolved: Vec<(&'a str, u32, u32)>,
}

/// The syntax errors of a script.
pub struct SyntaxErrors(Vec<OxcDiagnostic>);

impl SyntaxErrors {
    /// The diagnostics for the author, in the order of the text.
    pub fn diagnostics(self, lines: &LineIndex<'_>) -> Vec<Diagnostic> {
        let diagnostic = |error: OxcDiagnostic| {
            let label = error.labels.as_ref().and_then(|labels| labels.first());
            let (start, length) = label.map_or((0, 0), |label| (label.offset(), label.len()));
            let message = match &error.help {
                Some(help) => format!("{}: {help}", error.message),
                None => error.message.to_string(),
            };
            lines.diagnostic("syntax", message, start, start + length)
        };
        let mut diagnostics: Vec<Diagnostic> = self.0.into_iter().map(diagnostic).collect();
        diagnostics.sort_by_key(|diagnostic| (diagnostic.line, diagnostic.column));
        diagnostics
    }
}

/// Parses a script as the body of an asynchronous function in a module: strict, with `await` and `return`.
///
/// # Errors
/// The syntax errors.
pub fn parse<'a>(allocator: &'a Allocator, code: &'a str, dialect: Dialect) -> Result<ParsedScript<'a>, SyntaxErrors> {
    let source_type = match dialect {
        Dialect::JavaScript => SourceType::mjs(),
        Dialect::TypeScript => SourceType::ts().with_module(true),
    };
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(allocator, code, source_type).with_options(options).parse();
    if !parsed.errors.is_empty() {
        return Err(SyntaxErrors(parsed.errors));
    }
    let program: &'a mut Program<'a> = allocator.alloc(parsed.program);
    if let Some(hashbang) = &program.hashbang {
        let error = OxcDiagnostic::error("A script has no #! line").with_label(hashbang.span);
        return Err(SyntaxErrors(vec![error]));
    }
    let (scoping, unresolved) = {
        let program: &Program<'_> = program;
        let built = SemanticBuilder::new().with_check_syntax_error(true).with_enum_eval(true).build(program);
        if !built.errors.is_empty() {
            return Err(SyntaxErrors(built.errors));
        }
        let (scoping, nodes) = built.semantic.into_scoping_and_nodes();
        let unresolved = unresolved_names(&scoping, &nodes);
        (scoping, unresolved)
    };
    let unresolved =
        unresolved.into_iter().map(|(name, start, end)| (allocator.alloc_str(&name), start, end)).collect();
    Ok(ParsedScript { program, scoping, unresolved })
}

fn unresolved_names(scoping: &Scoping, nodes: &AstNodes<'_>) -> Vec<(String, u32, u32)> {
    let mut unresolved = Vec::new();
    for (name, references) in scoping.root_unresolved_references() {
        for reference in references {
            let reference = scoping.get_reference(*reference);
            // The translator erases types, also the operand of a `typeof` in a type.
            if reference.is_value() && !reference.flags().is_value_as_type() {
                let span = nodes.get_node(reference.node_id()).kind().span();
                unresolved.push((name.to_string(), span.start, span.end));
            }
        }
    }
    unresolved
}
