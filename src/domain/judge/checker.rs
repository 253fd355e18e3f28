//! Checkers: what they are given, and what their end says.

use docle_api::judging::JudgeVerdict;
use docle_protocol::{RunStatus, SourceFile};

/// The directory of the files that a checker is given.
pub const DIRECTORY: &str = "test";
/// Where a checker finds the standard input of the program, its output, and the expected output. They are its arguments, in the
/// order that checkers for `testlib.h` expect.
pub const FILES: [&str; 3] = ["test/input.txt", "test/output.txt", "test/expected.txt"];

/// The files that a checker is given.
pub fn files(contents: [String; 3]) -> Vec<SourceFile> {
    FILES.into_iter().zip(contents).map(|(path, content)| SourceFile::text(path, content)).collect()
}

/// What a checker says: the verdict, and the share of the points.
///
/// # Errors
/// The checker has failed: a sentence for the caller.
pub fn read(status: RunStatus, exit_code: i32, stdout: &str) -> Result<(JudgeVerdict, f64), String> {
    match (status, exit_code) {
        (RunStatus::Success, 0) => Ok((JudgeVerdict::Accepted, 1.0)),
        (RunStatus::Error, 1 | 2) => Ok((JudgeVerdict::WrongAnswer, 0.0)),
        (RunStatus::Error, 7) => match share(stdout) {
            Some(share) if share >= 1.0 => Ok((JudgeVerdict::Accepted, 1.0)),
            Some(share) if share > 0.0 => Ok((JudgeVerdict::Partial, share)),
            Some(_) => Ok((JudgeVerdict::WrongAnswer, 0.0)),
            None => Err("The checker ended with exit code 7, and the first line of its standard output is no number \
                         from 0 to 1."
                .into()),
        },
        (RunStatus::Error, code) => Err(format!("The checker ended with exit code {code}; a verdict is 0, 1, 2 or 7.")),
        (status, _) => Err(format!("The checker ended with status \"{}\".", status.name())),
    }
}

/// The share of the points in the first line of a checker's output.
fn share(stdout: &str) -> Option<f64> {
    let share: f64 = stdout.lines().next()?.trim().parse().ok()?;
    (0.0..=1.0).contains(&share).then_some(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checker_that_lies_about_points_is_not_believed() {
        for lie in ["2", "-1", "NaN", "inf", "1e999", "", "all", "0x1", "1.0000001", "\n0.5"] {
            assert!(read(RunStatus::Error, 7, lie).is_err(), "{lie:?}");
        }
        assert_eq!(read(RunStatus::Error, 7, "0.25 \nbecause"), Ok((JudgeVerdict::Partial, 0.25)));
        assert_eq!(read(RunStatus::Error, 7, "1"), Ok((JudgeVerdict::Accepted, 1.0)));
        assert_eq!(read(RunStatus::Error, 7, "0"), Ok((JudgeVerdict::WrongAnswer, 0.0)));
    }

    #[test]
    fn a_checker_that_does_not_end_well_gives_no_verdict() {
        for (status, exit_code) in [
            (RunStatus::Error, 3),
            (RunStatus::Error, 255),
            (RunStatus::Timeout, 124),
            (RunStatus::Memory, 137),
            (RunStatus::Killed, 139),
            (RunStatus::Output, 1),
            (RunStatus::CompileError, 1),
            (RunStatus::InstallFailed, 1),
            (RunStatus::System, 1),
        ] {
            assert!(read(status, exit_code, "1").is_err(), "{status:?} {exit_code}");
        }
        assert_eq!(read(RunStatus::Error, 1, ""), Ok((JudgeVerdict::WrongAnswer, 0.0)));
        assert_eq!(read(RunStatus::Success, 0, "anything"), Ok((JudgeVerdict::Accepted, 1.0)));
    }
}
