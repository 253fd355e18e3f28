//! What may be executed in a sandbox.

use docle_protocol::limits;
use docle_protocol::sandbox::ExecCommand;
use std::collections::BTreeMap;

/// Characters of the id of a command or process.
const MAX_EXEC_ID: usize = 64;

/// The id of a command or process is one.
pub fn check_id_of_command(id: &str) -> Result<(), String> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if id.is_empty() || id.len() > MAX_EXEC_ID || !id.bytes().all(is_letter) {
        return Err(format!("id: 1 to {MAX_EXEC_ID} letters, digits, - and _ expected"));
    }
    Ok(())
}

/// The kernel takes these words and variables, and this directory.
pub fn check_command(command: &ExecCommand, cwd: &str, env: &BTreeMap<String, String>) -> Result<(), String> {
    let words: Vec<&String> = match command {
        ExecCommand::Shell(text) => vec![text],
        ExecCommand::Argv(argv) if argv.first().is_none_or(String::is_empty) => {
            return Err("command.argv: a program expected".into());
        }
        ExecCommand::Argv(argv) => argv.iter().collect(),
    };
    // The kernel takes no longer argument.
    if words.iter().any(|word| word.contains('\0') || word.len() > limits::MAX_ARG_BYTES) {
        return Err(format!("command: at most {} bytes for each argument, and no NUL", limits::MAX_ARG_BYTES));
    }
    if cwd.contains('\0') {
        return Err("cwd: no NUL expected".into());
    }
    check_env(env)
}

/// The kernel takes these variables.
pub fn check_env(env: &BTreeMap<String, String>) -> Result<(), String> {
    if env.keys().any(|name| name.is_empty() || name.contains('=')) {
        return Err("env: a name is empty or contains '='".into());
    }
    let mut strings = env.iter().flat_map(|(name, value)| [name, value]);
    if strings.any(|text| text.contains('\0') || text.len() > limits::MAX_ARG_BYTES) {
        return Err(format!("env: at most {} bytes each, and no NUL", limits::MAX_ARG_BYTES));
    }
    Ok(())
}
