//! Signing a program in: it shows a code, its user types the code into a page, and the program gets a management token.

use crate::app::accounts::sign_in;
use crate::app::actor::Actor;
use crate::app::context::App;
use crate::app::quotas::QuotaRefusal;
use crate::app::{keys, quotas};
use crate::domain::account::audit::Origin;
use crate::domain::account::device_login::{
    CODES_PER_USER, DeviceCode, LIFETIME_MS, LOGINS_PER_IP, PollAnswer, TOKEN_DAYS, UserCode, WaitingLogin, answer,
};
use crate::domain::account::session::{Allowance, is_own_machine, network_of};
use crate::domain::key::settings::KeySettings;
use crate::domain::timestamp::{DAY_MS, Timestamp};
use crate::ports::PortError;
use crate::store::{device_logins, sign_in_attempts};

/// The codes of a login that has begun.
pub struct DeviceLogin {
    pub device: DeviceCode,
    pub user: UserCode,
}

/// Why there is no login.
pub enum LoginRefusal {
    /// Too many were begun, or too many codes were typed; there is room again at `until`.
    TooOften {
        until: Timestamp,
    },
    Failed(PortError),
}

impl From<PortError> for LoginRefusal {
    fn from(error: PortError) -> Self {
        Self::Failed(error)
    }
}

/// Begins a login of a program that calls itself `client`.
///
/// # Errors
/// The network of the caller has begun too many.
pub async fn begin(app: &App, client: String, origin: Origin) -> Result<DeviceLogin, LoginRefusal> {
    if !(app.config.is_development() && is_own_machine(origin.ip.as_deref())) {
        let network = network_of(origin.ip.as_deref().unwrap_or("unknown"));
        count(app, &format!("device:{network}"), LOGINS_PER_IP).await?;
    }
    let now = app.clock.now();
    let login = WaitingLogin { client, origin, created_at: now };
    let expires_at = now.plus_ms(LIFETIME_MS);
    let device = DeviceCode::from_random(app.random(), expires_at, &app.secret);
    loop {
        let user = UserCode::from_random(app.random());
        if device_logins::add(&*app.sql, &device, &user, &login, expires_at).await? {
            return Ok(DeviceLogin { device, user });
        }
    }
}

/// The login that waits with the code that a user has typed; `None` if there is none.
///
/// # Errors
/// The user has typed too many codes.
pub async fn find(app: &App, user_id: &str, code: &str) -> Result<Option<(UserCode, WaitingLogin)>, LoginRefusal> {
    count(app, &format!("device code:{user_id}"), CODES_PER_USER).await?;
    let Some(code) = UserCode::parse(code) else { return Ok(None) };
    let login = device_logins::find(&*app.sql, &code, app.clock.now()).await?;
    Ok(login.map(|login| (code, login)))
}

/// Notes what the user has decided: a project, which is their own, or `None` to refuse. `false` if no login waits with the code.
pub async fn decide(app: &App, code: &UserCode, project_id: Option<&str>) -> Result<bool, PortError> {
    device_logins::decide(&*app.sql, code, project_id, app.clock.now()).await
}

/// What a program gets that asks for its token.
pub enum Polled {
    /// The user has not decided.
    Pending,
    /// The program asks too often.
    TooEarly,
    /// The user has refused.
    Denied,
    /// The login has ended, or there was none.
    Gone,
    /// The management token of a project. Only this value has the token itself.
    Token { created: keys::CreatedKey, project_id: String, expires_at: Timestamp },
}

/// Answers a program that asks for its token. A login gives one token.
///
/// # Errors
/// The account has as many keys as it may. The login stays, so that the program can ask again.
pub async fn poll(app: &App, device: &DeviceCode, origin: Origin) -> Result<Polled, QuotaRefusal> {
    let now = app.clock.now();
    let Some((state, polled_at)) = device_logins::poll(&*app.sql, device, now).await? else { return Ok(Polled::Gone) };
    match answer(state, polled_at, now) {
        PollAnswer::Pending => Ok(Polled::Pending),
        PollAnswer::TooEarly => Ok(Polled::TooEarly),
        PollAnswer::Denied => {
            device_logins::delete(&*app.sql, device).await?;
            Ok(Polled::Denied)
        }
        PollAnswer::Approved { .. } if !device_logins::claim(&*app.sql, device).await? => Ok(Polled::Pending),
        PollAnswer::Approved { project_id } => {
            let made = create_token(app, &project_id, origin).await;
            match &made {
                // What stays gives no second token, and expires.
                Ok(_) => note(app, device_logins::delete(&*app.sql, device).await),
                Err(_) => note(app, device_logins::give_back(&*app.sql, device).await),
            }
            made
        }
    }
}

fn note(app: &App, done: Result<(), PortError>) {
    if let Err(error) = done {
        app.log_error("The end of a program's login could not be noted.", &error);
    }
}

async fn create_token(app: &App, project_id: &str, origin: Origin) -> Result<Polled, QuotaRefusal> {
    // The project may have been deleted meanwhile, or its account suspended.
    let owner = sign_in::as_owner(app, project_id, String::new()).await?;
    let Some(owner) = owner.filter(|owner| !owner.is_suspended) else { return Ok(Polled::Gone) };
    let expires_at = app.clock.now().plus_ms(TOKEN_DAYS * DAY_MS);
    let settings = KeySettings { expires_at: Some(expires_at), ..KeySettings::management("Command line") };
    let actor = Actor { user_id: &owner.user_id, origin };
    let created = keys::create(app, &actor, &quotas::limits(app, &owner), project_id, &settings).await?;
    Ok(Polled::Token { created, project_id: project_id.to_owned(), expires_at })
}

async fn count(app: &App, subject: &str, allowance: Allowance) -> Result<(), LoginRefusal> {
    let counted = sign_in_attempts::count(&*app.sql, subject, allowance, app.clock.now()).await?;
    counted.map_err(|until| LoginRefusal::TooOften { until })
}
