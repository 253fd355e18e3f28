//! Series of everything that can happen to a sandbox, in any order: after each loss its files are those of a save that was
//! reported, or of a later one, and the bucket holds what the head needs and nothing else.

use super::*;
use crate::objects::sandbox::trees::{self, Tree};
use crate::ports::snapshots::SnapshotRequest;
use crate::tests::fault::Fault;
use futures::channel::oneshot;
use proptest::prelude::*;

#[derive(Debug, Clone, Copy)]
enum Step {
    Write(u8),
    /// The alarm fires: saves, sleeps, renews.
    Alarm,
    Sleep,
    Wake,
    /// The runner loses everything.
    Lose,
    Snapshot,
    /// The snapshot with this number, of those that there are.
    Restore(u8),
    Forget(u8),
    /// The object is reset while a port waits: in which port, whether before or after it has done it, and during what.
    Reset {
        port: u8,
        is_done: bool,
        during: u8,
    },
    /// A port fails.
    Fail {
        port: u8,
        is_done: bool,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_u8..6).prop_map(Step::Write),
        3 => Just(Step::Alarm),
        2 => Just(Step::Sleep),
        1 => Just(Step::Wake),
        1 => Just(Step::Lose),
        2 => Just(Step::Snapshot),
        1 => any::<u8>().prop_map(Step::Restore),
        1 => any::<u8>().prop_map(Step::Forget),
        3 => (0_u8..7, any::<bool>(), 0_u8..4).prop_map(|(port, is_done, during)| Step::Reset { port, is_done, during }),
        2 => (0_u8..7, any::<bool>()).prop_map(|(port, is_done)| Step::Fail { port, is_done }),
    ]
}

impl Setup {
    fn faults(&self, port: u8) -> &Faults {
        let (hosts, disk) = (&self.hosts, &self.disk);
        let all = [
            &hosts.create_faults,
            &hosts.end_faults,
            &hosts.restore_faults,
            &hosts.archive_faults,
            &disk.save_faults,
            &disk.restore_faults,
            &disk.delete_faults,
        ];
        all[usize::from(port)]
    }

    fn clear_faults(&self) {
        (0..7).for_each(|port| self.faults(port).clear());
    }
}

