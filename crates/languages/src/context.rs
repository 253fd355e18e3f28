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
    Bash,
}

impl ContextLanguage {
    pub const ALL: [Self; 4] = [Self::Python, Self::JavaScript, Self::TypeScript, Self::Bash];

    /// The id on the wire and in requests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::JavaScript => "javascript",
            Self::TypeScript => "typescript",
            Self::Bash => "bash",
        }
    }

    /// The one that a request means.
    pub fn meant_by(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "python" | "python3" | "py" => Some(Self::Python),
            "javascript" | "js" | "node" | "nodejs" => Some(Self::JavaScript),
            "typescript" | "ts" => Some(Self::TypeScript),
            "bash" | "sh" | "shell" => Some(Self::Bash),
            _ => None,
        }
    }

    /// The language of a run whose program is an interpreter of this one; `None` if no run has it.
    pub const fn of_run(self) -> Option<RunLanguage> {
        match self {
            Self::Python => Some(RunLanguage::named("python")),
            Self::JavaScript | Self::TypeScript => Some(RunLanguage::named("node")),
            Self::Bash => None,
        }
    }

    /// The interpreter, as `PATH` leads to it.
    pub const fn command(self) -> &'static str {
        match self {
            Self::Python => "python3",
            Self::JavaScript | Self::TypeScript => "node",
            Self::Bash => "bash",
        }
    }

    /// The name of the file that a cell of a run would be.
    pub const fn cell_file(self) -> &'static str {
        match self {
            Self::Python => "cell.py",
            Self::JavaScript => "cell.js",
            Self::TypeScript => "cell.ts",
            Self::Bash => "cell.sh",
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
        for (language, name) in ContextLanguage::ALL.into_iter().zip(["python", "javascript", "typescript", "bash"]) {
            assert_eq!((language.name(), serde_json::to_value(language).unwrap()), (name, name.into()));
            assert_eq!(ContextLanguage::meant_by(name), Some(language));
        }
        let runs = ContextLanguage::ALL.map(|language| language.of_run().map(RunLanguage::name));
        assert_eq!(runs, [Some("python"), Some("node"), Some("node"), None]);
        assert_eq!(ContextLanguage::meant_by("perl"), None);
        assert_eq!(ContextLanguage::of_sandbox(RunLanguage::named("node")), ContextLanguage::JavaScript);
        assert_eq!(ContextLanguage::of_sandbox(RunLanguage::named("ruby")), ContextLanguage::Python);
    }
}
