//! Package requirements, cut down to what names a package in the language's own registry.
//!
//! A requirement ends on the command line or in the requirements file of an installer, so everything that those read as
//! an option, a path, an archive or an address is refused here.

use docle_api::limits::MAX_PACKAGE_BYTES;
use docle_languages::PackageTool;

/// npm's limit for a name with its scope; PyPI's names are shorter.
const MAX_NAME_BYTES: usize = 214;

/// The requirement in the form that the installer gets.
///
/// # Errors
/// A clause that says what is wrong, to be read after the name of the field.
pub fn parse(manager: PackageTool, text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.len() > MAX_PACKAGE_BYTES {
        return Err(format!("must have at most {MAX_PACKAGE_BYTES} bytes, got {}", text.len()));
    }
    let parsed = match manager {
        PackageTool::Pip => python(text),
        PackageTool::Npm => node(text),
        PackageTool::None => None,
    };
    parsed.ok_or_else(|| {
        match manager {
            PackageTool::Pip => {
                "must be a package name with an optional version, for example \"requests\", \"pandas==2.0.0\" or \
                 \"uvicorn[standard]>=0.30,<1\"; options, paths, addresses and markers are not allowed"
            }
            PackageTool::Npm => {
                "must be a package name with an optional version, for example \"lodash\", \"express@4.18.0\" or \
                 \"@types/node@^22\"; names are lower case; options, paths, addresses and aliases are not allowed"
            }
            PackageTool::None => "cannot be installed: this language has no packages here",
        }
        .to_owned()
    })
}

/// `name[extra,…] op version, …` of PEP 508, without blanks in the result.
fn python(text: &str) -> Option<String> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let mut words = text.split_whitespace().peekable();
    let mut joined = String::with_capacity(text.len());
    while let Some(word) = words.next() {
        if words.peek().is_some_and(|next| word.ends_with(is_word) && next.starts_with(is_word)) {
            return None;
        }
        joined.push_str(word);
    }
    let text = joined;
    let name_end = text.find(|c| !is_word(c)).unwrap_or(text.len());
    let (name, rest) = text.split_at(name_end);
    let specifiers = match rest.strip_prefix('[') {
        Some(rest) => {
            let (extras, specifiers) = rest.split_once(']')?;
            extras.split(',').all(is_python_name).then_some(specifiers)?
        }
        None => rest,
    };
    let good = is_python_name(name)
        && !is_archive(name)
        && (specifiers.is_empty() || specifiers.split(',').all(is_python_specifier));
    good.then_some(text)
}

/// `^([A-Z0-9]|[A-Z0-9][A-Z0-9._-]*[A-Z0-9])$`, case-insensitively, as PyPI has it; without `..`, which no package has.
fn is_python_name(name: &str) -> bool {
    let is_edge = |c: char| c.is_ascii_alphanumeric();
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(is_edge)
        && name.ends_with(is_edge)
        && !name.contains("..")
        && name.chars().all(|c| is_edge(c) || "._-".contains(c))
}

fn is_python_specifier(specifier: &str) -> bool {
    let operators = ["===", "==", "!=", "<=", ">=", "~=", "<", ">"];
    let version = operators.iter().find_map(|operator| specifier.strip_prefix(operator));
    version.is_some_and(|version| {
        version.starts_with(|c: char| c.is_ascii_alphanumeric())
            && !version.contains("..")
            && version.chars().all(|c| c.is_ascii_alphanumeric() || "._-+!*".contains(c))
    })
}

/// `name`, `@scope/name`, each with `@` and a version, a range or a tag.
fn node(text: &str) -> Option<String> {
    let scoped = usize::from(text.starts_with('@'));
    let (name, version) = match text[scoped..].split_once('@') {
        Some((name, version)) => (&text[..scoped + name.len()], Some(version.trim())),
        None => (text, None),
    };
    let good_name = match name.strip_prefix('@') {
        Some(scoped) => scoped.split_once('/').is_some_and(|(scope, name)| is_node_name(scope) && is_node_name(name)),
        None => is_node_name(name) && !is_archive(name),
    };
    if !good_name || name.len() > MAX_NAME_BYTES {
        return None;
    }
    match version {
        None => Some(name.to_owned()),
        Some(version) if is_node_tag(version) || is_node_range(version) => Some(format!("{name}@{version}")),
        Some(_) => None,
    }
}

/// npm's rule for new packages: lower case, URL-safe, not starting with a dot or an underscore.
fn is_node_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && !name.contains("..")
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "._-~".contains(c))
}

fn is_node_tag(tag: &str) -> bool {
    tag.starts_with(|c: char| c.is_ascii_alphabetic())
        && tag.chars().all(|c| c.is_ascii_alphanumeric() || "_-".contains(c))
}

/// Comparators joined by blanks, ` - ` and `||`, as node-semver reads them.
fn is_node_range(range: &str) -> bool {
    !is_archive(range)
        && range.split("||").all(|set| {
            let mut words = set.split_whitespace().filter(|&word| word != "-").peekable();
            words.peek().is_some() && words.all(is_node_comparator)
        })
}

