//! Operations of people who are signed in.

use crate::accounts::*;
use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Method, Operation, Tag};
use crate::document::parameters::Parameter;
use crate::end_users::{Deletion, RunPage};
use crate::errors::ErrorCode::*;
use crate::keys::*;
use crate::limits::MAX_SETTINGS_BYTES;
use crate::projects::*;
use crate::rooms::{CreatedRoom, RoomSettings};
use crate::tokens::{RunToken, RunTokenSettings};
use crate::usage::{TotalUsage, Usage};
use schemars::JsonSchema;
use serde::Serialize;

const PROJECT: Parameter = Parameter::Id("The id of the project.");
const KEY: Parameter = Parameter::Id("The id of the key.");

pub fn operations() -> Vec<Operation> {
    [account(), projects(), keys(), usage()].into_iter().flatten().collect()
}

/// An operation of a session.
fn of(
    id: &'static str,
    route: (Method, &'static str),
    tag: Tag,
    summary: &'static str,
    description: &'static str,
) -> Operation {
    let of_project = route.1.starts_with("/api/projects/:id") || route.1.starts_with("/api/keys/");
    let of_project = of_project && id != "delete_project";
    let caller = if of_project { Caller::Manager } else { Caller::Session };
    Operation::new(id, route, (tag, caller), summary, description)
}

fn takes<T: JsonSchema + crate::document::example::Example + Serialize>(one: Operation) -> Operation {
    one.takes(MAX_SETTINGS_BYTES, vec![Body::json::<T>()]).fails(&[UnsupportedMediaType])
}

fn account() -> Vec<Operation> {
    vec![
        of("sign_out", (Method::Post, "/auth/logout"), Tag::Accounts, "Sign out", "Ends this session.")
            .gives::<Message>(200, "The session has ended.")
            .header(Header::SetCookie)
            .changes(),
        of("get_me", (Method::Get, "/auth/me"), Tag::Accounts, "Read the account", "The account that is signed in.")
            .gives::<Account>(200, "The account.")
            .header(Header::SetCookie),
        of(
            "delete_account",
            (Method::Delete, "/auth/me"),
            Tag::Accounts,
            "Delete the account",
            "Deletes the account with its sessions, projects, keys and statistics. Results of its runs follow within hours.",
        )
        .empty(204, "The account is gone.")
        .header(Header::SetCookie)
        .changes(),
        of(
            "export_account",
            (Method::Get, "/auth/export"),
            Tag::Accounts,
            "Export the account",
            "Everything that is kept of the account.",
        )
        .gives::<AccountExport>(200, "The export."),
        of(
            "get_account_usage",
            (Method::Get, "/api/account/usage"),
            Tag::Accounts,
            "Read the account's quotas",
            "What the account may have, do at once and use in a day, and how much of it is used.",
        )
        .gives::<AccountUsage>(200, "Every quota."),
        of(
            "list_own_events",
            (Method::Get, "/auth/audit"),
            Tag::Accounts,
            "List what the account did",
            "What the account did, the newest first.",
        )
        .paged()
        .gives::<EventPage>(200, "One page of events."),
        of(
            "list_sessions",
            (Method::Get, "/auth/sessions"),
            Tag::Accounts,
            "List sessions",
            "Where the account is signed in, the newest first.",
        )
        .paged()
        .gives::<SessionPage>(200, "One page of sessions."),
        of(
            "end_session",
            (Method::Delete, "/auth/sessions/:id"),
            Tag::Accounts,
            "End a session",
            "Signs the account out where that session is used.",
        )
        .with(Parameter::Id("The id of the session."))
        .empty(204, "The session has ended.")
        .fails(&[SessionNotFound])
        .changes(),
    ]
}

fn projects() -> Vec<Operation> {
    let tag = Tag::Projects;
    vec![
        takes::<ProjectSettings>(of(
            "create_project",
            (Method::Post, "/api/projects"),
            tag,
            "Make a project",
            "Makes a project, which has no keys yet.",
        ))
        .gives::<Project>(201, "The project.")
        .header(Header::Quota)
        .fails(&[QuotaFull])
        .changes(),
        of(
            "list_projects",
            (Method::Get, "/api/projects"),
            tag,
            "List projects",
            "The account's projects, the newest first.",
        )
        .paged()
        .gives::<ProjectPage>(200, "One page of projects."),
        of("get_project", (Method::Get, "/api/projects/:id"), tag, "Read a project", "One of the account's projects.")
            .with(PROJECT)
            .gives::<Project>(200, "The project.")
            .fails(&[ProjectNotFound]),
        takes::<ProjectChange>(of(
            "change_project",
            (Method::Patch, "/api/projects/:id"),
            tag,
            "Change a project",
            "Changes settings of a project. What the body does not name stays.",
        ))
        .with(PROJECT)
        .gives::<Project>(200, "The project as it is now.")
        .fails(&[ProjectNotFound])
        .changes(),
        of(
            "delete_project",
            (Method::Delete, "/api/projects/:id"),
            tag,
            "Delete a project",
            "Deletes a project with its keys, rooms and statistics.",
        )
        .with(PROJECT)
        .empty(204, "The project is gone.")
        .fails(&[ProjectNotFound])
        .changes(),
        of(
            "list_project_events",
            (Method::Get, "/api/projects/:id/audit"),
            tag,
            "List what was done with a project",
            "What was done with the project, the newest first.",
        )
        .with(PROJECT)
        .paged()
        .gives::<EventPage>(200, "One page of events.")
        .fails(&[ProjectNotFound]),
    ]
}

fn keys() -> Vec<Operation> {
    let tag = Tag::Keys;
    vec![
        takes::<KeySettings>(of(
            "create_key",
            (Method::Post, "/api/projects/:id/keys"),
            tag,
            "Make a key",
            "Makes a key of the project. No other response shows a secret key; a publishable key is shown any time.",
        ))
        .body_is_optional()
        .with(PROJECT)
        .gives::<CreatedKey>(201, "The key.")
        .header(Header::Quota)
        .fails(&[ProjectNotFound, QuotaFull])
        .changes(),
        of(
            "list_keys",
            (Method::Get, "/api/projects/:id/keys"),
            tag,
            "List keys",
            "The keys of a project, the newest first.",
        )
        .with(PROJECT)
        .paged()
        .gives::<KeyPage>(200, "One page of keys.")
        .fails(&[ProjectNotFound]),
        takes::<KeySettings>(of(
            "change_key",
            (Method::Patch, "/api/keys/:id"),
            tag,
            "Change a key",
            "Changes settings of a key. What the body does not name stays. They hold for the very next call.",
        ))
        .with(KEY)
        .gives::<Key>(200, "The key as it is now.")
        .fails(&[KeyNotFound, KeyRevoked])
        .changes(),
        takes::<Rotation>(of(
            "rotate_key",
            (Method::Post, "/api/keys/:id/rotate"),
            tag,
            "Replace a key",
            "Makes a successor with the same settings, beside which the key goes on working for a while. A key is rotated \
             once: a further call answers 409 with the id of the successor.",
        ))
        .body_is_optional()
        .with(KEY)
        .gives::<RotatedKey>(201, "The new key.")
        .fails(&[KeyNotFound, KeyRevoked, KeyRotated, KeyExpired])
        .changes(),
        takes::<RunTokenSettings>(Operation::new(
            "create_token",
            (Method::Post, "/api/tokens"),
            (tag, Caller::Key),
            "Make a run token",
            "Makes a token with which a page or a program can run programs for a while, without the key. Its runs count \
             against the limit of the key, and revoking the key ends it. Making it does not count.",
        ))
        .body_is_optional()
        .gives::<RunToken>(201, "The token."),
        takes::<RunTokenSettings>(of(
            "create_project_token",
            (Method::Post, "/api/projects/:id/tokens"),
            tag,
            "Make a run token for a project",
            "The same without a key at hand. The token belongs to the project's key `Playground`, which is made with the first \
             one.",
        ))
        .body_is_optional()
        .with(PROJECT)
        .gives::<RunToken>(201, "The token.")
        .fails(&[ProjectNotFound, QuotaFull])
        .changes(),
        takes::<RoomSettings>(of(
            "create_project_room",
            (Method::Post, "/api/projects/:id/rooms"),
            tag,
            "Make a room for a project",
            "As `POST /api/rooms`, without a key at hand. Its programs run on the project's key `Playground`, which is made with \
             the first room or token.",
        ))
        .body_is_optional()
        .with(PROJECT)
        .gives::<CreatedRoom>(201, "The room, and a token of its owner's.")
        .fails(&[ProjectNotFound, TooManyRooms, QuotaFull])
        .changes(),
        of(
            "revoke_key",
            (Method::Delete, "/api/keys/:id"),
            tag,
            "Revoke a key",
            "Ends the key for good. It fails with the very next call. Repeating this changes nothing.",
        )
        .with(KEY)
        .empty(204, "The key has ended.")
        .fails(&[KeyNotFound])
        .changes(),
    ]
}

fn usage() -> Vec<Operation> {
    let tag = Tag::Usage;
    vec![
        of(
            "get_usage",
            (Method::Get, "/api/projects/:id/usage"),
            tag,
            "Read what a project was used for",
            "Totals, a series and a page of runs. A run is counted a few seconds after its end.",
        )
        .with(PROJECT)
        .paged()
        .with(Parameter::Interval)
        .gives::<Usage>(200, "The usage.")
        .fails(&[ProjectNotFound]),
        of(
            "get_total_usage",
            (Method::Get, "/api/usage"),
            tag,
            "Read what all projects were used for",
            "Totals, durations and a series over all projects of the account.",
        )
        .with(Parameter::Interval)
        .gives::<TotalUsage>(200, "The usage of all projects."),
        of(
            "export_end_user",
            (Method::Get, "/api/projects/:id/end-users"),
            tag,
            "List the runs for one end user",
            "The runs for one `userContext.id`, the newest first.",
        )
        .with(PROJECT)
        .with(Parameter::EndUser)
        .paged()
        .gives::<RunPage>(200, "One page of runs.")
        .fails(&[ProjectNotFound]),
        of(
            "delete_end_user",
            (Method::Delete, "/api/projects/:id/end-users"),
            tag,
            "Delete the runs for one end user",
            "Deletes the runs for one `userContext.id` with their results. Repeat the call until `complete` is true.",
        )
        .with(PROJECT)
        .with(Parameter::EndUser)
        .gives::<Deletion>(200, "What was deleted.")
        .fails(&[ProjectNotFound, InvalidRequest])
        .changes(),
    ]
}
