//! Counters of the calls of each running execution, in the memory of this Worker's isolate.

use docle_protocol::isolate::AiUsage;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// Calls of all runtime APIs in one execution. Cloudflare allows 50 subrequests on its smallest plan.
pub const MAX_CALLS: u32 = 50;
/// Executions that have counters at once. More than these means that some executions ended without [`take`]; each further
/// execution then evicts the counters of another, which starts again at zero if it still runs.
const MAX_EXECUTIONS: usize = 1_000;

/// The counters of one execution.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counters {
    calls: u32,
    /// Connections that the policy of the execution blocked.
    pub blocked: u32,
    /// What models were used, and may still be used by calls in progress.
    pub ai: AiUsage,
}

/// What one call of a model uses.
#[derive(Debug, Clone, Copy, Default)]
pub struct AiCall {
    pub input_tokens: u32,
    pub output_tokens: u32,
    pub neurons: f64,
}

/// A call of a model that is counted with what it may use, until it has [ended](Self::end).
#[must_use]
pub struct ReservedAiCall<'a> {
    run: &'a str,
    reserved: AiCall,
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

/// What the execution `run` has used of models, calls in progress included.
pub fn ai_used(run: &str) -> AiUsage {
    update(run, |counters| counters.ai)
}

/// Counts a call of a model with the most that it may use. A call that the end of the script cuts off stays counted so.
pub fn begin_ai_call(run: &str, most: AiCall) -> ReservedAiCall<'_> {
    update(run, |counters| {
        counters.ai.calls += 1;
        replace(&mut counters.ai, AiCall::default(), most);
    });
    ReservedAiCall { run, reserved: most }
}

impl ReservedAiCall<'_> {
    /// Counts what the call has used, in place of what it might have used.
    pub fn end(self, used: AiCall) {
        update(self.run, |counters| replace(&mut counters.ai, self.reserved, used));
    }
}

/// Counts `new` in place of `old`.
fn replace(all: &mut AiUsage, old: AiCall, new: AiCall) {
    let tokens = |all: u32, old: u32, new: u32| all.saturating_sub(old).saturating_add(new);
    all.input_tokens = tokens(all.input_tokens, old.input_tokens, new.input_tokens);
    all.output_tokens = tokens(all.output_tokens, old.output_tokens, new.output_tokens);
    all.neurons += new.neurons - old.neurons;
}

/// Removes the counters of the execution `run`, which has ended.
pub fn take(run: &str) -> Counters {
    COUNTERS.with_borrow_mut(|all| all.remove(run)).unwrap_or_default()
}

fn update<T>(run: &str, change: impl FnOnce(&mut Counters) -> T) -> T {
    COUNTERS.with_borrow_mut(|all| {
        if all.len() >= MAX_EXECUTIONS && !all.contains_key(run) {
            all.pop_first();
        }
        change(all.entry(run.to_owned()).or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_of_models_at_once_count_with_what_they_may_use() {
        let most = |input_tokens| AiCall { input_tokens, output_tokens: 100, neurons: 2.0 };
        let first = begin_ai_call("run", most(10));
        let second = begin_ai_call("run", most(20));
        let used = ai_used("run");
        assert_eq!((used.calls, used.input_tokens, used.output_tokens), (2, 30, 200));
        assert_eq!(used.neurons, 4.0, "a call that is cut off costs the operator as well");
        first.end(AiCall { input_tokens: 12, output_tokens: 3, neurons: 0.5 });
        second.end(AiCall { input_tokens: 20, output_tokens: 0, neurons: 0.25 });
        let Counters { ai, .. } = take("run");
        assert_eq!(ai, AiUsage { calls: 2, input_tokens: 32, output_tokens: 3, neurons: 0.75 });
        assert_eq!(ai_used("run"), AiUsage::default());
    }
}
