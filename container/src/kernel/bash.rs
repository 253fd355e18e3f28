//! What a shell reads that is a kernel: its preparation, and a cell.
//!
//! It is an interactive Bash without a terminal. An interactive shell drops what it does when SIGINT comes and reads on, as it does
//! after an error of syntax, so neither costs what cells have made. It reads its commands from the socket, which is its standard
//! input. The descriptors 201 and 202 are the streams, and 203 is the socket, for what the shell says. A cell has none of them. It is
//! one quoted word for `eval`, so no quote that is left open and no `break` reaches beyond it.

use std::collections::BTreeMap;

/// What starts the shell. It complains that it has no terminal, once, which nobody is to read.
pub const START: &str = "exec 201>&1 202>&2 203>&0; exec /bin/bash --norc --noprofile --noediting -i 2>/dev/null";

/// What the shell is told before its first cell.
pub const PREPARATION: &str = "PS1= PS2= PS4='+ '; set +o history +H; history -c; unset HISTFILE; exec 2>&202\n\
    \\builtin printf '{\"type\":\"ready\"}\\n' >&203\n";

/// What the shell says when a cell has ended. Messages have no number that it would wait for: nothing follows that has an order.
const DONE: &str = "{ __docle_code=$?; \\builtin trap '' INT\n\
    if [ \"$__docle_code\" != 0 ]; then \\builtin printf '{\"type\":\"error\",\"number\":1,\"name\":\"ExitCode\",\"message\":\"The last \
    command has ended with exit code %d.\",\"traceback\":[]}\\n' \"$__docle_code\"; fi\n\
    while \\builtin read -r __docle_name __docle_size __docle_unit; do \
    if [ \"$__docle_name\" = VmHWM: ]; then __docle_peak=$__docle_size; fi; done < /proc/$$/status\n\
    \\builtin printf '{\"type\":\"done\",\"count\":0,\"cpuMs\":0,\"memMB\":%d}\\n' $((__docle_peak / 1024))\n\
    \\builtin unset __docle_code __docle_name __docle_size __docle_unit __docle_peak; \\builtin trap - INT; } >&203 2>/dev/null\n";

/// A cell. The empty lines are for a parser that has come to the end of the word inside a quote: it drops the line that follows.
/// Variables before `eval` are those of the cell alone, which they are not before `builtin eval`.
pub fn cell(code: &str, env: &BTreeMap<String, String>) -> String {
    let variables: String = env.iter().map(|(name, value)| format!("{name}={} ", quoted(value))).collect();
    // A shell knows no NUL.
    let code = quoted(&format!("{}\n", code.replace('\0', "")));
    format!("{{ {variables}\\eval {code}; }} </dev/null >&201 2>&202 201>&- 202>&- 203>&-\n\n\n{DONE}")
}

/// One word, whatever is in it.
pub fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_one_word() {
        let text = cell("echo 'a\0'; }", &BTreeMap::from([("A".into(), "b c".into())]));
        assert!(text.starts_with("{ A='b c' \\eval 'echo '\\''a'\\''; }\n'; } </dev/null"), "{text}");
    }
}
