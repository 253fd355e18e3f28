//! The users that programs run as: a range of numbers that nobody else on the machine has.
//!
//! The kernel counts processes for each user, whatever started them. So two runners on one machine must not have the same
//! users, and neither may a container engine whose containers belong to an ordinary user.

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, bind, socket};
use nix::unistd::{Uid, User};
use std::fs;
use std::ops::Range;
use std::os::fd::OwnedFd;

/// Users of one runner: more than it has slots and sandboxes.
const RANGE: u32 = 1_024;
/// Where the search begins: above the first users of `useradd` and of `/etc/subuid`, and below the largest number that
/// every archive format can hold (2,097,151, seven octal digits).
const PREFERRED: Range<u32> = 1_500_000..2_097_152;
/// Where a container has only the numbers of one mapping, 65,536 of them: above those of distributions and dynamic users.
const SMALL: Range<u32> = 40_000..60_000;

/// A range that this runner has for itself, as long as this lives.
#[derive(Debug)]
pub struct Users {
    pub first: u32,
    /// A name that only one process of this network has at a time. The kernel gives it back when that ends.
    _claim: Option<OwnedFd>,
}

impl Users {
    /// Takes the range from `first` on, or else finds a free one.
    ///
    /// # Errors
    /// One sentence with the way out.
    pub fn take(first: Option<u32>, count: u32) -> Result<Self, String> {
        if let Some(first) = first {
            return Ok(Self { first, _claim: None });
        }
        let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
        let taken = subordinate(&read("/etc/subuid"));
        let mapped = mapped(&read("/proc/self/uid_map"));
        let is_named = |uid: u32| matches!(User::from_uid(Uid::from_raw(uid)), Ok(Some(_)));
        for first in candidates(&taken, &mapped, count.max(1)) {
            if is_named(first) {
                continue;
            }
            if let Some(claim) = claim(first) {
                return Ok(Self { first, _claim: Some(claim) });
            }
        }
        Err("No range of user ids is free for programs; name the first one with --first-uid.".into())
    }
}

/// The ranges to try, in order.
fn candidates(taken: &[Range<u32>], mapped: &[Range<u32>], count: u32) -> Vec<u32> {
    let ranges = [(PREFERRED, RANGE.max(count)), (SMALL, count)];
    let firsts = ranges.into_iter().flat_map(|(whole, step)| {
        whole.clone().step_by(step as usize).filter(move |first| first.saturating_add(step) <= whole.end)
    });
    let fits = |first: &u32| {
        let range = *first..first.saturating_add(count);
        let is_mapped = mapped.iter().any(|one| one.start <= range.start && range.end <= one.end);
        is_mapped && taken.iter().all(|one| one.end <= range.start || range.end <= one.start)
    };
    firsts.filter(fits).collect()
}

/// The ranges that belong to ordinary users, see subuid(5).
fn subordinate(text: &str) -> Vec<Range<u32>> {
    let range = |line: &str| {
        let mut fields = line.split(':').skip(1).map(|field| field.trim().parse::<u32>().ok());
        range(fields.next()??, fields.next()??)
    };
    text.lines().filter_map(range).collect()
}

/// The numbers that have a meaning in this user namespace, see user_namespaces(7).
fn mapped(text: &str) -> Vec<Range<u32>> {
    let range = |line: &str| {
        let mut fields = line.split_whitespace().map(|field| field.parse::<u32>().ok());
        let first = fields.next()??;
        range(first, fields.nth(1)??)
    };
    text.lines().filter_map(range).collect()
}

fn range(first: u32, count: u32) -> Option<Range<u32>> {
    Some(first..first.saturating_add(count))
}

/// Claims a range; `None` where another runner has it.
fn claim(first: u32) -> Option<OwnedFd> {
    let socket = socket(AddressFamily::Unix, SockType::Datagram, SockFlag::SOCK_CLOEXEC, None).ok()?;
    let name = UnixAddr::new_abstract(format!("docle-users-{first}").as_bytes()).ok()?;
    bind(std::os::fd::AsRawFd::as_raw_fd(&socket), &name).ok().map(|()| socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_runners_had_the_same_users() {
        let first = Users::take(None, 8).unwrap();
        let second = Users::take(None, 8).unwrap();
        assert!(first.first.abs_diff(second.first) >= 8, "{first:?} {second:?}");
        let again = first.first;
        drop(first);
        assert_eq!(Users::take(None, 8).unwrap().first, again, "it is free again");
        assert_eq!(Users::take(Some(7), 8).unwrap().first, 7);
    }

    #[test]
    fn ranges_of_ordinary_users_and_numbers_without_meaning_are_left_out() {
        let all = mapped("         0          0 4294967295\n");
        assert_eq!(candidates(&[], &all, 8)[..2], [1_500_000, 1_501_024]);
        let taken = subordinate("me:1500000:65536\n# a comment\nyou:1565536:100\n");
        assert_eq!(candidates(&taken, &all, 8)[0], 1_500_000 + 64 * RANGE + RANGE);
        let small = mapped("0 100000 65536\n");
        assert_eq!(candidates(&[], &small, 8)[..2], [40_000, 40_008]);
        assert!(candidates(&[], &mapped("0 1000 1\n"), 8).is_empty());
    }
}
