//! The list as the kernel would apply it, for every call and the arguments that matter.

use super::super::filter::tests::{Call, listed};
use super::*;

/// Every value that a decision asks for in one argument, those that are nearly that, and every bit.
fn values(decision: &Decision, argument: u32) -> Vec<u64> {
    let conditions = decision.cases.iter().flatten().filter(|condition| condition.argument == argument);
    let near = conditions.flat_map(|condition| {
        let value = u64::from(condition.value);
        let other = value | u64::from(!condition.mask);
        [value, value + 1, value.wrapping_sub(1), value | 1 << 32, other]
    });
    let mut values: Vec<u64> = near.collect();
    // An argument that is not looked at needs no more than two values.
    let others = if values.is_empty() { vec![0] } else { (0..64).map(|bit| 1u64 << bit).chain([0]).collect() };
    values.extend(others.into_iter().chain([u64::MAX]));
    values.sort_unstable();
    values.dedup();
    values
}

#[test]
fn every_call_is_decided_as_it_is_listed() {
    for (network, counts_memory) in
        [(Network::Own, true), (Network::Own, false), (Network::Proxy, false), (Network::None, false)]
    {
        let list = list(network, counts_memory);
        let filter = Filter::compile(&list, UNLISTED);
        let unlisted = Decision::from(UNLISTED);
        // Beyond those that the kernel has today, and those of the x32 way to call.
        let foreign = [0x4000_0000, 0x4000_0000 + libc::SYS_mount as u32, u32::MAX];
        for number in (0..1_024).chain(foreign) {
            let decision = list.get(&number).unwrap_or(&unlisted);
            let [first, second, third, fourth] = [0, 1, 2, 3].map(|argument| values(decision, argument));
            assert!(decision.cases.iter().flatten().all(|condition| condition.argument < 4), "{number}");
            for &one in &first {
                for &two in &second {
                    for (&three, &four) in third.iter().flat_map(|three| fourth.iter().map(move |four| (three, four))) {
                        let call = Call::of(number, [one, two, three, four, 0, 0]);
                        assert_eq!(filter.judge(call), listed(&list, UNLISTED, call), "{call:?} {network:?}");
                    }
                }
            }
        }
        assert!(filter.length() < 340, "each instruction is paid for with every run: {}", filter.length());
    }
}

#[test]
fn what_must_never_be_allowed_is_not() {
    let permitted = |network, number: i64, arguments: [u64; 6]| {
        let filter = Filter::compile(&list(network, true), UNLISTED);
        filter.judge(Call::of(number as u32, arguments)) == libc::SECCOMP_RET_ALLOW
    };
    let never = [
        libc::SYS_mount,
        libc::SYS_umount2,
        libc::SYS_unshare,
        libc::SYS_setns,
        libc::SYS_pivot_root,
        libc::SYS_chroot,
        libc::SYS_ptrace,
        libc::SYS_process_vm_readv,
        libc::SYS_process_vm_writev,
        libc::SYS_bpf,
        libc::SYS_io_uring_setup,
        libc::SYS_userfaultfd,
        libc::SYS_perf_event_open,
        libc::SYS_add_key,
        libc::SYS_keyctl,
        libc::SYS_kexec_load,
        libc::SYS_init_module,
        libc::SYS_clone3,
        libc::SYS_open_by_handle_at,
        libc::SYS_pidfd_getfd,
        libc::SYS_shmget,
        libc::SYS_msgget,
        libc::SYS_mq_open,
        libc::SYS_reboot,
        libc::SYS_swapon,
        libc::SYS_settimeofday,
        libc::SYS_seccomp,
        libc::SYS_openat2,
        libc::SYS_inotify_init1,
        libc::SYS_inotify_add_watch,
        libc::SYS_landlock_restrict_self,
        libc::SYS_name_to_handle_at,
        libc::SYS_sched_setattr,
        libc::SYS_readahead,
    ];
    for number in never {
        assert!(!permitted(Network::Own, number, [0; 6]), "{number}");
    }
    let flags = |flags: i32| [flags as u64, 0, 0, 0, 0, 0];
    assert!(permitted(Network::Own, libc::SYS_clone, flags(libc::SIGCHLD)));
    assert!(!permitted(Network::Own, libc::SYS_clone, flags(libc::SIGCHLD | libc::CLONE_NEWUSER)));
    let socket = |network, family: i32, kind: i32| {
        permitted(network, libc::SYS_socket, [family as u64, kind as u64, 0, 0, 0, 0])
    };
    assert!(socket(Network::None, libc::AF_UNIX, libc::SOCK_STREAM | libc::SOCK_CLOEXEC));
    assert!(!socket(Network::None, libc::AF_INET, libc::SOCK_STREAM));
    assert!(socket(Network::Proxy, libc::AF_INET, libc::SOCK_STREAM));
    assert!(!socket(Network::Proxy, libc::AF_INET, libc::SOCK_DGRAM));
    for family in [libc::AF_NETLINK, libc::AF_PACKET, libc::AF_VSOCK, libc::AF_ALG] {
        assert!(!socket(Network::Own, family, libc::SOCK_DGRAM), "{family}");
    }
    assert!(!socket(Network::Own, libc::AF_INET, libc::SOCK_RAW));
    assert!(!socket(Network::Own, libc::AF_INET, libc::SOCK_SEQPACKET));
}

