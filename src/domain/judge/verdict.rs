//! Verdicts: what the end of a run says about a program, and what the tests say together.

use docle_api::judging::{JudgeVerdict, JudgedTest};
use docle_protocol::RunStatus;

/// The verdict on a program whose run has ended so; `None` where its output decides.
pub const fn of_status(status: RunStatus) -> Option<JudgeVerdict> {
    match status {
        RunStatus::Success => None,
        RunStatus::Error | RunStatus::Killed => Some(JudgeVerdict::RuntimeError),
        RunStatus::Timeout => Some(JudgeVerdict::Timeout),
        RunStatus::Memory => Some(JudgeVerdict::Memory),
        RunStatus::Output => Some(JudgeVerdict::Output),
        RunStatus::CompileError => Some(JudgeVerdict::CompileError),
        RunStatus::InstallFailed => Some(JudgeVerdict::InstallFailed),
        RunStatus::Cancelled | RunStatus::System => Some(JudgeVerdict::JudgeError),
    }
}

/// Whether every further test ends like this one, because the program itself cannot be started.
pub const fn holds_for_all(verdict: JudgeVerdict) -> bool {
    matches!(verdict, JudgeVerdict::CompileError | JudgeVerdict::InstallFailed)
}

/// The verdict on a program after an interaction, and the share of the points. `says` is what the interactor says. A program that
/// fails ends before its interactor, or is a victim of the interactor's end; only the first is its own fault.
///
/// # Errors
/// There is no verdict: a sentence for the caller.
pub fn of_interaction(
    status: RunStatus,
    ended_first: bool,
    says: Result<(JudgeVerdict, f64), String>,
) -> Result<(JudgeVerdict, f64), String> {
    match (of_status(status), says) {
        (Some(JudgeVerdict::JudgeError), _) => Err(format!("The run ended with status \"{}\".", status.name())),
        (Some(verdict), _) if ended_first => Ok((verdict, 0.0)),
        (Some(verdict), Ok((JudgeVerdict::Accepted, _))) => Ok((verdict, 0.0)),
        (_, says) => says,
    }
}

/// The result of a test that was not run.
pub const fn not_run(index: u32, name: Option<String>, verdict: JudgeVerdict) -> JudgedTest {
    JudgedTest {
        index,
        name,
        verdict,
        points: 0.0,
        run: None,
        difference: None,
        checker: None,
        interactor: None,
        message: None,
    }
}

/// The verdict on all tests: that on the first one that is not accepted.
pub fn of_all(tests: &[JudgedTest]) -> JudgeVerdict {
    let failed = tests.iter().map(|test| test.verdict).find(|verdict| *verdict != JudgeVerdict::Accepted);
    failed.unwrap_or(JudgeVerdict::Accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_failure_is_the_verdict_on_all() {
        use JudgeVerdict::*;
        let of = |given: &[JudgeVerdict]| {
            let tests: Vec<JudgedTest> = given.iter().map(|verdict| not_run(0, None, *verdict)).collect();
            of_all(&tests)
        };
        assert_eq!(of(&[Accepted, WrongAnswer, Accepted, Timeout]), WrongAnswer);
        assert_eq!(of(&[Accepted, Partial, Skipped]), Partial);
        assert_eq!(of(&[Accepted, Accepted]), Accepted);
    }

    #[test]
    fn a_program_is_to_blame_for_an_end_that_comes_before_that_of_its_interactor() {
        use JudgeVerdict::*;
        let (refuses, accepts, fails) = (|| Ok((WrongAnswer, 0.0)), || Ok((Accepted, 1.0)), || Err("x".to_owned()));
        for (status, ended_first, says, verdict) in [
            (RunStatus::Success, true, accepts(), Ok(Accepted)),
            (RunStatus::Success, true, refuses(), Ok(WrongAnswer)),
            (RunStatus::Error, true, refuses(), Ok(RuntimeError)),
            (RunStatus::Error, false, refuses(), Ok(WrongAnswer)),
            (RunStatus::Error, false, accepts(), Ok(RuntimeError)),
            (RunStatus::Timeout, true, fails(), Ok(Timeout)),
            (RunStatus::Error, false, fails(), Err(())),
            (RunStatus::Success, true, fails(), Err(())),
            (RunStatus::System, true, accepts(), Err(())),
        ] {
            let found = of_interaction(status, ended_first, says.clone());
            assert_eq!(found.map(|(verdict, _)| verdict).map_err(|_| ()), verdict, "{status:?} {ended_first} {says:?}");
        }
    }

    #[test]
    fn only_a_success_is_decided_by_its_output() {
        let undecided = RunStatus::ALL.into_iter().filter(|status| of_status(*status).is_none());
        assert_eq!(undecided.collect::<Vec<_>>(), [RunStatus::Success]);
    }
}
