//! Snapshots of sandboxes, and sandboxes made of them.

use crate::app::context::App;
use crate::app::sandboxes::{self, CreateRefusal, WholeSandbox};
use crate::domain::input::page::{Page, Position};
use crate::domain::sandbox::snapshot::Branch;
use crate::ports::PortError;
use crate::ports::sandboxes::{ByteStream, SandboxConfig, SandboxOf, SandboxRefusal};
use crate::ports::snapshots::{SnapshotRecord, SnapshotRequest, SnapshotResponse, TreeOf};
use docle_api::snapshots::{MergeResult, SnapshotDiff};

/// Saves the files of a sandbox as they are now, and keeps them.
///
/// # Errors
/// It has as many snapshots as it may, or cannot be saved.
pub async fn create(app: &App, sandbox: &SandboxOf, name: Option<String>) -> Result<SnapshotRecord, SandboxRefusal> {
    keep(app, sandbox, name, false).await
}

/// Keeps the files of a sandbox as they are now until this call is over. A client that leaves ends it at any moment, so the sandbox
/// deletes them by itself in the end.
async fn hold(app: &App, sandbox: &SandboxOf, name: &str) -> Result<SnapshotRecord, SandboxRefusal> {
    keep(app, sandbox, Some(name.to_owned()), true).await
}

async fn keep(
    app: &App,
    sandbox: &SandboxOf,
    name: Option<String>,
    is_held: bool,
) -> Result<SnapshotRecord, SandboxRefusal> {
    if let Some(full) = sandboxes::stored_too_much(app, &sandbox.project_id).await? {
        return Err(SandboxRefusal::Quota(full));
    }
    let id = format!("snap_{}", hex::encode(app.random::<12>()));
    match app.sandboxes.snapshots(sandbox, &SnapshotRequest::Create { id, name, is_held }).await? {
        SnapshotResponse::Snapshot(record) => Ok(record),
        other => Err(unexpected(&other)),
    }
}

/// The snapshots of a sandbox, and the cursor of the next page.
///
/// # Errors
/// It cannot be reached.
pub async fn list(
    app: &App,
    sandbox: &SandboxOf,
    page: &Page,
) -> Result<(Vec<SnapshotRecord>, Option<String>), SandboxRefusal> {
    match app.sandboxes.snapshots(sandbox, &SnapshotRequest::List(page.clone())).await? {
        SnapshotResponse::Snapshots(rows) => {
            Ok(page.cut(rows, |record| Position { at: record.created_at, id: record.id.clone() }))
        }
        other => Err(unexpected(&other)),
    }
}

/// A snapshot.
///
/// # Errors
/// There is none.
pub async fn read(app: &App, sandbox: &SandboxOf, id: &str) -> Result<SnapshotRecord, SandboxRefusal> {
    match app.sandboxes.snapshots(sandbox, &SnapshotRequest::Get { id: id.to_owned() }).await? {
        SnapshotResponse::Snapshot(record) => Ok(record),
        other => Err(unexpected(&other)),
    }
}

/// Deletes a snapshot.
///
/// # Errors
/// There is none.
pub async fn delete(app: &App, sandbox: &SandboxOf, id: &str) -> Result<(), SandboxRefusal> {
    app.sandboxes.snapshots(sandbox, &SnapshotRequest::Delete { id: id.to_owned() }).await.map(drop)
}

/// Gives a sandbox the files of a snapshot, or some of them.
///
/// # Errors
/// There is no such snapshot, or no such path in it. Nothing has changed, unless the machine was lost.
pub async fn restore(
    app: &App,
    sandbox: &SandboxOf,
    id: &str,
    paths: Option<Vec<String>>,
) -> Result<WholeSandbox, SandboxRefusal> {
    app.sandboxes.snapshots(sandbox, &SnapshotRequest::Restore { id: id.to_owned(), paths }).await?;
    sandboxes::read(app, sandbox).await
}

/// The archive of a snapshot.
///
/// # Errors
/// There is no such snapshot, or it has too many files.
pub async fn export(app: &App, sandbox: &SandboxOf, id: &str) -> Result<ByteStream, SandboxRefusal> {
    app.sandboxes.export_snapshot(sandbox, id).await
}

/// What differs from a snapshot to another one, or to now.
///
/// # Errors
/// There is no such snapshot, or the sandbox cannot be saved.
pub async fn diff(
    app: &App,
    sandbox: &SandboxOf,
    from: &str,
    to: Option<String>,
) -> Result<SnapshotDiff, SandboxRefusal> {
    match app.sandboxes.snapshots(sandbox, &SnapshotRequest::Diff { from: from.to_owned(), to }).await? {
        SnapshotResponse::Diff(diff) => Ok(diff),
        other => Err(unexpected(&other)),
    }
}

