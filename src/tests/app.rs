//! `TestApp`: the whole application behind one helper that sends a request and reads the answer.

use crate::app::App;
use crate::config::{Config, RunnerLocation};
use crate::domain::account::quota::QuotaLimits;
use crate::domain::key::api_key::{ApiKey, Kind};
use crate::domain::pool::fleet::FleetLimits;
use crate::domain::secret::DeploymentSecret;
use crate::http::handle;
use crate::objects::key_gate::quota::GateQuotaPorts;
use crate::objects::run_pool::recorder::RunRecorder;
use crate::objects::run_pool::watch_ports::WatchPorts;
use crate::objects::runtime::ObjectRuntime;
use crate::objects::webhooks::logic::WebhookPorts;
use crate::ports::Background;
use crate::ports::http_messages::Body;
use crate::store::accounts::SqlAccountLedger;
use crate::store::key_ledger::SqlLedger;
use crate::store::log_ledger::SqlLogLedger;
use crate::store::sandboxes::SqlSandboxDirectory;
use crate::store::webhooks::SqlWebhookLedger;
use crate::tests::accounts::{LocalAccounts, LocalFleet};
use crate::tests::fake_artifacts::FakeArtifacts;
use crate::tests::fake_run_pools::{FakeRunPools, Script};
use crate::tests::fake_runner::{START, output};
use crate::tests::fake_sockets::FakeSockets;
use crate::tests::fake_spool::FakeSpool;
use crate::tests::fake_storage::FakeStorage;
use crate::tests::fakes::{FakeClock, FakeEntropy, FakeIsolates, FakeKv, FakeLog, FakeMailer, PoolBackground};
use crate::tests::key_gates::LocalKeyGates;
use crate::tests::rooms::LocalRooms;
use crate::tests::sandboxes::LocalSandboxes;
use crate::tests::sqlite::Sqlite;
use crate::tests::usage_logs::LocalUsageLogs;
use crate::tests::webhooks::{FakeReceivers, LocalWebhooks};
use ::http::request::Builder;
use ::http::{HeaderMap, Method, StatusCode};
use bytes::Bytes;
use docle_protocol::Stream;
use futures::executor::LocalPool;
use futures::{StreamExt, stream};
use serde_json::{Value, json};
use std::rc::Rc;

/// The application, with a handle on everything that is outside of it.
pub struct TestApp {
    pub app: App,
    pub sql: Rc<Sqlite>,
    pub gates: Rc<LocalKeyGates>,
    pub logs: Rc<LocalUsageLogs>,
    pub kv: Rc<FakeKv>,
    pub artifacts: Rc<FakeArtifacts>,
    pub run_pools: Rc<FakeRunPools>,
    pub rooms: Rc<LocalRooms>,
    pub sandboxes: Rc<LocalSandboxes>,
    pub accounts: Rc<LocalAccounts>,
    pub isolates: Rc<FakeIsolates>,
    pub sockets: Rc<FakeSockets>,
    pub mailer: Rc<FakeMailer>,
    pub webhooks: Rc<LocalWebhooks>,
    pub clock: Rc<FakeClock>,
    pub log: Rc<FakeLog>,
    pub pool: LocalPool,
}

/// An answer that was read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// The key of project `proj_1`; of `proj_2` and of one that was revoked.
pub fn key(of: u8) -> ApiKey {
    ApiKey::from_random(Kind::Secret, [of; 20], &secret())
}

/// The secret of the deployment.
pub fn secret() -> DeploymentSecret {
    DeploymentSecret::parse(&"k".repeat(32), "").unwrap()
}

/// A body to run.
pub fn print_one() -> Value {
    json!({ "code": "print(1)", "lang": "python", "env": { "TOKEN": "secret" } })
}

/// The last line of a stream of a run that succeeds.
pub fn complete() -> String {
    let report = json!({
        "status": "success", "exitCode": 0, "signal": null, "truncated": { "stdout": false, "stderr": false },
        "usage": {
            "cpuMs": 1.0, "memMB": 2.0, "durationMs": 3.0, "queueMs": 0.0, "installMs": 0.0, "blockedConnections": 0,
        },
    });
    format!("{}\n", json!({ "type": "complete", "report": report }))
}

/// A stream of a run that prints `1`, in chunks that end in the middle of lines.
pub fn good_run() -> Vec<Vec<u8>> {
    let all = format!("{START}{}\n{}", output(Stream::Stdout, "1\n"), complete());
    all.as_bytes().chunks(40).map(<[u8]>::to_vec).collect()
}

