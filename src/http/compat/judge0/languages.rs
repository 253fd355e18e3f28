//! The languages by the numbers that Judge0 has for them, in two sets with a base URL each.

use crate::app::App;
use crate::http::compat::installed::installed;
use crate::http::request::call::Call;
use docle_languages::RunLanguage;
use serde_json::{Value, json};

/// The first number of the common set.
const FIRST_COMMON: u16 = 43;

/// Which set a base URL has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavor {
    Common,
    Extra,
}

impl Flavor {
    /// That of the URL of a call.
    pub fn of(call: &Call) -> Self {
        if call.parts.uri.path().contains("/judge0-extra/") { Self::Extra } else { Self::Common }
    }

    /// What the service says that its version is. Clients find the numbers of languages by it.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Common => "1.13.1",
            Self::Extra => "1.13.1-extra",
        }
    }

    /// The number of a language in the set.
    pub fn number_of(self, language: RunLanguage) -> Option<u16> {
        language.judge0.iter().copied().find(|number| (*number >= FIRST_COMMON) == (self == Self::Common))
    }

    /// The language with a number of the set.
    pub fn language(self, number: u64) -> Option<RunLanguage> {
        RunLanguage::all().find(|language| self.number_of(*language).is_some_and(|own| u64::from(own) == number))
    }

    /// The languages of the set that are here, by their numbers.
    pub async fn list(self, app: &App) -> Vec<(u16, RunLanguage, String)> {
        let installed = installed(app).await.into_iter();
        let mut list: Vec<_> = installed
            .filter_map(|(language, version)| {
                Some((self.number_of(language)?, language, format!("{} ({version})", language.title)))
            })
            .collect();
        list.sort_by_key(|(number, ..)| *number);
        list
    }
}

/// A language with its command.
pub fn describe((number, language, name): &(u16, RunLanguage, String)) -> Value {
    let runner = language.runner();
    json!({
        "id": number,
        "name": name,
        "is_archived": false,
        "source_file": runner.entrypoint,
        "compile_cmd": runner.compile.as_ref().map(|_| runner.component),
        "run_cmd": runner.component,
    })
}