/// What the filter of a jail with a network of its own answers.
fn answer(number: i64, arguments: [i64; 4]) -> u32 {
    let filter = Filter::compile(&list(Network::Own, true), UNLISTED);
    let [one, two, three, four] = arguments.map(|argument| argument as u64);
    filter.judge(Call::of(number as u32, [one, two, three, four, 0, 0]))
}

fn refusal(errno: i32) -> u32 {
    Action::Refuse(errno).code()
}

#[test]
fn a_program_took_the_kernel_s_budget_for_compiled_filters_from_the_whole_machine() {
    for option in [26, 50, 51, 52] {
        assert_eq!(answer(libc::SYS_setsockopt, [3, 1, option, 0]), refusal(libc::EPERM), "{option}");
    }
    // SO_REUSEADDR, and the option of another level that has the same number: IPV6_V6ONLY.
    for (level, option) in [(1, 2), (41, 26), (6, 1)] {
        assert_eq!(answer(libc::SYS_setsockopt, [3, level, option, 0]), libc::SECCOMP_RET_ALLOW);
    }
    assert_eq!(answer(libc::SYS_prctl, [22, 2, 0, 0]), refusal(libc::EPERM), "PR_SET_SECCOMP");
    assert_eq!(answer(libc::SYS_prctl, [15, 0, 0, 0]), libc::SECCOMP_RET_ALLOW, "PR_SET_NAME");
}

#[test]
fn a_socket_of_any_protocol_or_a_pair_of_any_family_reached_kernel_modules() {
    let socket = |family: i32, kind: i32, protocol: i64| {
        answer(libc::SYS_socket, [family.into(), kind.into(), protocol, 0]) == libc::SECCOMP_RET_ALLOW
    };
    for family in [libc::AF_INET, libc::AF_INET6] {
        assert!(socket(family, libc::SOCK_STREAM, 0) && socket(family, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 6));
        assert!(socket(family, libc::SOCK_DGRAM, 0) && socket(family, libc::SOCK_DGRAM, 17));
        // MPTCP, SCTP, SMC, UDP by a stream; ICMP, L2TP, UDP-Lite, TCP by a datagram.
        for protocol in [262, 132, 256, 17] {
            assert!(!socket(family, libc::SOCK_STREAM, protocol), "{protocol}");
        }
        for protocol in [1, 115, 136, 6] {
            assert!(!socket(family, libc::SOCK_DGRAM, protocol), "{protocol}");
        }
    }
    let pair = |family: i32| answer(libc::SYS_socketpair, [family.into(), 1, 0, 0]) == libc::SECCOMP_RET_ALLOW;
    assert!(pair(libc::AF_UNIX));
    for family in [libc::AF_INET, libc::AF_NETLINK, libc::AF_VSOCK, 30] {
        assert!(!pair(family), "{family}");
    }
}

#[test]
fn a_program_read_the_machine_s_disk_past_the_page_cache() {
    let direct = i64::from(libc::O_DIRECT);
    assert_eq!(answer(libc::SYS_openat, [-100, 0, direct, 0]), refusal(libc::EINVAL));
    assert_eq!(answer(libc::SYS_fcntl, [3, libc::F_SETFL.into(), direct | 1, 0]), refusal(libc::EINVAL));
    assert_eq!(answer(libc::SYS_fcntl, [3, libc::F_SETFL.into(), 0o4000, 0]), libc::SECCOMP_RET_ALLOW);
    assert_eq!(answer(libc::SYS_openat, [-100, 0, 0o2_000_000, 0]), libc::SECCOMP_RET_ALLOW, "O_CLOEXEC");
    assert_eq!(answer(libc::SYS_fadvise64, [3, 0, 0, 4]), refusal(0), "POSIX_FADV_DONTNEED does nothing");
    assert_eq!(answer(libc::SYS_fadvise64, [3, 0, 0, 2]), libc::SECCOMP_RET_ALLOW, "POSIX_FADV_SEQUENTIAL");
}

#[test]
fn a_watch_on_a_file_of_the_system_told_what_other_runs_do() {
    assert_eq!(answer(libc::SYS_inotify_init1, [0; 4]), refusal(libc::ENOSYS));
    assert_eq!(answer(libc::SYS_fcntl, [3, libc::F_NOTIFY.into(), 0, 0]), refusal(libc::EINVAL));
}

#[test]
fn a_terminal_of_a_program_takes_no_input_of_its_own_and_no_protocol() {
    // TIOCSTI, TIOCLINUX, TIOCSETD.
    for request in [0x5412, 0x541c, 0x5423] {
        assert_eq!(answer(libc::SYS_ioctl, [0, request, 0, 0]), refusal(libc::EPERM), "{request:x}");
        // The kernel reads the lower half alone.
        assert_eq!(answer(libc::SYS_ioctl, [0, request | 1 << 32, 0, 0]), refusal(libc::EPERM), "{request:x}");
    }
    // TCGETS, TCSETS, TIOCSCTTY, TIOCSPGRP, TIOCGWINSZ, TIOCSWINSZ, TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER.
    for request in [0x5401, 0x5402, 0x540e, 0x5410, 0x5413, 0x5414, 0x8004_5430, 0x4004_5431, 0x5441] {
        assert_eq!(answer(libc::SYS_ioctl, [0, request, 0, 0]), libc::SECCOMP_RET_ALLOW, "{request:x}");
    }
}
