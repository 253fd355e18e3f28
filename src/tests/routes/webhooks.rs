//! Webhooks from the outside: who makes their secret, which runs may have one, and what is listed and deleted.

use crate::app::purge::purge;
use crate::domain::input::page::Page;
use crate::domain::secret::DeploymentSecret;
use crate::domain::timestamp::Timestamp;
use crate::domain::webhook::notice::{Receiver, RunNotice, WebhookEvent};
use crate::domain::webhook::sealed::open;
use crate::domain::webhook::secret::OVERLAP_MS;
use crate::ports::Level;
use crate::ports::webhooks::Webhooks;
use crate::tests::app::{Answer, TestApp, secret};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

struct Own {
    cookie: String,
    project: String,
    key: String,
}

fn own(app: &mut TestApp, email: &str) -> Own {
    let cookie = app.sign_in(email);
    let project = app.call(&cookie, Method::POST, "/api/projects", json!({ "name": "Shop" })).json()["id"].clone();
    let project = project.as_str().unwrap().to_owned();
    let key =
        app.call(&cookie, Method::POST, &format!("/api/projects/{project}/keys"), Value::Null).json()["key"].clone();
    Own { cookie, project, key: key.as_str().unwrap().to_owned() }
}

impl Own {
    fn secret(&self, app: &mut TestApp, method: Method) -> Answer {
        app.call(&self.cookie, method, &format!("/api/projects/{}/webhook-secret", self.project), Value::Null)
    }

    fn run(&self, app: &mut TestApp, webhook: Value) -> Answer {
        let body = json!({ "code": "1", "lang": "python", "detach": true, "webhook": webhook });
        run_with(app, &self.key, &body)
    }

    fn deliveries(&self, app: &mut TestApp) -> Value {
        let path = format!("/api/projects/{}/webhook-deliveries", self.project);
        app.call(&self.cookie, Method::GET, &path, Value::Null).json()
    }
}

fn run_with(app: &mut TestApp, credential: &str, body: &Value) -> Answer {
    let request = app.visit(Method::POST, "/api/run").header("authorization", format!("Bearer {credential}"));
    app.send(request, body.to_string())
}

fn example() -> Value {
    json!({ "url": "https://example.com/docle?token=hush" })
}

#[test]
fn a_secret_is_shown_once_and_stored_encrypted() {
    let mut app = TestApp::new();
    let own = own(&mut app, "ada@example.com");
    let none = json!({ "created_at": null, "previous_until": null, "disabled_at": null });
    assert_eq!(own.secret(&mut app, Method::GET).json(), none);

    let made = own.secret(&mut app, Method::POST);
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text());
    let (first, state) = (made.json(), own.secret(&mut app, Method::GET));
    assert!(first["secret"].as_str().unwrap().starts_with("whsec_") && first["previous_until"].is_null());
    assert_eq!(state.json()["created_at"], first["created_at"]);
    assert!(!state.text().contains("whsec_"));

    let second = own.secret(&mut app, Method::POST).json();
    assert_ne!(second["secret"], first["secret"]);
    assert!(second["previous_until"].is_string());
    let stored = app.sql.texts("SELECT secret || ' ' || previous_secret FROM webhook_secrets");
    let opened: Vec<_> =
        stored[0].split(' ').map(|sealed| open(&secret(), &own.project, sealed).unwrap().to_text()).collect();
    assert_eq!(json!(opened), json!([second["secret"], first["secret"]]));
    assert_eq!(app.sql.texts("SELECT action FROM audit_events WHERE action LIKE 'webhook%'").len(), 2);
}

#[test]
fn nobody_else_makes_reads_or_deletes_a_secret() {
    let mut app = TestApp::new();
    let (ada, bob) = (own(&mut app, "ada@example.com"), own(&mut app, "bob@example.com"));
    ada.secret(&mut app, Method::POST);
    let stranger = Own { project: ada.project.clone(), ..bob };
    for method in [Method::GET, Method::POST, Method::DELETE] {
        assert_eq!(stranger.secret(&mut app, method).status, StatusCode::NOT_FOUND);
    }
    assert_eq!(stranger.deliveries(&mut app)["code"], "project_not_found");
    let path = format!("/api/projects/{}/webhook-secret", ada.project);
    let with_key = app.visit(Method::POST, &path).header("authorization", format!("Bearer {}", ada.key));
    assert_eq!(app.send(with_key, "").status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.sql.texts("SELECT secret FROM webhook_secrets").len(), 1);
}

