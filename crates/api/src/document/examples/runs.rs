//! Examples of runs and of their events.

use crate::document::example::{Example, KEY_ID, RUN_ID, text, time};
use crate::end_users::{Deletion, RunPage, UserContext, UserTier};
use crate::health::{Backend, BackendKind, Health, HealthStatus, Index};
use crate::languages::{Docs, Language, Languages, Limit, RuntimeApiDoc};
use crate::pending_runs::{ListedPendingRun, PendingRun, PendingStatus, RunList};
use crate::run_details::RunDetails;
use crate::run_events::RunEvent;
use crate::run_input::{RunInput, UsedPolicy};
use crate::runs::*;
use crate::usage::{EndUserCount, Interval, KeyCount, Percentiles, ProjectCount, Stretch, TotalUsage, Usage, UsageRun};
use docle_languages::{RunLanguage, Tier};
use std::collections::BTreeMap;

impl Example for RunRequest {
    const NAME: &'static str = "program";

    fn example() -> Self {
        Self {
            tier: None,
            lang: RunLanguage::named("python"),
            code: Some(text("print(\"Hello, \" + input() + \"!\")")),
            files: None,
            entrypoint: None,
            repo: None,
            packages: None,
            stdin: Some(text("Ada")),
            args: None,
            env: None,
            compile: None,
            policy: Some(Policy { timeout_ms: Some(5_000), memory_mb: Some(128), ..Policy::default() }),
            artifacts: None,
            artifacts_inline: None,
            detach: None,
            queue_timeout_ms: None,
            webhook: None,
            tty: None,
            user_context: Some(user()),
        }
    }
}

fn user() -> UserContext {
    UserContext { id: text("user-123"), email: None, name: None, tier: Some(UserTier::Pro), metadata: None }
}

impl Example for PendingRun {
    const NAME: &'static str = "pending";

    fn example() -> Self {
        Self { id: text(RUN_ID), status: PendingStatus::Queued, created_at: time(), output: None }
    }
}

impl Example for RunResult {
    const NAME: &'static str = "result";

    fn example() -> Self {
        Self {
            id: text(RUN_ID),
            ok: true,
            status: RunStatus::Success,
            exit_code: 0,
            signal: None,
            stdout: text("Hello, Ada!\n"),
            stderr: String::new(),
            truncated: Truncated::default(),
            usage: RunUsage { cpu_ms: 11.5, mem_mb: 9.5, duration_ms: 13.2, ..RunUsage::default() },
            details: RunDetails::default(),
            created_at: time(),
        }
    }
}

impl Example for RunEvent {
    const NAME: &'static str = "output";

    fn example() -> Self {
        Self::Stdout { data: text("Hello, Ada!\n") }
    }
}

impl Example for StoredRun {
    const NAME: &'static str = "stored";

    fn example() -> Self {
        let policy = UsedPolicy {
            timeout_ms: 5_000,
            cpu_ms: None,
            max_file_mb: None,
            memory_mb: 128,
            max_output_bytes: 1_048_576,
            allow_network: false,
            allowed_hosts: Vec::new(),
        };
        let input = RunInput {
            code: RunRequest::example().code,
            files: None,
            lang: RunLanguage::named("python"),
            entrypoint: text("main.py"),
            repo: None,
            packages: Vec::new(),
            stdin: text("Ada"),
            tty: None,
            args: Vec::new(),
            env_names: Vec::new(),
            compile: None,
            policy,
            truncated: false,
            submission: None,
        };
        Self { result: RunResult::example(), input: Some(input) }
    }
}

fn run() -> UsageRun {
    UsageRun {
        id: text(RUN_ID),
        language: text("python"),
        code_snippet: RunRequest::example().code.unwrap_or_default(),
        status: text("success"),
        exit_code: 0,
        execution_time_ms: 13,
        created_at: time(),
        api_key_id: text(KEY_ID),
        user_context: serde_json::to_value(user()).ok(),
        ip_address: None,
    }
}

