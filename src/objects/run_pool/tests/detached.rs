//! Detached runs: stored before the answer, sent once, and ended whatever happens to the object and the containers.

use super::*;
use crate::domain::run::phase::Phase;
use crate::objects::run_pool::detached::storage as jobs;
use crate::ports::PendingRun;
use docle_api::limits::{DETACHED_QUEUE_MS, MAX_DETACHED_RUNS};

/// The line of the report of a cancelled run.
pub(super) fn cancelled() -> String {
    COMPLETE.replace("success", "cancelled")
}

impl Setup {
    pub(super) fn detach_as(&mut self, number: u8, call: Option<IdempotentCall>) -> Result<PoolAnswer, PoolFailure> {
        let draft = draft(number, self.bench.runtime.clock.now());
        self.detach_draft(number, draft, call)
    }

    fn detach_draft(
        &mut self,
        number: u8,
        draft: RunDraft,
        call: Option<IdempotentCall>,
    ) -> Result<PoolAnswer, PoolFailure> {
        let (pool, runs) = (Rc::clone(&self.pool), Rc::clone(&self.runs));
        let call = (RunCall { mode: RunMode::Plain, deadline_ms: 60_000, has_network: false }, call);
        let job = json!({ "id": job(number), "env": { "TOKEN": "hush" }, "stdin": "whisper" }).to_string();
        let started =
            self.bench.start(async move { runs.detach(&pool, (&call.0, call.1), draft, job.as_bytes()).await });
        started.result()
    }

    pub(super) fn detach(&mut self, number: u8) {
        assert_eq!(detached(self.detach_as(number, None)).id, job(number));
    }

    pub(super) fn phase(&self, number: u8) -> Option<Phase> {
        self.runs.in_flight.find(job(number)).map(|run| run.phase)
    }

    pub(super) fn cancel_in_flight_of(&mut self, number: u8) -> Task<bool> {
        let runs = Rc::clone(&self.runs);
        self.bench.start(async move { runs.in_flight.cancel(job(number), None).await })
    }

    pub(super) fn result_of(&self, number: u8) -> Value {
        let record: Value = serde_json::from_str(&self.logs.records()[&job(number).to_string()]).unwrap();
        record["result"].clone()
    }

    pub(super) fn stored(&self) -> Vec<RunId> {
        jobs::list(&*self.bench.storage).unwrap().into_iter().map(|run| run.draft.id).collect()
    }

    /// From now on runs go on without a connection.
    pub(super) fn keep_runs(&self) {
        for runner in &self.runners {
            runner.keeps.set(true);
        }
    }

    /// A run that has begun succeeds.
    pub(super) fn end_kept(&mut self, number: u8) {
        self.emit(number, COMPLETE);
        self.runner(number).end(job(number));
        self.bench.settle();
    }

    /// The object after a reset, and its alarm, which takes the stored runs up.
    pub(super) fn reset_and_take_up(self) -> Self {
        let mut setup = self.reset();
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
        setup
    }
}

pub(super) fn detached(answer: Result<PoolAnswer, PoolFailure>) -> PendingRun {
    match answer {
        Ok(PoolAnswer::Detached(run)) => run,
        Ok(_) => panic!("another answer"),
        Err(failure) => panic!("{failure:?}"),
    }
}

#[test]
fn a_detached_run_is_stored_until_it_has_ended_and_recorded() {
    let mut setup = Setup::new();
    setup.detach(0);
    assert_eq!((setup.stored(), setup.bench.storage.alarm_at()), (vec![job(0)], Some(5_000)));
    assert_eq!(setup.phase(0), Some(Phase::Running));
    setup.emit(0, START);
    setup.emit(0, &output(Stream::Stdout, "done"));
    setup.end(0);
    assert_eq!((setup.stored(), setup.phase(0)), (vec![job(0)], Some(Phase::Ending)), "the log has no record yet");
    setup.submit();
    assert_eq!((setup.result_of(0)["stdout"].clone(), setup.phase(0)), (json!("done"), None));
    assert_eq!((setup.stored(), setup.pool.load()), (vec![], (0, 0)));
    let jobs = setup.bench.runtime.storage.exec("SELECT count(*) FROM detached_jobs", &[]).unwrap();
    assert_eq!(jobs, [[crate::ports::SqlValue::Integer(0)]]);
}

