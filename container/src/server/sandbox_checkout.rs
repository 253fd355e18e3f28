//! Checks a repository out into a sandbox: fetched as for a run, in a jail of its own, and copied in by the sandbox's user.

use super::answers::invalid;
use super::answers::{Answer, Denied, Posted, find, json, read_body};
use super::sandbox_checks::check_id_of_command;
use super::sandbox_files::failed;
use crate::events;
use crate::packages::Failure;
use crate::repository::{Fetched, NotFetched, Refused};
use crate::run::Runner;
use crate::sandbox::Sandboxes;
use axum::Router;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use docle_protocol::RefusalCode;
use docle_protocol::sandbox::FileResponse;
use docle_protocol::sandbox::checkout::{CheckedOut, CheckoutJob, CheckoutRefused, checkout_path};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a checkout takes.
#[derive(Clone)]
struct Parts {
    sandboxes: Arc<Sandboxes>,
    runner: Arc<Runner>,
}

/// Checkouts of all sandboxes at once; further ones wait.
static AT_ONCE: Semaphore = Semaphore::const_new(2);

pub fn routes<S>(sandboxes: Arc<Sandboxes>, runner: Arc<Runner>) -> Router<S> {
    Router::new().route(&checkout_path("{id}"), post(check_out)).with_state(Parts { sandboxes, runner })
}

async fn check_out(State(parts): State<Parts>, Path(id): Path<String>, body: Posted) -> Answer {
    let Parts { sandboxes, runner } = parts;
    let sandbox = find(&sandboxes, &id)?;
    let CheckoutJob { id: job, repository, depth, path } = read_body(body)?;
    check_id_of_command(&job).map_err(invalid)?;
    sandbox.check_is_free(&path).await.map_err(|failure| failed(&sandbox, failure))?;
    // It takes a place that runs need, too.
    let _turn = AT_ONCE.acquire().await;
    let cancel = sandbox.end.child_token();
    // A client that leaves ends the fetch.
    let _guard = cancel.clone().drop_guard();
    let name = format!("{id} {job}");
    let fetching = {
        let runner = Arc::clone(&runner);
        // In a task of its own, because its jail has to be left as it was found.
        tokio::spawn(async move {
            let (sender, _receiver) = events::channel();
            let repository = (&repository, Some(depth.max(1)));
            runner.repositories.fetch(&name, repository, &runner.layers, &runner.seating, &sender, &cancel).await
        })
    };
    let broken = |why: String| {
        eprintln!("checkout.failed sandbox.id={id} error={why:?}");
        Denied::of(RefusalCode::Internal, "the repository could not be fetched")
    };
    let fetched = fetching.await.map_err(|error| broken(error.to_string()))?;
    let Fetched { files, commit, branch } = fetched.map_err(|error| match error {
        NotFetched::Refused(refused, _) => Denied::Checkout(in_words_of_the_call(refused)),
        NotFetched::Failed(Failure::Full) => Denied::of(RefusalCode::Busy, "no place for a fetch became free"),
        NotFetched::Failed(Failure::Cancelled) => Denied::of(RefusalCode::Stopping, "the fetch was cancelled"),
        NotFetched::Failed(Failure::Refused(refusal)) => broken(refusal.message),
        NotFetched::Failed(Failure::System(error)) => broken(error.to_string()),
    })?;
    let directory = runner.layers.directory().join(files.name());
    let copied = sandbox.copy_in(path.into_bytes(), directory).await.map_err(|failure| failed(&sandbox, failure))?;
    let FileResponse::Entry { entry } = copied else { return Err(broken("no entry".to_owned())) };
    Ok(json(StatusCode::OK, &CheckedOut { path: entry.path, commit, branch }))
}

/// The sentence of a run names the fields of `repo`, and the fields of a checkout stand by themselves.
fn in_words_of_the_call(Refused { error, message }: Refused) -> CheckoutRefused {
    let message = message.replace("; name a smaller directory in repo.subdir", "");
    let message =
        ["url", "ref", "token"].iter().fold(message, |text, field| text.replace(&format!("repo.{field}"), field));
    CheckoutRefused { repository_error: error, message }
}

#[cfg(test)]
mod tests {
    use super::*;
    use docle_protocol::report::RepositoryError;

    #[test]
    fn a_refusal_names_the_fields_of_a_checkout() {
        let message = "check repo.url and repo.token; name a smaller directory in repo.subdir".to_owned();
        let refused = in_words_of_the_call(Refused { error: RepositoryError::TooLarge, message });
        assert_eq!(refused.message, "check url and token");
    }
}
