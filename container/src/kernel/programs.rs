//! The programs that make an interpreter a kernel. They come over its socket, so that nothing of them lies in the sandbox.

use super::bash;
use docle_languages::ContextLanguage;

const PYTHON_BOOT: &str = include_str!("../../kernels/python/boot.py");
const PYTHON: &[&str] = &[
    include_str!("../../kernels/python/channel.py"),
    include_str!("../../kernels/python/pretty.py"),
    include_str!("../../kernels/python/bundles.py"),
    include_str!("../../kernels/python/imports.py"),
    include_str!("../../kernels/python/figures.py"),
    include_str!("../../kernels/python/charts.py"),
    include_str!("../../kernels/python/magics.py"),
    include_str!("../../kernels/python/notebook.py"),
    include_str!("../../kernels/python/kernel.py"),
];

/// Node cannot move a descriptor. It marks those below 16 that it finds as none for its children. One of its internals is what
/// its own REPL makes of a top-level `await`.
const NODE_START: &str =
    r#"exec 9<&0 </dev/null; exec "$1" --expose-internals --disable-warning=ExperimentalWarning -e "$0""#;
const NODE_BOOT: &str = include_str!("../../kernels/node/boot.js");
const NODE: &[&str] = &[
    include_str!("../../kernels/node/channel.js"),
    include_str!("../../kernels/node/bundles.js"),
    include_str!("../../kernels/node/source.js"),
    include_str!("../../kernels/node/kernel.js"),
];

/// The command that starts the interpreter of a language: this one, or the one that `PATH` leads to. It reads its program from
/// standard input.
pub fn command(language: ContextLanguage, executable: Option<&str>) -> Vec<String> {
    let executable = executable.unwrap_or(language.command());
    let words: &[&str] = match language {
        ContextLanguage::Python => &[executable, "-c", PYTHON_BOOT],
        ContextLanguage::JavaScript | ContextLanguage::TypeScript => {
            &["/bin/bash", "-c", NODE_START, NODE_BOOT, executable]
        }
        ContextLanguage::Bash => &["/bin/bash", "-c", bash::START],
    };
    words.iter().map(|&word| word.to_owned()).collect()
}

/// What is written to a new kernel first: the length of its program in eight hexadecimal digits, and the program; to a shell, its
/// first commands.
pub fn program(language: ContextLanguage) -> Vec<u8> {
    let parts = match language {
        ContextLanguage::Python => PYTHON,
        ContextLanguage::JavaScript | ContextLanguage::TypeScript => NODE,
        ContextLanguage::Bash => return bash::PREPARATION.into(),
    };
    let program = parts.concat();
    format!("{:08x}{program}", program.len()).into_bytes()
}
