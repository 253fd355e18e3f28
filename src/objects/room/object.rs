//! The Room object: one per room, the shell around [`docle_room`].
//!
//! An event finds the room in memory or loads it, asks it what to do, appends what is to be stored, and only then sends.
//! The runtime holds back what was sent until what was written before is safe (its output gate), so nobody sees a change
//! that a crash could take back. Between the question and the last write there is no await, so events do not mix.
//!
//! Every socket hibernates. A room that is put away is made again of its database and of what hangs on its sockets: its
//! seats, and so exactly those who are there. A room of nobody's is deleted a week after the last one left; a project's
//! when its project deletes it.

use crate::bindings;
use crate::domain::timestamp::Timestamp;
use crate::objects::room::call::{RoomAction, RoomCall};
use crate::objects::room::runs::{self, Asked};
use crate::objects::room::storage::{self as storage, Log as UpdateLog, RoomMetadata};
use crate::platform::clock::RuntimeClock;
use crate::platform::console::Console;
use crate::platform::entropy::RuntimeEntropy;
use crate::platform::object_storage::RuntimeStorage;
use crate::ports::rooms::{BillingKey, JoinRequest};
use crate::ports::{Clock, Entropy, Level, Log, PortError};
use docle_room::close::CloseReason;
use docle_room::connection::{Connection, Protocol};
use docle_room::room::{Effect, Frame, Incoming, NewConnection, Output, Room as Logic, RunRequest};
use serde_json::json;
use std::cell::RefCell;
use std::collections::HashMap;
use std::time::Duration;
use worker::{
    DurableObject, Env, Error, Request, Response, Result, State, WebSocket, WebSocketIncomingMessage, WebSocketPair,
    durable_object, wasm_bindgen,
};

/// Updates that are replayed when the room is loaded: 500 take some milliseconds.
const COMPACT_ROWS: usize = 500;
/// The same in bytes: as much as a row holds.
const COMPACT_BYTES: usize = 1 << 20;
/// How long a room of nobody's is kept after the last one left.
const KEEP_MS: i64 = 7 * 24 * 60 * 60 * 1_000;

/// See the module.
#[durable_object]
pub struct Room {
    pub(super) state: State,
    pub(super) env: Env,
    memory: RefCell<Option<Live>>,
}

/// A room in memory. It is never borrowed over an await.
pub(super) struct Live {
    pub logic: Logic,
    pub metadata: RoomMetadata,
    sockets: HashMap<u32, WebSocket>,
    log: UpdateLog,
    /// Whether anything is stored.
    exists: bool,
    /// The alarm that is set.
    alarm: Option<i64>,
}

impl DurableObject for Room {
    fn new(state: State, env: Env) -> Self {
        Self { state, env, memory: RefCell::default() }
    }

    async fn fetch(&self, mut request: Request) -> Result<Response> {
        let RoomCall { is_owned, what } = RoomCall::read(&request)?;
        let exists = !is_owned || self.with(|live| Ok(live.metadata.billing_key.is_some()))?;
        let response = match what {
            RoomAction::Open(billing_key) => self.open(&billing_key).and_then(|()| Response::empty()),
            RoomAction::Delete => self.delete().await.and_then(|()| Response::empty()),
            RoomAction::Run => {
                let run = request.json().await?;
                Response::from_json(&runs::run_by_http(self, run, exists).await?)
            }
            _ if !exists => Response::error("", 404),
            RoomAction::Connect(seat) => self.seat(seat),
            RoomAction::State => self.with(|live| Ok(live.logic.state())).and_then(|state| Response::from_json(&state)),
        }?;
        self.set_alarm().await?;
        Ok(response)
    }

    async fn websocket_message(&self, socket: WebSocket, message: WebSocketIncomingMessage) -> Result<()> {
        let id = self.seat_of(&socket);
        let incoming = match &message {
            WebSocketIncomingMessage::String(text) => Incoming::Text(text),
            WebSocketIncomingMessage::Binary(bytes) => Incoming::Binary(bytes),
        };
        let asked = self.act(|logic| logic.on_frame(id, incoming, now()))?;
        self.set_alarm().await?;
        if let Some(asked) = asked {
            runs::run(self, Asked::InRoom(asked)).await?;
        }
        Ok(())
    }

    async fn websocket_close(&self, socket: WebSocket, _code: usize, _reason: String, _clean: bool) -> Result<()> {
        self.leave(&socket).await
    }

    async fn websocket_error(&self, socket: WebSocket, _error: Error) -> Result<()> {
        self.leave(&socket).await
    }

