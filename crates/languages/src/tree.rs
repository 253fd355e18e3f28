//! The languages that come from the tree of languages: rows of the table.

use crate::row::{Compile, PackageTool, Row, Runner, Word};

/// Go's own tools, called directly: its `go build` spends more time on its cache than the compiler on a small program. They
/// write errors to standard output.
const GO_BUILD: &str = "exec >&2
tools=/usr/lib/go-1.26/pkg/tool/linux_amd64
$tools/compile -o /tmp/main.a -p main -complete -pack -c=2 -trimpath /workspace -importcfg /opt/go-std/importcfg \"$@\"
$tools/link -o /build/main -s -w -importcfg /opt/go-std/importcfg /tmp/main.a";

/// Bash.
pub const BASH: Row = Row {
    id: "bash",
    aliases: &["sh", "shell"],
    program_names: &[],
    title: "Bash",
    extensions: &["sh", "bash"],
    editor_mode: "shell",
    judge0: &[46],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.sh",
        compile: None,
        run: &[Word::Text("/usr/bin/bash"), Word::Entrypoint],
        component: "bash",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// Perl.
pub const PERL: Row = Row {
    id: "perl",
    aliases: &["pl"],
    program_names: &[],
    title: "Perl",
    extensions: &["pl", "pm"],
    editor_mode: "perl",
    judge0: &[85],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.pl",
        compile: None,
        run: &[Word::Text("/usr/bin/perl"), Word::Entrypoint],
        component: "perl",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// Lua.
pub const LUA: Row = Row {
    id: "lua",
    aliases: &[],
    program_names: &[],
    title: "Lua",
    extensions: &["lua"],
    editor_mode: "lua",
    judge0: &[64],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.lua",
        compile: None,
        run: &[Word::Text("/usr/bin/lua5.4"), Word::Entrypoint],
        component: "lua",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// PHP.
pub const PHP: Row = Row {
    id: "php",
    aliases: &[],
    program_names: &[],
    title: "PHP",
    extensions: &["php"],
    editor_mode: "php",
    judge0: &[68],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.php",
        compile: None,
        run: &[Word::Text("/usr/bin/php8.4"), Word::Entrypoint],
        component: "php",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// Ruby.
pub const RUBY: Row = Row {
    id: "ruby",
    aliases: &["rb"],
    program_names: &[],
    title: "Ruby",
    extensions: &["rb"],
    editor_mode: "ruby",
    judge0: &[72],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.rb",
        compile: None,
        run: &[Word::Text("/usr/bin/ruby"), Word::Entrypoint],
        component: "ruby",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// C.
pub const C: Row = Row {
    id: "c",
    aliases: &["gcc"],
    program_names: &[],
    title: "C",
    extensions: &["c"],
    editor_mode: "c",
    judge0: &[50, 1],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.c",
        compile: Some(Compile {
            command: &[
                Word::Text("/usr/bin/gcc"),
                Word::Text("-std=gnu17"),
                Word::Text("-O1"),
                Word::Text("-pipe"),
                Word::Options,
                Word::Text("-o"),
                Word::Text("/build/main"),
                Word::Sources,
                Word::Text("-lm"),
            ],
            product: Some("main"),
        }),
        run: &[Word::Text("/usr/bin/env"), Word::Text("/build/main")],
        component: "gcc",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// C++.
pub const CPP: Row = Row {
    id: "cpp",
    aliases: &["c++", "cxx", "g++"],
    program_names: &[],
    title: "C++",
    extensions: &["cpp", "cc", "cxx"],
    editor_mode: "cpp",
    judge0: &[52, 2],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.cpp",
        compile: Some(Compile {
            command: &[
                Word::Text("/usr/bin/g++"),
                Word::Text("-std=gnu++20"),
                Word::Text("-O1"),
                Word::Text("-pipe"),
                Word::Options,
                Word::Text("-o"),
                Word::Text("/build/main"),
                Word::Sources,
            ],
            product: Some("main"),
        }),
        run: &[Word::Text("/usr/bin/env"), Word::Text("/build/main")],
        component: "g++",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// Go.
pub const GO: Row = Row {
    id: "go",
    aliases: &["golang"],
    program_names: &[],
    title: "Go",
    extensions: &["go"],
    editor_mode: "go",
    judge0: &[60],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.go",
        compile: Some(Compile {
            command: &[
                Word::Text("/bin/sh"),
                Word::Text("-ec"),
                Word::Text(GO_BUILD),
                Word::Text("go"),
                Word::Options,
                Word::Sources,
            ],
            product: Some("main"),
        }),
        run: &[Word::Text("/usr/bin/env"), Word::Text("/build/main")],
        component: "go",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// Java.
pub const JAVA: Row = Row {
    id: "java",
    aliases: &[],
    program_names: &[],
    title: "Java",
    extensions: &["java"],
    editor_mode: "java",
    judge0: &[62, 4],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "Main.java",
        compile: Some(Compile {
            command: &[
                Word::Text("/usr/lib/jvm/java-25-openjdk-amd64/bin/java"),
                Word::Text("-XX:+UseSerialGC"),
                Word::Text("-XX:TieredStopAtLevel=1"),
                Word::Text("-XX:-UsePerfData"),
                Word::Heap,
                Word::Text("-m"),
                Word::Text("jdk.compiler/com.sun.tools.javac.Main"),
                Word::Text("-proc:none"),
                Word::Options,
                Word::Text("-d"),
                Word::Text("/build"),
                Word::Sources,
            ],
            product: None,
        }),
        run: &[
            Word::Text("/usr/lib/jvm/java-25-openjdk-amd64/bin/java"),
            Word::Text("-XX:+UseSerialGC"),
            Word::Text("-XX:TieredStopAtLevel=1"),
            Word::Text("-XX:-UsePerfData"),
            Word::Heap,
            Word::Text("-cp"),
            Word::Text("/build"),
            Word::Class,
        ],
        component: "openjdk",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};

/// Rust.
pub const RUST: Row = Row {
    id: "rust",
    aliases: &["rs"],
    program_names: &[],
    title: "Rust",
    extensions: &["rs"],
    editor_mode: "rust",
    judge0: &[73],
    package_manager: PackageTool::None,
    runner: Some(Runner {
        entrypoint: "main.rs",
        compile: Some(Compile {
            command: &[
                Word::Text("/usr/bin/rustc"),
                Word::Text("--edition=2024"),
                Word::Text("-Copt-level=1"),
                Word::Text("-Cdebuginfo=0"),
                Word::Options,
                Word::Text("-o"),
                Word::Text("/build/main"),
                Word::Entrypoint,
            ],
            product: Some("main"),
        }),
        run: &[Word::Text("/usr/bin/env"), Word::Text("/build/main")],
        component: "rustc",
        machine: None,
        environment: &[],
        import_path: None,
    }),
    dialect: None,
};
