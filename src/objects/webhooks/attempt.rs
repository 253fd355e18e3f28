//! One attempt to deliver a report.

use crate::domain::run::id::RunId;
use crate::domain::run::record::StoredRun;
use crate::domain::run::stored_keys::{chunk_key, record_key};
use crate::domain::webhook::delivery::{Delivery, WebhookDrop, WebhookError};
use crate::domain::webhook::message;
use crate::domain::webhook::notice::RunNotice;
use crate::domain::webhook::retry::{ATTEMPT_MS, Failures};
use crate::domain::webhook::sealed::open;
use crate::domain::webhook::secret::{SigningSecret, signatures};
use crate::objects::webhooks::logic::WebhooksLogic;
use crate::objects::webhooks::storage;
use crate::ports::PortError;
use crate::ports::webhooks::{ReportRequest, StoredSecrets};
use docle_protocol::Stream;
use futures::future::{Either, select};

/// What a report needs to be sent.
enum Prepared {
    Ready {
        secrets: Vec<SigningSecret>,
        body: String,
    },
    Dropped(WebhookDrop),
    /// The account is suspended.
    Suspended,
    /// The result of the run is not there: not yet, or not any more.
    Missing,
}

impl WebhooksLogic {
    /// Makes one attempt, and stores what has become of the report.
    ///
    /// # Errors
    /// The storage has failed.
    pub(super) async fn attempt(&self, delivery: Delivery) -> Result<(), PortError> {
        let (storage, id) = (&*self.runtime.storage, delivery.notice.id());
        let prepared = self.prepare(&delivery.notice).await;
        let now = self.runtime.clock.now();
        // It may have been deleted meanwhile.
        let Some(mut delivery) = storage::find(storage, &id)? else { return Ok(()) };
        let (secrets, body) = match prepared {
            Ok(Prepared::Ready { secrets, body }) => (secrets, body),
            Ok(Prepared::Dropped(reason)) => {
                delivery.drop_for(reason);
                return storage::save(storage, &delivery);
            }
            Ok(Prepared::Suspended) => {
                delivery.postpone(now);
                return storage::save(storage, &delivery);
            }
            Ok(Prepared::Missing) => {
                delivery.miss(now);
                return storage::save(storage, &delivery);
            }
            Err(error) => {
                self.runtime.log_failure("The report of a run could not be written; the object tries again.", &error.0);
                delivery.postpone(now);
                return storage::save(storage, &delivery);
            }
        };
        let may_begin = delivery.begin(now);
        storage::save(storage, &delivery)?;
        if !may_begin {
            return Ok(());
        }
        // If the object is reset during the request, the alarm of this attempt's end repeats it. The platform holds the request
        // back until both writes are durable.
        if let Some(at) = delivery.next_at {
            storage.schedule_alarm(at).await?;
        }
        let at_seconds = now.0 / 1_000;
        let signatures = signatures(&secrets, &id, at_seconds, &body);
        let request =
            ReportRequest { url: delivery.notice.to.url.clone(), id: id.clone(), at_seconds, signatures, body };
        let answer = match select(self.ports.sender.send(&request), self.runtime.clock.sleep(ATTEMPT_MS)).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(WebhookError::Timeout),
        };
        let now = self.runtime.clock.now();
        let Some(mut delivery) = storage::find(storage, &id)? else { return Ok(()) };
        let mut random = [0; 2];
        self.runtime.entropy.fill(&mut random);
        let is_accepted = delivery.end(answer, now, u16::from_be_bytes(random));
        storage.atomically(&mut || {
            storage::save(storage, &delivery)?;
            self.note(&delivery.notice.project_id, is_accepted)
        })
    }

    /// Notes whether an attempt of a project was accepted.
    fn note(&self, project_id: &str, is_accepted: bool) -> Result<(), PortError> {
        let (storage, now) = (&*self.runtime.storage, self.runtime.clock.now());
        if is_accepted {
            return storage::forget_failures(storage, project_id);
        }
        let failures = Failures::after(storage::failures(storage, project_id)?, now);
        storage::save_failures(storage, project_id, failures, failures.are_final(now).then_some(now))
    }

    /// Reads what a report needs: the secrets of the project, and the result of the run.
    ///
    /// # Errors
    /// Something of it cannot be read.
    async fn prepare(&self, notice: &RunNotice) -> Result<Prepared, PortError> {
        let stored = match self.ports.ledger.secrets(&notice.project_id).await? {
            None => return Ok(Prepared::Dropped(WebhookDrop::NoSecret)),
            Some(StoredSecrets { disabled_at: Some(_), .. }) => return Ok(Prepared::Dropped(WebhookDrop::Disabled)),
            Some(StoredSecrets { is_suspended: true, .. }) => return Ok(Prepared::Suspended),
            Some(stored) => stored,
        };
        let secrets = self.open_secrets(&notice.project_id, stored)?;
        let Some(record) = self.record(notice.run_id).await? else { return Ok(Prepared::Missing) };
        let unreadable = |error: serde_json::Error| PortError(format!("The record of a run is unreadable: {error}"));
        let run: StoredRun<'_> = serde_json::from_slice(&record).map_err(unreadable)?;
        let apart = match run.chunks {
            None => None,
            Some(mut chunks) => {
                let stdout = self.beginning(notice.run_id, Stream::Stdout, *chunks.of(Stream::Stdout)).await?;
                let stderr = self.beginning(notice.run_id, Stream::Stderr, *chunks.of(Stream::Stderr)).await?;
                Some([stdout, stderr])
            }
        };
        let body = message::body(notice, run.result.get(), apart).map_err(unreadable)?;
        Ok(Prepared::Ready { secrets, body })
    }

    /// The secrets that sign now, the current one first.
    fn open_secrets(&self, project_id: &str, stored: StoredSecrets) -> Result<Vec<SigningSecret>, PortError> {
        let keys = &self.ports.secret;
        let unreadable =
            || PortError("A webhook secret was encrypted with another secret of the deployment.".to_owned());
        let current = open(keys, project_id, &stored.sealed).ok_or_else(unreadable)?;
        let now = self.runtime.clock.now();
        let previous = stored.previous.filter(|(_, until)| *until > now);
        let previous = previous.and_then(|(sealed, _)| open(keys, project_id, &sealed));
        Ok([Some(current), previous].into_iter().flatten().collect())
    }

    async fn record(&self, id: RunId) -> Result<Option<Vec<u8>>, PortError> {
        let Some(found) = self.ports.logs.record(id).await? else { return Ok(None) };
        match found.record {
            Some(record) => Ok(Some(record)),
            None => self.ports.runs.get(&record_key(id)).await,
        }
    }

    /// The first chunk of a stream that is stored apart.
    async fn beginning(&self, id: RunId, stream: Stream, chunks: u32) -> Result<String, PortError> {
        if chunks == 0 {
            return Ok(String::new());
        }
        let chunk = self.ports.runs.get(&chunk_key(id, stream, 0)).await?;
        let chunk = chunk.ok_or_else(|| PortError("A part of the output of a run is not there.".to_owned()))?;
        Ok(String::from_utf8_lossy(&chunk).into_owned())
    }
}
