//! Which system calls a program may make: an allow-list that interpreters, compilers and package managers live under.
//!
//! What is not listed answers EPERM. Deliberately absent: namespaces and mounts (unshare, setns, mount, pivot_root,
//! chroot, fsopen, …), other processes' memory (ptrace, process_vm_*, pidfd_getfd, kcmp), kernel surface without
//! use here (bpf, io_uring, userfaultfd, perf_event_open, keyrings, kexec, modules, quota, swap, reboot, acct),
//! clocks of the machine, handles that bypass paths (open_by_handle_at), System V and POSIX message queues and
//! shared segments, which belong to no file system and so to no quota; asynchronous I/O contexts and `sync`, which
//! belong to the whole machine; filters of a program's own (seccomp, socket filters), whose machine code the kernel takes
//! from one budget for all processes of the machine; file watches (inotify, dnotify), because the files of the system and
//! of package layers are the same inodes in every jail, and a watch reports what other jails do with them; direct I/O,
//! which reads the machine's disk past the page cache.

use super::filter::{Action, Condition, Decision, Filter};
use super::root::Tier;
use std::collections::BTreeMap;

/// System calls allowed whatever their arguments, on every architecture.
#[rustfmt::skip]
const ALLOWED: &[i64] = &[
    // Files.
    libc::SYS_read, libc::SYS_write, libc::SYS_readv, libc::SYS_writev, libc::SYS_pread64, libc::SYS_pwrite64,
    libc::SYS_preadv, libc::SYS_pwritev, libc::SYS_preadv2, libc::SYS_pwritev2,
    libc::SYS_close, libc::SYS_close_range, libc::SYS_lseek, libc::SYS_fstat, libc::SYS_newfstatat, libc::SYS_statx,
    libc::SYS_statfs, libc::SYS_fstatfs, libc::SYS_faccessat, libc::SYS_faccessat2, libc::SYS_getdents64,
    libc::SYS_readlinkat, libc::SYS_mkdirat, libc::SYS_mknodat, libc::SYS_unlinkat, libc::SYS_renameat,
    libc::SYS_renameat2, libc::SYS_linkat, libc::SYS_symlinkat, libc::SYS_truncate, libc::SYS_ftruncate,
    libc::SYS_fallocate, libc::SYS_fsync, libc::SYS_fdatasync,
    libc::SYS_sync_file_range, libc::SYS_sendfile, libc::SYS_splice, libc::SYS_tee,
    libc::SYS_copy_file_range, libc::SYS_fchmod, libc::SYS_fchmodat, libc::SYS_fchown,
    libc::SYS_fchownat, libc::SYS_umask, libc::SYS_utimensat, libc::SYS_flock, libc::SYS_ioctl,
    libc::SYS_dup, libc::SYS_dup3, libc::SYS_pipe2, libc::SYS_getcwd, libc::SYS_chdir, libc::SYS_fchdir,
    libc::SYS_getxattr, libc::SYS_lgetxattr, libc::SYS_fgetxattr, libc::SYS_listxattr, libc::SYS_llistxattr,
    libc::SYS_flistxattr, libc::SYS_setxattr, libc::SYS_lsetxattr, libc::SYS_fsetxattr, libc::SYS_removexattr,
    libc::SYS_lremovexattr, libc::SYS_fremovexattr,
    // Waiting.
    libc::SYS_ppoll, libc::SYS_pselect6, libc::SYS_epoll_create1, libc::SYS_epoll_ctl, libc::SYS_epoll_pwait,
    libc::SYS_epoll_pwait2, libc::SYS_eventfd2, libc::SYS_signalfd4, libc::SYS_timerfd_create,
    libc::SYS_timerfd_settime, libc::SYS_timerfd_gettime,
    // Memory.
    libc::SYS_brk, libc::SYS_mmap, libc::SYS_munmap, libc::SYS_mremap, libc::SYS_mprotect, libc::SYS_madvise,
    libc::SYS_mincore, libc::SYS_msync, libc::SYS_mlock, libc::SYS_mlock2, libc::SYS_munlock, libc::SYS_mlockall,
    libc::SYS_munlockall, libc::SYS_membarrier, libc::SYS_pkey_alloc, libc::SYS_pkey_free, libc::SYS_pkey_mprotect,
    libc::SYS_get_mempolicy, libc::SYS_mseal,
    // Processes and threads.
    libc::SYS_clone3, libc::SYS_execve, libc::SYS_execveat, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_wait4,
    libc::SYS_waitid, libc::SYS_getpid, libc::SYS_getppid, libc::SYS_gettid, libc::SYS_getpgid, libc::SYS_setpgid,
    libc::SYS_getsid, libc::SYS_setsid, libc::SYS_set_tid_address, libc::SYS_set_robust_list,
    libc::SYS_get_robust_list, libc::SYS_rseq, libc::SYS_futex, libc::SYS_futex_waitv,
    libc::SYS_pidfd_open, libc::SYS_pidfd_send_signal, libc::SYS_sched_yield, libc::SYS_sched_getaffinity,
    libc::SYS_sched_setaffinity, libc::SYS_sched_getparam, libc::SYS_sched_setparam, libc::SYS_sched_getscheduler,
    libc::SYS_sched_setscheduler, libc::SYS_sched_getattr,
    libc::SYS_sched_get_priority_max, libc::SYS_sched_get_priority_min, libc::SYS_sched_rr_get_interval,
    libc::SYS_getpriority, libc::SYS_setpriority, libc::SYS_getrlimit, libc::SYS_setrlimit,
    libc::SYS_getrusage, libc::SYS_times, libc::SYS_getcpu, libc::SYS_restart_syscall,
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
    libc::SYS_bind, libc::SYS_listen, libc::SYS_accept, libc::SYS_accept4, libc::SYS_connect,
    libc::SYS_getsockname, libc::SYS_getpeername, libc::SYS_getsockopt, libc::SYS_sendto,
    libc::SYS_recvfrom, libc::SYS_sendmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_recvmmsg,
    libc::SYS_shutdown,
    // The machine.
    libc::SYS_uname, libc::SYS_sysinfo, libc::SYS_getrandom,
];

