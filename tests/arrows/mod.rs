//! Which file of `src/` may use which, and the other rules that only source text shows.
//!
//! A room is a folder or a file of `src/` itself. Each stands on a floor, and what is used lies on a lower floor, or
//! on the same one if no circle comes of it. The list of rooms, arrows and circles:
//! `cargo test --test main arrows::printed -- --ignored --nocapture`, of other sources with `ARROWS_SRC=their/src`.

mod graph;
mod modules;
mod planted;
mod reader;

use graph::{Arrows, Place};
use modules::{Crate, Named, texts_of};
use std::path::{Path, PathBuf};

/// The rooms, from the top.
const FLOORS: &[(u8, &[&str])] = &[
    (10, &["main", "lib"]),
    (9, &["cli", "compat"]),
    (8, &["ops"]),
    (7, &["data_branch"]),
    (6, &["landing", "sync", "worktrees", "archive", "demo"]),
    (5, &["project"]),
    (4, &["coordination"]),
    (3, &["ledger"]),
    (2, &["git", "report"]),
    (1, &["task", "agents", "settings", "files", "digest", "packed", "error", "interrupt", "waiting"]),
];

/// Lines that a file may have without its unit tests.
const LONGEST: usize = 600;

/// From here on it is worth a look whether a file is one thing.
const LONG: usize = 400;

/// The one file that starts processes; its private children are parts of it.
const STARTS_PROCESSES: &str = "git/run.rs";

/// The room of a file, such as `git` of `git/run.rs`.
fn room_of(file: &str) -> &str {
    let first = file.split('/').next().unwrap_or(file);
    first.strip_suffix(".rs").unwrap_or(first)
}

/// The room of a file, or the smaller one inside: the folders of `compat` and each of its own files, which those
/// share. None for the file that sends a call to all of them.
fn inner_room_of(file: &str) -> Option<&str> {
    let Some(inner) = file.strip_prefix("compat/") else { return Some(room_of(file)) };
    let folder = inner.find('/').map_or(file, |end| &file[..end + "compat/".len()]);
    (file != "compat/mod.rs").then_some(folder)
}

fn floor_of(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(_, rooms)| rooms.contains(&room)).map(|(floor, _)| *floor)
}

/// The files of a crate, and who uses whom.
struct House {
    tree: Crate,
    /// The uses of another file, by the places of both in `tree.files`.
    uses: Vec<(usize, usize, Place)>,
}

impl House {
    fn new(tree: Crate) -> Self {
        let uses_of = |named: &Named| {
            let from = tree.file_of(named);
            let place = (tree.files[from].name.clone(), named.line);
            let used = tree.used(named).into_iter().filter(move |to| *to != from);
            used.map(move |to| (from, to, place.clone())).collect::<Vec<_>>()
        };
        let uses = tree.paths.iter().flat_map(uses_of).collect();
        Self { tree, uses }
    }

    fn of_folder(src: &Path) -> Self {
        Self::new(Crate::read(&texts_of(src)))
    }

    fn name(&self, file: usize) -> &str {
        &self.tree.files[file].name
    }

    /// The arrows between files, without those that make no circle worth a word: from a private child to the file
    /// that declares it, and from files that only pass names on.
    fn between_files(&self) -> Arrows {
        let mut arrows = Arrows::default();
        for (from, to, place) in &self.uses {
            let file = &self.tree.files[*from];
            if !file.passes_on && !self.tree.files[*to].passes_on && file.private_child_of != Some(*to) {
                arrows.add(&file.name, self.name(*to), place.clone());
            }
        }
        arrows
    }

