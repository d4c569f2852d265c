//! Which room of `src/` may use which (architecture, section 4), and the other rules that only source text shows.

mod source;

use source::{Source, sources};

/// One room: what it may use besides itself, and why. `a` stands for `a::…` too.
struct Room {
    name: &'static str,
    may_use: &'static [&'static str],
    why: &'static str,
}

/// The table. A room that is not in it does not exist; the longest name that fits a path is its room.
#[rustfmt::skip]
const ROOMS: &[Room] = &[
    Room { name: "error", may_use: &[], why: "everybody's, so it uses nobody" },
    Room { name: "interrupt", may_use: &["error"], why: "everybody who waits asks it" },
    Room { name: "files", may_use: &["error"], why: "files of a checkout and folders of our own: no git, no tasks" },
    Room { name: "task", may_use: &["error"], why: "pure: no git, no files, no settings" },
    Room { name: "git::types", may_use: &["error"], why: "names, parsed at the border" },
    Room { name: "git::porcelain", may_use: &["git::types", "error"], why: "pure parsers of bytes" },
    Room { name: "settings", may_use: &["git::types", "error"], why: "below git; its values are typed names" },
    Room { name: "git", may_use: &["settings", "files", "error", "interrupt"], why: "knows git's command line, and nothing of tasks" },
    Room { name: "ledger", may_use: &["git", "task::id", "task::TaskId", "settings", "files", "error", "interrupt"], why: "a branch as a database: of tasks it knows the id alone" },
    Room { name: "workflow", may_use: &["ledger", "task", "git", "settings", "files", "error", "interrupt"], why: "the life of a task; no clap, no printing" },
    Room { name: "report", may_use: &["workflow", "ledger", "task", "git::types", "settings", "error", "interrupt"], why: "outcomes as text: the types in them, no calls" },
    Room { name: "commands", may_use: &["workflow", "report", "settings", "task", "ledger", "git", "files", "error", "interrupt"], why: "arguments in, one workflow call, outcome out; types of task, ledger and git stand in both" },
    Room { name: "cli", may_use: &["commands", "workflow", "report", "settings", "error"], why: "clap, and the choice of the command" },
    Room { name: "compat", may_use: &["workflow", "ledger", "task", "report", "git::types", "settings", "files", "error", "interrupt"], why: "the scripts' dialect; git is reached through workflow and ledger" },
    Room { name: "main", may_use: &["cli", "commands", "compat", "report", "settings", "error", "interrupt"], why: "which face, run, exit" },
    Room { name: "lib", may_use: &[], why: "declares the modules" },
];

/// Lines that a file may have without its `#[cfg(test)]` part.
const LONGEST: usize = 600;

/// The one file that starts processes.
const STARTS_PROCESSES: &str = "git/run.rs";

/// The room of a path such as `git::types::Oid`.
fn room_of(path: &str) -> Option<&'static Room> {
    ROOMS.iter().filter(|room| within(path, room.name)).max_by_key(|room| room.name.len())
}

/// Whether `path` is `room` or something in it.
fn within(path: &str, room: &str) -> bool {
    path.strip_prefix(room).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// The arrows of a file that the table does not allow, a line each.
fn forbidden_arrows(source: &Source) -> Vec<String> {
    let Some(room) = room_of(source.module()) else {
        return vec![format!("src/{}: `{}` is no room of the table", source.name(), source.module())];
    };
    let allowed = |path: &str| within(path, room.name) || room.may_use.iter().any(|name| within(path, name));
    // from the binary, the library's paths begin with its name; a path that ends above a room opens all of it
    let wrong = source.paths().into_iter().filter(|(_, path)| !allowed(path));
    wrong
        .map(|(line, path)| match room_of(&path) {
            Some(_) => format!("src/{}:{line}: {} -> {path} ({}: {})", source.name(), room.name, room.name, room.why),
            None => format!("src/{}:{line}: crate::{path} is in no room of the table", source.name()),
        })
        .collect()
}

/// Places where a file starts a process or prints, which one room each may do.
fn forbidden_words(source: &Source) -> Vec<String> {
    let starts = ["Command::new", "duct::", "duct_sh::", "process::Command"];
    let prints = ["print!", "println!", "eprint!", "eprintln!", "dbg!"];
    let starts = starts.into_iter().filter(|_| source.name() != STARTS_PROCESSES);
    let found = starts.chain(prints).flat_map(|word| source.lines_with(word).into_iter().map(move |line| (line, word)));
    found.map(|(line, word)| format!("src/{}:{line}: {word}", source.name())).collect()
}

#[track_caller]
fn none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n{}", findings.join("\n"));
}

#[test]
fn arrows_go_down_only() {
    none("arrows that the table does not allow", &sources().iter().flat_map(forbidden_arrows).collect::<Vec<_>>());
}

#[test]
fn processes_start_in_one_file_and_nothing_prints() {
    none("a room's own word elsewhere", &sources().iter().flat_map(forbidden_words).collect::<Vec<_>>());
}

#[test]
fn files_are_short() {
    let long = sources().into_iter().filter(|source| source.length() > LONGEST);
    let long = long.map(|source| format!("src/{}: {} lines", source.name(), source.length()));
    none(&format!("files of over {LONGEST} lines without their tests"), &long.collect::<Vec<_>>());
}

#[test]
fn the_table_names_rooms_and_has_no_circle() {
    for (place, room) in ROOMS.iter().enumerate() {
        for name in room.may_use {
            let below = room_of(name).unwrap_or_else(|| panic!("{name} of {} is no room", room.name));
            // git and settings: types below, calls above, so each name must stand before its user
            let first = ROOMS.iter().position(|other| other.name == below.name).unwrap();
            assert!(first < place, "{} uses {name}, which is not below it", room.name);
        }
    }
}

