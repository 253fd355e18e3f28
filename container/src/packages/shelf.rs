//! Where finished layers lie: a directory of limited size from which the least recently used go first.

use nix::sys::statvfs::{Statvfs, statvfs};
use std::collections::HashMap;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// All finished layers.
#[derive(Debug)]
pub struct Shelf {
    directory: PathBuf,
    budget_bytes: u64,
    layers: Mutex<Layers>,
}

#[derive(Debug, Default)]
struct Layers {
    found: HashMap<String, Entry>,
    /// Counts uses, so that the older one of two is known.
    clock: u64,
}

#[derive(Debug, Default)]
struct Entry {
    bytes: u64,
    last_use: u64,
    users: u32,
}

/// A layer in use. It is not removed before this is dropped.
#[derive(Debug)]
pub struct Layer {
    name: String,
    shelf: Arc<Shelf>,
    /// It is for one run, and is removed with this.
    is_temporary: bool,
}

/// How the names of temporary layers begin.
const TEMPORARY: &str = "run-";

impl Layer {
    /// The layer's directory below the shelf's.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Drop for Layer {
    fn drop(&mut self) {
        if self.is_temporary {
            if let Err(error) = self.shelf.remove(&self.name) {
                eprintln!("layer.not_removed error={:?}", error.to_string());
            }
        } else if let Some(entry) = self.shelf.locked().found.get_mut(&self.name) {
            entry.users -= 1;
        }
    }
}

impl Shelf {
    /// Finds what an earlier runner left. `budget_bytes` is what all layers that nobody uses may hold.
    pub fn open(directory: PathBuf, budget_bytes: u64) -> io::Result<Self> {
        fs::create_dir_all(&directory)?;
        let mut layers = Layers::default();
        for entry in fs::read_dir(&directory)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(TEMPORARY) {
                // Of a run of an earlier runner.
                fs::remove_dir_all(entry.path())?;
                continue;
            }
            let bytes = size_of_tree(&entry.path())?;
            layers.found.insert(name, Entry { bytes, ..Entry::default() });
        }
        Ok(Self { directory, budget_bytes, layers: Mutex::new(layers) })
    }

    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes a layer into use, where it is there.
    pub fn take(self: &Arc<Self>, name: &str) -> Option<Layer> {
        let mut layers = self.locked();
        layers.clock += 1;
        let now = layers.clock;
        let entry = layers.found.get_mut(name)?;
        entry.last_use = now;
        entry.users += 1;
        Some(Layer { name: name.to_owned(), shelf: self.clone(), is_temporary: false })
    }

    /// Puts a finished directory on the shelf in one step, and takes it into use.
    pub fn put(self: &Arc<Self>, name: &str, staged: &Path) -> io::Result<Layer> {
        let bytes = size_of_tree(staged)?;
        fs::rename(staged, self.directory.join(name))?;
        let mut layers = self.locked();
        layers.clock += 1;
        let entry = Entry { bytes, last_use: layers.clock, users: 1 };
        layers.found.insert(name.to_owned(), entry);
        self.make_room(&mut layers)?;
        Ok(Layer { name: name.to_owned(), shelf: self.clone(), is_temporary: false })
    }

    /// Puts a finished directory on the shelf for one run. It counts for the budget, so that package layers make room for
    /// it, and it is removed as soon as the layer is dropped.
    pub fn put_temporary(self: &Arc<Self>, name: &str, staged: &Path) -> io::Result<Layer> {
        let mut layer = self.put(&format!("{TEMPORARY}{name}"), staged)?;
        layer.is_temporary = true;
        Ok(layer)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.locked().found.remove(name);
        fs::remove_dir_all(self.directory.join(name))
    }

    /// Removes layers that nobody uses while the disk is nearly full.
    ///
    /// # Errors
    /// It still is.
    pub fn make_way(&self) -> io::Result<()> {
        let mut layers = self.locked();
        while is_nearly_full(&statvfs(&self.directory)?) {
            if !self.remove_oldest(&mut layers)? {
                return Err(io::Error::new(
                    io::ErrorKind::StorageFull,
                    "the disk of the package layers is nearly full",
                ));
            }
        }
        Ok(())
    }

    fn make_room(&self, layers: &mut Layers) -> io::Result<()> {
        while layers.found.values().map(|entry| entry.bytes).sum::<u64>() > self.budget_bytes {
            if !self.remove_oldest(layers)? {
                break;
            }
        }
        Ok(())
    }

    /// Removes the layer that was used least recently, if there is one that nobody uses.
    fn remove_oldest(&self, layers: &mut Layers) -> io::Result<bool> {
        let idle = layers.found.iter().filter(|(_, entry)| entry.users == 0);
        let Some(oldest) = idle.min_by_key(|(_, entry)| entry.last_use).map(|(name, _)| name.clone()) else {
            return Ok(false);
        };
        layers.found.remove(&oldest);
        fs::remove_dir_all(self.directory.join(oldest))?;
        Ok(true)
    }

    fn locked(&self) -> MutexGuard<'_, Layers> {
        self.layers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a file costs its disk besides its content: an inode, of which an ext4 has one for every 16 KiB by default, and its
