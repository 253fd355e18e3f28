//! Files that list packages, as tables.

use crate::domain::run::id::RunId;
use crate::domain::run::request::{RunRequest, parse};
use docle_api::errors::FieldError;
use proptest::prelude::*;
use serde_json::{Value, json};

fn request(lang: &str, packages: Value, files: &[(&str, &str)]) -> Result<RunRequest, Vec<FieldError>> {
    let main = if lang == "python" { "main.py" } else { "main.js" };
    let all = [(main, "")].into_iter().chain(files.iter().copied());
    let files: Vec<Value> = all.map(|(path, content)| json!({ "path": path, "content": content })).collect();
    let body = json!({ "lang": lang, "files": files, "packages": packages });
    parse(body, RunId::from_random([0; 16]), 300_000)
}

fn packages(lang: &str, sent: Value, files: &[(&str, &str)]) -> Vec<String> {
    request(lang, sent, files).map(|request| request.job.packages).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn problem(lang: &str, sent: Value, file: (&str, &str)) -> String {
    let errors = request(lang, sent, &[file]).unwrap_err();
    assert_eq!(errors[0].field, "files[1].content", "{errors:?}");
    errors[0].message.clone()
}

#[test]
fn files_that_list_packages_were_ignored() {
    let requirements =
        "# what we need\n\nrequests>=2.31  # HTTP\nnumpy == 2.*\r\nuvicorn[standard]\nhttpx>=0.27, \\\n  <1\n";
    let expected = ["requests>=2.31", "numpy==2.*", "uvicorn[standard]", "httpx>=0.27,<1"];
    assert_eq!(packages("python", json!(null), &[("requirements.txt", requirements)]), expected);
    assert_eq!(packages("python", json!(null), &[("requirements.txt", "\u{feff}idna")]), ["idna"]);

    let pyproject = "[project]\nname = \"x\"\ndependencies = [\n  \"idna>=3\",\n  \"attrs\",\n]\n[project.optional-dependencies]\n\
                     dev = [\"pytest\"]\n[tool.ruff]\nline-length = 100\n";
    assert_eq!(packages("python", json!(null), &[("pyproject.toml", pyproject)]), ["idna>=3", "attrs"]);
    assert_eq!(packages("python", json!(null), &[("pyproject.toml", "[tool.ruff]\n")]), [""; 0]);

    let package = r#"{ "name": "x", "dependencies": { "lodash": "^4.17.0", "@types/node": "", "is-number": "7 || 8" },
                       "devDependencies": { "typescript": "*" } }"#;
    assert_eq!(
        packages("node", json!(null), &[("package.json", package)]),
        ["@types/node", "is-number@7 || 8", "lodash@^4.17.0"]
    );
    assert_eq!(packages("node", json!(null), &[("package.json", r#"{ "type": "module" }"#)]), [""; 0]);
}

#[test]
fn only_files_of_the_language_in_the_top_directory_count() {
    let elsewhere = [("app/requirements.txt", "-r x"), ("package.json", "no JSON"), ("Requirements.txt", "-r x")];
    assert_eq!(packages("python", json!(["idna"]), &elsewhere), ["idna"]);
    assert_eq!(packages("node", json!(null), &[("requirements.txt", "-r x"), ("pyproject.toml", "[")]), [""; 0]);
    let code = json!({ "lang": "node", "code": "{}", "entrypoint": "package.json" });
    assert!(parse(code, RunId::from_random([0; 16]), 300_000).is_ok(), "code is a program");
}

#[test]
fn packages_of_request_and_files_are_merged() {
    for (sent, listed, expected) in [
        (json!(["numpy"]), "numpy==2.0", &["numpy==2.0"][..]),
        (json!(["numpy==2.0"]), "NumPy", &["numpy==2.0"]),
        (json!(["a_b.c==1"]), "A-B_C==1", &["a_b.c==1"]),
        (json!({ "packages": ["numpy>=1"] }), "numpy<3", &["numpy>=1", "numpy<3"]),
        (json!(["numpy==2.*"]), "numpy==2.1", &["numpy==2.*", "numpy==2.1"]),
        (json!(["a"]), "b\na\nc", &["a", "b", "c"]),
    ] {
        assert_eq!(packages("python", sent.clone(), &[("requirements.txt", listed)]), expected, "{sent} {listed}");
    }
    let both = [("requirements.txt", "idna"), ("pyproject.toml", "project.dependencies = [\"idna==3\", \"attrs\"]")];
    assert_eq!(packages("python", json!(null), &both), ["idna==3", "attrs"]);
    let node = |version: &str| format!(r#"{{"dependencies":{{"lodash":"{version}"}}}}"#);
    assert_eq!(packages("node", json!(["lodash@^4"]), &[("package.json", &node("^4"))]), ["lodash@^4"]);
}

#[test]
fn packages_that_clash_are_refused() {
    assert_eq!(
        problem("python", json!(["numpy==1.0"]), ("requirements.txt", "idna\nnumpy==2.0")),
        "asks for \"numpy==2.0\" (line 2 of requirements.txt), but packages asks for \"numpy==1.0\": keep one of them"
    );
    assert_eq!(
        problem("python", json!(null), ("requirements.txt", "numpy==1\nNumpy==2")),
        "asks for \"Numpy==2\" (line 2 of requirements.txt), but line 1 of requirements.txt asks for \"numpy==1\": keep one \
         of them"
    );
    let package = "{\n\"dependencies\": {\n\"lodash\": \"^3\" } }";
    assert_eq!(
        problem("node", json!(["lodash@^4"]), ("package.json", package)),
        "asks for \"lodash@^3\" (line 3 of package.json), but packages asks for \"lodash@^4\": keep one of them"
    );
}

#[test]
fn what_is_no_package_of_the_index_names_file_and_line() {
    for (line, why) in [
        ("-r base.txt", "is an option"),
        ("--index-url https://evil.example/simple", "is an option"),
        ("-e .", "is an option"),
        ("-c constraints.txt", "is an option"),
        ("--find-links=/tmp", "is an option"),
        ("https://evil.example/x.whl", "names a URL"),
        ("git+https://evil.example/x", "names a URL"),
        ("x @ file:///etc/passwd", "names a URL"),
        ("x@git+ssh://a/b", "names a URL"),
        ("./x", "names a path"),
        ("../x", "names a path"),
        ("/etc/passwd", "names a path"),
        ("~/x", "names a path"),
        ("dir/x", "names a path"),
        ("C:\\x", "names a path"),
        ("x.whl", "must be a package name"),
        ("x==1 --hash=sha256:00", "has options after the package"),
        ("x==1 \\\n  --hash=sha256:00", "has options after the package"),
        ("x; sys_platform == 'win32'", "has an environment marker"),
        ("$(id)", "must be a package name"),
        ("${TOKEN}", "must be a package name"),
        ("a b", "must be a package name"),
        ("a\0", "must be a package name"),
    ] {
        let message = problem("python", json!(null), ("requirements.txt", &format!("idna\n# c\n{line}\n")));
        assert!(message.starts_with(&format!("line 3 of requirements.txt {why}")), "{line:?}: {message}");
    }
    let cases = [
        (
            "python",
            "pyproject.toml",
            "[project]\ndependencies = [\"x @ https://e.example\"]",
            "line 2 of pyproject.toml must be",
        ),
        (
            "python",
            "pyproject.toml",
            "[project]\ndependencies = [\"--x\"]",
            "line 2 of pyproject.toml must be a package name",
        ),
        (
            "python",
            "pyproject.toml",
            "[project]\ndependencies = [1]",
            "cannot be read as pyproject.toml (line 2): invalid type",
        ),
        ("python", "pyproject.toml", "\n[project\n", "cannot be read as pyproject.toml (line 2)"),
        ("node", "package.json", "{", "cannot be read as package.json: EOF"),
        (
            "node",
            "package.json",
            "{\n\"dependencies\":\n{\"x\":\"file:../x\"}}",
            "line 3 of package.json must be a package name",
        ),
        ("node", "package.json", r#"{"dependencies":{"x":"npm:y"}}"#, "line 1 of package.json must be a package name"),
        ("node", "package.json", r#"{"dependencies":{"x":"a/b"}}"#, "line 1 of package.json must be a package name"),
        ("node", "package.json", r#"{"dependencies":{"--x":"1"}}"#, "line 1 of package.json must be a package name"),
        (
            "node",
            "package.json",
            r#"{"dependencies":{"x":"https://e.example/x.tgz"}}"#,
            "line 1 of package.json must be",
        ),
        (
            "node",
            "package.json",
            r#"{"dependencies":{"x":1}}"#,
            "line 1 of package.json must give a version as a string",
        ),
        ("node", "package.json", r#"{"dependencies":["x"]}"#, "cannot be read as package.json: invalid type"),
    ];
    for (lang, name, content, why) in cases {
        let message = problem(lang, json!(null), (name, content));
        assert!(message.starts_with(why), "{content}: {message}");
    }
}

#[test]
fn a_list_of_packages_has_an_end() {
    let many = |count: usize| (0..count).map(|n| format!("p{n}\n")).collect::<String>();
    assert_eq!(packages("python", json!(null), &[("requirements.txt", &many(200))]).len(), 200);
    for count in [201, 300_000] {
        let message = problem("python", json!(null), ("requirements.txt", &many(count)));
        assert_eq!(message, "lists too many packages: a run may have 200 in all");
    }
    let errors = request("python", json!(null), &[("requirements.txt", &"-r x\n".repeat(100_000))]).unwrap_err();
    assert_eq!(errors.len(), 50);
    let bytes = json!({ "lang": "python", "files": [
        { "path": "main.py", "content": "" }, { "path": "requirements.txt", "content": "/w==", "encoding": "base64" },
    ] });
    let errors = parse(bytes, RunId::from_random([0; 16]), 300_000).unwrap_err();
    assert_eq!(errors[0].message, "must be plain UTF-8 text, because requirements.txt lists packages");
}

proptest! {
    #[test]
    fn nothing_but_packages_comes_out_of_a_file(text in r"[a@/.\-=<>~^\[\], :;#\\1\r\n|*]{0,40}") {
        if let Ok(request) = request("python", json!(null), &[("requirements.txt", &text)]) {
            for package in request.job.packages {
                prop_assert!(package.starts_with(|c: char| c.is_ascii_alphanumeric()), "{}", package);
                prop_assert!(!package.contains([' ', '/', ':', ';', '@', '\\', '\n']), "{}", package);
            }
        }
    }
}
