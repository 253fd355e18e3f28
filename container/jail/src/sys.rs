//! The few system calls that no crate in use wraps the way a jail needs them.

use nix::errno::Errno;
use std::ffi::{CStr, CString};
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

/// Forks into new namespaces. The child gets `None`, the parent the child's pidfd.
///
/// # Safety
/// The caller has one thread, so the child may go on with everything the parent could do.
pub unsafe fn fork_into(namespaces: i32) -> io::Result<Option<OwnedFd>> {
    let mut pidfd: RawFd = -1;
    let flags = (namespaces | libc::CLONE_PIDFD | libc::SIGCHLD) as libc::c_ulong;
    // SAFETY: without CLONE_VM and without a stack, clone(2) behaves like fork(2); CLONE_PIDFD stores the
    // descriptor where the third argument points.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, &raw mut pidfd, 0, 0) };
    match Errno::result(pid)? {
        0 => Ok(None),
        // SAFETY: the kernel has just made the descriptor for this process.
        _ => Ok(Some(unsafe { OwnedFd::from_raw_fd(pidfd) })),
    }
}

/// See clone3(2). The constant of the C library's crate is too short.
const CLONE_INTO_CGROUP: u64 = 0x2_0000_0000;

/// Forks into a control group of version 2, or into that of this process. The parent gets the child's number.
///
/// # Safety
/// As for [`fork_into`].
pub unsafe fn fork_into_group(group: Option<&OwnedFd>) -> io::Result<Option<nix::unistd::Pid>> {
    let Some(group) = group else {
        // SAFETY: the caller's promise.
        return unsafe { fork_plainly() };
    };
    // SAFETY: all numbers of the structure may be 0.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    arguments.exit_signal = libc::SIGCHLD as u64;
    arguments.flags = CLONE_INTO_CGROUP;
    arguments.cgroup = group.as_raw_fd() as u64;
    // SAFETY: without CLONE_VM and without a stack, clone3(2) behaves like fork(2).
    let pid = unsafe { libc::syscall(libc::SYS_clone3, &raw const arguments, size_of::<libc::clone_args>()) };
    match Errno::result(pid) {
        Ok(0) => Ok(None),
        Ok(pid) => Ok(Some(nix::unistd::Pid::from_raw(pid as libc::pid_t))),
        // The filter of a container engine may not let it through. Moving a process takes longer, and is as good.
        Err(Errno::ENOSYS) => {
            // SAFETY: the caller's promise.
            let child = unsafe { fork_plainly() }?;
            if child.is_none() && join_group(group).is_err() {
                // SAFETY: ends the process without running destructors of state that belongs to the parent.
                unsafe { libc::_exit(127) }
            }
            Ok(child)
        }
        Err(errno) => Err(errno.into()),
    }
}

/// # Safety
/// As for [`fork_into`].
unsafe fn fork_plainly() -> io::Result<Option<nix::unistd::Pid>> {
    // SAFETY: without CLONE_VM and without a stack, clone(2) behaves like fork(2).
    let pid = unsafe { libc::syscall(libc::SYS_clone, libc::SIGCHLD as libc::c_ulong, 0, 0, 0, 0) };
    match Errno::result(pid)? {
        0 => Ok(None),
        pid => Ok(Some(nix::unistd::Pid::from_raw(pid as libc::pid_t))),
    }
}

/// Moves this process into a control group of version 2.
fn join_group(group: &OwnedFd) -> io::Result<()> {
    let (flags, mode) = (nix::fcntl::OFlag::O_WRONLY, nix::sys::stat::Mode::empty());
    let mut processes = File::from(nix::fcntl::openat(group, "cgroup.procs", flags, mode)?);
    processes.write_all(b"0")
}

/// Makes this process die when the thread that started it does.
pub fn die_with_parent() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) })?;
    Ok(())
}

/// Keeps other processes from tracing this one or reading its memory through `/proc`.
pub fn forbid_tracing() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) })?;
    Ok(())
}