#[test]
fn a_webhook_needs_a_secret_and_a_detached_run() {
    let mut app = TestApp::new();
    let own = own(&mut app, "ada@example.com");
    let problem = |answer: &Answer| {
        let problem = answer.json();
        (answer.status.as_u16(), problem["errors"][0]["field"].clone(), problem["errors"][0]["message"].to_string())
    };
    let (status, field, message) = problem(&own.run(&mut app, example()));
    assert_eq!((status, field), (400, json!("webhook")));
    assert!(message.contains("POST /api/projects/:id/webhook-secret"), "{message}");
    own.secret(&mut app, Method::POST);
    assert_eq!(own.run(&mut app, example()).status, StatusCode::ACCEPTED);

    let body = json!({ "code": "1", "lang": "python", "webhook": example() });
    let (status, field, message) = problem(&run_with(&mut app, &own.key, &body));
    assert_eq!((status, field), (400, json!("webhook")));
    assert!(message.contains("needs detach: true"), "{message}");

    own.secret(&mut app, Method::DELETE);
    assert_eq!(own.run(&mut app, example()).status, StatusCode::BAD_REQUEST);
}

#[test]
fn a_webhook_that_is_wrong_is_refused_by_the_name_of_its_field() {
    let mut app = TestApp::new();
    app.app.config.public_url = Some("https://api.docle.co".into());
    let own = own(&mut app, "ada@example.com");
    own.secret(&mut app, Method::POST);
    for (webhook, field) in [
        (json!("https://example.com"), "webhook"),
        (json!({}), "webhook.url"),
        (json!({ "url": 1 }), "webhook.url"),
        (json!({ "url": "http://example.com" }), "webhook.url"),
        (json!({ "url": "http://127.0.0.1:9/h" }), "webhook.url"),
        (json!({ "url": "https://api.docle.co/api/run" }), "webhook.url"),
        (json!({ "url": "https://example.com", "events": [] }), "webhook.events"),
        (json!({ "url": "https://example.com", "events": ["run.started"] }), "webhook.events[0]"),
        (json!({ "url": "https://example.com", "secret": "x" }), "webhook.secret"),
    ] {
        let answer = own.run(&mut app, webhook.clone());
        assert_eq!(
            (answer.status.as_u16(), answer.json()["errors"][0]["field"].clone()),
            (400, json!(field)),
            "{webhook}"
        );
    }
    let secret = own.run(&mut app, json!({ "url": "https://example.com:1/?token=hush" }));
    assert!(!secret.text().contains("hush"), "an error repeats no URL");
    app.app.config.environment = "development".into();
    assert_eq!(own.run(&mut app, json!({ "url": "http://127.0.0.1:9/h" })).status, StatusCode::ACCEPTED);
}

#[test]
fn a_run_token_sets_no_webhook() {
    let mut app = TestApp::new();
    let own = own(&mut app, "ada@example.com");
    own.secret(&mut app, Method::POST);
    let request = app.visit(Method::POST, "/api/tokens").header("authorization", format!("Bearer {}", own.key));
    let token = app.send(request, "{}").json()["token"].as_str().unwrap().to_owned();
    let body = json!({ "code": "1", "lang": "python", "detach": true, "webhook": example() });
    let answer = run_with(&mut app, &token, &body);
    assert_eq!((answer.status.as_u16(), answer.json()["errors"][0]["field"].clone()), (400, json!("webhook")));
}

#[test]
fn a_key_out_of_a_url_signed_a_report_with_the_secret_of_its_project() {
    let mut app = TestApp::new();
    let own = own(&mut app, "ada@example.com");
    own.secret(&mut app, Method::POST);
    let settings = json!({ "allowInUrl": true, "expiresAt": "1970-01-02T00:00:00Z", "rateLimitPerMinute": 60 });
    let path = format!("/api/projects/{}/keys", own.project);
    let key = app.call(&own.cookie, Method::POST, &path, settings).json()["key"].as_str().unwrap().to_owned();
    let body = json!({ "code": "1", "lang": "python", "detach": true, "webhook": example() });
    let answer = run_with(&mut app, &key, &body);
    assert_eq!((answer.status.as_u16(), answer.json()["errors"][0]["field"].clone()), (400, json!("webhook")));
}

