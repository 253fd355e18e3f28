//! The languages of programs that are here, for protocols that list them with their versions.

use crate::app::{App, languages};
use docle_languages::{RunLanguage, Tier};

/// The languages of programs that are here, in the versions that they say themselves.
pub async fn installed(app: &App) -> Vec<(RunLanguage, String)> {
    let of_run = languages::list(app).await.into_iter().filter(|language| language.tier == Tier::Run);
    of_run
        .filter_map(|language| Some((RunLanguage::parse(&language.id)?, language.versions.into_values().next()?)))
        .collect()
}
