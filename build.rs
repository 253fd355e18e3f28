//! Renders docs/errors.md as the page that the `type` of each problem leads to, removes the whitespace from the OpenAPI
//! document, and lists the files of the embed frame.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, TextMergeStream, html};
use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "docs/errors.md";
const OPENAPI: &str = "crates/api/openapi.json";
const EMBED: &str = "build/embed";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCE}");
    let page = render(&fs::read_to_string(SOURCE)?);
    let output = env::var("OUT_DIR")?;
    fs::write(Path::new(&output).join("errors.html"), page)?;
    println!("cargo:rerun-if-changed={OPENAPI}");
    let document: Value = serde_json::from_str(&fs::read_to_string(OPENAPI)?)?;
    fs::write(Path::new(&output).join("openapi.json"), document.to_string())?;
    fs::write(Path::new(&output).join("embed.rs"), embed_files()?)?;
    Ok(())
}

/// The files of the embed frame as Rust, which scripts/setup/embed.mjs has bundled. Tests of Rust alone need none.
fn embed_files() -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={EMBED}");
    let manifest = Path::new(EMBED).join("manifest.json");
    if !manifest.exists() {
        if env::var("CARGO_CFG_TARGET_ARCH")? == "wasm32" {
            return Err(format!("{EMBED} is missing: `npm run build worker` makes it").into());
        }
        return Ok(constants("frame.js", "frame.css", "0.0.0", ""));
    }
    let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest)?)?;
    let text = |name: &str| manifest[name].as_str().ok_or("the manifest of the embed is incomplete");
    let mut files = String::new();
    let mut names: Vec<_> =
        fs::read_dir(EMBED)?.collect::<Result<Vec<_>, _>>()?.iter().map(fs::DirEntry::path).collect();
    names.sort();
    for path in names.iter().filter(|path| path.extension().is_some_and(|end| end == "js" || end == "css")) {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file of the embed has no name")?;
        files += &format!("File {{ name: {name:?}, content: include_bytes!({:?}) }},", fs::canonicalize(path)?);
    }
    Ok(constants(text("entry")?, text("style")?, text("version")?, &files))
}

fn constants(entry: &str, style: &str, version: &str, files: &str) -> String {
    format!(
        "const ENTRY: &str = {entry:?};\nconst STYLE: &str = {style:?};\nconst LOADER: &str = \"embed.js\";\n\
         const VERSION: &str = {version:?};\nstatic FILES: &[File] = &[{files}];\n"
    )
}

fn render(source: &str) -> String {
    let mut events: Vec<Event<'_>> = TextMergeStream::new(Parser::new(source)).collect();
    for index in 1..events.len() {
        let (before, after) = events.split_at_mut(index);
        if let (Some(Event::Start(Tag::Heading { id, .. })), Some(Event::Text(code))) =
            (before.last_mut(), after.first())
        {
            *id = Some(code.clone());
        }
    }
    // The page around it has the main heading.
    let end = events.iter().position(|event| matches!(event, Event::End(TagEnd::Heading(HeadingLevel::H1))));
    events.drain(..end.map_or(0, |end| end + 1));
    // The Worker does not serve the other pages, so a link to one becomes text.
    let mut is_served = false;
    events.retain(|event| match event {
        Event::Start(Tag::Link { dest_url, .. }) => {
            is_served = dest_url.starts_with("https:");
            is_served
        }
        Event::End(TagEnd::Link) => is_served,
        _ => true,
    });
    let mut page = String::new();
    html::push_html(&mut page, events.into_iter());
    page
}
