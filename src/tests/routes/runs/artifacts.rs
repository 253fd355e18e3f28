//! Files that runs hand back: their links in every answer, and what the links answer.

use crate::tests::app::{Answer, TestApp, complete};
use crate::tests::fake_run_pools::Script;
use crate::tests::fault::Fault;
use ::http::{Method, StatusCode};
use docle_protocol::report::Artifact;
use docle_protocol::{Piece, RunEvent};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const CONTENT: &[u8] = b"<script>0123456789</script>";
const WEEK_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

fn sha256() -> String {
    hex::encode(Sha256::digest(CONTENT))
}

/// The lines of a run that hands back one file.
fn events(is_inline: bool) -> Vec<Vec<u8>> {
    let file = Artifact {
        name: "out/ü 1.html".into(),
        size: CONTENT.len() as u64,
        mime_type: "text/html".into(),
        sha256: Some(sha256()),
        url: None,
        base64: None,
        error: None,
    };
    let mut end: Value = serde_json::from_str(&complete()).unwrap();
    end["report"]["artifacts"] = json!([file]);
    let events = [
        RunEvent::Start,
        RunEvent::ArtifactStart { index: 0, file: Box::new(file), is_inline },
        RunEvent::Artifact { index: 0, data: Piece(CONTENT.to_vec()) },
    ];
    let lines = events.iter().map(|event| serde_json::to_string(event).unwrap());
    lines.chain([end.to_string()]).map(|line| format!("{line}\n").into_bytes()).collect()
}

fn body() -> Value {
    json!({ "lang": "python", "code": "", "artifacts": ["out/*"] })
}

/// An app with a run that has handed back one file, and the answer of the run.
fn ran() -> (TestApp, Answer) {
    let mut app = TestApp::new();
    app.script(Script::Chunks(events(false)));
    let answer = app.run(&body());
    (app, answer)
}

