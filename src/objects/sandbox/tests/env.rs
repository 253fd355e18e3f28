//! Variables with runners that fail.

use super::*;
use crate::ports::sandboxes::EnvRequest;
use crate::tests::fault::Fault;
use docle_api::limits::MAX_ENV;

impl Setup {
    fn env(&mut self, request: EnvRequest) -> Result<Vec<String>, SandboxRefusal> {
        let logic = Rc::clone(&self.logic);
        self.bench.run(async move { logic.env(PROJECT, request).await })
    }

    fn set(&mut self, name: &str, value: &str) -> Result<Vec<String>, SandboxRefusal> {
        let set = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        self.env(EnvRequest::Change { set, remove: Vec::new() })
    }

    /// The variables of the machine.
    fn on_machine(&self) -> BTreeMap<String, String> {
        self.hosts.env.borrow()[&self.sandbox.id].clone()
    }
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn variables_are_there_at_once_and_after_every_start() {
    let mut setup = Setup::new();
    assert_eq!(setup.set("A", "1").unwrap(), ["A"]);
    assert_eq!(setup.set("B", "2").unwrap(), ["A", "B"]);
    assert_eq!(setup.on_machine(), env(&[("A", "1"), ("B", "2")]));
    setup.sleep().unwrap();
    let request = EnvRequest::Change { set: env(&[("C", "3")]), remove: vec!["A".into(), "none".into()] };
    assert_eq!(setup.env(request).unwrap(), ["B", "C"]);
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
    setup.reset();
    setup.wake().unwrap();
    assert_eq!(setup.on_machine(), env(&[("B", "2"), ("C", "3")]));
    setup.env(EnvRequest::Replace { env: env(&[("D", "4")]) }).unwrap();
    assert_eq!(setup.on_machine(), env(&[("D", "4")]));
    assert_eq!(setup.env(EnvRequest::List).unwrap(), ["D"]);
}

#[test]
fn a_machine_that_was_not_told_is_told_by_the_repeated_request_or_by_its_next_start() {
    for fault in [Fault::NotDone, Fault::DoneButFailed] {
        let mut setup = Setup::new();
        setup.hosts.env_faults.next([fault]);
        assert!(setup.set("A", "1").is_err());
        assert_eq!(setup.set("A", "1").unwrap(), ["A"]);
        assert_eq!(setup.on_machine(), env(&[("A", "1")]));
    }
    let mut setup = Setup::new();
    setup.hosts.lose();
    setup.set("A", "1").unwrap();
    setup.exec("echo").unwrap();
    assert_eq!(setup.on_machine(), env(&[("A", "1")]));
}

#[test]
fn a_sandbox_has_as_many_variables_as_it_may() {
    let mut setup = Setup::new();
    let most: BTreeMap<_, _> = (0..MAX_ENV).map(|number| (format!("V{number}"), String::new())).collect();
    setup.env(EnvRequest::Replace { env: most }).unwrap();
    assert_eq!(setup.set("ONE_MORE", ""), Err(SandboxRefusal::TooManyVariables));
    assert_eq!(setup.on_machine().len(), MAX_ENV);
}

#[test]
fn variables_that_were_set_one_after_another_were_longer_than_a_program_takes() {
    let mut setup = Setup::new();
    let value = "x".repeat(65_000);
    for number in 0..16 {
        setup.set(&format!("V{number}"), &value).unwrap();
    }
    assert_eq!(setup.set("ONE_MORE", &value), Err(SandboxRefusal::TooManyVariables));
    assert_eq!(setup.set("V0", "short").unwrap().len(), 16);
    assert_eq!(setup.set("ONE_MORE", &value).unwrap().len(), 17);
}

#[test]
fn a_change_of_settings_took_back_a_variable_that_was_set_meanwhile() {
    let mut setup = Setup::new();
    setup.set("A", "1").unwrap();
    setup.configure(RuntimeChange { sleep_after: Some(30), ..RuntimeChange::default() });
    setup.configure(RuntimeChange { memory_mb: Some(64), ..RuntimeChange::default() });
    let config = setup.report().config;
    assert_eq!((config.env, config.runtime.sleep_after, config.runtime.memory_mb), (env(&[("A", "1")]), 30, 64));
}

#[test]
fn config_change_format_unchanged() {
    let runtime = RuntimeChange { disk_mb: Some(16), ..RuntimeChange::default() };
    let change = ConfigChange { env: Some(env(&[("A", "1")])), runtime };
    let expected = json!({ "env": { "A": "1" }, "runtime": { "memoryMB": null, "diskMB": 16, "network": null, "allowedHosts": null,
        "sleepAfter": null, "saveEverySeconds": null } });
    assert_eq!(serde_json::to_value(change).unwrap(), expected);
}
