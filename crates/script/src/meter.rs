//! Calls that let a script be stopped from inside, for runtimes that cannot interrupt one: at the start of every
//! function and of every turn of a loop.
//!
//! Nothing that a script can write goes on for ever without passing one of them, but single operations of the language
//! can take long (a regular expression, sorting, a huge string): those are not metered.

use crate::positions::Edits;
use crate::syntax;
use docle_protocol::isolate::ScriptLanguage;
use oxc::allocator::Allocator;
use oxc::ast::ast::{
    ArrowFunctionExpression, DoWhileStatement, ForInStatement, ForOfStatement, ForStatement, Function, Statement,
    StaticBlock, WhileStatement,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};
use oxc::syntax::scope::ScopeFlags;

/// JavaScript with `call`, an expression, wherever it must pass. Text that does not parse stays as it is, because it
/// will not run either.
pub fn add_checks(text: &str, call: &str) -> (String, Edits) {
    let allocator = Allocator::default();
    let mut checks = Checks::default();
    if let Ok(read) = syntax::read(&allocator, text, ScriptLanguage::JavaScript) {
        checks.visit_program(read.program);
    }
    let [statement, open_statement, open_expression] = [format!("{call};"), format!("{{{call};"), format!("({call},")];
    let insertions = checks.insertions.into_iter().map(|(offset, kind)| {
        let text: &str = match kind {
            Insertion::Statement => &statement,
            Insertion::OpenStatement => &open_statement,
            Insertion::OpenExpression => &open_expression,
            Insertion::CloseStatement => "}",
            Insertion::CloseExpression => ")",
        };
        (offset as usize, text)
    });
    Edits::apply(text, insertions.collect())
}

enum Insertion {
    Statement,
    OpenStatement,
    CloseStatement,
    OpenExpression,
    CloseExpression,
}

/// What to insert, in an order in which insertions at one offset nest: openings outside first, closings inside first.
#[derive(Default)]
struct Checks {
    insertions: Vec<(u32, Insertion)>,
}

impl Checks {
    fn at(&mut self, offset: u32, insertion: Insertion) {
        self.insertions.push((offset, insertion));
    }

    /// Behind the brace with which a block begins.
    fn in_block(&mut self, block: Span) {
        self.at(block.start + 1, Insertion::Statement);
    }

    /// The body of a loop, which `visit` walks.
    fn body(&mut self, body: &Statement<'_>, visit: impl FnOnce(&mut Self)) {
        let span = body.span();
        if matches!(body, Statement::BlockStatement(_)) {
            self.in_block(span);
            visit(self);
        } else {
            self.at(span.start, Insertion::OpenStatement);
            visit(self);
            self.at(span.end, Insertion::CloseStatement);
        }
    }
}

impl<'a> Visit<'a> for Checks {
    fn visit_function(&mut self, function: &Function<'a>, flags: ScopeFlags) {
        if let Some(body) = &function.body {
            self.in_block(body.span);
        }
        walk::walk_function(self, function, flags);
    }

    fn visit_arrow_function_expression(&mut self, arrow: &ArrowFunctionExpression<'a>) {
        let expression = match arrow.body.statements.first() {
            Some(Statement::ExpressionStatement(statement)) if arrow.expression => Some(statement.expression.span()),
            _ => None,
        };
        match expression {
            Some(span) => {
                self.visit_formal_parameters(&arrow.params);
                self.at(span.start, Insertion::OpenExpression);
                self.visit_function_body(&arrow.body);
                self.at(span.end, Insertion::CloseExpression);
            }
            None => {
                self.in_block(arrow.body.span);
                walk::walk_arrow_function_expression(self, arrow);
            }
        }
    }

    fn visit_static_block(&mut self, block: &StaticBlock<'a>) {
        let brace = block.body.first().map_or(block.span.end, |first| first.span().start);
        if !block.body.is_empty() {
            self.at(brace, Insertion::Statement);
        }
        walk::walk_static_block(self, block);
    }

    fn visit_for_statement(&mut self, statement: &ForStatement<'a>) {
        if let Some(init) = &statement.init {
            self.visit_for_statement_init(init);
        }
        for expression in [&statement.test, &statement.update].into_iter().flatten() {
            self.visit_expression(expression);
        }
        self.body(&statement.body, |checks| checks.visit_statement(&statement.body));
    }

    fn visit_for_in_statement(&mut self, statement: &ForInStatement<'a>) {
        self.visit_for_statement_left(&statement.left);
        self.visit_expression(&statement.right);
        self.body(&statement.body, |checks| checks.visit_statement(&statement.body));
    }

    fn visit_for_of_statement(&mut self, statement: &ForOfStatement<'a>) {
        self.visit_for_statement_left(&statement.left);
        self.visit_expression(&statement.right);
        self.body(&statement.body, |checks| checks.visit_statement(&statement.body));
    }

    fn visit_while_statement(&mut self, statement: &WhileStatement<'a>) {
        self.visit_expression(&statement.test);
        self.body(&statement.body, |checks| checks.visit_statement(&statement.body));
    }

    fn visit_do_while_statement(&mut self, statement: &DoWhileStatement<'a>) {
        self.body(&statement.body, |checks| checks.visit_statement(&statement.body));
        self.visit_expression(&statement.test);
    }
}
