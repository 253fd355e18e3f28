//! What scripts do not have. The isolate does not have it either: this tells authors before it fails.

use crate::positions::Lines;
use crate::syntax::Read;
use docle_protocol::isolate::Finding;
use oxc::ast::ast::{
    Decorator, ExportAllDeclaration, ExportDefaultDeclaration, ExportNamedDeclaration, Expression, ImportDeclaration,
    ImportExpression, MetaProperty, Program, StaticMemberExpression, TSExportAssignment, TSImportEqualsDeclaration,
    TSModuleBlock, TSModuleReference, UnaryExpression,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};
use oxc::syntax::operator::UnaryOperator;

const IMPORT: &str = "A script imports nothing: what it has beside the language is context, console, api, db and ai.";
const EXPORT: &str = "A script exports nothing: return the result.";

/// Free names that scripts do not have, and what to do instead.
const NAMES: [(&str, &str); 6] = [
    ("require", IMPORT),
    ("eval", "A script cannot make code of text: write the code itself."),
    ("Function", "A script cannot make code of text: write the code itself."),
    ("process", "A script has no process: what it needs to know comes in context."),
    ("__dirname", "A script has no files, and so no directory."),
    ("__filename", "A script has no files, and so no name of one."),
];

/// Something that a script does not have, where it is used.
pub struct Use {
    rule: &'static str,
    message: &'static str,
    span: Span,
}

impl Use {
    /// It as a finding.
    pub fn finding(self, lines: &Lines<'_>) -> Finding {
        lines.finding(self.rule, self.message.to_owned(), self.span.start as usize, self.span.end as usize)
    }
}

/// Every use of what scripts do not have, in the order of the text.
pub fn check(read: &Read<'_>) -> Vec<Use> {
    let mut found = Visitor::default();
    found.visit_program(read.program);
    for (name, start, end) in &read.free {
        if let Some((rule, message)) = NAMES.iter().find(|(rule, _)| rule == name)
            && !found.looked_at.contains(start)
        {
            found.uses.push(Use { rule, message, span: Span::new(*start, *end) });
        }
        if *name == "globalThis" {
            found.globals.push(*start);
        }
    }
    let through_global = found.members.iter().filter(|member| found.globals.contains(&member.object));
    let through_global: Vec<Use> = through_global.filter_map(Member::forbidden).collect();
    found.uses.extend(through_global);
    found.uses.sort_by_key(|one| (one.span.start, one.span.end));
    found.uses
}

/// `object.name` or `object["name"]`, of something that stands at `object`.
struct Member {
    object: u32,
    name: String,
    span: Span,
}

impl Member {
    fn forbidden(&self) -> Option<Use> {
        let (rule, message) = NAMES.iter().find(|(rule, _)| *rule == self.name)?;
        Some(Use { rule, message, span: self.span })
    }
}

#[derive(Default)]
struct Visitor {
    uses: Vec<Use>,
    members: Vec<Member>,
    /// Where `globalThis` stands.
    globals: Vec<u32>,
    /// Where a name stands of which only `typeof` is asked, which never fails.
    looked_at: Vec<u32>,
    namespaces: u32,
}

impl Visitor {
    fn note(&mut self, rule: &'static str, message: &'static str, span: Span) {
        self.uses.push(Use { rule, message, span });
    }
}

impl<'a> Visit<'a> for Visitor {
    fn visit_program(&mut self, program: &Program<'a>) {
        walk::walk_program(self, program);
    }

    fn visit_import_declaration(&mut self, import: &ImportDeclaration<'a>) {
        if !import.import_kind.is_type() {
            self.note("import", IMPORT, import.span);
        }
    }

    fn visit_import_expression(&mut self, import: &ImportExpression<'a>) {
        self.note("import", IMPORT, import.span);
        walk::walk_import_expression(self, import);
    }

    fn visit_meta_property(&mut self, meta: &MetaProperty<'a>) {
        if meta.meta.name == "import" {
            self.note("import", "A script has no import.meta: it stands in no file.", meta.span);
        }
    }

    fn visit_ts_import_equals_declaration(&mut self, import: &TSImportEqualsDeclaration<'a>) {
        // In a namespace, `import a = other.b` is a short name and no import.
        let is_module = matches!(import.module_reference, TSModuleReference::ExternalModuleReference(_));
        if !import.import_kind.is_type() && (is_module || self.namespaces == 0) {
            self.note("import", IMPORT, import.span);
        }
    }

    fn visit_export_named_declaration(&mut self, export: &ExportNamedDeclaration<'a>) {
        if self.namespaces == 0 && !export.export_kind.is_type() {
            self.note("export", EXPORT, export.span);
        }
        walk::walk_export_named_declaration(self, export);
    }

    fn visit_export_default_declaration(&mut self, export: &ExportDefaultDeclaration<'a>) {
        self.note("export", EXPORT, export.span);
        walk::walk_export_default_declaration(self, export);
    }

    fn visit_export_all_declaration(&mut self, export: &ExportAllDeclaration<'a>) {
        if !export.export_kind.is_type() {
            self.note("export", EXPORT, export.span);
        }
    }

    fn visit_ts_export_assignment(&mut self, export: &TSExportAssignment<'a>) {
        self.note("export", EXPORT, export.span);
    }

    fn visit_ts_module_block(&mut self, block: &TSModuleBlock<'a>) {
        self.namespaces += 1;
        walk::walk_ts_module_block(self, block);
        self.namespaces -= 1;
    }

    fn visit_decorator(&mut self, decorator: &Decorator<'a>) {
        self.note("decorator", "Decorators are not supported: call the function yourself.", decorator.span);
        walk::walk_decorator(self, decorator);
    }

    fn visit_unary_expression(&mut self, unary: &UnaryExpression<'a>) {
        if unary.operator == UnaryOperator::Typeof
            && let Expression::Identifier(name) = unary.argument.without_parentheses()
        {
            self.looked_at.push(name.span.start);
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