fn is_node_comparator(word: &str) -> bool {
    let operators = [">=", "<=", ">", "<", "=", "^", "~"];
    let operator = operators.iter().find(|&&operator| word.starts_with(operator)).map_or(0, |operator| operator.len());
    let version = &word[operator..];
    let number = version.strip_prefix('v').unwrap_or(version);
    (version.is_empty() && operator > 0)
        || (number.starts_with(|c: char| c.is_ascii_digit() || "xX*".contains(c))
            && !number.contains("..")
            && number.chars().all(|c| c.is_ascii_alphanumeric() || ".*+-".contains(c)))
}

/// Both installers take a word with such an ending for a file.
fn is_archive(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    [".tgz", ".tar", ".gz", ".bz2", ".xz", ".zip", ".whl", ".txt", ".toml"].iter().any(|ending| lower.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn requirements_of_the_registries_pass() {
        let long = format!("a{}", "b".repeat(200));
        for (language, text, parsed) in [
            (PackageTool::Pip, "requests", "requests"),
            (PackageTool::Pip, "pandas==2.0.0", "pandas==2.0.0"),
            (PackageTool::Pip, " Pillow >= 10, < 12 ", "Pillow>=10,<12"),
            (PackageTool::Pip, "uvicorn[standard,dev]~=0.30", "uvicorn[standard,dev]~=0.30"),
            (PackageTool::Pip, "ruamel.yaml!=0.18.1", "ruamel.yaml!=0.18.1"),
            (PackageTool::Pip, "torch==2.1.*", "torch==2.1.*"),
            (PackageTool::Pip, "x==1!2.0.post1+cpu", "x==1!2.0.post1+cpu"),
            (PackageTool::Npm, "lodash", "lodash"),
            (PackageTool::Npm, "lodash@4.17.21", "lodash@4.17.21"),
            (PackageTool::Npm, "@types/node@^22", "@types/node@^22"),
            (PackageTool::Npm, "express@>=4.18 <5", "express@>=4.18 <5"),
            (PackageTool::Npm, "a@>= 1.2", "a@>= 1.2"),
            (PackageTool::Npm, "a@1.2.3 - 2.0.0 || 3.x", "a@1.2.3 - 2.0.0 || 3.x"),
            (PackageTool::Npm, "a@1||2", "a@1||2"),
            (PackageTool::Npm, "react@latest", "react@latest"),
            (PackageTool::Npm, "next@v14.0.0-canary.1", "next@v14.0.0-canary.1"),
            (PackageTool::Npm, "socket.io@*", "socket.io@*"),
            (PackageTool::Npm, &long, &long),
        ] {
            assert_eq!(parse(language, text).as_deref(), Ok(parsed), "{text}");
        }
    }

    #[test]
    fn everything_else_is_refused() {
        let shared = [
            "",
            " ",
            "-r",
            "--index-url=https://evil.example",
            "-e .",
            "git+https://github.com/a/b",
            "../x",
            "./x",
            ".",
            "..",
            "/etc/passwd",
            "https://evil.example/a.tgz",
            "file:x",
            "a b",
            "a;b",
            "a\nb",
            "a\0",
            "$(id)",
            "`id`",
            "a|b",
            "x.tgz",
            "a&b",
            "é",
            "a..b",
            "_a",
            "a/b/c",
            "C:\\x",
        ];
        let python = [
            "requests; python_version<'3'",
            "requests @ https://evil.example",
            "a[",
            "a[]",
            "a[-x]",
            "a==",
            "a==-1",
            "a=1",
            "a>=1,",
            "a==1..2",
            "a-",
            "x.whl",
            "requirements.txt",
            "@types/node",
            "a==1/2",
            "a>=1 --hash=sha256:0",
        ];
        let node = [
            "@",
            "@a",
            "@/a",
            "@a/",
            "@a/b/c",
            "@../a",
            "@a/..",
            "a@",
            "a@npm:b",
            "a@file:../x",
            "a@..",
            "a@.",
            "a@../x",
            "a@1/2",
            "a@1.tgz",
            "a@github:b/c",
            "b/c",
            "UPPER",
            "a@b@c",
            "a@-1",
            "a@--x",
            "a@-",
            "a@1 --global",
            "a@||",
            "@a/b@",
            "a@1..2",
        ];
        for (language, texts) in [(PackageTool::Pip, &python[..]), (PackageTool::Npm, &node[..])] {
            for text in shared.iter().chain(texts) {
                assert!(parse(language, text).is_err(), "{language:?} {text:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_but_a_package_gets_through(text in r"[a@/.\-=<>~^\[\], :1+\x00\n|*]{0,14}") {
            for language in [PackageTool::Pip, PackageTool::Npm] {
                if let Ok(parsed) = parse(language, &text) {
                    prop_assert!(parsed.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '@'), "{}", parsed);
                    prop_assert!(!parsed.contains("..") && !parsed.contains("./") && !parsed.contains(" --"), "{}", parsed);
                    prop_assert!(!parsed.contains(['\0', '\n', ':', ';', '\\']), "{}", parsed);
                    prop_assert!(parsed.split_whitespace().all(|word| word == "-" || !word.starts_with('-')), "{}", parsed);
                    prop_assert_eq!(parse(language, &parsed), Ok(parsed));
                }
            }
        }
    }
}
