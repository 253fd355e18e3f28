//! What of a sandbox's files is saved: everything that its user may have put there to stay.

use std::path::Path;

/// The directories that every sandbox has and that are saved, below the root.
pub const FIXED: [&str; 5] = ["workspace", "app", "home/user", "mnt/data", "opt"];
/// The directories of the system, and places for what does not stay. Further ones in the root are the user's own.
const NOT_SAVED: [&str; 14] =
    ["bin", "boot", "dev", "etc", "lib", "lib32", "lib64", "libx32", "proc", "root", "run", "sbin", "sys", "tmp"];
const NOT_SAVED_EITHER: [&str; 6] = ["home", "mnt", "runtime", "srv", "usr", "var"];
/// What programs keep only to be faster, below the root.
const CACHES: [&str; 3] = ["home/user/.cache", "home/user/.npm/_cacache", "home/user/.npm/_logs"];

/// Whether something in the root, which is none of [`FIXED`], is saved.
pub fn is_own(name: &[u8]) -> bool {
    let names = NOT_SAVED.iter().chain(&NOT_SAVED_EITHER).chain(&FIXED);
    !names.into_iter().any(|known| known.as_bytes() == name)
}

/// Whether a path below the root is left out although it lies where files are saved.
pub fn is_cache(path: &Path) -> bool {
    CACHES.iter().any(|cache| path == Path::new(cache))
}

/// Whether a path below the root is in a place that is saved.
pub fn is_saved(path: &Path) -> bool {
    let mut names = path.components();
    let is_own = names.next().is_some_and(|name| is_own(name.as_os_str().as_encoded_bytes()));
    is_own || FIXED.iter().any(|fixed| path.starts_with(fixed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_user_made_is_saved_and_nothing_else() {
        for saved in ["workspace", "workspace/a", "home/user/.bashrc", "mnt/data/x", "own", "own/a", "opt/x", "app"] {
            assert!(is_saved(Path::new(saved)), "{saved}");
        }
        for other in ["", "usr/bin/x", "tmp/a", "home", "home/other", "mnt", "etc/passwd", "proc", "var/tmp/x", "run/x"]
        {
            assert!(!is_saved(Path::new(other)), "{other}");
        }
        // The runner had names of its own among those of the user once, and left them out.
        assert!(is_saved(Path::new(".docle-part-1")) && is_saved(Path::new("workspace/.docle-part-1")));
        assert!(!is_saved(&Path::new(super::super::parts::PLACE).join("x")));
        assert!(is_cache(Path::new("home/user/.cache")) && !is_cache(Path::new("workspace/.cache")));
    }
}
