//! Operations of people and programs that sign in.

use crate::accounts::{Link, LinkRequest, Message};
use crate::device_logins::*;
use crate::document::example::Example;
use crate::document::headers::Header;
use crate::document::operation::{Body, Caller, Method, Operation, Success, Tag};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::*;
use crate::limits::MAX_SETTINGS_BYTES;
use schemars::JsonSchema;
use serde::Serialize;

pub fn operations() -> Vec<Operation> {
    let visitor = (Tag::Accounts, Caller::Visitor);
    let page = |status, description| Success {
        status,
        description,
        headers: Vec::new(),
        bodies: vec![Body::text("text/html", "<!doctype html>…")],
    };
    let link = vec![Body::json::<Link>(), Body::of::<Link>("application/x-www-form-urlencoded")];
    vec![
        takes_json::<LinkRequest>(Operation::new(
            "request_link",
            (Method::Post, "/auth/request"),
            visitor,
            "Mail a login link",
            "Mails a link to the address. The answer is the same for every address. A link works once and for 15 minutes. A \
             network may ask for 5 links in 15 minutes.",
        ))
        .gives::<Message>(200, "A link is on its way, if the address can have one.")
        .fails(&[TooManyRequests])
        .changes(),
        Operation::new(
            "get_verify",
            (Method::Get, "/auth/verify"),
            visitor,
            "Show the page of a login link",
            "The page that a login link opens. Its button redeems the link.",
        )
        .with(Parameter::LinkToken)
        .answers(page(200, "The page."))
        .answers(page(410, "A page that says that the link is none.")),
        Operation::new(
            "redeem_link",
            (Method::Post, "/auth/verify"),
            visitor,
            "Redeem a login link",
            "Makes a session of a login link. The form of the page is answered with pages.",
        )
        .takes(MAX_SETTINGS_BYTES, link)
        .gives::<Message>(200, "The session has begun; its cookie is in `Set-Cookie`.")
        .header(Header::SetCookie)
        .empty(303, "The same, as an answer to the form.")
        .header(Header::Location)
        .header(Header::SetCookie)
        .fails(&[InvalidLink, TooManyRequests])
        .changes(),
        takes_form::<DeviceLoginRequest>(Operation::new(
            "begin_device_login",
            (Method::Post, "/auth/device"),
            visitor,
            "Begin the login of a program",
            "Makes the codes of a login (RFC 8628). The program shows `user_code` and `verification_uri`; its user types the code into \
             that page and chooses a project. Both codes hold for 10 minutes. A network may begin 10 logins in 15 minutes.",
        ))
        .gives::<DeviceLogin>(200, "The codes.")
        .fails(&[TooManyRequests])
        .changes(),
        takes_form::<DeviceTokenRequest>(Operation::new(
            "create_device_token",
            (Method::Post, "/auth/device/token"),
            visitor,
            "Get the token of a program",
            "Answers a program whether its user has let it in. It asks every 5 seconds. A login gives one management token, of the \
             project that the user has chosen, for 90 days.",
        ))
        .gives::<DeviceToken>(200, "The management token.")
        .fails(&[AuthorizationPending, SlowDown, AccessDenied, ExpiredToken, QuotaFull])
        .changes(),
    ]
}

/// The operation with a body in JSON.
fn takes_json<T: JsonSchema + Example + Serialize>(one: Operation) -> Operation {
    one.takes(MAX_SETTINGS_BYTES, vec![Body::json::<T>()]).fails(&[UnsupportedMediaType])
}

/// The operation with a body in JSON, or as a form.
fn takes_form<T: JsonSchema + Example + Serialize>(one: Operation) -> Operation {
    let bodies = vec![Body::json::<T>(), Body::of::<T>("application/x-www-form-urlencoded")];
    one.takes(MAX_SETTINGS_BYTES, bodies).fails(&[UnsupportedMediaType])
}
