//! The calls of a UsageLog object, and their answers.

use crate::domain::project::guard::Guard;
use crate::domain::run::id::RunId;
use crate::domain::usage_log::query::{HistoryQuery, Hours};
use crate::objects::call::ObjectCall;
use serde::{Deserialize, Serialize};

/// The calls of a UsageLog object; [`crate::ports::UsageLogs`] documents what each of them does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum LogCall {
    /// The body has the runs, each as [`crate::domain::run::finished::FinishedRun::to_line`] writes it.
    Submit,
    /// The answer is a [`Found`], and the body is the record unless KV has it; without a value no record is kept.
    Record(RunId),
    /// The body of the answer is a list of [`crate::domain::usage_log::query::UsageRun`] as JSON.
    History(HistoryQuery),
    /// The body of the answer is a [`crate::domain::usage_log::query::UsageCounts`] as JSON.
    Counts(Hours),
    /// The answer is a [`crate::domain::usage_log::query::Erased`].
    EraseEndUser(String),
    Refresh,
    /// The answer is whether nothing is left.
    Delete,
}

impl ObjectCall for LogCall {
    /// The object has logged why.
    type Refusal = ();

    fn may_repeat(&self) -> bool {
        true
    }
}

/// A record that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Found {
    pub guard: Guard,
    /// Whether KV has it.
    pub in_kv: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::input::page::Page;
    use crate::domain::usage_log::query::Filter;
    use serde_json::json;

    #[test]
    fn log_call_format_unchanged() {
        let written = |call: LogCall| serde_json::to_value(call).unwrap();
        let id = RunId::from_random([0; 16]);
        assert_eq!(written(LogCall::Submit), json!("submit"));
        assert_eq!(written(LogCall::Record(id)), json!({ "record": id }));
        let query = HistoryQuery::of(Filter::Scripts, &Page::of(1, None), 0);
        let expected = json!({
            "history": { "filter": "scripts", "afterAt": i64::MAX >> 11, "afterId": "", "offset": 0, "rows": 2 },
        });
        assert_eq!(written(LogCall::History(query)), expected);
        let hours = Hours { from: 1, to: 2, step: 3 };
        assert_eq!(written(LogCall::Counts(hours)), json!({ "counts": { "from": 1, "to": 2, "step": 3 } }));
        assert_eq!(written(LogCall::EraseEndUser("u".into())), json!({ "eraseEndUser": "u" }));
        assert_eq!(written(LogCall::Refresh), json!("refresh"));
        assert_eq!(written(LogCall::Delete), json!("delete"));
        let guard = Guard { project_id: "proj_1".into(), user_id: None, private_results: true };
        let expected = json!({
            "guard": { "projectId": "proj_1", "userId": null, "privateResults": true }, "inKv": false,
        });
        assert_eq!(serde_json::to_value(Found { guard, in_kv: false }).unwrap(), expected);
    }
}
