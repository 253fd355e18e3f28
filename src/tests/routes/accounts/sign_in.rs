//! Signing in by mail, from the outside: links, cookies, sessions, and who may not use them.

use crate::tests::app::TestApp;
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";

fn ask(app: &mut TestApp, ip: &str, email: &str) -> (u16, Value) {
    let request = app.visit(Method::POST, "/auth/request").header("cf-connecting-ip", ip);
    let answer = app.send(request, json!({ "email": email }).to_string());
    (answer.status.as_u16(), answer.json())
}

fn redeem(app: &mut TestApp, token: &str) -> u16 {
    let request = app.visit(Method::POST, "/auth/verify");
    app.send(request, json!({ "token": token }).to_string()).status.as_u16()
}

fn redeem_latest(app: &mut TestApp) -> u16 {
    let token = app.mailed_token();
    redeem(app, &token)
}

#[test]
fn a_stranger_signs_in_by_mail() {
    let mut app = TestApp::new();
    let expected = json!({ "message": "If an account exists, a magic link has been sent to your email" });
    assert_eq!(ask(&mut app, "10.0.0.1", " Ada@Example.com"), (200, expected.clone()));
    let mail = app.mailer.sent.borrow()[0].clone();
    assert_eq!(mail.to.as_str(), ADA);
    let link = format!("http://localhost/auth/verify?token={}", app.mailed_token());
    assert!(mail.text.contains(&link) && mail.html.contains(&link));

    let page = app.send(::http::Request::builder().uri(&link["http://localhost".len()..]), "");
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.text().contains("<form method=\"post\"") && page.text().contains(&app.mailed_token()));
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(page.header("referrer-policy"), "same-origin");
    assert_eq!(page.header("set-cookie"), "", "opening the link redeems nothing");

    let form = ::http::Request::builder()
        .method(Method::POST)
        .uri("/auth/verify")
        .header("origin", "http://localhost")
        .header("content-type", "application/x-www-form-urlencoded");
    let token = app.mailed_token();
    let answer = app.send(form, format!("token={token}"));
    assert_eq!((answer.status, answer.header("location")), (StatusCode::SEE_OTHER, "/"));
    let cookie = answer.header("set-cookie").to_owned();
    assert!(cookie.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"), "{cookie}");
    let cookie = cookie.split(';').next().unwrap();
    let me = app.call(cookie, Method::GET, "/auth/me", Value::Null).json();
    assert_eq!(me["email"], ADA);

    assert_eq!(ask(&mut app, "10.0.0.2", ADA).1, expected, "the same for a person who has an account");
    assert_eq!(redeem_latest(&mut app), 200);
    let stored = app.sql.texts("SELECT token_hash FROM sessions UNION SELECT token_hash FROM login_links");
    assert!(stored.iter().all(|hash| !cookie.contains(hash.as_str()) && *hash != token));
    assert_eq!(app.sql.texts("SELECT action FROM audit_events"), ["signed_in", "signed_in"]);
    assert_eq!(app.sql.texts("SELECT email FROM users"), [ADA]);
}

#[test]
fn the_sign_up_page_that_errors_named_did_not_exist() {
    let mut app = TestApp::new();
    let problem = app.send(::http::Request::builder().method(Method::POST).uri("/api/run"), "").json();
    let page = app.send(::http::Request::builder().uri(problem["signup_url"].as_str().unwrap()), "");
    assert_eq!((page.status, page.header("content-type")), (StatusCode::OK, "text/html; charset=utf-8"));
    assert!(page.text().contains("action=\"/auth/request\"") && page.text().contains("name=\"email\""));
    let form = |origin: &str| {
        let request = ::http::Request::builder().method(Method::POST).uri("/auth/request").header("origin", origin);
        request.header("content-type", "application/x-www-form-urlencoded")
    };
    let sent = app.send(form("http://localhost"), "email=ada%40example.com");
    assert!(sent.status == StatusCode::OK && sent.text().contains("on its way"), "{}", sent.text());
    assert_eq!(redeem_latest(&mut app), 200);
    assert_eq!(app.send(form("https://evil.example"), "email=ada%40example.com").status, StatusCode::FORBIDDEN);
    assert_eq!(app.send(form("http://localhost"), "mail=x").json()["errors"][0]["field"], "email");
    assert_eq!(app.send(::http::Request::builder().uri("/favicon.ico"), "").status, StatusCode::NO_CONTENT);
}

