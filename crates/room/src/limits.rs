//! The limits of a room, each derived from a limit of the platform.

/// Bytes of a frame. The runtime accepts messages of 32 MiB, but an object has 128 MB of memory, and an update of 1 MiB can
/// take twenty times as much in memory.
pub const MAX_FRAME_BYTES: usize = 1 << 20;
/// Bytes of the text `code`: those of one frame, because JSON clients send the whole text.
pub const MAX_TEXT_BYTES: usize = 1 << 20;
/// Bytes of the encoded document with its deleted structs: two frames. Storage rows hold at most 2 MB each. The worst
/// document of 2 MiB has single characters of alternating clients: about 10 bytes each encoded and 200 bytes in memory,
/// so 40 MB, a third of the object's memory.
pub const MAX_DOCUMENT_BYTES: usize = 2 << 20;
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
/// Characters of a user's name, which editors show beside the cursor.
pub use docle_api::limits::MAX_ROOM_NAME_CHARS as MAX_NAME_CHARS;
/// Changes of `code` in the history, for clients that have not received them yet. 100 people who type twice a second make
/// as many in 20 s, longer than the lag of any live connection.
pub const MAX_HISTORY: usize = 4_096;
/// Bytes of inserted and deleted text in the history: a small part of the object's memory.
pub const MAX_HISTORY_BYTES: usize = 4 << 20;
/// Bytes of text to compare for one message without a revision: about 10 ms.
pub const MAX_COMPARED_BYTES: usize = 4 << 20;
