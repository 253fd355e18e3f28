//! Which disks lie under directories, as control groups name them.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// A disk by its two numbers, for example `8:0`.
pub type Disk = String;

/// The disks that hold these directories. What is no disk, such as a file system in memory or one over several disks, is
/// left out: no group can limit it.
pub fn under<'a>(paths: impl IntoIterator<Item = &'a Path>) -> BTreeSet<Disk> {
    let devices = paths.into_iter().filter_map(|path| fs::metadata(path).ok()).map(|found| found.dev());
    devices.filter_map(|device| whole(Path::new("/sys/dev/block"), libc::major(device), libc::minor(device))).collect()
}

/// The disk that a device is, or is a partition of: groups know whole disks only.
fn whole(devices: &Path, major: u32, minor: u32) -> Option<Disk> {
    let device = devices.join(format!("{major}:{minor}"));
    if !device.join("partition").exists() {
        return device.exists().then(|| format!("{major}:{minor}"));
    }
    // The directory of a partition lies in that of its disk.
    let disk = fs::canonicalize(device).ok()?.parent()?.join("dev");
    Some(fs::read_to_string(disk).ok()?.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_partition_is_known_by_its_disk() {
        let base = std::env::temp_dir().join(format!("docle-disks-{}", std::process::id()));
        let (disk, devices) = (base.join("block/sda"), base.join("dev"));
        fs::create_dir_all(disk.join("sda2")).unwrap();
        fs::create_dir_all(&devices).unwrap();
        fs::write(disk.join("dev"), "8:0\n").unwrap();
        fs::write(disk.join("sda2/partition"), "2\n").unwrap();
        symlink(&disk, devices.join("8:0")).unwrap();
        symlink(disk.join("sda2"), devices.join("8:2")).unwrap();
        assert_eq!(whole(&devices, 8, 0).as_deref(), Some("8:0"));
        assert_eq!(whole(&devices, 8, 2).as_deref(), Some("8:0"));
        assert_eq!(whole(&devices, 0, 44), None, "a file system in memory");
        fs::remove_dir_all(base).unwrap();
    }
}
