//! Who sits where: finds a run the place that suits it best, and prepares places for the runs that are likely to come.

use crate::demand::Demand;
use crate::place::{Full, Place, Places};
use crate::seat::{Prepared, Readiness, Seat};
use docle_protocol::RunLanguage;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Nobody has run anything for this long: time to prepare.
const QUIET: Duration = Duration::from_millis(250);

/// A place that could not be prepared rests this long before it is tried again, and twice as long each time after that.
const REST: Duration = Duration::from_millis(50);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A place that rests longer than this is broken: processes that cannot be ended, or a machine without resources.
const BROKEN_AFTER: Duration = Duration::from_secs(30);
/// A jail is there after milliseconds.
const PREPARED_AFTER: Duration = Duration::from_secs(120);
/// Places in which a run tries to have a jail.
const TRIES: u32 = 3;

/// Why a run has no jail.
#[derive(Debug)]
pub enum NoJail {
    Full,
    /// None of some places could give it one. Each of those rests now.
    Failed(io::Error),
}

/// All places, and what they are prepared for.
#[derive(Debug)]
pub struct Seating {
    pub places: Arc<Places<Seat>>,
    demand: Demand,
    /// Runs so far.
    runs: AtomicU64,
    /// Cancelled when a place has rested for so long that it will not serve again.
    broken: CancellationToken,
}

/// Interpreters that wait for programs.
#[derive(Debug, Default)]
pub struct Waiting {
    /// How many there are of each language.
    pub languages: BTreeMap<RunLanguage, u32>,
    /// How many of those have come as far as their script.
    pub ready: BTreeMap<RunLanguage, u32>,
    /// What they hold together, where that is measured.
    pub bytes: Option<u64>,
    /// Programs that were forked of the same started interpreters.
    pub forked: u32,
}

impl Seating {
    /// Takes charge of `places`, in none of which an interpreter waits yet.
    pub fn new(places: Arc<Places<Seat>>, demand: Demand) -> Self {
        Self { places, demand, runs: AtomicU64::new(0), broken: CancellationToken::new() }
    }

    /// Waits for a place and for `memory_mb` MiB, preferably where an interpreter of `wanted` waits, and takes a jail there:
    /// with the interpreter of `warm`, or without one. A place that has none rests, and another one is taken.
    pub async fn take(
        self: &Arc<Self>,
        memory_mb: u32,
        wanted: Option<RunLanguage>,
        warm: Option<RunLanguage>,
    ) -> Result<(Place<Seat>, Prepared), NoJail> {
        if let Some(language) = wanted {
            self.demand.note(language);
        }
        let mut tries = 1;
        loop {
            let suits = |seat: &mut Seat| seat.suits(wanted, self.runs.load(Ordering::Relaxed));
            let mut place = self.places.take(memory_mb, suits).await.map_err(|Full| NoJail::Full)?;
            place.seat().serve(self.runs.fetch_add(1, Ordering::Relaxed) + 1);
            let mut held = Held { seating: self, place: Some(place) };
            match held.seat().jail(warm, u64::from(memory_mb) << 20).await {
                Ok(prepared) => return Ok((held.keep(), prepared)),
                Err(error) => {
                    eprintln!("seat.no_jail try={tries} error={:?}", error.to_string());
                    held.seat().distrust();
                    if tries == TRIES {
                        return Err(NoJail::Failed(error));
                    }
                    tries += 1;
                }
            }
        }
    }

    /// Prepares a place for its next run and gives it back, while the last run's answer is on its way. It rests for as long
    /// as it cannot be prepared, so that no run meets what has failed.
    pub fn give_back(self: &Arc<Self>, mut place: Place<Seat>) {
        place.end_run();
        let seating = self.clone();
        tokio::spawn(async move {
            let (mut rest, mut rested) = (REST, Duration::ZERO);
            loop {
                // Nothing comes back where the runtime is shutting down.
                let Some((back, result)) = seating.prepare(place).await else { return };
                place = back;
                let Err(error) = result else { return };
                say(Err(error));
                place.seat().distrust();
                sleep(rest).await;
                rested += rest;
                rest = LONGEST_REST.min(rest * 2);
                if rested >= BROKEN_AFTER {
                    seating.broken.cancel();
                }
            }
        });
    }