impl Example for RunPage {
    const NAME: &'static str = "runs";

    fn example() -> Self {
        Self { history: vec![run()], next_cursor: None }
    }
}

impl Example for RunList {
    const NAME: &'static str = "runs";

    fn example() -> Self {
        let pending = ListedPendingRun {
            id: text("5a1c9f0e-8f8b-4f6f-9a53-7d2b6f0c4e11"),
            language: text("python"),
            code_snippet: text("print(input())"),
            status: PendingStatus::Queued,
            created_at: time(),
            api_key_id: text(KEY_ID),
            user_context: Some(user()),
        };
        Self { pending: Some(vec![pending]), history: vec![run()], next_cursor: None }
    }
}

impl Example for Deletion {
    const NAME: &'static str = "deletion";

    fn example() -> Self {
        Self { deleted_runs: 12, complete: true }
    }
}

impl Example for Usage {
    const NAME: &'static str = "usage";

    fn example() -> Self {
        Self {
            total_runs: 1,
            python_runs: 1,
            nodejs_runs: 0,
            success_rate: 100.0,
            history: vec![run()],
            next_cursor: None,
            languages: BTreeMap::from([(text("python"), 1)]),
            statuses: BTreeMap::from([(text("success"), 1)]),
            duration_ms: Percentiles { p50: Some(13), p95: Some(13) },
            interval: Interval::Day,
            series: vec![Stretch { start: time(), runs: 1, successes: 1 }],
            api_keys: vec![KeyCount { id: text(KEY_ID), name: Some(text("Production API")), runs: 1 }],
            end_users: vec![EndUserCount { id: text("user-123"), runs: 1, last_run_at: time() }],
        }
    }
}

impl Example for TotalUsage {
    const NAME: &'static str = "total usage";

    fn example() -> Self {
        let Usage { total_runs, success_rate, languages, statuses, duration_ms, interval, series, .. } =
            Usage::example();
        let projects =
            vec![ProjectCount { id: text("proj_5c1e0a7d20b48f36e7a1c904"), name: text("Lesson site"), runs: 1 }];
        let unavailable = Vec::new();
        Self { total_runs, success_rate, languages, statuses, duration_ms, interval, series, projects, unavailable }
    }
}

impl Example for Health {
    const NAME: &'static str = "health";

    fn example() -> Self {
        Self {
            status: HealthStatus::Ok,
            version: text("0.1.0"),
            protocol: 1,
            environment: text("production"),
            backend: Backend { kind: BackendKind::Container, reachable: true, runner: None },
        }
    }
}

impl Example for Index {
    const NAME: &'static str = "index";

    fn example() -> Self {
        let links = [("run", "/api/run"), ("health", "/health"), ("openapi", "/openapi.json"), ("signup", "/login")];
        let links = links.map(|(name, address)| (text(name), text(address)));
        Self { name: text("Docle"), version: text("0.1.0"), links: links.into() }
    }
}

impl Example for Languages {
    const NAME: &'static str = "languages";

    fn example() -> Self {
        let versions = BTreeMap::from([(text("cpython"), text("3.13.5"))]);
        let python = Language { id: text("python"), name: text("Python"), tier: Tier::Run, versions };
        Self { languages: vec![python] }
    }
}

impl Example for Docs {
    const NAME: &'static str = "docs";

    fn example() -> Self {
        let console = RuntimeApiDoc {
            name: text("console"),
            signature: text("console.log(...values), also debug, info, warn, error"),
            description: text("Log lines, which come back in logs, in order."),
            example: text("console.warn('Value', { of: 1 })"),
        };
        let code = Limit { name: text("Code"), value: text("100 KB (102,400 bytes)") };
        Self { runtime_apis: vec![console], limits: vec![code], example: text("return 1 + 1") }
    }
}
