//! A language that the table has, as a value: of any tier, or of one.

use crate::row::{Dialect, Machine, Row, Runner, Tier};
use crate::table::TABLE;
use serde::de::{Error, Unexpected};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::Deref;

/// Makes a type of the languages that a condition holds for.
macro_rules! language {
    ($(#[$docs:meta])* $name:ident, $expected:literal, $tier:expr, $also:expr) => {
        $(#[$docs])*
        #[derive(Clone, Copy)]
        pub struct $name(&'static Row);

        impl $name {
            /// Every one, in the order of the table.
            pub fn all() -> impl Iterator<Item = Self> + Clone {
                TABLE.iter().filter(|row| Self::has(row)).map(Self)
            }

            /// Whether `row` is one.
            const fn has(row: &Row) -> bool {
                match $tier {
                    None => true,
                    Some(tier) => row.runs_in(tier),
                }
            }

            /// The one with exactly this id.
            pub fn parse(text: &str) -> Option<Self> {
                Self::all().find(|language| language.id == text)
            }

            /// The one that a request means by `text`: its id or another name of it, in any case.
            pub fn meant_by(text: &str) -> Option<Self> {
                let mut all = Self::all();
                all.clone().find(|language| language.is_called(text)).or_else(|| all.find(|language| $also(language, text)))
            }

            /// The one with this id, which the caller knows to be in the table.
            ///
            /// # Panics
            /// Where it is not; in a constant, when the program is compiled.
            pub const fn named(id: &str) -> Self {
                let mut index = 0;
                while index < TABLE.len() {
                    if is_same(TABLE[index].id, id) && Self::has(&TABLE[index]) {
                        return Self(&TABLE[index]);
                    }
                    index += 1;
                }
                panic!(concat!("the table has no such ", $expected))
            }

            /// The id on the wire and in requests.
            pub const fn name(self) -> &'static str {
                self.0.id
            }

            /// The row.
            pub const fn row(self) -> &'static Row {
                self.0
            }
        }

        impl Deref for $name {
            type Target = Row;

            fn deref(&self) -> &Row {
                self.0
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                self.0.id == other.0.id
            }
        }

        impl Eq for $name {}

        impl Hash for $name {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.0.id.hash(state);
            }
        }

        /// The order of the table.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                position(self.0).cmp(&position(other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(formatter, concat!(stringify!($name), "({})"), self.0.id)
            }
        }

        /// The ids that the type takes.
        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                let ids: Vec<&str> = Self::all().map(Self::name).collect();
                schemars::json_schema!({ "type": "string", "enum": ids })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.0.id)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let id = Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&id).ok_or_else(|| D::Error::invalid_value(Unexpected::Str(&id), &$expected))
            }
        }
    };
}

language! {
    /// A language of any tier.
    Language, "language", None::<Tier>, never
}

language! {
    /// A language of programs.
    RunLanguage, "language of programs", Some(Tier::Run), Row::programs_are_called
}

language! {
    /// A language of scripts.
    ScriptLanguage, "language of scripts", Some(Tier::Isolate), never
}

/// No row has other names for a language of any tier than its aliases.
const fn never(_: &Row, _: &str) -> bool {
    false
}

/// Where a row stands in the table. A constant may hold a copy of its row, so that addresses say nothing.
fn position(row: &Row) -> Option<usize> {
    TABLE.iter().position(|other| other.id == row.id)
}

/// Whether two texts are the same, also in a constant.
const fn is_same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    let mut index = 0;
    while index < one.len() && index < other.len() && one[index] == other[index] {
        index += 1;
    }
    index == one.len() && index == other.len()
}

impl Language {
    /// Every language of `tier`, in the order of the table.
    pub fn of(tier: Tier) -> impl Iterator<Item = Self> + Clone {
        Self::all().filter(move |language| language.runs_in(tier))
    }
}

impl RunLanguage {
    /// How the runner runs it.
    pub fn runner(self) -> &'static Runner {
        self.0.runner.as_ref().expect("a language of programs has a runner, which is what makes it one")
    }

    /// The language of a program in a room, by any of its names.
    pub fn in_rooms(text: &str) -> Option<Self> {
        Self::meant_by(text)
    }

    /// The language of a program that names none, which rooms allow: the first of the table.
    ///
    /// # Panics
    /// Never: the table has a row of programs, which a test asserts.
    pub fn default_one() -> Self {
        Self::all().next().expect("the table has a language of programs")
    }

    /// Every language whose interpreter is the machine's own, with what is known of it. Every runner has these.
    pub fn of_machine() -> impl Iterator<Item = (Self, &'static Machine)> + Clone {
        Self::all().filter_map(|language| Some((language, language.runner().machine.as_ref()?)))
    }

    /// Every id, quoted, as a sentence lists them: `"python", "node" or "bash"`.
    pub fn listed() -> String {
        let names: Vec<String> = Self::all().map(|language| format!("\"{}\"", language.name())).collect();
        match names.split_last() {
            Some((last, others)) if !others.is_empty() => format!("{} or {last}", others.join(", ")),
            _ => names.concat(),
        }
    }

    /// The file that holds `code`, and the entry point where a request names none.
    pub fn default_entrypoint(self) -> &'static str {
        self.runner().entrypoint
    }
}

