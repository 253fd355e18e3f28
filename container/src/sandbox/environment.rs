//! The variables that every command of a sandbox has.

use crate::egress;
use crate::interpreters::Interpreters;
use docle_protocol::Network;
use docle_protocol::sandbox::SandboxSpec;
use std::collections::BTreeMap;
use std::path::Path;

/// Where the user's own programs are.
const OWN: &str = "/home/user/.local/bin";
const SYSTEM: &str = "/usr/local/bin:/usr/bin:/bin";

/// The directories of the interpreters, then those of the system.
pub fn path(interpreters: &Interpreters) -> String {
    let mut directories = vec![OWN.to_owned()];
    for interpreter in interpreters.languages.values() {
        let directory = Path::new(&interpreter.executable).parent().unwrap_or(Path::new("/"));
        let directory = directory.to_string_lossy().into_owned();
        if !SYSTEM.split(':').any(|known| known == directory) && !directories.contains(&directory) {
            directories.push(directory);
        }
    }
    directories.push(SYSTEM.into());
    directories.join(":")
}

/// The variables of a command: those of the machine, then of the sandbox, then of the command; the last one counts.
pub fn environment(
    path: &str,
    spec: &SandboxSpec,
    of_sandbox: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> Vec<(String, String)> {
    let machine = [
        ("PATH", path.to_owned()),
        ("HOME", "/home/user".into()),
        ("USER", "user".into()),
        ("LOGNAME", "user".into()),
        ("SHELL", "/bin/bash".into()),
        ("LANG", "C.UTF-8".into()),
        ("TZ", "UTC".into()),
        // V8 would plan its heap by the memory of the machine. An eighth is left for what is no heap.
        ("NODE_OPTIONS", format!("--max-old-space-size={}", spec.memory_mb / 8 * 7)),
        // The kernel tells no program of changed files here, see `seccomp`. Dev servers that know these look for themselves.
        ("CHOKIDAR_USEPOLLING", "1".into()),
        ("WATCHPACK_POLLING", "true".into()),
    ];
    let mut variables: BTreeMap<String, String> =
        machine.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    if spec.network != Network::None {
        variables.extend(egress::environment());
    }
    variables.extend(of_sandbox.clone());
    variables.extend(own.clone());
    variables.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variables_of_a_command_count_more_than_those_of_its_sandbox() {
        let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        let spec = SandboxSpec { env: BTreeMap::new(), memory_mb: 512, disk_mb: 64, network: Network::None };
        let of_sandbox = pairs(&[("A", "sandbox"), ("B", "sandbox"), ("LANG", "de_DE.UTF-8")]);
        let own = pairs(&[("A", "command")]);
        let found: BTreeMap<_, _> = environment("/bin", &spec, &of_sandbox, &own).into_iter().collect();
        let of = |name: &str| found.get(name).map(String::as_str);
        assert_eq!((of("A"), of("B"), of("LANG")), (Some("command"), Some("sandbox"), Some("de_DE.UTF-8")));
        assert_eq!((of("PATH"), of("HOME"), of("HTTP_PROXY")), (Some("/bin"), Some("/home/user"), None));
        assert_eq!(of("NODE_OPTIONS"), Some("--max-old-space-size=448"));
    }
}
