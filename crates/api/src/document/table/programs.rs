//! Operations on runs and scripts.

use crate::batches::{BatchEvent, BatchRequest, BatchResult, InputsRequest};
use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Method, Operation, Success, Tag};
use crate::document::parameters::Parameter;
use crate::document::schema::Type;
use crate::errors::ErrorCode::*;
use crate::executions::{Execution, ExecutionPage};
use crate::judging::{JudgeEvent, JudgeRequest, JudgeResult};
use crate::limits::MAX_BODY_BYTES;
use crate::pending_runs::{PendingRun, RunList};
use crate::run_events::{RunErrorMessage, RunEvent, StdinMessage};
use crate::runs::{RunRequest, RunResult, StoredRun};
use crate::scripts::{IsolateRunRequest, Script, ScriptRequest, ScriptResult, Validation};
use crate::terminals::ResizeMessage;

/// The media type of server-sent events.
const EVENTS: &str = "text/event-stream";

/// A form with the JSON of a run and a file.
const FORM: &str = "--boundary\r\nContent-Disposition: form-data; name=\"request\"\r\nContent-Type: application/json\r\n\r\n\
                    {\"lang\":\"python\"}\r\n--boundary\r\nContent-Disposition: form-data; name=\"files\"; \
                    filename=\"main.py\"\r\n\r\nprint(1)\r\n--boundary--\r\n";

/// A response with bytes.
fn file(status: u16, description: &'static str) -> Success {
    let bodies = vec![Body::text("application/octet-stream", "a,b\n")];
    Success { status, description, headers: Vec::new(), bodies }
}

