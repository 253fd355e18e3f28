//! The webhooks of an account over a real database, with receivers, a log and a clock that do as a test says.

use crate::domain::input::page::Page;
use crate::domain::run::draft::{Asked, RunDraft};
use crate::domain::run::finished::FinishedRun;
use crate::domain::run::output::Output;
use crate::domain::run::record::{Chunks, Owner, StoredOutput};
use crate::domain::run::request::parse;
use crate::domain::run::result::RunResult;
use crate::domain::secret::DeploymentSecret;
use crate::domain::timestamp::Timestamp;
use crate::domain::usage_log::name::LogName;
use crate::domain::webhook::delivery::{Delivery, WebhookState};
use crate::domain::webhook::notice::RunNotice;
use crate::domain::webhook::notice::tests::notice;
use crate::domain::webhook::sealed::seal;
use crate::domain::webhook::secret::{SECRET_BYTES, SigningSecret};
use crate::objects::webhooks::logic::{WebhookPorts, WebhooksLogic};
use crate::ports::webhooks::ReportRequest;
use crate::ports::{Kv, LocalSql, PortError, SqlValue, UsageLogs};
use crate::store::log_ledger::SqlLogLedger;
use crate::store::webhooks::SqlWebhookLedger;
use crate::tests::fake_artifacts::FakeArtifacts;
use crate::tests::fakes::{FakeKv, FakeMailer};
use crate::tests::object_fixture::{ObjectBench, Task};
use crate::tests::sqlite::Sqlite;
use crate::tests::usage_logs::LocalUsageLogs;
use crate::tests::webhooks::FakeReceivers;
use docle_protocol::{RunDetails, RunReport, RunStatus, RunUsage, Truncated};
use serde_json::{Value, json};
use std::rc::Rc;

mod deletion;
mod delivering;
mod failing;

/// The secret of the deployment.
fn keys() -> DeploymentSecret {
    DeploymentSecret::parse(&"k".repeat(32), "").unwrap()
}

/// The secret of `proj_1`, and the one before.
fn secret(number: u8) -> SigningSecret {
    SigningSecret::from_random([number; SECRET_BYTES])
}

struct Setup {
    bench: ObjectBench,
    sql: Rc<Sqlite>,
    kv: Rc<FakeKv>,
    logs: Rc<LocalUsageLogs>,
    receivers: Rc<FakeReceivers>,
    mailer: Rc<FakeMailer>,
    logic: Rc<WebhooksLogic>,
}

impl Setup {
    fn new() -> Self {
        let bench = ObjectBench::new();
        let sql = Rc::new(Sqlite::migrated());
        sql.run("INSERT INTO users (id, email, created_at) VALUES ('user_1', 'ada@example.com', 0)");
        sql.run("INSERT INTO projects (id, log_id, name, created_at, user_id) VALUES ('proj_1', '0000000000', '<One>', 0, 'user_1')");
        let sealed = seal(&keys(), "proj_1", &secret(1), [0; 12]);
        sql.run(&format!(
            "INSERT INTO webhook_secrets (project_id, secret, created_at) VALUES ('proj_1', '{sealed}', 0)"
        ));
        let kv = Rc::new(FakeKv::default());
        let logs = Rc::new(LocalUsageLogs::new(
            Rc::new(SqlLogLedger { sql: sql.clone() }),
            kv.clone(),
            Rc::new(FakeArtifacts::default()),
            bench.clock.clone(),
        ));
        Self::over(bench, sql, (kv, logs), (Rc::default(), Rc::default()))
    }

    fn over(
        bench: ObjectBench,
        sql: Rc<Sqlite>,
        (kv, logs): (Rc<FakeKv>, Rc<LocalUsageLogs>),
        (receivers, mailer): (Rc<FakeReceivers>, Rc<FakeMailer>),
    ) -> Self {
        let ports = WebhookPorts {
            ledger: Rc::new(SqlWebhookLedger(sql.clone())),
            logs: logs.clone(),
            runs: kv.clone(),
            sender: receivers.clone(),
            mailer: Some(mailer.clone()),
            secret: keys(),
        };
        let logic = Rc::new(WebhooksLogic::new(bench.runtime.clone(), ports));
        Self { bench, sql, kv, logs, receivers, mailer, logic }
    }

    /// The object as it is after a reset: its memory is lost.
    fn reset(self) -> Self {
        Self::over(self.bench, self.sql, (self.kv, self.logs), (self.receivers, self.mailer))
    }

    /// Records a run whose output is there, and passes its end on.
    fn end(&mut self, notice: &RunNotice) {
        let output = Output { stdout: "1\n".into(), stderr: String::new() };
        self.record(notice, &StoredOutput::Inline(output));
        self.enqueue(notice).unwrap();
    }

    fn record(&mut self, notice: &RunNotice, output: &StoredOutput) {
        let (id, created_at) = (notice.run_id, notice.at);
        let owner = Owner { project_id: "proj_1".into(), log_id: id.log().log, key_id: "key_1".into() };
        let body = json!({
            "code": "print(1)", "lang": "python", "stdin": "whisper", "args": ["hush"], "env": { "TOKEN": "secret" },
            "userContext": notice.end_user_id.as_ref().map(|id| json!({ "id": id })),
        });
        let asked = Asked { id, created_at, owner, ip: None, token: None, base_url: String::new() };
        let (draft, _) = RunDraft::new(asked, &parse(body, id, 300_000).unwrap());
        let report = RunReport {
            status: RunStatus::Success,
            exit_code: 0,
            signal: None,
            truncated: Truncated::default(),
            usage: RunUsage::default(),
            details: RunDetails::default(),
        };
        let run = FinishedRun::of(&draft, &RunResult::from_report(id, created_at, report), output, 0).unwrap();
        let logs = Rc::clone(&self.logs);
        self.bench.run(async move { logs.submit_all(LogName::of_project(id.log().log), &[run]).await }).unwrap();
    }

    fn enqueue(&mut self, notice: &RunNotice) -> Result<(), PortError> {
        let (logic, notice) = (Rc::clone(&self.logic), notice.clone());
        self.bench.run(async move { logic.enqueue(notice).await })
    }

    /// Lets time pass to the next alarm, and starts it.
    fn start_alarm(&mut self) -> Task<Result<(), PortError>> {
        self.bench.reach_alarm();
        let logic = Rc::clone(&self.logic);
        self.bench.start(async move { logic.alarm().await })
    }

    /// The same for an alarm that waits for nothing.
    fn alarm(&mut self) {
        assert_eq!(self.start_alarm().result(), Ok(()));
    }

    fn listed(&self) -> Vec<Delivery> {
        let listed = self.logic.deliveries("proj_1", &Page::first()).unwrap();
        listed.into_iter().map(Delivery::from).collect()
    }

    fn states(&self) -> Vec<WebhookState> {
        self.listed().iter().map(|delivery| delivery.state).collect()
    }

    fn sent(&self) -> Vec<ReportRequest> {
        self.receivers.sent.borrow().clone()
    }

    fn now(&self) -> Timestamp {
        self.bench.runtime.clock.now()
    }

    fn disabled_at(&self) -> Option<i64> {
        let query = "SELECT disabled_at FROM webhook_secrets WHERE disabled_at IS NOT NULL";
        match self.sql.exec(query, &[]).unwrap().first().map(Vec::as_slice) {
            Some([SqlValue::Integer(at)]) => Some(*at),
            _ => None,
        }
    }
}
