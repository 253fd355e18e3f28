//! A hint for a program that failed because a package is missing: what to send in the next request.

use docle_languages::PackageTool;
use docle_protocol::RunJob;
use std::collections::BTreeSet;

/// Modules whose package has another name.
const PYTHON_PACKAGES: [(&str, &str); 34] = [
    ("Bio", "biopython"),
    ("Crypto", "pycryptodome"),
    ("Levenshtein", "levenshtein"),
    ("MySQLdb", "mysqlclient"),
    ("OpenSSL", "pyopenssl"),
    ("PIL", "pillow"),
    ("attr", "attrs"),
    ("bs4", "beautifulsoup4"),
    ("cairo", "pycairo"),
    ("cv2", "opencv-python"),
    ("dateutil", "python-dateutil"),
    ("discord", "discord.py"),
    ("distutils", "setuptools"),
    ("docx", "python-docx"),
    ("dotenv", "python-dotenv"),
    ("faiss", "faiss-cpu"),
    ("fitz", "pymupdf"),
    ("git", "gitpython"),
    ("github", "pygithub"),
    ("jose", "python-jose"),
    ("jwt", "pyjwt"),
    ("magic", "python-magic"),
    ("mpl_toolkits", "matplotlib"),
    ("pkg_resources", "setuptools"),
    ("pptx", "python-pptx"),
    ("psycopg2", "psycopg2-binary"),
    ("ruamel", "ruamel.yaml"),
    ("serial", "pyserial"),
    ("skimage", "scikit-image"),
    ("sklearn", "scikit-learn"),
    ("slugify", "python-slugify"),
    ("umap", "umap-learn"),
    ("usb", "pyusb"),
    ("yaml", "pyyaml"),
];

/// Modules that belong to the interpreter, and that no package brings.
const WITHOUT_PACKAGE: [&str; 6] = ["tkinter", "turtle", "idlelib", "imp", "asyncore", "asynchat"];

/// The longest name of a package, see `package.rs` of the Worker.
const MAX_NAME_BYTES: usize = 214;

/// What a hint depends on besides what the program wrote.
#[derive(Debug)]
pub struct HintSource {
    tool: PackageTool,
    /// Names that the program's own files give to modules.
    own: BTreeSet<String>,
    /// The packages that were installed.
    packages: Vec<String>,
}

impl HintSource {
    pub fn of(job: &RunJob) -> Self {
        let first = |path: &str| path.split(['/', '.']).next().unwrap_or_default().to_owned();
        let own = job.files.iter().map(|file| first(&file.path)).collect();
        Self { tool: job.language.package_manager, own, packages: job.packages.clone() }
    }

    /// The hint for a program that failed with these last words; `None` if no package is missing.
    pub fn hint(&self, last_words: &str) -> Option<String> {
        let (module, package) = match self.tool {
            PackageTool::Pip => self.python(last_words)?,
            PackageTool::Npm => node(last_words)?,
            PackageTool::None => return None,
        };
        if self.packages.iter().any(|installed| is_package(installed, &package)) {
            return None;
        }
        let all = self.packages.iter().filter(|_| self.packages.len() <= 5).chain([&package]);
        let all = all.map(|package| format!("\"{package}\"")).collect::<Vec<_>>().join(", ");
        let more = if self.packages.len() > 5 { "…, " } else { "" };
        Some(format!(
            "The module \"{module}\" is not installed. Add its package to the request: \"packages\": [{more}{all}]"
        ))
    }

    fn python(&self, last_words: &str) -> Option<(String, String)> {
        let module = quoted_after(last_words, "ModuleNotFoundError: No module named ")?;
        let top = module.split('.').next()?;
        let is_word = !top.is_empty() && top.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_word || top.starts_with('_') || self.own.contains(top) || WITHOUT_PACKAGE.contains(&top) {
            return None;
        }
        let package = match module {
            "google.protobuf" => "protobuf".to_owned(),
            _ => PYTHON_PACKAGES
                .iter()
                .find(|(name, _)| *name == top)
                .map_or_else(|| top.replace('_', "-").to_ascii_lowercase(), |(_, package)| (*package).to_owned()),
        };
        Some((module.to_owned(), package))
    }
}

/// The module that Node did not find, and its package. Paths are the program's own affair.
fn node(last_words: &str) -> Option<(String, String)> {
    let module =
        quoted_after(last_words, "Cannot find package ").or_else(|| quoted_after(last_words, "Cannot find module "))?;
    let mut parts = module.split('/');
    let first = parts.next()?;
    let package = match first.strip_prefix('@') {
        Some(_) => format!("{first}/{}", parts.next()?),
        None => first.to_owned(),
    };
    let plain = package.strip_prefix('@').unwrap_or(&package);
    let is_name = plain.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && plain.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-/".contains(c));
    is_name.then(|| (module.to_owned(), package))
}

