//! The pages in docs/ tell of every error code and of every field of a request, with its default and its limits.

use docle_api::document::document;
use docle_api::errors::ErrorCode;
use docle_api::request_headers::REQUEST_HEADERS;
use serde_json::Value;
use std::path::Path;

/// The page that tells of a request.
const PAGES: [(&str, &[&str]); 21] = [
    ("RunRequest", &["api", "languages"]),
    ("CompileRequest", &["api"]),
    ("SourceFile", &["api"]),
    ("PackageList", &["api"]),
    ("Policy", &["api"]),
    ("UserContext", &["api"]),
    ("IsolateRunRequest", &["isolates", "isolates-limits"]),
    ("IsolatePolicy", &["isolates", "isolates-limits", "api"]),
    ("ScriptRequest", &["isolates", "isolates-limits"]),
    ("ScriptConfig", &["isolates", "isolates-limits"]),
    ("StdinMessage", &["interactive"]),
    ("ResizeMessage", &["interactive"]),
    ("TerminalSize", &["interactive"]),
    ("KeySettings", &["keys"]),
    ("Rotation", &["keys"]),
    ("ProjectSettings", &["keys", "isolates"]),
    ("IsolateSettings", &["isolates"]),
    ("RoomSettings", &["rooms"]),
    ("RoomTokenSettings", &["rooms"]),
    ("RoomProgram", &["rooms"]),
    ("LinkRequest", &["accounts"]),
];

fn page(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs").join(format!("{name}.md"));
    std::fs::read_to_string(&path).unwrap_or_default()
}

/// Whether a page has `text` as a whole number, or as words.
fn has(page: &str, text: &str) -> bool {
    let is_part = |edge: Option<char>| edge.is_some_and(|edge| edge.is_ascii_digit());
    page.match_indices(text).any(|(at, _)| {
        let (before, after) = (&page[..at], &page[at + text.len()..]);
        let goes_on = after.strip_prefix(',').is_some_and(|after| is_part(after.chars().next()));
        let began = before.strip_suffix(',').is_some_and(|before| is_part(before.chars().last()));
        !(goes_on || began || is_part(before.chars().last()) || is_part(after.chars().next()))
    })
}

/// A number as a page may write it: `10,000` or `10000`; or in words that everyone reads as that number.
fn spellings(number: u64) -> Vec<String> {
    let plain = number.to_string();
    let mut grouped = String::new();
    for (index, digit) in plain.chars().enumerate() {
        if index > 0 && (plain.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    let words = match number {
        // One item, and none, need no number.
        0 | 1 => vec![""],
        3_600 => vec!["an hour"],
        86_400 => vec!["a day"],
        2_592_000 => vec!["30 days"],
        102_400 => vec!["100 KB"],
        10_485_760 => vec!["10 MiB"],
        _ => Vec::new(),
    };
    [plain, grouped].into_iter().chain(words.into_iter().map(str::to_owned)).collect()
}

#[test]
fn every_error_code_has_its_heading_and_its_status() {
    let page = page("errors");
    let missing = ErrorCode::ALL
        .iter()
        .filter(|code| !page.contains(&format!("\n## {}\n\nHTTP {}. ", code.name(), code.status())));
    let missing: Vec<&str> = missing.map(|code| code.name()).collect();
    assert!(missing.is_empty(), "docs/errors.md needs a heading and the status of {}", missing.join(", "));
    let is_code = |heading: &&str| heading.chars().all(|one| one == '_' || one.is_ascii_lowercase());
    for heading in page.lines().filter_map(|line| line.strip_prefix("## ")).filter(is_code) {
        assert!(
            ErrorCode::ALL.iter().any(|code| code.name() == heading),
            "docs/errors.md tells of {heading}, which is no code"
        );
    }
}

#[test]
fn the_page_lists_the_headers_that_a_preflight_allows() {
    let page = page("api");
    let listed =
        page.split("Pages of any origin may send these").nth(1).and_then(|rest| rest.split("\n\n").nth(1)).unwrap();
    let names = listed.lines().skip(2).filter_map(|row| row.split('`').nth(1));
    assert_eq!(names.collect::<Vec<_>>(), REQUEST_HEADERS);
}

#[test]
fn every_field_of_a_request_is_told_with_its_default_and_its_limits() {
    let document = document();
    let mut untold = Vec::new();
    for (schema, pages) in PAGES {
        let text: String = pages.iter().map(|name| page(name)).collect();
        let properties = document["components"]["schemas"][schema]["properties"].as_object().unwrap();
        for (name, property) in properties {
            if !text.contains(&format!("`{name}"))
                && !text.contains(&format!(".{name}`"))
                && !text.contains(&format!("\"{name}\""))
            {
                untold.push(format!("{schema}.{name} in docs/{}.md", pages[0]));
            }
            for what in ["minimum", "maximum", "default", "maxItems"] {
                // A list of all names of an enumeration has as many as there are.
                let is_of_enumeration = what == "maxItems" && property["items"]["$ref"].is_string() && name != "files";
                let Some(number) = property[what].as_u64().filter(|_| !is_of_enumeration) else { continue };
                if !spellings(number).iter().any(|spelling| has(&text, spelling)) {
                    untold.push(format!("{schema}.{name} {what} {number} in docs/{}.md", pages[0]));
                }
            }
            if let Some(values) = property["enum"].as_array() {
                let names = values.iter().filter_map(Value::as_str).filter(|value| !has(&text, value));
                untold.extend(names.map(|value| format!("{schema}.{name} {value} in docs/{}.md", pages[0])));
            }
        }
    }
    assert!(untold.is_empty(), "the pages do not tell of {untold:#?}");
}
