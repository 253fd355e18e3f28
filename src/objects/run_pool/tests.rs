//! A pool of two containers, each of an object of its own, with clients that leave and runners that fail.

use crate::domain::pool::scheduler::PoolLimits;
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Entry, Fingerprint, IdempotencyKey, RETENTION_MS};
use crate::domain::timestamp::Timestamp;
use crate::objects::container::instance::ContainerInstance;
use crate::objects::container::target::RunTarget;
use crate::objects::run_pool::idempotency::{IdempotentAnswer, IdempotentRuns};
use crate::objects::run_pool::logic::PoolLogic;
use crate::objects::run_pool::maintenance;
use crate::objects::run_pool::members::Members;
use crate::objects::run_pool::pipe::pipe_response;
use crate::objects::run_pool::storage;
use crate::objects::runtime::ObjectRuntime;
use crate::ports::{
    ClientSignal, FirstCall, IdempotentCall, PoolFailure, PoolFailureCode, PoolMembers, PortError, SentJob,
};
use crate::tests::fake_runner::{COMPLETE, FakeResponse, FakeRunner, FakeWay, START};
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fault::Fault;
use crate::tests::object_bench::{ObjectBench, Task, job};
use docle_protocol::RefusalCode;
use docle_protocol::limits::MAX_QUEUE_MS;
use futures::StreamExt;
use futures::channel::mpsc::UnboundedReceiver;
use futures::channel::oneshot;
use std::rc::Rc;

const SLEEP_AFTER_MS: i64 = 600_000;
const LIMITS: PoolLimits =
    PoolLimits { max_instances: 2, max_running: 4, max_queued: 3, sleep_after_ms: SLEEP_AFTER_MS };

/// The further objects: each with a target and storage of its own, called without a network.
struct Others {
    targets: Vec<RunTarget<FakeWay>>,
    runtime: ObjectRuntime,
}

impl PoolMembers for Others {
    type Body = RunId;
    type Response = FakeResponse;
    type Lease = ();

    async fn run(
        &self,
        member: usize,
        job: &RunId,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<FakeResponse>, ()), PoolFailure> {
        let (sent, lease) = self.targets[member - 1].run(job, since, client).await?;
        let piped = pipe_response(sent, lease, client, &self.runtime);
        Ok((piped.map_or(SentJob::Unknown("gone".to_owned()), |piped| SentJob::Running(FakeResponse::with(piped))), ()))
    }

    async fn cancel_unstarted(&self, member: usize, id: RunId) -> bool {
        self.targets[member - 1].cancel_unstarted(id).await
    }

    async fn input(&self, member: usize, id: RunId) -> Result<Option<FakeResponse>, PoolFailure> {
        self.targets[member - 1].input(id).await
    }

    async fn up(&self, member: usize) -> Result<u32, PoolFailure> {
        self.targets[member - 1].up().await
    }

    async fn destroy(&self, member: usize) {
        self.targets[member - 1].destroy().await;
    }
}

type Pool = PoolLogic<Members<FakeWay, Others>>;
type Answer = Result<Option<UnboundedReceiver<Result<Vec<u8>, PortError>>>, PoolFailure>;

struct Setup {
    bench: ObjectBench,
    /// Two containers with one slot each.
    runners: [Rc<FakeRunner>; 2],
    further_storage: Rc<FakeStorage>,
    target: RunTarget<FakeWay>,
    pool: Rc<Pool>,
    idempotent_runs: Rc<IdempotentRuns>,
}

fn target(runner: &Rc<FakeRunner>, runtime: &ObjectRuntime) -> RunTarget<FakeWay> {
    let way = FakeWay(Rc::clone(runner));
    RunTarget::Container(ContainerInstance::new(Rc::new(way.clone()), Rc::new(way), runtime.clone(), SLEEP_AFTER_MS))
}

impl Setup {
    fn new() -> Self {
        Self::over(ObjectBench::new(), [FakeRunner::with_slots(1), FakeRunner::with_slots(1)], Rc::default())
    }

