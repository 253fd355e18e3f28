//! What this machine grants, and so which tier of jails it gets. Probed, never assumed.

use super::cgroup::Kind;
use super::landlock;
use super::root::Tier;
use std::collections::BTreeMap;
use std::fs;

/// `CAP_SYS_ADMIN`, see capabilities(7).
const CAP_SYS_ADMIN: u32 = 21;

/// What was found.
#[derive(Debug, Clone)]
pub struct Grants {
    pub tier: Tier,
    pub cgroups: Kind,
}

/// Looks at who we are and what we may.
///
/// # Errors
/// One sentence that says what is missing and the way out.
pub fn probe() -> Result<Grants, String> {
    if nix::unistd::geteuid().is_root() && has_capability(CAP_SYS_ADMIN) {
        return Ok(Grants { tier: Tier::Root, cgroups: Kind::find() });
    }
    match user_namespaces() {
        // Without root the groups of a session manager may be writable, but moving processes into them is not ours.
        true => Ok(Grants { tier: Tier::UserNamespace, cgroups: Kind::None }),
        false => Err(format!("This machine lets {} make no namespaces, which every jail needs: {WAY_OUT}", who())),
    }
}

const WAY_OUT: &str = "run as root, or allow user namespaces (Debian: sysctl kernel.unprivileged_userns_clone=1; \
    Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0; containers: --cap-add SYS_ADMIN \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined).";

impl Tier {
    /// For people and for `/health`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::UserNamespace => "user-namespace",
        }
    }
}

impl Grants {
    /// Property of a jail → what holds it here.
    pub fn properties(&self) -> BTreeMap<String, String> {
        let user = match self.tier {
            Tier::Root => "a user of its own, no capabilities, no_new_privs",
            Tier::UserNamespace => "a user namespace of its own, no capabilities, no_new_privs",
        };
        let (memory, processes) = match self.cgroups {
            Kind::None => ("watched every 25 ms: a fast program is seen late", "RLIMIT_NPROC"),
            _ => (self.cgroups.name(), self.cgroups.name()),
        };
        [
            ("user", user),
            ("files", "mount namespace, read-only root, private tmpfs of limited size and inodes"),
            ("processes", "PID namespace; the whole tree dies with its first process"),
            ("process count", processes),
            ("file rules", if landlock::is_available() { "Landlock" } else { "none: this kernel has no Landlock" }),
            ("network", "network namespace with loopback only; egress through the runner's proxy"),
            ("ipc", "IPC and UTS namespaces"),
            ("system calls", "seccomp allow-list"),
            ("memory", memory),
            ("usage", if self.cgroups == Kind::None { "wait4" } else { self.cgroups.name() }),
        ]
        .map(|(property, holder)| (property.to_owned(), holder.to_owned()))
        .into()
    }
}

fn who() -> &'static str {
    if nix::unistd::geteuid().is_root() { "root (without CAP_SYS_ADMIN)" } else { "ordinary users" }
}

fn has_capability(number: u32) -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| u64::from_str_radix(line.strip_prefix("CapEff:")?.trim(), 16).ok());
    effective.is_some_and(|set| set & (1 << number) != 0)
}

/// Tries, in a process of its own.
fn user_namespaces() -> bool {
    let program = ["--user", "--mount", "--pid", "--net", "--fork", "true"];
    std::process::Command::new("unshare")
        .args(program)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