impl TestApp {
    pub fn new() -> Self {
        let sql = Rc::new(Sqlite::migrated());
        sql.run("INSERT INTO projects (id, log_id, name, created_at) VALUES ('proj_1', '0000000001', 'One', 0), ('proj_2', '0000000002', 'Two', 0)");
        for (of, project, revoked) in [(1, "proj_1", "NULL"), (2, "proj_2", "NULL"), (3, "proj_1", "5")] {
            let (hash, prefix) = (key(of).hash(), key(of).prefix().to_owned());
            sql.run(&format!(
                "INSERT INTO api_keys (id, project_id, name, key_hash, key_prefix, created_at, revoked_at) \
                 VALUES ('key_{of}', '{project}', 'k', '{hash}', '{prefix}', 0, {revoked})"
            ));
        }
        let kv = Rc::new(FakeKv::default());
        let artifacts = Rc::new(FakeArtifacts::default());
        let clock = Rc::new(FakeClock::default());
        let ledger = Rc::new(SqlLogLedger { sql: sql.clone() });
        let logs = Rc::new(LocalUsageLogs::new(ledger, kv.clone(), artifacts.clone(), clock.clone()));
        let log = Rc::new(FakeLog::default());
        let mailer = Rc::new(FakeMailer::default());
        let rooms = Rc::new(LocalRooms::default());
        let isolates = Rc::new(FakeIsolates::default());
        let sockets = Rc::new(FakeSockets::default());
        let (background, pool) = PoolBackground::new();
        let background: Rc<dyn Background> = Rc::new(background);
        let runtime = ObjectRuntime {
            storage: Rc::new(FakeStorage::default()),
            clock: clock.clone(),
            entropy: Rc::new(FakeEntropy::default()),
            background: Rc::clone(&background),
            log: log.clone(),
        };
        let quotas = QuotaLimits::default();
        let accounts = LocalAccounts::new(runtime.clone(), Rc::new(SqlAccountLedger(sql.clone())), quotas);
        let gate_quotas = GateQuotaPorts { accounts: accounts.clone(), entropy: Rc::new(FakeEntropy::default()) };
        let gates = Rc::new(LocalKeyGates::new(Rc::new(SqlLedger { sql: sql.clone() }), clock.clone(), gate_quotas));
        let fleet = LocalFleet::new(runtime.clone(), FleetLimits { containers: 5, of_account: Some(3) });
        let awake = LocalFleet::new(runtime.clone(), FleetLimits { containers: 60, of_account: Some(50) });
        let directory = Rc::new(SqlSandboxDirectory(sql.clone()));
        let sandboxes = Rc::new(LocalSandboxes::new(runtime.clone(), directory, awake.clone()));
        let ports = WatchPorts {
            clock: clock.clone(),
            background: Rc::clone(&background),
            runs: kv.clone(),
            artifacts: artifacts.clone(),
            secret: secret(),
            log: log.clone(),
        };
        let webhook_ports = WebhookPorts {
            ledger: Rc::new(SqlWebhookLedger(sql.clone())),
            logs: logs.clone(),
            runs: kv.clone(),
            sender: Rc::new(FakeReceivers::default()),
            mailer: Some(mailer.clone()),
            secret: secret(),
        };
        let webhooks = Rc::new(LocalWebhooks::new(
            ObjectRuntime { storage: Rc::new(FakeStorage::default()), ..runtime.clone() },
            webhook_ports,
        ));
        let run_pools = Rc::new(FakeRunPools::new(ports, RunRecorder::new(logs.clone(), runtime)));
        *run_pools.script.borrow_mut() = Script::Chunks(good_run());
        let config = Config {
            environment: "test".into(),
            max_timeout_ms: 300_000,
            public_url: None,
            app_url: None,
            preview_host: None,
            backend: RunnerLocation::Url,
            quotas,
        };
        let app = App {
            config,
            gates: gates.clone(),
            logs: logs.clone(),
            sql: sql.clone(),
            mailer: Some(mailer.clone()),
            webhooks: webhooks.clone(),
            accepted_hosts: Rc::default(),
            runs: kv.clone(),
            artifacts: artifacts.clone(),
            rooms: rooms.clone(),
            accounts: accounts.clone(),
            fleet,
            sandboxes: sandboxes.clone(),
            awake_sandboxes: awake,
            secret: secret(),
            address_limiter: None,
            isolates: Some(isolates.clone()),
            site: None,
            run_pools: run_pools.clone(),
            sockets: sockets.clone(),
            spool: Rc::new(FakeSpool),
            clock: clock.clone(),
            entropy: Rc::new(FakeEntropy::default()),
            background,
            log: log.clone(),
        };
        rooms.run_programs_by(app.clone());
        Self {
            app,
            sql,
            gates,
            logs,
            kv,
            artifacts,
            run_pools,
            rooms,
            sandboxes,
            accounts,
            isolates,
            sockets,
            mailer,
            webhooks,
            clock,
            log,
            pool,
        }
    }

    /// What the sandbox does from now on.
    pub fn script(&self, script: Script) {
        *self.run_pools.script.borrow_mut() = script;
    }