/// Lets this process be looked at again; a process that drops its privileges needs its own `/proc/self`.
pub fn allow_tracing() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) })?;
    Ok(())
}

/// Makes set-user-id and file capabilities mean nothing from here on.
pub fn forbid_new_privileges() -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) })?;
    Ok(())
}

/// Marks every descriptor from `first` on to close when a program is executed.
pub fn close_at_exec_from(first: RawFd) -> io::Result<()> {
    // SAFETY: the call takes numbers only.
    Errno::result(unsafe {
        libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC)
    })?;
    Ok(())
}

/// Lets this process take its turn at once when it is woken, however many others compute. Its children do not inherit
/// that.
///
/// A process with the shortest time slice has the earliest deadline (EEVDF, Linux 6.12), which takes no privilege. Older
/// kernels ignore it, and then only a priority helps, where that may be had.
pub fn be_prompt() {
    /// The first version of struct sched_attr in linux/sched/types.h.
    #[repr(C)]
    struct Attributes {
        size: u32,
        policy: u32,
        flags: u64,
        nice: i32,
        priority: u32,
        runtime: u64,
        deadline: u64,
        period: u64,
    }
    const RESET_ON_FORK: u64 = 1;
    /// Nanoseconds: the shortest slice that the kernel accepts.
    const SLICE: u64 = 100_000;
    for nice in [-10, 0] {
        let attributes = Attributes {
            size: size_of::<Attributes>() as u32,
            policy: libc::SCHED_OTHER as u32,
            flags: RESET_ON_FORK,
            nice,
            priority: 0,
            runtime: SLICE,
            deadline: 0,
            period: 0,
        };
        // SAFETY: the structure outlives the call and says its own size.
        if unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) } == 0 {
            return;
        }
    }
}

/// Closes every descriptor from `first` on.
pub fn close_from(first: RawFd) -> io::Result<()> {
    // SAFETY: the caller knows that nobody in this process uses them any more.
    Errno::result(unsafe { libc::syscall(libc::SYS_close_range, first, libc::c_uint::MAX, 0) })?;
    Ok(())
}

/// A file in memory that closes when a program is executed.
pub fn memory_file(name: &CStr) -> io::Result<File> {
    // SAFETY: the name is a C string.
    let raw = Errno::result(unsafe { libc::memfd_create(name.as_ptr(), libc::MFD_CLOEXEC) })?;
    // SAFETY: the kernel has just made the descriptor, and nobody else knows it.
    Ok(File::from(unsafe { OwnedFd::from_raw_fd(raw) }))
}

/// A copy of a descriptor that is `first` or higher and closes when a program is executed.
pub fn duplicate_from(source: RawFd, first: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: the call takes numbers only.
    let raw = Errno::result(unsafe { libc::fcntl(source, libc::F_DUPFD_CLOEXEC, first) })?;
    // SAFETY: the kernel has just made the descriptor, and nobody else knows it.
    Ok(unsafe { OwnedFd::from_raw_fd(raw) })
}

/// Puts a copy of a descriptor at `target`, where it stays when a program is executed.
pub fn duplicate_to(source: &OwnedFd, target: RawFd) -> io::Result<()> {
    // SAFETY: the call takes numbers only; whatever was at `target` is closed.
    Errno::result(unsafe { libc::dup2(source.as_raw_fd(), target) })?;
    Ok(())
}

/// The fields of `/proc/self/stat` after the command's name start with number 3, see proc_pid_stat(5).
const FIRST_FIELD: usize = 3;

