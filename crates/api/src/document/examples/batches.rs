//! Examples of batches.

use crate::batches::*;
use crate::document::example::{Example, text};
use crate::runs::{RunRequest, RunResult};
use docle_languages::RunLanguage;

impl Example for InputsRequest {
    const NAME: &'static str = "inputs";

    fn example() -> Self {
        let input = |stdin: &str| RunInputs { stdin: Some(text(stdin)), ..RunInputs::default() };
        Self {
            code: Some(text("print(int(input()) ** 2)")),
            files: None,
            entrypoint: None,
            lang: RunLanguage::named("python"),
            packages: None,
            compile: None,
            policy: None,
            inputs: vec![input("3"), input("4")],
            user_context: None,
        }
    }
}

impl Example for BatchRequest {
    const NAME: &'static str = "programs";

    fn example() -> Self {
        let node = RunRequest {
            lang: RunLanguage::named("node"),
            code: Some(text("console.log(2)")),
            ..RunRequest::example()
        };
        Self { runs: vec![RunRequest::example(), node] }
    }
}

impl Example for BatchResult {
    const NAME: &'static str = "results";

    fn example() -> Self {
        Self { results: vec![run()] }
    }
}

fn run() -> BatchRun {
    BatchRun { index: 0, result: Some(Box::new(RunResult::example())), shortened: None, error: None }
}

impl Example for BatchEvent {
    const NAME: &'static str = "run";

    fn example() -> Self {
        Self::Run { run: run() }
    }
}
