//! Operations of judges that a project keeps.

use crate::document::operation::{Body, Caller, Method, Operation, Tag};
use crate::document::parameters::Parameter;
use crate::errors::ErrorCode::*;
use crate::judges::*;
use crate::limits::MAX_JUDGE_BYTES;

const PROJECT: Parameter = Parameter::Id("The id of the project.");
const JUDGE: Parameter = Parameter::Id("The id of the judge.");

pub fn operations() -> Vec<Operation> {
    let caller = (Tag::Projects, Caller::Manager);
    vec![
        Operation::new(
            "create_judge",
            (Method::Post, "/api/projects/:id/judges"),
            caller,
            "Keep a judge",
            "Keeps tests, and what decides on them, under an id. `POST /api/run/judge` takes the id as `judge`, also with a publishable \
             key, whose user then sees verdicts and never the tests. A judge never changes: another one has another id. A project has \
             at most 100.",
        )
        .takes(MAX_JUDGE_BYTES, vec![Body::json::<JudgeSettings>()])
        .fails(&[UnsupportedMediaType])
        .with(PROJECT)
        .gives::<ListedJudge>(201, "The judge.")
        .fails(&[ProjectNotFound, TooManyJudges])
        .changes(),
        Operation::new(
            "list_judges",
            (Method::Get, "/api/projects/:id/judges"),
            caller,
            "List judges",
            "The judges of a project, the newest first.",
        )
        .with(PROJECT)
        .paged()
        .gives::<JudgePage>(200, "One page of judges.")
        .fails(&[ProjectNotFound]),
        Operation::new(
            "get_judge",
            (Method::Get, "/api/judges/:id"),
            caller,
            "Read a judge",
            "A judge with its tests.",
        )
        .with(JUDGE)
        .gives::<WholeJudge>(200, "The judge.")
        .fails(&[JudgeNotFound]),
        Operation::new(
            "delete_judge",
            (Method::Delete, "/api/judges/:id"),
            caller,
            "Delete a judge",
            "Deletes a judge. A judgement that begins within the next minute may still find it.",
        )
        .with(JUDGE)
        .empty(204, "The judge is gone.")
        .fails(&[JudgeNotFound])
        .changes(),
    ]
}
