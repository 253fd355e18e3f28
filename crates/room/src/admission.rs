//! Reading an update before the document may see it.
//!
//! Updates come from strangers, and a panic in the Worker ends every request beside it. So an update is read here first,
//! completely and without trusting it, and only what a room is for passes: texts, maps and lists of plain values.
//! Everything else is refused (formatting, embeds, XML, documents inside documents, binary data). Whether the structs fit
//! what is there is for [`crate::ledger`] to say.
//!
//! The layout is that of <https://github.com/yjs/yjs/blob/v13.6.27/src/utils/encoding.js>, version 1.

use crate::lib0::Reader;

/// Clocks are compared as signed 32-bit numbers on the way through `yrs`.
const MAX_CLOCK: u32 = (1 << 31) - 1;
/// Values inside values; `yrs` reads them by recursion.
const MAX_DEPTH: u32 = 32;

/// A client and one of its clocks.
pub type Id = (u64, u32);

/// An update that no client of a room has a reason to send, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unsound(pub &'static str);

/// An update, taken apart.
#[derive(Debug, Default)]
pub struct Parts<'a> {
    /// Structs of each client, in the order of their clocks and without gaps.
    pub sections: Vec<Section<'a>>,
    /// The last of the ids that each client's deletions need.
    pub deletions: Vec<Id>,
}

/// The structs of one client.
#[derive(Debug)]
pub struct Section<'a> {
    pub client: u64,
    pub structs: Vec<Struct<'a>>,
    /// It says of itself that something is missing.
    pub has_gaps: bool,
}

/// One struct: one or more neighbouring elements of a text, list or map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Struct<'a> {
    pub clock: u32,
    pub length: u32,
    pub place: Place<'a>,
    pub content: Content,
    /// Text in it, in bytes.
    pub text_bytes: usize,
}

/// Where a struct belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place<'a> {
    /// Nowhere any more.
    Gone,
    /// Into something, under a key where that is a map.
    In(Parent<'a>, Option<&'a str>),
    /// To what it was inserted beside.
    Beside { left: Option<Id>, right: Option<Id> },
}

/// What holds structs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parent<'a> {
    /// A part of the document that has a name.
    Named(&'a str),
    /// A text, list or map inside another one.
    Item(Id),
}

/// What a struct holds, as far as it matters for what may follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    Deleted,
    Text,
    Values,
    /// A text, list or map, which can hold structs itself.
    Type,
}

impl Struct<'_> {
    /// The clock that follows.
    pub fn end(&self) -> u32 {
        self.clock + self.length
    }
}

/// Takes an update apart.
///
/// # Errors
/// Where it is malformed, or holds what rooms do not.
pub fn read(update: &[u8]) -> Result<Parts<'_>, Unsound> {
    let mut inspection = Inspection { reader: Reader::new(update), text: 0 };
    let parts = Parts { sections: inspection.sections()?, deletions: inspection.deletions()? };
    if inspection.reader.is_empty() { Ok(parts) } else { Err(Unsound("bytes follow the update")) }
}

struct Inspection<'a> {
    reader: Reader<'a>,
    text: usize,
}

const SHORT: Unsound = Unsound("it ends too early, or a number in it is too large");

