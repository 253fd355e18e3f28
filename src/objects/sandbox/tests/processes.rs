//! Processes in the background: an object that was reset finds them, and they wake and hold up nothing.

use super::*;
use docle_protocol::sandbox::process::{ProcessErrorCode, ProcessRequest, ProcessResponse, ProcessWatch};
use docle_protocol::sandbox::{ExecCommand, process::ProcessJob};

fn ask(setup: &mut Setup, request: ProcessRequest) -> Result<ProcessResponse, SandboxRefusal> {
    let logic = Rc::clone(&setup.logic);
    setup.bench.run(async move { logic.processes(PROJECT, &request).await.map(|given| given.value) })
}

fn start(setup: &mut Setup, id: &str, line: &str) {
    let job = ProcessJob {
        id: id.into(),
        name: None,
        command: ExecCommand::Shell(line.into()),
        cwd: String::new(),
        env: BTreeMap::new(),
        stdin: false,
        timeout_ms: None,
    };
    ask(setup, ProcessRequest::Start { job }).unwrap();
}

fn listed(setup: &mut Setup) -> Vec<String> {
    let Ok(ProcessResponse::Processes { processes }) = ask(setup, ProcessRequest::List) else { panic!("a list") };
    processes.into_iter().map(|process| process.id).collect()
}

fn watch(setup: &mut Setup, client: &ClientSignal) -> Result<ByteStream, SandboxRefusal> {
    let (logic, client) = (Rc::clone(&setup.logic), client.clone());
    let logs = ProcessWatch::Logs { process: "p".into(), after: 0, follow: true };
    setup.bench.run(async move { logic.watch(PROJECT, &logs, client).await })
}

fn is_unknown<T>(result: Result<T, SandboxRefusal>) -> bool {
    matches!(result, Err(SandboxRefusal::Process(error)) if error.code == ProcessErrorCode::UnknownProcess)
}

#[test]
fn an_object_that_was_reset_finds_the_processes() {
    let mut setup = Setup::new();
    start(&mut setup, "p", "hang");
    setup.reset();
    assert_eq!(listed(&mut setup), ["p"]);
    assert!(watch(&mut setup, &ClientSignal::default()).is_ok());
}

#[test]
fn a_sandbox_that_sleeps_has_no_processes_and_is_not_woken_by_the_question() {
    let mut setup = Setup::new();
    start(&mut setup, "p", "hang");
    setup.sleep().unwrap();
    assert!(listed(&mut setup).is_empty());
    assert!(is_unknown(ask(&mut setup, ProcessRequest::Get { process: "p".into() })));
    assert!(is_unknown(watch(&mut setup, &ClientSignal::default())));
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
    start(&mut setup, "q", "hang");
    assert_eq!((setup.status(), listed(&mut setup)), (SandboxStatus::Running, vec!["q".to_owned()]));
}

#[test]
fn a_process_does_not_keep_a_sandbox_awake_and_a_reader_of_its_output_does() {
    let mut setup = Setup::new();
    start(&mut setup, "p", "hang");
    let client = ClientSignal::default();
    let events = watch(&mut setup, &client).unwrap();
    for _ in 0..60 {
        setup.fire_alarm();
    }
    assert!(setup.bench.runtime.clock.now().0 > 700_000);
    assert_eq!(setup.status(), SandboxStatus::Running);
    client.leave();
    setup.bench.settle();
    for _ in 0..60 {
        if setup.status() == SandboxStatus::Running {
            setup.fire_alarm();
        }
    }
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
    drop(events);
}

#[test]
fn the_processes_of_a_machine_that_was_lost_are_gone() {
    let mut setup = Setup::new();
    start(&mut setup, "p", "hang");
    setup.hosts.lose();
    assert!(is_unknown(ask(&mut setup, ProcessRequest::Get { process: "p".into() })));
    assert!(listed(&mut setup).is_empty());
    // The next start is told what was lost.
    setup.exec("echo").unwrap().1.expect("the time of the files");
    start(&mut setup, "p", "hang");
    assert_eq!(listed(&mut setup), ["p"]);
}

#[test]
fn a_stranger_finds_no_processes() {
    let mut setup = Setup::new();
    start(&mut setup, "p", "hang");
    let logic = Rc::clone(&setup.logic);
    let refused = setup.bench.run(async move { logic.processes("proj_2", &ProcessRequest::List).await.err() });
    assert_eq!(refused, Some(SandboxRefusal::NotFound));
}
