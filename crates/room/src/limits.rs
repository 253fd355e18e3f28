//! The limits of a room, each derived from a limit of the platform.
//!
//! Rooms share memory: the runtime may put objects of one class into one isolate, and an isolate has 128 MB. The limits
//! below hold the worst room to about 16 MB, so that several of them fit beside each other:
//! 50,000 structs × 200 bytes = 10 MB, a text of 1 MiB with its copy in the cache and in a frame = 3 MB, and a history of
//! 1 MiB with its inverse changes = 2 MB. What the runtime queues for slow readers comes on top and has a budget of its own.

/// Bytes of a frame: the whole document of the largest room in one step 2, with its header. The runtime itself accepts
/// messages of 32 MiB, and closes with 1009 above that.
pub const MAX_FRAME_BYTES: usize = MAX_DOCUMENT_BYTES + (64 << 10);
/// Bytes of the text `code`. JSON clients send and receive it as a whole.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// Bytes of the encoded document with its deleted structs. Storage rows hold at most 2 MB each.
pub const MAX_DOCUMENT_BYTES: usize = 2 << 20;
/// Structs of the document, deleted ones included. Each takes about 200 bytes in memory. A text that one person types
/// from start to end is one struct; 10,000 edits at random places are about as many structs.
pub const MAX_STRUCTS: usize = 50_000;
/// Connections to a room. When each of 100 users types twice a second, the room sends 100 × 200 messages a second. One
/// object manages twice as many on two cores.
pub const MAX_CONNECTIONS: usize = 100;
/// Messages a second of one connection, also the size of a burst. People type ten characters a second.
pub const MAX_MESSAGES_PER_SECOND: u32 = 60;
/// Bytes of a presence. The attachment of a hibernating socket holds 16 KiB, and the rest of a connection takes less than
/// a third of them.
pub const MAX_PRESENCE_BYTES: usize = 4_096;
/// Bytes of a connection in the attachment of its socket. The platform allows 16,384 bytes and uses a few of them itself.
pub const MAX_ATTACHMENT_BYTES: usize = 16_000;
/// Bytes of a connection's last change in the same 16 KiB.
pub const MAX_ATTACHMENT_CHANGE_BYTES: usize = 4_096;
/// Characters of a connection's updates that are not stored yet, in the same 16 KiB, where a character may take two bytes.
pub const MAX_ATTACHMENT_UNSAVED_CHARS: usize = 4_096;
/// Bytes of all updates of a room that are not stored yet. They become one row, which holds 2 MB at most.
pub const MAX_UNSAVED_BYTES: usize = 1 << 20;
/// Characters of a user's name, which editors show beside the cursor.
pub use docle_api::limits::MAX_ROOM_NAME_CHARS as MAX_NAME_CHARS;
/// Changes of `code` in the history, for clients that have not received them yet. 100 people who type twice a second make
/// as many in 20 s, longer than the lag of any live connection.
pub const MAX_HISTORY: usize = 4_096;
/// Bytes of inserted and deleted text in the history.
pub const MAX_HISTORY_BYTES: usize = 1 << 20;
/// Bytes of text to compare for one message without a revision: about 10 ms.
pub const MAX_COMPARED_BYTES: usize = 4 << 20;
/// How long JSON clients wait for a text after the one before, in milliseconds. A change after a longer pause is sent at
/// once. Ten texts a second look like typing; sixty would send the text six times for nothing.
pub const TEXT_EVERY_MS: i64 = 100;
/// Bytes of texts that a room sends to its JSON clients in a second. A large text in a full room is sent less often.
pub const MAX_TEXT_BYTES_PER_SECOND: usize = 8 << 20;
/// When a client has surely received what the room has sent, in milliseconds. A connection that lags more than this is as
/// good as broken.
pub const RECEIVED_AFTER_MS: i64 = 5_000;
/// Bytes that may wait in the runtime for one slow reader: four of the largest texts.
pub const MAX_QUEUED_BYTES_PER_SOCKET: usize = 4 << 20;
/// Bytes that may wait for all readers of a room together: an eighth of the isolate's memory.
pub const MAX_QUEUED_BYTES: usize = 16 << 20;
