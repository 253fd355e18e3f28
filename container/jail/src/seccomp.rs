//! Which system calls a program may make: an allow-list that interpreters, compilers and package managers live under.
//!
//! What is not listed answers EPERM. Deliberately absent: namespaces and mounts (unshare, setns, mount, pivot_root,
//! chroot, fsopen, …), other processes' memory (ptrace, process_vm_*, pidfd_getfd, kcmp), kernel surface without
//! use here (bpf, io_uring, userfaultfd, perf_event_open, keyrings, kexec, modules, quota, swap, reboot, acct),
//! clocks of the machine, handles that bypass paths (open_by_handle_at), System V and POSIX message queues and
//! shared segments, which belong to no file system and so to no quota; asynchronous I/O contexts and `sync`, which
//! belong to the whole machine.

use super::root::Tier;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;
use std::io;

/// System calls allowed whatever their arguments, on every architecture.
#[rustfmt::skip]
const ALLOWED: &[i64] = &[
    // Files.
    libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64,
    libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2, libc::SYS_openat, libc::SYS_openat2,
    libc::SYS_close, libc::SYS_close_range, libc::SYS_lseek, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx,
    libc::SYS_statfs, libc::SYS_fstatfs, libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_getdents64,
    libc::SYS_readlinkat, libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_unlinkat, libc::SYS_renameat,
    libc::SYS_renameat2, libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_truncate, libc::SYS_ftruncate,
    libc::SYS_fallocate, libc::SYS_fadvise64, libc::SYS_readahead, libc::SYS_fsync, libc::SYS_fdatasync,
    libc::SYS_sync_file_range, libc::SYS_sendfile, libc::SYS_splice, libc::SYS_tee,
    libc::SYS_vmsplice, libc::SYS_copy_file_range, libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchown,
    libc::SYS_fchownat, libc::SYS_umask, libc::SYS_utimensat, libc::SYS_flock, libc::SYS_fcntl, libc::SYS_ioctl,
    libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2, libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir,
    libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr, libc::SYS_listxattr, libc::SYS_llistxattr,
    libc::SYS_flistxattr, libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr, libc::SYS_removexattr,
    libc::SYS_lremovexattr, libc::SYS_fremovexattr, libc::SYS_inotify_init1, libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch, libc::SYS_name_to_handle_at,
    // Waiting.
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_signalfd4, libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime,
    // Memory.
    libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_madvise,
    libc::SYS_mincore, libc::SYS_msync, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_mlockall,
    libc::SYS_munlockall, libc::SYS_membarrier, libc::SYS_pkey_alloc, libc::SYS_pkey_free, libc::SYS_pkey_mprotect,
    libc::SYS_get_mempolicy, libc::SYS_set_mempolicy, libc::SYS_mbind, libc::SYS_remap_file_pages, libc::SYS_mseal,
    // Processes and threads.
    libc::SYS_clone3, libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4,
    libc::SYS_waitid, libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid,
    libc::SYS_getsid, libc::SYS_setsid, libc::SYS_set_tid_address, libc::SYS_set_robust_list,
    libc::SYS_get_robust_list, libc::SYS_rseq, libc::SYS_futex, libc::SYS_futex_waitv, libc::SYS_prctl,
    libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_sched_yield, libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity, libc::SYS_sched_getparam, libc::SYS_sched_setparam, libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler, libc::SYS_sched_getattr, libc::SYS_sched_setattr,
    libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min, libc::SYS_sched_rr_get_interval,
    libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_getrlimit, libc::SYS_setrlimit,
    libc::SYS_getrusage, libc::SYS_times, libc::SYS_getcpu, libc::SYS_restart_syscall, libc::SYS_seccomp,
    libc::SYS_landlock_create_ruleset, libc::SYS_landlock_add_rule, libc::SYS_landlock_restrict_self,
    libc::SYS_ioprio_get, libc::SYS_ioprio_set,
    // Users. Without capabilities these only ever repeat what a process is.
    libc::SYS_getuid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getegid, libc::SYS_getresuid,
    libc::SYS_getresgid, libc::SYS_getgroups, libc::SYS_setuid, libc::SYS_setgid, libc::SYS_setreuid,
    libc::SYS_setregid, libc::SYS_setresuid, libc::SYS_setresgid, libc::SYS_setfsuid, libc::SYS_setfsgid,
    libc::SYS_setgroups, libc::SYS_capget, libc::SYS_capset,
    // Signals.
    libc::SYS_kill, libc::SYS_tkill, libc::SYS_tgkill, libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigpending, libc::SYS_rt_sigqueueinfo, libc::SYS_rt_tgsigqueueinfo, libc::SYS_rt_sigsuspend,
    libc::SYS_rt_sigtimedwait, libc::SYS_rt_sigreturn, libc::SYS_sigaltstack,
    // Time.
    libc::SYS_clock_gettime, libc::SYS_clock_getres, libc::SYS_clock_nanosleep, libc::SYS_nanosleep,
    libc::SYS_gettimeofday, libc::SYS_getitimer, libc::SYS_setitimer, libc::SYS_timer_create,
    libc::SYS_timer_settime, libc::SYS_timer_gettime, libc::SYS_timer_getoverrun, libc::SYS_timer_delete,
    // Sockets, once socket() itself has let one through.
    libc::SYS_socketpair, libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4, libc::SYS_connect,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_getsockopt, libc::SYS_setsockopt, libc::SYS_sendto,
    libc::SYS_recvfrom, libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    // The machine.
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_getrandom,
];

