//! Which bodies make which job, and which are refused with which field named.

use super::*;
use docle_protocol::{Limits, Network, RunLanguage, SourceFile};
use serde_json::json;

const ID: &str = "550e8400-e29b-41d4-a716-446655440000";

fn read_body(body: Value) -> Result<RunRequest, Vec<FieldError>> {
    parse(body, RunId::parse(ID).unwrap(), 300_000)
}

#[test]
fn defaults_are_filled_in() {
    let request = read_body(json!({ "code": "print(1)", "lang": "python" })).unwrap();
    let job = RunJob {
        id: ID.into(),
        language: RunLanguage::named("python"),
        files: vec![SourceFile::text("main.py", "print(1)")],
        repo: None,
        entrypoint: "main.py".into(),
        inputs: vec![],
        stdin: String::new(),
        interactive: false,
        tty: None,
        args: vec![],
        env: BTreeMap::new(),
        packages: vec![],
        compile: None,
        cell: None,
        share: None,
        limits: Limits {
            cpu_ms: None,
            max_file_mb: None,
            timeout_ms: 3_000,
            memory_mb: 256,
            max_output_bytes: 1_048_576,
        },
        network: Network::None,
        artifacts: None,
        kept: false,
        attached: vec![],
    };
    assert_eq!(
        request,
        RunRequest {
            job,
            sent_code: true,
            user_context: None,
            detach: false,
            queue_timeout_ms: None,
            webhook: None,
            submission: None
        }
    );
}

#[test]
fn everything_that_may_be_said_is_understood() {
    let request = read_body(json!({
        "files": [{ "path": "./src/a.js", "content": "1" }, { "path": "main.js", "content": "" }],
        "entrypoint": "src/a.js",
        "lang": "node",
        "packages": { "packages": ["@types/node@^22"] },
        "stdin": "in",
        "args": ["-x", ""],
        "env": { "A B": "1" },
        "policy": {
            "timeoutMs": 300_000, "memoryMB": 16, "maxOutputBytes": 10_485_760,
            "allowNetwork": true, "allowedHosts": ["*.Example.com"],
        },
        "userContext": { "id": "u", "email": "e", "name": "n", "tier": "pro", "metadata": { "a": [1] } },
    }))
    .unwrap();
    let job = request.job;
    assert_eq!((job.files[0].path.as_str(), job.entrypoint.as_str()), ("src/a.js", "src/a.js"));
    assert_eq!(job.packages, ["@types/node@^22"]);
    assert_eq!(job.args, ["-x", ""]);
    assert_eq!(job.env["A B"], "1");
    assert_eq!(
        job.limits,
        Limits { cpu_ms: None, max_file_mb: None, timeout_ms: 300_000, memory_mb: 16, max_output_bytes: 10_485_760 }
    );
    assert_eq!(job.network, Network::Hosts { hosts: vec!["*.example.com".into()] });
    assert!(!request.sent_code);
    let context = json!({ "id": "u", "email": "e", "name": "n", "tier": "pro", "metadata": { "a": [1] } });
    assert_eq!(serde_json::to_value(request.user_context).unwrap(), context);
}

#[test]
fn network_is_none_public_or_hosts() {
    let network =
        |policy: Value| read_body(json!({ "code": "", "lang": "node", "policy": policy })).unwrap().job.network;
    assert_eq!(network(json!({})), Network::None);
    assert_eq!(network(json!({ "allowNetwork": true })), Network::Public);
    assert_eq!(network(json!({ "allowNetwork": true, "allowedHosts": [] })), Network::Hosts { hosts: vec![] });
}

#[test]
fn what_serialisers_send_for_an_absent_field_was_refused() {
    let body = json!({
        "tier": null, "code": "print(1)", "files": [], "lang": "python", "entrypoint": null, "packages": null, "stdin": null,
        "args": null, "env": { "A": null }, "userContext": null,
        "policy": { "timeoutMs": 5000.0, "memoryMB": null, "allowNetwork": null, "allowedHosts": null },
    });
    let request = read_body(body).unwrap();
    assert_eq!((request.job.files.len(), request.job.limits.timeout_ms, request.job.limits.memory_mb), (1, 5_000, 256));
    assert!(request.sent_code && request.job.env.is_empty() && request.job.network == Network::None);
    let body = json!({ "code": null, "files": [{ "path": "main.py", "content": "" }], "lang": "python", "packages": { "packages": null } });
    assert!(!read_body(body).unwrap().sent_code);
}

