//! One prepared world that is put back, byte for byte, before every kill.

use crate::support::{Repo, Sleeper, World, files_below};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Where tasks are coordinated, and where their files live.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// On a remote; the files on the code branch.
    Remote,
    /// In the clone alone; the files on the code branch.
    Local,
    /// On a remote; the files on the branch `aitask-data`, checked out in `.aitask-data`.
    DataBranch,
}

/// What a command can change: all of it is saved and put back.
const CHANGING: [&str; 3] = ["ann", "origin.git", "tmp"];

/// A world of one clone, Ann's.
pub(super) struct Scene {
    pub(super) world: World,
    pub(super) ann: Repo,
    pub(super) mode: Mode,
    /// The process that stands for Ann's session.
    _session: Option<Sleeper>,
}

impl Scene {
    /// A clone that is not set up yet; `session`: its commands name the process of a session that lives.
    pub(super) fn bare(mode: Mode, session: bool) -> Self {
        let world = World::new();
        let ann = world.clone("ann");
        for hooks in [ann.path(".git/hooks"), world.origin().join("hooks")] {
            // samples, which would be copied hundreds of times
            std::fs::remove_dir_all(hooks).unwrap();
        }
        match mode {
            Mode::Remote => {}
            Mode::Local => drop(ann.git(&["remote", "remove", "origin"])),
            Mode::DataBranch => ann.give_data_a_branch(),
        }
        let session = session.then(Sleeper::new);
        let ann = match &session {
            Some(session) => ann.env("AIT_AGENT_PID", session.pid()),
            None => ann,
        };
        Self { world, ann, mode, _session: session }
    }

    /// A clone with the tasks 1 (with a plan) and 2.
    pub(super) fn with_tasks(mode: Mode, session: bool) -> Self {
        let scene = Self::bare(mode, session);
        let init: &[&str] = if mode == Mode::DataBranch { &["init"] } else { &["init", "--on", "main"] };
        scene.ann.aitask(init).ok();
        assert_eq!(scene.ann.task("Add login", &[("priority", "high"), ("label", "ui")]), "1");
        assert_eq!(scene.ann.task("Mend the report", &[]), "2");
        let data = scene.ann.at(if mode == Mode::DataBranch { ".aitask-data" } else { "." });
        data.write("aiplans/p1_add_login.md", "---\nTask: t1_add_login.md\n---\n\nFirst, think.\n");
        data.commit("plan");
        scene.publish(&data);
        scene
    }

    /// As [`Scene::with_tasks`], with task 1 picked, work committed on its branch, and, where `moved`, the output
    /// branch moved meanwhile.
    pub(super) fn with_work(mode: Mode, session: bool, moved: bool) -> Self {
        let scene = Self::with_tasks(mode, session);
        scene.ann.aitask(&["pick", "1"]).ok();
        let work = scene.ann.at("aiwork/t1_add_login");
        work.write("login.txt", "name\npassword\n");
        work.commit("login");
        if moved {
            scene.ann.write("report.txt", "mended\n");
            scene.ann.git(&["add", "report.txt"]);
            scene.ann.git(&["commit", "-qm", "report"]);
            scene.publish(&scene.ann);
        }
        scene
    }

    fn publish(&self, repo: &Repo) {
        if self.mode != Mode::Local {
            repo.git(&["push", "-q"]);
        }
    }

    fn places(&self, below: &Path) -> [PathBuf; 3] {
        CHANGING.map(|name| below.join(name))
    }

    /// Keeps the world as it is now for [`Scene::restore`].
    pub(super) fn save(&self) {
        let saved = self.world.root().join("saved");
        std::fs::create_dir(&saved).unwrap();
        copy(&self.places(self.world.root()), &saved);
    }

    /// Puts the saved world back.
    pub(super) fn restore(&self) {
        for place in self.places(self.world.root()) {
            std::fs::remove_dir_all(place).unwrap();
        }
        copy(&self.places(&self.world.root().join("saved")), self.world.root());
    }

    /// Every file there is, to tell whether a killed command changed anything at all.
    pub(super) fn files(&self) -> BTreeMap<PathBuf, (u32, Vec<u8>)> {
        let places = self.places(self.world.root());
        let mut files: BTreeMap<_, _> = places.iter().flat_map(|place| files_below(place)).collect();
        // whose turn it is in the queue says nothing once the process is gone
        let passing = ["queue.lock", "check-slot.1", "landings.lock"].map(|name| Path::new(".git/aitask").join(name));
        files.retain(|path, _| !passing.iter().any(|name| path.ends_with(name)) && !path.ends_with(".git/aitask"));
        files
    }
}

/// Copies folders into another one, links and times as they are.
fn copy(from: &[PathBuf], into: &Path) {
    #[expect(clippy::disallowed_methods, reason = "cp keeps times and links, std::fs does not")]
    let status = std::process::Command::new("cp").arg("-a").args(from).arg(into).status().unwrap();
    assert!(status.success());
}
