//! The routes of the API: path, method, kind of caller, and handler.

use crate::app::App;
use crate::http::compat::{codapi, dify, piston, sandbox_fusion};
use crate::http::error::ApiError;
use crate::http::mcp::endpoint;
use crate::http::request::call::Call;
use crate::http::routes::accounts::data;
use crate::http::routes::accounts::sign_in;
use crate::http::routes::accounts::usage as account_usage;
use crate::http::routes::rooms::connect;
use crate::http::routes::rooms::project_rooms;
use crate::http::routes::runs::batch;
use crate::http::routes::runs::interactive;
use crate::http::routes::runs::judge;
use crate::http::routes::runs::list;
use crate::http::routes::runs::run;
use crate::http::routes::sandboxes::{
    archive, cells, checkout, content, contexts, env, exec, execute as execute_file, file_operation, files, ports,
    process_logs, processes, sandbox, sessions, snapshots, terminal,
};
use crate::http::routes::scripts::docs;
use crate::http::routes::scripts::execute;
use crate::http::routes::{artifacts, audit, embed, end_users, health, index, keys, projects, tokens, usage, webhooks};
use crate::ports::http_messages::Response;
use ::http::Method;
use futures::future::LocalBoxFuture;

/// The handler of a route.
type Handler = for<'a> fn(&'a App, Call) -> LocalBoxFuture<'a, Result<Response, ApiError>>;

/// The method of a route. A route with `GET` also serves `HEAD`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verb {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Verb {
    /// Every verb, in the order of the header `Allow`.
    const ALL: [Self; 5] = [Self::Get, Self::Post, Self::Put, Self::Patch, Self::Delete];

    /// The methods that it stands for, as in the header `Allow`.
    const fn names(self) -> &'static str {
        match self {
            Self::Get => "GET, HEAD",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }

    /// The method that it is named for.
    pub fn name(self) -> &'static str {
        self.names().split(", ").next().unwrap_or_default()
    }

    fn is(self, method: &Method) -> bool {
        self.names().split(", ").any(|name| name == method.as_str())
    }
}

/// Who may call a route. The pages that may read the answer follow from it; [`crate::http::middleware::cors`] has the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// Every client.
    Anyone,
    /// Every client that is about to sign in.
    Visitor,
    /// A client with an API key or a token.
    ApiClient,
    /// A client with an API key, or else a signed-in user.
    KeyOrSession,
    /// A signed-in user.
    SignedIn,
    /// A signed-in user, or a server with a management token for the project.
    Manager,
}

impl Caller {
    /// The kind of caller that stands for all whose answers the same pages may read.
    pub const fn with_the_same_pages(self) -> Self {
        match self {
            Self::Visitor | Self::SignedIn | Self::Manager => Self::SignedIn,
            Self::Anyone | Self::ApiClient => Self::ApiClient,
            Self::KeyOrSession => Self::KeyOrSession,
        }
    }
}

/// One operation of the API.
pub struct Route {
    pub verb: Verb,
    /// The path; a segment that begins with a colon stands for any text.
    pub path: &'static str,
    pub caller: Caller,
    pub handler: Handler,
    /// The handler's name, which is also the operation's in the description of this API.
    #[cfg_attr(not(test), expect(dead_code, reason = "only the description is made of it, and that by a test"))]
    pub name: &'static str,
}

/// A handler as a function that returns a boxed future, and its name.
macro_rules! handler {
    ($module:ident::$handler:ident) => {
        (|app, call| Box::pin($module::$handler(app, call)), stringify!($handler))
    };
}

const fn get(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Get, path, caller, handler, name }
}

const fn post(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Post, path, caller, handler, name }
}

const fn put(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Put, path, caller, handler, name }
}

const fn patch(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Patch, path, caller, handler, name }
}

const fn delete(path: &'static str, caller: Caller, (handler, name): (Handler, &'static str)) -> Route {
    Route { verb: Verb::Delete, path, caller, handler, name }
}

