//! `POST /api/run` with a form: what its parts become, and what is refused.

use crate::tests::app::{Answer, TestApp};
use ::http::{Method, StatusCode};
use serde_json::{Value, json};

const REQUEST: &str = r#"{"lang":"python","entrypoint":"main.py"}"#;

/// A part with these parameters after `form-data`, and its content.
type Part<'a> = (&'a str, &'a [u8]);

fn form(parts: &[Part<'_>]) -> Vec<u8> {
    let mut form = Vec::new();
    for (parameters, content) in parts {
        form.extend(format!("--xyz\r\nContent-Disposition: form-data; {parameters}\r\n\r\n").bytes());
        form.extend_from_slice(content);
        form.extend(b"\r\n");
    }
    form.extend(b"--xyz--\r\n");
    form
}

fn send(app: &mut TestApp, body: Vec<u8>, headers: &[(&str, &str)]) -> Answer {
    let request = app.request(Method::POST, "/api/run").header("content-type", "multipart/form-data; boundary=xyz");
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    // In chunks that end anywhere.
    app.send_chunks(request, body.chunks(50_000).map(<[u8]>::to_vec).collect())
}

#[test]
fn the_parts_of_a_form_are_the_request_and_its_files() {
    let mut app = TestApp::new();
    let parts: [Part<'_>; 5] = [
        ("name=\"files\"; filename=\"main.py\"", b"print(1)\r\n"),
        ("name=\"request\"", REQUEST.as_bytes()),
        ("name=\"files\"; filename=\"./data/x.csv\"", b"a,b"),
        ("name=\"data/y.bin\"; filename=\"local.bin\"", b"\xff\0"),
        ("name=\"files\"; filename=\"empty\"", b""),
    ];
    let answer = send(&mut app, form(&parts), &[]);
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let job = app.run_pools.jobs.borrow()[0].clone();
    let files: Vec<_> =
        job.files.iter().map(|file| (file.path.as_str(), file.content.as_str(), file.encoding.name())).collect();
    let expected = [
        ("main.py", "print(1)\r\n", "utf8"),
        ("data/x.csv", "a,b", "utf8"),
        ("data/y.bin", "/wA=", "base64"),
        ("empty", "", "utf8"),
    ];
    assert_eq!((files.as_slice(), job.attached.len()), (&expected[..], 0));
    assert_eq!(app.record()["input"]["truncated"], false);
}

#[test]
fn large_files_follow_the_job_as_they_are_and_are_not_kept() {
    let mut app = TestApp::new();
    let (large, other) = (vec![0xfe; 300_000], vec![b'x'; 70_000]);
    let parts: [Part<'_>; 4] = [
        ("name=\"request\"", REQUEST.as_bytes()),
        ("name=\"files\"; filename=\"a/large\"", &large),
        ("name=\"files\"; filename=\"main.py\"", b"print(1)"),
        ("name=\"files\"; filename=\"./other\"", &other),
    ];
    let answer = send(&mut app, form(&parts), &[]);
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let job = app.run_pools.jobs.borrow()[0].clone();
    let attached: Vec<_> = job.attached.iter().map(|file| (file.path.as_str(), file.size)).collect();
    assert_eq!(attached, [("a/large", 300_000), ("other", 70_000)]);
    assert_eq!((job.files.len(), job.files[0].path.as_str()), (1, "main.py"));
    assert_eq!(app.run_pools.attached.borrow()[0], [large, other].concat());
    let input = app.record()["input"].clone();
    assert_eq!((&input["truncated"], &input["files"][0]["path"]), (&json!(true), &json!("main.py")));
}

#[test]
fn many_small_files_are_not_all_in_memory() {
    let mut app = TestApp::new();
    let content = vec![b'x'; 60_000];
    let names: Vec<String> = (0..9).map(|n| format!("name=\"files\"; filename=\"{n}\"")).collect();
    let mut parts: Vec<Part<'_>> = names.iter().map(|name| (name.as_str(), content.as_slice())).collect();
    parts.push(("name=\"request\"", br#"{"lang":"python","entrypoint":"0"}"#));
    assert_eq!(send(&mut app, form(&parts), &[]).status, StatusCode::OK);
    let job = app.run_pools.jobs.borrow()[0].clone();
    assert_eq!((job.files.len(), job.attached.len()), (4, 5));
}

#[test]
fn what_is_wrong_with_a_form_has_the_name_of_its_part() {
    let request: Part<'_> = ("name=\"request\"", REQUEST.as_bytes());
    let file: Part<'_> = ("name=\"files\"; filename=\"main.py\"", b"");
    let long = vec![b'#'; 70_000];
    let cases: [(&[Part<'_>], &str, &str); 13] = [
        (&[file], "request", "is required: a part with the JSON"),
        (&[request, request, file], "request", "must be one part"),
        (&[("name=\"request\"", b"{"), file], "request", "must be JSON"),
        (&[("name=\"request\"", b"[]"), file], "request", "must be a JSON object"),
        (&[request, ("name=\"lang\"", b"python")], "lang", "is no part of a run"),
        (&[request, file, ("name=\"files\"", b"x")], "files[1].path", "send the path as the filename"),
        (&[request, file, ("name=\"files\"; filename=\"../x\"", b"")], "files[1].path", "must not contain a \"..\""),
        (&[request, file, file], "files[1].path", "is the path of another file"),
        (&[request, ("name=\"files\"; filename=\"\"", b"")], "files[0].path", "must not be empty"),
        (&[request, ("name=\"files\"; filename=\"other.py\"", b"")], "entrypoint", "must be the path of one of files"),
        (&[("name=\"request\"", br#"{"lang":"python","code":"1"}"#), file], "files", "together with code"),
        (&[("name=\"request\"", br#"{"lang":"python","files":[{}]}"#), file], "files", "must not be in request"),
        (&[request, ("name=\"files\"; filename=\"requirements.txt\"", &long)], "files[0].content", "lists packages"),
    ];
    for (parts, field, says) in cases {
        let answer = send(&mut TestApp::new(), form(parts), &[]);
        let problem = answer.json();
        let errors = problem["errors"].as_array().unwrap_or_else(|| panic!("{field}: {problem}"));
        let found =
            errors.iter().any(|error| error["field"] == field && error["message"].as_str().unwrap().contains(says));
        assert!(answer.status == StatusCode::BAD_REQUEST && found, "{field} {says}: {problem}");
    }
}

#[test]
fn a_body_that_is_no_form_or_too_large_or_breaks_off_runs_nothing() {
    let mut app = TestApp::new();
    let whole = form(&[("name=\"request\"", REQUEST.as_bytes()), ("name=\"files\"; filename=\"main.py\"", b"")]);
    let large = vec![0; 11 << 20];
    let answers = [
        (send(&mut app, b"{}".to_vec(), &[]), StatusCode::BAD_REQUEST, "invalid_request"),
        (send(&mut app, whole[..whole.len() - 5].to_vec(), &[]), StatusCode::BAD_REQUEST, "incomplete_body"),
        (send(&mut app, b"--xyz\r\nX: y\r\n\r\n".to_vec(), &[]), StatusCode::BAD_REQUEST, "invalid_request"),
        (
            send(&mut app, form(&[("name=\"files\"; filename=\"a\"", &large)]), &[]),
            StatusCode::PAYLOAD_TOO_LARGE,
            "body_too_large",
        ),
    ];
    for (answer, status, code) in answers {
        assert_eq!((answer.status, &answer.json()["code"]), (status, &json!(code)), "{}", answer.text());
    }
    assert!(app.run_pools.jobs.borrow().is_empty());
}

#[test]
fn a_form_needs_a_key_whatever_cookie_the_browser_sends() {
    let mut app = TestApp::new();
    let cookie = app.sign_in("a@b.co");
    let body = form(&[("name=\"request\"", br#"{"lang":"python","code":"1"}"#)]);
    let request = ::http::Request::builder().method(Method::POST).uri("/api/run").header("cookie", cookie);
    let answer = app.send(request.header("content-type", "multipart/form-data; boundary=xyz"), body);
    assert_eq!((answer.status, &answer.json()["code"]), (StatusCode::UNAUTHORIZED, &json!("api_key_required")));
}

#[test]
fn a_repeated_form_with_another_boundary_is_the_same_call() {
    let mut app = TestApp::new();
    let parts: [Part<'_>; 2] =
        [("name=\"request\"", REQUEST.as_bytes()), ("name=\"files\"; filename=\"main.py\"", b"print(1)")];
    let fingerprint =
        |app: &TestApp| app.run_pools.calls.borrow().last().unwrap().1.as_ref().unwrap().fingerprint.clone();
    send(&mut app, form(&parts), &[("idempotency-key", "k")]);
    let first = fingerprint(&app);
    let other = String::from_utf8(form(&parts)).unwrap().replace("xyz", "abc");
    let request = app.request(Method::POST, "/api/run").header("idempotency-key", "k");
    app.send(request.header("content-type", "multipart/form-data; boundary=abc"), other);
    assert_eq!(fingerprint(&app), first);
    for changed in [
        [parts[0], ("name=\"files\"; filename=\"main.py\"", b"print(2)")],
        [("name=\"request\"", br#"{"lang":"python"}"#), parts[1]],
    ] {
        send(&mut app, form(&changed), &[("idempotency-key", "k")]);
        assert_ne!(fingerprint(&app), first);
    }
}

#[test]
fn forms_are_detached_and_streamed_like_json() {
    let mut app = TestApp::new();
    let detached: Value = json!({ "lang": "python", "code": "1", "detach": true });
    let answer = send(&mut app, form(&[("name=\"request\"", detached.to_string().as_bytes())]), &[]);
    assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
    let body = form(&[("name=\"request\"; filename=\"r.json\"", br#"{"lang":"python","code":"1"}"#)]);
    let answer = send(&mut app, body, &[("accept", "text/event-stream")]);
    assert!(answer.text().contains("event: complete"), "{}", answer.text());
}
