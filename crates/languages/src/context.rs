//! The languages of the code interpreter.

use crate::language::RunLanguage;
use serde::{Deserialize, Serialize};

/// A language that a context of a sandbox can speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextLanguage {
    Python,
    JavaScript,
    TypeScript,
}

impl ContextLanguage {
    pub const ALL: [Self; 3] = [Self::Python, Self::JavaScript, Self::TypeScript];

    /// The id on the wire and in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
        }
    }

    /// The one that a request means.
    pub fn meant_by(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "python" | "python3" | "py" => Some(Self::Python),
            "javascript" | "js" | "node" | "nodejs" => Some(Self::JavaScript),
            "typescript" | "ts" => Some(Self::TypeScript),
            _ => None,
        }
    }

    /// That of cells in a sandbox of this language which name none. Node.js is the language of sandboxes for JavaScript and for
    /// TypeScript.
    pub fn of_sandbox(language: RunLanguage) -> Self {
        if language.name() == "node" { Self::JavaScript } else { Self::Python }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn context_language_names_unchanged() {
        for (language, name) in ContextLanguage::ALL.into_iter().zip(["python", "javascript", "typescript"]) {
            assert_eq!((language.name(), serde_json::to_value(language).unwrap()), (name, name.into()));
            assert_eq!(ContextLanguage::meant_by(name), Some(language));
        }
        assert_eq!(ContextLanguage::meant_by("perl"), None);
        assert_eq!(ContextLanguage::of_sandbox(RunLanguage::named("node")), ContextLanguage::JavaScript);
        assert_eq!(ContextLanguage::of_sandbox(RunLanguage::named("ruby")), ContextLanguage::Python);
    }
}