/// The table. The same pages may read the answers of all routes of one path.
pub static ROUTES: &[Route] = &[
    post("/api/run", Caller::ApiClient, handler!(run::create_run)),
    get("/api/run", Caller::ApiClient, handler!(interactive::interactive_run)),
    post("/api/run/batch", Caller::ApiClient, handler!(batch::batch_runs)),
    post("/api/run/judge", Caller::ApiClient, handler!(judge::judge_run)),
    get("/api/run/:id", Caller::KeyOrSession, handler!(run::get_run)),
    delete("/api/run/:id", Caller::KeyOrSession, handler!(run::cancel_run)),
    get("/api/artifacts/:run/:name", Caller::Anyone, handler!(artifacts::get_artifact)),
    get("/api/runs", Caller::KeyOrSession, handler!(list::list_runs)),
    post("/api/tokens", Caller::ApiClient, handler!(tokens::create_token)),
    post("/mcp", Caller::ApiClient, handler!(endpoint::post_mcp)),
    post("/execute", Caller::ApiClient, handler!(execute::execute_script)),
    post("/validate", Caller::ApiClient, handler!(execute::validate_script)),
    get("/executions", Caller::ApiClient, handler!(execute::list_executions)),
    get("/executions/:id", Caller::ApiClient, handler!(execute::get_execution)),
    get("/languages", Caller::Anyone, handler!(docs::list_languages)),
    get("/docs", Caller::Anyone, handler!(docs::get_docs)),
    get("/docs/errors", Caller::Anyone, handler!(docs::get_errors)),
    get("/login", Caller::Visitor, handler!(sign_in::get_login)),
    post("/auth/request", Caller::Visitor, handler!(sign_in::request_link)),
    get("/auth/verify", Caller::Visitor, handler!(sign_in::get_verify)),
    post("/auth/verify", Caller::Visitor, handler!(sign_in::redeem_link)),
    post("/auth/logout", Caller::SignedIn, handler!(sign_in::sign_out)),
    get("/auth/me", Caller::SignedIn, handler!(sign_in::get_me)),
    delete("/auth/me", Caller::SignedIn, handler!(data::delete_account)),
    get("/auth/export", Caller::SignedIn, handler!(data::export_account)),
    get("/auth/audit", Caller::SignedIn, handler!(audit::list_own_events)),
    get("/auth/sessions", Caller::SignedIn, handler!(sign_in::list_sessions)),
    delete("/auth/sessions/:id", Caller::SignedIn, handler!(sign_in::end_session)),
    get("/api/account/usage", Caller::SignedIn, handler!(account_usage::get_account_usage)),
    post("/api/projects", Caller::SignedIn, handler!(projects::create_project)),
    get("/api/projects", Caller::SignedIn, handler!(projects::list_projects)),
    get("/api/projects/:id", Caller::Manager, handler!(projects::get_project)),
    patch("/api/projects/:id", Caller::Manager, handler!(projects::change_project)),
    delete("/api/projects/:id", Caller::SignedIn, handler!(projects::delete_project)),
    post("/api/projects/:id/keys", Caller::Manager, handler!(keys::create_key)),
    get("/api/projects/:id/keys", Caller::Manager, handler!(keys::list_keys)),
    post("/api/projects/:id/tokens", Caller::Manager, handler!(tokens::create_project_token)),
    post("/api/projects/:id/rooms", Caller::Manager, handler!(project_rooms::create_project_room)),
    get("/api/usage", Caller::SignedIn, handler!(usage::get_total_usage)),
    get("/api/projects/:id/usage", Caller::Manager, handler!(usage::get_usage)),
    post("/api/projects/:id/webhook-secret", Caller::Manager, handler!(webhooks::rotate_webhook_secret)),
    get("/api/projects/:id/webhook-secret", Caller::Manager, handler!(webhooks::get_webhook_secret)),
    delete("/api/projects/:id/webhook-secret", Caller::Manager, handler!(webhooks::delete_webhook_secret)),
    get("/api/projects/:id/webhook-deliveries", Caller::Manager, handler!(webhooks::list_webhook_deliveries)),
    get("/api/projects/:id/audit", Caller::Manager, handler!(audit::list_project_events)),
    get("/api/projects/:id/end-users", Caller::Manager, handler!(end_users::export_end_user)),
    delete("/api/projects/:id/end-users", Caller::Manager, handler!(end_users::delete_end_user)),
    patch("/api/keys/:id", Caller::Manager, handler!(keys::change_key)),
    post("/api/keys/:id/rotate", Caller::Manager, handler!(keys::rotate_key)),
    delete("/api/keys/:id", Caller::Manager, handler!(keys::revoke_key)),
    get("/collab", Caller::Anyone, handler!(connect::create_open_room)),
    get("/collab/:id", Caller::Anyone, handler!(connect::get_room)),
    get("/collab/:id/state", Caller::ApiClient, handler!(connect::get_room_state)),
    get("/collab/:id/websocket", Caller::ApiClient, handler!(connect::connect_room)),
    get("/collab/:id/yjs", Caller::ApiClient, handler!(connect::connect_yjs)),
    post("/api/rooms", Caller::ApiClient, handler!(project_rooms::create_room)),
    get("/api/rooms", Caller::ApiClient, handler!(project_rooms::list_rooms)),
    delete("/api/rooms/:id", Caller::ApiClient, handler!(project_rooms::delete_room)),
    post("/api/rooms/:id/tokens", Caller::ApiClient, handler!(project_rooms::create_room_token)),
    post("/api/rooms/:id/run", Caller::ApiClient, handler!(project_rooms::run_in_room)),
    delete("/api/rooms/:id/run", Caller::ApiClient, handler!(project_rooms::stop_run_in_room)),
    post("/api/v1/sandboxes", Caller::KeyOrSession, handler!(sandbox::create_sandbox)),
    get("/api/v1/sandboxes", Caller::KeyOrSession, handler!(sandbox::list_sandboxes)),
    get("/api/v1/sandboxes/:id", Caller::KeyOrSession, handler!(sandbox::get_sandbox)),
    patch("/api/v1/sandboxes/:id", Caller::KeyOrSession, handler!(sandbox::change_sandbox)),
    delete("/api/v1/sandboxes/:id", Caller::KeyOrSession, handler!(sandbox::delete_sandbox)),
    get("/api/v1/sandboxes/:id/env", Caller::KeyOrSession, handler!(env::list_sandbox_env)),
    put("/api/v1/sandboxes/:id/env", Caller::KeyOrSession, handler!(env::replace_sandbox_env)),
    patch("/api/v1/sandboxes/:id/env", Caller::KeyOrSession, handler!(env::change_sandbox_env)),
    post("/api/v1/sandboxes/:id/exec", Caller::KeyOrSession, handler!(exec::exec_in_sandbox)),
    post("/api/v1/sandboxes/:id/execute", Caller::KeyOrSession, handler!(execute_file::execute_in_sandbox)),
    get("/api/v1/sandboxes/:id/executions", Caller::KeyOrSession, handler!(exec::list_sandbox_executions)),
    post("/api/v1/sandboxes/:id/code", Caller::KeyOrSession, handler!(cells::run_code)),
    post("/api/v1/sandboxes/:id/contexts", Caller::KeyOrSession, handler!(contexts::create_context)),
    get("/api/v1/sandboxes/:id/contexts", Caller::KeyOrSession, handler!(contexts::list_contexts)),
    delete("/api/v1/sandboxes/:id/contexts/:context", Caller::KeyOrSession, handler!(contexts::delete_context)),
    post("/api/v1/sandboxes/:id/contexts/:context/run", Caller::KeyOrSession, handler!(cells::run_in_context)),
    post("/api/v1/sandboxes/:id/contexts/:context/restart", Caller::KeyOrSession, handler!(contexts::restart_context)),
    post(
        "/api/v1/sandboxes/:id/contexts/:context/interrupt",
        Caller::KeyOrSession,
        handler!(contexts::interrupt_context),
    ),
    post("/api/v1/sandboxes/:id/sleep", Caller::KeyOrSession, handler!(sandbox::sleep_sandbox)),
    post("/api/v1/sandboxes/:id/wake", Caller::KeyOrSession, handler!(sandbox::wake_sandbox)),
    post("/api/v1/sandboxes/:id/processes", Caller::KeyOrSession, handler!(processes::start_sandbox_process)),
    get("/api/v1/sandboxes/:id/processes", Caller::KeyOrSession, handler!(processes::list_sandbox_processes)),
    delete("/api/v1/sandboxes/:id/processes", Caller::KeyOrSession, handler!(processes::kill_sandbox_processes)),
    get("/api/v1/sandboxes/:id/processes/:process", Caller::KeyOrSession, handler!(processes::get_sandbox_process)),
    delete("/api/v1/sandboxes/:id/processes/:process", Caller::KeyOrSession, handler!(processes::kill_sandbox_process)),
    get(
        "/api/v1/sandboxes/:id/processes/:process/logs",
        Caller::KeyOrSession,
        handler!(process_logs::read_sandbox_process_logs),
    ),
    post(
        "/api/v1/sandboxes/:id/processes/:process/stdin",
        Caller::KeyOrSession,
        handler!(processes::write_sandbox_process_stdin),
    ),
    post(
        "/api/v1/sandboxes/:id/processes/:process/signal",
        Caller::KeyOrSession,
        handler!(processes::signal_sandbox_process),
    ),
    post(
        "/api/v1/sandboxes/:id/processes/:process/wait",
        Caller::KeyOrSession,
        handler!(processes::wait_for_sandbox_process),
    ),
    post("/api/v1/sandboxes/:id/snapshots", Caller::KeyOrSession, handler!(snapshots::create_snapshot)),
    post("/api/v1/sandboxes/:id/snapshot", Caller::KeyOrSession, handler!(snapshots::create_version)),
    get("/api/v1/sandboxes/:id/snapshots", Caller::KeyOrSession, handler!(snapshots::list_snapshots)),
    get("/api/v1/sandboxes/:id/snapshots/:snapshot", Caller::KeyOrSession, handler!(snapshots::get_snapshot)),
    delete("/api/v1/sandboxes/:id/snapshots/:snapshot", Caller::KeyOrSession, handler!(snapshots::delete_snapshot)),
    post(
        "/api/v1/sandboxes/:id/snapshots/:snapshot/restore",
        Caller::KeyOrSession,
        handler!(snapshots::restore_snapshot),
    ),
    get("/api/v1/sandboxes/:id/snapshots/:snapshot/diff", Caller::KeyOrSession, handler!(snapshots::diff_snapshot)),
    get("/api/v1/sandboxes/:id/snapshots/:snapshot/export", Caller::KeyOrSession, handler!(archive::export_snapshot)),
    post("/api/v1/sandboxes/:id/branch", Caller::KeyOrSession, handler!(snapshots::branch_sandbox)),
    post("/api/v1/sandboxes/:id/merge", Caller::KeyOrSession, handler!(snapshots::merge_sandbox)),
    post("/api/v1/sandboxes/:id/ports", Caller::KeyOrSession, handler!(ports::expose_port)),
    get("/api/v1/sandboxes/:id/ports", Caller::KeyOrSession, handler!(ports::list_ports)),
    get("/api/v1/sandboxes/:id/ports/:port", Caller::KeyOrSession, handler!(ports::get_port)),
    delete("/api/v1/sandboxes/:id/ports/:port", Caller::KeyOrSession, handler!(ports::unexpose_port)),
    post("/api/v1/sandboxes/:id/ports/:port/rotate", Caller::KeyOrSession, handler!(ports::rotate_port)),
    get("/api/v1/sandboxes/:id/terminal", Caller::KeyOrSession, handler!(terminal::connect_terminal)),
    post("/api/v1/sandboxes/:id/sessions", Caller::KeyOrSession, handler!(sessions::create_sandbox_session)),
    get("/api/v1/sandboxes/:id/sessions", Caller::KeyOrSession, handler!(sessions::list_sandbox_sessions)),
    delete("/api/v1/sandboxes/:id/sessions/:session", Caller::KeyOrSession, handler!(sessions::delete_sandbox_session)),
    get("/api/v1/sandboxes/:id/files", Caller::KeyOrSession, handler!(files::list_sandbox_files)),
    post("/api/v1/sandboxes/:id/files", Caller::KeyOrSession, handler!(file_operation::change_sandbox_files)),
    delete("/api/v1/sandboxes/:id/files", Caller::KeyOrSession, handler!(files::delete_sandbox_file)),
    get("/api/v1/sandboxes/:id/files/search", Caller::KeyOrSession, handler!(files::search_sandbox_files)),
    get("/api/v1/sandboxes/:id/files/content", Caller::KeyOrSession, handler!(content::read_sandbox_file)),
    put("/api/v1/sandboxes/:id/files/content", Caller::KeyOrSession, handler!(content::write_sandbox_file)),
    post("/api/v1/sandboxes/:id/git/checkout", Caller::KeyOrSession, handler!(checkout::check_out_repository)),
    get("/api/v1/sandboxes/:id/archive", Caller::KeyOrSession, handler!(archive::export_sandbox_directory)),
    post("/api/v1/sandboxes/:id/archive", Caller::KeyOrSession, handler!(archive::import_sandbox_directory)),
    post("/api/v1/sandboxes/:id/files/mkdir", Caller::KeyOrSession, handler!(files::make_sandbox_directory)),
    post("/api/v1/sandboxes/:id/files/move", Caller::KeyOrSession, handler!(files::move_sandbox_file)),
    post("/api/v1/sandboxes/:id/files/copy", Caller::KeyOrSession, handler!(files::copy_sandbox_file)),
    post("/api/v1/sandboxes/:id/files/chmod", Caller::KeyOrSession, handler!(files::chmod_sandbox_file)),
    get("/compat/piston/api/v2/runtimes", Caller::Anyone, handler!(piston::list_piston_runtimes)),
    post("/compat/piston/api/v2/execute", Caller::ApiClient, handler!(piston::execute_piston)),
    get("/compat/piston/api/v2/packages", Caller::Anyone, handler!(piston::list_piston_packages)),
    post("/compat/piston/api/v2/packages", Caller::Anyone, handler!(piston::refuse_piston_packages)),
    delete("/compat/piston/api/v2/packages", Caller::Anyone, handler!(piston::refuse_piston_packages)),
    post("/compat/dify/v1/sandbox/run", Caller::ApiClient, handler!(dify::run_dify)),
    get("/compat/dify/v1/sandbox/dependencies", Caller::Anyone, handler!(dify::list_dify_dependencies)),
    get("/compat/dify/v1/sandbox/dependencies/refresh", Caller::Anyone, handler!(dify::list_dify_dependencies)),
    post("/compat/dify/v1/sandbox/dependencies/update", Caller::Anyone, handler!(dify::list_dify_dependencies)),
    get("/compat/dify/health", Caller::Anyone, handler!(dify::get_dify_health)),
    post("/compat/sandbox-fusion/run_code", Caller::ApiClient, handler!(sandbox_fusion::run_code_of_fusion)),
    post("/compat/codapi/v1/exec", Caller::ApiClient, handler!(codapi::exec_codapi)),
    get("/embed", Caller::Anyone, handler!(embed::get_embed)),
    get("/embed.js", Caller::Anyone, handler!(embed::get_loader)),
    post("/embed/token", Caller::Visitor, handler!(embed::create_frame_token)),
    get("/embed/:file", Caller::Anyone, handler!(embed::get_embed_file)),
    get("/auth/outbox", Caller::Visitor, handler!(sign_in::list_outbox)),
    get("/", Caller::Anyone, handler!(index::get_index)),
    get("/favicon.ico", Caller::Anyone, handler!(index::get_favicon)),
    get("/openapi.json", Caller::Anyone, handler!(index::get_openapi)),
    get("/health", Caller::Anyone, handler!(health::get_health)),
];