    async fn alarm(&self) -> Result<Response> {
        let is_over = self.with(|live| {
            live.alarm = None;
            Ok(live.end().is_some_and(|end| end <= now()))
        })?;
        if is_over {
            self.delete().await?;
            return Response::empty();
        }
        self.act(|logic| logic.on_alarm(now()))?;
        let sql = self.sql();
        self.with(|live| if live.is_compacted() { Ok(()) } else { live.compact(&sql) })?;
        self.set_alarm().await?;
        Response::empty()
    }
}

impl Room {
    /// Does something with the room, which is loaded where it is not in memory.
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Live) -> std::result::Result<R, PortError>) -> Result<R> {
        let mut memory = self.memory.borrow_mut();
        let done = match memory.take() {
            Some(live) => Ok(live),
            None => self.load(),
        }
        .and_then(|live| act(memory.insert(live)));
        done.map_err(|error| {
            Console.write(Level::Error, json!({ "message": "A room failed.", "error": error.0 }));
            Error::RustError("The room failed.".to_owned())
        })
    }

    /// Asks the room, and does what it says; what remains is a run, which takes its time.
    pub(super) fn act(&self, ask: impl FnOnce(&mut Logic) -> Output) -> Result<Option<RunRequest>> {
        let sql = self.sql();
        let done = self.with(|live| {
            let output = ask(&mut live.logic);
            live.carry_out(output, &sql)
        });
        if done.is_err() {
            self.start_over();
        }
        done
    }

    /// Forgets what could not be stored. Nobody has seen it but whoever it came from, who comes back with it.
    fn start_over(&self) {
        for socket in self.state.get_websockets() {
            let (code, reason) = (CloseReason::Failed.code(), CloseReason::Failed.message());
            // It is being closed; that it may be closed already does not matter.
            let _ = socket.serialize_attachment("").and_then(|()| socket.close(Some(code), Some(reason)));
        }
        self.memory.borrow_mut().take();
    }

    fn load(&self) -> std::result::Result<Live, PortError> {
        let sql = self.sql();
        let metadata = storage::metadata(&sql)?;
        let exists = metadata.is_some();
        let metadata = metadata.unwrap_or_else(|| RoomMetadata { client: random(), ..RoomMetadata::default() });
        let (mut stored, log) = if exists { storage::load(&sql, &metadata)? } else { Default::default() };
        stored.client = metadata.client;
        let mut sockets = HashMap::new();
        for socket in self.state.get_websockets() {
            let kept = socket.deserialize_attachment::<String>().ok().flatten();
            if let Some(connection) = kept.and_then(|kept: String| Connection::decode(&kept)) {
                sockets.insert(connection.id, socket);
                stored.connections.push(connection);
            }
        }
        let unreadable = || PortError("The document of a room is unreadable.".to_owned());
        let logic = Logic::load(stored).ok_or_else(unreadable)?;
        Ok(Live { logic, metadata, sockets, log, exists, alarm: None })
    }

    fn open(&self, billing_key: &BillingKey) -> Result<()> {
        let sql = self.sql();
        self.with(|live| {
            live.create(&sql)?;
            live.metadata.billing_key = Some(billing_key.clone());
            live.logic.set_owned();
            storage::save_metadata(&sql, &live.metadata)
        })
    }

    fn seat(&self, seat: JoinRequest) -> Result<Response> {
        let WebSocketPair { client, server } = WebSocketPair::new()?;
        let JoinRequest { role, name, expires_at, host, speaks_yjs, wants_events } = seat;
        let id = self.with(|live| {
            let mut ids = std::iter::repeat_with(random);
            Ok(ids.find(|id| live.logic.connection(*id).is_none()).unwrap_or_default())
        })?;
        self.state.accept_websocket_with_tags(&server, &[&id.to_string()]);
        let sql = self.sql();
        self.with(|live| {
            live.sockets.insert(id, server);
            if live.metadata.empty_since.take().is_some() {
                storage::save_metadata(&sql, &live.metadata)?;
            }
            Ok(())
        })?;
        let protocol = speaks_yjs.then_some(Protocol::Yjs);
        let new = NewConnection { id, protocol, name, role, expires_at, host, wants_events };
        self.act(|logic| logic.join(new, now()))?;
        Response::from_websocket(client)
    }

    async fn leave(&self, socket: &WebSocket) -> Result<()> {
        let id = self.seat_of(socket);
        // Whoever closes waits for the answer to it; a socket that broke takes none.
        let _ = socket.close(Some(1000), Some(""));
        let sql = self.sql();
        self.act(|logic| logic.detach(id))?;
        self.with(|live| {
            live.sockets.remove(&id);
            if live.logic.is_empty() && live.exists && live.metadata.empty_since.is_none() {
                live.metadata.empty_since = Some(now());
                storage::save_metadata(&sql, &live.metadata)?;
            }
            Ok(())
        })?;
        self.set_alarm().await
    }

    async fn delete(&self) -> Result<()> {
        self.act(|logic| logic.close_all(CloseReason::Deleted))?;
        self.memory.borrow_mut().take();
        self.state.storage().delete_alarm().await?;
        self.state.storage().delete_all().await
    }

    /// Sees to it that the room wakes up when something is due.
    pub(super) async fn set_alarm(&self) -> Result<()> {
        let wanted = self.with(|live| {
            let next = live.next_alarm();
            let is_new = next.is_some_and(|next| live.alarm.is_none_or(|alarm| next < alarm));
            Ok(next.filter(|_| is_new).inspect(|next| live.alarm = Some(*next)))
        })?;
        let Some(at) = wanted else { return Ok(()) };
        let wait = Duration::from_millis(u64::try_from(at - now()).unwrap_or(0));
        self.state.storage().set_alarm(wait).await
    }

    fn seat_of(&self, socket: &WebSocket) -> u32 {
        self.state.get_tags(socket).first().and_then(|tag| tag.parse().ok()).unwrap_or_default()
    }

    pub(super) fn sql(&self) -> RuntimeStorage {
        RuntimeStorage::of(&self.state)
    }
}

