//! What the tools are called, take and return. The build makes their schemas of the API's own.

use serde_json::Value;

/// The list of tools as JSON, in a fixed order.
const LIST: &str = include_str!(concat!(env!("OUT_DIR"), "/mcp_tools.json"));

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tool {
    RunCode,
    GetRun,
    CancelRun,
    ListLanguages,
}

impl Tool {
    /// Every tool.
    pub const ALL: [Self; 4] = [Self::RunCode, Self::GetRun, Self::CancelRun, Self::ListLanguages];

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::RunCode => "run_code",
            Self::GetRun => "get_run",
            Self::CancelRun => "cancel_run",
            Self::ListLanguages => "list_languages",
        }
    }

    /// The tool with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tool| tool.name() == name)
    }
}

/// The list of tools.
pub fn list() -> Value {
    serde_json::from_str(LIST).expect("the build writes JSON")
}

/// The names of its arguments.
pub const fn fields(tool: Tool) -> &'static [&'static str] {
    match tool {
        Tool::RunCode => &[
            "lang",
            "code",
            "files",
            "repo",
            "entrypoint",
            "stdin",
            "args",
            "env",
            "packages",
            "compile",
            "policy",
            "artifacts",
        ],
        Tool::GetRun | Tool::CancelRun => &["id"],
        Tool::ListLanguages => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use std::collections::BTreeSet;

    #[test]
    fn the_list_has_every_tool_with_closed_schemas() {
        let list = list();
        let names: Vec<_> = list.as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect();
        assert_eq!(names, Tool::ALL.map(Tool::name));
        for (tool, known) in list.as_array().unwrap().iter().zip(Tool::ALL) {
            let described: BTreeSet<_> =
                tool["inputSchema"]["properties"].as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(described, fields(known).iter().copied().collect());
            assert_eq!(tool["inputSchema"]["type"], "object", "{tool}");
            assert_eq!(tool["inputSchema"]["additionalProperties"], false, "{tool}");
            let text = tool.to_string();
            assert!(!text.contains("#/components/"), "{tool}");
            for (_, name) in text.match_indices("#/$defs/").map(|(at, mark)| (at, &text[at + mark.len()..])) {
                let name = name.split('"').next().unwrap();
                let has = |schema: &str| tool[schema]["$defs"][name].is_object();
                assert!(has("inputSchema") || has("outputSchema"), "{name}");
            }
        }
        assert_eq!(list[0]["inputSchema"]["required"], json!(["lang"]));
    }
}