/// Lets this process' environment, as `/proc` shows it, end `shorter` bytes earlier. `stat` is what
/// `/proc/self/stat` says.
pub fn set_environment_length(stat: &str, shorter: u64) -> io::Result<()> {
    let (_, fields) = stat.rsplit_once(')').ok_or(io::ErrorKind::InvalidData)?;
    let fields: Vec<u64> = fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect();
    let field = |number: usize| fields.get(number - FIRST_FIELD).copied().unwrap_or(0);
    // SAFETY: asks where the heap ends and moves nothing.
    let heap_end = unsafe { libc::sbrk(0) } as u64;
    // The layout of struct prctl_mm_map in linux/prctl.h: eleven addresses, then no new auxiliary vector (address and
    // length) and no new executable (-1).
    let map: [u64; 13] = [
        field(26),
        field(27),
        field(45),
        field(46),
        field(47),
        heap_end,
        field(28),
        field(48),
        field(49),
        field(50),
        field(51).saturating_sub(shorter),
        0,
        u64::from(u32::MAX) << 32,
    ];
    // SAFETY: the array has the layout and the length that the kernel asks for.
    Errno::result(unsafe { libc::prctl(libc::PR_SET_MM, libc::PR_SET_MM_MAP, map.as_ptr(), size_of_val(&map), 0) })?;
    Ok(())
}

/// Bytes of a page of memory.
pub fn page_bytes() -> usize {
    let found = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).ok().flatten();
    found.map_or(4_096, |bytes| bytes as usize)
}

/// Capabilities by number, see capabilities(7).
pub const CAP_DAC_OVERRIDE: u32 = 1;
/// May signal processes of other users.
pub const CAP_KILL: u32 = 5;
/// May look into processes that have made themselves opaque.
pub const CAP_SYS_PTRACE: u32 = 19;

/// May give capabilities to files, and map the root of its user namespace in a further one.
pub const CAP_SETFCAP: u32 = 31;
/// May mount, and much else.
pub const CAP_SYS_ADMIN: u32 = 21;

/// May become other users and groups.
pub const CAP_SETGID: u32 = 6;
/// See [`CAP_SETGID`].
pub const CAP_SETUID: u32 = 7;

/// Gives up every capability but those in `keep`, for this process and all that it executes.
pub fn keep_capabilities(keep: &[u32]) -> io::Result<()> {
    for capability in 0..=63 {
        // SAFETY: the call takes numbers only. EINVAL marks the end of what this kernel knows.
        let dropped = Errno::result(unsafe { libc::prctl(libc::PR_CAPBSET_DROP, capability, 0, 0, 0) });
        match dropped {
            Ok(_) => {}
            Err(Errno::EINVAL) => break,
            // Without CAP_SETPCAP there is nothing to drop either.
            Err(Errno::EPERM) => break,
            Err(error) => return Err(error.into()),
        }
    }
    let mask = keep.iter().fold(0u32, |mask, capability| mask | 1 << capability);
    // The layout of capset(2), version 3: a header, then two halves of 32 capabilities each.
    let header: [u32; 2] = [0x2008_0522, 0];
    let sets: [u32; 6] = [mask, mask, 0, 0, 0, 0];
    // SAFETY: both arrays have the layout and the length that this version asks for.
    Errno::result(unsafe { libc::syscall(libc::SYS_capset, header.as_ptr(), sets.as_ptr()) })?;
    Ok(())
}

/// Sets one resource limit, soft and hard alike, for this process and its descendants.
pub fn limit(resource: nix::sys::resource::Resource, value: u64) -> io::Result<()> {
    // A hard limit that is already lower cannot be raised without privilege, and need not be.
    let (_, hard) = nix::sys::resource::getrlimit(resource)?;
    let value = value.min(hard);
    Ok(nix::sys::resource::setrlimit(resource, value, value)?)
}

/// Takes no notice of a change of the owner that a user namespace cannot make: there only one number is mapped, and everything
/// belongs to it already.
pub fn ignore_unmapped(error: io::Error) -> io::Result<()> {
    if error.raw_os_error() == Some(libc::EINVAL) { Ok(()) } else { Err(error) }
}

/// A C string; the error of one with a NUL inside names what it was for.
pub fn c_string(value: &str, what: &str) -> io::Result<CString> {
    CString::new(value).map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, format!("NUL in {what}")))
}
