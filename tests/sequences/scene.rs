//! Two clones, what was done in them, and what must hold after each step.

use super::step::{Act, Step};
use crate::support::{Repo, Run, World};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::Path;

const PEOPLE: [&str; 2] = ["ann", "bob"];
const SHARED_FILE: &str = "src/a.rs";

/// Where the files of each task id are, from the root of the task data.
type Files = BTreeMap<String, Vec<String>>;

pub(super) struct Scene {
    world: World,
    clones: [Repo; 2],
    on_data_branch: bool,
    /// What was run so far, with its output, and what was done by hand.
    story: String,
    /// Ids that were given out and whose files no call said it deleted.
    ids: BTreeSet<String>,
    /// Lines written by hand into task files.
    lines: Vec<String>,
    steps: usize,
}

impl Scene {
    /// A family, a task that names a file, and one with a plan, known to both.
    pub(super) fn new(on_data_branch: bool) -> Self {
        let world = World::new();
        let ann = world.kept(if on_data_branch { "sequence-data" } else { "sequence" }, "ann", |ann| {
            ann.aitask(if on_data_branch { &["init", "--data-branch"] } else { &["init"] }).ok();
            ann.write("aitasks/metadata/task_types.txt", "feature\n");
            ann.write("aitasks/t1_family.md", &text("children_to_implement: [t1_1, t1_2]\n"));
            ann.write("aitasks/t1/t1_1_one.md", &text(""));
            ann.write("aitasks/t1/t1_2_two.md", &text("depends: [t1_1]\n"));
            ann.write("aitasks/t2_file.md", &text(&format!("file_references: [{SHARED_FILE}]\n")));
            ann.write("aitasks/t3_planned.md", &text(""));
            ann.write("aiplans/p3_planned.md", "plan\n");
            ann.script("aitask_sync.sh", &["--batch"]).ok();
            ann.script("aitask_claim_id.sh", &["--resync"]).ok();
        });
        let bob = world.kept("known", "bob", |bob| {
            bob.script("aitask_init_data.sh", &[]).ok();
        });
        let ids = ["1", "1_1", "1_2", "2", "3"].map(Into::into).into();
        Self { world, clones: [ann, bob], on_data_branch, story: String::new(), ids, lines: Vec::new(), steps: 0 }
    }

    /// What was done so far, for the failure's message.
    pub(super) fn story(&self) -> String {
        format!("{}\nin {}", self.story, self.world.root().display())
    }

    fn data(&self, person: usize) -> Repo {
        self.clones[person].at(if self.on_data_branch { ".aitask-data" } else { "." })
    }

