//! Finds uses of what scripts do not have: imports, exports and some globals. The isolate lacks them as well; this check
//! reports them before the script runs.

use crate::positions::LineIndex;
use crate::syntax::ParsedScript;
use docle_protocol::isolate::Diagnostic;
use oxc::ast::ast::{
    Decorator, ExportAllDeclaration, ExportDefaultDeclaration, ExportNamedDeclaration, Expression, ImportDeclaration,
    ImportExpression, MetaProperty, Program, StaticMemberExpression, TSExportAssignment, TSImportEqualsDeclaration,
    TSModuleBlock, TSModuleReference, UnaryExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};
use oxc::syntax::operator::UnaryOperator;

const IMPORT: &str = "A script cannot import: beside the language it has context, console, api, db and ai.";
const EXPORT: &str = "A script cannot export: return the result.";

/// Globals that scripts do not have, and what to do instead.
const NAMES: [(&str, &str); 6] = [
    ("require", IMPORT),
    ("eval", "A script cannot create code from text: write the code itself."),
    ("Function", "A script cannot create code from text: write the code itself."),
    ("process", "A script has no process: pass what it needs in context."),
    ("__dirname", "A script has no files and no directory."),
    ("__filename", "A script has no files and no file name."),
];

/// A use of something that scripts do not have.
pub struct Violation {
    rule: &'static str,
    message: &'static str,
    span: Span,
}

impl Violation {
    /// The diagnostic for the author.
    pub fn diagnostic(self, lines: &LineIndex<'_>) -> Diagnostic {
        lines.diagnostic(self.rule, self.message.to_owned(), self.span.start as usize, self.span.end as usize)
    }
}

/// The violations in a script, in the order of its text.
pub fn check(parsed: &ParsedScript<'_>) -> Vec<Violation> {
    let mut found = Visitor::default();
    found.visit_program(parsed.program);
    for (name, start, end) in &parsed.unresolved {
        if let Some((rule, message)) = NAMES.iter().find(|(rule, _)| rule == name)
            && !found.typeof_operands.contains(start)
        {
            found.violations.push(Violation { rule, message, span: Span::new(*start, *end) });
        }
        if *name == "globalThis" {
            found.globals.push(*start);
        }
    }
    let through_global = found.members.iter().filter(|member| found.globals.contains(&member.object));
    let through_global: Vec<Violation> = through_global.filter_map(Member::violation).collect();
    found.violations.extend(through_global);
    found.violations.sort_by_key(|one| (one.span.start, one.span.end));
    found.violations
}

/// `object.name` or `object["name"]`; `object` is the offset of the object expression.
struct Member {
    object: u32,
    name: String,
    span: Span,
}

impl Member {
    fn violation(&self) -> Option<Violation> {
        let (rule, message) = NAMES.iter().find(|(rule, _)| *rule == self.name)?;
        Some(Violation { rule, message, span: self.span })
    }
}

#[derive(Default)]
struct Visitor {
    violations: Vec<Violation>,
    members: Vec<Member>,
    /// Offsets of `globalThis`.
    globals: Vec<u32>,
    /// Offsets of names that are operands of `typeof`, which never fails.
    typeof_operands: Vec<u32>,
    namespaces: u32,
}

impl Visitor {
    fn report(&mut self, rule: &'static str, message: &'static str, span: Span) {
        self.violations.push(Violation { rule, message, span });
    }
}

impl<'a> Visit<'a> for Visitor {
    fn visit_program(&mut self, program: &Program<'a>) {
        walk::walk_program(self, program);
    }

    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        if !import.import_kind.is_type() {
            self.report("import", IMPORT, import.span);
        }
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        self.report("import", IMPORT, import.span);
        walk::walk_import_expression(self, import);
    }

    fn visit_meta_property(&mut self, meta: &MetaProperty<'a>) {
        if meta.meta.name == "import" {
            self.report("import", "A script has no import.meta: it is not a file.", meta.span);
        }
    }

    fn visit_ts_import_equals_declaration(&mut self, import: &TSImportEqualsDeclaration<'a>) {
        // In a namespace, `import a = other.b` is an alias.
        let is_module = matches!(import.module_reference, TSModuleReference::ExternalModuleReference(_));
        if !import.import_kind.is_type() && (is_module || self.namespaces == 0) {
            self.report("import", IMPORT, import.span);
        }
    }

    fn visit_export_named_declaration(&mut self, export: &ExportNamedDeclaration<'a>) {
        if self.namespaces == 0 && !export.export_kind.is_type() {
            self.report("export", EXPORT, export.span);
        }
        walk::walk_export_named_declaration(self, export);
    }

    fn visit_export_default_declaration(&mut self, export: &ExportDefaultDeclaration<'a>) {
        self.report("export", EXPORT, export.span);
        walk::walk_export_default_declaration(self, export);
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        if !export.export_kind.is_type() {
            self.report("export", EXPORT, export.span);
        }
    }

    fn visit_ts_export_assignment(&mut self, export: &TSExportAssignment<'a>) {
        self.report("export", EXPORT, export.span);
    }

    fn visit_ts_module_block(&mut self, block: &TSModuleBlock<'a>) {
        self.namespaces += 1;
        walk::walk_ts_module_block(self, block);
        self.namespaces -= 1;
    }

    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.report("decorator", "Decorators are not supported: call the function yourself.", decorator.span);
        walk::walk_decorator(self, decorator);
    }

    fn visit_unary_expression(&mut self, unary: &UnaryExpression<'a>) {
        if unary.operator == UnaryOperator::Typeof
            && let Expression::Identifier(name) = unary.argument.without_parentheses()
        {
            self.typeof_operands.push(name.span.start);
        }
        walk::walk_unary_expression(self, unary);
    }

    fn visit_static_member_expression(&mut self, member: &StaticMemberExpression<'a>) {
        let name = member.property.name.to_string();
        self.members.push(Member { object: member.object.span().start, name, span: member.span });
        walk::walk_static_member_expression(self, member);
    }

    fn visit_computed_member_expression(&mut self, member: &oxc::ast::ast::ComputedMemberExpression<'a>) {
        if let Expression::StringLiteral(name) = &member.expression {
            let name = name.value.to_string();
            self.members.push(Member { object: member.object.span().start, name, span: member.span });
        }
        walk::walk_computed_member_expression(self, member);
    }
}
