//! Waits for the end of a program, or brings it about, within the time that an answer may take.

use crate::jail::cgroup::Group;
use crate::jail::handle::Jail;
use crate::jail::launch::{Ending, Exit, Killed, Notice};
use std::io;
use std::pin::pin;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

// An answer leaves at most `docle_protocol::limits::GRACE_MS` after the program's limit, whatever the program holds. These
// add up to less: an orderly end, killing what no namespace holds, the kernel's own work, the streams, and room for a
// busy machine.
/// An orderly end counts what the tree used; after this long it is killed without.
const STOP_PATIENCE: Duration = Duration::from_millis(120);
/// Processes that no namespace holds are killed from outside, too, when the jail has not ended them by itself by then.
const ALONE_PATIENCE: Duration = Duration::from_millis(40);
/// After the kill nothing of the program runs any more. What it holds is given back within this, or while the slot rests.
const END_PATIENCE: Duration = Duration::from_millis(60);
/// Runs that take longer stand back behind those that begin.
const SHORT: Duration = Duration::from_millis(100);
/// Between two looks at the buffers of sockets, which no group limits exactly. A program was seen to fill 300 MB of them in 100 ms. A
/// look reads one number, some 20 µs.
const FLOOD_LOOK: Duration = Duration::from_millis(25);
/// Looks at processor time are at least so far apart.
const CPU_LOOK: Duration = Duration::from_millis(5);

/// Why a program did not end by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    Timeout,
    Cpu,
    Output,
    Memory,
    Cancelled,
}

/// How a program has ended, as far as it is known when the answer leaves.
#[derive(Debug, Default)]
pub struct End {
    /// The exit notice of the jail. Without one, processes may still be taken apart, and the slot rests until they are.
    pub ending: Option<Ending>,
    /// What is known where there is no notice.
    pub killed: Killed,
    pub stop: Option<Stop>,
}

impl End {
    /// How the program's first process ended. One that nothing is known of was killed.
    pub fn exit(&self) -> Exit {
        self.ending.map(|ending| ending.exit).or(self.killed.exit).unwrap_or(Exit::Signal(libc::SIGKILL))
    }

    /// Says how the program has exited that was ended after its last word.
    pub fn set_exit(&mut self, exit: Exit) {
        if let Some(ending) = &mut self.ending {
            ending.exit = exit;
        }
        self.killed.exit = Some(exit);
    }

    /// Whether the jail's own watch found the program above its processor time.
    pub fn is_over_cpu(&self) -> bool {
        self.killed.over_cpu || self.ending.is_some_and(|ending| ending.over_cpu)
    }

    /// Whether the jail's own watch found the program above its memory.
    pub fn is_over_memory(&self) -> bool {
        self.killed.over_memory || self.ending.is_some_and(|ending| ending.over_memory)
    }
}

/// How long a program may take.
#[derive(Debug, Clone, Copy)]
pub struct Clocks {
    pub limit: Duration,
    /// Processor time, where it is limited.
    pub cpu: Option<Duration>,
}

/// What ends a program early.
#[derive(Debug, Clone, Copy)]
pub struct Ends<'a> {
    pub cancel: &'a CancellationToken,
    /// It has written too much.
    pub overflow: &'a CancellationToken,
    /// It has done what it was started for, and would wait for more.
    pub over: &'a CancellationToken,
}

/// When the processor time of a group is to be looked at again: before the rest of it can be used up on all processors, but
/// not more often than every few milliseconds. `None` when it is used up.
fn next_look(cpu: Duration, group: &Group) -> Option<Duration> {
    // Where no group counts, the jail watches.
    let used = Duration::from_micros(group.used().map_or(0, |used| used.cpu_micros));
    let left = cpu.checked_sub(used).filter(|left| !left.is_zero())?;
    let cores = std::thread::available_parallelism().map_or(1, |cores| cores.get() as u32);
    Some((left / cores).clamp(CPU_LOOK, SHORT))
}

