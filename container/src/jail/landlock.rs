//! File rules of the kernel on top of the mount namespace, where the kernel has them (Landlock, Linux 5.13 and later).
//!
//! They repeat what the mounts already say, so that a mistake in either is caught by the other: programs write in
//! their own places, read the rest, make no device files, and signal only themselves.

use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, Scope, path_beneath_rules,
};
use std::io;

/// The newest rules this code knows; older kernels enforce what they know of them.
const ABI_KNOWN: ABI = ABI::V6;
/// Where programs write.
const PLACES: [&str; 4] = ["/workspace", "/tmp", "/dev/shm", "/packages"];
/// Where they use what is there, but make nothing: `/dev/null` and their own `/proc/self`.
const SPECIAL: [&str; 2] = ["/dev", "/proc"];

/// Puts this process and its descendants under the rules. Needs `no_new_privs`.
pub fn restrict() -> io::Result<()> {
    rules(ABI_KNOWN).map_err(io::Error::other)
}

/// Whether this kernel enforces any of it.
pub fn is_available() -> bool {
    // SAFETY: asks for the version and makes nothing: landlock_create_ruleset(2) with LANDLOCK_CREATE_RULESET_VERSION.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, 1) > 0 }
}

fn rules(abi: ABI) -> Result<(), RulesetError> {
    let everything = AccessFs::from_all(abi);
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
    let changing = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    Ruleset::default()
        .handle_access(everything)?
        .scope(Scope::from_all(abi))?
        .create()?
        .add_rules(path_beneath_rules(["/"], AccessFs::from_read(abi)))?
        .add_rules(path_beneath_rules(SPECIAL, AccessFs::from_read(abi) | changing))?
        .add_rules(path_beneath_rules(PLACES, everything & !devices))?
        .restrict_self()?;
    Ok(())
}
