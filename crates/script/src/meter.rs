//! Inserts a call at the start of every function and every iteration of a loop, for runtimes that cannot interrupt a script.
//!
//! The call throws when the script's time is up. Every endless script reaches one of these calls. A single operation of the
//! language (a regular expression, a sort, a huge string) can still take long: operations are not metered.

use crate::positions::Insertions;
use crate::syntax;
use docle_protocol::isolate::Dialect;
use oxc::allocator::Allocator;
use oxc::ast::ast::{
    ArrowFunctionExpression, DoWhileStatement, ForInStatement, ForOfStatement, ForStatement, Function, Statement,
    StaticBlock, WhileStatement,
};
use oxc::ast_visit::{Visit, walk};
use oxc::span::{GetSpan, Span};
use oxc::syntax::scope::ScopeFlags;

/// Inserts `call`, an expression, into JavaScript. Text that does not parse stays unchanged: it does not run either.
pub fn add_checks(text: &str, call: &str) -> (String, Insertions) {
    let allocator = Allocator::default();
    let mut checks = Checks::default();
    if let Ok(parsed) = syntax::parse(&allocator, text, Dialect::JavaScript) {
        checks.visit_program(parsed.program);
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
    Insertions::apply(text, insertions.collect())
}

enum Insertion {
    Statement,
    OpenStatement,
    CloseStatement,
    OpenExpression,
    CloseExpression,
}

/// The insertions in nesting order: at one offset the outer opening comes first and the inner closing comes first.
#[derive(Default)]
struct Checks {
    insertions: Vec<(u32, Insertion)>,
}

impl Checks {
    fn at(&mut self, offset: u32, insertion: Insertion) {
        self.insertions.push((offset, insertion));
    }

    /// Inserts a statement after the opening brace of a block.
    fn in_block(&mut self, block: Span) {
        self.at(block.start + 1, Insertion::Statement);
    }

    /// Inserts a statement into the body of a loop and walks the body with `visit`.
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
