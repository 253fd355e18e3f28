//! What is written down about a run for its project's statistics.

use crate::domain::run::id::RunId;
use crate::domain::run::record::{Owner, Recordable};
use crate::domain::run::result::RunResult;
use crate::domain::timestamp::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::{RawValue, to_raw_value};

/// Enough to recognise one's own program.
pub const MAX_SNIPPET_CHARS: usize = 200;

/// What the log of a project keeps of a run beside its result.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct UsageRecord {
    pub run_id: RunId,
    pub project_id: String,
    pub key_id: String,
    pub created_at: Timestamp,
    pub tier: String,
    pub language: String,
    pub snippet: String,
    pub status: String,
    pub exit_code: i32,
    pub duration_ms: u32,
    pub end_user_id: Option<String>,
    /// As the caller sent it.
    pub user_context: Option<Box<RawValue>>,
    pub ip: Option<String>,
    /// The id of the run token that started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// The record of a run as JSON. `ip` is for projects that want it, and `token` is the id of the run token that started it.
pub fn encode(
    owner: &Owner,
    request: &impl Recordable,
    result: &RunResult,
    ip: Option<&str>,
    token: Option<&str>,
) -> String {
    const ENCODES: &str = "a record is plain data with string keys, which always encodes";
    let context = request.user_context().as_ref();
    let record = UsageRecord {
        run_id: result.id,
        project_id: owner.project_id.clone(),
        key_id: owner.key_id.clone(),
        created_at: result.created_at,
        tier: request.tier().name().to_owned(),
        language: request.language().to_owned(),
        snippet: request.source().chars().take(MAX_SNIPPET_CHARS).collect(),
        status: result.status.name().to_owned(),
        exit_code: result.exit_code,
        duration_ms: result.duration_ms.clamp(0.0, f64::from(u32::MAX)).round() as u32,
        end_user_id: context.map(|context| context.id.clone()),
        user_context: context.map(|context| to_raw_value(context).expect(ENCODES)),
        ip: ip.map(str::to_owned),
        token: token.map(str::to_owned),
    };
    serde_json::to_string(&record).expect(ENCODES)
}

/// The range of durations that one falls into: up to 16 ms exactly, from there in sixteenths of a power of two.
pub const fn bucket_of(duration_ms: u32) -> u32 {
    if duration_ms < 16 {
        return duration_ms;
    }
    let exponent = 31 - duration_ms.leading_zeros();
    let sixteenth = (duration_ms >> (exponent - 4)) & 15;
    16 * (exponent - 3) + sixteenth
}

/// The middle of a range, in milliseconds: at most a thirty-second away from all that is in it.
pub const fn middle_of(bucket: u32) -> u32 {
    if bucket < 16 {
        return bucket;
    }
    let shift = bucket / 16 - 1;
    let start = (16 + bucket % 16) << shift;
    start + ((1 << shift) >> 1)
}

/// The duration that `share` of the runs did not exceed; `runs` counts them by range. `None` where there are none.
pub fn percentile(runs: &[(u32, i64)], share: f64) -> Option<u32> {
    let mut sorted = runs.to_vec();
    sorted.sort_unstable();
    let total: i64 = sorted.iter().map(|(_, count)| count).sum();
    let rank = (total as f64 * share).ceil() as i64;
    let mut passed = 0;
    let reached = |(_, count): &&(u32, i64)| {
        passed += count;
        passed >= rank.max(1)
    };
    sorted.iter().find(reached).map(|(bucket, _)| middle_of(*bucket))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::usage_log::name::LogId;
    use docle_protocol::{RunReport, RunStatus, RunUsage};
    use proptest::prelude::*;
    use serde_json::{Value, json};

    #[test]
    fn usage_record_format_unchanged() {
        let owner = Owner { project_id: "proj_1".into(), log_id: LogId::default(), key_id: "key_1".into() };
        let id = RunId::parse("550e8400-e29b-41d4-a716-446655440000").unwrap();
        let body = json!({
            "code": "\u{e9}".repeat(201), "lang": "node", "userContext": { "id": "u1", "tier": "pro" },
        });
        let request = crate::domain::run::request::parse(body, id, 300_000).unwrap();
        let report = RunReport {
            status: RunStatus::Error,
            exit_code: 3,
            signal: None,
            truncated: docle_protocol::Truncated { stdout: false, stderr: false },
            usage: RunUsage { duration_ms: 44.6, ..RunUsage::default() },
            details: docle_protocol::RunDetails::default(),
        };
        let result = RunResult::from_report(id, Timestamp(7_200_001), report);
        let record: Value = serde_json::from_str(&encode(&owner, &request, &result, Some("10.0.0.1"), None)).unwrap();
        let expected = json!({
            "runId": "550e8400-e29b-41d4-a716-446655440000", "projectId": "proj_1", "keyId": "key_1",
            "createdAt": 7_200_001, "tier": "run", "language": "node", "snippet": "\u{e9}".repeat(200), "status": "error",
            "exitCode": 3, "durationMs": 45, "endUserId": "u1",
            "userContext": { "id": "u1", "tier": "pro" }, "ip": "10.0.0.1",
        });
        assert_eq!(record, expected);
        let read: UsageRecord = serde_json::from_value(record).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), expected);
    }

    #[test]
    fn percentiles_are_read_off_the_counts() {
        assert_eq!(percentile(&[], 0.5), None);
        assert_eq!(percentile(&[(5, 1)], 0.95), Some(5));
        assert_eq!(percentile(&[(9, 5), (3, 95)], 0.5), Some(3));
        assert_eq!(percentile(&[(9, 5), (3, 95)], 0.95), Some(3));
        assert_eq!(percentile(&[(9, 6), (3, 94)], 0.95), Some(9));
    }

    proptest! {
        #[test]
        fn the_middle_of_a_range_is_close_to_all_that_is_in_it(duration_ms in 0u32..10_000_000) {
            let middle = middle_of(bucket_of(duration_ms));
            prop_assert!(f64::from(middle.abs_diff(duration_ms)) <= f64::from(duration_ms) / 30.0);
            prop_assert!(bucket_of(duration_ms) <= bucket_of(duration_ms + 1));
        }
    }
}
