//! The website, from the outside: who gets a page, who gets the API, and where browsers are led.

use crate::ports::PortError;
use crate::ports::site_files::{SiteFile, SiteFiles};
use crate::tests::app::{Answer, TestApp};
use ::http::Method;
use async_trait::async_trait;
use bytes::Bytes;
use serde_json::json;
use std::rc::Rc;

/// The browser's `Accept` for a page.
const PAGE: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

/// A site of two files, or one whose files cannot be read.
struct FakeSite {
    fails: bool,
}

#[async_trait(?Send)]
impl SiteFiles for FakeSite {
    async fn read(&self, path: &str) -> Result<Option<SiteFile>, PortError> {
        if self.fails {
            return Err(PortError("no".to_owned()));
        }
        let file = |media_type: &str, text: &'static str| {
            Some(SiteFile { media_type: media_type.to_owned(), bytes: Bytes::from(text) })
        };
        Ok(match path {
            "/index.html" => file("text/html; charset=utf-8", "<meta nonce=\"__NONCE__\"><title>Docle</title>"),
            "/assets/index-1.js" => file("text/javascript; charset=utf-8", "1"),
            "/docs.html" => {
                file("text/html; charset=utf-8", "<script nonce=\"__NONCE__\"></script><h1>What it is</h1>")
            }
            "/docs/runs.html" => file("text/html; charset=utf-8", "<h1>Runs</h1>"),
            "/docs/errors.html" => file("text/html; charset=utf-8", "<h1>Errors of the site</h1>"),
            "/docs.md" => file("text/markdown; charset=utf-8", "# What it is"),
            "/docs/runs.md" => file("text/markdown; charset=utf-8", "# Runs"),
            "/llms.txt" => file("text/plain; charset=utf-8", "# Docle"),
            _ => None,
        })
    }
}

fn with_site(fails: bool) -> TestApp {
    let mut app = TestApp::new();
    app.app.site = Some(Rc::new(FakeSite { fails }));
    app
}

fn visit(app: &mut TestApp, path: &str, accept: &str) -> Answer {
    app.send(::http::Request::builder().uri(path).header("accept", accept), "")
}

#[test]
fn a_browser_gets_the_site_and_an_api_client_the_api() {
    let mut app = with_site(false);
    for path in [
        "/",
        "/account",
        "/dashboard",
        "/login",
        "/playground",
        "/projects/proj_1?tab=usage",
        "/sandbox/sbx_1",
        "/sandboxes",
        "/snippets",
    ] {
        let page = visit(&mut app, path, PAGE);
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, "text/html; charset=utf-8"), "{path}");
        assert!(page.text().contains("<title>Docle</title>"));
        assert_eq!(page.header("cache-control"), "no-cache", "{path}");
        assert!(page.headers.get_all("vary").iter().any(|value| value == "accept"), "{path}");
    }
    for path in ["/nothing", "/projects", "/playground/x"] {
        let page = visit(&mut app, path, PAGE);
        assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "text/html; charset=utf-8"), "{path}");
        let problem = visit(&mut app, path, "*/*");
        assert_eq!((problem.status.as_u16(), problem.json()["code"].as_str()), (404, Some("not_found")), "{path}");
    }
    assert_eq!(visit(&mut app, "/", "*/*").json()["name"], "Docle");
    assert_eq!(visit(&mut app, "/", "*/*").header("vary"), "accept");
    assert_eq!(visit(&mut app, "/health", PAGE).header("content-type"), "application/json");
}

#[test]
fn a_page_of_the_site_loads_nothing_of_others_and_no_script_of_its_text() {
    let mut app = with_site(false);
    let pages = [visit(&mut app, "/", PAGE), visit(&mut app, "/", PAGE)];
    let nonces = pages.map(|page| {
        let policy = page.header("content-security-policy").to_owned();
        let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
        assert!(page.text().contains(&format!("nonce=\"{nonce}\"")) && nonce.len() == 32, "{policy}");
        for part in ["default-src 'none'", "frame-ancestors 'none'", "require-trusted-types-for 'script'"] {
            assert!(policy.contains(part), "{policy}");
        }
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(page.header("x-frame-options"), "DENY");
        nonce
    });
    assert_ne!(nonces[0], nonces[1]);
}

#[test]
fn a_page_of_the_site_frames_exposed_ports_where_there_are_any() {
    let mut app = with_site(false);
    let policy = visit(&mut app, "/sandbox/sbx_1", PAGE).header("content-security-policy").to_owned();
    assert!(policy.contains("frame-src 'self'; "), "{policy}");
    app.app.config.preview_host = Some("preview.example".into());
    let policy = visit(&mut app, "/sandbox/sbx_1", PAGE).header("content-security-policy").to_owned();
    assert!(policy.contains("frame-src 'self' https://*.preview.example; "), "{policy}");
}