    fn branch(&self) -> &'static str {
        if self.on_data_branch { "aitask-data" } else { "main" }
    }

    fn script(&mut self, person: usize, script: &str, args: &[&str]) -> Run {
        let run = self.clones[person].script(script, args);
        let _ = write!(self.story, "{}: {run}", PEOPLE[person]);
        self.note_ids(&run);
        run
    }

    /// Ids that a call says it made or deleted.
    fn note_ids(&mut self, run: &Run) {
        for line in run.stdout.lines() {
            let made = line.strip_prefix("Created: ").or_else(|| line.split(" (ID: t").nth(1));
            let made = made.or_else(|| line.starts_with("aitasks/t").then_some(line));
            if let Some(id) = made.filter(|_| run.code == 0).and_then(id_in) {
                self.ids.insert(id);
            }
            if let Some(deleted) = line.strip_prefix("FOLDED_DELETED:").and_then(|rest| rest.split(':').next()) {
                self.ids.remove(deleted);
            }
        }
    }

    /// Does the step and checks what must hold. An act for which there is no task does nothing.
    pub(super) fn play(&mut self, step: &Step) -> Result<(), String> {
        self.steps += 1;
        let Step { person, task, act } = *step;
        let before = self.dirty(person);
        let active: Vec<_> = self.active(person).into_iter().collect();
        let chosen = (!active.is_empty()).then(|| active[task % active.len()].clone());
        let name = format!("{}{}", PEOPLE[person], self.steps);
        let email = format!("{}@example.com", PEOPLE[person]);
        let make = ["--batch", "--silent", "--name", &name, "--desc", "d"];
        let (id, path) = match (act, &chosen) {
            (
                Act::Create { .. }
                | Act::Finalize
                | Act::Bundle
                | Act::Sync
                | Act::Pull
                | Act::CommitAll
                | Act::OtherFile { .. },
                _,
            ) => ("", ""),
            (_, Some((id, path))) => (id.as_str(), path.as_str()),
            (_, None) => return Ok(()),
        };
        let run = match act {
            Act::Create { names_a_file, folds } => {
                let refs: &[&str] = if names_a_file { &["--file-ref", SHARED_FILE] } else { &[] };
                let folds: &[&str] = if folds { &["--auto-merge"] } else { &[] };
                Some(self.script(person, "aitask_create.sh", &[&make, &["--commit"][..], refs, folds].concat()))
            }
            Act::Child => {
                let parent = id.split('_').next().unwrap();
                Some(self.script(person, "aitask_create.sh", &[&make[..], &["--commit", "--parent", parent]].concat()))
            }
            Act::Finalize => {
                self.script(person, "aitask_create.sh", &make);
                Some(self.script(person, "aitask_create.sh", &["--batch", "--finalize-all"]))
            }
            Act::Claim => Some(self.script(person, "aitask_pick_own.sh", &[id, "--email", &email])),
            Act::Release => {
                let ready = ["--batch", id, "--status", "Ready", "--assigned-to", "", "--commit"];
                let run = self.script(person, "aitask_update.sh", &ready);
                self.script(person, "aitask_lock.sh", &["--unlock", id]);
                Some(run)
            }
            Act::Update { commit } => Some(self.update(person, id, &["--add-label", &name], commit)),
            Act::Rename { commit } => Some(self.update(person, id, &["--name", &name], commit)),
            Act::Archive => Some(self.script(person, "aitask_archive.sh", &[id])),
            Act::Bundle => Some(self.script(person, "aitask_zip_old.sh", &[])),
            Act::Sync => Some(self.script(person, "aitask_sync.sh", &["--batch"])),
            Act::Pull => Some(self.script(person, "aitask_pick_own.sh", &["--sync"])),
            Act::CommitAll => {
                self.script(person, "ait", &["git", "add", "--all"]);
                Some(self.script(person, "ait", &["git", "commit", "--quiet", "-m", &name]))
            }
            Act::Edit => {
                let text = self.data(person).read(path);
                self.data(person).write(path, &format!("{text}{name}.\n"));
                self.lines.push(format!("{name}."));
                None
            }
            Act::Move { staged } => {
                let to = format!("{}_{name}.md", &path[..=path.rfind(&format!("t{id}_")).unwrap() + id.len()]);
                let ways: &[&str] = if staged { &["git", "mv"] } else { &["mv"] };
                // git refuses to move what it does not know
                self.data(person).run(ways[0], &[&ways[1..], &[path, &to]].concat());
                None
            }
            Act::OtherFile { staged } => {
                self.clones[person].write(&format!("{name}.txt"), &name);
                if staged {
                    self.clones[person].git(&["add", &format!("{name}.txt")]);
                }
                None
            }
        };
        if run.is_none() {
            let _ = writeln!(self.story, "{} by hand: {act:?} {path} as {name}", PEOPLE[person]);
        }
        self.check(person, act, run.as_ref(), &before)
    }

    fn update(&mut self, person: usize, id: &str, change: &[&str], commit: bool) -> Run {
        let commit: &[&str] = if commit { &["--commit"] } else { &[] };
        self.script(person, "aitask_update.sh", &[&["--batch", id], change, commit].concat())
    }

    /// One file an id, in the work tree, in the clone's branch and on the remote; no id is lost, no line written by hand
    /// either; nothing is left dirty by a call that commits; the counter is above every id; no rebase is left half done.
    fn check(&self, person: usize, act: Act, run: Option<&Run>, before: &BTreeSet<String>) -> Result<(), String> {
        let data = self.data(person);
        let places = [
            ("the work tree", files(names(&data))),
            ("the branch here", files(tree(&data, "HEAD"))),
            ("the remote", files(self.world.remote_files(self.branch()))),
            ("the other work tree", files(names(&self.data(1 - person)))),
        ];
        for (place, files) in &places {
            let twice = files.values().filter(|paths| paths.len() > 1);
            none(&format!("two files of one task in {place}"), twice)?;
        }
        let known: BTreeSet<_> = places.iter().flat_map(|(_, files)| files.keys()).collect();
        none("lost tasks", self.ids.iter().filter(|id| !known.contains(id)))?;
        none("lost lines", self.lost_lines())?;
        let commits = !matches!(act, Act::Update { commit: false } | Act::Rename { commit: false }) && run.is_some();
        let after = self.dirty(person);
        none("left dirty", after.difference(before).filter(|_| commits))?;
        let next: u64 = self.world.remote_file("aitask-ids", "next_id.txt").unwrap().trim().parse().unwrap();
        none(
            "ids that the counter gives out again",
            known.into_iter().filter(|id| id.parse::<u64>().is_ok_and(|id| id >= next)),
        )?;
        let head = data.git(&["rev-parse", "--symbolic-full-name", "HEAD"]);
        none("another branch", [head.trim()].into_iter().filter(|head| !head.ends_with(self.branch())))?;
        let Some(run) = run else { return Ok(()) };
        none("died", run.signal.into_iter().chain(Some(run.code).filter(|code| *code == 101)))?;
        let synchronised = ["NOTHING", "PUSHED", "PULLED", "SYNCED", "AUTOMERGED"].contains(&run.stdout.trim());
        let (here, there) = (data.git(&["rev-parse", "HEAD"]), self.world.remote_branch(self.branch()));
        let differs = act == Act::Sync && synchronised && there.as_deref() != Some(here.trim());
        none("synchronised, and not the same", Some(there).filter(|_| differs))
    }

    fn lost_lines(&self) -> Vec<&String> {
        let contents = [0, 1].into_iter().flat_map(|person| contents(&self.data(person)));
        let texts: String = contents.map(|(_, text)| text).collect();
        self.lines.iter().filter(|line| !texts.contains(*line)).collect()
    }

    /// The paths that are not what the branch says, without how they differ.
    fn dirty(&self, person: usize) -> BTreeSet<String> {
        let status = self.data(person).git(&["status", "--porcelain", "-z", "--no-renames", "-uall"]);
        status
            .split_terminator('\0')
            .map(|line| line[3..].to_owned())
            .filter(|path| path.starts_with("aitasks/t"))
            .collect()
    }

    /// The active tasks in the work tree, by id.
    fn active(&self, person: usize) -> BTreeMap<String, String> {
        let active = names(&self.data(person)).into_iter().filter(|path| !path.contains("archived/"));
        files(active).into_iter().map(|(id, mut paths)| (id, paths.remove(0))).collect()
    }
}

