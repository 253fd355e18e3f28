//! Visitors of exposed ports.

use super::*;
use crate::ports::previews::{PortRecord, PortRefusal, PortsRequest, PreviewCall};
use docle_api::sandbox_ports::HostHeader;
use docle_protocol::sandbox::port::PortRequest;

const PORT: u16 = 8_000;

impl Setup {
    /// A sandbox that runs and exposes a public port.
    fn exposed() -> Self {
        let setup = Self::new();
        let host_header = HostHeader::Preview;
        let record = PortRecord { port: PORT, name: None, token: None, host_header, created_at: Timestamp(0) };
        setup.logic.ports(PROJECT, &PortsRequest::Expose { record, is_chosen: false }).unwrap();
        setup
    }

    /// The status of the answer to a visitor.
    fn visit(&mut self) -> Result<u16, SandboxRefusal> {
        let request = PortRequest { method: "GET".into(), target: "/".into(), headers: Vec::new(), has_body: false };
        let call = PreviewCall { port: PORT, token: None, is_socket: false, request };
        let logic = Rc::clone(&self.logic);
        let answer = self.bench.run(async move { logic.preview(call, None, ClientSignal::default()).await });
        self.bench.settle();
        answer.map(|answer| answer.head.status)
    }
}

fn starting<T>() -> Result<T, SandboxRefusal> {
    Err(SandboxRefusal::Port(PortRefusal::Starting))
}

#[test]
fn a_visitor_started_the_sandbox_of_a_suspended_account() {
    let mut setup = Setup::exposed();
    setup.sleep().unwrap();
    setup.neighbours.is_suspended.set(true);
    assert_eq!(setup.visit(), starting());
    assert_eq!(setup.status(), SandboxStatus::Sleeping);
    setup.neighbours.is_suspended.set(false);
    assert_eq!(setup.visit(), starting());
    assert_eq!((setup.status(), setup.visit()), (SandboxStatus::Running, Ok(200)));
}

#[test]
fn a_visitor_of_a_machine_that_was_lost_has_it_made_anew() {
    let mut setup = Setup::exposed();
    setup.hosts.lose();
    assert_eq!(setup.visit(), starting());
    assert_eq!((setup.status(), setup.visit()), (SandboxStatus::Running, Ok(200)));
    assert!(setup.report().restored_from.is_some(), "the next call of the owner is told");
}

#[test]
fn a_start_that_fails_lets_the_next_visitor_try_again() {
    let mut setup = Setup::exposed();
    setup.sleep().unwrap();
    setup.hosts.is_away.set(true);
    assert_eq!((setup.visit(), setup.status()), (starting(), SandboxStatus::Failed));
    setup.hosts.is_away.set(false);
    assert_eq!((setup.visit(), setup.visit()), (starting(), Ok(200)));
}

#[test]
fn a_deleted_sandbox_has_no_visitors() {
    let mut setup = Setup::exposed();
    setup.delete().unwrap();
    assert_eq!(setup.visit(), Err(SandboxRefusal::NotFound));
}
