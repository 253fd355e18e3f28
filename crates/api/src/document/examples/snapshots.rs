//! Examples of snapshots.

use crate::document::example::{Example, text, time};
use crate::sandbox_files::FileType;
use crate::snapshots::*;

const SNAPSHOT: &str = "snap_0f8fad5bd9cb469fa1656f2c";

impl Example for SnapshotSettings {
    const NAME: &'static str = "snapshot";

    fn example() -> Self {
        Self { name: Some(text("before the upgrade")) }
    }
}

impl Example for Snapshot {
    const NAME: &'static str = "snapshot";

    fn example() -> Self {
        Self {
            id: text(SNAPSHOT),
            sandbox_id: text("sbx_k5mhqv3zt7bw2xn4rjd6pacyef"),
            name: Some(text("before the upgrade")),
            created_at: time(),
            saved_at: time(),
            entries: 12,
            bytes: 34_567,
        }
    }
}

impl Example for SnapshotPage {
    const NAME: &'static str = "snapshots";

    fn example() -> Self {
        Self { snapshots: vec![Snapshot::example()], next_cursor: None }
    }
}

impl Example for SnapshotRestore {
    const NAME: &'static str = "restore";

    fn example() -> Self {
        Self { paths: Some(vec![text("src"), text("config.json")]) }
    }
}

impl Example for BranchSettings {
    const NAME: &'static str = "branch";

    fn example() -> Self {
        Self { snapshot: Some(text(SNAPSHOT)), name: Some(text("experiment")), key: None }
    }
}

impl Example for MergeRequest {
    const NAME: &'static str = "merge";

    fn example() -> Self {
        Self { from: text("sbx_k5mhqv3zt7bw2xn4rjd6pacyef") }
    }
}

impl Example for MergeResult {
    const NAME: &'static str = "conflicts";

    fn example() -> Self {
        let state = |size| Some(FileState { kind: FileType::File, size, mode: text("0644") });
        let path = text("/workspace/script.py");
        let conflict = MergeConflict { path, path64: None, base: state(20), ours: state(18), theirs: None };
        Self { merged: false, changes: Vec::new(), conflicts: vec![conflict], more: false }
    }
}

impl Example for SnapshotDiff {
    const NAME: &'static str = "differences";

    fn example() -> Self {
        let state = |size| FileState { kind: FileType::File, size, mode: text("0644") };
        let change = SnapshotChange {
            path: text("/workspace/script.py"),
            path64: None,
            change: ChangeKind::Changed,
            before: Some(state(20)),
            after: Some(state(18)),
            binary: Some(false),
            diff: Some(text("@@ -1 +1 @@\n-print(\"Hello World\")\n+print(\"Hello all\")\n")),
        };
        Self { from: text(SNAPSHOT), to: None, changes: vec![change], more: false }
    }
}
