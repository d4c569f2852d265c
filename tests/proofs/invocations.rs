//! Any words, to every verb and every script: no bug, no hang, no half, and no command that an argument names.
//!
//! `AITASK_SEED=N cargo test proofs::invocations` repeats one call and shows it.

use super::words::{SCRIPTS, VERBS, any_call};
use crate::support::{Chance, Proof, Repo, Rounds, Run, Sleeper, World, day};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// A world in which calls are made, and what it is put back to after each that changed something.
struct Scene {
    world: World,
    /// Where the calls are made.
    place: Repo,
    kept: TempDir,
    before: BTreeMap<PathBuf, u64>,
    indexes: BTreeMap<PathBuf, String>,
}

impl Scene {
    /// The n-th: no repository; one that is not set up; one that is; and the worktree of a task that is held, with the
    /// tasks on a branch of their own, or on the code branch.
    fn new(n: usize, session: &Sleeper) -> Self {
        let world = World::new();
        let ann = world
            .clone_as("in/ann", "ann", "ann@example.com")
            .env("AIT_AGENT_PID", session.pid())
            .env("GIT_AITASK_TIMEOUT", "3s");
        if n >= 2 {
            let more: &[&str] = if n == 4 { &["--on", "main"] } else { &[] };
            ann.aitask(&[&["init"], more].concat()).ok();
            for title in ["One", "Two", "Three"] {
                ann.task(title, &[]);
            }
            ann.aitask(&["archive", "3"]).ok();
            ann.aitask(&["new", "Part", "--parent", "2"]).ok();
        }
        if n >= 3 {
            ann.aitask(&["pick", "1"]).ok();
            let there = ann.at("aiwork/t1_one");
            there.write("work.txt", "work\n");
            there.commit("work");
            there.write("more.txt", "not committed\n");
        }
        for folder in ["canary", "in/none"] {
            std::fs::create_dir_all(world.root().join(folder)).unwrap();
        }
        std::fs::write(world.root().join("canary/file"), "sings\n").unwrap();
        let place = match n {
            0 => ann.at("../none"),
            1 | 2 => ann,
            _ => ann.at("aiwork/t1_one"),
        };
        let kept = tempfile::tempdir_in(world.root().parent().unwrap()).unwrap();
        shell(world.root(), "cp -a . \"$1\"", kept.path());
        let before = files(world.root());
        let mut scene = Self { world, place, kept, before, indexes: BTreeMap::new() };
        let indexes = scene.before.keys().filter(|path| path.ends_with("index"));
        scene.indexes = indexes.map(|path| (path.clone(), scene.staged(path))).collect();
        scene
    }

    /// What an index has, without the times of the files.
    fn staged(&self, index: &Path) -> String {
        let place = self.place.at(self.world.root().join("in/ann"));
        let index = self.world.root().join(index);
        place.env("GIT_INDEX_FILE", index.display()).run("git", &["ls-files", "--stage"]).stdout
    }

    /// What a call changed, by name.
    fn changed(&self) -> Vec<PathBuf> {
        let after = files(self.world.root());
        let names = self.before.keys().chain(after.keys().filter(|name| !self.before.contains_key(*name)));
        names.filter(|name| self.before.get(*name) != after.get(*name)).cloned().collect()
    }

    /// Whether it matters that this file is another one: all but the private notes, what a fetch brings, and the times in
    /// an index.
    fn matters(&self, path: &Path) -> bool {
        let text = path.to_str().unwrap_or_default();
        let fetched = ["/refs/remotes", "/refs/prefetch", "/refs/aitask", "/.git/aitask"];
        if text.ends_with("FETCH_HEAD") || fetched.iter().any(|part| text.contains(part)) {
            return false;
        }
        if text.ends_with("/index") && text.contains("/.git/") {
            return self.indexes.get(path).is_none_or(|before| *before != self.staged(path));
        }
        // these change in passing, with the files in them
        !text.is_empty() && !["/.git", "/.git/refs", "/.git/logs"].iter().any(|end| text.ends_with(end))
    }

    fn put_back(&self) {
        let line = "find . -mindepth 1 -maxdepth 1 -exec rm -rf {} + && cp -a \"$1/.\" .";
        shell(self.world.root(), line, self.kept.path());
    }

    /// One call; what it did that it should not have.
    fn play(&self, words: &[String]) -> (Run, Vec<String>) {
        let words: Vec<_> =
            words.iter().map(|word| word.replace("{root}", self.world.root().to_str().unwrap())).collect();
        let args: Vec<_> = words.iter().map(|word| argument(word)).collect();
        let run = self.place.start_with(&args).wait();
        let changed = self.changed();
        let mut wrong = Vec::new();
        if run.code == 70 || run.signal.is_some() || run.stderr.contains("panicked at") {
            wrong.push("a bug".to_owned());
        }
        if self.world.root().join("hit").exists() {
            wrong.push("an argument was run as a command".to_owned());
        }
        let outside = |path: &&PathBuf| {
            !["in/ann", "in/none", "origin.git", "home", "tmp"].iter().any(|top| path.starts_with(top))
        };
        let may_write_anywhere = words.iter().any(|word| word == "shim");
        let written: Vec<_> =
            changed.iter().filter(outside).filter(|path| *path != Path::new("") && *path != Path::new("in")).collect();
        if !may_write_anywhere && !written.is_empty() {
            wrong.push(format!("it wrote outside: {written:?}"));
        }
        // the scripts make a list of the issue types where there is none
        let types = ["aitasks", "aitasks/metadata", "aitasks/metadata/task_types.txt"];
        let is_other =
            |path: &&PathBuf| !words.contains(&"compat".to_owned()) || !types.iter().any(|made| path.ends_with(made));
        let left: Vec<_> = changed.iter().filter(|path| self.matters(path)).filter(is_other).collect();
        if run.code != 0 && !left.is_empty() {
            wrong.push(format!("it failed, and changed {left:?}"));
        }
        let not_json = ["explore", "hook", "help", "compat", "-h", "--help", "-V", "--version", "--schema"];
        let has_word = |wanted: &str| words.iter().any(|word| word == wanted);
        let asks_for_json = words.first().is_some_and(|word| word == "--json") && !not_json.into_iter().any(has_word);
        if asks_for_json && !has_one_document(&run) {
            wrong.push("not one JSON document".to_owned());
        }
        if !changed.is_empty() {
            self.put_back();
        }
        (run, wrong)
    }
}

