//! Decodes untrusted updates and rejects what rooms do not hold.
//!
//! Every editor of a room sends updates, and a panic in the Worker ends every other request in its isolate. This
//! decoder therefore reads each update completely before `yrs` does. It accepts texts, maps and lists of plain values, and
//! rejects formatting, embeds, XML, subdocuments and binary data. [`crate::struct_index`] then checks whether the structs
//! fit the document.
//!
//! The layout: <https://github.com/yjs/yjs/blob/v13.6.27/src/utils/encoding.js>, version 1.

use crate::lib0_encoding::Reader;

/// `yrs` compares clocks as signed 32-bit numbers.
const MAX_CLOCK: u32 = (1 << 31) - 1;
/// Depth of nested values. `yrs` decodes them by recursion.
const MAX_DEPTH: u32 = 32;

/// Decodes an update.
///
/// # Errors
/// When it is malformed, or contains what rooms do not hold.
pub fn decode(update: &[u8]) -> Result<DecodedUpdate<'_>, InvalidUpdate> {
    let mut decoder = Decoder { reader: Reader::new(update), text: 0 };
    let clients = decoder.clients()?;
    let (deletions, deleted_ranges) = decoder.deletions()?;
    let decoded = DecodedUpdate { clients, deletions, deleted_ranges };
    if decoder.reader.is_empty() { Ok(decoded) } else { Err(InvalidUpdate("bytes follow the update")) }
}

/// The id of one element: a client and one of its clocks.
pub type Id = (u64, u32);

/// The reason why an update is invalid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InvalidUpdate(pub &'static str);

/// A decoded update.
#[derive(Debug, Default)]
pub struct DecodedUpdate<'a> {
    /// The structs of each client, in the order of their clocks.
    pub clients: Vec<ClientStructs<'a>>,
    /// For each client the last id that the update deletes.
    pub deletions: Vec<Id>,
    /// The ranges that the update deletes, of all clients together.
    pub deleted_ranges: usize,
}

impl DecodedUpdate<'_> {
    /// The number of its structs.
    pub fn count(&self) -> usize {
        self.clients.iter().map(|of_client| of_client.structs.len()).sum()
    }

    /// The most structs that it can add to a document: a deleted range in the middle of a struct makes three of one.
    pub fn max_new_structs(&self) -> usize {
        self.count() + 2 * self.deleted_ranges
    }
}

/// The structs of one client.
#[derive(Debug)]
pub struct ClientStructs<'a> {
    pub client: u64,
    pub structs: Vec<Struct<'a>>,
    /// The update declares that structs are missing.
    pub has_gaps: bool,
}

/// A struct: one or more neighbouring elements of a text, list or map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Struct<'a> {
    pub clock: u32,
    pub length: u32,
    pub parent: Parent<'a>,
    pub content: Content,
    /// Bytes of text in the struct.
    pub text_bytes: usize,
}

/// The parent of a struct, as the update encodes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent<'a> {
    /// None: the struct was garbage-collected.
    Collected,
    /// A text, a list, or a map with a key.
    Explicit(ParentType<'a>, Option<&'a str>),
    /// The parent of the struct's neighbours.
    OfNeighbours { left: Option<Id>, right: Option<Id> },
}

/// A text, list or map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParentType<'a> {
    /// A root type of the document.
    Root(&'a str),
    /// A type inside of another type.
    Nested(Id),
}

/// The kind of a struct's content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Deleted,
    Text,
    Values,
    /// A text, list or map, which can be the parent of structs.
    Type,
}

impl Struct<'_> {
    /// The clock after the struct.
    pub fn end(&self) -> u32 {
        self.clock + self.length
    }
}

struct Decoder<'a> {
    reader: Reader<'a>,
    text: usize,
}

const TRUNCATED: InvalidUpdate = InvalidUpdate("it ends too early, or a number in it is too large");