#[test]
fn other_spellings_of_fields_and_languages_were_refused() {
    let body = json!({
        "code": "", "language": "JavaScript", "entry_point": "a.js", "packages": ["lodash@4"],
        "policy": { "timeout_ms": 7_000, "memory_mb": 64, "allow_network": true, "allowed_hosts": ["a.com"] },
        "user_context": { "id": "u" },
    });
    let request = read_body(body).unwrap();
    let job = request.job;
    assert_eq!((job.language.name(), job.entrypoint.as_str(), job.limits.timeout_ms), ("node", "a.js", 7_000));
    assert_eq!(
        (job.packages, job.network),
        (vec!["lodash@4".to_owned()], Network::Hosts { hosts: vec!["a.com".into()] })
    );
    assert_eq!(request.user_context.unwrap().id, "u");
    for (name, id) in
        [("py", "python"), ("python3", "python"), ("Python", "python"), ("js", "node"), ("nodejs", "node")]
    {
        assert_eq!(read_body(json!({ "code": "", "lang": name })).unwrap().job.language.name(), id, "{name}");
    }
}

#[test]
fn code_is_written_to_the_entry_point() {
    let job = read_body(json!({ "code": "1", "lang": "node", "entrypoint": "a/b.mjs" })).unwrap().job;
    assert_eq!((job.files[0].path.as_str(), job.entrypoint.as_str()), ("a/b.mjs", "a/b.mjs"));
}

#[test]
fn a_deployment_may_lower_the_highest_timeout() {
    let body = |timeout: u32| json!({ "code": "", "lang": "node", "policy": { "timeoutMs": timeout } });
    let id = RunId::parse(ID).unwrap();
    assert!(parse(body(1_000), id, 1_000).is_ok());
    let errors = parse(body(1_001), id, 1_000).unwrap_err();
    assert_eq!(errors[0].message, "must be an integer from 100 to 1000, got 1001");
    let default = parse(json!({ "code": "", "lang": "node" }), id, 1_000).unwrap();
    assert_eq!(default.job.limits.timeout_ms, 1_000);
}

/// `{code, lang}` with `change` laid over it.
fn with(change: Value) -> Value {
    let mut body = json!({ "code": "1", "lang": "python" });
    for (name, value) in change.as_object().unwrap() {
        body[name] = value.clone();
    }
    body
}

fn files(paths: &[&str]) -> Value {
    let files: Vec<Value> = paths.iter().map(|path| json!({ "path": path, "content": "" })).collect();
    json!({ "files": files, "lang": "python" })
}

