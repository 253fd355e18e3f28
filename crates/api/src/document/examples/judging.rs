//! Examples of judgements.

use crate::document::example::{Example, RUN_ID, text, time};
use crate::judges::{JudgePage, JudgeSettings, ListedJudge, WholeJudge};
use crate::judging::*;
use crate::runs::RunStatus;
use docle_languages::RunLanguage;

impl Example for JudgeRequest {
    const NAME: &'static str = "judgement";

    fn example() -> Self {
        let test = |stdin: &str, expected: &str| JudgeTest {
            stdin: Some(text(stdin)),
            expected: Some(text(expected)),
            points: Some(10),
            ..JudgeTest::default()
        };
        Self {
            code: Some(text("print(sum(map(int, input().split())))")),
            files: None,
            entrypoint: None,
            lang: RunLanguage::named("python"),
            packages: None,
            compile: None,
            policy: None,
            judge: None,
            tests: Some(vec![test("1 2", "3"), test("2 2", "5")]),
            checker: None,
            interactor: None,
            stop_on_failure: None,
            user_context: None,
        }
    }
}

fn test(index: u32, difference: Option<Difference>) -> JudgedTest {
    let run = JudgedRun {
        id: text(RUN_ID),
        status: RunStatus::Success,
        exit_code: 0,
        signal: None,
        cpu_ms: 11.5,
        mem_mb: 9.5,
        duration_ms: 13.2,
        stderr: String::new(),
    };
    JudgedTest {
        index,
        name: None,
        verdict: if difference.is_some() { JudgeVerdict::WrongAnswer } else { JudgeVerdict::Accepted },
        points: if difference.is_some() { 0.0 } else { 10.0 },
        run: Some(run),
        difference,
        checker: None,
        interactor: None,
        message: None,
    }
}

impl Example for JudgeResult {
    const NAME: &'static str = "verdicts";

    fn example() -> Self {
        let difference = Difference { line: 1, column: 1, expected: text("5"), actual: text("4") };
        Self {
            verdict: JudgeVerdict::WrongAnswer,
            points: 10.0,
            max_points: 20.0,
            passed: 1,
            compile: None,
            tests: vec![test(0, None), test(1, Some(difference))],
            created_at: time(),
        }
    }
}

impl Example for JudgeEvent {
    const NAME: &'static str = "test";

    fn example() -> Self {
        Self::Test { test: test(0, None) }
    }
}

const JUDGE: &str = "jdg_k2v7d3q5xw4zb6yh8m2n4ptr7c";

fn listed() -> ListedJudge {
    ListedJudge { id: text(JUDGE), name: text("Sums"), tests: 1, created_at: time() }
}

impl Example for JudgeSettings {
    const NAME: &'static str = "sums";

    fn example() -> Self {
        let test = JudgeTest { stdin: Some(text("1 2")), expected: Some(text("3")), ..JudgeTest::default() };
        let name = Some(text("Sums"));
        Self { name, tests: vec![test], checker: None, interactor: None, stop_on_failure: None, policy: None }
    }
}

impl Example for ListedJudge {
    const NAME: &'static str = "judge";

    fn example() -> Self {
        listed()
    }
}

impl Example for WholeJudge {
    const NAME: &'static str = "judge";

    fn example() -> Self {
        Self { listed: listed(), settings: JudgeSettings::example() }
    }
}

impl Example for JudgePage {
    const NAME: &'static str = "judges";

    fn example() -> Self {
        Self { judges: vec![listed()], next_cursor: None }
    }
}