/// The older spellings of calls above that only this architecture still has.
#[cfg(target_arch = "x86_64")]
#[rustfmt::skip]
const ALLOWED_HERE: &[i64] = &[
    libc::SYS_creat, libc::SYS_stat, libc::SYS_lstat, libc::SYS_access, libc::SYS_readlink,
    libc::SYS_getdents, libc::SYS_mkdir, libc::SYS_rmdir, libc::SYS_mknod, libc::SYS_unlink, libc::SYS_rename,
    libc::SYS_link, libc::SYS_symlink, libc::SYS_chmod, libc::SYS_chown, libc::SYS_lchown, libc::SYS_utime,
    libc::SYS_utimes, libc::SYS_futimesat, libc::SYS_dup2, libc::SYS_pipe, libc::SYS_poll, libc::SYS_select,
    libc::SYS_epoll_create, libc::SYS_epoll_wait,
    libc::SYS_eventfd, libc::SYS_signalfd, libc::SYS_fork, libc::SYS_vfork,
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
const LOCAL_TYPES: [i32; 3] = [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_SEQPACKET];
const SOCKET_TYPE_MASK: u32 = 0xf;
/// TCP and UDP, by their number or as the default of their type. Every other protocol of these families is kernel code
/// that no program needs, and may be a module that the kernel loads when a socket asks for it.
const STREAMS: [(i32, i32); 2] = [(libc::SOCK_STREAM, 0), (libc::SOCK_STREAM, libc::IPPROTO_TCP)];
const DATAGRAMS: [(i32, i32); 2] = [(libc::SOCK_DGRAM, 0), (libc::SOCK_DGRAM, libc::IPPROTO_UDP)];
/// AF_INET (2) and AF_INET6 (10) differ in this bit alone.
const INTERNET_MASK: u32 = !8;
/// Socket options that hand the kernel a program: SO_ATTACH_FILTER, SO_ATTACH_BPF, SO_ATTACH_REUSEPORT_CBPF and
/// SO_ATTACH_REUSEPORT_EBPF, see socket(7).
const SOCKET_PROGRAMS: [u32; 4] = [26, 50, 51, 52];
/// TCP_ULP puts another protocol on top of a connection, in the kernel (TLS, MPTCP).
const TCP_ULP: u32 = 31;
/// personality(2) values that change nothing of use to an attacker: Linux, Linux without ASLR as compilers and
/// debuggers set it, and the question for the current one.
const PERSONALITIES: [u32; 3] = [0, libc::ADDR_NO_RANDOMIZE as u32, 0xffff_ffff];

/// See ioctl_console(2).
const TIOCLINUX: u32 = 0x541c;
/// See ioctl_tty(2).
const TIOCSETD: u32 = 0x5423;
/// They answer as a kernel without file watches does, which libraries know how to do without.
const WATCHES: &[i64] = &[
    #[cfg(target_arch = "x86_64")]
    libc::SYS_inotify_init,
    libc::SYS_inotify_init1,
    libc::SYS_inotify_add_watch,
    libc::SYS_inotify_rm_watch,
];

/// What calls that are not listed answer.
const UNLISTED: Action = Action::Refuse(libc::EPERM);

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

impl Filters {
    /// Compiles the filters for this machine.
    pub fn of_tier(tier: Tier) -> Self {
        let networks = match tier {
            Tier::Root | Tier::UserNamespace => vec![Network::Own],
            Tier::Shared => vec![Network::Proxy, Network::None],
        };
        // Only as root does a control group count what a program holds in files without a name.
        let list = |network| list(network, tier == Tier::Root);
        Self(networks.into_iter().map(|network| (network, Filter::compile(&list(network), UNLISTED))).collect())
    }

    /// The one for programs with such sockets.
    pub fn of(&self, network: Network) -> &Filter {
        let found = self.0.iter().find(|(known, _)| *known == network);
        &found.expect("filters are compiled for every network of the tier").1
    }
}

/// What is decided about each call that is not simply refused.
///
/// `counts_memory`: a control group counts what a program holds, so it may hold memory that no mapping shows.
fn list(network: Network, counts_memory: bool) -> BTreeMap<u32, Decision> {
    let always = ALLOWED.iter().chain(ALLOWED_HERE).copied();
    let mut list: BTreeMap<_, Decision> = always.map(|call| (call as u32, Action::Allow.into())).collect();
    let masked = |argument, mask, value| Condition { argument, mask, value };
    let equal = |argument, value| masked(argument, u32::MAX, value);
    let mut allow_only = |call: i64, cases| {
        list.insert(call as u32, Decision { cases, then: Action::Allow, otherwise: UNLISTED });
    };
    let is_local = || equal(0, libc::AF_UNIX as u32);
    let local = LOCAL_TYPES.map(|kind| vec![is_local(), masked(1, SOCKET_TYPE_MASK, kind as u32)]);
    let kinds = match network {
        Network::Own => [&STREAMS[..], &DATAGRAMS[..]].concat(),
        Network::Proxy => STREAMS.to_vec(),
        Network::None => Vec::new(),
    };
    let internet = kinds.into_iter().map(|(kind, protocol)| {
        let family = masked(0, INTERNET_MASK, libc::AF_INET as u32);
        vec![family, masked(1, SOCKET_TYPE_MASK, kind as u32), equal(2, protocol as u32)]
    });
    allow_only(libc::SYS_socket, local.into_iter().chain(internet).collect());
    // The kernel makes a pair of any family, and loads the module of one that it does not have.
    allow_only(libc::SYS_socketpair, vec![vec![is_local()]]);
    allow_only(libc::SYS_clone, vec![vec![masked(0, NAMESPACE_FLAGS as u32, 0)]]);
    allow_only(libc::SYS_personality, PERSONALITIES.map(|value| vec![equal(0, value)]).into());
    // Limits of its own only: in a user namespace, the jail's first process has the same user.
    allow_only(libc::SYS_prlimit64, vec![vec![equal(0, 0)]]);
    let mut allow_but = |call: i64, cases, answer| {
        list.insert(call as u32, Decision { cases, then: answer, otherwise: Action::Allow });
    };
    // TIOCSTI types into a terminal that is not ours, TIOCLINUX into a console. TIOCSETD puts a protocol on a terminal, which
    // is kernel code that no program needs, and may be a module that the kernel loads. The numbers are the same on every
    // architecture in use.
    let types = [libc::TIOCSTI as u32, TIOCLINUX, TIOCSETD].map(|request| vec![equal(1, request)]);
    allow_but(libc::SYS_ioctl, types.into(), UNLISTED);
    let programs = SOCKET_PROGRAMS.map(|option| vec![equal(1, libc::SOL_SOCKET as u32), equal(2, option)]);
    let protocols = [vec![equal(1, libc::IPPROTO_TCP as u32), equal(2, TCP_ULP)]];
    allow_but(libc::SYS_setsockopt, programs.into_iter().chain(protocols).collect(), UNLISTED);
    allow_but(libc::SYS_prctl, vec![vec![equal(0, libc::PR_SET_SECCOMP as u32)]], UNLISTED);
    // What a file system without direct I/O answers.
    let unsupported = Action::Refuse(libc::EINVAL);
    let direct = |argument| vec![masked(argument, libc::O_DIRECT as u32, libc::O_DIRECT as u32)];
    allow_but(libc::SYS_openat, vec![direct(2)], unsupported);
    #[cfg(target_arch = "x86_64")]
    allow_but(libc::SYS_open, vec![direct(1)], unsupported);
    let set_flags = [vec![equal(1, libc::F_SETFL as u32)], direct(2)].concat();
    allow_but(libc::SYS_fcntl, vec![set_flags, vec![equal(1, libc::F_NOTIFY as u32)]], unsupported);
    // Succeeds and does nothing: it is advice, and taking it would make every other program read the file from disk again.
    allow_but(libc::SYS_fadvise64, vec![vec![equal(3, libc::POSIX_FADV_DONTNEED as u32)]], Action::Refuse(0));
    // openat2 passes its flags in memory, where a filter cannot look. ENOSYS makes libraries use openat instead.
    list.insert(libc::SYS_openat2 as u32, Action::Refuse(libc::ENOSYS).into());
    for call in WATCHES {
        list.insert(*call as u32, Action::Refuse(libc::ENOSYS).into());
    }
    // clone3 passes its flags in memory, where a filter cannot look. ENOSYS makes libraries use clone instead.
    list.insert(libc::SYS_clone3 as u32, Action::Refuse(libc::ENOSYS).into());
    if counts_memory {
        list.insert(libc::SYS_memfd_create as u32, Action::Allow.into());
    }
    list
}

#[cfg(test)]
mod tests;
