//! A run whose files come from a repository: they are fetched before anything else of the run begins.

use crate::events::EventSender;
use crate::execution::Input;
use crate::packages::{Failure, Layer, Refusal};
use crate::place::Full;
use crate::report::{hundredths, milliseconds};
use crate::repository::{self, Fetched, NotFetched, Refused};
use crate::run::{Runner, not_installed, without_program};
use docle_protocol::report::{FetchedRepository, RepositoryError};
use docle_protocol::{Repository, RunJob, RunReport, RunStatus, Stream};
use std::time::Instant;
use tokio::sync::mpsc::Receiver;
use tokio_util::sync::CancellationToken;

impl Runner {
    /// Runs one job, whose standard input may go on. Its output goes to `events`, and so does a sentence about a failure that
    /// is not the program's. Cancelling ends it within the time that the kernel needs to kill its processes.
    ///
    /// # Errors
    /// No place became free; nothing ran.
    pub async fn run(
        &self,
        job: RunJob,
        more_stdin: Option<Receiver<Input>>,
        events: &EventSender,
        cancel: &CancellationToken,
    ) -> Result<RunReport, Full> {
        let Some(repository) = job.repo.clone() else {
            return self.run_files(job, None, more_stdin, events, cancel).await;
        };
        let (id, began) = (job.id.clone(), Instant::now());
        let fetch = self.repositories.fetch(&id, (&repository, None), &self.layers, &self.seating, events, cancel);
        let (commit, fetched) = match fetch.await {
            Ok(Fetched { files, commit, branch: _ }) => (Some(commit), Ok(files)),
            Err(NotFetched::Refused(refused, commit)) => (commit, Err(not_fetched(refused, events))),
            // The caller has heard meanwhile that nothing ran.
            Err(NotFetched::Failed(Failure::Full)) if !events.start() => return Err(Full),
            Err(NotFetched::Failed(failure)) => (None, Err((not_installed(&id, failure, events), None))),
        };
        let fetch = began.elapsed();
        let (mut report, error) = match fetched {
            Ok(files) => match self.with_files(job, &repository, &files) {
                Ok(job) => {
                    let ran = self.run_files(job, Some(&files), more_stdin, events, cancel).await;
                    // The caller has heard that the run is under way, so this is its result.
                    let failure = if cancel.is_cancelled() { Failure::Cancelled } else { Failure::Full };
                    (ran.unwrap_or_else(|Full| not_installed(&id, failure, events)), None)
                }
                Err(Unusable::Repository(refused)) => not_fetched(refused, events),
                Err(Unusable::Packages(message)) => {
                    let failure = Failure::Refused(Refusal { exit_code: 1, message });
                    (not_installed(&id, failure, events), None)
                }
            },
            Err(ended) => ended,
        };
        report.usage.install_ms = hundredths(report.usage.install_ms + milliseconds(fetch));
        let Repository { url, reference, subdir, token: _ } = repository;
        report.details.repo = Some(Box::new(FetchedRepository { url, reference, subdir, commit, error }));
        Ok(report)
    }

    /// The job with what the files of its repository say.
    fn with_files(&self, mut job: RunJob, repository: &Repository, files: &Layer) -> Result<RunJob, Unusable> {
        let is_own = job.files.iter().any(|file| file.path == job.entrypoint);
        if !is_own && !repository::has_file(&self.layers, files, &job.entrypoint) {
            let error = RepositoryError::EntrypointNotFound;
            let message = format!("{}; got \"{}\"", repository::sentence(error, repository), job.entrypoint);
            return Err(Unusable::Repository(Refused { error, message }));
        }
        let too_large = |message| Unusable::Repository(Refused { error: RepositoryError::TooLarge, message });
        repository::add_sources(&mut job, &self.layers, files).map_err(too_large)?;
        let packages = repository::listed_packages(&job, &self.layers, files).map_err(Unusable::Packages)?;
        Ok(RunJob { packages, ..job })
    }
}

/// Why a program cannot run with the files of its repository.
enum Unusable {
    Repository(Refused),
    /// A sentence about a file that lists packages.
    Packages(String),
}

/// The report of a run without the files of its repository, and why that is.
fn not_fetched(Refused { error, message }: Refused, events: &EventSender) -> (RunReport, Option<RepositoryError>) {
    events.start();
    let sentence = format!("The repository could not be fetched: {message}\n");
    events.output(Stream::Stderr, sentence.as_bytes());
    let exit_code = if error == RepositoryError::Timeout { TIMED_OUT } else { 1 };
    (without_program(RunStatus::InstallFailed, exit_code), Some(error))
}

/// Exit code of a fetch whose time was up, as timeout(1) has it.
const TIMED_OUT: i32 = 124;
