//! The members of a pool: member 0 is the target of the pool's first object, the others are further objects.

use crate::domain::run::id::RunId;
use crate::domain::timestamp::Timestamp;
use crate::objects::container::lease::ContainerLease;
use crate::objects::container::target::RunTarget;
use crate::ports::{ClientSignal, EventStream, PoolFailure, PoolMembers, RunnerHttp, SentJob};

/// [`PoolMembers`] whose member 0 is the object's own target, which needs no call to another object.
pub struct Members<H, O> {
    pub own: RunTarget<H>,
    pub others: O,
}

impl<H, O> PoolMembers for Members<H, O>
where
    H: RunnerHttp<Response: EventStream>,
    O: PoolMembers<Body = H::Body, Response = H::Response, Lease = ()>,
{
    type Body = H::Body;
    type Response = H::Response;
    type Lease = Option<ContainerLease>;

    fn body(&self, job: &[u8]) -> H::Body {
        self.others.body(job)
    }

    async fn run(
        &self,
        member: usize,
        job: &H::Body,
        since: Timestamp,
        client: &ClientSignal,
    ) -> Result<(SentJob<H::Response>, Option<ContainerLease>), PoolFailure> {
        match member {
            0 => self.own.run(job, since, client).await,
            _ => Ok((self.others.run(member, job, since, client).await?.0, None)),
        }
    }

    async fn attach(
        &self,
        member: usize,
        id: RunId,
    ) -> Result<Option<(H::Response, Option<ContainerLease>)>, PoolFailure> {
        match member {
            0 => self.own.attach(id).await,
            _ => Ok(self.others.attach(member, id).await?.map(|(events, ())| (events, None))),
        }
    }

    async fn forget(&self, member: usize, id: RunId) {
        match member {
            0 => self.own.forget(id).await,
            _ => self.others.forget(member, id).await,
        }
    }

    async fn cancel(&self, member: usize, id: RunId) -> bool {
        match member {
            0 => self.own.cancel(id).await,
            _ => self.others.cancel(member, id).await,
        }
    }

    async fn input(&self, member: usize, id: RunId) -> Result<Option<H::Response>, PoolFailure> {
        match member {
            0 => self.own.input(id).await,
            _ => self.others.input(member, id).await,
        }
    }

    async fn up(&self, member: usize) -> Result<u32, PoolFailure> {
        match member {
            0 => self.own.up().await,
            _ => self.others.up(member).await,
        }
    }

    async fn destroy(&self, member: usize) {
        match member {
            0 => self.own.destroy().await,
            _ => self.others.destroy(member).await,
        }
    }
}
