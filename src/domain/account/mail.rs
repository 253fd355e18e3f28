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