/// The resource at a path: its template, and who may call it.
pub struct Resource {
    pub path: &'static str,
    pub caller: Caller,
    /// The values of the segments `:name`, in order.
    pub params: Vec<String>,
}

impl Resource {
    /// The resource at `path`, if there is one. A slash at the end makes no difference.
    pub fn at(path: &str) -> Option<Self> {
        let path = path.strip_suffix('/').filter(|rest| !rest.is_empty() && !rest.ends_with('/')).unwrap_or(path);
        ROUTES.iter().find_map(|route| {
            let params = match_path(route.path, path)?;
            Some(Self { path: route.path, caller: route.caller, params })
        })
    }

    /// The handler of a method.
    pub fn handler(&self, method: &Method) -> Option<Handler> {
        self.routes().find(|route| route.verb.is(method)).map(|route| route.handler)
    }

    /// Its methods, as in the header `Allow`.
    pub fn methods(&self) -> String {
        let has = |verb: &Verb| self.routes().any(|route| route.verb == *verb);
        let methods = Verb::ALL.iter().filter(|verb| has(verb)).map(|verb| verb.names());
        methods.chain(["OPTIONS"]).collect::<Vec<_>>().join(", ")
    }

    fn routes(&self) -> impl Iterator<Item = &'static Route> {
        let path = self.path;
        ROUTES.iter().filter(move |route| route.path == path)
    }
}