#[test]
fn bad_input_names_the_field() {
    let policy = |name: &str, value: Value| with(json!({ "policy": { name: value } }));
    let packages = |text: &str| with(json!({ "packages": { "packages": ["requests", text] } }));
    let many = vec!["x".to_owned(); 1_001];
    let long = "x".repeat(70_000);
    let cases: Vec<(Value, &str, &str)> = vec![
        (json!([]), "", "must be an object, got an array"),
        (json!("x"), "", "must be an object, got \"x\""),
        (json!({ "lang": "python" }), "code", "is required, unless files are sent"),
        (with(json!({ "files": [{}] })), "files", "must not be sent together with code"),
        (with(json!({ "files": "main.py" })), "files", "must not be sent together with code"),
        (with(json!({ "code": 1 })), "code", "must be a string, got 1"),
        (with(json!({ "code": null })), "code", "is required, unless files are sent"),
        (
            with(json!({ "lang": null })),
            "lang",
            "is required: \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\"",
        ),
        (
            with(json!({ "lang": "typescript" })),
            "lang",
            "must be \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\", got \"typescript\"; for TypeScript send",
        ),
        (with(json!({ "tier": "isolate" })), "tier", "must be \"run\" here: run a script with POST /execute"),
        (with(json!({ "queueTimeoutMs": 5_000 })), "queueTimeoutMs", "needs detach"),
        (
            with(json!({ "detach": true, "queueTimeoutMs": 999 })),
            "queueTimeoutMs",
            "must be an integer from 1000 to 600000, got 999",
        ),
        (with(json!({ "tier": "jail" })), "tier", "must be \"run\" or \"isolate\""),
        (
            json!({ "code": "1" }),
            "lang",
            "is required: \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\"",
        ),
        (
            with(json!({ "lang": "cobol" })),
            "lang",
            "must be \"python\", \"node\", \"bash\", \"perl\", \"lua\", \"php\", \"ruby\", \"c\", \"cpp\", \"go\", \"java\" or \"rust\", got \"cobol\"",
        ),
        (with(json!({ "lang": ["python"] })), "lang", "must be a string, got an array"),
        (with(json!({ "timeoutMs": 1 })), "timeoutMs", "is not a field; did you mean \"policy.timeoutMs\"?"),
        (with(json!({ "timeout": 1 })), "timeout", "is not a field; did you mean \"policy.timeoutMs\"?"),
        (with(json!({ "entrypiont": "a" })), "entrypiont", "is not a field; did you mean \"entrypoint\"?"),
        (with(json!({ "banana": "a" })), "banana", "is not a field; there are: tier, code"),
        (policy("timeout", json!(1)), "policy.timeout", "is not a field; did you mean \"timeoutMs\"?"),
        (with(json!({ "policy": [] })), "policy", "must be an object such as { \"timeoutMs\": 5000 }, got an array"),
        (policy("timeoutMs", json!(99)), "policy.timeoutMs", "must be an integer from 100 to 300000, got 99"),
        (policy("timeoutMs", json!(300_001)), "policy.timeoutMs", "must be an integer from 100 to 300000, got 300001"),
        (policy("timeoutMs", json!("3000")), "policy.timeoutMs", "must be an integer from 100 to 300000, got \"3000\""),
        (
            policy("timeoutMs", json!(1e9)),
            "policy.timeoutMs",
            "must be an integer from 100 to 300000, got 1000000000.0",
        ),
        (policy("timeoutMs", json!(-5)), "policy.timeoutMs", "must be an integer from 100 to 300000, got -5"),
        (policy("timeoutMs", json!(100.5)), "policy.timeoutMs", "must be an integer from 100 to 300000, got 100.5"),
        (policy("cpuMs", json!(9)), "policy.cpuMs", "must be an integer from 10 to 1200000, got 9"),
        (policy("cpuMs", json!("1s")), "policy.cpuMs", "must be an integer from 10 to 1200000, got \"1s\""),
        (policy("maxFileMB", json!(0)), "policy.maxFileMB", "must be an integer from 1 to 2048, got 0"),
        (policy("memoryMB", json!(15)), "policy.memoryMB", "must be an integer from 16 to 2048, got 15"),
        (
            policy("maxOutputBytes", json!(1)),
            "policy.maxOutputBytes",
            "must be an integer from 1024 to 10485760, got 1",
        ),
        (policy("allowNetwork", json!("yes")), "policy.allowNetwork", "must be true or false, got \"yes\""),
        (policy("allowedHosts", json!(["a.com"])), "policy.allowedHosts", "needs allowNetwork to be true"),
        (
            with(json!({ "policy": { "allowNetwork": true, "allowedHosts": ["a.com", "http://b"] } })),
            "policy.allowedHosts[1]",
            "must be a host",
        ),
        (files(&[]), "files", "must have at least one entry"),
        (
            files(&many.iter().map(String::as_str).collect::<Vec<_>>()),
            "files",
            "may have at most 1000 entries, got 1001",
        ),
        (
            json!({ "files": {}, "lang": "python" }),
            "files",
            "must be an array such as [{ \"path\": \"main.py\", \"content\": \"print(1)\" }], got an object",
        ),
        (json!({ "files": ["a"], "lang": "python" }), "files[0]", "must be an object, got \"a\""),
        (json!({ "files": [{ "path": "main.py" }], "lang": "python" }), "files[0].content", "is required"),
        (files(&["main.py", "../x"]), "files[1].path", "must not contain a \"..\" segment"),
        (files(&["/etc/passwd"]), "files[0].path", "must be relative"),
        (files(&["main.py", "a\0b"]), "files[1].path", "must not contain NUL"),
        (files(&["main.py", "./main.py"]), "files[1].path", "is the path of another file, too"),
        (files(&["main.py", "main.py/x"]), "files[0].path", "is a directory of another file"),
        (files(&["a.py"]), "entrypoint", "is required, because files have no main.py"),
        (with(json!({ "entrypoint": "" })), "entrypoint", "must not be empty"),
        (with(json!({ "entrypoint": "../main.py" })), "entrypoint", "must not contain a \"..\" segment"),
        (
            json!({ "files": [{ "path": "main.py", "content": "" }], "lang": "python", "entrypoint": "a.py" }),
            "entrypoint",
            "must be the path of one of files, got \"a.py\"",
        ),
        (packages("--index-url=https://evil.example"), "packages.packages[1]", "must be a package name"),
        (packages("git+https://github.com/a/b"), "packages.packages[1]", "must be a package name"),
        (packages("../x"), "packages.packages[1]", "must be a package name"),
        (with(json!({ "packages": ["../x"] })), "packages[0]", "must be a package name"),
        (with(json!({ "packages": "a" })), "packages", "must be an array such as [\"requests\"], got \"a\""),
        (with(json!({ "packages": { "packages": [1] } })), "packages.packages[0]", "must be a string, got 1"),
        (with(json!({ "packages": { "packages": many } })), "packages.packages", "may have at most 50 entries"),
        (with(json!({ "artifacts": "a" })), "artifacts", "must be an array such as [\"out/*.png\"], got \"a\""),
        (
            with(json!({ "artifacts": ["a", "../x"] })),
            "artifacts[1]",
            "must not contain a \"..\" segment; got \"../x\"",
        ),
        (with(json!({ "artifacts": ["/etc/passwd"] })), "artifacts[0]", "must be relative"),
        (with(json!({ "artifacts": vec!["a"; 21] })), "artifacts", "may have at most 20 entries, got 21"),
        (with(json!({ "artifacts": [1] })), "artifacts[0]", "must be a string, got 1"),
        (with(json!({ "artifactsInline": true })), "artifactsInline", "needs artifacts such as [\"out/*.png\"]"),
        (with(json!({ "artifacts": ["a"], "artifactsInline": 1 })), "artifactsInline", "must be true or false, got 1"),
        (with(json!({ "stdin": 1 })), "stdin", "must be a string, got 1"),
        (with(json!({ "args": "x" })), "args", "must be an array such as [\"--verbose\", \"1\"], got \"x\""),
        (with(json!({ "args": ["a\0"] })), "args[0]", "must not contain NUL"),
        (with(json!({ "args": [long] })), "args[0]", "must have at most 65536 bytes, got 70000"),
        (
            with(json!({ "env": { "A=B": "" } })),
            "env",
            "has a variable with the name \"A=B\": a name must not be empty",
        ),
        (with(json!({ "env": { "": "" } })), "env", "has a variable with the name \"\": a name must not be empty"),
        (with(json!({ "env": { "A": 1 } })), "env.A", "must be a string, got 1"),
        (with(json!({ "env": { "A": "\0" } })), "env.A", "must not contain NUL"),
        (with(json!({ "env": [] })), "env", "must be an object of strings"),
        (with(json!({ "userContext": {} })), "userContext.id", "is required"),
        (with(json!({ "userContext": { "id": "" } })), "userContext.id", "is required and must not be empty"),
        (with(json!({ "userContext": { "id": "u", "tier": "gold" } })), "userContext.tier", "must be \"free\""),
        (with(json!({ "userContext": { "id": "u", "metadata": 1 } })), "userContext.metadata", "must be an object"),
        (
            with(json!({ "userContext": { "id": "u", "metadata": { "a": long } } })),
            "userContext.metadata",
            "makes the context",
        ),
        (with(json!({ "userContext": { "id": "u", "plan": 1 } })), "userContext.plan", "is not a field"),
    ];
    for (body, field, message) in cases {
        let shown = body.to_string().chars().take(100).collect::<String>();
        let errors = read_body(body).expect_err(&shown);
        let found = errors.iter().any(|error| error.field == field && error.message.starts_with(message));
        assert!(found, "{shown}\nexpected {field}: {message}\ngot {errors:#?}");
    }
}

