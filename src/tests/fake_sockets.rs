//! Sockets without a network.

use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::socket::{Message, Socket, Sockets};
use async_trait::async_trait;
use futures::future;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

/// [`Sockets`] whose clients say what they were given to say, and then wait.
#[derive(Default)]
pub struct FakeSockets {
    pub says: RefCell<Vec<Message>>,
    /// Whether they leave when they have said all.
    pub leave: Cell<bool>,
    /// What was said to them, and the code that they were closed with.
    pub heard: Rc<RefCell<Vec<String>>>,
    pub closed: Rc<Cell<Option<u16>>>,
    /// What they leave unread.
    pub queued_bytes: Rc<Cell<usize>>,
}

struct FakeSocket {
    says: VecDeque<Message>,
    leaves: bool,
    heard: Rc<RefCell<Vec<String>>>,
    closed: Rc<Cell<Option<u16>>>,
    queued_bytes: Rc<Cell<usize>>,
}

impl Sockets for FakeSockets {
    fn pair(&self) -> Result<(Upgrade, Box<dyn Socket>), PortError> {
        let says = self.says.take().into();
        let leaves = self.leave.get();
        let (heard, closed) = (Rc::clone(&self.heard), Rc::clone(&self.closed));
        let ours = FakeSocket { says, leaves, heard, closed, queued_bytes: Rc::clone(&self.queued_bytes) };
        Ok((Upgrade(Box::new(())), Box::new(ours)))
    }

    fn accept(&self, _: Upgrade) -> Result<Box<dyn Socket>, PortError> {
        Ok(self.pair()?.1)
    }
}

#[async_trait(?Send)]
impl Socket for FakeSocket {
    async fn next(&mut self) -> Option<Message> {
        match self.says.pop_front() {
            Some(message) => Some(message),
            None if self.leaves => None,
            None => future::pending().await,
        }
    }

    fn send(&self, message: Message) {
        if let Message::Text(text) = message {
            self.heard.borrow_mut().push(text);
        }
    }

    fn closed_with(&self) -> (u16, String) {
        (1_000, String::new())
    }

    fn queued_bytes(&self) -> usize {
        self.queued_bytes.get()
    }

    fn close(&self, code: u16, _reason: &str) {
        self.closed.set(Some(code));
    }
}