/// Waits for the end, or brings it about. A program that is stopped has ended for that reason, whatever becomes of its jail.
pub async fn supervise(
    jail: &mut Jail,
    Clocks { limit, cpu }: Clocks,
    exports: bool,
    Ends { cancel, overflow, over }: Ends<'_>,
    group: &Group,
) -> io::Result<End> {
    let (mut end, mut long) = (pin!(sleep(limit)), pin!(sleep(SHORT)));
    let (mut is_short, mut flood_look) = (true, pin!(sleep(FLOOD_LOOK)));
    let mut look = pin!(sleep(CPU_LOOK));
    let stop = loop {
        tokio::select! {
            notice = jail.notice() => match notice?.map(|(notice, _)| notice) {
                Some(Notice::Ended(ending)) => return Ok(End { ending: Some(ending), ..End::default() }),
                // What is to be copied out is copied when everybody is gone, and waited for.
                Some(Notice::Killed(_)) if exports => {}
                Some(Notice::Killed(known)) => {
                    hurry(group);
                    return Ok(ended(jail, known).await);
                }
                // The jail's first process was killed, which happens when its group runs out of memory.
                None => return Ok(killed(jail).await),
                other => return Err(unexpected(other)),
            },
            () = &mut end => break Stop::Timeout,
            () = over.cancelled() => {
                hurry(group);
                return Ok(stopped(jail).await);
            }
            () = overflow.cancelled() => break Stop::Output,
            () = cancel.cancelled() => break Stop::Cancelled,
            () = &mut look, if cpu.is_some() => match cpu.and_then(|cpu| next_look(cpu, group)) {
                Some(next) => look.set(sleep(next)),
                None => break Stop::Cpu,
            },
            () = &mut long, if is_short => {
                is_short = false;
                group.stand_back()?;
            }
            () = &mut flood_look => {
                if group.is_flooded() {
                    break Stop::Memory;
                }
                flood_look.set(sleep(FLOOD_LOOK));
            }
        }
    };
    hurry(group);
    Ok(End { stop: Some(stop), ..stopped(jail).await })
}

/// Ending takes processor time. A group that is no more is no reason to fail.
fn hurry(group: &Group) {
    if let Err(error) = group.hurry() {
        eprintln!("seat.hurry_failed error={:?}", error.to_string());
    }
}

/// Ends a program in order, and otherwise by force.
async fn stopped(jail: &mut Jail) -> End {
    jail.stop();
    let orderly = async {
        if jail.is_shared() {
            // Hundreds of processes may keep the first one from its turn. Where they do not end with it, they end first.
            if let Ok(said) = timeout(ALONE_PATIENCE, jail.notice()).await {
                return said;
            }
            if let Err(error) = jail.sweep().await {
                eprintln!("jail.sweep_slow error={:?}", error.to_string());
            }
        }
        jail.notice().await
    };
    match timeout(STOP_PATIENCE, orderly).await {
        Ok(Ok(Some((Notice::Ended(ending), _)))) => End { ending: Some(ending), ..End::default() },
        Ok(Ok(Some((Notice::Killed(known), _)))) => ended(jail, known).await,
        _ => killed(jail).await,
    }
}

/// Waits a moment for the exit notice of a jail whose processes have all been killed.
async fn ended(jail: &mut Jail, killed: Killed) -> End {
    match timeout(END_PATIENCE, jail.notice()).await {
        Ok(Ok(Some((Notice::Ended(ending), _)))) => End { ending: Some(ending), ..End::default() },
        _ => End { killed, ..End::default() },
    }
}

/// Kills a jail and waits a moment for the kernel to take it apart.
async fn killed(jail: &mut Jail) -> End {
    jail.kill();
    // The slot asks again, without a limit, before it serves another run.
    let _ = timeout(END_PATIENCE, jail.gone()).await;
    End::default()
}

