//! Compiles decisions about system calls to one BPF program that finds each of them by halving.
//!
//! The kernel translates and tries a filter anew for every process that installs it, so its length is paid for with
//! every run. Numbers that follow one another and are decided alike are one range; a call is found among the ranges by
//! as many comparisons as their number has binary digits, and only then its arguments are looked at.

use std::collections::BTreeMap;
use std::io;

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Allow,
    /// It answers with this error; with 0 it says that it succeeded, and does nothing.
    Refuse(i32),
}

/// What becomes of a call that is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// Where one of these lists of conditions holds as a whole, …
    pub cases: Vec<Vec<Condition>>,
    /// … this; …
    pub then: Action,
    /// … and otherwise this.
    pub otherwise: Action,
}

/// Holds where the lower half of an argument, under the mask, is this value: what such calls read of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// 0 to 5.
    pub argument: u32,
    pub mask: u32,
    pub value: u32,
}

/// A compiled filter.
#[derive(Debug)]
pub struct Filter(Vec<libc::sock_filter>);

/// Calls from the first number on, up to the next range, that are decided alike.
type Range<'a> = (u32, &'a Decision);

// Offsets in struct seccomp_data, see seccomp(2). On big-endian machines the lower half of an argument is elsewhere.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;
const ARGUMENTS: u32 = 16;
#[cfg(target_endian = "big")]
compile_error!("arguments are read in little-endian order");

/// What the kernel calls this architecture, from linux/audit.h.
#[cfg(target_arch = "x86_64")]
const OURS: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
const OURS: u32 = 0xc000_00b7;
#[cfg(target_arch = "riscv64")]
const OURS: u32 = 0xc000_00f3;

const LOAD: u32 = libc::BPF_LD | libc::BPF_W | libc::BPF_ABS;
const MASK: u32 = libc::BPF_ALU | libc::BPF_AND | libc::BPF_K;
const IF_EQUAL: u32 = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
const IF_AT_LEAST: u32 = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
const SKIP: u32 = libc::BPF_JMP | libc::BPF_JA;
const RETURN: u32 = libc::BPF_RET | libc::BPF_K;

impl From<Action> for Decision {
    fn from(action: Action) -> Self {
        Self { cases: Vec::new(), then: action, otherwise: action }
    }
}

impl Action {
    pub(super) fn code(self) -> u32 {
        match self {
            Self::Allow => libc::SECCOMP_RET_ALLOW,
            Self::Refuse(errno) => libc::SECCOMP_RET_ERRNO | errno as u32,
        }
    }
}

impl Filter {
    /// Compiles what is listed by number; everything else is `unlisted`. Calls in the manner of another architecture
    /// end the process.
    pub fn compile(listed: &BTreeMap<u32, Decision>, unlisted: Action) -> Self {
        let unlisted = unlisted.into();
        let mut code = vec![
            statement(LOAD, ARCHITECTURE),
            jump(IF_EQUAL, OURS, 1, 0),
            statement(RETURN, libc::SECCOMP_RET_KILL_PROCESS),
            statement(LOAD, NUMBER),
        ];
        code.extend(find(&ranges(listed, &unlisted)));
        Self(code)
    }

