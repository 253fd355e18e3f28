//! What may be asked of the terminals of a sandbox.

use crate::domain::input::problem::FieldError;
use crate::domain::sandbox::session::is_id;
use docle_api::limits::{MAX_SESSION_ID_CHARS, TERMINAL_CELLS};

/// The size of a terminal whose first viewer names none.
const DEFAULT_COLS: u16 = 80;
const DEFAULT_ROWS: u16 = 24;

/// A viewer who comes to a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Viewer {
    pub session: String,
    pub cols: u16,
    pub rows: u16,
    /// Whether the viewer only watches.
    pub is_view: bool,
}

/// Reads the query that connects to a terminal; `query` gives its parameters.
///
/// # Errors
/// Everything that is wrong with it.
pub fn parse_viewer(query: impl Fn(&str) -> Option<String>) -> Result<Viewer, Vec<FieldError>> {
    let mut errors = Vec::new();
    let mut note = |field: &str, message: String| errors.push(FieldError { field: field.to_owned(), message });
    let session = query("session").unwrap_or_default();
    if !is_id(&session) {
        let message =
            format!("is required: 1 to {MAX_SESSION_ID_CHARS} letters, digits, - and _ that name the terminal");
        note("session", message);
    }
    let mut cells = |name: &str, default: u16| match query(name) {
        None => default,
        Some(text) => text.parse().ok().filter(|cells| TERMINAL_CELLS.contains(cells)).unwrap_or_else(|| {
            note(name, format!("must be an integer from {} to {}", TERMINAL_CELLS.start(), TERMINAL_CELLS.end()));
            default
        }),
    };
    let (cols, rows) = (cells("cols", DEFAULT_COLS), cells("rows", DEFAULT_ROWS));
    let is_view = match query("mode").as_deref() {
        None | Some("edit") => false,
        Some("view") => true,
        Some(_) => {
            note("mode", "must be edit or view".to_owned());
            false
        }
    };
    if errors.is_empty() { Ok(Viewer { session, cols, rows, is_view }) } else { Err(errors) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(pairs: &[(&str, &str)]) -> Result<Viewer, Vec<String>> {
        let query = |name: &str| pairs.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        parse_viewer(query).map_err(|errors| errors.into_iter().map(|error| error.field).collect())
    }

    #[test]
    fn a_viewer_names_a_session_and_may_name_a_size() {
        let viewer = |cols, rows, is_view| Ok(Viewer { session: "a".into(), cols, rows, is_view });
        assert_eq!(parse(&[("session", "a")]), viewer(80, 24, false));
        let all = [("session", "a"), ("cols", "120"), ("rows", "1000"), ("mode", "view")];
        assert_eq!(parse(&all), viewer(120, 1_000, true));
        let wrong = [("session", "a b"), ("cols", "0"), ("rows", "x"), ("mode", "write")];
        assert_eq!(parse(&wrong), Err(["session", "cols", "rows", "mode"].map(str::to_owned).into()));
        assert_eq!(parse(&[]), Err(vec!["session".to_owned()]));
    }
}