/// Does the steps. What the files may be after a loss: those at the last save that was reported, and at every later moment.
fn run(steps: &[Step]) -> Result<(), TestCaseError> {
    let mut setup = Setup::new();
    let mut written: Vec<Vec<String>> = vec![Vec::new()];
    let mut saved = 0;
    let mut releases = Vec::new();
    let mut kept: Vec<(String, Vec<String>)> = Vec::new();
    let mut ids = 0_u8;
    for step in steps {
        match *step {
            Step::Write(name) => {
                if setup.exec(&format!("write {name}")).is_ok() {
                    let files = setup.files().unwrap();
                    // What is written after a loss goes on from what was restored.
                    prop_assert!(is_one_of(&written[saved..], &files, &name.to_string()), "{files:?} of {written:?}");
                    written.push(files);
                }
            }
            Step::Alarm => setup.fire_alarm_if_set(),
            Step::Sleep => {
                // A machine that was lost has restored what was saved before. One that is still to end has older files.
                let is_running = setup.status() == SandboxStatus::Running;
                let files = setup.files().filter(|_| is_running);
                let slept = setup.sleep().is_ok() && setup.status() == SandboxStatus::Sleeping;
                if let (true, Some(files)) = (slept, files) {
                    written.push(files);
                    saved = written.len() - 1;
                }
            }
            Step::Wake => drop(setup.wake()),
            Step::Lose => setup.hosts.lose(),
            Step::Snapshot => {
                ids += 1;
                // A machine whose start was interrupted has any part of the files.
                let is_running = setup.status() == SandboxStatus::Running;
                let (id, files) = (format!("s{ids}"), setup.files().filter(|_| is_running));
                let made = setup.snapshot(&id).is_ok();
                if let (true, Some(files), true) = (made, files.clone(), setup.files() == files) {
                    kept.push((id, files));
                }
            }
            Step::Restore(number) => {
                let Some((id, files)) = of(&kept, number) else { continue };
                setup.restore(&id, None).unwrap();
                if setup.status() == SandboxStatus::Running {
                    prop_assert_eq!(setup.files(), Some(files.clone()));
                }
                written.push(files);
                saved = written.len() - 1;
            }
            Step::Forget(number) => {
                if let Some((id, _)) = of(&kept, number) {
                    setup.snapshots(SnapshotRequest::Delete { id: id.clone() }).unwrap();
                    kept.retain(|(known, _)| *known != id);
                }
            }
            Step::Reset { port, is_done, during } => {
                let (release, wait) = oneshot::channel();
                setup.faults(port).next([if is_done { Fault::DoneThenWaitsFor(wait) } else { Fault::WaitsFor(wait) }]);
                ids += 1;
                match during {
                    0 => drop(setup.start_sleep()),
                    1 => drop(setup.start_exec("echo", &ClientSignal::default())),
                    2 => drop(setup.start_snapshots(SnapshotRequest::Create {
                        id: format!("s{ids}"),
                        name: None,
                        is_held: false,
                    })),
                    _ => {
                        if let Some((id, files)) = of(&kept, ids) {
                            // It is restored, or not.
                            written.push(files);
                            drop(setup.start_snapshots(SnapshotRequest::Restore { id, paths: None }));
                        }
                    }
                }
                setup.reset();
                setup.clear_faults();
                releases.push(release);
            }
            Step::Fail { port, is_done } => {
                setup.faults(port).next([if is_done { Fault::DoneButFailed } else { Fault::NotDone }]);
                let _ = setup.sleep();
                let _ = setup.wake();
                setup.clear_faults();
            }
        }
    }
    for (id, files) in kept {
        setup.restore(&id, None).unwrap();
        setup.wake().unwrap();
        prop_assert_eq!(setup.files().unwrap(), files.clone());
        written.push(files);
        saved = written.len() - 1;
    }
    for number in 0..=ids {
        let _ = setup.snapshots(SnapshotRequest::Delete { id: format!("s{number}") });
    }
    // What was stopped for ever arrives late, or never; then all is quiet.
    setup.wake().unwrap();
    setup.exec("write last").unwrap();
    let files = setup.files().unwrap();
    prop_assert!(is_one_of(&written[saved..], &files, "last"), "{files:?} of {written:?}");
    for _ in 0..2 {
        setup.exec("write last").unwrap();
        setup.sleep().unwrap();
        setup.bench.pass_ms(700_000);
        setup.wake().unwrap();
    }
    setup.sleep().unwrap();
    let rows = trees::all(&*setup.bench.runtime.storage).unwrap();
    let complete: Vec<_> = rows.into_iter().filter(|(_, tree)| matches!(tree, Tree::Complete(_))).collect();
    let [(number, Tree::Complete(tree))] = complete.as_slice() else { panic!("one tree is live: {complete:?}") };
    let needed: std::collections::BTreeSet<_> = tree.parts(*number).into_iter().collect();
    let stored: std::collections::BTreeSet<_> = setup.disk.parts.borrow().keys().map(|(_, part)| *part).collect();
    prop_assert_eq!(stored, needed);
    setup.wake().unwrap();
    prop_assert_eq!(setup.files().unwrap(), files);
    Ok(())
}

fn of(kept: &[(String, Vec<String>)], number: u8) -> Option<(String, Vec<String>)> {
    kept.get(usize::from(number) % kept.len().max(1)).cloned()
}

/// Whether `files` are some of `before`, with `name` in addition.
fn is_one_of(before: &[Vec<String>], files: &[String], name: &str) -> bool {
    before.iter().any(|before| {
        let mut expected: Vec<_> = before.iter().cloned().chain([name.to_owned()]).collect();
        expected.sort();
        expected.dedup();
        expected == files
    })
}

impl Setup {
    fn fire_alarm_if_set(&mut self) {
        if self.bench.storage.alarm_at().is_some() {
            self.fire_alarm();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn no_file_of_a_reported_save_is_lost_and_nothing_is_left_behind(steps in prop::collection::vec(step(), 1..40)) {
        run(&steps)?;
    }
}
