//! Reading the text of a script: its tree and its scopes, or what does not parse.

use crate::positions::Lines;
use docle_protocol::isolate::{Finding, ScriptLanguage};
use oxc::allocator::Allocator;
use oxc::ast::ast::Program;
use oxc::diagnostics::OxcDiagnostic;
use oxc::parser::{ParseOptions, Parser};
use oxc::semantic::{AstNodes, Scoping, SemanticBuilder};
use oxc::span::{GetSpan, SourceType};

/// A script that parses.
pub struct Read<'a> {
    pub program: &'a mut Program<'a>,
    pub scoping: Scoping,
    /// Names that are used and not declared: name, start and end in bytes.
    pub free: Vec<(&'a str, u32, u32)>,
}

/// Why a script does not parse.
pub struct Wrong(Vec<OxcDiagnostic>);

impl Wrong {
    /// The parser's words, and where.
    pub fn findings(self, lines: &Lines<'_>) -> Vec<Finding> {
        let finding = |error: OxcDiagnostic| {
            let label = error.labels.as_ref().and_then(|labels| labels.first());
            let (start, length) = label.map_or((0, 0), |label| (label.offset(), label.len()));
            let message = match &error.help {
                Some(help) => format!("{}: {help}", error.message),
                None => error.message.to_string(),
            };
            lines.finding("syntax", message, start, start + length)
        };
        let mut findings: Vec<Finding> = self.0.into_iter().map(finding).collect();
        findings.sort_by_key(|finding| (finding.line, finding.column));
        findings
    }
}

/// Reads a script as what it becomes: strict, with `await` and `return` at its top.
pub fn read<'a>(allocator: &'a Allocator, code: &'a str, language: ScriptLanguage) -> Result<Read<'a>, Wrong> {
    let source_type = match language {
        ScriptLanguage::JavaScript => SourceType::mjs(),
        ScriptLanguage::TypeScript => SourceType::ts().with_module(true),
    };
    let options = ParseOptions { allow_return_outside_function: true, ..ParseOptions::default() };
    let parsed = Parser::new(allocator, code, source_type).with_options(options).parse();
    if !parsed.errors.is_empty() {
        return Err(Wrong(parsed.errors));
    }
    let program: &'a mut Program<'a> = allocator.alloc(parsed.program);
    if let Some(hashbang) = &program.hashbang {
        let error = OxcDiagnostic::error("A script has no #! line").with_label(hashbang.span);
        return Err(Wrong(vec![error]));
    }
    let (scoping, free) = {
        let program: &Program<'_> = program;
        let built = SemanticBuilder::new().with_check_syntax_error(true).with_enum_eval(true).build(program);
        if !built.errors.is_empty() {
            return Err(Wrong(built.errors));
        }
        let (scoping, nodes) = built.semantic.into_scoping_and_nodes();
        let free = free_names(&scoping, &nodes);
        let free: Vec<(String, u32, u32)> = free;
        (scoping, free)
    };
    let free = free.into_iter().map(|(name, start, end)| (allocator.alloc_str(&name), start, end)).collect();
    Ok(Read { program, scoping, free })
}

fn free_names(scoping: &Scoping, nodes: &AstNodes<'_>) -> Vec<(String, u32, u32)> {
    let mut free = Vec::new();
    for (name, references) in scoping.root_unresolved_references() {
        for reference in references {
            let reference = scoping.get_reference(*reference);
            // Types are erased, and what is only looked at for its type does nothing.
            if reference.is_value() && !reference.flags().is_value_as_type() {
                let span = nodes.get_node(reference.node_id()).kind().span();
                free.push((name.to_string(), span.start, span.end));
            }
        }
    }
    free
}