/// name. An empty file takes no block.
const FILE_BYTES: u64 = 4_096;

/// Bytes that a tree occupies on its disk. Links are not followed.
fn size_of_tree(path: &Path) -> io::Result<u64> {
    let found = fs::symlink_metadata(path)?;
    let own = (found.blocks() * 512).max(FILE_BYTES);
    if !found.is_dir() {
        return Ok(own);
    }
    fs::read_dir(path)?.try_fold(own, |sum, entry| Ok(sum + size_of_tree(&entry?.path())?))
}

/// Whether more than four fifths of a file system's bytes or inodes are in use. Databases and objects of the same machine
/// may need the rest.
fn is_nearly_full(found: &Statvfs) -> bool {
    let is_used = |total: u64, free: u64, available: u64| {
        let used = total.saturating_sub(free);
        // What is kept for root belongs to nobody; some file systems count no inodes at all.
        used > (used + available) / 5 * 4 && total > 0
    };
    is_used(found.blocks(), found.blocks_free(), found.blocks_available())
        || is_used(found.files(), found.files_free(), found.files_available())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn empty_files_cost_nothing() {
        let tree = std::env::temp_dir().join(format!("docle-empty-{}", std::process::id()));
        fs::create_dir_all(&tree).unwrap();
        for number in 0..100 {
            fs::write(tree.join(number.to_string()), "").unwrap();
        }
        assert!(size_of_tree(&tree).unwrap() >= 100 * FILE_BYTES);
        fs::remove_dir_all(tree).unwrap();
    }

    #[test]
    fn the_least_recently_used_layer_goes_first_and_none_in_use() {
        let state = std::env::temp_dir().join(format!("docle-shelf-{}", std::process::id()));
        let shelf = Arc::new(Shelf::open(state.join("layers"), 3 * 100_000).unwrap());
        let put = |name: &str| {
            let staged = state.join(name);
            fs::create_dir(&staged).unwrap();
            fs::write(staged.join("content"), vec![1; 90_000]).unwrap();
            shelf.put(name, &staged).unwrap()
        };
        let kept = put("a");
        drop((put("b"), put("c")));
        drop(shelf.take("b").unwrap());
        drop(put("d"));
        assert!(shelf.take("c").is_none(), "c was used least recently");
        assert!(!shelf.directory().join("c").exists());
        assert!(shelf.take("a").is_some() && shelf.take("b").is_some() && shelf.take("d").is_some());
        drop(kept);

        let again = Arc::new(Shelf::open(state.join("layers"), 1 << 30).unwrap());
        assert_eq!(again.take("b").unwrap().name(), "b");
        fs::remove_dir_all(state).unwrap();
    }
}