    /// A request to build on, with the key of `proj_1`.
    pub fn request(&self, method: Method, path: &str) -> Builder {
        let authorization = format!("Bearer {}", key(1).reveal());
        ::http::Request::builder().method(method).uri(path).header("authorization", authorization)
    }

    /// Sends `body` in one chunk and reads the answer to its end, background work included.
    pub fn send(&mut self, request: Builder, body: impl Into<Vec<u8>>) -> Answer {
        let body = body.into();
        let chunks = if body.is_empty() { vec![] } else { vec![body] };
        self.send_chunks(request, chunks)
    }

    /// The same, with a body in chunks.
    pub fn send_chunks(&mut self, request: Builder, chunks: Vec<Vec<u8>>) -> Answer {
        self.send_and_read(request, chunks, usize::MAX)
    }

    /// The chunks of an answer without a request body, one by one.
    pub fn chunks_of(&mut self, request: Builder) -> Vec<Vec<u8>> {
        let request = request.body(stream::empty().boxed_local()).unwrap();
        let app = &self.app;
        self.pool.run_until(async {
            match handle(app, request).await.into_body() {
                Body::Stream(chunks) => chunks.map(|chunk| chunk.to_vec()).collect().await,
                Body::Whole(bytes) => vec![bytes.to_vec()],
                Body::Proxied(chunks) => chunks.map(|chunk| chunk.unwrap().to_vec()).collect().await,
                Body::Empty | Body::Socket(_) => Vec::new(),
            }
        })
    }

    /// The same, where the client leaves after it has read that many chunks of the answer.
    pub fn send_and_read(&mut self, request: Builder, chunks: Vec<Vec<u8>>, reads: usize) -> Answer {
        let request = request.body(stream::iter(chunks.into_iter().map(Ok)).boxed_local()).unwrap();
        let app = &self.app;
        let answer = self.pool.run_until(async {
            let (parts, body) = handle(app, request).await.into_parts();
            let body = match body {
                Body::Empty | Body::Socket(_) => Bytes::new(),
                Body::Whole(bytes) => bytes,
                Body::Stream(chunks) => chunks.take(reads).collect::<Vec<_>>().await.concat().into(),
                Body::Proxied(chunks) => {
                    chunks.map(Result::unwrap).take(reads).collect::<Vec<_>>().await.concat().into()
                }
            };
            Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
        });
        self.pool.run();
        let (gates, logs) = (Rc::clone(&self.gates), Rc::clone(&self.logs));
        self.pool.run_until(async move {
            gates.fire_alarms().await;
            logs.fire_alarms().await;
        });
        answer
    }

    /// `POST /api/run` with the key of `proj_1`.
    pub fn run(&mut self, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/api/run");
        self.send(request, body.to_string())
    }

    /// The same, asking for a stream.
    pub fn stream(&mut self, body: &Value) -> Answer {
        let request = self.request(Method::POST, "/api/run").header("accept", "text/event-stream");
        self.send(request, body.to_string())
    }

    /// The only record that is kept.
    pub fn record(&self) -> Value {
        let records = self.logs.records();
        assert_eq!(records.len(), 1, "one record");
        serde_json::from_str(records.values().next().unwrap()).unwrap()
    }

    /// The runs whose records are kept.
    pub fn recorded(&self) -> Vec<String> {
        self.logs.records().into_keys().collect()
    }

    /// A request to build on, with nothing but the type of its body.
    pub fn visit(&self, method: Method, path: &str) -> Builder {
        ::http::Request::builder().method(method).uri(path).header("content-type", "application/json")
    }

    /// The token of the latest link that was mailed.
    pub fn mailed_token(&self) -> String {
        let sent = self.mailer.sent.borrow();
        let text = &sent.last().expect("a mail").text;
        text.split("token=").nth(1).unwrap()[..64].to_owned()
    }

    /// Signs in by mail, and gives the cookie.
    pub fn sign_in(&mut self, email: &str) -> String {
        // Everybody has a network of their own.
        let ip = format!("10.0.0.{}", self.mailer.sent.borrow().len());
        let request = self.visit(Method::POST, "/auth/request").header("cf-connecting-ip", ip);
        assert_eq!(self.send(request, json!({ "email": email }).to_string()).status, StatusCode::OK);
        let body = json!({ "token": self.mailed_token() });
        let request = self.visit(Method::POST, "/auth/verify");
        let answer = self.send(request, body.to_string());
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    /// The response to a signed-in user; an empty `body` is none.
    pub fn call(&mut self, cookie: &str, method: Method, path: &str, body: Value) -> Answer {
        let request = self.visit(method, path).header("cookie", cookie);
        self.send(request, if body.is_null() { String::new() } else { body.to_string() })
    }
}