#[test]
fn a_page_of_the_documentation_is_html_for_browsers_and_markdown_for_programs() {
    let mut app = with_site(false);
    for (path, heading) in
        [("/docs", "<h1>What it is</h1>"), ("/docs/runs", "<h1>Runs</h1>"), ("/docs/errors", "Errors of the site")]
    {
        let page = visit(&mut app, path, PAGE);
        assert!(page.status == 200 && page.text().contains(heading), "{path}: {}", page.text());
        assert_eq!(
            (page.header("content-type"), page.header("vary")),
            ("text/html; charset=utf-8", "accept"),
            "{path}"
        );
        assert!(page.header("content-security-policy").contains("'nonce-"), "{path}");
    }
    assert!(!visit(&mut app, "/docs", PAGE).text().contains("__NONCE__"));
    for (path, accept, media_type, text) in [
        ("/docs/runs", "*/*", "text/markdown; charset=utf-8", "# Runs"),
        ("/docs.md", "*/*", "text/markdown; charset=utf-8", "# What it is"),
        ("/docs/runs.md", PAGE, "text/markdown; charset=utf-8", "# Runs"),
        ("/llms.txt", "*/*", "text/plain; charset=utf-8", "# Docle"),
    ] {
        let answer = visit(&mut app, path, accept);
        assert_eq!((answer.header("content-type"), answer.text()), (media_type, text.to_owned()), "{path}");
        assert_eq!(answer.header("cache-control"), "no-cache", "{path}");
    }
    assert_eq!(visit(&mut app, "/docs/nothing", PAGE).status, 404);
    assert_eq!(visit(&mut app, "/docs/nothing.md", "*/*").json()["code"], "not_found");
    assert_eq!(visit(&mut app, "/docsx", PAGE).status, 404);
    assert!(visit(&mut app, "/docs", "*/*").json()["runtimeApis"].is_array(), "a program gets what it always got");
}

#[test]
fn a_file_of_the_site_never_changes_and_another_one_is_not_there() {
    let mut app = with_site(false);
    let file = visit(&mut app, "/assets/index-1.js", "*/*");
    assert_eq!((file.status.as_u16(), file.text()), (200, "1".to_owned()));
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(file.header("x-content-type-options"), "nosniff");
    assert_eq!(visit(&mut app, "/assets/index-0.js", "*/*").status, 404);
}

#[test]
fn the_api_works_where_the_site_is_missing() {
    for mut app in [TestApp::new(), with_site(true)] {
        assert_eq!(visit(&mut app, "/", PAGE).json()["name"], "Docle");
        assert!(visit(&mut app, "/login", PAGE).text().contains("action=\"/auth/request\""));
        assert_eq!(visit(&mut app, "/playground", PAGE).json()["code"], "not_found");
        assert!(visit(&mut app, "/docs", PAGE).text().contains("<h1>Docle</h1>"), "the API has a page of its own");
    }
}

#[test]
fn the_host_of_the_api_leads_browsers_to_the_site() {
    let mut app = with_site(false);
    app.app.config.app_url = Some("https://app.example.com".into());
    let page = visit(&mut app, "https://api.example.com/projects/proj_1?tab=usage", PAGE);
    let location = "https://app.example.com/projects/proj_1?tab=usage";
    assert_eq!((page.status.as_u16(), page.header("location")), (302, location));
    assert_eq!(visit(&mut app, "https://api.example.com/nothing", PAGE).status, 404);
    assert_eq!(visit(&mut app, "https://api.example.com/", "*/*").json()["name"], "Docle");
    assert_eq!(visit(&mut app, "https://app.example.com/", PAGE).status, 200);
}

#[test]
fn a_sign_in_comes_back_to_the_page_it_began_at_and_to_no_other_site() {
    let mut app = with_site(false);
    app.app.config.app_url = Some("https://app.example.com".into());
    let ask = |app: &mut TestApp, next: &str| {
        let request = app.visit(Method::POST, "/auth/request").header("cf-connecting-ip", "10.0.0.1");
        app.send(request, json!({ "email": "ada@example.com", "next": next }).to_string())
    };
    let refused = ask(&mut app, "//evil.com").json();
    assert_eq!(
        (refused["code"].as_str(), refused["errors"][0]["field"].as_str()),
        (Some("invalid_request"), Some("next"))
    );

    assert_eq!(ask(&mut app, "/projects/proj_1?tab=usage").status, 200);
    let mail = app.mailer.sent.borrow().last().unwrap().text.clone();
    let link = mail.split_whitespace().find(|word| word.starts_with("https://")).unwrap().to_owned();
    assert!(link.starts_with("https://app.example.com/auth/verify?token="), "{link}");
    assert!(link.ends_with("&next=%2Fprojects%2Fproj_1%3Ftab%3Dusage"), "{link}");
    let page = app.send(::http::Request::builder().uri(&link), "").text();
    assert!(page.contains("name=\"next\" value=\"/projects/proj_1?tab=usage\""), "{page}");

    let redeem = |app: &mut TestApp, next: &str| {
        let token = app.mailed_token();
        let form = ::http::Request::builder()
            .method(Method::POST)
            .uri("/auth/verify")
            .header("origin", "https://app.example.com")
            .header("content-type", "application/x-www-form-urlencoded");
        app.send(form, format!("token={token}&next={next}")).header("location").to_owned()
    };
    assert_eq!(
        redeem(&mut app, "%2Fprojects%2Fproj_1%3Ftab%3Dusage"),
        "https://app.example.com/projects/proj_1?tab=usage"
    );
    ask(&mut app, "/");
    assert_eq!(redeem(&mut app, "%2F%2Fevil.com"), "https://app.example.com/");
}