/// The value in `path` of each parameter of `template`; `None` if they do not match.
pub fn match_path(template: &str, path: &str) -> Option<Vec<String>> {
    let mut params = Vec::new();
    let (mut segments, mut expected) = (path.split('/'), template.split('/'));
    loop {
        match (expected.next(), segments.next()) {
            (None, None) => return Some(params),
            (Some(name), Some(segment)) if name.starts_with(':') && !segment.is_empty() => {
                params.push(segment.to_owned());
            }
            (Some(name), Some(segment)) if name == segment => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_of_one_path_are_read_by_the_same_pages_and_have_different_verbs() {
        for (index, one) in ROUTES.iter().enumerate() {
            for other in ROUTES[index + 1..].iter().filter(|other| other.path == one.path) {
                assert_eq!(one.caller.with_the_same_pages(), other.caller.with_the_same_pages(), "{}", one.path);
                assert_ne!(one.verb, other.verb, "{}", one.path);
            }
        }
    }

    #[test]
    fn no_path_leads_to_two_resources() {
        for route in ROUTES {
            let path = route.path.replace(":", "x");
            for path in [path.clone(), format!("{}/", path.trim_end_matches('/'))] {
                assert_eq!(Resource::at(&path).unwrap().path, route.path);
            }
        }
    }
}
