//! Where everything in the document belongs, so that what is added to it can be held against that.
//!
//! `yrs` trusts updates: a struct that claims neighbours in two different texts ties their lists together, and lengths
//! go below zero or loops never end. Here every struct has exactly one home, a list that something keeps (a text, a list,
//! the values of a map under one key), and a new one must have the home of its neighbours. Runs of structs with one home
//! are one entry, so that the ledger of a text that was typed is a few entries.

use crate::admission::{Content, Id, Parent, Parts, Place, Struct, Unsound};
use std::collections::HashMap;

/// Texts, lists and maps inside one another. `yrs` deletes them by recursion.
const MAX_NESTING: u32 = 16;

/// An index into [`Ledger::homes`]; `None` for what is gone with whatever kept it.
type Home = Option<usize>;

/// See the module.
#[derive(Debug, Default)]
pub struct Ledger {
    clients: HashMap<u64, Vec<Entry>>,
    homes: Vec<Facts>,
    by_name: HashMap<(OwnedParent, Option<String>), usize>,
    /// How deep each text, list and map inside another one lies.
    types: HashMap<Id, u32>,
    /// Whether the values of something have keys, once it has any.
    has_keys: HashMap<OwnedParent, bool>,
}

/// Consecutive clocks of one client.
#[derive(Debug, Clone, Copy)]
struct Entry {
    end: u32,
    home: Home,
    is_deleted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Facts {
    nesting: u32,
    has_key: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum OwnedParent {
    Named(String),
    Item(Id),
}

impl From<Parent<'_>> for OwnedParent {
    fn from(parent: Parent<'_>) -> Self {
        match parent {
            Parent::Named(name) => Self::Named(name.to_owned()),
            Parent::Item(id) => Self::Item(id),
        }
    }
}

/// Whether an update was entered.
#[derive(Debug, PartialEq, Eq)]
pub enum Entered {
    /// It may be applied.
    Ready,
    /// It builds upon something that is neither here nor in itself, and nothing of it was entered.
    NotReady,
}

impl Ledger {
    /// The ledger of an empty document, in which these keep lists and those keep maps.
    pub fn new(lists: &[&str], maps: &[&str]) -> Self {
        let named = |names: &[&str], has_keys| {
            names.iter().map(|name| (OwnedParent::Named((*name).to_owned()), has_keys)).collect::<Vec<_>>()
        };
        Self { has_keys: named(lists, false).into_iter().chain(named(maps, true)).collect(), ..Self::default() }
    }

    /// Enters an update, which is to be applied then.
    ///
    /// # Errors
    /// Where it must not be applied; nothing of it was entered.
    pub fn enter(&mut self, parts: &Parts<'_>) -> Result<Entered, Unsound> {
        if !self.is_ready(parts) {
            return Ok(Entered::NotReady);
        }
        let ends: Vec<Id> =
            parts.sections.iter().map(|section| (section.client, self.next_clock(section.client))).collect();
        self.enter_in_order(parts).inspect_err(|_| self.forget(&ends))?;
        Ok(Entered::Ready)
    }

    /// How much text an update adds, in bytes: of structs that are partly known all of theirs.
    pub fn new_text_bytes(&self, parts: &Parts<'_>) -> usize {
        let is_new = |client, one: &&Struct<'_>| one.end() > self.next_clock(client);
        let bytes = parts.sections.iter().map(|section| {
            section.structs.iter().filter(|one| is_new(section.client, one)).map(|one| one.text_bytes).sum::<usize>()
        });
        bytes.sum()
    }

    /// The clock that follows the last one known.
    pub fn next_clock(&self, client: u64) -> u32 {
        self.clients.get(&client).and_then(|entries| entries.last()).map_or(0, |entry| entry.end)
    }

    /// Goes back to where each client ended.
    fn forget(&mut self, ends: &[Id]) {
        for &(client, end) in ends {
            let Some(entries) = self.clients.get_mut(&client) else { continue };
            let kept = entries.partition_point(|entry| entry.end < end);
            entries.truncate(if end == 0 { 0 } else { kept + 1 });
            if let Some(last) = entries.last_mut() {
                last.end = end;
            }
            self.types.retain(|&(of, clock), _| of != client || clock < end);
        }
    }

    fn is_ready(&self, parts: &Parts<'_>) -> bool {
        let ends: HashMap<u64, u32> =
            parts.sections.iter().filter_map(|section| Some((section.client, section.structs.last()?.end()))).collect();
        let is_known = |&(client, clock): &Id| {
            clock < self.next_clock(client) || ends.get(&client).is_some_and(|&end| clock < end)
        };
        let follows = parts.sections.iter().all(|section| {
            let start = section.structs.first().map_or(0, |first| first.clock);
            !section.has_gaps && start <= self.next_clock(section.client)
        });
        let needs = |one: &Struct<'_>| match one.place {
            Place::Gone | Place::In(Parent::Named(_), _) => true,
            Place::In(Parent::Item(id), _) => is_known(&id),
            Place::Beside { left, right } => left.iter().chain(&right).all(is_known),
        };
        follows
            && parts.sections.iter().flat_map(|section| &section.structs).all(needs)
            && parts.deletions.iter().all(|(client, clock)| *clock == 0 || is_known(&(*client, *clock)))
    }