/// The older spellings of calls above that only this architecture still has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_open, libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink,
    libc::SYS_getdents, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_mknod, libc::SYS_unlink, libc::SYS_rename,
    libc::SYS_link, libc::SYS_symlink, libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime,
    libc::SYS_utimes, libc::SYS_futimesat, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select,
    libc::SYS_epoll_create, libc::SYS_epoll_wait, libc::SYS_epoll_ctl_old, libc::SYS_epoll_wait_old,
    libc::SYS_eventfd, libc::SYS_signalfd, libc::SYS_inotify_init, libc::SYS_fork, libc::SYS_vfork,
    libc::SYS_getpgrp, libc::SYS_pause, libc::SYS_alarm, libc::SYS_time, libc::SYS_arch_prctl,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[i64] = &[];

/// What a program's sockets may be for. Sockets of its own file system are always allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Network {
    /// Anything of the internet families: they end in the jail's own network namespace.
    Own,
    /// Streams only; the file rules let them connect to the egress proxy and to nothing else.
    Proxy,
    /// Nothing: the network is the container's.
    None,
}

/// Every flag of clone(2) that makes a namespace.
const NAMESPACE_FLAGS: i32 = libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET;
/// SOCK_RAW and SOCK_PACKET are types 3 and 10 below the flag bits; stream, datagram and seqpacket remain.
const SOCKET_TYPES: [i32; 3] = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET];
const SOCKET_TYPE_MASK: u64 = 0xf;
/// personality(2) values that change nothing of use to an attacker: Linux, Linux without ASLR as compilers and
/// debuggers set it, and the question for the current one.
const PERSONALITIES: [u64; 3] = [0, libc::ADDR_NO_RANDOMIZE as u64, 0xffff_ffff];

/// One compiled filter after the other, in the order in which they are installed.
type Filter = [BpfProgram; 2];

/// The filters that programs of a tier may need, compiled once.
#[derive(Debug)]
pub struct Filters(Vec<(Network, Filter)>);

impl Network {
    /// What the sockets of a program are for, which has a way out where `egress` says so.
    pub fn of(tier: Tier, egress: bool) -> Self {
        match (tier, egress) {
            (Tier::Root | Tier::UserNamespace, _) => Self::Own,
            (Tier::Shared, true) => Self::Proxy,
            (Tier::Shared, false) => Self::None,
        }
    }
}

/// Compiles the filters for this machine.
pub fn all(tier: Tier) -> io::Result<Filters> {
    let networks = match tier {
        Tier::Root | Tier::UserNamespace => vec![Network::Own],
        Tier::Shared => vec![Network::Proxy, Network::None],
    };
    // Only as root does a control group count what a program holds in files without a name.
    let filters = networks.into_iter().map(|network| Ok((network, filter(network, tier == Tier::Root)?)));
    filters.collect::<io::Result<_>>().map(Filters)
}

