//! The table itself.

use crate::row::{ColdWhen, Dialect, Locate, Machine, PackageTool, Row, Runner, WarmStart, Word};
use crate::tree::*;

/// Every language, in the order in which they are listed to users.
pub static TABLE: &[Row] = &[
    Row {
        id: "python",
        aliases: &["py", "python3"],
        program_names: &[],
        title: "Python",
        extensions: &["py"],
        editor_mode: "python",
        judge0: &[71, 10],
        package_manager: PackageTool::Pip,
        runner: Some(Runner {
            entrypoint: "main.py",
            compile: None,
            run: &[Word::Text("python3"), Word::Entrypoint],
            component: "cpython",
            machine: Some(Machine {
                version_probe: "import platform; print(platform.python_version())",
                self_test: "print(6 * 7)",
                locate: Locate {
                    arguments: &[
                        "-I",
                        "-c",
                        "import sys; print(sys.executable); print(sys.base_prefix); print('%d.%d.%d' % sys.version_info[:3])",
                    ],
                    // Python finds its own shared library by an absolute path, so it stays where it was built to be.
                    inside: None,
                },
                warm_start: WarmStart::Fork,
                // Python goes back to the start of a script that names its encoding (PEP 263), which no pipe allows.
                cold_when: &[ColdWhen::HeadHas("coding")],
            }),
            environment: &[
                // What was printed must not be lost in a buffer when a limit ends the program.
                ("PYTHONUNBUFFERED", "1"),
                // The packages' directory comes after the standard library, as installed packages do everywhere.
                ("PYTHONUSERBASE", "/packages"),
            ],
            import_path: Some("PYTHONPATH"),
        }),
        dialect: None,
    },
    Row {
        id: "node",
        aliases: &["nodejs", "node.js"],
        program_names: &["javascript", "js", "ecmascript"],
        title: "JavaScript (Node.js)",
        extensions: &["js", "mjs", "cjs"],
        editor_mode: "javascript",
        judge0: &[63],
        package_manager: PackageTool::Npm,
        runner: Some(Runner {
            entrypoint: "main.js",
            compile: None,
            run: &[Word::Text("node"), Word::Entrypoint],
            component: "node",
            machine: Some(Machine {
                version_probe: "console.log(process.versions.node)",
                self_test: "console.log(6 * 7)",
                locate: Locate {
                    arguments: &[
                        "-p",
                        "[process.execPath, require('node:path').dirname(require('node:fs').realpathSync(process.execPath)), process.versions.node].join('\\n')",
                    ],
                    inside: Some("/runtime/node/bin"),
                },
                warm_start: WarmStart::Execute,
                // Node reads the package's description before it opens the script, so it has already found none.
                cold_when: &[ColdWhen::FileIs("package.json")],
            }),
            environment: &[],
            import_path: None,
        }),
        dialect: None,
    },
    BASH,
    PERL,
    LUA,
    PHP,
    RUBY,
    C,
    CPP,
    GO,
    JAVA,
    RUST,
    Row {
        id: "javascript",
        aliases: &["js", "ecmascript"],
        program_names: &[],
        title: "JavaScript",
        extensions: &["js", "mjs"],
        editor_mode: "javascript",
        judge0: &[],
        package_manager: PackageTool::None,
        runner: None,
        dialect: Some(Dialect::JavaScript),
    },
    Row {
        id: "typescript",
        aliases: &["ts"],
        program_names: &[],
        title: "TypeScript",
        extensions: &["ts", "mts"],
        editor_mode: "typescript",
        judge0: &[],
        package_manager: PackageTool::None,
        runner: None,
        dialect: Some(Dialect::TypeScript),
    },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::row::Tier;

    #[test]
    fn no_name_means_two_languages() {
        let names: Vec<&str> =
            TABLE.iter().flat_map(|row| [row.id].into_iter().chain(row.aliases.iter().copied())).collect();
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name}");
            assert_eq!(*name, name.to_ascii_lowercase());
        }
    }

    #[test]
    fn every_language_runs_somewhere_and_its_commands_name_the_entry_point() {
        for row in TABLE {
            assert!(Tier::ALL.iter().any(|&tier| row.runs_in(tier)), "{row}");
            assert!(!row.title.is_empty() && !row.editor_mode.is_empty(), "{row}");
            let Some(runner) = &row.runner else { continue };
            let names = |command: &[Word]| command.contains(&Word::Entrypoint) || command.contains(&Word::Sources);
            assert!(names(runner.compile.as_ref().map_or(runner.run, |compile| compile.command)), "{row}");
            assert!(matches!(runner.run[0], Word::Text(_)), "{row}");
            assert_eq!(runner.machine.is_none(), matches!(runner.run[0], Word::Text(path) if path.starts_with('/')));
            let (_, extension) = runner.entrypoint.rsplit_once('.').expect("an entry point has an ending");
            assert!(row.extensions.contains(&extension), "{row}");
        }
    }
}
