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
    if user_namespaces() {
        return Ok(Grants { tier: Tier::UserNamespace, cgroups: Kind::find_delegated() });
    }
    if nix::unistd::geteuid().is_root() && SHARED_NEEDS.iter().all(|&capability| has_capability(capability)) {
        return match landlock::version() >= landlock::NETWORK_RULES {
            true => Ok(Grants { tier: Tier::Shared, cgroups: Kind::None }),
            false => Err(format!(
                "This kernel has neither namespaces for {} nor Landlock with network rules (Linux 6.7), and a jail needs one of them: {WAY_OUT}",
                who()
            )),
        };
    }
    Err(format!("This machine lets {} make no namespaces, which every jail needs: {WAY_OUT}", who()))
}

/// What jails without namespaces are made with: CAP_CHOWN, CAP_DAC_OVERRIDE, CAP_KILL, CAP_SETGID, CAP_SETUID.
const SHARED_NEEDS: [u32; 5] = [0, 1, 5, 6, 7];

/// What the environment grants, for people who have to find out about one that cannot be looked into otherwise.
pub fn environment() -> serde_json::Value {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = |name: &str| status.lines().find_map(|line| Some(line.strip_prefix(name)?.trim().to_owned()));
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let (tier, cgroups, reason) = match probe() {
        Ok(grants) => (Some(grants.tier.name()), Some(grants.cgroups.name()), None),
        Err(reason) => (None, None, Some(reason)),
    };
    serde_json::json!({
        "kernel": kernel.trim(),
        "uid": nix::unistd::geteuid().as_raw(),
        "capabilities": line("CapEff:"),
        "noNewPrivs": line("NoNewPrivs:"),
        "seccomp": line("Seccomp:"),
        "userNamespaces": user_namespaces(),
        "landlock": landlock::version(),
        "controlGroups": cgroups,
        "tier": tier,
        "reason": reason,
    })
}

const WAY_OUT: &str = "run as root, or allow user namespaces (Debian: sysctl kernel.unprivileged_userns_clone=1; \
    Ubuntu: sysctl kernel.apparmor_restrict_unprivileged_userns=0; containers: --cap-add SYS_ADMIN \
    --security-opt seccomp=unconfined --security-opt apparmor=unconfined).";

impl Grants {
    /// Whether the kernel counts the memory of each run, and whom it ended for want of it.
    pub fn counts_memory(&self) -> bool {
        self.cgroups != Kind::None
    }

    /// Property of a jail → what holds it here.
    pub fn properties(&self) -> BTreeMap<String, String> {
        let user = match self.tier {
            Tier::Root => "a user of its own, no capabilities, no_new_privs",
            Tier::UserNamespace => "a user namespace of its own, no capabilities, no_new_privs",
            Tier::Shared => "a user of its own, one program at a time, no capabilities, no_new_privs",
        };
        let shared = self.tier == Tier::Shared;
        let either = |own, common| if shared { common } else { own };
        let (memory, processes) = match self.cgroups {
            Kind::None => ("watched every 25 ms: a fast program is seen late", "RLIMIT_NPROC"),
            _ => (self.cgroups.name(), self.cgroups.name()),
        };
        [
            ("user", user),
            (
                "files",
                either(
                    "mount namespace, read-only root, private tmpfs of limited size and inodes",
                    "Landlock and the user's rights; size and inodes are watched every 25 ms; emptied before each run",
                ),
            ),
            (
                "processes",
                either(
                    "PID namespace; the whole tree dies with its first process",
                    "all processes of the program's user are killed until none is left",
                ),
            ),
            ("process count", processes),
            ("file rules", if landlock::version() > 0 { "Landlock" } else { "none: this kernel has no Landlock" }),
            (
                "network",
                either(
                    "network namespace with loopback only; egress through the runner's proxy",
                    "no internet sockets; with egress, streams to the runner's proxy only (seccomp and Landlock)",
                ),
            ),
            ("ipc", either("IPC and UTS namespaces", "seccomp: no System V or POSIX queues and segments")),
            ("system calls", "seccomp allow-list"),
            ("memory", memory),
            ("usage", if self.counts_memory() { self.cgroups.name() } else { "wait4" }),
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
    // A container's masked /proc forbids a new one, which every jail needs.
    let program = ["--map-root-user", "--mount", "--pid", "--net", "--fork", "--mount-proc", "true"];
    std::process::Command::new("unshare")
        .args(program)
        .stderr(std::process::Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