pub fn operations() -> Vec<Operation> {
    let result = Success {
        status: 200,
        description: "How the run ended. A program that fails is a result, too. With `Accept: text/event-stream` the \
                      response is a stream of events: `start`, output as it is written, `artifact` for each stored file, \
                      exactly one `complete`.",
        headers: vec![Header::IdempotentReplay, Header::RunId],
        bodies: vec![Body::json::<RunResult>(), Body::json::<ScriptResult>(), Body::of::<RunEvent>(EVENTS)],
    };
    let script_result = Success {
        status: 200,
        description: "How the script ended. A script that fails is a result, too. With `Accept: text/event-stream` the \
                      response is a stream of events.",
        headers: Vec::new(),
        bodies: vec![Body::json::<ScriptResult>(), Body::of::<RunEvent>(EVENTS)],
    };
    let programs = (Tag::Runs, Caller::KeyOrToken);
    let scripts = (Tag::Scripts, Caller::KeyOrToken);
    let executions = (Tag::Scripts, Caller::Key);
    vec![
        Operation::new(
            "create_run",
            (Method::Post, "/api/run"),
            programs,
            "Run a program",
            "Runs a program once in a jail of its own and answers when it has ended. With `tier: \"isolate\"` it runs a \
             script in an isolate instead. A client that closes the connection ends the run, unless the call has an \
             `Idempotency-Key`; a call that is repeated with that key takes its stream up, after `Last-Event-ID` if that is \
             sent. With `detach: true` it answers at once, and the run goes on without its caller. The body may have comments and trailing commas, and any media type. \
             A form has the body as its part `request`, and each file as a part `files` with the path as its filename.",
        )
        .with(Parameter::IdempotencyKey)
        .with(Parameter::LastEventId)
        .takes(MAX_BODY_BYTES, vec![Body::json::<RunRequest>(), Body::json::<IsolateRunRequest>(), Body::text("multipart/form-data", FORM)])
        .answers(result)
        .answers(Success {
            status: 202,
            description: "With `detach: true`: the run is stored, and goes on without its caller. `Location` is where its state and \
                          its result are.",
            headers: vec![Header::Location, Header::RunId],
            bodies: vec![Body::json::<PendingRun>()],
        })
        .fails(&[
            TokenNotEnough,
            IdempotencyKeyReused,
            IdempotencyInDoubt,
            IdempotentRunDeleted,
            IdempotencyKeysFull,
            RunnerBusy,
            QueueFull,
            QuotaExceeded,
            RunnerUnavailable,
            LanguageUnavailable,
            RunnerMismatch,
            IsolatesUnavailable,
        ])
        .tells_rate(),
        Operation::new(
            "interactive_run",
            (Method::Get, "/api/run"),
            (Tag::Runs, Caller::KeyOrTokenSocket),
            "Run a program interactively",
            "A WebSocket. The first message is a body of `POST /api/run`, and what the client sends then goes to the \
             program's standard input. With `tty` the program has a terminal. Problems after the upgrade are messages, and the close code is 4000 and the \
             status; 4529 stands for 429.",
        )
        .empty(101, "The connection is a WebSocket now.")
        .header(Header::Upgrade)
        .header(Header::Protocol)
        .fails(&[InvalidRequest, RateLimitExceeded, QuotaExceeded, UpgradeRequired, TerminalUnavailable])
        .socket(
            vec![Type::of::<RunRequest>(), Type::of::<StdinMessage>(), Type::of::<ResizeMessage>()],
            vec![Type::of::<RunEvent>(), Type::of::<RunErrorMessage>()],
        ),
        Operation::new(
            "batch_runs",
            (Method::Post, "/api/run/batch"),
            (Tag::Runs, Caller::SecretKeyOrToken),
            "Run a batch",
            "Runs one program with up to 100 inputs, or up to 100 programs, and answers when all have ended. The call counts once \
             against the limit of the key; each run is a run in quotas, usage and history. Packages are installed once, and a \
             program is compiled once. Four runs are in progress at once. One that fails, or cannot be started, does not end the \
             others. A client that closes the connection ends the runs in progress, and no further one is started. With an \
             `Idempotency-Key` it does not, and the call can be repeated: each run runs once. With \
             `Accept: text/event-stream` each run comes as it ends.",
        )
        .with(Parameter::IdempotencyKey)
        .takes(MAX_BODY_BYTES, vec![Body::json::<InputsRequest>(), Body::json::<BatchRequest>()])
        .answers(Success {
            status: 200,
            description: "How the runs ended. With `Accept: text/event-stream` the response is a stream of events: `run` for each run \
                          as it ends, exactly one `complete`.",
            headers: Vec::new(),
            bodies: vec![Body::json::<BatchResult>(), Body::of::<BatchEvent>(EVENTS)],
        })
        .fails(&[TokenNotEnough])
        .tells_rate(),
        Operation::new(
            "judge_run",
            (Method::Post, "/api/run/judge"),
            (Tag::Runs, Caller::SecretKeyOrToken),
            "Judge a program",
            "Runs a program once for each of up to 100 tests, and compares its output with the expected one, or lets a checker \
             decide. The program never sees the expected output or the checker. The call counts once against the limit of the \
             key; each test is a run in quotas, usage and history, and so is each check. A program is compiled once. A client \
             that closes the connection ends the runs in progress, and no further one is started. With an `Idempotency-Key`, which a \
             judgement with an interactor does not take, it does not, and the call can be repeated: each run runs once. With \
             `Accept: text/event-stream` each test comes as it ends.",
        )
        .with(Parameter::IdempotencyKey)
        .takes(MAX_BODY_BYTES, vec![Body::json::<JudgeRequest>()])
        .answers(Success {
            status: 200,
            description: "The verdicts. With `Accept: text/event-stream` the response is a stream of events: `test` for each test as \
                          it ends, exactly one `complete`.",
            headers: Vec::new(),
            bodies: vec![Body::json::<JudgeResult>(), Body::of::<JudgeEvent>(EVENTS)],
        })
        .fails(&[TokenNotEnough, JudgeNotFound])
        .tells_rate(),
        Operation::new(
            "get_run",
            (Method::Get, "/api/run/:id"),
            (Tag::Runs, Caller::Reader),
            "Read a run",
            "A run that has not ended answers with its state. With `Accept: text/event-stream` the response is the stream of its \
             events from the beginning, or after `Last-Event-ID`; a run that has ended is replayed. Results are kept for 7 days. Every caller who knows the id may read a result, unless its project keeps its \
             results private. A key of the project, the run token that started it, and the session of the project's owner get \
             the input, too.",
        )
        .with(Parameter::Id("The id of the run."))
        .with(Parameter::LastEventId)
        .answers(Success {
            status: 200,
            description: "The result, or the state of a run that has not ended.",
            headers: Vec::new(),
            bodies: vec![Body::json::<StoredRun>(), Body::json::<PendingRun>(), Body::of::<RunEvent>(EVENTS)],
        })
        .empty(204, "`Last-Event-ID` is the id of the last event of the run.")
        .fails(&[RunNotFound, InvalidRequest]),
        Operation::new(
            "get_artifact",
            (Method::Get, "/api/artifacts/:run/:name"),
            (Tag::Runs, Caller::Anyone),
            "Read a file that a run has handed back",
            "The bytes of a file, or the part that `Range` names. The link is the `url` in the result of the run. Who has it needs no \
             key. A link is valid for 7 days. `ETag` is the SHA-256 of the file. Browsers download the file and never show it as a page; \
             images can be shown by `<img>`.",
        )
        .with(Parameter::Run)
        .with(Parameter::ArtifactName)
        .with(Parameter::Signature)
        .answers(file(200, "The file."))
        .answers(file(206, "The part of the file."))
        .empty(304, "The file is the one that `If-None-Match` names.")
        .empty(416, "The range is none of the file.")
        .fails(&[ArtifactNotFound]),
        Operation::new(
            "list_runs",
            (Method::Get, "/api/runs"),
            (Tag::Runs, Caller::Owner),
            "List runs",
            "Programs that have not ended, and programs and scripts that have, each the newest first. A key lists those of its project, a run token those that it \
             started, a session those of the `project` that it names. They are listed for 90 days. Reading does not count against the limit of the key.",
        )
        .with(Parameter::Project)
        .with(Parameter::Status)
        .with(Parameter::Language)
        .with(Parameter::User)
        .with(Parameter::Key)
        .with(Parameter::From)
        .with(Parameter::To)
        .paged()
        .gives::<RunList>(200, "One page of runs.")
        .fails(&[TokenNotEnough, ProjectNotFound, InvalidRequest]),
        Operation::new(
            "cancel_run",
            (Method::Delete, "/api/run/:id"),
            (Tag::Runs, Caller::Owner),
            "Cancel a run",
            "Ends a run at once, whether it waits, installs packages, compiles or runs, and answers with its result: status \
             `cancelled`, the output so far, and what it has used. The caller that waits for the run gets the same result. A \
             repeated call gets it, too. A key cancels the runs of its project, a run token those that it started, a \
             session those of its projects. The call does not count against the limit of the key.",
        )
        .with(Parameter::Id("The id of the run."))
        .gives::<StoredRun>(200, "The run is cancelled.")
        .fails(&[RunNotFound, RunEnded]),
        Operation::new(
            "execute_script",
            (Method::Post, "/execute"),
            scripts,
            "Run a script",
            "Runs the body of an asynchronous function in JavaScript or TypeScript, in an isolate of its own.",
        )
        .takes(MAX_BODY_BYTES, vec![Body::json::<ScriptRequest>()])
        .answers(script_result)
        .fails(&[IsolatesUnavailable, QuotaExceeded])
        .tells_rate(),
        Operation::new(
            "validate_script",
            (Method::Post, "/validate"),
            scripts,
            "Check a script",
            "Lists what is wrong with a script without running it: what does not parse, and names that scripts do not have.",
        )
        .takes(MAX_BODY_BYTES, vec![Body::json::<Script>()])
        .gives::<Validation>(200, "What was found.")
        .fails(&[IsolatesUnavailable])
        .tells_rate(),
        Operation::new(
            "list_executions",
            (Method::Get, "/executions"),
            executions,
            "List a project's scripts",
            "The scripts that the key's project has run, the newest first. Reading does not count against the key's limit.",
        )
        .paged()
        .with(Parameter::Offset)
        .gives::<ExecutionPage>(200, "One page of scripts."),
        Operation::new(
            "get_execution",
            (Method::Get, "/executions/:id"),
            executions,
            "Read a script's result again",
            "The result and the input of a script of the key's project. They are kept for 7 days.",
        )
        .with(Parameter::Id("The id of the execution."))
        .gives::<Execution>(200, "The result and the input.")
        .fails(&[RunNotFound]),
    ]
}