/// Whether there is one JSON document: on standard output, or where it failed on standard error. A check that finds
/// something fails with what it found.
fn has_one_document(run: &Run) -> bool {
    let is_document = |text: &str| serde_json::from_str::<serde_json::Value>(text).is_ok();
    let is_answer = is_document(&run.stdout);
    if run.code == 0 {
        is_answer
    } else {
        is_document(&run.stderr) != is_answer && (is_answer || run.stdout.is_empty())
    }
}

/// A word as the program gets it; one of them is no UTF-8.
fn argument(word: &str) -> OsString {
    use std::os::unix::ffi::OsStringExt as _;
    OsString::from_vec(word.bytes().flat_map(|byte| if byte == 0 { vec![0xff, 0xfe] } else { vec![byte] }).collect())
}

fn shell(dir: &Path, line: &str, word: &Path) {
    let mut shell = std::process::Command::new("sh");
    let status = shell.current_dir(dir).args(["-ec", line, "sh"]).arg(word).status().unwrap();
    assert!(status.success(), "{line}");
}

/// Every file below a folder but objects, by name: a number made of its mode and its content.
pub(super) fn files(top: &Path) -> BTreeMap<PathBuf, u64> {
    let (mut files, mut left) = (BTreeMap::new(), vec![top.to_owned()]);
    while let Some(path) = left.pop() {
        let data = path.symlink_metadata().unwrap();
        let mut hash = DefaultHasher::new();
        data.permissions().mode().hash(&mut hash);
        if data.is_dir() {
            let entries = std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path());
            left.extend(entries.filter(|path| !path.ends_with("objects")));
        } else if data.is_symlink() {
            std::fs::read_link(&path).unwrap().hash(&mut hash);
        } else if path.ends_with("packed-refs") {
            let text = std::fs::read_to_string(&path).unwrap();
            text.lines().filter(|line| !line.contains(" refs/remotes/")).for_each(|line| line.hash(&mut hash));
        } else {
            std::fs::read(&path).unwrap().hash(&mut hash);
        }
        files.insert(path.strip_prefix(top).unwrap().to_owned(), hash.finish());
    }
    files
}

/// The calls of a face.
fn prove(row: &'static str, property: &'static str, targets: &'static [&'static str]) {
    let session = Sleeper::new();
    let mut scenes: BTreeMap<usize, Scene> = BTreeMap::new();
    let mut played = |seed: u64| {
        let chance = Chance::new(seed);
        let scene =
            scenes.entry(usize::try_from(seed / 32 % 5).unwrap()).or_insert_with_key(|n| Scene::new(*n, &session));
        let words = any_call(targets, &chance);
        // a call that hangs ends in a panic of the test
        let play = std::panic::AssertUnwindSafe(|| scene.play(&words));
        std::panic::catch_unwind(play).map_err(|_| format!("it hangs: {words:?}"))
    };
    if let Some(seed) = std::env::var("AITASK_SEED").ok().and_then(|seed| seed.parse().ok()) {
        let (run, wrong) = played(seed).unwrap();
        assert!(wrong.is_empty(), "{wrong:#?}\n{run}");
        return;
    }
    let rounds = Rounds { ordinary: 20, short: 50, long: 10_000 };
    let mut proof = Proof::new(row, property, "calls", rounds);
    let is_long = std::env::var_os("AITASK_PROVE").is_some_and(|effort| effort != "short");
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let first = if is_long { now << 20 } else { u64::try_from(day()).unwrap() << 20 };
    while let Some(n) = proof.next_round() {
        let seed = first + u64::try_from(n).unwrap();
        proof.tried(1);
        match played(seed) {
            Ok((run, wrong)) => {
                proof.check(wrong.is_empty(), || format!("AITASK_SEED={seed}: {}\n{run}", wrong.join("\n")));
            }
            Err(wrong) => proof.check(false, || format!("AITASK_SEED={seed}: {wrong}")),
        }
    }
    proof.end();
}

#[test]
fn any_words_to_every_verb() {
    prove(
        "12b",
        "Any words to every verb: no bug, no hang, nothing half done, nothing run or written elsewhere",
        &VERBS,
    );
}

#[test]
fn any_words_to_every_script() {
    prove("12c", "Any words to every script: the same", &SCRIPTS);
}
