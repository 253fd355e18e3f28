//! Compiles a program in a jail of its own, and keeps what that makes for the jail of the run.

use crate::events::{self, EventSender};
use crate::execution::{Outcome, Program, Stop, execute};
use crate::files::contents;
use crate::jail::launch::{Command, Exit};
use crate::packages::{Failure, Layer, Layers};
use crate::report::milliseconds;
use crate::seating::Seating;
use crate::tree::{command, environment};
use docle_languages::Compile as Compiler;
use docle_protocol::job::Compile;
use docle_protocol::limits::MAX_COMPILE_BYTES;
use docle_protocol::report::CompileResult;
use docle_protocol::{RunJob, Stage, Stream};
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Bytes that a compiler may write to each stream before it is ended. A template that fails can write megabytes, of which
/// people read the beginning.
const OUTPUT_BYTES: usize = 256 * 1_024;

/// A compilation that has ended.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// What it has made, until the last clone is dropped; `None` where it failed.
    pub product: Option<Arc<Layer>>,
    pub result: CompileResult,
    /// All that the compiler wrote, and a sentence on a limit that ended it.
    pub output: String,
    /// Processor time of it.
    pub cpu: Duration,
}

impl Compiled {
    /// The same for a run that has used no processor time for it.
    pub fn for_another_run(self) -> Self {
        let result = CompileResult { cpu_ms: 0.0, ..self.result };
        Self { result, cpu: Duration::ZERO, ..self }
    }
}

/// Compiles the program of `job`, with the files of its repository. The caller hears of the beginning of the run when the compilation has a slot.
///
/// # Errors
/// It could not be tried. With [`Failure::Full`] nothing ran, and the caller has heard of nothing.
pub async fn compile(
    (job, workspace): (&RunJob, Option<&Layer>),
    (compiler, wanted): (&Compiler, &Compile),
    layers: &Layers,
    seating: &Arc<Seating>,
    events: &EventSender,
    cancel: &CancellationToken,
) -> Result<Compiled, Failure> {
    let (staged, directory) = layers.stage(&job.id)?;
    let workspace = workspace.map(|files| files.name().to_owned());
    let program = Program { workspace, ..program(job, compiler, wanted, directory)? };
    let ran = async {
        let (mut place, prepared) = tokio::select! {
            taken = seating.take(wanted.memory_mb, None, None) => taken?,
            () = cancel.cancelled() => return Err(Failure::Cancelled),
        };
        if !events.start() {
            place.seat().leave(prepared.jail);
            seating.give_back(place);
            return Err(Failure::Full);
        }
        events.stage(Stage::Compile);
        let (sender, output) = events::channel();
        let executed = execute(place.seat(), prepared, program, &sender, cancel).await;
        if executed.as_ref().is_ok_and(|outcome| !outcome.exported) {
            // The jail's first process may still be copying.
            place.seat().vacate().await?;
        }
        seating.give_back(place);
        Ok((executed.map_err(io::Error::from)?, output))
    };
    let ran = ran.await;
    let product = match &ran {
        Ok((Outcome { exported: true, exit: Exit::Code(0), stop: None, .. }, _)) => Some(staged.keep()?),
        _ => None,
    };
    let (outcome, output) = ran?;
    if outcome.stop == Some(Stop::Cancelled) {
        return Err(Failure::Cancelled);
    }
    let made = product.as_ref().map(|layer| layers.has(layer, compiler.product));
    let (exit_code, sentence) = judge(&outcome, made, wanted);
    let (stdout, stderr) = (output.text(Stream::Stdout), output.text(Stream::Stderr));
    let result = CompileResult {
        stdout: beginning(&stdout, MAX_COMPILE_BYTES),
        stderr: with_sentence(&stderr, &sentence),
        exit_code,
        duration_ms: milliseconds(outcome.duration),
        cpu_ms: milliseconds(outcome.cpu),
    };
    Ok(Compiled {
        product: product.filter(|_| exit_code == 0).map(Arc::new),
        result,
        output: stdout + &stderr + &sentence,
        cpu: outcome.cpu,
    })
}