#[test]
fn a_link_works_once_and_for_a_quarter_of_an_hour() {
    let mut app = TestApp::new();
    ask(&mut app, "10.0.0.1", ADA);
    let first = app.mailed_token();
    ask(&mut app, "10.0.0.1", ADA);
    let second = app.mailed_token();
    assert_eq!(redeem(&mut app, &second), 200);
    assert_eq!(redeem(&mut app, &second), 410);
    assert_eq!(redeem(&mut app, &first), 410, "the other links to the address went with it");

    ask(&mut app, "10.0.0.1", ADA);
    app.clock.pass_ms(15 * 60_000);
    assert_eq!(redeem_latest(&mut app), 410);
    for wrong in ["", "x", &"0".repeat(64)] {
        assert_eq!(redeem(&mut app, wrong), 410);
        let page = app.send(::http::Request::builder().uri(format!("/auth/verify?token={wrong}")), "");
        assert!(!page.text().contains("<form") || wrong.len() == 64);
    }
}

#[test]
fn links_are_limited_by_network_and_by_address() {
    let mut app = TestApp::new();
    for n in 0..5 {
        assert_eq!(ask(&mut app, "10.0.0.1", &format!("a{n}@example.com")).0, 200);
    }
    app.clock.pass_ms(5 * 60_000);
    let (status, problem) = ask(&mut app, "10.0.0.1", ADA);
    assert_eq!((status, problem["error"].as_str()), (429, Some("Too many requests")));
    assert_eq!(problem["message"], "Rate limit exceeded. Please try again in 11 minutes.");
    assert_eq!(problem["retry_after"], 601);
    app.clock.pass_ms(10 * 60_000);
    assert_eq!(ask(&mut app, "10.0.0.1", ADA).0, 200);

    let before = app.mailer.sent.borrow().len();
    for n in 0..9 {
        assert_eq!(ask(&mut app, &format!("10.0.1.{n}"), ADA).0, 200, "nobody learns that the mailbox is full");
    }
    assert_eq!(app.mailer.sent.borrow().len() - before, 4, "five in an hour");
}

#[test]
fn reading_the_pages_locked_people_out_of_their_own_machine() {
    let mut app = TestApp::new();
    app.app.config.environment = "development".into();
    for _ in 0..20 {
        assert_eq!(ask(&mut app, "127.0.0.1", ADA).0, 200);
        assert_eq!(ask(&mut app, "::1", ADA).0, 200);
    }
    assert_eq!(app.mailer.sent.borrow().len(), 40, "each asks for a link and gets one");
    let answers: Vec<u16> = (0..6).map(|_| ask(&mut app, "192.168.0.7", ADA).0).collect();
    assert_eq!(answers, [200, 200, 200, 200, 200, 429], "the limit holds for other machines");
    app.app.config.environment = "production".into();
    let answers: Vec<u16> = (0..6).map(|_| ask(&mut app, "127.0.0.1", ADA).0).collect();
    assert_eq!(answers[5], 429);
}

#[test]
fn a_link_was_spent_by_a_sign_in_that_failed() {
    let mut app = TestApp::new();
    ask(&mut app, "10.0.0.1", ADA);
    app.sql.run("ALTER TABLE audit_events RENAME TO away");
    assert_eq!(redeem_latest(&mut app), 503);
    assert!(app.sql.texts("SELECT id FROM sessions").is_empty());
    app.sql.run("ALTER TABLE away RENAME TO audit_events");
    assert_eq!(redeem_latest(&mut app), 200);
    let events = "SELECT action || ' ' || subject FROM audit_events";
    assert_eq!(app.sql.texts(events), app.sql.texts("SELECT 'signed_in ' || id FROM sessions"));
}