/// Says so if there are such.
fn none<T: std::fmt::Debug>(what: &str, such: impl IntoIterator<Item = T>) -> Result<(), String> {
    let such: Vec<T> = such.into_iter().collect();
    if such.is_empty() { Ok(()) } else { Err(format!("{what}: {such:?}")) }
}

fn text(fields: &str) -> String {
    format!(
        "---\npriority: medium\neffort: low\nissue_type: feature\nstatus: Ready\n{fields}labels: []\n---\n\nDo it.\n"
    )
}

/// The files of each task; a bundle's members are files of theirs.
fn files(paths: impl IntoIterator<Item = String>) -> Files {
    let mut files = Files::new();
    for path in paths {
        if let Some(id) = id_in(&path) {
            files.entry(id).or_default().push(path);
        }
    }
    files
}

/// The id that the name of a task file begins with.
fn id_in(path: &str) -> Option<String> {
    let name = path.strip_prefix("aitasks/")?.rsplit('/').next()?.strip_prefix('t')?;
    let end = name.find(|c: char| !c.is_ascii_digit() && c != '_')?;
    Some(name[..end].trim_end_matches('_').to_owned()).filter(|id| !id.is_empty())
}

/// The files of the work tree below `aitasks`, and what is in them; a bundle is a folder of its members.
fn contents(data: &Repo) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut folders = vec![data.dir().join("aitasks")];
    let named = |path: &Path| path.strip_prefix(data.dir()).unwrap().to_str().unwrap().to_owned();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            if path.extension().is_some_and(|extension| extension == "zst") {
                let members = zstd::decode_all(&bytes[..]).unwrap();
                for member in tar::Archive::new(&members[..]).entries().unwrap() {
                    let mut member = member.unwrap();
                    let mut text = String::new();
                    member.read_to_string(&mut text).unwrap();
                    found.push((named(&path.join(member.path().unwrap())), text));
                }
            } else {
                found.push((named(&path), String::from_utf8(bytes).unwrap()));
            }
        }
    }
    found
}

fn names(data: &Repo) -> Vec<String> {
    contents(data).into_iter().map(|(name, _)| name).collect()
}

fn tree(data: &Repo, commit: &str) -> Vec<String> {
    data.git(&["ls-tree", "-r", "-z", "--name-only", commit, "aitasks"])
        .split_terminator('\0')
        .map(Into::into)
        .collect()
}
