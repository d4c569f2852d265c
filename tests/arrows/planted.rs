//! The checks on small crates with one fault each.

use super::House;
use super::modules::{Crate, Texts};

/// A crate of files by name and text; `lib.rs` declares what lies beside it.
fn house(files: &[(&str, &str)]) -> House {
    let mut texts: Texts = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let beside = files.iter().filter_map(|(name, _)| {
        let stem = name.strip_suffix(".rs")?.trim_end_matches("/mod");
        (!stem.contains('/') && stem != "main").then(|| format!("pub mod {stem};"))
    });
    let lib = beside.collect();
    texts.entry("lib.rs".into()).or_insert(lib);
    House::new(Crate::read(&texts))
}

fn circle(files: &[(&str, &str)]) -> Option<String> {
    house(files).between_files().shortest_circle()
}

fn room_circle(files: &[(&str, &str)]) -> Option<String> {
    house(files).on_one_floor().shortest_circle()
}

#[test]
fn an_upward_arrow_is_found_however_it_is_written() {
    let git = ("git/mod.rs", "pub mod types; pub use types::Oid; pub fn run() {} macro_rules! made { () => {} }");
    let types = ("git/types.rs", "pub struct Oid; pub enum Kind { A }");
    for (task, found) in [
        ("use crate::git::Oid;", "src/task.rs:1 uses git/types.rs (task 1 -> git 2)"),
        ("\nuse super::{error::Error, git::run as go};", "src/task.rs:2 uses git/mod.rs"),
        ("use crate::{\n git::{\n self,\n types::*,\n },\n};", "src/task.rs:4 uses git/types.rs"),
        ("fn f(x: &crate::git::Oid) {}", "src/task.rs:1 uses git/types.rs"),
        ("fn f() { super::git::run() }", "src/task.rs:1 uses git/mod.rs"),
        ("fn f(k: X) { match k { crate::git::types::Kind::A => {} } }", "src/task.rs:1 uses git/types.rs"),
        ("use crate::git;\nfn f() { git::run() }", "src/task.rs:2 uses git/mod.rs"),
        ("use crate::git as g;\nfn f() -> Vec<g::Oid> { vec![] }", "src/task.rs:2 uses git/types.rs"),
        ("fn f() {\n use crate::git::types as t;\n t::Oid; }", "src/task.rs:3 uses git/types.rs"),
        ("use crate::git::*;", "src/task.rs:1 uses git/types.rs"),
        ("use crate::*;\nfn f() { git::run() }", "src/task.rs:2 uses git/mod.rs"),
        ("fn f() { format!(\"{}\",\n crate::git::run()) }", "src/task.rs:2 uses git/mod.rs"),
        ("use crate::git;\nfn f() { assert!(g(|| [git::types::Oid])) }", "src/task.rs:2 uses git/types.rs"),
        ("macro_rules! m { () => { $crate::git::run() } }", "src/task.rs:1 uses git/mod.rs"),
        ("made! { use crate::git::{a, types::Oid}; }", "src/task.rs:1 uses git/types.rs"),
        ("#[arg(value_parser = crate::git::run)]\nstruct X;", "src/task.rs:1 uses git/mod.rs"),
        ("#[cfg(not(test))]\nuse crate::git::Oid;", "src/task.rs:2 uses git/types.rs"),
        ("use crate::surprise::X;", "src/task.rs:1 uses lib.rs"),
        ("mod a { fn f() { super::super::git::run() } }", "src/task.rs:1 uses git/mod.rs"),
    ] {
        let found_now = house(&[git, types, ("task.rs", task), ("error.rs", "pub struct Error;")]).upward();
        assert!(found_now.iter().any(|line| line.starts_with(found)), "{task}: {found_now:?} lacks {found}");
    }
}

#[test]
fn what_is_below_or_no_code_is_no_upward_arrow() {
    let git = ("git.rs", "use crate::task::Id; pub struct Oid;");
    for task in [
        "#[cfg(test)]\nuse crate::git::Oid;",
        "#[cfg(test)]\nmod tests { use crate::git::Oid; }",
        "#[cfg(test)]\nmod tests;",
        "#[cfg(all(test, unix))]\nfn f() { crate::git::Oid; }",
        "impl X { #[cfg(test)] fn f() { crate::git::Oid; } }",
        "/// [`crate::git::Oid`]\nfn f() -> &'static str { \"crate::git::Oid\" } // crate::git::Oid",
        "use ::git::Oid; use std::git::Run; fn f() { std::git::run() }",
        "mod git { pub struct Oid; } use git::Oid;",
        "pub(in crate::task) struct X;",
    ] {
        assert_eq!(house(&[git, ("task.rs", task)]).upward(), Vec::<String>::new(), "{task}");
    }
    let main = ("main.rs", "use git_aitask::task; fn main() { git_aitask::git::run(); task::run() }");
    assert_eq!(house(&[git, ("task.rs", ""), main]).upward(), Vec::<String>::new());
}

#[test]
fn a_file_of_no_room_is_found() {
    assert_eq!(house(&[("helpers/mod.rs", "")]).upward(), ["src/helpers/mod.rs: `helpers` is no room"]);
}

