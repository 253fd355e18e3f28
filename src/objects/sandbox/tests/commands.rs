//! Commands, their history, and clients that leave.

use super::*;
use crate::domain::input::page::Page;
use docle_api::sandbox_commands::ExecStatus;

fn history(setup: &Setup) -> Vec<(String, ExecStatus, i32, String)> {
    let records = setup.logic.executions(PROJECT, &Page::first()).unwrap();
    records.into_iter().map(|one| (one.command, one.status, one.exit_code, one.output)).collect()
}

#[test]
fn commands_run_and_the_history_has_them() {
    let mut setup = Setup::new();
    let (events, restored_from) = setup.exec("echo").unwrap();
    assert!(events.starts_with(r#"{"type":"start","pid":7}"#) && events.contains("complete"), "{events}");
    assert_eq!(restored_from, None);
    for line in ["exit 3", "timeout", "memory"] {
        setup.bench.pass_ms(1);
        setup.exec(line).unwrap();
    }
    let expected = [
        ("memory", ExecStatus::Memory, 137, ""),
        ("timeout", ExecStatus::Timeout, 124, "before"),
        ("exit 3", ExecStatus::Error, 3, ""),
        ("echo", ExecStatus::Success, 0, "echo\n"),
    ];
    let expected = expected.map(|(command, status, code, output)| (command.into(), status, code, output.into()));
    assert_eq!(history(&setup), expected);
}

#[test]
fn a_stranger_finds_nothing() {
    let mut setup = Setup::new();
    let job = parse_exec(json!({ "command": "ls" }), "e".into(), 300_000).unwrap();
    let logic = Rc::clone(&setup.logic);
    let refused = setup.bench.run(async move { logic.exec("proj_2", job, None, ClientSignal::default()).await.err() });
    assert_eq!(refused, Some(SandboxRefusal::NotFound));
    assert_eq!(setup.logic.report("proj_2"), Err(SandboxRefusal::NotFound));
    let stranger = SandboxOf { project_id: "proj_2".into(), ..setup.sandbox.clone() };
    let logic = Rc::clone(&setup.logic);
    assert_eq!(setup.bench.run(async move { logic.delete(&stranger).await }), Err(SandboxRefusal::NotFound));
    assert!(setup.hosts.executed.borrow().is_empty());
}

#[test]
fn a_client_that_leaves_ends_its_command() {
    let mut setup = Setup::new();
    let client = ClientSignal::default();
    let events = setup.start_exec("hang", &client).result().unwrap().value;
    client.leave();
    setup.bench.settle();
    assert_eq!(*setup.hosts.cancelled.borrow(), ["e1"]);
    assert_eq!(history(&setup), [("hang".into(), ExecStatus::Killed, 137, String::new())]);
    drop(events);
}

#[test]
fn a_command_whose_stream_is_dropped_is_ended() {
    let mut setup = Setup::new();
    let events = setup.start_exec("hang", &ClientSignal::default()).result().unwrap().value;
    drop(events);
    let sender = setup.hosts.hanging.borrow()["e1"].clone();
    // The next output finds nobody.
    sender.unbounded_send(Ok(b"\n".to_vec())).unwrap();
    drop(sender);
    setup.bench.settle();
    assert_eq!(*setup.hosts.cancelled.borrow(), ["e1"]);
}

#[test]
fn a_runner_that_dies_during_a_command_ends_its_stream_without_a_last_event() {
    let mut setup = Setup::new();
    let mut events = setup.start_exec("hang", &ClientSignal::default()).result().unwrap().value;
    setup.hosts.lose();
    let chunks = setup.bench.run(async move { events.by_ref().collect::<Vec<_>>().await });
    assert!(!String::from_utf8(chunks.into_iter().flat_map(Result::unwrap).collect()).unwrap().contains("complete"));
    setup.bench.settle();
    assert_eq!(history(&setup)[0].1, ExecStatus::System);
}

#[test]
fn a_runner_that_is_away_refuses_and_nothing_is_lost() {
    let mut setup = Setup::new();
    setup.exec("write a").unwrap();
    setup.hosts.is_away.set(true);
    assert!(matches!(setup.exec("echo"), Err(SandboxRefusal::Unavailable(_))));
    setup.hosts.is_away.set(false);
    assert_eq!(setup.exec("echo").unwrap().1, None);
    assert_eq!(setup.files(), Some(vec!["a".into()]));
}

#[test]
fn places_for_awake_sandboxes_are_asked_for_and_given_back() {
    let mut setup = Setup::unopened();
    setup.neighbours.admission.set(Some(Admission::AccountFull { limit: 3 }));
    setup.open();
    let Err(SandboxRefusal::Quota(exceeded)) = setup.wake() else { panic!("the account is full") };
    assert_eq!(exceeded.limit, 3);
    setup.neighbours.admission.set(Some(Admission::Full));
    assert_eq!(setup.wake(), Err(SandboxRefusal::Full));
    assert_eq!((setup.status(), setup.hosts.count()), (SandboxStatus::Creating, 0));
    setup.neighbours.admission.set(None);
    setup.wake().unwrap();
    assert_eq!(setup.neighbours.awake.get(), 1);
    setup.sleep().unwrap();
    assert_eq!(setup.neighbours.awake.get(), 0);
}