impl Live {
    /// Appends, keeps, sends, in this order.
    fn carry_out(
        &mut self,
        output: Output,
        sql: &RuntimeStorage,
    ) -> std::result::Result<Option<RunRequest>, PortError> {
        let Output { append, attach, effects } = output;
        if !append.is_empty() {
            self.create(sql)?;
        }
        let first = self.logic.rev() + 1 - append.len() as u64;
        for (rev, update) in (first..).zip(append) {
            self.log.rows += 1;
            self.log.bytes += update.len();
            storage::append(sql, rev, Timestamp(now()), update)?;
        }
        for id in attach {
            if let (Some(socket), Some(connection)) = (self.sockets.get(&id), self.logic.connection(id)) {
                socket.serialize_attachment(connection.encode()).map_err(failed)?;
            }
        }
        let mut run = None;
        for effect in effects {
            match effect {
                Effect::Send { to, frame } => self.send(&to, &frame),
                Effect::Close { connection, reason } => self.close(connection, reason),
                Effect::Run(request) => run = Some(request),
            }
        }
        Ok(run)
    }

    /// A socket that cannot be written to is about to be reported closed.
    fn send(&self, to: &[u32], frame: &Frame) {
        for socket in to.iter().filter_map(|id| self.sockets.get(id)) {
            let _ = match frame {
                Frame::Text(text) => socket.send_with_str(text),
                Frame::Binary(bytes) => socket.send_with_bytes(bytes),
            };
        }
    }

    fn close(&mut self, id: u32, reason: CloseReason) {
        let Some(socket) = self.sockets.remove(&id) else { return };
        // Whatever becomes of the socket, its seat does not come back with it.
        let _ =
            socket.serialize_attachment("").and_then(|()| socket.close(Some(reason.code()), Some(reason.message())));
    }

    pub(super) fn create(&mut self, sql: &RuntimeStorage) -> std::result::Result<(), PortError> {
        if !self.exists {
            storage::create_tables(sql)?;
            storage::save_metadata(sql, &self.metadata)?;
            self.exists = true;
        }
        Ok(())
    }

    fn compact(&mut self, sql: &RuntimeStorage) -> std::result::Result<(), PortError> {
        self.metadata.last_update = self.logic.last_update();
        let (snapshot, history) = self.logic.snapshot();
        storage::compact(sql, &snapshot, history, &self.metadata)?;
        self.log = UpdateLog::default();
        Ok(())
    }

    /// Whether there is little to replay: nothing where nobody is there.
    fn is_compacted(&self) -> bool {
        if self.logic.is_empty() {
            return self.log.rows == 0;
        }
        self.log.rows < COMPACT_ROWS && self.log.bytes < COMPACT_BYTES
    }

    /// When the room is deleted if nobody comes.
    fn end(&self) -> Option<i64> {
        let is_nobodys = self.metadata.billing_key.is_none();
        self.metadata.empty_since.filter(|_| is_nobodys && self.logic.is_empty()).map(|since| since + KEEP_MS)
    }

    fn next_alarm(&self) -> Option<i64> {
        let compaction = (!self.is_compacted()).then(now);
        [self.logic.next_greeting(), compaction, self.end()].into_iter().flatten().min()
    }
}

/// What a room runs programs with.
pub(super) fn programs(room: &Room) -> Result<std::rc::Rc<dyn crate::ports::rooms::Programs>> {
    bindings::programs(&room.env, &room.state)
}

pub(super) fn now() -> i64 {
    RuntimeClock.now().0
}

fn random() -> u32 {
    let mut bytes = [0; 4];
    RuntimeEntropy.fill(&mut bytes);
    u32::from_le_bytes(bytes)
}

fn failed(error: Error) -> PortError {
    PortError(format!("The runtime failed: {error}"))
}
