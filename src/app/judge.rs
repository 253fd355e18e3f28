//! Judges a program: runs it once for each test, and finds a verdict on each.

use crate::app::context::App;
use crate::app::runs::progress::{Client, NotStarted};
use crate::app::runs::series::{EndedRun, Series, at_once, size_of};
use crate::domain::judge::request::{Judgement, Test};
use crate::domain::judge::{checker, verdict};
use crate::domain::run::id::RunId;
use crate::domain::run::output_start::OutputStart;
use crate::domain::run::program::Program;
use crate::domain::run::request::{ProgramInput, RunRequest};
use crate::domain::timestamp::Timestamp;
use docle_api::compile::CompileResult;
use docle_api::judging::{CheckerRun, JudgeEvent, JudgeResult, TestResult, TestRun, TestVerdict};
use docle_protocol::RunReport;
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

/// Judges a program. Each test is a run of the client's project, and so is each check. Dropping the stream ends them.
pub fn judge(app: &App, client: Client, judgement: Judgement, explain: Explain) -> LocalBoxStream<'static, JudgeEvent> {
    let judge = Rc::new(Judge {
        created_at: app.clock.now(),
        series: Series::new(app.clone(), client),
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
    let end = async move { JudgeEvent::Complete(judge.result()) };
    tests.chain(rest).map(JudgeEvent::Test).chain(end.into_stream()).boxed_local()
}

struct Judge {
    judgement: Judgement,
    series: Series,
    explain: Explain,
    created_at: Timestamp,
    /// The verdict on the tests that have not begun.
    remaining: Cell<Option<TestVerdict>>,
    compile: RefCell<Option<CompileResult>>,
    results: RefCell<Vec<TestResult>>,
}

impl Judge {
    fn tests_before_others(&self) -> usize {
        let prepares = |program: &Program| program.compile.is_some() || !program.packages.is_empty();
        let waits = prepares(&self.judgement.program) || self.judgement.checker.as_ref().is_some_and(prepares);
        usize::from(waits).min(self.judgement.tests.len())
    }

    /// Tests in progress at once. Those that stop after a failure run one by one, so that no time decides which have run.
    fn at_once(&self) -> usize {
        let Judgement { program, tests, checker, stops_on_failure } = &self.judgement;
        let largest = tests.iter().map(|test| test.input.stdin.len() + test.expected.text().len()).max();
        let sources = size_of(&program.files) + checker.as_ref().map_or(0, |checker| size_of(&checker.files));
        if *stops_on_failure {
            return 1;
        }
        at_once(sources + largest.unwrap_or_default() + program.limits.max_output_bytes as usize)
    }

    async fn test(&self, index: usize) -> TestResult {
        let test = &self.judgement.tests[index];
        let number = u32::try_from(index).unwrap_or(u32::MAX);
        let mut result = verdict::not_run(number, test.name.clone(), TestVerdict::Skipped);
        match self.remaining.get() {
            Some(verdict) => result.verdict = verdict,
            None => {
                self.decide(test, &mut result).await;
                if verdict::holds_for_all(result.verdict) {
                    self.remaining.set(Some(result.verdict));
                } else if self.judgement.stops_on_failure && result.verdict != TestVerdict::Accepted {
                    self.remaining.set(Some(TestVerdict::Skipped));
                }
            }
        }
        self.results.borrow_mut().push(result.clone());
        result
    }

    /// Runs a test, and writes what became of it to `result`.
    async fn decide(&self, test: &Test, result: &mut TestResult) {
        let program = &self.judgement.program;
        let limits = program.limits;
        let timeout_ms = test.timeout_ms.unwrap_or(limits.timeout_ms);
        let mut request = self.request(program, test.input.clone());
        request.job.limits.timeout_ms = timeout_ms;
        let output = OutputStart::new(limits.max_output_bytes as usize + 4, MAX_MESSAGE_BYTES);
        let ended = match self.series.run(request, output).await {
            Ok(ended) => ended,
            Err(failure) => return self.fail(result, (self.explain)(failure)),
        };
        let EndedRun { result: run, output, .. } = ended;
        if let Some(report) = run.report() {
            result.run = Some(encode_run(run.id, report, output.stderr));
            let compile = report.details.compile.as_deref();
            self.compile.borrow_mut().get_or_insert_with(|| compile.cloned().unwrap_or_default());
        }
        match verdict::of_status(run.status) {
            Some(TestVerdict::JudgeError) => {
                self.fail(result, format!("The run ended with status \"{}\".", run.status.name()));
            }
            Some(verdict) => result.verdict = verdict,
            None if self.judgement.checker.is_some() => self.check(test, output.stdout, result).await,
            None => {
                result.difference = test.expected.compare(&output.stdout);
                let is_right = result.difference.is_none();
                result.verdict = if is_right { TestVerdict::Accepted } else { TestVerdict::WrongAnswer };
                result.points = if is_right { test.points.into() } else { 0.0 };
            }
        }
    }

    /// Lets the checker decide on the output of a test.
    async fn check(&self, test: &Test, stdout: String, result: &mut TestResult) {
        let Some(program) = &self.judgement.checker else { return };
        let args = checker::FILES.map(str::to_owned).into();
        let mut request = self.request(program, ProgramInput { args, ..ProgramInput::default() });
        request.job.inputs = checker::files([test.input.stdin.clone(), stdout, test.expected.text().to_owned()]);
        let output = OutputStart::new(MAX_CHECKER_OUTPUT_BYTES, MAX_MESSAGE_BYTES);
        let EndedRun { result: run, output, .. } = match self.series.run(request, output).await {
            Ok(ended) => ended,
            Err(failure) => return self.fail(result, (self.explain)(failure)),
        };
        let message: String = [&*output.stdout, &*output.stderr].map(beginning).concat();
        result.checker = Some(CheckerRun { id: run.id.to_string(), exit_code: run.exit_code, message });
        match checker::read(run.status, run.exit_code, &output.stdout) {
            Ok((verdict, share)) => {
                result.verdict = verdict;
                result.points = f64::from(test.points) * share;
            }
            Err(message) => self.fail(result, message),
        }
    }

    fn fail(&self, result: &mut TestResult, message: String) {
        result.verdict = TestVerdict::JudgeError;
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
            passed: tests.iter().fold(0, |passed, test| passed + u32::from(test.verdict == TestVerdict::Accepted)),
            compile,
            tests,
            created_at: self.created_at.into(),
        }
    }
}

fn encode_run(id: RunId, report: &RunReport, stderr: String) -> TestRun {
    let compiled_ms = report.details.compile.as_ref().map_or(0.0, |compile| compile.cpu_ms);
    // Both have two decimals, and so has their difference.
    let cpu_ms = ((report.usage.cpu_ms - compiled_ms).max(0.0) * 100.0).round() / 100.0;
    TestRun {
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