/// The text in quotes after the last `words`, on the same line.
fn quoted_after<'a>(text: &'a str, words: &str) -> Option<&'a str> {
    let after = &text[text.rfind(words)? + words.len()..];
    let quoted = after.strip_prefix('\'')?;
    let found = &quoted[..quoted.find('\'')?];
    (found.len() <= MAX_NAME_BYTES && !found.contains('\n')).then_some(found)
}

/// Whether a requirement names this package.
fn is_package(requirement: &str, package: &str) -> bool {
    let plain = |text: &str| text.to_ascii_lowercase().replace(['_', '.'], "-");
    let scope = usize::from(requirement.starts_with('@'));
    let is_name = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    let end = requirement[scope..].find(|c| !is_name(c)).map_or(requirement.len(), |at| at + scope);
    plain(&requirement[..end]) == plain(package)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hint(tool: PackageTool, own: &[&str], packages: &[&str], words: &str) -> Option<String> {
        let text = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        HintSource { tool, own: text(own).into_iter().collect(), packages: text(packages) }.hint(words)
    }

    #[test]
    fn a_missing_module_came_without_a_hint_at_its_package() {
        for (module, package) in [
            ("numpy", "numpy"),
            ("numpy.linalg", "numpy"),
            ("PIL", "pillow"),
            ("cv2", "opencv-python"),
            ("sklearn.svm", "scikit-learn"),
            ("yaml", "pyyaml"),
            ("bs4", "beautifulsoup4"),
            ("google.protobuf", "protobuf"),
            ("typing_extensions", "typing-extensions"),
        ] {
            let words = format!("Traceback …\n  import x\nModuleNotFoundError: No module named '{module}'\n");
            let expected = format!(
                "The module \"{module}\" is not installed. Add its package to the request: \"packages\": [\"{package}\"]"
            );
            assert_eq!(hint(PackageTool::Pip, &["main"], &[], &words), Some(expected));
        }
        for (words, package) in [
            ("Error: Cannot find module 'lodash'\nRequire stack:\n- /workspace/main.js\n    at x", "lodash"),
            ("Error: Cannot find module 'lodash/fp'\n", "lodash"),
            ("Error [ERR_MODULE_NOT_FOUND]: Cannot find package '@scope/a' imported from /workspace/a.mjs", "@scope/a"),
        ] {
            let found = hint(PackageTool::Npm, &["main"], &[], words).unwrap();
            assert!(found.ends_with(&format!("\"packages\": [\"{package}\"]")), "{found}");
        }
        let more = hint(PackageTool::Pip, &[], &["idna==3"], "ModuleNotFoundError: No module named 'six'\n").unwrap();
        assert!(more.ends_with("\"packages\": [\"idna==3\", \"six\"]"), "{more}");
    }

    #[test]
    fn other_failures_get_no_hint() {
        for words in [
            "",
            "ValueError: x\n",
            "ModuleNotFoundError: No module named 'helpers'\n",
            "ModuleNotFoundError: No module named 'helpers.deep'\n",
            "ModuleNotFoundError: No module named '_ssl'\n",
            "ModuleNotFoundError: No module named 'tkinter'\n",
            "ModuleNotFoundError: No module named 'six.moves.nothing'\n",
            "ModuleNotFoundError: No module named 'a b'\n",
            "ModuleNotFoundError: No module named '\"]\\n'\n",
            "ModuleNotFoundError: No module named 'a",
            "ModuleNotFoundError: No module named ",
        ] {
            assert_eq!(hint(PackageTool::Pip, &["main", "helpers"], &["six>=1"], words), None, "{words}");
        }
        for words in [
            "Error: Cannot find module './x'\n",
            "Error: Cannot find module '/workspace/x'\n",
            "Error: Cannot find module '../x'\n",
            "Error: Cannot find module '@x'\n",
            "Error: Cannot find module '\"x'\n",
            "Error: Cannot find module 'X y'\n",
        ] {
            assert_eq!(hint(PackageTool::Npm, &[], &[], words), None, "{words}");
        }
        let long = format!("ModuleNotFoundError: No module named '{}'\n", "a".repeat(5_000));
        assert_eq!(hint(PackageTool::Pip, &[], &[], &long), None);
    }
}
