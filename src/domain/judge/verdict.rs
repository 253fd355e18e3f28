//! Verdicts: what the end of a run says about a program, and what the tests say together.

use docle_api::judging::{TestResult, TestVerdict};
use docle_protocol::RunStatus;

/// The verdict on a program whose run has ended so; `None` where its output decides.
pub const fn of_status(status: RunStatus) -> Option<TestVerdict> {
    match status {
        RunStatus::Success => None,
        RunStatus::Error | RunStatus::Killed => Some(TestVerdict::RuntimeError),
        RunStatus::Timeout => Some(TestVerdict::Timeout),
        RunStatus::Memory => Some(TestVerdict::Memory),
        RunStatus::Output => Some(TestVerdict::Output),
        RunStatus::CompileError => Some(TestVerdict::CompileError),
        RunStatus::InstallFailed => Some(TestVerdict::InstallFailed),
        RunStatus::Cancelled | RunStatus::System => Some(TestVerdict::JudgeError),
    }
}

/// Whether every further test ends like this one, because the program itself cannot be started.
pub const fn holds_for_all(verdict: TestVerdict) -> bool {
    matches!(verdict, TestVerdict::CompileError | TestVerdict::InstallFailed)
}

/// The result of a test that was not run.
pub const fn not_run(index: u32, name: Option<String>, verdict: TestVerdict) -> TestResult {
    TestResult { index, name, verdict, points: 0.0, run: None, difference: None, checker: None, message: None }
}

/// The verdict on all tests: that on the first one that is not accepted.
pub fn of_all(tests: &[TestResult]) -> TestVerdict {
    let failed = tests.iter().map(|test| test.verdict).find(|verdict| *verdict != TestVerdict::Accepted);
    failed.unwrap_or(TestVerdict::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_the_verdict_on_all() {
        use TestVerdict::*;
        let of = |given: &[TestVerdict]| {
            let tests: Vec<TestResult> = given.iter().map(|verdict| not_run(0, None, *verdict)).collect();
            of_all(&tests)
        };
        assert_eq!(of(&[Accepted, WrongAnswer, Accepted, Timeout]), WrongAnswer);
        assert_eq!(of(&[Accepted, Partial, Skipped]), Partial);
        assert_eq!(of(&[Accepted, Accepted]), Accepted);
    }

    #[test]
    fn only_a_success_is_decided_by_its_output() {
        let undecided = RunStatus::ALL.into_iter().filter(|status| of_status(*status).is_none());
        assert_eq!(undecided.collect::<Vec<_>>(), [RunStatus::Success]);
    }
}