/// A notice that does not belong here, as an error.
pub fn unexpected(notice: Option<Notice>) -> io::Error {
    match notice {
        None => io::ErrorKind::UnexpectedEof.into(),
        Some(Notice::Failed { step, errno }) => {
            let error = io::Error::from_raw_os_error(errno);
            // A step that failed is not a jail that is gone, though the kernel may have one name for both.
            let kind = match error.kind() {
                io::ErrorKind::StorageFull => io::ErrorKind::StorageFull,
                _ => io::ErrorKind::Other,
            };
            io::Error::new(kind, format!("a jail cannot {step}: {error}"))
        }
        other => io::Error::other(format!("a jail said {other:?} out of turn")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jail::cgroup::Kind;
    use docle_protocol::limits::GRACE_MS;
    use std::os::fd::{AsRawFd, OwnedFd};
    use tokio::time::Instant;

    const LIMIT: Duration = Duration::from_secs(3);

    fn say(jail: &OwnedFd, notice: Notice) {
        notice.send(jail.as_raw_fd(), None).unwrap();
    }

    fn ending(exit: Exit) -> Ending {
        let [duration_micros, cpu_micros, peak_bytes] = [1; 3];
        Ending {
            exit,
            duration_micros,
            cpu_micros,
            peak_bytes,
            over_memory: false,
            over_cpu: false,
            exported: false,
            artifacts_omitted: 0,
        }
    }

    /// How a program ends whose jail is `theirs`, and how long after its limit that is known. `acts` is called when the limit
    /// is reached.
    async fn late(jail: &mut Jail, acts: impl FnOnce() + Send + 'static) -> (End, Duration) {
        let group = Group::create(&Kind::None, 0).unwrap();
        let (began, never) = (Instant::now(), CancellationToken::new());
        tokio::spawn(async {
            sleep(LIMIT + Duration::from_millis(1)).await;
            acts();
        });
        let ends = Ends { cancel: &never, overflow: &never, over: &never };
        let end = supervise(jail, Clocks { limit: LIMIT, cpu: None }, false, ends, &group).await.unwrap();
        (end, began.elapsed().saturating_sub(LIMIT))
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_whose_tree_ended_slowly_was_a_failure_of_the_sandbox() {
        // Says that all are killed and no more; says nothing at all; says something else; is gone without a word.
        let killed = |control: OwnedFd| {
            say(&control, Notice::Killed(Killed::default()));
            std::mem::forget(control);
        };
        let silent = |control: OwnedFd| std::mem::forget(control);
        let failed = |control: OwnedFd| say(&control, Notice::Failed { step: "wait".into(), errno: libc::EPIPE });
        let gone = |control: OwnedFd| drop(control);
        let acts: [fn(OwnedFd); 4] = [killed, silent, failed, gone];
        for (index, act) in acts.into_iter().enumerate() {
            let (mut jail, control) = Jail::fake();
            let (end, late) = late(&mut jail, move || act(control)).await;
            assert_eq!((end.stop, end.exit()), (Some(Stop::Timeout), Exit::Signal(libc::SIGKILL)), "{index}");
            assert!(end.ending.is_none(), "nobody has said that the tree is empty");
            assert!(late < Duration::from_millis(GRACE_MS.into()), "{index}: {late:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_exit_notice_after_the_kill_is_waited_for() {
        let (mut jail, control) = Jail::fake();
        let (end, _) = late(&mut jail, move || {
            say(&control, Notice::Killed(Killed::default()));
            say(&control, Notice::Ended(ending(Exit::Signal(libc::SIGKILL))));
        })
        .await;
        assert_eq!((end.stop, end.ending), (Some(Stop::Timeout), Some(ending(Exit::Signal(libc::SIGKILL)))));
    }

    #[tokio::test(start_paused = true)]
    async fn a_clean_end_stays_one_though_its_children_end_slowly() {
        let (mut jail, control) = Jail::fake();
        say(&control, Notice::Killed(Killed { exit: Some(Exit::Code(0)), ..Killed::default() }));
        let (end, late) = late(&mut jail, || {}).await;
        assert_eq!((end.stop, end.exit(), late), (None, Exit::Code(0), Duration::ZERO));
        drop(control);
    }

    #[tokio::test(start_paused = true)]
    async fn memory_was_the_reason_of_a_slow_end() {
        let (mut jail, control) = Jail::fake();
        say(&control, Notice::Killed(Killed { over_memory: true, ..Killed::default() }));
        let (end, _) = late(&mut jail, || {}).await;
        assert!(end.is_over_memory());
        drop(control);
    }
}