impl<'a> Inspection<'a> {
    fn sections(&mut self) -> Result<Vec<Section<'a>>, Unsound> {
        let mut sections = Vec::new();
        for _ in 0..self.length()? {
            let count = self.length()?;
            let client = self.number()?;
            let mut section = Section { client, structs: Vec::new(), has_gaps: false };
            let mut clock = self.clock()?;
            for _ in 0..count {
                self.text = 0;
                let one = self.one_struct(clock)?;
                let length = one.map_or_else(|| self.length(), |one| Ok(one.length))?;
                clock = advance(clock, length)?;
                match one {
                    Some(one) if length > 0 => section.structs.push(one),
                    Some(_) => {}
                    None => section.has_gaps = true,
                }
            }
            sections.push(section);
        }
        let mut clients: Vec<u64> = sections.iter().map(|section| section.client).collect();
        clients.sort_unstable();
        if clients.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Unsound("a client's structs come in two parts"));
        }
        Ok(sections)
    }

    /// The next struct; `None` where it only stands for others that are missing, whose length follows.
    fn one_struct(&mut self, clock: u32) -> Result<Option<Struct<'a>>, Unsound> {
        const KIND: u8 = 0b1_1111;
        const HAS_KEY: u8 = 0b10_0000;
        const HAS_RIGHT: u8 = 0b100_0000;
        const HAS_LEFT: u8 = 0b1000_0000;
        let info = self.reader.byte().ok_or(SHORT)?;
        match info & KIND {
            // Where there is garbage or a gap there is nothing else.
            0 | 10 if info & !KIND != 0 => return Err(Unsound("a struct without content has a place")),
            0 => {
                let length = self.length()?;
                let (place, content) = (Place::Gone, Content::Deleted);
                return match length {
                    0 => Err(Unsound("a struct is empty")),
                    _ => Ok(Some(Struct { clock, length, place, content, text_bytes: 0 })),
                };
            }
            10 => return Ok(None),
            _ => {}
        }
        let left = if info & HAS_LEFT != 0 { Some(self.id()?) } else { None };
        let right = if info & HAS_RIGHT != 0 { Some(self.id()?) } else { None };
        let place = if left.is_some() || right.is_some() {
            Place::Beside { left, right }
        } else {
            let parent = match self.number()? {
                1 => Parent::Named(self.string()?),
                0 => Parent::Item(self.id()?),
                _ => return Err(Unsound("a parent is neither named nor known")),
            };
            Place::In(parent, if info & HAS_KEY != 0 { Some(self.string()?) } else { None })
        };
        let (content, length) = self.content(info & KIND)?;
        Ok(Some(Struct { clock, length, place, content, text_bytes: self.text }))
    }

    /// What a struct holds, and the clocks that it takes.
    fn content(&mut self, kind: u8) -> Result<(Content, u32), Unsound> {
        match kind {
            1 => Ok((Content::Deleted, self.length()?)),
            4 => {
                let text = self.string()?;
                self.text += text.len();
                Ok((Content::Text, u32::try_from(text.encode_utf16().count()).map_err(|_| SHORT)?))
            }
            7 => match self.number()? {
                0..=2 => Ok((Content::Type, 1)),
                _ => Err(Unsound("rooms hold texts, maps and lists, and no XML")),
            },
            8 => {
                let values = self.length()?;
                for _ in 0..values {
                    self.value(0)?;
                }
                Ok((Content::Values, values))
            }
            _ => Err(Unsound("rooms hold no formatting, embeds, binary data or documents inside documents")),
        }
    }

    /// One plain value: <https://github.com/dmonad/lib0/blob/main/encoding.js>, `writeAny`.
    fn value(&mut self, depth: u32) -> Result<(), Unsound> {
        if depth == MAX_DEPTH {
            return Err(Unsound("values are nested too deeply"));
        }
        match self.reader.byte().ok_or(SHORT)? {
            // Undefined, null, true, false.
            127 | 126 | 120 | 121 => {}
            // A signed number of variable length, whose first byte has six bits.
            125 => {
                let mut bytes = 1;
                while self.reader.byte().ok_or(SHORT)? >= 0x80 {
                    bytes += 1;
                    if bytes > 8 {
                        return Err(SHORT);
                    }
                }
            }
            124 => drop(self.reader.bytes(4).ok_or(SHORT)?),
            123 => drop(self.reader.bytes(8).ok_or(SHORT)?),
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
            _ => return Err(Unsound("a value is of no kind that rooms hold")),
        }
        Ok(())
    }

    fn deletions(&mut self) -> Result<Vec<Id>, Unsound> {
        let mut needs = Vec::new();
        for _ in 0..self.length()? {
            let client = self.number()?;
            let mut end = 0;
            for _ in 0..self.length()? {
                let start = self.clock()?;
                if start < end {
                    return Err(Unsound("deletions are not in order"));
                }
                end = advance(start, self.length()?)?;
            }
            needs.push((client, end.saturating_sub(1)));
        }
        let mut clients: Vec<u64> = needs.iter().map(|(client, _)| *client).collect();
        clients.sort_unstable();
        if clients.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(Unsound("a client's deletions come in two parts"));
        }
        Ok(needs)
    }

    fn id(&mut self) -> Result<Id, Unsound> {
        Ok((self.number()?, self.clock()?))
    }

    fn clock(&mut self) -> Result<u32, Unsound> {
        self.length().and_then(|clock| advance(clock, 0))
    }

    fn number(&mut self) -> Result<u64, Unsound> {
        self.reader.number().ok_or(SHORT)
    }

    fn length(&mut self) -> Result<u32, Unsound> {
        self.reader.length().ok_or(SHORT)
    }

    fn string(&mut self) -> Result<&'a str, Unsound> {
        self.reader.string().ok_or(Unsound("a text is cut short, or no UTF-8"))
    }
}

/// The clock after `length` more.
fn advance(clock: u32, length: u32) -> Result<u32, Unsound> {
    clock.checked_add(length).filter(|&clock| clock <= MAX_CLOCK).ok_or(Unsound("a clock is too large"))
}
