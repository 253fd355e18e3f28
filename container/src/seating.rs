//! Who sits where: finds a run the place that suits it best, and prepares places for the runs that are likely to come.

use crate::demand::Demand;
use crate::place::{Full, Place, Places};
use crate::seat::{Readiness, Seat};
use docle_protocol::RunLanguage;
use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Nobody has run anything for this long: time to prepare.
const QUIET: Duration = Duration::from_millis(250);

/// All places, and what they are prepared for.
#[derive(Debug)]
pub struct Seating {
    pub places: Arc<Places<Seat>>,
    demand: Demand,
    /// Runs so far.
    runs: AtomicU64,
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
        Self { places, demand, runs: AtomicU64::new(0) }
    }

    /// Waits for a place and for `memory_mb` MiB, preferably where an interpreter of `wanted` waits.
    pub async fn take(&self, memory_mb: u32, wanted: Option<RunLanguage>) -> Result<Place<Seat>, Full> {
        if let Some(language) = wanted {
            self.demand.note(language);
        }
        let suits = |seat: &mut Seat| seat.suits(wanted, self.runs.load(Ordering::Relaxed));
        let mut place = self.places.take(memory_mb, suits).await?;
        place.seat().serve(self.runs.fetch_add(1, Ordering::Relaxed) + 1);
        Ok(place)
    }

    /// Prepares a place for its next run and gives it back, while the last run's answer is on its way.
    pub fn give_back(self: &Arc<Self>, mut place: Place<Seat>) {
        place.end_run();
        let seating = self.clone();
        tokio::spawn(async move {
            say(place.seat().vacate().await);
            let language = seating.most_wanted();
            if place.seat().is_worn() {
                tokio::task::spawn_blocking(move || say(place.seat().renew(language)));
            } else {
                say(place.seat().refill(language));
                place.seat().emptied().await;
            }
        });
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
            tokio::time::sleep(QUIET).await;
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
                let seating = self.clone();
                let renewed = tokio::task::spawn_blocking(move || say(place.seat().renew(seating.most_wanted())));
                // A runtime that is shutting down is the only reason for this not to end well.
                let _ = renewed.await;
            }
        }
    }

    fn most_wanted(&self) -> Option<RunLanguage> {
        self.demand.most_wanted(&self.waiting().languages, self.places.count()).map(|(language, _)| language)
    }
}

fn say(result: io::Result<()>) {
    if let Err(error) = result {
        eprintln!("seat.refill_failed error={:?}", error.to_string());
    }
}
