//! Knows the list that each struct of the document belongs to, and checks new structs against it.
//!
//! `yrs` trusts updates: a struct with neighbours in two different texts links their lists, and then lengths underflow or
//! loops never end. In this index every struct belongs to exactly one list: a text, a list, or the values of a map under
//! one key. A new struct must belong to the list of its neighbours. Consecutive structs of one list share an entry, so the
//! index of a typed text has a few entries only.

use crate::update::{ClientStructs, Content, DecodedUpdate, Id, InvalidUpdate, Parent, ParentType, Struct};
use std::collections::HashMap;

/// Depth of nested texts, lists and maps. `yrs` deletes them by recursion.
const MAX_NESTING: u32 = 16;

/// An index into [`StructIndex::lists`]; `None` for a struct whose parent was deleted.
type ListId = Option<usize>;

/// The index of a document's structs.
#[derive(Debug, Default)]
pub struct StructIndex {
    clients: HashMap<u64, Vec<Entry>>,
    lists: Vec<List>,
    list_ids: HashMap<(OwnedParent, Option<String>), usize>,
    /// The depth of each nested text, list and map.
    types: HashMap<Id, u32>,
    /// Whether a parent is a map; absent until it has an element.
    is_map: HashMap<OwnedParent, bool>,
}

/// Consecutive clocks of one client.
#[derive(Debug, Clone, Copy)]
struct Entry {
    end: u32,
    list: ListId,
    is_deleted: bool,
}

#[derive(Debug, Clone, Copy)]
struct List {
    nesting: u32,
    has_key: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum OwnedParent {
    Root(String),
    Nested(Id),
}

impl From<ParentType<'_>> for OwnedParent {
    fn from(parent: ParentType<'_>) -> Self {
        match parent {
            ParentType::Root(name) => Self::Root(name.to_owned()),
            ParentType::Nested(id) => Self::Nested(id),
        }
    }
}

/// The result of [`StructIndex::insert`].
#[derive(Debug, PartialEq, Eq)]
pub enum Inserted {
    /// The update may be applied.
    Ready,
    /// The update refers to structs that neither the document nor the update contains. The index is unchanged.
    MissingDependencies,
}

impl StructIndex {
    /// The index of an empty document with these root types.
    pub fn new(lists: &[&str], maps: &[&str]) -> Self {
        let roots = |names: &[&str], is_map| {
            names.iter().map(|name| (OwnedParent::Root((*name).to_owned()), is_map)).collect::<Vec<_>>()
        };
        Self { is_map: roots(lists, false).into_iter().chain(roots(maps, true)).collect(), ..Self::default() }
    }

    /// Inserts the structs of an update. The caller then applies the update to the document.
    ///
    /// # Errors
    /// When the update must not be applied. The index is unchanged.
    pub fn insert(&mut self, update: &DecodedUpdate<'_>) -> Result<Inserted, InvalidUpdate> {
        if !self.is_ready(update) {
            return Ok(Inserted::MissingDependencies);
        }
        let ends: Vec<Id> =
            update.clients.iter().map(|of_client| (of_client.client, self.next_clock(of_client.client))).collect();
        self.insert_in_order(update).inspect_err(|_| self.truncate(&ends))?;
        Ok(Inserted::Ready)
    }

    /// Bytes of text that an update adds. A struct that is partly known counts as a whole.
    pub fn new_text_bytes(&self, update: &DecodedUpdate<'_>) -> usize {
        let is_new = |client, one: &&Struct<'_>| one.end() > self.next_clock(client);
        let bytes = update.clients.iter().map(|of_client| {
            let new = of_client.structs.iter().filter(|one| is_new(of_client.client, one));
            new.map(|one| one.text_bytes).sum::<usize>()
        });
        bytes.sum()
    }

    /// The clock after the last known one of a client.
    pub fn next_clock(&self, client: u64) -> u32 {
        self.clients.get(&client).and_then(|entries| entries.last()).map_or(0, |entry| entry.end)
    }

    /// Removes all structs from the given clock of each client on.
    fn truncate(&mut self, ends: &[Id]) {
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

    fn is_ready(&self, update: &DecodedUpdate<'_>) -> bool {
        let end = |of_client: &ClientStructs<'_>| Some((of_client.client, of_client.structs.last()?.end()));
        let ends: HashMap<u64, u32> = update.clients.iter().filter_map(end).collect();
        let is_known = |&(client, clock): &Id| {
            clock < self.next_clock(client) || ends.get(&client).is_some_and(|&end| clock < end)
        };
        let is_contiguous = update.clients.iter().all(|of_client| {
            let start = of_client.structs.first().map_or(0, |first| first.clock);
            !of_client.has_gaps && start <= self.next_clock(of_client.client)
        });
        let has_parent = |one: &Struct<'_>| match one.parent {
            Parent::Collected | Parent::Explicit(ParentType::Root(_), _) => true,
            Parent::Explicit(ParentType::Nested(id), _) => is_known(&id),
            Parent::OfNeighbours { left, right } => left.iter().chain(&right).all(is_known),
        };
        is_contiguous
            && update.clients.iter().flat_map(|of_client| &of_client.structs).all(has_parent)
            && update.deletions.iter().all(|(client, clock)| *clock == 0 || is_known(&(*client, *clock)))
    }

