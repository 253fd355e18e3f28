//! A Durable Object's own storage.

use crate::domain::timestamp::Timestamp;
use crate::platform::clock::RuntimeClock;
use crate::ports::{Clock, LocalSql, ObjectStorage, PortError, SqlValue};
use async_trait::async_trait;
use std::time::Duration;
use worker::wasm_bindgen::prelude::wasm_bindgen;
use worker::wasm_bindgen::{JsCast, JsValue};
use worker::worker_sys::DurableObjectState;
use worker::{SqlStorageValue, State, wasm_bindgen};

#[wasm_bindgen]
extern "C" {
    /// An object's storage. workers-rs has no binding for this method.
    type TransactionalStorage;
    #[wasm_bindgen(method, catch, js_name = transactionSync)]
    fn transaction_sync(
        this: &TransactionalStorage,
        writes: &mut dyn FnMut() -> Result<JsValue, JsValue>,
    ) -> Result<JsValue, JsValue>;
}

/// [`ObjectStorage`] of the object with this state.
pub struct RuntimeStorage(State);

impl RuntimeStorage {
    /// That of an object.
    pub fn of(state: &State) -> Self {
        Self(clone_state(state))
    }
}

/// The same state once more; workers-rs has no `Clone` for it.
pub fn clone_state(state: &State) -> State {
    let raw: &JsValue = state.as_raw().as_ref();
    State::from(raw.clone().unchecked_into::<DurableObjectState>())
}

impl LocalSql for RuntimeStorage {
    fn exec(&self, query: &str, args: &[SqlValue]) -> Result<Vec<Vec<SqlValue>>, PortError> {
        let args: Vec<SqlStorageValue> = args.iter().map(to_storage).collect();
        let cursor = self.0.storage().sql().exec(query, args).map_err(failed)?;
        cursor.raw().map(|row| row.map_err(failed)?.into_iter().map(from_storage).collect()).collect()
    }
}

#[async_trait(?Send)]
impl ObjectStorage for RuntimeStorage {
    fn size(&self) -> u64 {
        self.0.storage().sql().database_size() as u64
    }

    fn atomically(&self, writes: &mut dyn FnMut() -> Result<(), PortError>) -> Result<(), PortError> {
        let storage = self.0.as_raw().storage().map_err(|error| failed(error.into()))?;
        let mut done = Ok(());
        // An exception rolls the transaction back.
        let committed = JsValue::from(storage).unchecked_ref::<TransactionalStorage>().transaction_sync(&mut || {
            done = writes();
            if done.is_ok() { Ok(JsValue::UNDEFINED) } else { Err(JsValue::from_str("The writes failed.")) }
        });
        done?;
        committed.map(drop).map_err(|error| failed(error.into()))
    }

    async fn alarm(&self) -> Result<Option<Timestamp>, PortError> {
        Ok(self.0.storage().get_alarm().await.map_err(failed)?.map(Timestamp))
    }

    async fn set_alarm(&self, at: Timestamp) -> Result<(), PortError> {
        let wait = Duration::from_millis(u64::try_from(at.0 - RuntimeClock.now().0).unwrap_or(0));
        self.0.storage().set_alarm(wait).await.map_err(failed)
    }

    async fn delete_all(&self) -> Result<(), PortError> {
        self.0.storage().delete_alarm().await.map_err(failed)?;
        self.0.storage().delete_all().await.map_err(failed)
    }
}

fn failed(error: worker::Error) -> PortError {
    PortError(format!("Object storage failed: {error}"))
}

fn to_storage(value: &SqlValue) -> SqlStorageValue {
    match value {
        SqlValue::Null => SqlStorageValue::Null,
        SqlValue::Integer(number) => SqlStorageValue::Integer(*number),
        SqlValue::Text(text) => SqlStorageValue::String(text.clone()),
        SqlValue::Blob(bytes) => SqlStorageValue::Blob(bytes.clone()),
    }
}

fn from_storage(value: SqlStorageValue) -> Result<SqlValue, PortError> {
    match value {
        SqlStorageValue::Null => Ok(SqlValue::Null),
        SqlStorageValue::Integer(number) => Ok(SqlValue::Integer(number)),
        SqlStorageValue::String(text) => Ok(SqlValue::Text(text)),
        SqlStorageValue::Blob(bytes) => Ok(SqlValue::Blob(bytes)),
        other => Err(PortError(format!("Object storage gave a value of no known type: {other:?}"))),
    }
}
