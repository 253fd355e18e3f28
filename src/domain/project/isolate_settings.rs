//! What a project decides about its scripts.

use crate::domain::host;
use crate::domain::input::reader::{Reader, shown};
use docle_api::limits::{MAX_DATABASE_CHARS as MAX_NAME_BYTES, MAX_SCRIPT_DOMAINS as MAX_ALLOWED_DOMAINS};
use docle_api::{fields, projects};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Where the scripts of a project may go, whatever their requests say.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct IsolateSettings {
    /// The hosts that `api()` may reach at most; `None` leaves it to each request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_domains: Option<Vec<String>>,
    /// The database of the deployment that `db()` reads.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

impl IsolateSettings {
    /// Whether the project has decided nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Reads `isolates` of a project's settings; what it does not name stays as in `self`, and `null` takes back.
    pub fn read(mut self, project: &mut Reader<'_>) -> Self {
        let Some(mut fields) = project.object("isolates", fields::of::<projects::IsolateSettings>()) else {
            return self;
        };
        match fields.value("allowedDomains") {
            None if fields.is_null("allowedDomains") => self.allowed_domains = None,
            None => {}
            Some(value) => {
                self.allowed_domains = read_domains(&mut fields, "allowedDomains", value).or(self.allowed_domains)
            }
        }
        match fields.value("database") {
            None if fields.is_null("database") => self.database = None,
            None => {}
            Some(Value::String(name)) if is_name(&name) => self.database = Some(name),
            Some(_) => fields.note(
                "database",
                format!("must be null or the name of a database of this deployment: a letter and at most {} letters, digits and hyphens more, in lower case", MAX_NAME_BYTES - 1),
            ),
        }
        self
    }
}

fn is_name(name: &str) -> bool {
    name.len() <= MAX_NAME_BYTES
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// Reads a list of hosts that scripts may reach; `None` where it is wrong, with everything wrong noted.
pub fn read_domains(fields: &mut Reader<'_>, name: &str, value: Value) -> Option<Vec<String>> {
    let Value::Array(values) = value else {
        fields.note(name, "must be a list of hosts such as [\"api.example.com\"]");
        return None;
    };
    if values.len() > MAX_ALLOWED_DOMAINS {
        fields.note(name, format!("must have at most {MAX_ALLOWED_DOMAINS} entries"));
        return None;
    }
    let mut domains = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        match value.as_str().map(host::parse) {
            Some(Ok(domain)) => domains.push(domain),
            Some(Err(clause)) => fields.note(
                &format!("{name}[{index}]"),
                format!("{clause}; got \"{}\"", shown(value.as_str().unwrap_or_default())),
            ),
            None => fields.note(&format!("{name}[{index}]"), "must be a string"),
        }
    }
    (domains.len() == values.len()).then_some(domains)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::input::problem::{FieldError, Problems};
    use serde_json::json;

    fn read(before: IsolateSettings, isolates: Value) -> Result<IsolateSettings, Vec<FieldError>> {
        let mut problems = Problems::default();
        let settings = Reader::open(json!({ "isolates": isolates }), String::new(), &["isolates"], &mut problems)
            .map(|mut fields| before.read(&mut fields));
        problems.conclude(settings)
    }

    #[test]
    fn a_change_leaves_alone_what_it_does_not_name() {
        let settings = read(IsolateSettings::default(), json!({ "allowedDomains": ["*.Example.com"] })).unwrap();
        assert_eq!(settings.allowed_domains, Some(vec!["*.example.com".to_owned()]));
        let settings = read(settings, json!({ "database": "wiki-2" })).unwrap();
        assert_eq!((settings.allowed_domains.is_some(), settings.database.as_deref()), (true, Some("wiki-2")));
        let settings = read(settings, json!({ "allowedDomains": null, "database": null })).unwrap();
        assert_eq!(settings, IsolateSettings::default());
        assert_eq!(read(settings, json!({ "allowedDomains": [] })).unwrap().allowed_domains, Some(vec![]));
    }

    #[test]
    fn wrong_settings_are_named() {
        for (isolates, field) in [
            (json!({ "allowedDomains": "a.com" }), "isolates.allowedDomains"),
            (json!({ "allowedDomains": ["a.com", "127.0.0.1"] }), "isolates.allowedDomains[1]"),
            (json!({ "allowedDomains": [1] }), "isolates.allowedDomains[0]"),
            (json!({ "database": "DB; DROP" }), "isolates.database"),
            (json!({ "database": "" }), "isolates.database"),
            (json!({ "domains": [] }), "isolates.domains"),
            (json!([]), "isolates"),
        ] {
            assert_eq!(read(IsolateSettings::default(), isolates.clone()).unwrap_err()[0].field, field, "{isolates}");
        }
    }

    #[test]
    fn isolate_settings_format_unchanged() {
        let settings = IsolateSettings { allowed_domains: Some(vec!["a.com".into()]), database: Some("wiki".into()) };
        assert_eq!(
            serde_json::to_value(&settings).unwrap(),
            json!({ "allowedDomains": ["a.com"], "database": "wiki" })
        );
        assert_eq!(serde_json::to_value(IsolateSettings::default()).unwrap(), json!({}));
        assert_eq!(serde_json::from_value::<IsolateSettings>(json!({})).unwrap(), IsolateSettings::default());
    }
}
