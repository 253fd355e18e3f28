//! Judging from the outside: verdicts, points, and what the program is given.

use crate::tests::app::{Answer, TestApp};
use crate::tests::fake_run_pools::Script;
use crate::tests::fake_runner::{START, output};
use ::http::{Method, StatusCode};
use docle_protocol::{RunJob, Stream};
use serde_json::{Value, json};

fn ended(status: &str, exit_code: i32, stdout: &str, details: Value) -> Script {
    let mut report = json!({
        "status": status, "exitCode": exit_code, "signal": null, "truncated": { "stdout": false, "stderr": false },
        "usage": {
            "cpuMs": 9.5, "memMB": 2.0, "durationMs": 3.0, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 0,
        },
    });
    report.as_object_mut().unwrap().extend(details.as_object().unwrap().clone());
    let complete = json!({ "type": "complete", "report": report });
    Script::Chunks(vec![format!("{START}{}{complete}\n", output(Stream::Stdout, stdout)).into_bytes()])
}

/// Ends as its standard input says: a status, an exit code, and an output.
fn told(job: &RunJob) -> Script {
    let mut words = job.stdin.splitn(3, ' ');
    let mut word = || words.next().unwrap_or_default();
    let (status, exit_code, stdout) = (word(), word(), word());
    ended(status, exit_code.parse().unwrap(), stdout, json!({}))
}

fn judge(app: &mut TestApp, body: Value) -> Answer {
    let mut whole = json!({ "lang": "python", "code": "secret program" });
    whole.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
    let request = app.request(Method::POST, "/api/run/judge");
    app.send(request, whole.to_string())
}

fn verdicts(result: &Value) -> Vec<&str> {
    result["tests"].as_array().unwrap().iter().map(|test| test["verdict"].as_str().unwrap()).collect()
}

fn all_kinds() -> Value {
    json!([
        { "name": "right", "stdin": "success 0 3", "expected": "3\n", "points": 10 },
        { "stdin": "success 0 4", "expected": "3\n", "points": 20 },
        { "stdin": "error 1 3", "expected": "3\n" },
        { "stdin": "killed 139 3", "expected": "3\n" },
        { "stdin": "timeout 124 3", "expected": "3\n" },
        { "stdin": "memory 137 3", "expected": "3\n" },
        { "stdin": "output 137 3", "expected": "3\n" },
        { "stdin": "system 1 3", "expected": "3\n" },
        { "stdin": "success 0 anything" },
    ])
}

#[test]
fn each_test_has_its_verdict_in_the_order_of_the_request() {
    let mut app = TestApp::new();
    app.script(Script::Of(told));
    let answer = judge(&mut app, json!({ "tests": all_kinds() }));
    assert_eq!((answer.status, answer.header("x-ratelimit-remaining")), (StatusCode::OK, "59"), "{}", answer.text());
    let result = answer.json();
    assert_eq!(
        verdicts(&result),
        [
            "accepted",
            "wrong_answer",
            "runtime_error",
            "runtime_error",
            "timeout",
            "memory",
            "output",
            "judge_error",
            "accepted"
        ]
    );
    assert_eq!((&result["verdict"], &result["passed"]), (&json!("wrong_answer"), &json!(2)));
    assert_eq!((&result["points"], &result["maxPoints"]), (&json!(11.0), &json!(37.0)));
    assert_eq!(result["tests"][0]["name"], "right");
    assert_eq!(result["tests"][1]["difference"], json!({ "line": 1, "column": 1, "expected": "3", "actual": "4" }));
    assert_eq!(result["tests"][7]["message"], "The run ended with status \"system\".");
    assert_eq!(result["tests"][0]["run"]["cpuMs"], 9.5);
    assert_eq!(app.recorded().len(), 9, "each test is a run");
}

#[test]
fn a_judgement_is_the_same_when_it_is_repeated() {
    let mut app = TestApp::new();
    app.script(Script::Of(told));
    let mut once = || {
        let mut result = judge(&mut app, json!({ "tests": all_kinds() })).json();
        result["createdAt"] = json!(null);
        for test in result["tests"].as_array_mut().unwrap() {
            test["run"]["id"] = json!(null);
        }
        result
    };
    assert_eq!(once(), once());
}

