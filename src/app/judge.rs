//! Judges a program: runs it once for each test, and finds a verdict on each.

use crate::app::context::App;
use crate::app::interaction::{Interaction, interact};
use crate::app::runs::progress::{Client, NotStarted};
use crate::app::runs::series::{EndedRun, Series, at_once, size_of};
use crate::app::runs::start;
use crate::domain::judge::request::{Decider, Judgement, Test};
use crate::domain::judge::{checker, verdict};
use crate::domain::run::id::RunId;
use crate::domain::run::idempotency::{Fingerprint, IdempotencyKey};
use crate::domain::run::output_start::OutputStart;
use crate::domain::run::program::Program;
use crate::domain::run::request::{ProgramInput, RunRequest};
use crate::domain::run::result::RunResult;
use crate::domain::timestamp::Timestamp;
use docle_api::compile::CompileResult;
use docle_api::judging::{CheckerRun, JudgeEvent, JudgeResult, JudgeVerdict, JudgedRun, JudgedTest};
use docle_api::limits::TIMEOUT_MS;
use docle_protocol::{RunReport, SourceFile};
use futures::stream::{self, LocalBoxStream};
use futures::{FutureExt, StreamExt};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

/// Bytes of standard error, and of what a checker says, in the result of a test.
const MAX_MESSAGE_BYTES: usize = 2 * 1_024;
/// Bytes of a checker's standard output that are read: more than its first line has.
const MAX_CHECKER_OUTPUT_BYTES: usize = 4 * 1_024;

/// What a caller may know of a run that was not started.
pub type Explain = Box<dyn Fn(NotStarted) -> String>;

/// Judges a program. Each test is a run of the client's project, and so is each check. Dropping the stream ends them, unless the
/// call has an idempotency key.
pub fn judge(
    app: &App,
    client: Client,
    (judgement, once): (Judgement, Option<(IdempotencyKey, Fingerprint)>),
    explain: Explain,
) -> LocalBoxStream<'static, JudgeEvent> {
    let judge = Rc::new(Judge {
        created_at: app.clock.now(),
        series: Series::new(app.clone(), client, once),
        explain,
        remaining: Cell::new(None),
        compile: RefCell::default(),
        results: RefCell::new(Vec::with_capacity(judgement.tests.len())),
        judgement,
    });
    let test = {
        let judge = Rc::clone(&judge);
        move |index| {
            let judge = Rc::clone(&judge);
            async move { judge.test(index).await }
        }
    };
    // The first test finds out whether the program can be started, before others wait for the same compilation.
    let (first, at_once) = (judge.tests_before_others(), judge.at_once());
    let tests = stream::iter(0..first).then(test.clone());
    let rest = stream::iter(first..judge.judgement.tests.len()).map(test).buffer_unordered(at_once);
    let end = async move { JudgeEvent::Complete { result: judge.result() } };
    tests.chain(rest).map(|test| JudgeEvent::Test { test }).chain(end.into_stream()).boxed_local()
}

struct Judge {
    judgement: Judgement,
    series: Series,
    explain: Explain,
    created_at: Timestamp,
    /// The verdict on the tests that have not begun.
    remaining: Cell<Option<JudgeVerdict>>,
    compile: RefCell<Option<CompileResult>>,
    results: RefCell<Vec<JudgedTest>>,
}

impl Judge {
    fn tests_before_others(&self) -> usize {
        let prepares = |program: &Program| program.compile.is_some() || !program.packages.is_empty();
        let waits = prepares(&self.judgement.program) || self.judgement.decider.program().is_some_and(prepares);
        usize::from(waits).min(self.judgement.tests.len())
    }

    /// Tests in progress at once. Those that stop after a failure run one by one, so that no time decides which have run.
    fn at_once(&self) -> usize {
        let Judgement { program, tests, decider, stops_on_failure } = &self.judgement;
        let largest = tests.iter().map(|test| test.input.stdin.len() + test.expected.text().len()).max();
        let sources = size_of(&program.files) + decider.program().map_or(0, |program| size_of(&program.files));
        // Each interaction has two runs, which need two slots at the same time.
        if *stops_on_failure || matches!(decider, Decider::Interactor(_)) {
            return 1;
        }
        at_once(sources + largest.unwrap_or_default() + program.limits.max_output_bytes as usize)
    }