    fn over(bench: ObjectBench, runners: [Rc<FakeRunner>; 2], further_storage: Rc<FakeStorage>) -> Self {
        let further = ObjectRuntime { storage: further_storage.clone(), ..bench.runtime.clone() };
        let own = target(&runners[0], &bench.runtime);
        let others = Others { targets: vec![target(&runners[1], &further)], runtime: further };
        let pool = PoolLogic::new(LIMITS, Members { own: own.clone(), others }, bench.runtime.clone());
        let idempotent_runs = Rc::new(IdempotentRuns::new(bench.runtime.clone()));
        Self { bench, runners, further_storage, target: own, pool, idempotent_runs }
    }

    /// The objects as they are after a reset: their memory is lost.
    fn reset(self) -> Self {
        Self::over(self.bench, self.runners, self.further_storage)
    }

    /// Starts a run, as the object does.
    fn start(&mut self, number: u8, client: &ClientSignal) -> Task<Answer> {
        self.start_interactive(number, None, client)
    }

    fn start_interactive(&mut self, number: u8, interactive: Option<RunId>, client: &ClientSignal) -> Task<Answer> {
        let (pool, client, runtime) = (Rc::clone(&self.pool), client.clone(), self.bench.runtime.clone());
        self.bench.start(async move {
            let (sent, lease) = pool.run(&job(number), interactive, &client).await?;
            Ok(pipe_response(sent, lease, &client, &runtime))
        })
    }

    /// Starts a run that nothing keeps from running.
    fn run(&mut self, number: u8) {
        assert!(self.start(number, &ClientSignal::default()).result().is_ok_and(|answer| answer.is_some()));
    }

    fn end(&mut self, number: u8) {
        let runner = self.runners.iter().find(|runner| runner.runs(job(number))).expect("it runs");
        runner.end(job(number));
        self.bench.settle();
    }

    /// Starts a call with an idempotency key, as the object does.
    fn call(&mut self, number: u8, key: &str, body: &[u8]) -> Task<Result<IdempotentAnswer, PoolFailure>> {
        let (pool, runs) = (Rc::clone(&self.pool), Rc::clone(&self.idempotent_runs));
        let call = IdempotentCall {
            key: IdempotencyKey::parse(key).unwrap(),
            fingerprint: Fingerprint::of(body),
            run_id: job(number),
            created_at: self.bench.runtime.clock.now(),
            deadline_ms: 60_000,
        };
        self.bench.start(async move {
            runs.run(call, async || pool.run(&job(number), None, &ClientSignal::default()).await).await
        })
    }

    fn alarm(&mut self) -> Task<Result<(), PortError>> {
        let (target, runtime) = (self.target.clone(), self.bench.runtime.clone());
        self.bench.start(async move { maintenance::alarm(&target, &runtime).await })
    }

    fn cancel(&mut self, number: u8) -> bool {
        let pool = Rc::clone(&self.pool);
        self.bench.run(async move { pool.cancel_unstarted(job(number)).await })
    }

    fn executed(&self) -> [Vec<RunId>; 2] {
        self.runners.each_ref().map(|runner| runner.executed.borrow().clone())
    }
}

fn code<T>(result: Result<T, PoolFailure>) -> Option<PoolFailureCode> {
    result.err().map(|failure| failure.code)
}

/// What the client of an idempotent run received, whose run has ended.
fn received(answer: Result<IdempotentAnswer, PoolFailure>, bench: &mut ObjectBench) -> String {
    match answer {
        Ok(IdempotentAnswer::Started(events)) => {
            let events = bench.run(events.concat());
            String::from_utf8(events).unwrap()
        }
        _ => panic!("the call starts a run"),
    }
}

fn replayed(answer: Result<IdempotentAnswer, PoolFailure>) -> (FirstCall, String) {
    match answer {
        Ok(IdempotentAnswer::Replayed(first_call, line)) => (first_call, String::from_utf8(line).unwrap()),
        _ => panic!("the call is answered with an earlier run"),
    }
}