#[test]
fn all_problems_are_reported_at_once_but_not_a_thousand() {
    let errors =
        read_body(json!({ "lang": "cobol", "policy": { "timeoutMs": 1, "memoryMB": 1 }, "x": 1 })).unwrap_err();
    let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
    assert_eq!(fields, ["lang", "code", "policy.timeoutMs", "policy.memoryMB", "x"]);
    let many = read_body(files(&["../x"; 1_000])).unwrap_err();
    assert_eq!(many.len(), 50);
}

#[test]
fn a_field_of_another_call_leads_to_it() {
    for (field, place) in [("tests", "POST /api/run/judge"), ("inputs", "POST /api/run/batch")] {
        let body = json!({ "code": "", "lang": "python", field: [] });
        let errors = read_body(body).unwrap_err();
        assert_eq!((errors.len(), errors[0].field.as_str()), (1, field));
        assert!(errors[0].message.contains(place), "{}", errors[0].message);
    }
}

#[test]
fn a_terminal_is_for_interactive_runs() {
    let body = |tty: Value| json!({ "code": "1", "lang": "python", "tty": tty });
    let interactive = |tty| parse_interactive(body(tty), RunId::parse(ID).unwrap(), 300_000);
    let request = interactive(json!({ "cols": 80, "rows": 24 })).unwrap();
    assert_eq!(request.job.tty, Some(TerminalSize { cols: 80, rows: 24 }));
    assert_eq!(interactive(Value::Null).unwrap().job.tty, None);
    let errors = read_body(body(json!({ "cols": 80, "rows": 24 }))).unwrap_err();
    assert!(errors[0].field == "tty" && errors[0].message.contains("GET /api/run"), "{errors:?}");
    for (wrong, field) in [
        (json!(true), "tty"),
        (json!({}), "tty.cols"),
        (json!({ "cols": 0, "rows": 24 }), "tty.cols"),
        (json!({ "cols": 80, "rows": 1_001 }), "tty.rows"),
        (json!({ "cols": 80, "rows": 24, "term": "vt100" }), "tty.term"),
    ] {
        assert_eq!(interactive(wrong.clone()).unwrap_err()[0].field, field, "{wrong}");
    }
}