fn url(answer: &Answer) -> String {
    answer.json()["artifacts"][0]["url"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

fn get(app: &mut TestApp, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = ::http::Request::builder().method(Method::GET).uri(url);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    app.send(request, "")
}

#[test]
fn every_answer_with_a_result_has_the_link() {
    let (mut app, answer) = ran();
    let link = url(&answer);
    assert!(link.starts_with("http://localhost/api/artifacts/"), "{link}");
    let id = answer.json()["id"].as_str().unwrap().to_owned();
    let again = get(&mut app, &format!("/api/run/{id}"), &[]);
    assert_eq!(url(&again), link);
    let replayed = get(&mut app, &format!("/api/run/{id}"), &[("accept", "text/event-stream")]).text();
    assert!(replayed.contains("event: artifact") && replayed.matches(&link).count() == 2, "{replayed}");

    app.script(Script::Chunks(events(true)));
    let mut inline = body();
    inline["artifactsInline"] = json!(true);
    let text = app.stream(&inline).text();
    let event = text.split("\n\n").find_map(|event| event.split_once("event: artifact\ndata: ")).unwrap();
    assert_eq!(event.0, "id: 0-0\n");
    let event: Value = serde_json::from_str(event.1).unwrap();
    let expected = json!({
        "type": "artifact", "name": "out/ü 1.html", "size": CONTENT.len(), "mimeType": "text/html", "sha256": sha256(),
        "url": event["url"],
    });
    assert_eq!(event, expected);
    assert!(text.rsplit_once("event: complete").unwrap().1.contains("\"base64\""));
}

#[test]
fn a_link_gives_the_file_to_everybody_and_a_document_to_nobody() {
    let (mut app, answer) = ran();
    let file = get(&mut app, &url(&answer), &[("origin", "https://example.com")]);
    assert_eq!((file.status, &file.body[..]), (StatusCode::OK, CONTENT));
    for (name, value) in [
        ("content-type", "text/html"),
        ("content-length", "27"),
        ("content-disposition", "attachment; filename*=UTF-8''%C3%BC%201.html"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "cross-origin"),
        ("access-control-allow-origin", "*"),
        ("access-control-allow-credentials", ""),
        ("cache-control", "private, max-age=604800, immutable"),
        ("etag", &format!("\"{}\"", sha256())),
        ("accept-ranges", "bytes"),
    ] {
        assert_eq!(file.header(name), value, "{name}");
    }
}

#[test]
fn parts_and_known_files_are_answered_as_http_has_it() {
    let (mut app, answer) = ran();
    let (link, tag) = (url(&answer), format!("\"{}\"", sha256()));
    let part = get(&mut app, &link, &[("range", "bytes=8-17")]);
    assert_eq!((part.status, part.text().as_str()), (StatusCode::PARTIAL_CONTENT, "0123456789"));
    assert_eq!((part.header("content-range"), part.header("content-length")), ("bytes 8-17/27", "10"));
    let none = get(&mut app, &link, &[("range", "bytes=99-")]);
    assert_eq!((none.status, none.header("content-range")), (StatusCode::RANGE_NOT_SATISFIABLE, "bytes */27"));
    let same = get(&mut app, &link, &[("range", "bytes=0-0"), ("if-range", &tag)]);
    let other = get(&mut app, &link, &[("range", "bytes=0-0"), ("if-range", "\"00\"")]);
    assert_eq!((same.body.len(), other.body.len()), (1, CONTENT.len()));
    for known in [&tag, &format!("W/{tag}"), "*"] {
        let known = get(&mut app, &link, &[("if-none-match", known)]);
        assert_eq!((known.status, known.body.len(), known.header("etag")), (StatusCode::NOT_MODIFIED, 0, tag.as_str()));
    }
    let changed = get(&mut app, &link, &[("if-none-match", "\"00\"")]);
    assert_eq!((changed.status, &changed.body[..]), (StatusCode::OK, CONTENT));
    let head = app.send(::http::Request::builder().method(Method::HEAD).uri(&link), "");
    assert_eq!((head.status, head.body.len(), head.header("content-length")), (StatusCode::OK, 0, "27"));
}

#[test]
fn links_that_are_wrong_or_too_old_or_whose_file_is_gone_get_one_answer() {
    let (mut app, answer) = ran();
    let link = url(&answer);
    let (path, signature) = link.split_once("?sig=").unwrap();
    let calls = app.artifacts.calls.get();
    let wrong = [
        path.to_owned(),
        format!("{path}?sig="),
        format!("{path}?sig={}", &signature[1..]),
        format!("{path}x?sig={signature}"),
        format!("{}/1-a?sig={signature}", path.rsplit_once('/').unwrap().0),
        format!("/api/artifacts/550e8400-e29b-41d4-a716-446655440000/0-a?sig={signature}"),
    ];
    let mut answers: Vec<Answer> = wrong.iter().map(|link| get(&mut app, link, &[])).collect();
    answers.push(get(&mut app, &link, &[("service-worker", "script")]));
    app.clock.pass_ms(WEEK_MS - 1_000);
    assert_eq!(app.artifacts.calls.get(), calls, "no one of them asks the bucket");
    assert_eq!(get(&mut app, &link, &[]).status, StatusCode::OK);
    app.clock.pass_ms(1_000);
    answers.push(get(&mut app, &link, &[]));
    let (mut app, answer) = ran();
    app.artifacts.files.borrow_mut().clear();
    answers.push(get(&mut app, &url(&answer), &[]));
    for answer in answers {
        let problem = answer.json();
        assert_eq!((answer.status, &problem["code"]), (StatusCode::NOT_FOUND, &json!("artifact_not_found")));
        assert_eq!(
            problem["detail"],
            "There is no such file. A link is valid for 7 days, and ends with the result of its run."
        );
    }
}

#[test]
fn a_bucket_that_fails_is_an_error_of_the_service() {
    for headers in [&[][..], &[("range", "bytes=0-0")][..]] {
        let (mut app, answer) = ran();
        app.artifacts.read_faults.next([Fault::NotDone]);
        assert_eq!(get(&mut app, &url(&answer), headers).status, StatusCode::SERVICE_UNAVAILABLE);
    }
}

#[test]
fn a_file_that_could_not_be_stored_has_an_error_and_no_event() {
    let mut app = TestApp::new();
    app.artifacts.put_faults.next([Fault::NotDone]);
    app.script(Script::Chunks(events(false)));
    let text = app.stream(&body()).text();
    assert!(!text.contains("event: artifact") && text.contains(r#""error":"not_stored""#), "{text}");
    assert!(text.contains(r#""ok":true"#), "{text}");
}

#[test]
fn a_private_result_shows_its_links_to_its_owner_only_and_a_link_is_enough() {
    let (mut app, answer) = ran();
    app.sql.run("UPDATE projects SET private_results = 1");
    app.logs.fails.set(false);
    let path = format!("/api/run/{}", answer.json()["id"].as_str().unwrap());
    let request = app.request(Method::GET, &path);
    let own = app.send(request, "");
    assert_eq!(url(&own), url(&answer));
    assert_eq!(get(&mut app, &url(&answer), &[]).status, StatusCode::OK);
}