#[test]
fn runs_get_a_slot_each_and_give_it_back_at_their_end() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let third = setup.start(2, &ClientSignal::default());
    assert_eq!((setup.pool.load(), third.has_ended()), ((2, 1), false));
    setup.end(0);
    assert!(third.result().is_ok());
    assert_eq!(setup.executed(), [vec![job(0), job(2)], vec![job(1)]]);
    setup.end(1);
    setup.end(2);
    assert_eq!(setup.pool.load(), (0, 0));
    setup.run(3);
    assert_eq!(setup.runners[0].checks.get(), 1, "no run ended unobserved");
}

#[test]
fn a_client_that_leaves_while_its_run_is_queued_gives_its_place_in_the_queue_back() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let client = ClientSignal::default();
    let queued = setup.start(2, &client);
    client.leave();
    setup.bench.settle();
    assert_eq!((code(queued.result()), setup.pool.load()), (Some(PoolFailureCode::ClientLeft), (2, 0)));
    setup.end(0);
    setup.end(1);
    assert_eq!((setup.executed().concat().len(), setup.pool.load()), (2, (0, 0)));
}

#[test]
fn a_client_that_leaves_while_a_container_starts_runs_nothing_and_the_container_serves_the_next() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runners[0].check_faults.next([Fault::WaitsFor(waits)]);
    let client = ClientSignal::default();
    let run = setup.start(0, &client);
    client.leave();
    setup.bench.settle();
    assert_eq!((code(run.result()), setup.pool.load()), (Some(PoolFailureCode::ClientLeft), (0, 0)));
    release.send(()).unwrap();
    setup.bench.settle();
    setup.run(1);
    assert_eq!((setup.runners[0].starts.get(), setup.executed()), (1, [vec![job(1)], vec![]]));
}

#[test]
fn a_client_that_leaves_while_its_run_goes_on_ends_the_run_in_any_container() {
    let mut setup = Setup::new();
    let clients = [ClientSignal::default(), ClientSignal::default()];
    for number in 0..2 {
        assert!(setup.start(number, &clients[usize::from(number)]).result().is_ok());
    }
    clients.iter().for_each(ClientSignal::leave);
    assert_eq!(setup.pool.load(), (0, 0), "at once, whatever the stream does");
    setup.bench.settle();
    for (number, runner) in (0..).zip(&setup.runners) {
        assert_eq!(*runner.aborted.borrow(), [job(number)]);
    }
}

#[test]
fn a_client_that_leaves_before_the_runner_answers_ends_its_run_when_the_runner_does() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runners[0].run_faults.next([Fault::WaitsFor(waits)]);
    let client = ClientSignal::default();
    let run = setup.start(0, &client);
    client.leave();
    release.send(()).unwrap();
    setup.bench.settle();
    assert!(run.has_ended());
    assert_eq!((setup.pool.load(), &*setup.runners[0].aborted.borrow()), ((0, 0), &vec![job(0)]));
}

#[test]
fn a_run_that_waits_too_long_and_a_run_too_many_are_refused() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.run(1);
    let queued: Vec<_> = (2..5).map(|number| setup.start(number, &ClientSignal::default())).collect();
    let refused = setup.start(5, &ClientSignal::default()).result().unwrap_err();
    assert_eq!((refused.code, refused.retry_after_s.is_some()), (PoolFailureCode::QueueFull, true));
    setup.bench.pass_ms(i64::from(MAX_QUEUE_MS));
    for run in queued {
        let failure = run.result().unwrap_err();
        assert_eq!((failure.code, failure.retry_after_s.is_some()), (PoolFailureCode::Busy, true));
    }
    assert_eq!(setup.pool.load(), (2, 0));
}