#[test]
fn one_detached_run_at_a_time_waits_in_the_queue_of_the_pool_and_they_run_in_their_order() {
    let mut setup = Setup::new();
    for number in 0..6 {
        setup.detach(number);
    }
    assert_eq!(setup.pool.load(), (2, 1), "three more wait outside");
    assert_eq!((setup.phase(2), setup.phase(5)), (Some(Phase::Queued), Some(Phase::Queued)));
    let waiting = setup.start(10, &ClientSignal::default());
    setup.end(0);
    assert_eq!(setup.executed()[0].last(), Some(&job(2)));
    setup.end(1);
    let lines = waiting.result().unwrap();
    setup.clients.push(lines);
    for number in [2, 10, 3, 4, 5] {
        setup.end(number);
    }
    setup.submit();
    let in_order: Vec<_> = setup.executed().concat().into_iter().filter(|id| *id != job(10)).collect();
    let mut sorted = in_order.clone();
    sorted.sort_by_key(ToString::to_string);
    assert_eq!((sorted, setup.stored(), setup.pool.load()), ((0..6).map(job).collect(), vec![], (0, 0)));
    assert!(setup.result_of(5)["usage"]["queueMs"].as_f64().is_some());
}

#[test]
fn a_detached_run_waits_longer_than_one_with_a_client_and_its_queue_time_says_so() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    setup.detach(2);
    setup.bench.pass_ms(45_000);
    assert_eq!(setup.phase(2), Some(Phase::Queued));
    setup.end(0);
    setup.bench.pass_ms(1_000);
    setup.end(2);
    setup.submit();
    let queued = setup.result_of(2)["usage"]["queueMs"].as_f64().unwrap();
    assert!((45_000.0..46_100.0).contains(&queued), "{queued}");
}

#[test]
fn a_detached_run_that_no_runner_takes_in_ten_minutes_ends_and_says_so() {
    let mut setup = Setup::new();
    for runner in &setup.runners {
        runner.dies_at_start.set(u32::MAX);
    }
    for number in [2, 3] {
        setup.detach(number);
    }
    setup.bench.pass_ms(i64::from(DETACHED_QUEUE_MS) + 12_000);
    for number in [2, 3] {
        let result = setup.result_of(number);
        assert_eq!((&result["status"], &result["exitCode"]), (&json!("system"), &json!(1)));
        assert!(result["stderr"].as_str().unwrap().contains("in the time that"), "{result}");
    }
    assert_eq!((setup.executed().concat().len(), setup.stored()), (0, vec![]));
}

#[test]
fn a_detached_run_waited_longer_than_its_caller_wanted() {
    let mut setup = Setup::new();
    for runner in &setup.runners {
        runner.dies_at_start.set(u32::MAX);
    }
    let impatient = RunDraft { queue_timeout_ms: Some(5_000), ..draft(2, setup.bench.runtime.clock.now()) };
    detached(setup.detach_draft(2, impatient, None));
    setup.detach(3);
    setup.bench.pass_ms(17_000);
    let result = setup.result_of(2);
    assert_eq!(result["status"], "system");
    assert!(result["stderr"].as_str().unwrap().contains("nothing was run"), "{result}");
    assert_eq!(setup.stored(), vec![job(3)]);
}

#[test]
fn a_detached_run_is_cancelled_at_every_stage() {
    let mut setup = Setup::new();
    for number in 0..4 {
        setup.detach(number);
    }
    setup.emit(0, START);
    // The last one waits for its turn, the third one for a slot, and the first one runs.
    let calls: Vec<_> = [3, 2, 0].map(|number| setup.cancel_in_flight_of(number)).into();
    setup.emit(0, &cancelled());
    setup.submit();
    assert!(calls.into_iter().all(|call| call.result()));
    for number in [0, 2, 3] {
        assert_eq!(setup.result_of(number)["status"], "cancelled", "{number}");
    }
    assert_eq!((setup.executed().concat().len(), setup.stored()), (2, vec![job(1)]));
    setup.end(1);
    setup.submit();
    assert_eq!((setup.stored(), setup.pool.load()), (vec![], (0, 0)));
}

#[test]
fn a_cancelled_run_whose_job_was_not_deleted_was_started_after_a_reset() {
    let mut setup = Setup::new();
    setup.run(10);
    setup.run(11);
    setup.detach(0);
    let call = setup.cancel_in_flight_of(0);
    // The record is on its way to the log when the object is reset.
    assert!(!call.has_ended());
    setup = setup.reset_and_take_up();
    setup.bench.pass_ms(20_000);
    assert!(!setup.executed().concat().contains(&job(0)));
    assert_eq!(setup.stored(), []);
}

#[test]
fn a_container_that_dies_ends_its_detached_run_as_a_failure_of_the_service() {
    let mut setup = Setup::new();
    setup.detach(0);
    setup.emit(0, START);
    setup.emit(0, &output(Stream::Stdout, "so far"));
    setup.runners[0].die();
    setup.bench.settle();
    setup.submit();
    let result = setup.result_of(0);
    assert_eq!((&result["status"], &result["stdout"], setup.stored()), (&json!("system"), &json!("so far"), vec![]));
    // Before its first event as well.
    setup.detach(1);
    setup.runner(1).die();
    setup.bench.settle();
    setup.submit();
    assert_eq!((&setup.result_of(1)["status"], setup.stored()), (&json!("system"), vec![]));
}