/// What the checks say of a file `name` with the text `text`.
fn findings(name: &str, text: &str) -> Vec<String> {
    let source = Source::new(name, text);
    forbidden_arrows(&source).into_iter().chain(forbidden_words(&source)).collect()
}

#[test]
fn a_planted_arrow_is_found() {
    for (name, text, found) in [
        ("task/id.rs", "use crate::git::Oid;", "src/task/id.rs:1: task -> git::Oid"),
        (
            "task/mod.rs",
            "mod a;\nuse super::{error::Error, ledger::Lock as L};",
            "src/task/mod.rs:2: task -> ledger::Lock",
        ),
        (
            "task/a/b.rs",
            "fn f() { super::super::super::settings::load() }",
            "src/task/a/b.rs:1: task -> settings::load",
        ),
        ("git/porcelain/push.rs", "use crate::git::run::Call;", "git::porcelain -> git::run::Call"),
        ("git/types.rs", "use super::Repository;", "git::types -> git::Repository"),
        ("git/refs.rs", "fn f(x: &crate::task::TaskId) {}", "git -> task::TaskId"),
        (
            "ledger/locks.rs",
            "use crate::{\n  error::Result,\n  task::{TaskId, Document},\n};",
            "locks.rs:3: ledger -> task::Document",
        ),
        ("workflow/pick.rs", "use crate::{cli, report::Report};", "workflow -> cli"),
        ("compat/lock.rs", "use crate::git::Repository;", "compat -> git::Repository"),
        ("report/text.rs", "use crate::commands::Pick;", "report -> commands::Pick"),
        ("main.rs", "use git_aitask::ledger;", "main -> ledger"),
        ("main.rs", "fn main() { git_aitask::git::run() }", "main -> git::run"),
        ("settings.rs", "use crate::git::*;", "settings -> git"),
        ("error.rs", "use crate::*;", "src/error.rs:1: crate:: is in no room"),
        ("error.rs", "use r#crate; use crate::surprise::X;", "crate::surprise::X is in no room"),
        ("helpers/mod.rs", "", "`helpers` is no room"),
        ("ledger/swap.rs", "let c = std::process::Command::new(\"git\");", "ledger/swap.rs:1: Command::new"),
        ("git/refs.rs", "let c = duct::cmd!(\"git\");", "git/refs.rs:1: duct::"),
        ("git/run.rs", "\n\neprintln!(\"x\")", "git/run.rs:3: eprintln!"),
        ("report/mod.rs", "anstream::println!(\"x\")", "report/mod.rs:1: println!"),
    ] {
        let findings = findings(name, text);
        assert!(findings.iter().any(|line| line.contains(found)), "{text:?} in {name}: {findings:?} lacks {found:?}");
    }
}

#[test]
fn what_is_allowed_or_no_code_is_not_found() {
    for (name, text) in [
        (
            "task/id.rs",
            "use crate::error::{self, Error, Kind}; use super::text; pub(crate) struct X; pub(super) fn f() {}",
        ),
        (
            "task/id.rs",
            "// use crate::git::Oid;\n/* crate::git /* nested */ crate::ledger */\n/// [`crate::git::Oid`]\nfn f() {}",
        ),
        (
            "task/id.rs",
            "const A: &str = \"crate::git \\\" crate::git\"; const B: &str = r#\"crate::git \" crate::git\"#; 'a: loop {}",
        ),
        (
            "task/id.rs",
            "fn f(c: char) -> bool { c == '\"' || c == '\\'' || c == '{' } // crate::git \" \nfn g<'a>() {}",
        ),
        (
            "task/id.rs",
            "#[cfg(test)]\nmod tests {\n use crate::git::Oid; const X: &str = \"}\";\n fn f() { println!() }\n}\nfn f() {}",
        ),
        (
            "task/id.rs",
            "#[cfg(test)]\nuse crate::git::Oid;\n#[cfg(test)]\n#[rustfmt::skip]\nfn f() { crate::git::x() }\n",
        ),
        ("task/tests.rs", "use crate::git::Oid;"),
        ("git/run.rs", "use std::process::Command; fn f() { Command::new(\"git\"); duct::cmd!(\"git\"); }"),
        ("git/refs.rs", "use super::porcelain::push; use crate::git::{Oid, run::Call}; use crate::settings::Config;"),
        ("git/porcelain/mod.rs", "use crate::git::types::{Oid, RefName}; use super::types; pub mod push;"),
        ("ledger/mod.rs", "use crate::{git::{Oid, objects}, task::TaskId, error::*};"),
        ("main.rs", "use git_aitask::{cli, report}; fn main() { writeln!(out, \"x\"); my_println!(); }"),
        ("lib.rs", "pub mod cli; #[doc(hidden)] pub mod git;"),
    ] {
        assert_eq!(findings(name, text), Vec::<String>::new(), "{text:?} in {name}");
    }
}

#[test]
fn lines_are_counted_without_tests() {
    let length = |text| Source::new("git/refs.rs", text).length();
    assert_eq!(length("a\nb\nc\n"), 3);
    assert_eq!(length("a\n#[cfg(test)]\nmod tests {\n}\nb\n"), 2);
    assert_eq!(length("a\n#[cfg(test)]\nmod tests;\nb"), 2);
    assert_eq!(Source::new("git/tests.rs", "a\n").length(), 0);
}