#[test]
fn a_run_gives_its_slot_back_however_it_fails() {
    for (refusal, failure) in [
        (RefusalCode::Busy, PoolFailureCode::Busy),
        (RefusalCode::InvalidJob, PoolFailureCode::Rejected),
        (RefusalCode::Duplicate, PoolFailureCode::Lost),
        (RefusalCode::ProtocolMismatch, PoolFailureCode::Mismatch),
    ] {
        let mut setup = Setup::new();
        setup.runners[0].refuses.set(Some(refusal));
        assert_eq!(code(setup.start(0, &ClientSignal::default()).result()), Some(failure));
        assert_eq!(setup.pool.load(), (0, 0), "{refusal:?}");
    }
    let mut setup = Setup::new();
    setup.runners[0].run_faults.next([Fault::DoneButFailed]);
    assert!(setup.start(0, &ClientSignal::default()).result().is_ok_and(|answer| answer.is_none()), "in doubt");
    assert_eq!((setup.pool.load(), setup.executed().concat()), ((0, 0), vec![job(0)]));
}

#[test]
fn runs_whose_container_cannot_be_started_are_refused() {
    let mut setup = Setup::new();
    setup.runners[0].dies_at_start.set(100);
    let runs: Vec<_> = (0..2).map(|number| setup.start(number, &ClientSignal::default())).collect();
    setup.bench.pass_ms(1_000);
    for run in runs {
        assert_eq!(code(run.result()), Some(PoolFailureCode::Unavailable));
    }
    assert_eq!(setup.pool.load(), (0, 0));
}

#[test]
fn a_run_whose_container_died_before_it_began_goes_to_another() {
    let mut setup = Setup::new();
    let (release, waits) = oneshot::channel();
    setup.runners[0].run_faults.next([Fault::WaitsFor(waits)]);
    let run = setup.start(0, &ClientSignal::default());
    setup.runners[0].die();
    release.send(()).unwrap();
    setup.bench.pass_ms(1_000);
    assert!(run.result().is_ok_and(|answer| answer.is_some()));
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(0)], (1, 0)));
}

#[test]
fn a_container_that_dies_during_a_run_breaks_the_stream_and_gives_the_slot_back() {
    let mut setup = Setup::new();
    let mut events = setup.start(0, &ClientSignal::default()).result().unwrap().unwrap();
    setup.runners[0].emit(job(0), START);
    setup.runners[0].die();
    setup.bench.settle();
    assert_eq!(setup.pool.load(), (0, 0));
    let received = setup.bench.run(async move { (events.next().await, events.next().await) });
    assert!(matches!(received, (Some(Ok(_)), Some(Err(_)))));
    setup.run(1);
    assert_eq!(setup.runners[0].starts.get(), 2);
}

#[test]
fn a_job_is_cancelled_when_no_container_of_the_project_can_have_it() {
    let mut setup = Setup::new();
    assert!(setup.cancel(9), "no container was started");
    setup.run(0);
    setup.run(1);
    setup = setup.reset();
    assert!(!setup.cancel(0) && !setup.cancel(1), "the containers outlive their objects, and have had the jobs");
    assert!(setup.cancel(9));
    setup.runners[1].die();
    assert!(!setup.cancel(9), "what the second container did is unknown");
}

#[test]
fn the_input_of_a_run_is_where_the_run_is_until_it_ends() {
    let mut setup = Setup::new();
    setup.run(0);
    let interactive = setup.start_interactive(1, Some(job(1)), &ClientSignal::default());
    assert!(interactive.result().is_ok());
    let has_input = |setup: &mut Setup, number| {
        let pool = Rc::clone(&setup.pool);
        setup.bench.run(async move { pool.input(job(number)).await }).unwrap().is_some()
    };
    assert!(has_input(&mut setup, 1) && !has_input(&mut setup, 0));
    setup.end(1);
    assert!(!has_input(&mut setup, 1));
}

