//! What rooms ask about their projects: whether keys are valid, and whether the project exists.

use crate::app::rooms::programs::{NoPrograms, RoomPrograms};
use crate::domain::key::gate::CheckKey;
use crate::domain::room::id::RoomId;
use crate::ports::PortError;
use crate::ports::rooms::RoomProject;
use crate::store::rooms;
use async_trait::async_trait;

#[async_trait(?Send)]
impl RoomProject for RoomPrograms {
    async fn has_key(&self, key_hash: &str) -> Result<bool, PortError> {
        // The page that a connection came from was checked when it was opened.
        let decision =
            self.0.gates.check(key_hash, &CheckKey { host: None, counts: false, ..CheckKey::default() }).await?;
        Ok(decision.is_for_valid_key())
    }

    async fn has_room(&self, room: &RoomId) -> Result<bool, PortError> {
        rooms::exists(&*self.0.sql, room).await
    }

    async fn is_suspended(&self, room: &RoomId) -> Result<bool, PortError> {
        rooms::is_suspended(&*self.0.sql, room).await
    }

    async fn remove_room(&self, room: &RoomId) -> Result<(), PortError> {
        rooms::delete(&*self.0.sql, std::slice::from_ref(room)).await
    }
}

#[async_trait(?Send)]
impl RoomProject for NoPrograms {
    async fn has_key(&self, _key_hash: &str) -> Result<bool, PortError> {
        Err(self.error.clone())
    }

    async fn has_room(&self, _room: &RoomId) -> Result<bool, PortError> {
        Err(self.error.clone())
    }

    async fn is_suspended(&self, _room: &RoomId) -> Result<bool, PortError> {
        Err(self.error.clone())
    }

    async fn remove_room(&self, _room: &RoomId) -> Result<(), PortError> {
        Err(self.error.clone())
    }
}
