//! What the pages for engineers say is there: `src/lib.rs`, the modules' own pages, and the reasons in comments.

use regex::Regex;
use std::path::Path;

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
    let rules = parts.flat_map(|part| part.split("\n\n").nth(1));
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