#[test]
fn the_expected_output_and_the_checker_never_reach_the_jail_or_the_record_of_the_program() {
    let mut app = TestApp::new();
    app.script(Script::Of(|job| ended("success", 0, if job.inputs.is_empty() { "4" } else { "" }, json!({}))));
    let checker = json!({ "lang": "python", "code": "checker program" });
    let tests = json!([{ "stdin": "1 2", "expected": "hidden answer" }]);
    let result = judge(&mut app, json!({ "tests": tests, "checker": checker })).json();
    assert_eq!(verdicts(&result), ["accepted"]);
    let jobs = app.run_pools.jobs.borrow();
    let program = serde_json::to_string(&jobs[0]).unwrap();
    assert!(program.contains("secret program") && !program.contains("hidden") && !program.contains("checker"));
    let check = &jobs[1];
    assert_eq!(check.args, ["test/input.txt", "test/output.txt", "test/expected.txt"]);
    let contents: Vec<&str> = check.inputs.iter().map(|file| file.content.as_str()).collect();
    assert_eq!(contents, ["1 2", "4", "hidden answer"]);
    assert!(!serde_json::to_string(check).unwrap().contains("secret program"));
    assert_ne!(check.id, jobs[0].id);
    drop(jobs);
    let records = app.logs.records();
    assert_eq!(records.len(), 2, "the check is a run, too");
    assert!(records.values().all(|record| !record.contains("hidden answer")));
    assert_eq!(result["tests"][0]["checker"]["exitCode"], 0);
}

#[test]
fn the_checker_decides_and_one_that_fails_is_not_the_fault_of_the_program() {
    for (stdin, verdict, points, says) in [
        ("success 0 ", "accepted", 10.0, None),
        ("error 1 no", "wrong_answer", 0.0, None),
        ("error 2 no", "wrong_answer", 0.0, None),
        ("error 7 0.25", "partial", 2.5, None),
        ("error 7 lots", "judge_error", 0.0, Some("no number from 0 to 1")),
        ("error 3 failed", "judge_error", 0.0, Some("exit code 3")),
        ("timeout 124 ", "judge_error", 0.0, Some("status \"timeout\"")),
        ("killed 139 ", "judge_error", 0.0, Some("status \"killed\"")),
        ("output 137 1", "judge_error", 0.0, Some("status \"output\"")),
    ] {
        let mut app = TestApp::new();
        app.script(Script::Of(|job| match job.inputs.first() {
            None => ended("success", 0, "", json!({})),
            Some(input) => told(&RunJob { stdin: input.content.clone(), ..job.clone() }),
        }));
        let body = json!({ "tests": [{ "stdin": stdin, "points": 10 }], "checker": { "lang": "python", "code": "" } });
        let result = judge(&mut app, body).json();
        assert_eq!((verdicts(&result), &result["points"]), (vec![verdict], &json!(points)), "{stdin}");
        let message = result["tests"][0]["message"].as_str();
        assert_eq!(message.is_some(), says.is_some(), "{stdin}");
        assert!(message.is_none_or(|message| message.contains(says.unwrap())), "{stdin} {message:?}");
    }
}

#[test]
fn tests_after_the_first_failure_are_not_run_if_the_caller_says_so() {
    let mut app = TestApp::new();
    app.script(Script::Of(told));
    let right = json!({ "stdin": "success 0 3", "expected": "3" });
    let tests = json!([right, { "stdin": "success 0 4", "expected": "3" }, right, right]);
    let result = judge(&mut app, json!({ "tests": tests, "stopOnFailure": true })).json();
    assert_eq!(verdicts(&result), ["accepted", "wrong_answer", "skipped", "skipped"]);
    assert_eq!((&result["verdict"], app.recorded().len()), (&json!("wrong_answer"), 2));
    assert!(result["tests"][2].get("run").is_none());
}

#[test]
fn a_program_that_cannot_be_compiled_is_compiled_once() {
    let mut app = TestApp::new();
    app.script(Script::Of(|_| {
        let compile = json!({ "stdout": "", "stderr": "wrong", "exitCode": 1, "durationMs": 5.0, "cpuMs": 4.5 });
        ended("compile_error", 1, "", json!({ "compile": compile }))
    }));
    let result = judge(&mut app, json!({ "lang": "c", "tests": [{}, {}, {}, {}, {}] })).json();
    assert_eq!(verdicts(&result), ["compile_error"; 5]);
    assert_eq!((&result["compile"]["stderr"], app.run_pools.jobs.borrow().len()), (&json!("wrong"), 1));
    // The time of the program is without its compilation.
    assert_eq!(result["tests"][0]["run"]["cpuMs"], 5.0);
}