    /// Inserts every struct after its dependencies: a depth-first search over the clients of the update.
    fn insert_in_order(&mut self, update: &DecodedUpdate<'_>) -> Result<(), InvalidUpdate> {
        let clients = &update.clients;
        let index_of: HashMap<u64, usize> =
            clients.iter().enumerate().map(|(index, of_client)| (of_client.client, index)).collect();
        let mut next = vec![0; clients.len()];
        let mut is_waiting = vec![false; clients.len()];
        for first in 0..clients.len() {
            let mut waiting = vec![first];
            is_waiting[first] = true;
            while let Some(&index) = waiting.last() {
                let of_client = &clients[index];
                let Some(one) = of_client.structs.get(next[index]) else {
                    waiting.pop();
                    is_waiting[index] = false;
                    continue;
                };
                let missing = self.missing_client(of_client.client, one);
                match missing.and_then(|client| index_of.get(&client).copied()) {
                    Some(other) if is_waiting[other] => return Err(InvalidUpdate("structs depend on each other")),
                    Some(other) => {
                        is_waiting[other] = true;
                        waiting.push(other);
                    }
                    None if missing.is_some() => return Err(InvalidUpdate("a struct depends on a missing one")),
                    None => {
                        self.insert_struct(of_client.client, one)?;
                        next[index] += 1;
                        // The client that waits for this one may need no more of its structs.
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

    /// A client with structs that must be inserted before this struct.
    fn missing_client(&self, client: u64, one: &Struct<'_>) -> Option<u64> {
        let ids = match one.parent {
            Parent::Collected | Parent::Explicit(ParentType::Root(_), _) => [None, None],
            Parent::Explicit(ParentType::Nested(id), _) => [Some(id), None],
            Parent::OfNeighbours { left, right } => [left, right],
        };
        // A struct that refers to a later one of its own client depends on itself.
        let missing = ids.into_iter().flatten().find(|id| id.1 >= self.next_clock(id.0));
        missing.map(|id| id.0).or((one.clock > self.next_clock(client)).then_some(client))
    }

    fn insert_struct(&mut self, client: u64, one: &Struct<'_>) -> Result<(), InvalidUpdate> {
        let known = self.next_clock(client);
        if one.end() <= known {
            return Ok(());
        }
        let list = self.list_of(one)?;
        if one.clock < known && self.entry((client, known - 1)).is_some_and(|entry| entry.list != list) {
            return Err(InvalidUpdate("a struct continues another list"));
        }
        let info = list.and_then(|list| self.lists.get(list)).copied();
        if info.is_some_and(|list| list.has_key) && one.content != Content::Deleted && one.length > 1 {
            return Err(InvalidUpdate("a key has more than one value at once"));
        }
        if one.content == Content::Type {
            let nesting = info.map_or(0, |list| list.nesting) + 1;
            if nesting > MAX_NESTING {
                return Err(InvalidUpdate("texts, lists and maps are nested too deeply"));
            }
            self.types.insert((client, one.clock), nesting);
        }
        let is_deleted = one.content == Content::Deleted;
        let entries = self.clients.entry(client).or_default();
        match entries.last_mut() {
            Some(last) if last.list == list && last.is_deleted == is_deleted => last.end = one.end(),
            _ => entries.push(Entry { end: one.end(), list, is_deleted }),
        }
        Ok(())
    }

    /// The list that a struct belongs to.
    fn list_of(&mut self, one: &Struct<'_>) -> Result<ListId, InvalidUpdate> {
        match one.parent {
            Parent::Collected => Ok(None),
            Parent::Explicit(parent, key) => self.list_in(parent, key),
            Parent::OfNeighbours { left, right } => {
                let list = |id: Option<Id>| id.and_then(|id| self.entry(id)).and_then(|entry| entry.list);
                match (list(left), list(right)) {
                    (Some(left), Some(right)) if left != right => {
                        Err(InvalidUpdate("a struct has neighbours in two lists"))
                    }
                    (left, right) => Ok(left.or(right)),
                }
            }
        }
    }

    fn list_in(&mut self, parent: ParentType<'_>, key: Option<&str>) -> Result<ListId, InvalidUpdate> {
        let nesting = match parent {
            ParentType::Root(_) => 0,
            ParentType::Nested(id) => match (self.types.get(&id), self.entry(id)) {
                (Some(nesting), _) => *nesting,
                // The elements of a deleted text are deleted with it.
                (None, Some(entry)) if entry.is_deleted => return Ok(None),
                _ => return Err(InvalidUpdate("a parent is not a text, list or map")),
            },
        };
        let parent = OwnedParent::from(parent);
        if *self.is_map.entry(parent.clone()).or_insert(key.is_some()) != key.is_some() {
            return Err(InvalidUpdate("a map is used as a list, or a list as a map"));
        }
        let lists = &mut self.lists;
        let list = *self.list_ids.entry((parent, key.map(str::to_owned))).or_insert_with(|| {
            lists.push(List { nesting, has_key: key.is_some() });
            lists.len() - 1
        });
        Ok(Some(list))
    }

    fn entry(&self, (client, clock): Id) -> Option<Entry> {
        let entries = self.clients.get(&client)?;
        entries.get(entries.partition_point(|entry| entry.end <= clock)).copied()
    }
}
