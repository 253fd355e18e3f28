//! What a room holds at most, each number derived from one of the platform's.

/// A frame. The runtime takes messages of 32 MiB, but an object has 128 MB of memory for everything, and an update of
/// 1 MiB may become twenty times as much in memory.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
/// The text `code`: what one frame can hold, because clients of the JSON protocol send it whole.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// The encoded document with everything that was ever deleted from it: two frames. It is stored in rows of at most 2 MB
/// each, and the worst that fits into 2 MiB, single characters of alternating clients at about 10 bytes, takes about
/// 200 bytes each in memory, 40 MB, a third of what the object has.
pub const MAX_DOCUMENT_BYTES: usize = 2 << 20;
/// Connections to a room. One that is full and types twice a second makes 100 × 200 deliveries a second, which one
/// object manages twice on two cores.
pub const MAX_CONNECTIONS: usize = 100;
/// Messages a second of one connection, and how many of them may come at once. People type ten characters a second.
pub const MAX_MESSAGES_PER_SECOND: u32 = 60;
/// A client's presence. Attachments of hibernating sockets hold 16 KiB, and the rest of what a seat keeps is shorter
/// than a third of them.
pub const MAX_PRESENCE_BYTES: usize = 4_096;
/// What is kept with a socket: attachments hold 16,384 bytes, of which a few are the platform's own.
pub const MAX_KEPT_BYTES: usize = 16_000;
/// Changes of a seat's text that are kept with its socket, for the same 16 KiB.
pub const MAX_KEPT_CHANGE_BYTES: usize = 4_096;
/// A name, as people see it beside a cursor.
pub const MAX_NAME_CHARS: usize = 40;
/// Changes of `code` that are remembered for clients that have not seen them yet. 100 people who type twice a second
/// make so many in 20 s, longer than any connection lags that still lives.
pub const MAX_HISTORY: usize = 4_096;
/// The same in bytes of inserted and deleted text: small beside the memory of the object.
pub const MAX_HISTORY_BYTES: usize = 4 << 20;
/// Text that is compared for one message of a client that does not say which revision it has seen: about 10 ms.
pub const MAX_COMPARED_BYTES: usize = 4 << 20;