    async fn test(&self, index: usize) -> JudgedTest {
        let test = &self.judgement.tests[index];
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let mut result = verdict::not_run(number, test.name.clone(), JudgeVerdict::Skipped);
        match self.remaining.get() {
            Some(verdict) => result.verdict = verdict,
            None => {
                self.decide(test, &mut result).await;
                if verdict::holds_for_all(result.verdict) {
                    self.remaining.set(Some(result.verdict));
                } else if self.judgement.stops_on_failure && result.verdict != JudgeVerdict::Accepted {
                    self.remaining.set(Some(JudgeVerdict::Skipped));
                }
            }
        }
        self.results.borrow_mut().push(result.clone());
        result
    }

    /// Runs a test, and writes what became of it to `result`.
    async fn decide(&self, test: &Test, result: &mut JudgedTest) {
        let program = &self.judgement.program;
        let limits = program.limits;
        let mut request = self.request(program, test.input.clone());
        request.job.limits.timeout_ms = test.timeout_ms.unwrap_or(limits.timeout_ms);
        if let Decider::Interactor(interactor) = &self.judgement.decider {
            return self.interact(test, request, interactor, result).await;
        }
        let output = OutputStart::new(limits.max_output_bytes as usize + 4, MAX_MESSAGE_BYTES);
        let ended = match self.series.run(&result.index.to_string(), request, output).await {
            Ok(ended) => ended,
            Err(failure) => return self.fail(result, (self.explain)(failure)),
        };
        let EndedRun { result: run, output, .. } = ended;
        self.note_run(&run, output.stderr, result);
        match verdict::of_status(run.status) {
            Some(JudgeVerdict::JudgeError) => {
                self.fail(result, format!("The run ended with status \"{}\".", run.status.name()));
            }
            Some(verdict) => result.verdict = verdict,
            None => self.compare(test, output.stdout, result).await,
        }
    }

    /// Decides on the output of a program that has ended well.
    async fn compare(&self, test: &Test, stdout: String, result: &mut JudgedTest) {
        match &self.judgement.decider {
            Decider::Checker(checker) => self.check(test, stdout, checker, result).await,
            _ => {
                result.difference = test.expected.compare(&stdout);
                let is_right = result.difference.is_none();
                result.verdict = if is_right { JudgeVerdict::Accepted } else { JudgeVerdict::WrongAnswer };
                result.points = if is_right { test.points.into() } else { 0.0 };
            }
        }
    }

    /// Lets the checker decide on the output of a test.
    async fn check(&self, test: &Test, stdout: String, program: &Program, result: &mut JudgedTest) {
        let args = checker::FILES.map(str::to_owned).into();
        let mut request = self.request(program, ProgramInput { args, ..ProgramInput::default() });
        request.job.inputs = checker::files([test.input.stdin.clone(), stdout, test.expected.text().to_owned()]);
        let output = OutputStart::new(MAX_CHECKER_OUTPUT_BYTES, MAX_MESSAGE_BYTES);
        let EndedRun { result: run, output, .. } =
            match self.series.run(&format!("{} check", result.index), request, output).await {
                Ok(ended) => ended,
                Err(failure) => return self.fail(result, (self.explain)(failure)),
            };
        let message: String = [&*output.stdout, &*output.stderr].map(beginning).concat();
        result.checker = Some(CheckerRun { id: run.id.to_string(), exit_code: run.exit_code, message });
        self.conclude(test, checker::read(run.status, run.exit_code, &output.stdout), result);
    }