fn program(job: &RunJob, compiler: &Compiler, wanted: &Compile, export: OwnedFd) -> io::Result<Program> {
    let argv = command(compiler.command, job, wanted.memory_mb);
    Ok(Program {
        command: Command { argv, env: environment(job.language), script: String::new() },
        warm: None,
        files: contents(job.files.clone())?,
        stdin: String::new(),
        cell: None,
        more_stdin: None,
        terminal: None,
        workspace: None,
        layer: None,
        tree: true,
        export: Some(export),
        timeout: Duration::from_millis(wanted.timeout_ms.into()),
        cpu: None,
        file_bytes: None,
        memory_bytes: u64::from(wanted.memory_mb) << 20,
        max_output_bytes: OUTPUT_BYTES,
        egress: None,
        artifacts: None,
    })
}

/// The exit code, and a sentence on what the compiler itself cannot say. `made` is whether the product is what it should
/// be, where there is one.
fn judge(outcome: &Outcome, made: Option<bool>, wanted: &Compile) -> (i32, String) {
    match (outcome.stop, outcome.exit) {
        (Some(Stop::Timeout | Stop::Cpu), _) => {
            (124, format!("The compilation reached compile.timeoutMs, {} ms.\n", wanted.timeout_ms))
        }
        (Some(Stop::Memory), _) => {
            (128 + libc::SIGKILL, format!("The compilation reached compile.memoryMB, {} MiB.\n", wanted.memory_mb))
        }
        (Some(Stop::Output), _) => {
            let limit = OUTPUT_BYTES / 1_024;
            (128 + libc::SIGKILL, format!("The compiler wrote more than {limit} KiB, and was ended.\n"))
        }
        (_, Exit::Signal(signal)) => (128 + signal, format!("Signal {signal} ended the compiler.\n")),
        (_, Exit::Code(0)) => match made {
            Some(true) => (0, String::new()),
            Some(false) => (1, "The compilation made no program. Leave out options that make something else.\n".into()),
            None => (1, "What the compilation made is too large, or nested too deep, to be kept.\n".into()),
        },
        (_, Exit::Code(code)) => (code, String::new()),
    }
}

/// What a compiler wrote, with a sentence of ours after it that is never cut.
fn with_sentence(text: &str, sentence: &str) -> String {
    let mut text = beginning(text, MAX_COMPILE_BYTES - 2 * sentence.len());
    if !sentence.is_empty() && !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    text + sentence
}

/// The beginning of a text that has at most so many bytes as JSON.
fn beginning(text: &str, max_bytes: usize) -> String {
    let mut left = max_bytes.saturating_sub(2);
    let fits = text.chars().take_while(|character| {
        let bytes = match character {
            '"' | '\\' | '\n' | '\r' | '\t' | '\u{8}' | '\u{c}' => 2,
            character if character.is_ascii_control() => 6,
            character => character.len_utf8(),
        };
        let fits = bytes <= left;
        left = left.saturating_sub(bytes);
        fits
    });
    fits.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_compiler_writes_fits_into_a_report_whatever_it_is() {
        for character in ["a", "\u{1b}", "\"", "\n", "é", "\u{1f980}", "\u{7f}"] {
            let text = character.repeat(MAX_COMPILE_BYTES);
            let (cut, json) =
                (beginning(&text, MAX_COMPILE_BYTES), |text: &str| serde_json::to_string(text).unwrap().len());
            assert!(json(&cut) <= MAX_COMPILE_BYTES && cut.len() > MAX_COMPILE_BYTES / 8, "{character:?}");
            let said = with_sentence(&text, "A limit.\n");
            assert!(said.ends_with("A limit.\n") && json(&said) <= MAX_COMPILE_BYTES, "{character:?}");
        }
        assert_eq!(beginning("short\n", MAX_COMPILE_BYTES), "short\n");
        assert_eq!(with_sentence("no line end", "A limit.\n"), "no line end\nA limit.\n");
    }
}