#[test]
fn a_test_has_its_own_time_limit() {
    let mut app = TestApp::new();
    app.script(Script::Of(|_| ended("success", 0, "", json!({}))));
    let body = json!({ "policy": { "timeoutMs": 2_000 }, "tests": [{}, { "timeoutMs": 500 }] });
    assert_eq!(judge(&mut app, body).status, StatusCode::OK);
    let limits: Vec<u32> = app.run_pools.jobs.borrow().iter().map(|job| job.limits.timeout_ms).collect();
    assert_eq!(limits, [2_000, 500]);
}

#[test]
fn a_program_that_prints_too_much_is_held_to_its_limit_before_anything_is_compared() {
    let mut app = TestApp::new();
    app.script(Script::Of(|_| ended("output", 137, &"3".repeat(100_000), json!({}))));
    let result = judge(&mut app, json!({ "tests": [{ "expected": "3".repeat(100_000) }] })).json();
    assert_eq!(verdicts(&result), ["output"]);
    assert!(result["tests"][0].get("difference").is_none());
}

#[test]
fn events_of_a_judgement_end_with_its_result() {
    let mut app = TestApp::new();
    app.script(Script::Of(told));
    let request = app.request(Method::POST, "/api/run/judge").header("accept", "text/event-stream");
    let body = json!({ "lang": "python", "code": "", "tests": [{ "stdin": "success 0 1", "expected": "1" }] });
    let text = app.send(request, body.to_string()).text();
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("event: ")).collect();
    assert_eq!(names, ["test", "complete"]);
    let last = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
    let complete: Value = serde_json::from_str(last).unwrap();
    assert_eq!((&complete["type"], &complete["verdict"]), (&json!("complete"), &json!("accepted")));
}

/// An interactor, whose arguments name the files of the test, or a program.
fn is_interactor(job: &RunJob) -> bool {
    !job.inputs.is_empty()
}

#[test]
fn an_interactor_has_the_test_and_the_program_has_only_their_talk() {
    let mut app = TestApp::new();
    app.script(Script::Of(|_| ended("success", 0, "hello\n", json!({}))));
    let interactor = json!({ "lang": "python", "code": "interactor program" });
    let tests = json!([{ "stdin": "hidden input", "expected": "hidden answer", "points": 3 }]);
    let result = judge(&mut app, json!({ "tests": tests, "interactor": interactor })).json();
    assert_eq!((verdicts(&result), &result["points"]), (vec!["accepted"], &json!(3.0)));
    assert_eq!(result["tests"][0]["interactor"]["exitCode"], 0);
    let jobs = app.run_pools.jobs.borrow();
    let (interactors, programs): (Vec<_>, Vec<_>) = jobs.iter().partition(|job| is_interactor(job));
    assert_eq!((interactors.len(), programs.len()), (1, 1));
    assert!(jobs.iter().all(|job| job.interactive && job.stdin.is_empty()));
    let contents: Vec<&str> = interactors[0].inputs.iter().map(|file| file.content.as_str()).collect();
    assert_eq!(contents, ["hidden input", "hidden answer"]);
    assert!(!serde_json::to_string(programs[0]).unwrap().contains("hidden"));
    // The interactor is there for longer than the program may run.
    assert!(interactors[0].limits.timeout_ms > 2 * programs[0].limits.timeout_ms);
}

#[test]
fn an_interactor_decides_about_a_program_that_ends_well() {
    for (exit_code, verdict) in [(0, "accepted"), (1, "wrong_answer"), (3, "judge_error"), (7, "judge_error")] {
        let mut app = TestApp::new();
        app.script(Script::Of(match exit_code {
            0 => |_| ended("success", 0, "", json!({})),
            1 => |job| {
                if is_interactor(job) { ended("error", 1, "", json!({})) } else { ended("success", 0, "", json!({})) }
            },
            3 => |job| {
                if is_interactor(job) { ended("error", 3, "", json!({})) } else { ended("success", 0, "", json!({})) }
            },
            // The share of the points is not on standard output, which the program reads.
            _ => |job| {
                if is_interactor(job) { ended("error", 7, "1", json!({})) } else { ended("success", 0, "", json!({})) }
            },
        }));
        let body = json!({ "tests": [{}], "interactor": { "lang": "python", "code": "" } });
        assert_eq!(verdicts(&judge(&mut app, body).json()), [verdict], "{exit_code}");
    }
}