/// Makes a sandbox with the files and settings of another one; whether it was made. A call that was interrupted is completed by
/// the next one with the same key.
///
/// # Errors
/// Nothing is made.
pub async fn branch(app: &App, from: &SandboxOf, branch: Branch) -> Result<(WholeSandbox, bool), CreateRefusal> {
    let known = match &branch.key {
        Some(key) => sandboxes::of_key(app, &from.project_id, key).await?,
        None => None,
    };
    if let Some(known) = &known
        && let Ok(whole) = sandboxes::read(app, known).await
        && whole.report.saved_at.is_some()
    {
        return Ok((whole, false));
    }
    let mut settings = sandboxes::read(app, from).await?.settings();
    settings.name = branch.name.or(settings.name);
    // Files that nobody has named are kept only until they are copied.
    let (snapshot, is_own) = match branch.snapshot {
        Some(snapshot) => (snapshot, false),
        None => (hold(app, from, "branch").await?.id, true),
    };
    let made = async {
        let tree = tree(app, from, &snapshot).await?;
        let (sandbox, is_new) = match known {
            Some(known) => (known, false),
            None => match sandboxes::register(app, &from.project_id, &settings, branch.key).await? {
                Ok(listed) => (SandboxOf { project_id: listed.project_id, id: listed.id }, true),
                Err(_) => {
                    let why = "Another call makes a sandbox with this key.".to_owned();
                    return Err(SandboxRefusal::Unavailable(why).into());
                }
            },
        };
        let config = SandboxConfig { env: settings.env, runtime: settings.runtime };
        match app.sandboxes.snapshots(&sandbox, &SnapshotRequest::Branch { config, tree }).await {
            Ok(_) => Ok((sandboxes::read(app, &sandbox).await?, is_new)),
            Err(refusal) => {
                if is_new && let Err(error) = app.sandboxes.delete(&sandbox).await {
                    let error = PortError(format!("{error:?}"));
                    app.log_error("A branch that could not be made was not deleted.", &error);
                }
                Err(refusal.into())
            }
        }
    }
    .await;
    if is_own && let Err(error) = delete(app, from, &snapshot).await {
        let error = PortError(format!("{error:?}"));
        app.log_error("The snapshot of a branch could not be deleted.", &error);
    }
    made
}

/// Merges the changes of another sandbox into this one. A call that was interrupted is completed by the next one.
///
/// # Errors
/// Neither is a branch of the other, or they cannot be compared, or the files do not fit. Nothing has changed, unless the machine was
/// lost.
pub async fn merge(app: &App, into: &SandboxOf, from: &SandboxOf) -> Result<MergeResult, SandboxRefusal> {
    let base = match base_of(app, from, into).await? {
        Some(base) => base,
        None => base_of(app, into, from).await?.ok_or(SandboxRefusal::NotABranch)?,
    };
    // The files are kept until they are merged.
    let snapshot = hold(app, from, "merge").await?.id;
    let merged = merge_snapshot(app, into, from, &snapshot, base).await;
    if let Err(error) = delete(app, from, &snapshot).await {
        let error = PortError(format!("{error:?}"));
        app.log_error("The snapshot of a merge could not be deleted.", &error);
    }
    merged
}

async fn merge_snapshot(
    app: &App,
    into: &SandboxOf,
    from: &SandboxOf,
    snapshot: &str,
    base: TreeOf,
) -> Result<MergeResult, SandboxRefusal> {
    let is_from_branch = base.sandbox == *from;
    let theirs = tree(app, from, snapshot).await?;
    let result = match app.sandboxes.snapshots(into, &SnapshotRequest::Merge { theirs, base }).await? {
        SnapshotResponse::Merge(result) => result,
        other => return Err(unexpected(&other)),
    };
    if result.merged && is_from_branch {
        let request = SnapshotRequest::SetBase { snapshot: snapshot.to_owned() };
        app.sandboxes.snapshots(from, &request).await?;
    }
    Ok(result)
}

/// What `branch` had in common with `of` last; `None` if it is no branch of it.
async fn base_of(app: &App, branch: &SandboxOf, of: &SandboxOf) -> Result<Option<TreeOf>, SandboxRefusal> {
    match app.sandboxes.snapshots(branch, &SnapshotRequest::Base { of: of.id.clone() }).await? {
        SnapshotResponse::Base(base) => Ok(base),
        other => Err(unexpected(&other)),
    }
}

async fn tree(app: &App, sandbox: &SandboxOf, id: &str) -> Result<TreeOf, SandboxRefusal> {
    match app.sandboxes.snapshots(sandbox, &SnapshotRequest::Tree { id: id.to_owned() }).await? {
        SnapshotResponse::Tree(tree) => Ok(tree),
        other => Err(unexpected(&other)),
    }
}

fn unexpected(response: &SnapshotResponse) -> SandboxRefusal {
    SandboxRefusal::Unavailable(format!("A sandbox has answered {response:?} to a request about snapshots."))
}