#[test]
fn a_runner_that_takes_no_job_for_a_moment_gets_it_a_second_later() {
    let mut setup = Setup::new();
    setup.runners[0].refuses.set(Some(RefusalCode::Busy));
    setup.detach(0);
    assert_eq!((setup.executed().concat().len(), setup.phase(0)), (0, Some(Phase::Queued)));
    setup.bench.pass_ms(1_000);
    assert_eq!((setup.executed().concat(), setup.phase(0)), (vec![job(0)], Some(Phase::Running)));
}

#[test]
fn a_detached_call_that_is_repeated_with_its_key_is_one_run_also_across_a_reset() {
    let mut setup = Setup::new();
    let call = |body: &[u8]| {
        Some(IdempotentCall { key: IdempotencyKey::parse("k").unwrap(), fingerprint: Fingerprint::of(body) })
    };
    assert_eq!(detached(setup.detach_as(0, call(b"a"))).id, job(0));
    assert_eq!(detached(setup.detach_as(1, call(b"a"))).id, job(0), "the same run");
    assert_eq!(code(setup.detach_as(1, call(b"b"))), Some(PoolFailureCode::KeyReused));
    setup.end(0);
    setup.submit();
    assert_eq!(replayed(setup.detach_as(1, call(b"a"))), job(0));

    setup.run(10);
    setup.run(11);
    let call = Some(IdempotentCall { key: IdempotencyKey::parse("l").unwrap(), fingerprint: Fingerprint::of(b"a") });
    assert_eq!(detached(setup.detach_as(2, call.clone())).id, job(2));
    setup = setup.reset_and_take_up();
    assert_eq!(detached(setup.detach_as(3, call.clone())).id, job(2), "it is not in doubt, because its job is stored");
    setup.bench.pass_ms(3_000);
    setup.end(2);
    setup.submit();
    assert_eq!(replayed(setup.detach_as(3, call)), job(2));
}

#[test]
fn a_job_that_cannot_be_stored_never_runs_and_the_call_can_be_repeated() {
    let mut setup = Setup::new();
    setup.bench.storage.faults.next([Fault::NotDone]);
    let key = IdempotencyKey::parse("k").unwrap();
    let call = Some(IdempotentCall { key, fingerprint: Fingerprint::of(b"a") });
    assert_eq!(code(setup.detach_as(0, None)), Some(PoolFailureCode::Unavailable));
    setup.bench.pass_ms(20_000);
    assert_eq!((setup.executed().concat(), setup.stored(), setup.phase(0)), (vec![], vec![], None));
    assert_eq!(detached(setup.detach_as(1, call)).id, job(1));
}

#[test]
fn a_project_has_so_many_detached_runs_and_no_more() {
    let mut setup = Setup::new();
    setup.detach(0);
    let stored = jobs::list(&*setup.bench.storage).unwrap().remove(0);
    for number in 1..MAX_DETACHED_RUNS {
        let mut bytes = [0; 16];
        bytes[12..].copy_from_slice(&number.to_be_bytes());
        let mut run = stored.clone();
        run.draft.id = RunId::from_random(bytes);
        jobs::insert(&*setup.bench.storage, &run, b"{}").unwrap();
    }
    let refused = setup.detach_as(1, None);
    assert_eq!(code(refused), Some(PoolFailureCode::QueueFull));
    setup.run(2);
}

#[test]
fn a_detached_run_of_an_account_without_processor_time_is_refused_at_once() {
    let mut setup = Setup::new();
    *setup.ledger.owner.borrow_mut() = Some("ada".to_owned());
    setup.ledger.is_suspended.set(true);
    assert_eq!(code(setup.detach_as(0, None)), Some(PoolFailureCode::Suspended));
    assert_eq!((setup.stored(), setup.phase(0)), (vec![], None));
}

#[test]
fn a_deleted_project_starts_none_of_its_detached_runs() {
    let mut setup = Setup::new();
    for number in 0..4 {
        setup.detach(number);
    }
    setup.runs.recorder.stop();
    setup.runs.stop_detached();
    let (pool, storage) = (Rc::clone(&setup.pool), Rc::clone(&setup.bench.runtime.storage));
    setup.bench.run(async move {
        pool.delete().await;
        storage.delete_all().await.unwrap();
    });
    for number in [0, 1] {
        setup.emit(number, &cancelled());
        setup.runner(number).end(job(number));
    }
    setup.bench.pass_ms(30_000);
    assert_eq!((setup.executed().concat().len(), setup.bench.storage.is_empty()), (2, true));
    assert!((0..4).all(|number| setup.phase(number).is_none()));
}