    /// Lets an interactor talk to the program, and decide.
    async fn interact(&self, test: &Test, mut request: RunRequest, program: &Program, result: &mut JudgedTest) {
        let stdin = std::mem::take(&mut request.job.stdin);
        let args = checker::FILES.map(str::to_owned).into();
        let mut interactor = self.request(program, ProgramInput { args, ..ProgramInput::default() });
        let [input, _, expected] = checker::FILES;
        let files = [(input, stdin), (expected, test.expected.text().to_owned())];
        interactor.job.inputs = files.map(|(path, content)| SourceFile::text(path, content)).into();
        // It is there before the program begins, and after the program has used all its time.
        let longest = start::deadline_ms(&request.job) + program.limits.timeout_ms;
        interactor.job.limits.timeout_ms = longest.min(*TIMEOUT_MS.end());
        let outputs = [(); 2].map(|()| OutputStart::new(0, MAX_MESSAGE_BYTES));
        let [first, second] = outputs;
        let Interaction { first, second, second_ended_first } =
            match interact(&self.series, (interactor, first), (request, second)).await {
                Ok(interaction) => interaction,
                Err(failure) => return self.fail(result, (self.explain)(failure)),
            };
        let says = checker::read(first.result.status, first.result.exit_code, &first.output.stderr);
        let (id, exit_code) = (first.result.id.to_string(), first.result.exit_code);
        result.interactor = Some(CheckerRun { id, exit_code, message: first.output.stderr });
        self.note_run(&second.result, second.output.stderr, result);
        self.conclude(test, verdict::of_interaction(second.result.status, second_ended_first, says), result);
    }

    fn conclude(&self, test: &Test, decided: Result<(JudgeVerdict, f64), String>, result: &mut JudgedTest) {
        match decided {
            Ok((verdict, share)) => {
                result.verdict = verdict;
                result.points = f64::from(test.points) * share;
            }
            Err(message) => self.fail(result, message),
        }
    }

    /// Writes the run of the program to `result`.
    fn note_run(&self, run: &RunResult, stderr: String, result: &mut JudgedTest) {
        let Some(report) = run.report() else { return };
        result.run = Some(encode_run(run.id, report, stderr));
        let compile = report.details.compile.as_deref();
        self.compile.borrow_mut().get_or_insert_with(|| compile.cloned().unwrap_or_default());
    }

    fn fail(&self, result: &mut JudgedTest, message: String) {
        result.verdict = JudgeVerdict::JudgeError;
        result.message = Some(message);
    }

    fn request(&self, program: &Program, input: ProgramInput) -> RunRequest {
        // The series gives each run its id.
        RunRequest::new(program.clone(), RunId::from_random([0; 16]), input)
    }

    fn result(&self) -> JudgeResult {
        let mut tests = self.results.take();
        tests.sort_by_key(|test| test.index);
        let compile = self.compile.take().filter(|_| self.judgement.program.compile.is_some());
        JudgeResult {
            verdict: verdict::of_all(&tests),
            points: tests.iter().map(|test| test.points).sum(),
            max_points: self.judgement.tests.iter().map(|test| f64::from(test.points)).sum(),
            passed: tests.iter().fold(0, |passed, test| passed + u32::from(test.verdict == JudgeVerdict::Accepted)),
            compile,
            tests,
            created_at: self.created_at.into(),
        }
    }
}

fn encode_run(id: RunId, report: &RunReport, stderr: String) -> JudgedRun {
    let compiled_ms = report.details.compile.as_ref().map_or(0.0, |compile| compile.cpu_ms);
    // Both have two decimals, and so has their difference.
    let cpu_ms = ((report.usage.cpu_ms - compiled_ms).max(0.0) * 100.0).round() / 100.0;
    JudgedRun {
        id: id.to_string(),
        status: report.status,
        exit_code: report.exit_code,
        signal: report.signal.clone(),
        cpu_ms,
        mem_mb: report.usage.mem_mb,
        duration_ms: report.usage.duration_ms,
        stderr,
    }
}

/// The first bytes of a text.
fn beginning(text: &str) -> &str {
    let mut length = text.len().min(MAX_MESSAGE_BYTES);
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}
