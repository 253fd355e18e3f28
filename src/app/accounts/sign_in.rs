//! Signing in by mail: a user requests a link, opens it, and redeems it for a session.

use crate::app::context::App;
use crate::domain::account::audit::Origin;
use crate::domain::account::email::Email;
use crate::domain::account::mail;
use crate::domain::account::next_page::NextPage;
use crate::domain::account::session::{
    LINK_LIFETIME_MS, LINKS_PER_EMAIL, LINKS_PER_IP, ListedSession, SESSION_LIFETIME_MS, Session, is_due_for_renewal,
    is_own_machine, network_of,
};
use crate::domain::account::sign_up;
use crate::domain::account::token::Token;
use crate::domain::id::{self, Kind};
use crate::domain::input::page::Page;
use crate::domain::timestamp::Timestamp;
use crate::ports::{Level, PortError};
use crate::store::sessions::{self, NewSession};
use crate::store::{device_logins, outbox, sign_in_attempts};
use serde_json::json;
use std::rc::Rc;

/// Why no link is sent.
#[derive(Debug, PartialEq, Eq)]
pub enum LinkRefusal {
    /// This network has requested too many links; it may request the next one at `until`.
    TooOften { until: Timestamp },
    /// This deployment cannot send mail.
    NoMail,
}

/// The account that owns a project, as if it were signed in by `id`; `None` if nobody owns the project.
pub async fn as_owner(app: &App, project_id: &str, id: String) -> Result<Option<Session>, PortError> {
    sessions::of_owner(&*app.sql, project_id, id, app.clock.now()).await
}

/// Mails a login link to `email`. `base` is the URL that the link is made of; the page `next` comes after it.
///
/// The response and its time are the same for a new address, a known one, and one that has reached its limit of mails:
/// everything that depends on the address happens after the response.
pub async fn request_link(
    app: &App,
    email: Email,
    next: Option<NextPage>,
    base: &str,
    origin: &Origin,
) -> Result<(), LinkRefusal> {
    let now = app.clock.now();
    // A development machine mails nobody, so there is nothing to protect from the person at its keyboard.
    let is_limited = !(app.config.is_development() && is_own_machine(origin.ip.as_deref()));
    if is_limited {
        let network = format!("ip:{}", network_of(origin.ip.as_deref().unwrap_or("unknown")));
        match sign_in_attempts::count(&*app.sql, &network, LINKS_PER_IP, now).await {
            Ok(Ok(())) => {}
            Ok(Err(until)) => return Err(LinkRefusal::TooOften { until }),
            // It fails open: the limit per address still holds, and people can sign in while counting does not work.
            Err(error) => app.log_error("Attempts to sign in could not be counted.", &error),
        }
    }
    let mailer = app.mailer.clone().ok_or(LinkRefusal::NoMail)?;
    let token = Token::from_random(app.random());
    let next = next.map(|page| format!("&next={}", page.encoded())).unwrap_or_default();
    let mail = mail::login_link(email.clone(), &format!("{base}/auth/verify?token={}{next}", token.reveal()));
    let (sql, log) = (Rc::clone(&app.sql), Rc::clone(&app.log));
    app.background.spawn(Box::pin(async move {
        let sent = async {
            let subject = format!("email:{}", email.as_str());
            if !is_limited || sign_in_attempts::count(&*sql, &subject, LINKS_PER_EMAIL, now).await?.is_ok() {
                sessions::add_link(&*sql, &token, &email, now.plus_ms(LINK_LIFETIME_MS)).await?;
                mailer.send(mail).await?;
            }
            Ok::<_, PortError>(())
        };
        if let Err(error) = sent.await {
            log.write(Level::Error, json!({ "message": "A login link could not be sent.", "error": error.0 }));
        }
    }));
    Ok(())
}

/// What a link was redeemed for.
pub enum Redeemed {
    /// The token of a new session.
    Session(Token),
    /// It was redeemed before, has expired or does not exist.
    Invalid,
    /// The link would make an account, and too many were made from this network, or for this mail domain or mailbox. The link
    /// stays; it can be redeemed at `until` if it has not expired by then.
    TooMany { until: Timestamp },
}

/// Redeems a link for a session.
pub async fn redeem_link(app: &App, link: &Token, origin: &Origin) -> Result<Redeemed, PortError> {
    let now = app.clock.now();
    let is_limited = !(app.config.is_development() && is_own_machine(origin.ip.as_deref()));
    let email = if is_limited { sessions::new_account_of(&*app.sql, link, now).await? } else { None };
    let limits = email.map(|email| sign_up::subjects(&email, origin.ip.as_deref()));
    let token = Token::from_random(app.random());
    let session_id = id::from_random(Kind::Session, app.random());
    let new = NewSession {
        id: &session_id,
        event_id: &id::from_random(Kind::Event, app.random()),
        token: &token,
        new_user_id: &id::from_random(Kind::User, app.random()),
        now,
        expires_at: now.plus_ms(SESSION_LIFETIME_MS),
        origin,
        limits: limits.as_ref(),
    };
    let is_redeemed = sessions::redeem(&*app.sql, link, &new).await?;
    if is_redeemed {
        return Ok(Redeemed::Session(token));
    }
    let mut until = None;
    for (subject, allowance) in limits.iter().flatten() {
        until = until.max(sign_in_attempts::room_at(&*app.sql, subject, *allowance, now).await?);
    }
    Ok(until.map_or(Redeemed::Invalid, |until| Redeemed::TooMany { until }))
}

/// A valid session, and whether its cookie must be sent again.
pub struct Current {
    pub session: Session,
    pub renewed: bool,
}

/// The session of a token. Using a session extends it.
pub async fn current(app: &App, token: &Token) -> Result<Option<Current>, PortError> {
    let now = app.clock.now();
    let Some(session) = sessions::find(&*app.sql, token, now).await? else { return Ok(None) };
    let renewed = is_due_for_renewal(session.last_used_at, now);
    if renewed {
        sessions::renew(&*app.sql, &session.id, now, now.plus_ms(SESSION_LIFETIME_MS)).await?;
    }
    Ok(Some(Current { session, renewed }))
}

/// The sessions of a user, and the cursor of the next page.
pub async fn list(app: &App, user_id: &str, page: &Page) -> Result<(Vec<ListedSession>, Option<String>), PortError> {
    let rows = sessions::list(&*app.sql, user_id, app.clock.now(), page).await?;
    Ok(page.cut(rows, ListedSession::position))
}

/// Ends one of the user's sessions; `false` where there is none of this id.
pub async fn end(app: &App, user_id: &str, session_id: &str) -> Result<bool, PortError> {
    sessions::end(&*app.sql, user_id, session_id).await
}

/// Mail that a development machine did not send; `None` everywhere else.
pub async fn read_outbox(app: &App) -> Result<Option<Vec<outbox::KeptMail>>, PortError> {
    if !app.config.is_development() {
        return Ok(None);
    }
    outbox::list(&*app.sql).await.map(Some)
}

/// Deletes links, sessions, attempts and mails that have expired.
pub async fn purge_expired(app: &App) -> Result<(), PortError> {
    let now = app.clock.now();
    let longest_window_ms = LINKS_PER_IP.window_ms.max(LINKS_PER_EMAIL.window_ms).max(sign_up::WINDOW_MS);
    sessions::purge(&*app.sql, now).await?;
    device_logins::purge(&*app.sql, now).await?;
    sign_in_attempts::purge(&*app.sql, now.plus_ms(-longest_window_ms)).await?;
    outbox::purge(&*app.sql, now.plus_ms(-LINK_LIFETIME_MS)).await
}