#[test]
fn a_circle_of_two_files_is_found() {
    let found = circle(&[
        ("task/mod.rs", "mod a; mod b;"),
        ("task/a.rs", "use super::b::B; pub struct A;"),
        ("task/b.rs", "pub struct B;\nfn f() -> crate::task::a::A {}"),
    ]);
    let told =
        "task/a.rs -> task/b.rs -> task/a.rs\n  src/task/a.rs:1 uses task/b.rs\n  src/task/b.rs:2 uses task/a.rs";
    assert_eq!(found.as_deref(), Some(told));
}

#[test]
fn a_circle_of_three_through_names_passed_on_is_found() {
    let found = circle(&[
        ("task/mod.rs", "mod a; pub mod b; pub use a::A; pub(crate) use self::b::{Inner as B};"),
        ("task/a.rs", "use super::B; pub struct A;"),
        ("task/b.rs", "mod deep; pub use deep::Inner;"),
        ("task/b/deep.rs", "use crate::ledger::Lock as L; pub struct Inner;"),
        ("ledger.rs", "use crate::task; pub struct Lock(task::A);"),
    ]);
    let told = "ledger.rs -> task/a.rs -> task/b/deep.rs -> ledger.rs\n";
    assert!(found.as_ref().is_some_and(|found| found.starts_with(told)), "{found:?}");
}

#[test]
fn a_private_child_may_use_its_parent() {
    let files = |declared| {
        let parent = format!("{declared} fn f() {{ child::g() }} pub struct P;");
        circle(&[("task.rs", &parent), ("task/child.rs", "use super::P; pub fn g() {}")])
    };
    assert_eq!(files("mod child;"), None);
    assert!(files("pub(crate) mod child;").is_some());
}

#[test]
fn a_circle_of_rooms_on_one_floor_is_found() {
    let files = [
        ("landing/mod.rs", "pub mod a; pub mod b;"),
        ("landing/a.rs", "use crate::worktrees::Worktree;"),
        ("landing/b.rs", "pub struct B;"),
        ("worktrees.rs", "use crate::landing::b::B; pub struct Worktree;"),
    ];
    assert_eq!(circle(&files), None);
    let found = room_circle(&files);
    let told = "landing -> worktrees -> landing\n";
    assert!(found.as_ref().is_some_and(|found| found.starts_with(told)), "{found:?}");
}

#[test]
fn a_circle_of_rooms_inside_compat_is_found() {
    let files = |shared| {
        room_circle(&[
            ("compat/mod.rs", "mod locks; mod tasks; mod scene; fn run() { locks::lock::run(); tasks::new::run() }"),
            ("compat/scene.rs", shared),
            ("compat/locks/mod.rs", "pub mod lock;"),
            ("compat/locks/lock.rs", "use crate::compat::scene::Scene; pub fn run() {}"),
            ("compat/tasks/mod.rs", "pub mod new; pub mod label;"),
            ("compat/tasks/new.rs", "use super::super::locks::lock; pub fn run() { lock::run() }"),
            ("compat/tasks/label.rs", "pub struct Label;"),
        ])
    };
    assert_eq!(files("pub struct Scene;"), None);
    let found = files("use super::tasks::label::Label; pub struct Scene;");
    let told = "compat/locks -> compat/scene.rs -> compat/tasks -> compat/locks\n";
    assert!(found.as_ref().is_some_and(|found| found.starts_with(told)), "{found:?}");
}

#[test]
fn processes_and_prints_elsewhere_are_found() {
    let starts = "mod wait; use std::process::Command; fn f() { Command::new(\"git\"); duct::cmd!(\"git\"); }";
    let run =
        [("git/mod.rs", "pub mod run; pub mod refs;"), ("git/run.rs", starts), ("git/run/wait.rs", "use duct::H;")];
    let found = |text| {
        let [a, b, c] = run;
        house(&[a, b, c, ("git/refs.rs", text)]).forbidden_words()
    };
    assert_eq!(found("fn f() { my_println!(); writeln!(out, \"println!\"); }"), Vec::<String>::new());
    for (text, word) in [
        ("use std::process::{self, Command as C};", "1: std::process::Command"),
        ("fn f() { process::Command::new(\"git\") }", "1: process::Command::new"),
        ("use duct::cmd;", "1: duct::cmd"),
        ("\n\nfn f() { eprintln!(\"x\") }", "3: eprintln!"),
        ("fn f() { anstream::println!(\"x\") }", "1: anstream::println!"),
        ("fn f() { matches!(x, { dbg!(y) }) }", "1: dbg!"),
    ] {
        assert_eq!(found(text).first().map(String::as_str), Some(&*format!("src/git/refs.rs:{word}")), "{text}");
    }
}

#[test]
fn lines_are_counted_without_tests() {
    let length =
        |text| house(&[("error.rs", text)]).tree.files.iter().find(|file| file.name == "error.rs").unwrap().length;
    assert_eq!(length("// a\n\nfn c() {}\n"), 3);
    assert_eq!(length("fn a() {}\n#[cfg(test)]\nmod tests {\n}\nfn b() {}\n"), 2);
    assert_eq!(length("fn a() {}\n#[cfg(test)]\nmod tests;\nfn b() {}"), 2);
}