    /// The arrows between different rooms, of those that a function finds for both files.
    fn between<'a>(&'a self, rooms: impl Fn(&'a str, &'a str) -> Option<(&'a str, &'a str)>) -> Arrows {
        let mut arrows = Arrows::default();
        for (from, to, place) in &self.uses {
            match rooms(self.name(*from), self.name(*to)) {
                Some((from, to)) if from != to => arrows.add(from, to, place.clone()),
                _ => {}
            }
        }
        arrows
    }

    fn between_rooms(&self) -> Arrows {
        self.between(|from, to| Some((room_of(from), room_of(to))))
    }

    /// The arrows between the rooms of one floor.
    fn on_one_floor(&self) -> Arrows {
        self.between(|from, to| {
            let one_floor = floor_of(room_of(from)) == floor_of(room_of(to));
            // the inner rooms of `compat` count among themselves
            if room_of(from) == room_of(to) {
                Some((inner_room_of(from)?, inner_room_of(to)?))
            } else {
                one_floor.then_some((room_of(from), room_of(to)))
            }
        })
    }

    /// The uses of a room on a higher floor, and the files of no room.
    fn upward(&self) -> Vec<String> {
        let homeless = self.tree.files.iter().filter(|file| floor_of(room_of(&file.name)).is_none());
        let homeless = homeless.map(|file| format!("src/{}: `{}` is no room", file.name, room_of(&file.name)));
        let upward = self.uses.iter().filter_map(|(from, to, (file, line))| {
            let rooms = [*from, *to].map(|file| room_of(self.name(file)));
            let [lower, upper] = rooms.map(floor_of);
            let arrow = format!("{} {} -> {} {}", rooms[0], lower?, rooms[1], upper?);
            (lower < upper).then(|| format!("src/{file}:{line} uses {} ({arrow})", self.name(*to)))
        });
        let mut found: Vec<String> = homeless.chain(upward).collect();
        found.sort();
        found.dedup();
        found
    }

    /// Places where a file starts a process or prints, which one place each may do.
    fn forbidden_words(&self) -> Vec<String> {
        let word = |named: &Named| {
            let names: Vec<&str> = named.names.iter().map(String::as_str).collect();
            let starts = matches!(names[..], ["duct" | "duct_sh", ..])
                || names.windows(2).any(|pair| matches!(pair, ["Command", "new"] | ["process", "Command"]));
            let prints = matches!(names.last(), Some(&("print!" | "println!" | "eprint!" | "eprintln!" | "dbg!")));
            let file = self.tree.file_of(named);
            let parent = self.tree.files[file].private_child_of;
            let may_start = [Some(file), parent].into_iter().flatten().any(|file| self.name(file) == STARTS_PROCESSES);
            (prints || starts && !may_start)
                .then(|| format!("src/{}:{}: {}", self.name(file), named.line, names.join("::")))
        };
        self.tree.paths.iter().filter_map(word).collect()
    }

    /// The files with more lines than a limit.
    fn longer_than(&self, limit: usize) -> Vec<String> {
        let long = self.tree.files.iter().filter(|file| file.length > limit);
        long.map(|file| format!("src/{}: {} lines", file.name, file.length)).collect()
    }
}

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

#[track_caller]
fn none(what: &str, findings: &[String]) {
    assert!(findings.is_empty(), "{what}:\n{}", findings.join("\n"));
}

#[test]
fn arrows_between_rooms_go_down() {
    none("arrows that go up, or files of no room", &House::of_folder(&src()).upward());
}

#[test]
fn rooms_of_one_floor_make_no_circle() {
    none("a circle of rooms", Vec::from_iter(House::of_folder(&src()).on_one_floor().shortest_circle()).as_slice());
}

#[test]
fn files_make_no_circle() {
    none("a circle of files", Vec::from_iter(House::of_folder(&src()).between_files().shortest_circle()).as_slice());
}

#[test]
fn processes_start_in_one_file_and_nothing_prints() {
    none("a file's own word elsewhere", &House::of_folder(&src()).forbidden_words());
}

#[test]
fn files_are_short() {
    let house = House::of_folder(&src());
    for file in house.longer_than(LONG) {
        eprintln!("note: {file} without its unit tests");
    }
    none(&format!("files of over {LONGEST} lines without their unit tests"), &house.longer_than(LONGEST));
}

#[test]
#[ignore = "prints the rooms, the arrows and the circles, of the folder ARROWS_SRC if that is set"]
fn printed() {
    let house = House::of_folder(&std::env::var_os("ARROWS_SRC").map_or_else(src, PathBuf::from));
    let rooms = house.between_rooms();
    for (floor, room) in FLOORS.iter().flat_map(|(floor, rooms)| rooms.iter().map(move |room| (floor, *room))) {
        let files = house.tree.files.iter().filter(|file| room_of(&file.name) == room);
        let lines: Vec<usize> = files.map(|file| file.length).collect();
        let to = rooms.all().filter(|(from, ..)| *from == room);
        let to: Vec<String> = to.map(|(_, to, places)| format!("{to} {}", places.len())).collect();
        if !lines.is_empty() {
            let (files, lines) = (lines.len(), lines.iter().sum::<usize>());
            eprintln!("{floor:>2} {room}: {files} files, {lines} lines -> {}", to.join(", "));
        }
    }
    for (what, findings) in [
        ("upward arrows", house.upward()),
        ("circles of rooms on one floor", circles(&house.on_one_floor())),
        ("circles of files", circles(&house.between_files())),
        ("processes and prints elsewhere", house.forbidden_words()),
        ("files of over 400 lines without their unit tests", house.longer_than(LONG)),
    ] {
        eprintln!("\n{what}: {}\n{}", findings.len(), findings.join("\n"));
    }
}

/// Each group of which every member reaches every other, with the arrows inside and the lines of their uses.
fn circles(arrows: &Arrows) -> Vec<String> {
    let inside = |knot: std::collections::BTreeSet<&str>| {
        let arrows = arrows.all().filter(|(from, to, _)| knot.contains(from) && knot.contains(to));
        let arrows = arrows.map(|(from, to, places)| {
            let places = places
                .iter()
                .map(|(file, line)| if file == from { line.to_string() } else { format!("{file}:{line}") });
            format!("\n    {from} -> {to}: {}", places.collect::<Vec<_>>().join(", "))
        });
        format!("  {} of {}:{}", knot.len(), Vec::from_iter(knot.clone()).join(" "), arrows.collect::<String>())
    };
    arrows.knots().into_iter().map(inside).collect()
}
