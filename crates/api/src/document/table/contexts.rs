//! Operations of the code interpreter.

use super::sandboxes::{OF_MACHINE, of};
use crate::contexts::*;
use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Method, Operation, Success, Tag};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::*;
use crate::limits::{MAX_BODY_BYTES, MAX_SETTINGS_BYTES};

pub fn operations() -> Vec<Operation> {
    let all = of_contexts().into_iter().chain(of_cells()).map(|mut one| {
        one.successes.iter_mut().for_each(|success| success.headers.push(Header::RestoredFrom));
        one
    });
    all.chain([of_one_cell()]).collect()
}

fn of_context(
    id: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Operation {
    of(id, method, path, summary, description).with(Parameter::Context).fails(&OF_MACHINE).fails(&[ContextNotFound])
}

fn of_contexts() -> Vec<Operation> {
    vec![
        of(
            "create_context",
            Method::Post,
            "/api/v1/sandboxes/:id/contexts",
            "Make a context",
            "Starts an interpreter that keeps what one cell has made for the next. A sandbox may have 16. They end when it sleeps.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<ContextSettings>()])
        .body_is_optional()
        .gives::<CodeContext>(201, "The context.")
        .fails(&OF_MACHINE)
        .fails(&[UnsupportedMediaType, TooManyContexts, FileNotFound, FileRefused, NotADirectory]),
        of(
            "list_contexts",
            Method::Get,
            "/api/v1/sandboxes/:id/contexts",
            "List contexts",
            "The contexts of a sandbox, the oldest first. One that sleeps has none, and is not woken.",
        )
        .gives::<ContextList>(200, "The contexts.")
        .fails(&OF_MACHINE),
        of_context(
            "delete_context",
            Method::Delete,
            "/api/v1/sandboxes/:id/contexts/:context",
            "Delete a context",
            "Ends its interpreter and everything that its cells have started.",
        )
        .empty(204, "The context is gone."),
        of_context(
            "restart_context",
            Method::Post,
            "/api/v1/sandboxes/:id/contexts/:context/restart",
            "Restart a context",
            "Ends its interpreter, and the cell that runs, and starts a new one, which knows nothing of the cells before.",
        )
        .gives::<CodeContext>(200, "The context as it is now."),
        of_context(
            "interrupt_context",
            Method::Post,
            "/api/v1/sandboxes/:id/contexts/:context/interrupt",
            "Interrupt a cell",
            "Interrupts the cell that runs, as Ctrl-C does. The context keeps what it holds.",
        )
        .empty(204, "The cell was told, if one ran."),
    ]
}

/// The result of a cell, or its events.
fn result(headers: Vec<Header>) -> Success {
    let events = Body { name: "events", ..Body::of::<CodeStreamEvent>("text/event-stream") };
    let bodies = vec![Body::json::<CodeExecution>(), events];
    Success { status: 200, description: "How the cell ended, or its events.", headers, bodies }
}

/// The cell that has no context.
fn of_one_cell() -> Operation {
    Operation::new(
        "run_cell",
        (Method::Post, "/api/v1/code"),
        (Tag::Sandboxes, Caller::KeyOrToken),
        "Run a cell on its own",
        "Runs code in an interpreter that is started for it, and answers with what the code shows. It is a run: it counts as one, is in the \
         history of the project, and has the limits of a run token. Nothing that it makes is kept. With `Accept: text/event-stream` the \
         response has the events of the cell as they come. A client that leaves ends it.",
    )
    .takes(MAX_BODY_BYTES, vec![Body::json::<CodeRunRequest>()])
    .answers(result(vec![Header::RunId]))
    .fails(&[TokenNotEnough, RunnerBusy, QueueFull, QuotaExceeded, RunnerUnavailable, LanguageUnavailable, RunnerMismatch])
    .tells_rate()
}

fn of_cells() -> Vec<Operation> {
    let run = |one: Operation| {
        one.takes(MAX_BODY_BYTES, vec![Body::json::<CodeRequest>()])
            .answers(result(Vec::new()))
            .fails(&[UnsupportedMediaType])
    };
    vec![
        run(of_context(
            "run_in_context",
            Method::Post,
            "/api/v1/sandboxes/:id/contexts/:context/run",
            "Run a cell in a context",
            "Runs code after the cells that wait in the context. A cell that fails is a result, too. With `Accept: \
             text/event-stream` the response has the events of the cell as they come. A client that leaves interrupts the cell.",
        )),
        run(of(
            "run_code",
            Method::Post,
            "/api/v1/sandboxes/:id/code",
            "Run a cell",
            "Runs code in the default context of its language, which is made where there is none. Otherwise as in a context.",
        ))
        .fails(&OF_MACHINE)
        .fails(&[TooManyContexts]),
    ]
}
