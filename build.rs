//! Renders docs/errors.md as the page that the `type` of each problem leads to, removes the whitespace from the OpenAPI
//! document, makes the schemas of the tools for agents of it, and lists the files of the embed frame.

use pulldown_cmark::{Event, HeadingLevel, Parser, Tag, TagEnd, TextMergeStream, html};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::error::Error;
use std::path::Path;
use std::{env, fs};

const SOURCE: &str = "docs/errors.md";
const OPENAPI: &str = "crates/api/openapi.json";
const TOOLS: &str = "src/http/mcp/tools.json";
const EMBED: &str = "build/embed";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={SOURCE}");
    let page = render(&fs::read_to_string(SOURCE)?);
    let output = env::var("OUT_DIR")?;
    fs::write(Path::new(&output).join("errors.html"), page)?;
    println!("cargo:rerun-if-changed={OPENAPI}");
    let document: Value = serde_json::from_str(&fs::read_to_string(OPENAPI)?)?;
    fs::write(Path::new(&output).join("openapi.json"), document.to_string())?;
    println!("cargo:rerun-if-changed={TOOLS}");
    let mut tools: Value = serde_json::from_str(&fs::read_to_string(TOOLS)?)?;
    for tool in tools.as_array_mut().into_iter().flatten() {
        for name in ["inputSchema", "outputSchema"] {
            if tool[name].is_object() {
                tool[name] = tool_schema(&tool[name], &document)?;
            }
        }
    }
    fs::write(Path::new(&output).join("mcp_tools.json"), tools.to_string())?;
    fs::write(Path::new(&output).join("embed.rs"), embed_files()?)?;
    Ok(())
}

/// A schema of a tool: one of the API's, whole or some of its fields, with all that it refers to, and texts that are parts of its
/// path.
fn tool_schema(wanted: &Value, document: &Value) -> Result<Value, Box<dyn Error>> {
    let schemas = &document["components"]["schemas"];
    let (name, mut schema) = match (wanted["schema"].as_str(), wanted["either"].as_array()) {
        (Some(name), _) => (name, schemas[name].clone()),
        (None, Some(names)) => {
            let one =
                |name: &Value| json!({ "$ref": format!("#/components/schemas/{}", name.as_str().unwrap_or_default()) });
            ("either", json!({ "type": "object", "anyOf": names.iter().map(one).collect::<Vec<_>>() }))
        }
        (None, None) => ("nothing", json!({ "type": "object", "properties": {}, "additionalProperties": false })),
    };
    if let Some(fields) = wanted["fields"].as_array() {
        let all = schema["properties"].as_object().ok_or("a tool takes a schema without fields")?;
        let pick = |field: &Value| {
            let field = field.as_str().ok_or("a field is no name")?;
            Ok((field.to_owned(), all.get(field).ok_or_else(|| format!("{name} has no field {field}"))?.clone()))
        };
        schema["properties"] = fields.iter().map(pick).collect::<Result<Map<_, _>, Box<dyn Error>>>()?.into();
        schema["additionalProperties"] = json!(false);
        if let Some(required) = schema.get_mut("required").and_then(Value::as_array_mut) {
            required.retain(|field| fields.contains(field));
        }
    }
    for (name, description) in wanted["parameters"].as_object().into_iter().flatten() {
        schema["properties"][name] = json!({ "type": "string", "description": description });
        let mut required = schema["required"].as_array().cloned().unwrap_or_default();
        required.push(json!(name));
        schema["required"] = json!(required);
    }
    let mut definitions = BTreeMap::new();
    let mut open = references(&schema);
    while let Some(name) = open.pop() {
        let definition = schemas[&name].clone();
        definitions.entry(name).or_insert_with(|| {
            open.extend(references(&definition));
            definition
        });
    }
    if !definitions.is_empty() {
        schema["$defs"] = json!(definitions);
    }
    Ok(serde_json::from_str(&schema.to_string().replace("#/components/schemas/", "#/$defs/"))?)
}

/// The names of the schemas that a schema refers to.
fn references(schema: &Value) -> Vec<String> {
    match schema {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(|name| name.as_str()?.strip_prefix("#/components/schemas/"));
            own.map(str::to_owned).into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// The files of the embed frame as Rust, which scripts/setup/embed.mjs has bundled. Tests of Rust alone need none.
fn embed_files() -> Result<String, Box<dyn Error>> {
    println!("cargo:rerun-if-changed={EMBED}");
    let manifest = Path::new(EMBED).join("manifest.json");
    if !manifest.exists() {
        if env::var("CARGO_CFG_TARGET_ARCH")? == "wasm32" {
            return Err(format!("{EMBED} is missing: `npm run build worker` makes it").into());
        }
        return Ok(constants(["frame.js", "frame.css", "output.html", "0.0.0"], ""));
    }
    let manifest: Value = serde_json::from_str(&fs::read_to_string(manifest)?)?;
    let text = |name: &str| manifest[name].as_str().ok_or("the manifest of the embed is incomplete");
    let mut files = String::new();
    let mut names: Vec<_> =
        fs::read_dir(EMBED)?.collect::<Result<Vec<_>, _>>()?.iter().map(fs::DirEntry::path).collect();
    names.sort();
    for path in
        names.iter().filter(|path| path.extension().is_some_and(|end| end == "js" || end == "css" || end == "html"))
    {
        let name = path.file_name().and_then(|name| name.to_str()).ok_or("a file of the embed has no name")?;
        files += &format!("File {{ name: {name:?}, content: include_bytes!({:?}) }},", fs::canonicalize(path)?);
    }
    Ok(constants([text("entry")?, text("style")?, text("output")?, text("version")?], &files))
}

fn constants([entry, style, output, version]: [&str; 4], files: &str) -> String {
    format!(
        "const ENTRY: &str = {entry:?};\nconst STYLE: &str = {style:?};\nconst OUTPUT: &str = {output:?};\n\
         const LOADER: &str = \"embed.js\";\n\
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