#[test]
fn a_run_with_an_idempotency_key_is_replayed_to_a_second_caller_who_waits() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    let second = setup.call(1, "k", b"a");
    assert_eq!(code(setup.call(2, "k", b"b").result()), Some(PoolFailureCode::KeyReused));
    setup.runners[0].emit(job(0), START);
    assert!(!second.has_ended());
    // The client of the first call does not read on; the run goes on.
    drop(first);
    setup.runners[0].emit(job(0), COMPLETE);
    setup.end(0);
    let (first_call, line) = replayed(second.result());
    assert_eq!((first_call.run_id, line.as_str()), (job(0), COMPLETE.trim_end()));
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(0)], (0, 0)));
    assert_eq!(replayed(setup.call(3, "k", b"a").result()).0, first_call, "and to later ones");
    setup.run(4);
    assert_eq!(setup.runners[0].checks.get(), 1, "the run ended observed");
}

#[test]
fn a_run_with_an_idempotency_key_gives_its_events_to_the_first_caller() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    setup.runners[0].emit(job(0), START);
    setup.runners[0].emit(job(0), COMPLETE);
    assert_eq!(received(first, &mut setup.bench), format!("{START}{COMPLETE}"));
}

#[test]
fn a_run_whose_object_was_reset_is_in_doubt_until_its_key_is_forgotten() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup = setup.reset();
    assert_eq!(code(setup.call(1, "k", b"a").result()), Some(PoolFailureCode::InDoubt));
    setup.bench.pass_ms(RETENTION_MS);
    assert!(setup.call(2, "k", b"a").result().is_ok());
    assert_eq!(setup.executed().concat(), [job(0), job(2)]);
}

#[test]
fn a_run_that_never_started_is_forgotten_and_the_call_can_be_repeated() {
    let mut setup = Setup::new();
    setup.runners[0].refuses.set(Some(RefusalCode::Busy));
    assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::Busy));
    // A second call waits for a run whose stream breaks before its start.
    let first = setup.call(1, "k", b"a");
    let second = setup.call(2, "k", b"a");
    setup.end(1);
    assert!(first.has_ended() && second.result().is_ok());
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(1), job(2)], (1, 0)));
}

#[test]
fn a_call_whose_alarm_cannot_be_set_runs_nothing_and_can_be_repeated() {
    let mut setup = Setup::new();
    setup.bench.storage.faults.next([Fault::NotDone]);
    assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::Unavailable));
    assert!(setup.call(1, "k", b"a").result().is_ok());
    assert_eq!(setup.executed().concat(), [job(1)]);
}

#[test]
fn a_run_that_the_runner_calls_a_duplicate_stays_in_doubt() {
    let mut setup = Setup::new();
    setup.runners[0].refuses.set(Some(RefusalCode::Duplicate));
    for _ in 0..2 {
        assert_eq!(code(setup.call(0, "k", b"a").result()), Some(PoolFailureCode::InDoubt));
    }
    assert_eq!(setup.pool.load(), (0, 0));
}

