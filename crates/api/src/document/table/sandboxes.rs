//! Operations on sandboxes.

use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Method, Operation, Success, Tag};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::{self, *};
use crate::limits::{MAX_BODY_BYTES, MAX_SETTINGS_BYTES};
use crate::sandbox_commands::*;
use crate::sandbox_files::*;
use crate::sandboxes::*;

const ID: Parameter = Parameter::Id("The id of the sandbox, or `key:` and its key.");

/// The errors of a call that needs the machine.
pub(super) const OF_MACHINE: [ErrorCode; 4] = [SandboxNotFound, SandboxUnavailable, SandboxInterrupted, QuotaExceeded];
/// The errors of an operation on files.
const OF_FILES: [ErrorCode; 7] =
    [FileNotFound, FileExists, IsDirectory, NotADirectory, DirectoryNotEmpty, DiskFull, FileRefused];

pub fn operations() -> Vec<Operation> {
    let on_machine = of_commands().into_iter().chain(of_files()).map(|mut one| {
        one.successes.iter_mut().for_each(|success| success.headers.push(Header::RestoredFrom));
        one
    });
    of_sandboxes().into_iter().chain([list_executions()]).chain(on_machine).collect()
}

pub(super) fn of(
    id: &'static str,
    method: Method,
    path: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Operation {
    let one = Operation::new(id, (method, path), (Tag::Sandboxes, Caller::KeyOrOwner), summary, description);
    let one = if path.contains(":id") { one.with(ID).fails(&[SandboxNotFound]) } else { one };
    one.with(Parameter::ProjectId).fails(&[InvalidRequest, ProjectNotFound])
}

fn of_sandboxes() -> Vec<Operation> {
    vec![
        of(
            "create_sandbox",
            Method::Post,
            "/api/v1/sandboxes",
            "Make a sandbox",
            "Makes a sandbox and starts it. A call with the `key` of a sandbox that is there answers with that one. A project may \
             have 500.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<SandboxSettings>()])
        .body_is_optional()
        .gives::<Sandbox>(201, "The sandbox.")
        .gives::<Sandbox>(200, "The sandbox that has this key.")
        .fails(&[UnsupportedMediaType, TooManySandboxes, QuotaFull, SandboxUnavailable]),
        of(
            "list_sandboxes",
            Method::Get,
            "/api/v1/sandboxes",
            "List a project's sandboxes",
            "The sandboxes of the project, the newest first. Their status may be a moment late.",
        )
        .paged()
        .gives::<SandboxPage>(200, "One page of sandboxes."),
        of("get_sandbox", Method::Get, "/api/v1/sandboxes/:id", "Read a sandbox", "What it is like. It wakes nothing.")
            .gives::<Sandbox>(200, "The sandbox.")
            .fails(&[SandboxUnavailable]),
        of("change_sandbox", Method::Patch, "/api/v1/sandboxes/:id", "Change a sandbox", "Changes what the body names.")
            .takes(MAX_SETTINGS_BYTES, vec![Body::json::<SandboxChange>()])
            .gives::<Sandbox>(200, "The sandbox as it is now.")
            .fails(&[UnsupportedMediaType, SandboxUnavailable]),
        of(
            "list_sandbox_env",
            Method::Get,
            "/api/v1/sandboxes/:id/env",
            "List variables",
            "The names of the variables of the sandbox. It wakes nothing.",
        )
        .gives::<EnvNames>(200, "The names.")
        .fails(&[SandboxUnavailable]),
        env("replace_sandbox_env", Method::Put, "Replace variables", "Gives the sandbox these variables and no others. Commands that start afterwards have them."),
        env("change_sandbox_env", Method::Patch, "Change variables", "Sets these variables, and removes those that are null. Commands that start afterwards have them."),
        of(
            "delete_sandbox",
            Method::Delete,
            "/api/v1/sandboxes/:id",
            "Delete a sandbox",
            "Ends its processes and deletes everything in it, with its history.",
        )
        .empty(204, "The sandbox is gone.")
        .fails(&[SandboxUnavailable]),
        of(
            "sleep_sandbox",
            Method::Post,
            "/api/v1/sandboxes/:id/sleep",
            "Put a sandbox to sleep",
            "Saves its files and ends its processes. While a command runs it stays awake, with its files saved.",
        )
        .gives::<Sandbox>(200, "The sandbox as it is now.")
        .fails(&[SandboxUnavailable]),
        of(
            "wake_sandbox",
            Method::Post,
            "/api/v1/sandboxes/:id/wake",
            "Wake a sandbox",
            "Starts it with the files that were saved, unless it runs. Every call that needs it does the same.",
        )
        .gives::<Sandbox>(200, "The sandbox as it is now.")
        .fails(&OF_MACHINE),
    ]
}

fn env(id: &'static str, method: Method, summary: &'static str, description: &'static str) -> Operation {
    of(id, method, "/api/v1/sandboxes/:id/env", summary, description)
        .takes(MAX_BODY_BYTES, vec![Body::json::<EnvChange>()])
        .gives::<EnvNames>(200, "The names of all variables as they are now.")
        .fails(&[UnsupportedMediaType, SandboxUnavailable, SandboxInterrupted])
}

fn of_commands() -> Vec<Operation> {
    let events = Body { name: "events", ..Body::of::<ExecStreamEvent>("text/event-stream") };
    vec![
        of(
            "exec_in_sandbox",
            Method::Post,
            "/api/v1/sandboxes/:id/exec",
            "Execute a command",
            "Executes a line for `bash -c`, or a program with arguments. A command that fails is a result, too. With `Accept: \
             text/event-stream` the response has the events of the command as they come. A client that leaves ends the command.",
        )
        .takes(MAX_BODY_BYTES, vec![Body::json::<ExecRequest>()])
        .answers(Success {
            status: 200,
            description: "How the command ended, or its events.",
            headers: Vec::new(),
            bodies: vec![Body::json::<ExecResult>(), events],
        })
        .fails(&OF_MACHINE)
        .fails(&[TooManySandboxSessions])
        .fails(&[UnsupportedMediaType, FileNotFound, FileRefused, NotADirectory, DiskFull]),
        of(
            "execute_in_sandbox",
            Method::Post,
            "/api/v1/sandboxes/:id/execute",
            "Run a file",
            "Runs a file in the language of its ending, or else in that of the sandbox.",
        )
        .takes(MAX_BODY_BYTES, vec![Body::json::<ExecuteRequest>()])
        .gives::<ExecuteResult>(200, "How the program ended.")
        .fails(&OF_MACHINE)
        .fails(&[UnsupportedMediaType, FileNotFound, FileRefused, NotADirectory, DiskFull]),
    ]
}

fn list_executions() -> Operation {
    of(
        "list_sandbox_executions",
        Method::Get,
        "/api/v1/sandboxes/:id/executions",
        "List executions",
        "Commands and files that have run, the newest first. The last 1,000 are kept.",
    )
    .paged()
    .gives::<ExecutionPage>(200, "One page of executions.")
    .fails(&[SandboxUnavailable])
}

fn of_files() -> Vec<Operation> {
    let bytes = |status, description| Success {
        status,
        description,
        headers: Vec::new(),
        bodies: vec![Body::text("application/octet-stream", "print(\"Hello World\")\n")],
    };
    let with_body = |id, path, summary, description, body, status| {
        of(id, Method::Post, path, summary, description)
            .takes(MAX_SETTINGS_BYTES, vec![body])
            .gives::<SandboxFile>(status, "The file or directory as it is now.")
            .fails(&OF_MACHINE)
            .fails(&OF_FILES)
            .fails(&[UnsupportedMediaType])
    };
    vec![
        of(
            "list_sandbox_files",
            Method::Get,
            "/api/v1/sandboxes/:id/files",
            "List files",
            "What a path is and, if it is a directory, what is in it: at most 5,000 entries.",
        )
        .with(Parameter::DirectoryPath)
        .with(Parameter::Recursive)
        .with(Parameter::Hidden)
        .gives::<FileListing>(200, "The file, or the directory with its entries.")
        .fails(&OF_MACHINE)
        .fails(&OF_FILES),
        of(
            "change_sandbox_files",
            Method::Post,
            "/api/v1/sandboxes/:id/files",
            "Do something with a file",
            "Creates, updates, reads, moves or deletes a file, lists a directory or makes one, with contents in JSON.",
        )
        .takes(MAX_BODY_BYTES, vec![Body::json::<FileOperation>()])
        .gives::<FileOperationResult>(200, "What was done.")
        .fails(&OF_MACHINE)
        .fails(&OF_FILES)
        .fails(&[UnsupportedMediaType]),
        of(
            "delete_sandbox_file",
            Method::Delete,
            "/api/v1/sandboxes/:id/files",
            "Delete a file",
            "Deletes a file or an empty directory; with `recursive` a directory with everything in it.",
        )
        .with(Parameter::FilePath)
        .with(Parameter::Recursive)
        .empty(204, "It is gone.")
        .fails(&OF_MACHINE)
        .fails(&OF_FILES),
        of(
            "check_out_repository",
            Method::Post,
            "/api/v1/sandboxes/:id/git/checkout",
            "Check out a repository",
            "Fetches a commit of a git repository with some of its history, in a jail of its own that reaches the host of the URL only, and \
             puts it into a directory that is empty or not there.",
        )
        .takes(MAX_SETTINGS_BYTES, vec![Body::json::<CheckoutRequest>()])
        .gives::<CheckoutResult>(200, "What was checked out.")
        .fails(&OF_MACHINE)
        .fails(&OF_FILES)
        .fails(&[UnsupportedMediaType, RepositoryRefused]),
        of(
            "search_sandbox_files",
            Method::Get,
            "/api/v1/sandboxes/:id/files/search",
            "Search files",
            "Looks for a text, or for a regular expression, in the names of files and in their lines. Files that are no text or have \
             more than 32 MiB are skipped, and links are not followed.",
        )
        .with(Parameter::SearchText)
        .with(Parameter::DirectoryPath)
        .with(Parameter::IsRegex)
        .with(Parameter::Hidden)
        .with(Parameter::SearchLimit)
        .gives::<SearchResult>(200, "What was found.")
        .fails(&OF_MACHINE)
        .fails(&OF_FILES),
        of(
            "read_sandbox_file",
            Method::Get,
            "/api/v1/sandboxes/:id/files/content",
            "Read a file",
            "The bytes of a file, or the part that `Range` names.",
        )
        .with(Parameter::FilePath)
        .answers(bytes(200, "The file."))
        .answers(bytes(206, "The part of the file."))
        .empty(416, "The range is none of the file.")
        .fails(&OF_MACHINE)
        .fails(&OF_FILES),
        Operation { request: Some(raw_request()), ..write_file() },
        of(
            "export_sandbox_directory",
            Method::Get,
            "/api/v1/sandboxes/:id/archive",
            "Download a directory",
            "A directory with everything in it as a tar archive: permissions, times and links included. Of `/` it has what a sandbox saves.",
        )
        .with(Parameter::DirectoryPath)
        .answers(archive("The archive."))
        .fails(&OF_MACHINE)
        .fails(&OF_FILES),
        Operation { request: Some(archive_request()), ..import_directory() },
        with_body(
            "make_sandbox_directory",
            "/api/v1/sandboxes/:id/files/mkdir",
            "Make a directory",
            "Makes a directory; with `recursive` also its parents.",
            Body::json::<MkdirRequest>(),
            201,
        ),
        with_body(
            "move_sandbox_file",
            "/api/v1/sandboxes/:id/files/move",
            "Move a file",
            "Renames a file or directory, or moves it into a directory.",
            Body::json::<TransferRequest>(),
            200,
        ),
        with_body(
            "copy_sandbox_file",
            "/api/v1/sandboxes/:id/files/copy",
            "Copy a file",
            "Copies a file, or a directory with everything in it.",
            Body { name: "copy", ..Body::json::<TransferRequest>() },
            201,
        ),
        with_body(
            "chmod_sandbox_file",
            "/api/v1/sandboxes/:id/files/chmod",
            "Set permissions",
            "Sets the permission bits of a file or directory.",
            Body::json::<ChmodRequest>(),
            200,
        ),
    ]
}

fn write_file() -> Operation {
    of(
        "write_sandbox_file",
        Method::Put,
        "/api/v1/sandboxes/:id/files/content",
        "Write a file",
        "Writes the body to a file, in place of what is there. Missing directories are made.",
    )
    .with(Parameter::FilePath)
    .gives::<SandboxFile>(200, "The file as it is now.")
    .fails(&OF_MACHINE)
    .fails(&OF_FILES)
}

/// A tar archive as a response.
pub(super) fn archive(description: &'static str) -> Success {
    Success { status: 200, description, headers: Vec::new(), bodies: vec![Body::text("application/x-tar", "")] }
}

fn import_directory() -> Operation {
    of(
        "import_sandbox_directory",
        Method::Post,
        "/api/v1/sandboxes/:id/archive",
        "Upload a directory",
        "Unpacks a tar archive into a directory, which is made if it is not there. Files of the archive take the place of those with their \
         names, and all others stay. An archive with an entry that leads out of the directory, or that does not fit, changes nothing.",
    )
    .with(Parameter::DirectoryPath)
    .gives::<SandboxFile>(200, "The directory as it is now.")
    .fails(&OF_MACHINE)
    .fails(&OF_FILES)
}

/// A tar archive of any size, which the disk of the sandbox limits.
fn archive_request() -> crate::document::operation::Request {
    let body = Body::text("application/x-tar", "");
    crate::document::operation::Request { max_bytes: 2 << 30, bodies: vec![body], is_optional: false }
}

/// A body of any size, which the disk of the sandbox limits.
fn raw_request() -> crate::document::operation::Request {
    let body = Body::text("application/octet-stream", "print(\"Hello World\")\n");
    crate::document::operation::Request { max_bytes: 2 << 30, bodies: vec![body], is_optional: true }
}
