//! Rooms by their own logic, without the runtime between.

use crate::app::App;
use crate::app::rooms::programs::RoomPrograms;
use crate::domain::room::id::RoomId;
use crate::objects::room::live::RoomPorts;
use crate::objects::room::logic::RoomLogic;
use crate::ports::PortError;
use crate::ports::http_messages::Upgrade;
use crate::ports::rooms::{BillingKey, JoinRequest, RoomRun, RoomRunEnd, Rooms, RunningProgram};
use crate::tests::fake_room_sockets::FakeRoomSockets;
use crate::tests::fake_storage::FakeStorage;
use async_trait::async_trait;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;

struct Room {
    logic: RoomLogic,
    storage: Rc<FakeStorage>,
    sockets: Rc<FakeRoomSockets>,
}

/// [`Rooms`] as the objects are: one [`RoomLogic`] with a database and sockets of its own for each room.
#[derive(Default)]
pub struct LocalRooms {
    /// The application that runs the programs of rooms, which has these rooms itself.
    app: RefCell<Option<App>>,
    rooms: RefCell<BTreeMap<String, Rc<Room>>>,
    /// Whether the objects cannot be reached.
    pub fails: Cell<bool>,
    /// A room whose object cannot be reached.
    pub broken: RefCell<Option<String>>,
}

impl LocalRooms {
    /// Sets the application, before the first call.
    pub fn run_programs_by(&self, app: App) {
        self.app.replace(Some(app));
    }

    /// The rooms that have stored something.
    pub fn stored(&self) -> Vec<String> {
        let rooms = self.rooms.borrow();
        let stored = rooms.iter().filter(|(_, room)| !room.storage.is_empty());
        stored.map(|(id, _)| id.clone()).collect()
    }

    /// The sockets of a room.
    pub fn sockets(&self, room: &str) -> Rc<FakeRoomSockets> {
        Rc::clone(&self.rooms.borrow()[room].sockets)
    }

    fn room(&self, room: &RoomId) -> Result<Rc<Room>, PortError> {
        if self.fails.get() || self.broken.borrow().as_deref() == Some(room.as_str()) {
            return Err(PortError("The room is away.".into()));
        }
        let make = || {
            let app = self.app.borrow().clone().expect("the application is set before the first call");
            let (storage, sockets) = (Rc::new(FakeStorage::default()), Rc::new(FakeRoomSockets::default()));
            let programs = Rc::new(RoomPrograms(app.clone()));
            let ports = RoomPorts {
                storage: storage.clone(),
                sockets: sockets.clone(),
                project: programs.clone(),
                clock: app.clock,
                entropy: app.entropy,
                background: app.background,
                log: app.log,
            };
            Rc::new(Room { logic: RoomLogic::new(ports, programs), storage, sockets })
        };
        Ok(Rc::clone(self.rooms.borrow_mut().entry(room.to_string()).or_insert_with(make)))
    }
}

#[async_trait(?Send)]
impl Rooms for LocalRooms {
    async fn open(&self, room: &RoomId, billing_key: &BillingKey) -> Result<(), PortError> {
        self.room(room)?.logic.open(room.clone(), billing_key.clone()).await
    }

    async fn connect(&self, room: &RoomId, join: &JoinRequest) -> Result<Option<Upgrade>, PortError> {
        self.room(room)?.logic.connect(room.kind(), join.clone()).await
    }

    async fn state(&self, room: &RoomId) -> Result<Option<Vec<u8>>, PortError> {
        Ok(self.room(room)?.logic.state(room.kind()).await?.map(|state| state.to_string().into_bytes()))
    }

    async fn run(&self, room: &RoomId, run: &RoomRun) -> Result<RoomRunEnd, PortError> {
        self.room(room)?.logic.run(run.clone()).await
    }

    async fn running(&self, room: &RoomId) -> Result<Option<RunningProgram>, PortError> {
        Ok(self.room(room)?.logic.running())
    }

    async fn delete(&self, room: &RoomId) -> Result<(), PortError> {
        self.room(room)?.logic.delete().await
    }
}
