//! Followers of a run in flight, and the jobs that are stored.

use super::*;
use crate::domain::run::phase::Phase;
use crate::domain::run::position::OutputPosition;
use crate::objects::run_pool::detached::storage as jobs;
use crate::objects::run_pool::partial_output::PartialOutput;

#[test]
fn followers_get_the_same_events_from_any_place_and_do_not_hold_the_run_up() {
    let mut setup = Setup::new();
    setup.detach(0);
    setup.emit(0, START);
    setup.emit(0, &output(Stream::Stdout, "häl"));
    let partial_output = setup.runs.in_flight.partial_output(job(0)).unwrap();
    let follow = |from| partial_output.follow(from, || Box::pin(futures::future::pending()));
    let place = OutputPosition { stdout: 3, stderr: 0 };
    assert_eq!(partial_output.begin_at(place), OutputPosition::default());
    let (all, rest, _idle) = (follow(OutputPosition::default()), follow(place), follow(place));
    let [all, rest] = [all, rest].map(|lines| setup.bench.start(lines.concat()));
    setup.emit(0, &output(Stream::Stderr, "no\n"));
    setup.emit(0, &output(Stream::Stdout, "lo"));
    setup.end(0);
    let [all, rest] = [all, rest].map(|lines| String::from_utf8(lines.result()).unwrap());
    assert!(all.ends_with(COMPLETE) && rest.ends_with(COMPLETE), "{all}");
    for (lines, expected) in [(&all, "hällo"), (&rest, "llo")] {
        let text: String = lines
            .lines()
            .filter_map(|line| match serde_json::from_str(line).unwrap() {
                docle_protocol::RunEvent::Stdout { data } => Some(String::from_utf8(data.0).unwrap()),
                _ => None,
            })
            .collect();
        assert_eq!(text, expected);
    }
    setup.submit();
    assert_eq!(setup.result_of(0)["stdout"], "hällo");
}

#[test]
fn the_stages_of_a_run_are_its_state_and_come_to_its_followers() {
    use docle_protocol::{RunEvent, Stage};
    assert_eq!(PartialOutput::with_output().so_far(), None, "it waits for a slot");
    let mut setup = Setup::new();
    setup.detach(0);
    let partial_output = setup.runs.in_flight.partial_output(job(0)).unwrap();
    setup.emit(0, START);
    let enter = |setup: &mut Setup, stage| {
        setup.emit(0, &format!("{}\n", serde_json::to_string(&RunEvent::Stage { stage }).unwrap()));
        setup.phase(0)
    };
    assert_eq!(enter(&mut setup, Stage::Install), Some(Phase::Installing));
    let lines = partial_output.follow(OutputPosition::default(), || Box::pin(futures::future::pending()));
    let lines = setup.bench.start(lines.concat());
    assert_eq!(enter(&mut setup, Stage::Compile), Some(Phase::Compiling));
    assert_eq!(enter(&mut setup, Stage::Program), Some(Phase::Running));
    setup.emit(0, &output(Stream::Stderr, "on\n"));
    let so_far = partial_output.so_far().unwrap();
    assert_eq!((so_far.stdout.as_str(), so_far.stderr.as_str(), so_far.stderr_omitted_bytes), ("", "on\n", 0));
    setup.emit(0, &output(Stream::Stderr, &"x".repeat(400_000)));
    let so_far = partial_output.so_far().unwrap();
    assert_eq!(so_far.stderr.len() as u64 + so_far.stderr_omitted_bytes, 400_003);
    assert!((65_536..=131_072).contains(&so_far.stderr.len()), "{}", so_far.stderr.len());
    setup.end(0);
    let lines = String::from_utf8(lines.result()).unwrap();
    let stages: Vec<_> = lines
        .lines()
        .filter_map(|line| match serde_json::from_str(line).unwrap() {
            RunEvent::Stage { stage } => Some(stage),
            _ => None,
        })
        .collect();
    assert_eq!(stages, [Stage::Install, Stage::Compile, Stage::Program]);
}

#[test]
fn a_follower_that_is_too_far_behind_waits_for_the_record() {
    let mut setup = Setup::new();
    setup.detach(0);
    setup.emit(0, START);
    for _ in 0..40 {
        setup.emit(0, &output(Stream::Stdout, &"x".repeat(10_000)));
    }
    let partial_output = setup.runs.in_flight.partial_output(job(0)).unwrap();
    let (far, near) = (OutputPosition { stdout: 1, stderr: 0 }, OutputPosition { stdout: 399_000, stderr: 0 });
    assert_eq!((partial_output.begin_at(far), partial_output.begin_at(near)), (far, near));
    let follow = |from| partial_output.follow(from, || Box::pin(futures::future::pending()));
    let [far, near] = [far, near].map(follow).map(|lines| setup.bench.start(lines.concat()));
    setup.end(0);
    assert_eq!(String::from_utf8(far.result()).unwrap(), START, "no gap, and no end");
    assert!(String::from_utf8(near.result()).unwrap().ends_with(COMPLETE));
}

#[test]
fn a_job_of_many_megabytes_is_stored_and_read_in_parts() {
    let setup = Setup::new();
    let sql = &*setup.bench.storage;
    jobs::create_tables(sql).unwrap();
    let run = |number| jobs::StoredRun {
        draft: draft(number, Timestamp(0)),
        key: None,
        deadline_ms: 1,
        has_network: true,
        is_sent: false,
    };
    let large: Vec<u8> = (0..5_000_001u32).map(|number| number as u8).collect();
    jobs::insert(sql, &run(0), &large).unwrap();
    jobs::insert(sql, &run(1), b"small").unwrap();
    assert!(jobs::job(sql, job(0)).unwrap() == large);
    assert_eq!((jobs::size(sql, job(0)), jobs::count(sql)), (Ok(5_000_001), Ok(2)));
    jobs::mark(sql, job(1), true).unwrap();
    let listed: Vec<_> = jobs::list(sql).unwrap().into_iter().map(|run| (run.draft.id, run.is_sent)).collect();
    assert_eq!(listed, [(job(0), false), (job(1), true)]);
    jobs::delete(sql, job(0)).unwrap();
    assert_eq!((jobs::size(sql, job(0)), jobs::job(sql, job(1))), (Ok(0), Ok(b"small".to_vec())));
}

#[test]
fn detached_run_format_unchanged() {
    let run = jobs::StoredRun {
        draft: draft(0, Timestamp(7)),
        key: Some(IdempotencyKey::parse("k").unwrap()),
        deadline_ms: 2,
        has_network: true,
        is_sent: true,
    };
    let mut written = serde_json::to_value(&run).unwrap();
    assert_eq!(written["draft"].take()["id"], json!(job(0)));
    assert_eq!(written, json!({ "draft": null, "key": "k", "deadlineMs": 2, "hasNetwork": true }));
}
