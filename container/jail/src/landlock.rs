//! File rules of the kernel (Landlock, Linux 5.13 and later).
//!
//! In a jail with namespaces they repeat what the mounts already say, so that a mistake in either is caught by the
//! other: programs write in their own places, read the rest, make no device files, and signal only themselves. In a
//! jail without namespaces they are the wall: programs read only what interpreters need, and connect only to the proxy.

use super::jailer::Settings;
use super::root::{SYSTEM, Tier};
use super::seccomp::Network;
use super::shared::without_packages;
use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope, path_beneath_rules,
};
use std::io;
use std::path::PathBuf;

/// The newest rules this code knows; older kernels enforce what they know of them.
const ABI_KNOWN: ABI = ABI::V6;
/// The first version with rules about ports, see [`version`].
pub const NETWORK_RULES: i64 = 4;
/// Where programs write.
const PLACES: [&str; 4] = ["/workspace", "/tmp", "/dev/shm", "/packages"];
/// Where they use what is there, but make nothing: `/dev/null` and their own `/proc/self`.
const SPECIAL: [&str; 2] = ["/dev", "/proc"];
/// The port of [`super::launch::EGRESS_ADDRESS`].
const PROXY_PORT: u16 = 3128;

/// Puts this process and its descendants under the rules. Needs `no_new_privs`.
pub fn restrict(settings: &Settings, network: Network) -> io::Result<()> {
    rules(settings, network).map_err(io::Error::other)
}

/// Puts a command of a sandbox, or what works on its files, under rules of its own.
///
/// Each such domain keeps all others from tracing its processes and from reading their memory. Signals and sockets pass
/// between them, as on any machine: they end at the PID namespace and at the network namespace of the sandbox, so no scope
/// repeats that. The whole root may be written to, because what is not the sandbox's own is mounted read-only.
pub fn restrict_in_sandbox() -> io::Result<()> {
    let rules = || -> Result<(), RulesetError> {
        let everything = AccessFs::from_all(ABI_KNOWN);
        let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
        let ruleset = Ruleset::default().handle_access(everything)?.create()?;
        ruleset.add_rules(path_beneath_rules(["/"], everything & !devices))?.restrict_self().map(drop)
    };
    rules().map_err(io::Error::other)
}

/// The version that this kernel enforces, 0 for none.
pub fn version() -> i64 {
    // SAFETY: asks for the version and makes nothing: landlock_create_ruleset(2), LANDLOCK_CREATE_RULESET_VERSION.
    unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, 0, 0, 1) }.max(0)
}

/// What may be read: everything that a jail's own root shows, or what interpreters need of a container's.
fn readable(settings: &Settings) -> Vec<PathBuf> {
    if settings.tier != Tier::Shared {
        return vec!["/".into()];
    }
    let system = SYSTEM.iter().map(|name| PathBuf::from("/").join(name));
    let own = settings.root.binds.iter().map(|(source, _)| source.clone());
    let more = ["/etc", "/runtime", "/node_modules"].map(PathBuf::from);
    system.chain(own).chain(more).chain([settings.root.layers.clone(), without_packages(&settings.root)]).collect()
}

fn rules(settings: &Settings, network: Network) -> Result<(), RulesetError> {
    let everything = AccessFs::from_all(ABI_KNOWN);
    let devices = AccessFs::MakeChar | AccessFs::MakeBlock;
    let changing = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let mut ruleset = Ruleset::default().handle_access(everything)?.scope(Scope::from_all(ABI_KNOWN))?;
    if network != Network::Own {
        // Here the rules are the wall: a kernel that cannot enforce them must not run a program.
        ruleset = ruleset
            .set_compatibility(CompatLevel::HardRequirement)
            .handle_access(AccessNet::ConnectTcp | AccessNet::BindTcp)?;
    }
    let mut ruleset = ruleset
        .create()?
        .add_rules(path_beneath_rules(readable(settings), AccessFs::from_read(ABI_KNOWN)))?
        .add_rules(path_beneath_rules(SPECIAL, AccessFs::from_read(ABI_KNOWN) | changing))?
        .add_rules(path_beneath_rules(PLACES, everything & !devices))?;
    if network == Network::Proxy {
        ruleset = ruleset.add_rule(NetPort::new(PROXY_PORT, AccessNet::ConnectTcp))?;
    }
    ruleset.restrict_self().map(drop)
}
