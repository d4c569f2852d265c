//! What the pages for engineers say is there: `src/lib.rs`, the modules' own pages, the reasons in comments, the README.

mod packages;
mod readme;

use regex::Regex;
use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The module documentation of a file.
fn page(path: &str) -> String {
    let text = read(path);
    let lines = text.lines().map_while(|line| line.strip_prefix("//!")).map(str::trim_start);
    lines.collect::<Vec<_>>().join("\n")
}

/// The numbered rules of `src/lib.rs`, each on one line.
fn rules() -> Vec<String> {
    let page = page("src/lib.rs");
    let parts = page.split("\n# ").filter(|part| part.starts_with("Rules"));
    let rules = parts.filter_map(|part| part.split("\n\n").nth(1));
    let start = Regex::new(r"(?m)^\d+\. ").unwrap();
    rules.flat_map(|rules| start.split(rules).skip(1).map(|rule| rule.replace('\n', " ")).collect::<Vec<_>>()).collect()
}

/// Whether `a::b::c` is the function `c` of the file of the module `a::b`, of the integration tests or of the crate.
fn exists(test: &str) -> bool {
    let (module, name) = test.rsplit_once("::").unwrap();
    let module = module.trim_end_matches("::tests").replace("::", "/");
    let files = ["tests", "src"].map(|top| {
        [format!("{top}/{module}.rs"), format!("{top}/{module}/mod.rs"), format!("{top}/{module}/tests.rs")]
    });
    let mut files = files.iter().flatten().filter_map(|file| std::fs::read_to_string(root().join(file)).ok());
    files.any(|text| text.contains(&format!("fn {name}(")))
}

#[test]
fn every_rule_names_tests_that_exist() {
    let name = Regex::new(r"`([a-z0-9_]+(?:::[a-z0-9_]+)+)`").unwrap();
    let rules = rules();
    assert!(rules.len() > 15, "{rules:#?}");
    for rule in &rules {
        let named: Vec<_> = name.captures_iter(rule).map(|found| found[1].to_owned()).collect();
        assert!(!named.is_empty(), "no test holds: {rule}");
        let gone: Vec<_> = named.iter().filter(|test| !exists(test)).collect();
        assert!(gone.is_empty(), "there is no test {gone:?}, which is to hold: {rule}");
    }
}

#[test]
fn a_test_that_is_not_there_is_noticed() {
    assert!(exists("page::a_test_that_is_not_there_is_noticed"));
    assert!(!exists("page::a_test_that_was_never_written"));
    assert!(!exists("no_module::a_test_that_is_not_there_is_noticed"));
}

#[test]
fn every_module_has_a_page_of_under_ten_lines() {
    let modules = std::fs::read_dir(root().join("src")).unwrap().map(|entry| entry.unwrap().path());
    for file in modules.map(|path| path.join("mod.rs")).filter(|file| file.exists()) {
        let page = page(file.to_str().unwrap());
        let lines = page.lines().count();
        assert!((2..10).contains(&lines), "{}: {lines} lines\n{page}", file.display());
    }
}

/// The files of the crate.
fn sources(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[test]
fn no_comment_cites_a_document_that_is_not_here() {
    let cited = Regex::new(
        r"//.*(\bspecifications?\b|\barchitecture, |\bsections? \d|\bverdicts? [A-Z]|\([A-Z]{1,2}-?Q?\d+\))",
    );
    let (cited, mut files) = (cited.unwrap(), Vec::new());
    sources(&root().join("src"), &mut files);
    assert!(files.len() > 100, "{files:?}");
    let mut found = String::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        for (n, line) in text.lines().enumerate().filter(|(_, line)| cited.is_match(line)) {
            found.push_str(&format!("{}:{}: {}\n", file.display(), n + 1, line.trim()));
        }
    }
    assert!(found.is_empty(), "a clone of the project has no such document; give the reason:\n{found}");
}
