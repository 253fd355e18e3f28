//! Renders docs/errors.md as the page that the `type` of each problem leads to, and removes the whitespace from the OpenAPI
//! document.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, TextMergeStream, html};
use serde_json::Value;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "docs/errors.md";
const OPENAPI: &str = "crates/api/openapi.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCE}");
    let page = render(&fs::read_to_string(SOURCE)?);
    let output = env::var("OUT_DIR")?;
    fs::write(Path::new(&output).join("errors.html"), page)?;
    println!("cargo:rerun-if-changed={OPENAPI}");
    let document: Value = serde_json::from_str(&fs::read_to_string(OPENAPI)?)?;
    fs::write(Path::new(&output).join("openapi.json"), document.to_string())?;
    Ok(())
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