#[test]
fn a_page_of_another_origin_was_not_told_which_one_may() {
    let mut app = TestApp::new();
    app.app.config.app_url = Some("https://app.example.com/".into());
    let cookie = app.sign_in(ADA);
    let request =
        app.visit(Method::POST, "/auth/logout").header("cookie", &cookie).header("origin", "http://localhost:3000");
    let problem = app.send(request, "{}").json();
    let message = problem["message"].as_str().unwrap();
    assert!(message.starts_with("The header Origin names http://localhost:3000, "), "{message}");
    for words in ["http://localhost and https://app.example.com", "PUBLIC_APP_URL"] {
        assert!(message.contains(words), "{message}");
    }
}

#[test]
fn links_are_sent_while_counting_networks_fails() {
    let mut app = TestApp::new();
    app.sql.run("ALTER TABLE attempts RENAME TO gone");
    assert_eq!(ask(&mut app, "10.0.0.1", ADA).0, 200);
    assert!(app.log.0.borrow().iter().any(|(_, line)| line["message"] == "Attempts to sign in could not be counted."));
}

#[test]
fn wrong_addresses_are_named_and_nothing_is_sent() {
    let mut app = TestApp::new();
    for body in [
        json!({}),
        json!({ "email": 1 }),
        json!({ "email": "ada" }),
        json!({ "email": "ada@example.com\r\nBcc: eve@example.com" }),
        json!({ "email": ADA, "admin": true }),
    ] {
        let request = app.visit(Method::POST, "/auth/request");
        let problem = app.send(request, body.to_string()).json();
        assert_eq!(problem["code"], "invalid_request", "{body}");
    }
    let request = app.visit(Method::POST, "/auth/request");
    let chunks = vec![vec![b' '; 10_000]; 10];
    assert_eq!(app.send_chunks(request, chunks).status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(app.mailer.sent.borrow().is_empty());
}

#[test]
fn sessions_are_listed_ended_and_outlive_no_sign_out() {
    let mut app = TestApp::new();
    let (first, second) = (app.sign_in(ADA), app.sign_in(ADA));
    let eve = app.sign_in("eve@example.com");
    let list = |app: &mut TestApp, cookie: &str, query: &str| {
        app.call(cookie, Method::GET, &format!("/auth/sessions{query}"), Value::Null).json()
    };
    let all = list(&mut app, &first, "");
    assert_eq!(all["sessions"].as_array().unwrap().len(), 2);
    let page = list(&mut app, &first, "?limit=1");
    let cursor = page["next_cursor"].as_str().unwrap();
    let rest = list(&mut app, &first, &format!("?limit=1&cursor={cursor}"));
    assert_eq!(rest["next_cursor"], Value::Null);
    assert_ne!(page["sessions"][0]["id"], rest["sessions"][0]["id"]);

    let other = all["sessions"].as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/auth/sessions/{}", other["id"].as_str().unwrap());
    assert_eq!(app.call(&eve, Method::DELETE, &path, Value::Null).status, StatusCode::NOT_FOUND);
    assert_eq!(app.call(&first, Method::DELETE, &path, Value::Null).status, StatusCode::NO_CONTENT);
    assert_eq!(app.call(&second, Method::GET, "/auth/me", Value::Null).status, StatusCode::UNAUTHORIZED);

    let out = app.call(&first, Method::POST, "/auth/logout", json!({}));
    assert!(out.header("set-cookie").starts_with("docle_session=; Path=/; Max-Age=0;"));
    assert_eq!(app.call(&first, Method::GET, "/auth/me", Value::Null).status, StatusCode::UNAUTHORIZED);
    assert_eq!(app.call(&eve, Method::GET, "/auth/me", Value::Null).status, StatusCode::OK);
}

#[test]
fn a_session_lives_for_thirty_days_after_its_last_use() {
    const DAY_MS: i64 = 86_400_000;
    let mut app = TestApp::new();
    let cookie = app.sign_in(ADA);
    let me = |app: &mut TestApp| app.call(&cookie, Method::GET, "/auth/me", Value::Null);
    assert_eq!(me(&mut app).header("set-cookie"), "");
    app.clock.pass_ms(29 * DAY_MS);
    assert!(me(&mut app).header("set-cookie").starts_with(&cookie), "the cookie is sent anew");
    app.clock.pass_ms(29 * DAY_MS);
    assert_eq!(me(&mut app).status, StatusCode::OK);
    app.clock.pass_ms(30 * DAY_MS);
    assert_eq!(me(&mut app).status, StatusCode::UNAUTHORIZED);
}

#[test]
fn pages_of_other_sites_cannot_use_the_cookie() {
    let mut app = TestApp::new();
    app.app.config.app_url = Some("https://app.example.com".into());
    let cookie = app.sign_in(ADA);
    for (headers, status) in [
        (vec![("origin", "https://evil.com")], 403),
        (vec![("origin", "null")], 403),
        (vec![("origin", "http://localhost.evil.com")], 403),
        (vec![("origin", "https://localhost")], 403),
        (vec![("sec-fetch-site", "cross-site")], 403),
        (vec![("sec-fetch-site", "same-site")], 403),
        (vec![("sec-fetch-site", "same-origin"), ("content-type", "application/json")], 403),
        (vec![("content-type", "text/plain")], 403),
        (vec![("content-type", "application/x-www-form-urlencoded")], 403),
        (vec![("content-type", "multipart/form-data; boundary=x")], 403),
        (vec![], 415),
        (vec![("origin", "http://localhost"), ("content-type", "text/plain")], 415),
        (vec![("origin", "http://localhost"), ("content-type", "application/x-www-form-urlencoded")], 415),
        (vec![("origin", "http://localhost")], 415),
        (vec![("origin", "http://localhost"), ("content-type", "application/json; charset=utf-8")], 200),
    ] {
        let mut request = ::http::Request::builder().method(Method::POST).uri("/auth/logout").header("cookie", &cookie);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        assert_eq!(app.send(request, "{}").status.as_u16(), status, "{headers:?}");
    }
    let me = |app: &mut TestApp, origin: &str| {
        let request = app.visit(Method::GET, "/auth/me").header("origin", origin);
        let answer = app.send(request, "");
        let header = |name| answer.header(name).to_owned();
        (header("access-control-allow-origin"), header("access-control-allow-credentials"), header("vary"))
    };
    let app_origin = "https://app.example.com".to_owned();
    assert_eq!(me(&mut app, &app_origin), (app_origin, "true".into(), "origin".into()));
    assert_eq!(me(&mut app, "https://evil.com"), (String::new(), String::new(), "origin".into()));
}

#[test]
fn the_outbox_is_there_in_development_alone() {
    let mut app = TestApp::new();
    assert_eq!(app.send(::http::Request::builder().uri("/auth/outbox"), "").status, StatusCode::NOT_FOUND);
    app.app.config.environment = "development".into();
    assert_eq!(app.send(::http::Request::builder().uri("/auth/outbox"), "").json(), json!({ "messages": [] }));
    app.app.mailer = None;
    assert_eq!(ask(&mut app, "10.0.0.1", ADA).0, 503);
}

#[test]
fn what_has_expired_is_deleted() {
    let mut app = TestApp::new();
    app.sign_in(ADA);
    ask(&mut app, "10.0.9.9", ADA);
    let counts = |app: &TestApp| {
        ["login_links", "sessions", "attempts"].map(|table| app.sql.texts(&format!("SELECT 'x' FROM {table}")).len())
    };
    assert_eq!(counts(&app), [1, 1, 7]);
    futures::executor::block_on(crate::app::purge::purge(&app.app));
    assert_eq!(counts(&app), [1, 1, 7]);
    app.clock.pass_ms(31 * 86_400_000);
    futures::executor::block_on(crate::app::purge::purge(&app.app));
    assert_eq!(counts(&app), [0, 0, 0]);
}