impl Filters {
    /// Those for programs with such sockets.
    pub fn of(&self, network: Network) -> &Filter {
        let found = self.0.iter().find(|(known, _)| *known == network);
        &found.expect("filters are compiled for every network of the tier").1
    }
}

/// Compiles one filter.
///
/// `counts_memory`: a control group counts what a program holds, so it may hold memory that no mapping shows.
fn filter(network: Network, counts_memory: bool) -> io::Result<Filter> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        ALLOWED.iter().chain(ALLOWED_HERE).map(|&call| (call, Vec::new())).collect();
    let masked = |argument, mask: u64, value: u64| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::MaskedEq(mask), value)
    };
    let equal = |argument, value| masked(argument, u64::from(u32::MAX), value);
    let compile = |conditions: Vec<Result<SeccompCondition, _>>| {
        conditions.into_iter().collect::<Result<Vec<_>, _>>().and_then(SeccompRule::new)
    };
    let one_of = |rules: Vec<Result<SeccompRule, seccompiler::BackendError>>| {
        rules.into_iter().collect::<Result<Vec<_>, _>>().map_err(io::Error::other)
    };
    let socket =
        |family: i32, kind: i32| compile(vec![equal(0, family as u64), masked(1, SOCKET_TYPE_MASK, kind as u64)]);
    let kinds: &[i32] = match network {
        Network::Own => &SOCKET_TYPES,
        Network::Proxy => &[libc::SOCK_STREAM],
        Network::None => &[],
    };
    let local = SOCKET_TYPES.map(|kind| socket(libc::AF_UNIX, kind));
    let internet = [libc::AF_INET, libc::AF_INET6]
        .into_iter()
        .flat_map(|family| kinds.iter().map(move |&kind| socket(family, kind)));
    rules.insert(libc::SYS_socket, one_of(local.into_iter().chain(internet).collect())?);
    let no_namespaces = compile(vec![masked(0, NAMESPACE_FLAGS as u64, 0)]);
    rules.insert(libc::SYS_clone, one_of(vec![no_namespaces])?);
    let personalities = PERSONALITIES.map(|value| compile(vec![equal(0, value)]));
    rules.insert(libc::SYS_personality, one_of(personalities.into())?);
    // Limits of its own only: in a user namespace, the jail's first process has the same user.
    rules.insert(libc::SYS_prlimit64, one_of(vec![compile(vec![equal(0, 0)])])?);
    if counts_memory {
        rules.insert(libc::SYS_memfd_create, Vec::new());
    }
    // TIOCSTI types into a terminal that is not ours; 0x5412 on every architecture in use.
    let ioctl = SeccompCondition::new(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, libc::TIOCSTI);
    rules.insert(libc::SYS_ioctl, one_of(vec![compile(vec![ioctl])])?);

    // clone3 passes its flags in memory, where a filter cannot look. ENOSYS makes libraries use clone instead.
    let no_clone3 = BTreeMap::from([(libc::SYS_clone3, Vec::new())]);
    let (allow, refuse) = (SeccompAction::Allow, SeccompAction::Errno(libc::EPERM as u32));
    let unknown = SeccompAction::Errno(libc::ENOSYS as u32);
    Ok([program(no_clone3, allow.clone(), unknown)?, program(rules, refuse, allow)?])
}

fn program(
    rules: BTreeMap<i64, Vec<SeccompRule>>,
    otherwise: SeccompAction,
    matched: SeccompAction,
) -> io::Result<BpfProgram> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH).map_err(io::Error::other)?;
    let filter = SeccompFilter::new(rules, otherwise, matched, architecture).map_err(io::Error::other)?;
    filter.try_into().map_err(io::Error::other)
}

/// Puts this thread and all that comes of it under the filters; sets `no_new_privs` first.
pub fn install(filters: &Filter) -> io::Result<()> {
    filters.iter().try_for_each(|filter| seccompiler::apply_filter(filter).map_err(io::Error::other))
}