    /// Puts this thread and all that comes of it under the filter. Needs `no_new_privs` or `CAP_SYS_ADMIN`.
    pub fn install(&self) -> io::Result<()> {
        let length = u16::try_from(self.0.len()).map_err(io::Error::other)?;
        let program = libc::sock_fprog { len: length, filter: self.0.as_ptr().cast_mut() };
        // SAFETY: the program outlives the call, which only reads it.
        let result = unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
        // Not by `Errno`: that does not know ENOTSUPP (524), which says that the machine has no room for compiled filters.
        if result == -1 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

/// Every number there is, in order.
fn ranges<'a>(listed: &'a BTreeMap<u32, Decision>, unlisted: &'a Decision) -> Vec<Range<'a>> {
    let mut ranges: Vec<Range> = vec![(0, unlisted)];
    for (&number, decision) in listed {
        ranges.push((number, decision));
        ranges.push((number + 1, unlisted));
    }
    // Of those that begin together the last one counts: the others are empty.
    let mut found: Vec<Range> = Vec::new();
    for range in ranges {
        while found.last().is_some_and(|last| last.0 == range.0) {
            found.pop();
        }
        if found.last().is_none_or(|last| last.1 != range.1) {
            found.push(range);
        }
    }
    found
}

/// Code that decides a number which is in one of the ranges.
fn find(ranges: &[Range]) -> Vec<libc::sock_filter> {
    if let [(_, decision)] = ranges {
        return decide(decision);
    }
    let (below, from) = ranges.split_at(ranges.len() / 2);
    let lower = find(below);
    let mut code = match u8::try_from(lower.len()) {
        Ok(over) => vec![jump(IF_AT_LEAST, from[0].0, over, 0)],
        // A jump with a condition reaches no further than 255.
        Err(_) => vec![jump(IF_AT_LEAST, from[0].0, 0, 1), statement(SKIP, lower.len() as u32)],
    };
    code.extend(lower);
    code.extend(find(from));
    code
}

/// Code that decides by the arguments.
fn decide(decision: &Decision) -> Vec<libc::sock_filter> {
    let mut code = Vec::new();
    for case in &decision.cases {
        let mut after = vec![statement(RETURN, decision.then.code())];
        for condition in case.iter().rev() {
            let over = u8::try_from(after.len()).expect("a case has a handful of conditions");
            let mut before = vec![statement(LOAD, ARGUMENTS + 8 * condition.argument)];
            if condition.mask != u32::MAX {
                before.push(statement(MASK, condition.mask));
            }
            before.push(jump(IF_EQUAL, condition.value, 0, over));
            before.append(&mut after);
            after = before;
        }
        code.extend(after);
    }
    code.push(statement(RETURN, decision.otherwise.code()));
    code
}

fn statement(code: u32, operand: u32) -> libc::sock_filter {
    jump(code, operand, 0, 0)
}

fn jump(code: u32, operand: u32, if_so: u8, if_not: u8) -> libc::sock_filter {
    libc::sock_filter { code: code as u16, jt: if_so, jf: if_not, k: operand }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a filter is asked, see seccomp(2).
    #[derive(Debug, Clone, Copy)]
    pub struct Call {
        pub architecture: u32,
        pub number: u32,
        pub arguments: [u64; 6],
    }

    impl Call {
        pub fn of(number: u32, arguments: [u64; 6]) -> Self {
            Self { architecture: OURS, number, arguments }
        }

        fn word(&self, offset: u32) -> u32 {
            match offset {
                NUMBER => self.number,
                ARCHITECTURE => self.architecture,
                offset => {
                    let at = offset - ARGUMENTS;
                    (self.arguments[at as usize / 8] >> (at % 8 * 8)) as u32
                }
            }
        }
    }

    impl Filter {
        /// What the kernel would do with a call: this program, executed.
        pub fn judge(&self, call: Call) -> u32 {
            let (mut at, mut accumulator) = (0, 0);
            loop {
                let libc::sock_filter { code, jt, jf, k } = self.0[at];
                at += 1;
                let branch = |holds: bool| usize::from(if holds { jt } else { jf });
                match u32::from(code) {
                    LOAD => accumulator = call.word(k),
                    MASK => accumulator &= k,
                    IF_EQUAL => at += branch(accumulator == k),
                    IF_AT_LEAST => at += branch(accumulator >= k),
                    SKIP => at += k as usize,
                    RETURN => return k,
                    other => panic!("an instruction that is never made: {other}"),
                }
            }
        }

        pub fn length(&self) -> usize {
            self.0.len()
        }
    }

    /// What a list says, read as it is written.
    pub fn listed(list: &BTreeMap<u32, Decision>, unlisted: Action, call: Call) -> u32 {
        let holds = |condition: &Condition| {
            call.arguments[condition.argument as usize] as u32 & condition.mask == condition.value
        };
        let action = list.get(&call.number).map_or(unlisted, |decision| {
            let found = decision.cases.iter().any(|case| case.iter().all(holds));
            if found { decision.then } else { decision.otherwise }
        });
        action.code()
    }

    fn decision() -> impl Strategy<Value = Decision> {
        let action = || prop_oneof![Just(Action::Allow), Just(Action::Refuse(1)), Just(Action::Refuse(38))];
        let condition = (0..6u32, prop_oneof![Just(u32::MAX), Just(3), Just(0)], 0..4u32)
            .prop_map(|(argument, mask, value)| Condition { argument, mask, value });
        let cases = prop::collection::vec(prop::collection::vec(condition, 0..3), 0..3);
        (cases, action(), action()).prop_map(|(cases, then, otherwise)| Decision { cases, then, otherwise })
    }

    proptest! {
        #[test]
        fn any_list_is_decided_as_it_is_written(
            list in prop::collection::btree_map(0..300u32, decision(), 0..200),
            calls in prop::collection::vec((0..310u32, prop::array::uniform6(0..5u64)), 50),
        ) {
            let filter = Filter::compile(&list, Action::Refuse(1));
            for (number, arguments) in calls {
                let call = Call::of(number, arguments);
                prop_assert_eq!(filter.judge(call), listed(&list, Action::Refuse(1), call));
            }
        }
    }

    #[test]
    fn calls_of_another_architecture_end_the_process() {
        let filter = Filter::compile(&BTreeMap::from([(0, Action::Allow.into())]), Action::Refuse(1));
        let (i386, ours) = (0x4000_0003, Call::of(0, [0; 6]));
        assert_eq!(filter.judge(ours), libc::SECCOMP_RET_ALLOW);
        assert_eq!(filter.judge(Call { architecture: i386, ..ours }), libc::SECCOMP_RET_KILL_PROCESS);
    }
}
