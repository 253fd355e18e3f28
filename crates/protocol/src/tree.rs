//! Where the trees of sandboxes are saved and restored. How they travel, the crate of trees says.
//!
//! | request | body | response |
//! |---|---|---|
//! | `POST` [`save_path`] | the manifest of the tree before, as frames, or only the end | the new packs, the manifest and the end, as frames |
//! | `PUT` [`tree_path`] | a manifest, its packs in their order, and the end, as frames | 204; the sandbox has exactly these files |
//! | `PATCH` [`tree_path`] | the manifest of the tree before and an end; the manifest of the new tree, the packs that the difference takes, and an end | 204; what differs between the two is as in the new one, and everything else as it was |
//!
//! All programs stand still while a tree is saved. A tree that breaks off, or is not what its manifest says, is a `FileError` with
//! the code `failed` and changes nothing. The code `changed` says that a path that differs is not as in the tree before any more, and nothing
//! has changed.

/// All files that are saved, as a tree.
pub fn tree_path(id: &str) -> String {
    format!("/v1/sandboxes/{id}/tree")
}

/// Saves them. The new packs are named after this number, which no earlier save of the sandbox has.
pub fn save_path(id: &str, number: u64) -> String {
    format!("{}?save={number}", tree_path(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tree_paths_unchanged() {
        assert_eq!(save_path("sbx_a", 7), "/v1/sandboxes/sbx_a/tree?save=7");
    }
}