impl ScriptLanguage {
    /// The language of a script that names none.
    ///
    /// # Panics
    /// Never: the table has a row whose scripts run as they are, which a test asserts.
    pub fn default_one() -> Self {
        Self::all().find(|language| language.dialect() == Dialect::JavaScript).expect("JavaScript is in the table")
    }

    /// What the isolate tier reads.
    pub fn dialect(self) -> Dialect {
        self.0.dialect.expect("a language of scripts has a dialect, which is what makes it one")
    }
}

impl From<RunLanguage> for Language {
    fn from(language: RunLanguage) -> Self {
        Self(language.0)
    }
}

impl From<ScriptLanguage> for Language {
    fn from(language: ScriptLanguage) -> Self {
        Self(language.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDS: [&str; 12] = ["python", "node", "bash", "perl", "lua", "php", "ruby", "c", "cpp", "go", "java", "rust"];

    #[test]
    fn ids_of_the_wire_unchanged() {
        assert_eq!(RunLanguage::all().map(RunLanguage::name).collect::<Vec<_>>(), IDS);
        assert_eq!(ScriptLanguage::all().map(ScriptLanguage::name).collect::<Vec<_>>(), ["javascript", "typescript"]);
        assert_eq!(Language::all().count(), IDS.len() + 2);
        for tier in Tier::ALL {
            assert!(Language::of(tier).all(|language| language.runs_in(tier)));
        }
    }

    #[test]
    fn a_language_is_its_id_in_json_and_of_its_own_tier_only() {
        for language in Language::all() {
            let json = serde_json::to_string(&language).unwrap();
            assert_eq!(json, format!("\"{}\"", language.id));
            assert_eq!(serde_json::from_str::<Language>(&json).unwrap(), language);
            assert_eq!(serde_json::from_str::<RunLanguage>(&json).is_ok(), language.runs_in(Tier::Run));
            assert_eq!(serde_json::from_str::<ScriptLanguage>(&json).is_ok(), language.runs_in(Tier::Isolate));
        }
        assert!(serde_json::from_str::<Language>("\"Python\"").is_err());
        assert_eq!(ScriptLanguage::default_one().name(), "javascript");
        assert_eq!(RunLanguage::named("python").default_entrypoint(), "main.py");
        assert_eq!(RunLanguage::default_one().name(), "python");
        assert_eq!(RunLanguage::in_rooms("javascript"), Some(RunLanguage::named("node")));
    }

    #[test]
    fn the_names_that_people_use_were_refused() {
        for (text, id) in [
            ("python", "python"),
            ("Python", "python"),
            ("py", "python"),
            ("python3", "python"),
            ("node", "node"),
            ("nodejs", "node"),
            ("Node.js", "node"),
            ("js", "node"),
            ("javascript", "node"),
            ("JavaScript", "node"),
            ("sh", "bash"),
            ("C++", "cpp"),
            ("golang", "go"),
            ("rs", "rust"),
            ("rb", "ruby"),
        ] {
            assert_eq!(RunLanguage::meant_by(text).map(RunLanguage::name), Some(id), "{text}");
        }
        assert_eq!(ScriptLanguage::meant_by("js").map(ScriptLanguage::name), Some("javascript"));
        for text in ["", "cobol", "py ", "typescript"] {
            assert_eq!(RunLanguage::meant_by(text), None, "{text}");
        }
    }

    #[test]
    fn an_alias_is_no_id() {
        assert_eq!(Language::parse("py"), None);
        assert_eq!(Language::meant_by("PY").map(Language::name), Some("python"));
        assert_eq!(ScriptLanguage::meant_by("ts").map(ScriptLanguage::name), Some("typescript"));
        assert_eq!(RunLanguage::meant_by("ts"), None);
    }

    #[test]
    fn languages_sort_as_the_table_lists_them() {
        let mut all: Vec<RunLanguage> = RunLanguage::all().collect();
        all.reverse();
        all.sort();
        assert_eq!(all, RunLanguage::all().collect::<Vec<_>>());
    }
}
