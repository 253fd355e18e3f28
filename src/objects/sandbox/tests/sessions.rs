//! Sessions: what is stored of them, and what the runner is told.

use super::*;
use crate::ports::sandboxes::{SessionRecord, SessionRequest};
use docle_protocol::sandbox::process::ProcessErrorCode;

fn sessions(setup: &mut Setup, request: SessionRequest) -> Result<Vec<String>, SandboxRefusal> {
    let logic = Rc::clone(&setup.logic);
    let listed = setup.bench.run(async move { logic.sessions(PROJECT, &request).await });
    listed.map(|sessions| sessions.into_iter().map(|session| session.id).collect())
}

fn record(id: &str) -> SessionRecord {
    let env = [("A".to_owned(), "1".to_owned())].into();
    SessionRecord { id: id.into(), cwd: "/tmp".into(), env, is_used: false, created_at: Timestamp(1) }
}

/// Executes a command in a session.
fn exec(setup: &mut Setup, session: &str) -> Result<(), SandboxRefusal> {
    setup.execs += 1;
    let body = json!({ "command": "echo", "session": session });
    let job = parse_exec(body, format!("e{}", setup.execs), 300_000).unwrap();
    let logic = Rc::clone(&setup.logic);
    let given = setup.bench.run(async move { logic.exec(PROJECT, job, None, ClientSignal::default()).await })?;
    setup.bench.run(given.value.collect::<Vec<_>>());
    setup.bench.settle();
    Ok(())
}

fn is_refused<T>(result: Result<T, SandboxRefusal>, code: ProcessErrorCode) -> bool {
    matches!(result, Err(SandboxRefusal::Process(error)) if error.code == code)
}

#[test]
fn a_session_outlives_resets_and_sleep_and_wakes_nothing() {
    let mut setup = Setup::new();
    setup.sleep().unwrap();
    assert_eq!(sessions(&mut setup, SessionRequest::Create { session: record("b") }), Ok(vec!["b".into()]));
    setup.reset();
    assert_eq!(sessions(&mut setup, SessionRequest::List), Ok(vec!["b".into()]));
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
    exec(&mut setup, "b").unwrap();
    exec(&mut setup, "b").unwrap();
    // One that is not there is made.
    exec(&mut setup, "a").unwrap();
    let told = setup.hosts.sessions.borrow().clone();
    let told: Vec<_> = told.iter().map(|one| (one.id.as_str(), one.cwd.as_str(), one.env.len(), one.is_used)).collect();
    assert_eq!(told, [("b", "/tmp", 1, false), ("b", "/tmp", 1, true), ("a", "", 0, false)]);
    assert_eq!(sessions(&mut setup, SessionRequest::List), Ok(vec!["a".into(), "b".into()]));
}

#[test]
fn a_session_is_made_once_and_deleted_with_its_shell() {
    let mut setup = Setup::new();
    let create = || SessionRequest::Create { session: record("s") };
    let delete = || SessionRequest::Delete { id: "s".into() };
    assert!(is_refused(sessions(&mut setup, delete()), ProcessErrorCode::UnknownSession));
    sessions(&mut setup, create()).unwrap();
    assert!(is_refused(sessions(&mut setup, create()), ProcessErrorCode::DuplicateSession));
    assert_eq!(sessions(&mut setup, delete()), Ok(Vec::new()));
    assert_eq!(setup.hosts.ended_sessions.borrow().last().map(String::as_str), Some("s"));
    for number in 0..64 {
        exec(&mut setup, &format!("s{number}")).unwrap();
    }
    assert!(is_refused(exec(&mut setup, "more"), ProcessErrorCode::TooManySessions));
}
