//! Counters of the calls of each running execution, in the memory of this Worker's isolate.

use std::cell::RefCell;
use std::collections::BTreeMap;

/// Calls of all runtime APIs in one execution. Cloudflare allows 50 subrequests on its smallest plan.
pub const MAX_CALLS: u32 = 50;
/// Executions that have counters at once. More than these means that some executions ended without [`take_blocked`]; each
/// further execution then evicts the counters of another, which starts again at zero if it still runs.
const MAX_EXECUTIONS: usize = 1_000;

/// The counters of one execution.
#[derive(Default)]
struct Counters {
    calls: u32,
    blocked: u32,
}

thread_local! {
    static COUNTERS: RefCell<BTreeMap<String, Counters>> = const { RefCell::new(BTreeMap::new()) };
}

/// Counts a call of the execution `run`; `false` when it exceeds [`MAX_CALLS`].
pub fn count_call(run: &str) -> bool {
    update(run, |counters| {
        counters.calls += 1;
        counters.calls <= MAX_CALLS
    })
}

/// Counts a connection that the policy of the execution `run` blocked.
pub fn count_blocked(run: &str) {
    update(run, |counters| counters.blocked += 1);
}

/// Removes the counters of the execution `run`, which has ended, and returns how many of its connections were blocked.
pub fn take_blocked(run: &str) -> u32 {
    COUNTERS.with_borrow_mut(|all| all.remove(run)).map_or(0, |counters| counters.blocked)
}

fn update<T>(run: &str, change: impl FnOnce(&mut Counters) -> T) -> T {
    COUNTERS.with_borrow_mut(|all| {
        if all.len() >= MAX_EXECUTIONS && !all.contains_key(run) {
            all.pop_first();
        }
        change(all.entry(run.to_owned()).or_default())
    })
}