impl<'a> Decoder<'a> {
    fn clients(&mut self) -> Result<Vec<ClientStructs<'a>>, InvalidUpdate> {
        let mut clients = Vec::new();
        for _ in 0..self.length()? {
            let count = self.length()?;
            let client = self.number()?;
            let mut of_client = ClientStructs { client, structs: Vec::new(), has_gaps: false };
            let mut clock = self.clock()?;
            for _ in 0..count {
                self.text = 0;
                let one = self.next_struct(clock)?;
                let length = one.map_or_else(|| self.length(), |one| Ok(one.length))?;
                clock = advance(clock, length)?;
                match one {
                    Some(one) if length > 0 => of_client.structs.push(one),
                    Some(_) => {}
                    None => of_client.has_gaps = true,
                }
            }
            clients.push(of_client);
        }
        if has_duplicates(clients.iter().map(|of_client| of_client.client)) {
            return Err(InvalidUpdate("a client appears twice"));
        }
        Ok(clients)
    }

    /// The next struct; `None` for a gap, whose length follows.
    fn next_struct(&mut self, clock: u32) -> Result<Option<Struct<'a>>, InvalidUpdate> {
        const KIND: u8 = 0b1_1111;
        const HAS_KEY: u8 = 0b10_0000;
        const HAS_RIGHT: u8 = 0b100_0000;
        const HAS_LEFT: u8 = 0b1000_0000;
        let info = self.reader.byte().ok_or(TRUNCATED)?;
        match info & KIND {
            // A collected struct and a gap have neither parent nor neighbours.
            0 | 10 if info & !KIND != 0 => return Err(InvalidUpdate("a struct without content has a parent")),
            0 => {
                let length = self.length()?;
                let (parent, content) = (Parent::Collected, Content::Deleted);
                return match length {
                    0 => Err(InvalidUpdate("a struct is empty")),
                    _ => Ok(Some(Struct { clock, length, parent, content, text_bytes: 0 })),
                };
            }
            10 => return Ok(None),
            _ => {}
        }
        let left = if info & HAS_LEFT != 0 { Some(self.id()?) } else { None };
        let right = if info & HAS_RIGHT != 0 { Some(self.id()?) } else { None };
        let parent = if left.is_some() || right.is_some() {
            Parent::OfNeighbours { left, right }
        } else {
            let parent = match self.number()? {
                1 => ParentType::Root(self.string()?),
                0 => ParentType::Nested(self.id()?),
                _ => return Err(InvalidUpdate("a parent is neither a root type nor a nested type")),
            };
            Parent::Explicit(parent, if info & HAS_KEY != 0 { Some(self.string()?) } else { None })
        };
        let (content, length) = self.content(info & KIND)?;
        Ok(Some(Struct { clock, length, parent, content, text_bytes: self.text }))
    }

    /// The content of a struct and its length in clocks.
    fn content(&mut self, kind: u8) -> Result<(Content, u32), InvalidUpdate> {
        match kind {
            1 => Ok((Content::Deleted, self.length()?)),
            4 => {
                let text = self.string()?;
                self.text += text.len();
                Ok((Content::Text, u32::try_from(text.encode_utf16().count()).map_err(|_| TRUNCATED)?))
            }
            7 => match self.number()? {
                0..=2 => Ok((Content::Type, 1)),
                _ => Err(InvalidUpdate("rooms hold texts, maps and lists, and no XML")),
            },
            8 => {
                let values = self.length()?;
                for _ in 0..values {
                    self.value(0)?;
                }
                Ok((Content::Values, values))
            }
            _ => Err(InvalidUpdate("rooms hold no formatting, embeds, binary data or subdocuments")),
        }
    }

    /// One plain value: <https://github.com/dmonad/lib0/blob/main/encoding.js>, `writeAny`.
    fn value(&mut self, depth: u32) -> Result<(), InvalidUpdate> {
        if depth == MAX_DEPTH {
            return Err(InvalidUpdate("values are nested too deeply"));
        }
        match self.reader.byte().ok_or(TRUNCATED)? {
            // Undefined, null, true, false.
            127 | 126 | 120 | 121 => {}
            // A signed number of variable length; its first byte holds six bits.
            125 => {
                let mut bytes = 1;
                while self.reader.byte().ok_or(TRUNCATED)? >= 0x80 {
                    bytes += 1;
                    if bytes > 8 {
                        return Err(TRUNCATED);
                    }
                }
            }
            124 => drop(self.reader.bytes(4).ok_or(TRUNCATED)?),
            123 => drop(self.reader.bytes(8).ok_or(TRUNCATED)?),
            119 => self.text += self.string()?.len(),
            118 => {
                for _ in 0..self.length()? {
                    self.text += self.string()?.len();
                    self.value(depth + 1)?;
                }
            }
            117 => {
                for _ in 0..self.length()? {
                    self.value(depth + 1)?;
                }
            }
            _ => return Err(InvalidUpdate("rooms do not hold a value of this type")),
        }
        Ok(())
    }

    /// For each client the last deleted id, and the number of deleted ranges.
    fn deletions(&mut self) -> Result<(Vec<Id>, usize), InvalidUpdate> {
        let (mut last, mut ranges) = (Vec::new(), 0);
        for _ in 0..self.length()? {
            let client = self.number()?;
            let mut end = 0;
            for _ in 0..self.length()? {
                let start = self.clock()?;
                if start < end {
                    return Err(InvalidUpdate("deletions are not in order"));
                }
                end = advance(start, self.length()?)?;
                ranges += 1;
            }
            last.push((client, end.saturating_sub(1)));
        }
        if has_duplicates(last.iter().map(|(client, _)| *client)) {
            return Err(InvalidUpdate("a client's deletions appear twice"));
        }
        Ok((last, ranges))
    }

    fn id(&mut self) -> Result<Id, InvalidUpdate> {
        Ok((self.number()?, self.clock()?))
    }

    fn clock(&mut self) -> Result<u32, InvalidUpdate> {
        self.length().and_then(|clock| advance(clock, 0))
    }

    fn number(&mut self) -> Result<u64, InvalidUpdate> {
        self.reader.number().ok_or(TRUNCATED)
    }

    fn length(&mut self) -> Result<u32, InvalidUpdate> {
        self.reader.length().ok_or(TRUNCATED)
    }

    fn string(&mut self) -> Result<&'a str, InvalidUpdate> {
        self.reader.string().ok_or(InvalidUpdate("a text is truncated, or is not UTF-8"))
    }
}

fn has_duplicates(clients: impl Iterator<Item = u64>) -> bool {
    let mut clients: Vec<u64> = clients.collect();
    clients.sort_unstable();
    clients.windows(2).any(|pair| pair[0] == pair[1])
}

/// The clock after `length` more elements.
fn advance(clock: u32, length: u32) -> Result<u32, InvalidUpdate> {
    clock.checked_add(length).filter(|&clock| clock <= MAX_CLOCK).ok_or(InvalidUpdate("a clock is too large"))
}
