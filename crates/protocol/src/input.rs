//! What the socket for the input of an interactive run carries beside the input itself, in text messages.

use serde::{Deserialize, Serialize};

/// A text message of the socket at [`crate::headers::stdin_path`]. It takes effect after the input before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", deny_unknown_fields)]
pub enum InputControl {
    /// The terminal has another size. Without a terminal it has no effect.
    Resize { cols: u16, rows: u16 },
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn input_control_format_unchanged() {
        let wire = json!({ "type": "resize", "cols": 120, "rows": 40 });
        assert_eq!(serde_json::to_value(InputControl::Resize { cols: 120, rows: 40 }).unwrap(), wire);
        assert_eq!(serde_json::from_value::<InputControl>(wire).unwrap(), InputControl::Resize { cols: 120, rows: 40 });
        assert!(
            serde_json::from_value::<InputControl>(json!({ "type": "resize", "cols": 1, "rows": 1, "x": 1 })).is_err()
        );
    }
}