#[test]
fn a_run_that_a_failed_container_may_have_begun_counts_as_failed_and_is_replayed() {
    let mut setup = Setup::new();
    setup.runners[0].run_faults.next([Fault::DoneButFailed]);
    let first = setup.call(0, "k", b"a").result();
    let events = received(first, &mut setup.bench);
    assert!(events.starts_with(START) && events.contains(r#""status":"system""#), "{events}");
    let (first_call, line) = replayed(setup.call(1, "k", b"a").result());
    assert_eq!((first_call.run_id, events), (job(0), format!("{START}{line}\n")));
    assert_eq!((setup.executed().concat(), setup.pool.load()), (vec![job(0)], (0, 0)));
}

#[test]
fn a_run_that_outlives_its_deadline_is_ended_and_counts_as_failed() {
    let mut setup = Setup::new();
    let first = setup.call(0, "k", b"a").result();
    setup.runners[0].emit(job(0), START);
    setup.bench.pass_ms(60_000);
    assert!(received(first, &mut setup.bench).contains(r#""status":"system""#));
    assert_eq!(setup.pool.load(), (0, 0));
    assert!(replayed(setup.call(1, "k", b"a").result()).1.contains("system"));
}

#[test]
fn alarms_put_the_container_to_sleep_purge_the_answers_and_delete_the_storage() {
    let mut setup = Setup::new();
    drop(setup.call(0, "k", b"a").result());
    setup.runners[0].emit(job(0), START);
    setup.runners[0].emit(job(0), COMPLETE);
    setup.end(0);
    let mut alarms = Vec::new();
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
        alarms.push((setup.bench.runtime.clock.now().0, setup.bench.storage.alarm_at()));
    }
    assert_eq!(alarms, [(SLEEP_AFTER_MS, Some(RETENTION_MS)), (RETENTION_MS, None)]);
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn two_alarms_during_a_run_leave_it_alone() {
    let mut setup = Setup::new();
    setup.run(0);
    for _ in 0..2 {
        setup.bench.pass_ms(100_000);
        setup.bench.storage.fire();
        assert_eq!(setup.alarm().result(), Ok(()));
        assert!(setup.runners[0].runs(job(0)) && setup.bench.storage.alarm_at().is_some());
    }
    setup.end(0);
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
    }
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn a_run_with_a_key_that_comes_while_the_container_goes_to_sleep_is_not_forgotten() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.bench.reach_alarm();
    let (release, waits) = oneshot::channel();
    setup.runners[0].destroy_faults.next([Fault::DoneThenWaitsFor(waits)]);
    // The next start takes a while, so that no container runs when the old one has ended.
    setup.runners[0].dies_at_start.set(1);
    let alarm = setup.alarm();
    let call = setup.call(1, "k", b"a");
    release.send(()).unwrap();
    setup.bench.settle();
    assert_eq!(alarm.result(), Ok(()));
    setup.bench.pass_ms(1_000);
    assert!(call.result().is_ok());
    let key = IdempotencyKey::parse("k").unwrap();
    assert!(storage::get(&*setup.bench.storage, &key).unwrap().is_some());
    assert!(setup.bench.storage.alarm_at().is_some());
}

#[test]
fn a_container_that_cannot_be_ended_is_tried_again_at_the_next_alarm() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.runners[0].destroy_faults.next([Fault::NotDone]);
    let mut alarms = 0;
    while setup.bench.storage.alarm_at().is_some() {
        setup.bench.reach_alarm();
        assert_eq!(setup.alarm().result(), Ok(()));
        alarms += 1;
    }
    assert_eq!((alarms, setup.bench.storage.is_empty()), (2, true));
}

#[test]
fn an_alarm_whose_storage_fails_is_repeated_by_the_runtime() {
    let mut setup = Setup::new();
    setup.run(0);
    setup.end(0);
    setup.bench.reach_alarm();
    setup.bench.storage.faults.next([Fault::NotDone]);
    assert!(setup.alarm().result().is_err());
    assert_eq!(setup.alarm().result(), Ok(()));
    assert!(setup.bench.storage.is_empty());
}

#[test]
fn a_purge_of_many_answers_takes_several_alarms() {
    let mut setup = Setup::new();
    let sql = Rc::clone(&setup.bench.storage);
    storage::create_tables(&*sql).unwrap();
    for number in 0..1_100 {
        let key = IdempotencyKey::parse(&format!("{number}")).unwrap();
        let entry = Entry {
            fingerprint: Fingerprint::of(b"a"),
            run_id: job(0),
            created_at: Timestamp(number),
            finished: false,
        };
        storage::begin(&*sql, &key, &entry).unwrap();
        storage::finish(&*sql, &key, b"x").unwrap();
    }
    setup.bench.pass_ms(RETENTION_MS + 1_100);
    let mut alarms = 0;
    while alarms == 0 || sql.alarm_at().is_some() {
        if alarms > 0 {
            assert!(sql.alarm_at().unwrap() <= setup.bench.runtime.clock.now().0, "the next step is due at once");
            sql.fire();
        }
        assert_eq!(setup.alarm().result(), Ok(()));
        alarms += 1;
    }
    assert_eq!((alarms, sql.is_empty()), (3, true));
}
