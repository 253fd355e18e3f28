//! Operations on the processes of sandboxes.

use super::sandboxes::{OF_MACHINE, of};
use crate::document::headers::Header;
use crate::document::operation::{Body, Method, Operation, Success};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::*;
use crate::limits::{MAX_BODY_BYTES, MAX_SETTINGS_BYTES};
use crate::sandbox_processes::*;

const ALL: &str = "/api/v1/sandboxes/:id/processes";

pub fn operations() -> Vec<Operation> {
    let start = of(
        "start_sandbox_process",
        Method::Post,
        ALL,
        "Start a process",
        "Starts a process in the background, which goes on when the call has been answered. It wakes the sandbox.",
    )
    .takes(MAX_BODY_BYTES, vec![Body::json::<ProcessStart>()])
    .gives::<Process>(201, "The process.")
    .fails(&OF_MACHINE)
    .fails(&[UnsupportedMediaType, TooManyProcesses, FileNotFound, FileRefused, NotADirectory, DiskFull]);
    of_all().into_iter().chain([start]).chain(of_one()).map(with_restored_from).collect()
}

fn with_restored_from(mut one: Operation) -> Operation {
    one.successes.iter_mut().for_each(|success| success.headers.push(Header::RestoredFrom));
    one
}

fn of_all() -> Vec<Operation> {
    vec![
        of(
            "list_sandbox_processes",
            Method::Get,
            ALL,
            "List processes",
            "The processes that run, and the 64 that ended last. It wakes nothing.",
        )
        .with(Parameter::ProcessStatus)
        .gives::<ProcessList>(200, "The processes, in the order of their starts.")
        .fails(&[SandboxUnavailable, SandboxInterrupted]),
        of(
            "kill_sandbox_processes",
            Method::Delete,
            ALL,
            "End all processes",
            "Ends all processes and everything that they have started, as the end of one does.",
        )
        .gives::<ProcessList>(200, "The processes as they ended.")
        .fails(&[SandboxUnavailable, SandboxInterrupted]),
    ]
}

/// One process. None of these wakes a sandbox: one that sleeps has no processes.
fn one(
    id: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Operation {
    let one = of(id, method, path, summary, description).with(Parameter::Process);
    one.fails(&[SandboxUnavailable, SandboxInterrupted, ProcessNotFound])
}

fn of_one() -> Vec<Operation> {
    let events = Body { name: "events", ..Body::of::<ProcessLogEvent>("text/event-stream") };
    vec![
        one(
            "get_sandbox_process",
            Method::Get,
            "/api/v1/sandboxes/:id/processes/:process",
            "Read a process",
            "What it does, or how it ended.",
        )
        .gives::<Process>(200, "The process."),
        one(
            "kill_sandbox_process",
            Method::Delete,
            "/api/v1/sandboxes/:id/processes/:process",
            "End a process",
            "Ends a process and everything that it has started: with SIGTERM for its process group, and 5 seconds later with SIGKILL \
             for all. One that has ended stays as it is, and what it has left in the background ends.",
        )
        .with(Parameter::Forget)
        .gives::<Process>(200, "The process as it ended."),
        one(
            "read_sandbox_process_logs",
            Method::Get,
            "/api/v1/sandboxes/:id/processes/:process/logs",
            "Read the output of a process",
            "The output that is kept, or with `Accept: text/event-stream` also what comes, until the process ends. Any number of \
             readers may come and go.",
        )
        .with(Parameter::LogPosition)
        .with(Parameter::LastLogEventId)
        .answers(Success {
            status: 200,
            description: "The output, or its events.",
            headers: Vec::new(),
            bodies: vec![Body::json::<ProcessLogs>(), events],
        })
        .empty(204, "The client has the last event."),
        one(
            "write_sandbox_process_stdin",
            Method::Post,
            "/api/v1/sandboxes/:id/processes/:process/stdin",
            "Write to standard input",
            "Writes text to the standard input of a process, and closes it if asked to. The answer comes when the process has room for \
             the text.",
        )
        .takes(MAX_BODY_BYTES, vec![Body::json::<ProcessInput>()])
        .gives::<Process>(200, "The process as it is now.")
        .fails(&[UnsupportedMediaType, ProcessEnded, StdinClosed]),
        one(
            "signal_sandbox_process",
            Method::Post,
            "/api/v1/sandboxes/:id/processes/:process/signal",
            "Send a signal",
            "Sends a signal to the process group of a process, as a terminal does.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<ProcessSignal>()])
        .gives::<Process>(200, "The process as it is now.")
        .fails(&[UnsupportedMediaType, ProcessEnded]),
        one(
            "wait_for_sandbox_process",
            Method::Post,
            "/api/v1/sandboxes/:id/processes/:process/wait",
            "Wait for a process",
            "Waits for its end, for a line of its output, or for a port that listens. It ends at once when the process does.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<ProcessWait>()])
        .gives::<WaitResult>(200, "What came of it.")
        .fails(&[UnsupportedMediaType]),
    ]
}