    /// Enters structs so that each comes after what it names: whenever one names another client's that is not entered
    /// yet, that client's turn comes first.
    fn enter_in_order(&mut self, parts: &Parts<'_>) -> Result<(), Unsound> {
        let of_client: HashMap<u64, usize> =
            parts.sections.iter().enumerate().map(|(index, section)| (section.client, index)).collect();
        let mut next = vec![0; parts.sections.len()];
        let mut is_waiting = vec![false; parts.sections.len()];
        for first in 0..parts.sections.len() {
            let mut waiting = vec![first];
            is_waiting[first] = true;
            while let Some(&index) = waiting.last() {
                let section = &parts.sections[index];
                let Some(one) = section.structs.get(next[index]) else {
                    waiting.pop();
                    is_waiting[index] = false;
                    continue;
                };
                let missing = self.missing(section.client, one);
                match missing.and_then(|client| of_client.get(&client).copied()) {
                    Some(other) if is_waiting[other] => return Err(Unsound("structs need one another")),
                    Some(other) => {
                        is_waiting[other] = true;
                        waiting.push(other);
                    }
                    None if missing.is_some() => return Err(Unsound("a struct needs one that is not there")),
                    None => {
                        self.enter_struct(section.client, one)?;
                        next[index] += 1;
                        // Whoever waits for this client may not have to wait for more of it.
                        if waiting.len() > 1 {
                            waiting.pop();
                            is_waiting[index] = false;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// A client whose structs have to be entered first.
    fn missing(&self, client: u64, one: &Struct<'_>) -> Option<u64> {
        let ids = match one.place {
            Place::Gone | Place::In(Parent::Named(_), _) => [None, None],
            Place::In(Parent::Item(id), _) => [Some(id), None],
            Place::Beside { left, right } => [left, right],
        };
        // A struct that names what follows it waits for its own client, which is waiting.
        let missing = ids.into_iter().flatten().find(|id| id.1 >= self.next_clock(id.0));
        missing.map(|id| id.0).or((one.clock > self.next_clock(client)).then_some(client))
    }

    fn enter_struct(&mut self, client: u64, one: &Struct<'_>) -> Result<(), Unsound> {
        let known = self.next_clock(client);
        if one.end() <= known {
            return Ok(());
        }
        let home = self.home(one)?;
        if one.clock < known && self.entry((client, known - 1)).is_some_and(|entry| entry.home != home) {
            return Err(Unsound("a struct goes on where another one is"));
        }
        let facts = home.and_then(|home| self.homes.get(home)).copied();
        if facts.is_some_and(|facts| facts.has_key) && one.content != Content::Deleted && one.length > 1 {
            return Err(Unsound("a key has more than one value at once"));
        }
        if one.content == Content::Type {
            let nesting = facts.map_or(0, |facts| facts.nesting) + 1;
            if nesting > MAX_NESTING {
                return Err(Unsound("texts, lists and maps are nested too deeply"));
            }
            self.types.insert((client, one.clock), nesting);
        }
        let is_deleted = one.content == Content::Deleted;
        let entries = self.clients.entry(client).or_default();
        match entries.last_mut() {
            Some(last) if last.home == home && last.is_deleted == is_deleted => last.end = one.end(),
            _ => entries.push(Entry { end: one.end(), home, is_deleted }),
        }
        Ok(())
    }

    /// Where a struct belongs, which is where its neighbours do.
    fn home(&mut self, one: &Struct<'_>) -> Result<Home, Unsound> {
        match one.place {
            Place::Gone => Ok(None),
            Place::In(parent, key) => self.home_in(parent, key),
            Place::Beside { left, right } => {
                let home = |id: Option<Id>| id.and_then(|id| self.entry(id)).and_then(|entry| entry.home);
                match (home(left), home(right)) {
                    (Some(left), Some(right)) if left != right => Err(Unsound("a struct has neighbours in two places")),
                    (left, right) => Ok(left.or(right)),
                }
            }
        }
    }

    fn home_in(&mut self, parent: Parent<'_>, key: Option<&str>) -> Result<Home, Unsound> {
        let nesting = match parent {
            Parent::Named(_) => 0,
            Parent::Item(id) => match (self.types.get(&id), self.entry(id)) {
                (Some(nesting), _) => *nesting,
                // What a text that was deleted held goes where it went.
                (None, Some(entry)) if entry.is_deleted => return Ok(None),
                _ => return Err(Unsound("a parent cannot hold anything")),
            },
        };
        let parent = OwnedParent::from(parent);
        if *self.has_keys.entry(parent.clone()).or_insert(key.is_some()) != key.is_some() {
            return Err(Unsound("a map is used as a list, or a list as a map"));
        }
        let homes = &mut self.homes;
        let home = *self.by_name.entry((parent, key.map(str::to_owned))).or_insert_with(|| {
            homes.push(Facts { nesting, has_key: key.is_some() });
            homes.len() - 1
        });
        Ok(Some(home))
    }

    fn entry(&self, (client, clock): Id) -> Option<Entry> {
        let entries = self.clients.get(&client)?;
        entries.get(entries.partition_point(|entry| entry.end <= clock)).copied()
    }
}