#[test]
fn deliveries_are_listed_without_the_url_and_deleted_with_end_user_secret_and_project() {
    let mut app = TestApp::new();
    let own = own(&mut app, "ada@example.com");
    own.secret(&mut app, Method::POST);
    let account = app.sql.texts("SELECT user_id FROM projects WHERE user_id IS NOT NULL")[0].clone();
    let notice = |app: &TestApp, user: &str| {
        let to = Receiver { url: "https://a.com/?t=hush".into(), host: "a.com".into(), account: account.clone() };
        let (run_id, project_id) = (app.app.new_run_id(Default::default()), own.project.clone());
        let end_user_id = Some(user.to_owned());
        RunNotice { run_id, project_id, event: WebhookEvent::RunCompleted, to, end_user_id, at: Timestamp(5) }
    };
    let enqueue = |app: &mut TestApp, user: &str| {
        let (notice, webhooks) = (notice(app, user), app.webhooks.clone());
        app.pool.run_until(async move { webhooks.enqueue(&notice).await }).unwrap();
    };
    for user in ["u1", "u2", "u2"] {
        enqueue(&mut app, user);
    }
    let listed = own.deliveries(&mut app);
    let one = &listed["deliveries"][0];
    assert_eq!(
        (listed["deliveries"].as_array().unwrap().len(), &one["host"], &one["state"]),
        (3, &json!("a.com"), &json!("pending"))
    );
    assert_eq!((&one["attempts"], &one["created_at"]), (&json!([]), &json!("1970-01-01T00:00:00.005Z")));
    assert!(!listed.to_string().contains("hush"));
    let page = app.call(
        &own.cookie,
        Method::GET,
        &format!("/api/projects/{}/webhook-deliveries?limit=2", own.project),
        Value::Null,
    );
    let cursor = page.json()["next_cursor"].as_str().unwrap().to_owned();
    let path = format!("/api/projects/{}/webhook-deliveries?limit=2&cursor={cursor}", own.project);
    let rest = app.call(&own.cookie, Method::GET, &path, Value::Null).json();
    assert_eq!((rest["deliveries"].as_array().unwrap().len(), &rest["next_cursor"]), (1, &Value::Null));

    let export = app.call(&own.cookie, Method::GET, "/auth/export", Value::Null).json();
    assert_eq!(export["projects"][0]["webhook_deliveries"], listed["deliveries"]);

    let path = format!("/api/projects/{}/end-users?id=u2", own.project);
    assert_eq!(app.call(&own.cookie, Method::DELETE, &path, Value::Null).status, StatusCode::OK);
    assert_eq!(own.deliveries(&mut app)["deliveries"].as_array().unwrap().len(), 1);
    assert_eq!(own.secret(&mut app, Method::DELETE).status, StatusCode::NO_CONTENT);
    assert_eq!(own.deliveries(&mut app)["deliveries"], json!([]));

    own.secret(&mut app, Method::POST);
    enqueue(&mut app, "u3");
    let path = format!("/api/projects/{}", own.project);
    assert_eq!(app.call(&own.cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert!(app.webhooks.logic.deliveries(&own.project, &Page::first()).unwrap().is_empty());
    assert!(app.sql.texts("SELECT secret FROM webhook_secrets").is_empty());
}

#[test]
fn a_project_is_deleted_also_while_its_webhooks_do_not_answer() {
    let mut app = TestApp::new();
    let own = own(&mut app, "ada@example.com");
    own.secret(&mut app, Method::POST);
    app.webhooks.fails.set(true);
    let path = format!("/api/projects/{}", own.project);
    assert_eq!(app.call(&own.cookie, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert!(app.sql.texts("SELECT secret FROM webhook_secrets").is_empty(), "without a secret nothing is delivered");
}

#[test]
fn the_purge_encrypts_secrets_anew_after_the_deployment_has_a_new_one_and_deletes_those_that_sign_no_more() {
    let mut app = TestApp::new();
    let (ada, bob) = (own(&mut app, "ada@example.com"), own(&mut app, "bob@example.com"));
    let first = ada.secret(&mut app, Method::POST).json()["secret"].clone();
    let second = ada.secret(&mut app, Method::POST).json()["secret"].clone();
    bob.secret(&mut app, Method::POST);
    app.sql.run(&format!("UPDATE webhook_secrets SET secret = 'unreadable' WHERE project_id = '{}'", bob.project));
    let old = "k".repeat(32);
    app.app.secret = DeploymentSecret::parse(&"n".repeat(32), &old).unwrap();
    let purge_now = |app: &mut TestApp| {
        let all = app.app.clone();
        app.pool.run_until(async move { purge(&all).await });
    };
    purge_now(&mut app);
    let only_new = DeploymentSecret::parse(&"n".repeat(32), "").unwrap();
    let texts = |app: &TestApp, column: &str| {
        let query = format!(
            "SELECT {column} FROM webhook_secrets WHERE project_id = '{}' AND {column} IS NOT NULL",
            ada.project
        );
        app.sql
            .texts(&query)
            .iter()
            .map(|sealed| open(&only_new, &ada.project, sealed).unwrap().to_text())
            .collect::<Vec<_>>()
    };
    assert_eq!(json!([texts(&app, "secret"), texts(&app, "previous_secret")]), json!([[second], [first]]));
    assert!(
        app.log.0.borrow().iter().all(|(level, _)| *level == Level::Info),
        "a secret that nothing can read is no failure"
    );
    app.clock.pass_ms(OVERLAP_MS + 1);
    purge_now(&mut app);
    assert_eq!(json!([texts(&app, "secret"), texts(&app, "previous_secret")]), json!([[second], []]));
}
