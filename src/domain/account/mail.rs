//! The mails that we send.

use crate::domain::account::email::Email;

/// One mail to one recipient, in both forms that mail programs show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub to: Email,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// The mail with a login link. `link` is an address of ours, whose only character with a meaning in HTML is `&`.
pub fn login_link(to: Email, link: &str) -> Mail {
    let text = format!(
        "Open this link to sign in to Docle:\n\n{link}\n\nIt works once, for 15 minutes. If you did not ask for it, \
         ignore this mail.\n"
    );
    let link = link.replace('&', "&amp;");
    let html = format!(
        "<p>Open this link to sign in to Docle:</p><p><a href=\"{link}\">Sign in</a></p>\
         <p>It works once, for 15 minutes. If you did not ask for it, ignore this mail.</p>"
    );
    Mail { to, subject: "Sign in to Docle".to_owned(), text, html }
}

/// The mail that the webhooks of a project are switched off. The name of a project is one line of any text.
pub fn webhooks_disabled(to: Email, project_name: &str) -> Mail {
    let happened = "got no report for seven days: every attempt to deliver one failed. Docle sends no more reports of this project. \
                    Its runs go on, and their results can be read.";
    let way_out = "When the receiver works again, make a new webhook secret of the project.";
    let text = format!("The webhooks of your project \"{project_name}\" {happened}\n\n{way_out}\n");
    let name = project_name.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let html = format!("<p>The webhooks of your project \u{201c}{name}\u{201d} {happened}</p><p>{way_out}</p>");
    Mail { to, subject: "The webhooks of your project are switched off".to_owned(), text, html }
}