    /// Waits until nothing of the last run is left in a place, and makes the next jail there.
    async fn prepare(&self, mut place: Place<Seat>) -> Option<(Place<Seat>, io::Result<()>)> {
        loop {
            match timeout(BROKEN_AFTER, place.seat().vacate()).await {
                Ok(Ok(())) => break,
                Ok(Err(error)) => return Some((place, Err(error))),
                Err(_) => {
                    eprintln!("seat.not_empty: a run that has ended is still being taken apart");
                    self.broken.cancel();
                }
            }
        }
        let language = self.most_wanted();
        let seat = place.seat();
        let result = if seat.is_to_be_renewed() || seat.group.is_stale() {
            // Either may take the kernel seconds.
            let task = tokio::task::spawn_blocking(move || {
                let seat = place.seat();
                let result = if seat.is_to_be_renewed() {
                    seat.renew(language)
                } else {
                    seat.group.drop_stale().and_then(|()| seat.refill(language))
                };
                (place, result)
            });
            let (back, result) = task.await.ok()?;
            place = back;
            result
        } else {
            seat.refill(language)
        };
        let result = match result {
            Ok(()) => match timeout(PREPARED_AFTER, place.seat().prepared()).await {
                Ok(result) => result,
                Err(_) => Err(io::Error::other("a jail is not there")),
            },
            failed => failed,
        };
        Some((place, result))
    }

    /// Resolves when a place has rested for so long that it will not serve again.
    pub async fn broken(&self) {
        self.broken.cancelled().await;
    }

    /// The interpreters that wait now.
    pub fn waiting(&self) -> Waiting {
        let mut waiting = Waiting::default();
        self.places.each_free(|seat| {
            waiting.forked += seat.forked();
            let Some((language, readiness)) = seat.waiting() else { return };
            *waiting.languages.entry(language).or_default() += 1;
            *waiting.ready.entry(language).or_default() += u32::from(readiness == Readiness::Ready);
            waiting.bytes = seat.group.holds_bytes().map(|own| waiting.bytes.unwrap_or(0) + own);
        });
        waiting
    }

    /// Uses quiet moments for ever: exchanges interpreters that have been forked, so that only programs that come
    /// thick and fast have anything random in common, and lets those wait that are wanted.
    pub async fn tend(self: Arc<Self>) {
        let mut taken = self.places.taken();
        loop {
            sleep(QUIET).await;
            if std::mem::replace(&mut taken, self.places.taken()) != taken {
                continue;
            }
            let (waiting, places) = (self.waiting().languages, self.places.count());
            let missing = self.demand.most_wanted(&waiting, places).filter(|(_, missing)| *missing >= 1.0);
            let superfluous = |seat: &mut Seat| match (missing, seat.waiting()) {
                (Some((wanted, _)), Some((language, _))) => language != wanted && waiting.get(&language) > Some(&2),
                _ => false,
            };
            let used = self.places.take_idle(|seat| seat.forked() > 0);
            if let Some(mut place) = used.or_else(|| self.places.take_idle(superfluous)) {
                let language = self.most_wanted();
                let renewed = tokio::task::spawn_blocking(move || {
                    let result = place.seat().renew(language);
                    (place, result)
                });
                // A runtime that is shutting down is the only reason for this not to end well.
                if let Ok((mut place, Err(error))) = renewed.await {
                    say(Err(error));
                    place.seat().distrust();
                    self.give_back(place);
                }
            }
        }
    }

    fn most_wanted(&self) -> Option<RunLanguage> {
        self.demand.most_wanted(&self.waiting().languages, self.places.count()).map(|(language, _)| language)
    }
}

/// A place on the way to a run. A run that is given up in between gives it back, to be prepared anew.
struct Held<'a> {
    seating: &'a Arc<Seating>,
    place: Option<Place<Seat>>,
}

impl Held<'_> {
    fn seat(&mut self) -> &mut Seat {
        self.place.as_mut().expect("a place is held until it is kept").seat()
    }

    fn keep(mut self) -> Place<Seat> {
        self.place.take().expect("a place is held until it is kept")
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if let Some(place) = self.place.take() {
            self.seating.give_back(place);
        }
    }
}

fn say(result: io::Result<()>) {
    if let Err(error) = result {
        eprintln!("seat.refill_failed error={:?}", error.to_string());
    }
}
