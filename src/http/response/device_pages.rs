//! HTML pages on which a user lets a program sign in. They work without scripts.

use crate::domain::account::device_login::{UserCode, WaitingLogin};
use crate::domain::project::settings::Project;
use crate::domain::timestamp::Timestamp;
use crate::http::response::pages::escape;
use crate::http::response::sign_in_pages::page;
use crate::ports::http_messages::Response;
use ::http::StatusCode;

/// A page with a field for the code. `problem` says why the one before was none.
pub fn ask_for_code(status: StatusCode, problem: Option<&str>) -> Response {
    let problem =
        problem.map_or_else(String::new, |problem| format!("<p role=\"alert\" class=\"problem\">{problem}</p>"));
    let form = format!(
        "{problem}<form method=\"post\" action=\"/device\"><label>Code\
         <input name=\"code\" required autofocus autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" \
         maxlength=\"20\" placeholder=\"XXXX-XXXX\" class=\"code\"></label><button>Continue</button></form>"
    );
    page(status, "Sign a program in", "Type the code that the program shows you.", &form, "")
}

/// A page that shows what asks, and lets the user choose a project for it.
pub fn confirm(code: &UserCode, login: &WaitingLogin, projects: &[Project], now: Timestamp) -> Response {
    if projects.is_empty() {
        let way_out = "<a class=\"go\" href=\"/\">Create a project</a>";
        let text = "A program signs in to one project, and you have none. Create one, and type the code again.";
        return page(StatusCode::OK, "No project yet", text, way_out, "");
    }
    let options: String = projects
        .iter()
        .map(|project| format!("<option value=\"{}\">{}</option>", escape(&project.id), escape(&project.settings.name)))
        .collect();
    let minutes = (now.0 - login.created_at.0) / 60_000;
    let since = match minutes {
        ..=0 => "less than a minute ago".to_owned(),
        1 => "a minute ago".to_owned(),
        _ => format!("{minutes} minutes ago"),
    };
    let content = format!(
        "<dl><dt>Code</dt><dd class=\"code\">{code}</dd><dt>Program</dt><dd>{}</dd><dt>Address</dt><dd>{}</dd><dt>Asked</dt>\
         <dd>{since}</dd></dl><form method=\"post\" action=\"/device\"><input type=\"hidden\" name=\"code\" value=\"{}\">\
         <label>Project<select name=\"project\">{options}</select></label>\
         <button name=\"decision\" value=\"allow\">Sign in</button>\
         <button name=\"decision\" value=\"deny\" class=\"quiet\">Refuse</button></form>",
        escape(&login.client),
        escape(login.origin.ip.as_deref().unwrap_or("unknown")),
        code.letters(),
    );
    let text = "Continue only if you started this yourself. For 90 days the program can then manage the project: make and \
                revoke its keys, run code with them, and read its usage.";
    page(StatusCode::OK, "Let this program sign in?", text, &content, "")
}

/// Says what was decided.
pub fn decided(is_allowed: bool) -> Response {
    match is_allowed {
        true => page(StatusCode::OK, "The program is signed in", "Go back to it. You can close this page.", "", ""),
        false => page(StatusCode::OK, "Refused", "The program gets nothing. You can close this page.", "", ""),
    }
}
