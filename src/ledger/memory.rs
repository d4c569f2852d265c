//! Refs and objects in memory, for tests: several clones of one remote, whose pushes end as the test says. No process,
//! no connection, and no waiting.

use crate::error::{Error, Kind, Result};
use crate::git::objects::{BuiltObjects, Edit, NewCommit, ParentCommit};
use crate::git::porcelain::cat_file::{Object, ObjectKind};
use crate::git::porcelain::ls_tree::{FileMode, TreeEntry};
use crate::git::porcelain::push::{Flag, PushReport, PushedRef};
use crate::git::refs::Swap;
use crate::git::remote::{PushOptions, Pushed};
use crate::git::{Branch, Oid, RefName, RefUpdate, RemoteName, Repository};
use crate::ledger::backoff::Deadline;
use crate::ledger::refs::Refs;
use crate::ledger::turns::Turns;
use crate::ledger::{Channel, Company, Ledger, LockFormat};
use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// How a push ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PushFate {
    /// The server compares, swaps and answers.
    Answered,
    /// The server answers that it could not lock a ref, which nobody moved.
    Busy,
    /// A hook of the server refuses it.
    Denied,
    /// The server swaps, and the answer is lost.
    Unheard,
    /// The connection breaks before the push reaches the server.
    Lost,
    /// The connection breaks, and the push reaches the server after this many more pushes and fetches of all clones.
    Late(u8),
    /// The server swaps and answers, and gets the same push once more after this many pushes and fetches.
    Twice(u8),
}

/// A swap of the remote.
#[derive(Debug, Clone)]
pub(crate) struct LandedSwap {
    /// The command whose push it was ([`Clone::next_push`]).
    pub(crate) command: usize,
    /// The refs that moved.
    pub(crate) moved: Vec<RefUpdate>,
}

/// A file that changed: its path, its content before, and after.
pub(crate) type FileChange = (String, Option<String>, Option<String>);

/// A folder for private records, in memory where the system offers that.
pub(crate) fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

/// The refs of a remote, and the objects of the remote and all clones.
#[derive(Debug, Default)]
struct RemoteState {
    refs: BTreeMap<RefName, Oid>,
    files: BTreeMap<Oid, Vec<u8>>,
    commits: BTreeMap<Oid, StoredCommit>,
    /// Pushes that are still on their way.
    late: Vec<(u8, usize, Vec<RefUpdate>)>,
    /// It has no atomic push.
    one_at_a_time: bool,
    /// The swaps, in their order.
    landed: Vec<LandedSwap>,
}

#[derive(Debug, Clone, Default, Hash)]
struct StoredCommit {
    files: BTreeMap<String, Oid>,
    parents: Vec<Oid>,
    message: String,
}

/// A commit of a branch, and the files there.
#[derive(Debug, Clone, Default)]
pub(crate) struct PastCommit {
    pub(crate) message: String,
    pub(crate) files: BTreeMap<String, String>,
}

/// The remote of some clones.
#[derive(Debug, Clone, Default)]
pub(crate) struct Remote(Arc<Mutex<RemoteState>>);

/// A clone of it.
#[derive(Debug)]
pub(crate) struct Clone {
    remote: Remote,
    state: Mutex<CloneState>,
    turns: Option<(Arc<Turns>, usize)>,
}

#[derive(Debug, Default)]
struct CloneState {
    refs: BTreeMap<RefName, Oid>,
    fates: VecDeque<PushFate>,
    /// The command that pushes.
    command: usize,
    /// A ref that another process sets after the next fetch of this one.
    set_by_another: Option<(RefName, Oid)>,
    /// How many more waits fit into the time limit.
    waits: u32,
    /// A file that commits built here lose, to test the guard against such a mistake.
    loses: Option<String>,
    fetches: usize,
    pushes: Vec<Vec<RefUpdate>>,
}

fn named(text: impl std::hash::Hash) -> Oid {
    let part = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        (salt, &text).hash(&mut hasher);
        format!("{:016x}", hasher.finish())
    };
    Oid::parse(&[part(0), part(1), part(2)].concat()[..40]).unwrap()
}

impl RemoteState {
    fn history(&self, tip: &Oid) -> BTreeSet<Oid> {
        let (mut seen, mut left) = (BTreeSet::new(), vec![tip.clone()]);
        while let Some(oid) = left.pop() {
            if let (Some(commit), true) = (self.commits.get(&oid), seen.insert(oid.clone())) {
                left.extend(commit.parents.clone());
            }
        }
        seen
    }

    fn object(&self, refs: &BTreeMap<RefName, Oid>, name: &str) -> Option<Object> {
        let (of, path) = name.split_once(':').map_or((name, None), |(of, path)| (of, Some(path)));
        let oid = RefName::parse(of).and_then(|name| refs.get(&name).cloned()).or_else(|| Oid::parse(of))?;
        let (oid, kind, data) = match path {
            None => match self.files.get(&oid) {
                Some(data) => (oid, ObjectKind::Blob, data.clone()),
                None => {
                    self.commits.get(&oid).map(|commit| (oid, ObjectKind::Commit, commit.message.clone().into()))?
                }
            },
            Some("") => {
                let mut data = Vec::new();
                for (path, blob) in self.commits.get(&oid)?.files.iter().filter(|(path, _)| !path.contains('/')) {
                    let hash = (0..40).step_by(2).map(|n| u8::from_str_radix(&blob.as_str()[n..n + 2], 16).unwrap());
                    data.extend([b"100644 ", path.as_bytes(), b"\0"].concat().into_iter().chain(hash));
                }
                (named(&data), ObjectKind::Tree, data)
            }
            Some(path) => {
                let blob = self.commits.get(&oid)?.files.get(path)?.clone();
                let data = self.files.get(&blob)?.clone();
                (blob, ObjectKind::Blob, data)
            }
        };
        Some(Object { oid, kind, data })
    }

    /// The server's own compare-and-swap.
    fn swap(&mut self, command: usize, updates: &[RefUpdate]) -> bool {
        let is_as_expected = |update: &RefUpdate| self.refs.get(&update.name) == update.old.as_ref();
        if !updates.iter().all(is_as_expected) {
            return false;
        }
        let moved: Vec<_> = updates.iter().filter(|update| !update.is_guard()).cloned().collect();
        for update in &moved {
            match &update.new {
                Some(new) => drop(self.refs.insert(update.name.clone(), new.clone())),
                None => drop(self.refs.remove(&update.name)),
            }
        }
        if !moved.is_empty() {
            self.landed.push(LandedSwap { command, moved });
        }
        true
    }

    /// Lets one call pass; delayed pushes that are due land.
    fn pass(&mut self) {
        let (due, left): (Vec<_>, Vec<_>) =
            std::mem::take(&mut self.late).into_iter().partition(|(calls, ..)| *calls == 0);
        self.late = left;
        for (_, command, updates) in due {
            self.swap(command, &updates);
        }
        self.late.iter_mut().for_each(|(calls, ..)| *calls -= 1);
    }
}

impl Remote {
    fn world(&self) -> MutexGuard<'_, RemoteState> {
        self.0.lock().unwrap()
    }

    /// A remote without atomic push.
    pub(crate) fn one_at_a_time() -> Self {
        let remote = Self::default();
        remote.world().one_at_a_time = true;
        remote
    }

    /// A clone whose next pushes end like this, in order; all later ones are answered.
    pub(crate) fn clone_with(&self, fates: impl IntoIterator<Item = PushFate>) -> Clone {
        let state = CloneState { fates: fates.into_iter().collect(), waits: 100, ..CloneState::default() };
        Clone { remote: self.clone(), state: Mutex::new(state), turns: None }
    }

    /// Puts a commit with these files on a branch, whatever is there.
    pub(crate) fn put(&self, branch: &str, files: &[(&str, &str)]) -> Oid {
        let mut world = self.world();
        let name = Branch::parse(branch).unwrap().full();
        let parents = world.refs.get(&name).cloned().into_iter().collect();
        let mut commit = StoredCommit { parents, message: branch.to_owned(), ..StoredCommit::default() };
        for (path, content) in files {
            let blob = named(content.as_bytes());
            world.files.insert(blob.clone(), content.as_bytes().to_vec());
            commit.files.insert((*path).to_owned(), blob);
        }
        let oid = named(&commit);
        world.commits.insert(oid.clone(), commit);
        world.refs.insert(name, oid.clone());
        oid
    }

    /// Adds a file to a branch.
    pub(crate) fn add(&self, branch: &str, path: &str, content: &str) {
        let there = self.files(branch);
        let there = there.iter().map(|(path, content)| (path.as_str(), content.as_str()));
        self.put(branch, &there.chain([(path, content)]).collect::<Vec<_>>());
    }

    /// Sets a branch, or removes it.
    pub(crate) fn set(&self, branch: &str, to: Option<&Oid>) {
        let name = Branch::parse(branch).unwrap().full();
        match to {
            Some(to) => drop(self.world().refs.insert(name, to.clone())),
            None => drop(self.world().refs.remove(&name)),
        }
    }

    /// Lets all delayed pushes land.
    pub(crate) fn deliver(&self) {
        let mut world = self.world();
        while !world.late.is_empty() {
            world.pass();
        }
    }

    /// The files of a branch.
    pub(crate) fn files(&self, branch: &str) -> BTreeMap<String, String> {
        self.history(branch).pop().unwrap_or_default().files
    }

    /// The commits of a branch, oldest first.
    pub(crate) fn history(&self, branch: &str) -> Vec<PastCommit> {
        let world = self.world();
        let mut next = world.refs.get(&Branch::parse(branch).unwrap().full()).cloned();
        let mut past = Vec::new();
        while let Some(commit) = next.and_then(|oid| world.commits.get(&oid)) {
            let text = |blob: &Oid| String::from_utf8(world.files[blob].clone()).unwrap();
            let files = commit.files.iter().map(|(path, blob)| (path.clone(), text(blob))).collect();
            past.push(PastCommit { message: commit.message.clone(), files });
            next = commit.parents.first().cloned();
        }
        past.reverse();
        past
    }

    /// The branches that moved, in the order in which they did.
    pub(crate) fn moves(&self) -> Vec<String> {
        let branch = |update: &RefUpdate| update.name.branch().unwrap().to_string();
        self.world().landed.iter().flat_map(|swap| &swap.moved).map(branch).collect()
    }

    /// How many swaps there were.
    pub(crate) fn swaps(&self) -> usize {
        self.world().landed.len()
    }

    /// The swaps, in their order.
    pub(crate) fn landed(&self) -> Vec<LandedSwap> {
        self.world().landed.clone()
    }

    /// The commit that a ref is at.
    pub(crate) fn tip(&self, name: &RefName) -> Option<Oid> {
        self.world().refs.get(name).cloned()
    }

    /// The files that changed with a ref, and whether its new commit was made on the old one.
    pub(crate) fn changes(&self, update: &RefUpdate) -> (Vec<FileChange>, bool) {
        let world = self.world();
        let commit =
            |oid: &Option<Oid>| oid.as_ref().and_then(|oid| world.commits.get(oid)).cloned().unwrap_or_default();
        let (before, after) = (commit(&update.old), commit(&update.new));
        let text = |blob: Option<&Oid>| blob.map(|blob| String::from_utf8(world.files[blob].clone()).unwrap());
        let paths: BTreeSet<_> = before.files.keys().chain(after.files.keys()).collect();
        let pairs = paths.into_iter().map(|path| (path, before.files.get(path), after.files.get(path)));
        let changed = pairs.filter(|(_, before, after)| before != after);
        let changed = changed.map(|(path, before, after)| (path.clone(), text(before), text(after))).collect();
        (changed, after.parents.first() == update.old.as_ref())
    }
}

impl Clone {
    /// Its ledger, with the records of `repository`.
    pub(crate) fn ledger<'r>(&'r self, repository: &'r Repository, lock_format: LockFormat) -> Ledger<'r> {
        Ledger {
            repository,
            refs: self,
            channel: Channel::Remote(RemoteName::parse("origin").unwrap()),
            timeout: Duration::from_secs(30),
            data_only_branch: None,
            code_home: None,
            work: None,
            keep_checkouts: false,
            repairs: false,
            dry_run: false,
            company: Company::Welcome,
            progress: |_| {},
            lock_format,
        }
    }

    /// Makes its fetches and pushes wait for the turn of thread `number`.
    pub(crate) fn in_turn(self, turns: &Arc<Turns>, number: usize) -> Self {
        Self { turns: Some((turns.clone(), number)), ..self }
    }

    /// Gives it time for this many waits.
    pub(crate) fn patient(self, waits: u32) -> Self {
        self.state().waits = waits;
        self
    }

    /// Makes it build commits that lose a file which no edit removes.
    pub(crate) fn clumsy(self, path: &str) -> Self {
        self.state().loses = Some(path.to_owned());
        self
    }

    /// Makes another process of the clone set a ref right after the next fetch.
    pub(crate) fn another_sets(&self, name: RefName, to: &Oid) {
        self.state().set_by_another = Some((name, to.clone()));
    }

    /// Says how its next push ends, and whose that is.
    pub(crate) fn next_push(&self, command: usize, fate: PushFate) {
        let mut state = self.state();
        (state.fates, state.command) = ([fate].into(), command);
    }

    /// What the remote has of these branches: the first half of a fetch.
    pub(crate) fn ask(&self, branches: &[Branch]) -> Vec<(Branch, Option<Oid>)> {
        let mut world = self.remote.world();
        let answer = branches.iter().map(|branch| (branch.clone(), world.refs.get(&branch.full()).cloned())).collect();
        world.pass();
        answer
    }

    /// Sets the remote-tracking refs: the second half of a fetch.
    pub(crate) fn receive(&self, remote: &RemoteName, answer: Vec<(Branch, Option<Oid>)>) {
        let mut state = self.state();
        state.fetches += 1;
        for (branch, tip) in answer {
            match tip {
                Some(tip) => drop(state.refs.insert(branch.tracking(remote), tip)),
                None => drop(state.refs.remove(&branch.tracking(remote))),
            }
        }
        let set = state.set_by_another.take();
        state.refs.extend(set);
    }

    /// How many fetches there were.
    pub(crate) fn fetches(&self) -> usize {
        self.state().fetches
    }

    /// The pushes so far.
    pub(crate) fn pushes(&self) -> Vec<Vec<RefUpdate>> {
        self.state().pushes.clone()
    }

    fn state(&self) -> MutexGuard<'_, CloneState> {
        self.state.lock().unwrap()
    }

    fn next(&self) {
        if let Some((turns, number)) = &self.turns {
            turns.next(*number);
        }
    }
}

/// The reason that git gives for a ref that does not have the expected value.
const STALE: &str = "stale info";

fn answer(update: &RefUpdate, flag: Flag, reason: Option<&str>) -> PushedRef {
    let summary = match reason {
        None => "done",
        Some(STALE) => "[rejected]",
        Some(_) => "[remote rejected]",
    };
    PushedRef { flag, to: update.name.clone(), summary: summary.to_owned(), reason: reason.map(str::to_owned) }
}

impl Refs for Clone {
    fn tips(&self, names: &[RefName]) -> Result<BTreeMap<RefName, Oid>> {
        let refs = self.state().refs.clone();
        Ok(refs.into_iter().filter(|(name, _)| names.contains(name)).collect())
    }

    fn fetch(&self, remote: &RemoteName, branches: &[Branch], _: Duration) -> Result<Vec<Branch>> {
        self.next();
        let answer = self.ask(branches);
        self.receive(remote, answer);
        Ok(Vec::new())
    }

    fn objects(&self, names: &[String]) -> Result<Vec<Option<Object>>> {
        let (world, state) = (self.remote.world(), self.state());
        Ok(names.iter().map(|name| world.object(&state.refs, name)).collect())
    }

    fn list(&self, commit: &Oid, folders: &[&str]) -> Result<Vec<TreeEntry>> {
        let world = self.remote.world();
        let files = world.commits.get(commit).map(|commit| commit.files.clone()).unwrap_or_default();
        let is_below = |path: &str| folders.iter().any(|folder| path.starts_with(&format!("{folder}/")));
        let files = files.into_iter().filter(|(path, _)| is_below(path));
        Ok(files.map(|(path, oid)| TreeEntry { mode: FileMode::File, oid, path: path.into_bytes() }).collect())
    }

    fn is_ancestor(&self, ancestor: &Oid, commit: &Oid) -> Result<bool> {
        Ok(self.remote.world().history(commit).contains(ancestor))
    }

    fn base(&self, ours: &Oid, theirs: &Oid) -> Result<Option<Oid>> {
        let world = self.remote.world();
        let both: Vec<_> = world.history(ours).intersection(&world.history(theirs)).cloned().collect();
        Ok(both.into_iter().max_by_key(|oid| world.history(oid).len()))
    }

    fn build(&self, commits: &[NewCommit]) -> Result<BuiltObjects> {
        let mut world = self.remote.world();
        let mut built = BuiltObjects { commits: Vec::new(), blobs: Vec::new(), may_remove: true };
        for new in commits {
            let parent = match &new.parent {
                ParentCommit::Root => None,
                ParentCommit::Commit(oid) => Some(oid.clone()),
                ParentCommit::Previous => built.commits.last().cloned(),
            };
            let before = parent.as_ref().and_then(|parent| world.commits.get(parent));
            let mut files = before.map(|commit| commit.files.clone()).unwrap_or_default();
            for edit in &new.edits {
                match edit {
                    Edit::Put { path, content } => {
                        let blob = named(content);
                        world.files.insert(blob.clone(), content.clone());
                        built.blobs.push(blob.clone());
                        files.insert(path.clone(), blob);
                    }
                    Edit::Take { path, oid, .. } => drop(files.insert(path.clone(), oid.clone())),
                    Edit::Remove { path } => drop(files.remove(path)),
                    Edit::Rename { from, to } => {
                        let blob = files.remove(from);
                        files.extend(blob.map(|blob| (to.clone(), blob)));
                    }
                }
            }
            if let Some(path) = &self.state().loses {
                files.remove(path);
            }
            let parents = parent.into_iter().chain(new.merged.clone()).collect();
            let commit = StoredCommit { files, parents, message: new.message.clone() };
            let oid = named(&commit);
            world.commits.insert(oid.clone(), commit);
            built.commits.push(oid);
        }
        Ok(built)
    }

    fn removed(&self, pairs: String) -> Result<Vec<Vec<u8>>> {
        let world = self.remote.world();
        let files = |oid: &str| world.commits[&Oid::parse(oid).unwrap()].files.clone();
        let pairs = pairs.lines().filter_map(|line| line.split_once(' '));
        let removed = pairs.flat_map(|(new, old)| {
            let new = files(new);
            files(old).into_keys().filter(move |path| !new.contains_key(path)).map(String::into_bytes)
        });
        Ok(removed.collect())
    }

    fn push(&self, _: &RemoteName, updates: &[RefUpdate], options: PushOptions) -> Result<Pushed> {
        self.next();
        let mut world = self.remote.world();
        let (fate, command) = {
            let mut state = self.state();
            state.pushes.push(updates.to_vec());
            (state.fates.pop_front().unwrap_or(PushFate::Answered), state.command)
        };
        world.pass();
        if options.atomic && world.one_at_a_time {
            return Ok(Pushed::NoAtomic);
        }
        let lost = || Pushed::Unknown(Error::new(Kind::Unknown, "the connection broke"));
        let all = |reason| updates.iter().map(|update| answer(update, Flag::Rejected, Some(reason))).collect();
        let refs = match fate {
            PushFate::Lost => return Ok(lost()),
            PushFate::Late(calls) => {
                world.late.push((calls, command, updates.to_vec()));
                return Ok(lost());
            }
            PushFate::Busy => all("failed to update ref"),
            PushFate::Denied => all("pre-receive hook declined"),
            PushFate::Answered | PushFate::Unheard | PushFate::Twice(_) => {
                if let PushFate::Twice(calls) = fate {
                    world.late.push((calls, command, updates.to_vec()));
                }
                // Git sends nothing for a ref that has its new value already, whatever the lease says.
                let is_there = |update: &RefUpdate| world.refs.get(&update.name) == update.new.as_ref();
                let (there, sent): (Vec<_>, Vec<_>) = updates.iter().cloned().partition(is_there);
                let moved: Vec<_> = sent.iter().filter(|u| world.refs.get(&u.name) != u.old.as_ref()).collect();
                let mut refs: Vec<_> = there.iter().map(|update| answer(update, Flag::UpToDate, None)).collect();
                if moved.is_empty() {
                    assert!(world.swap(command, &sent), "nothing moved");
                    refs.extend(sent.iter().map(|update| answer(update, Flag::FastForward, None)));
                } else {
                    refs.extend(sent.iter().map(|update| answer(update, Flag::Rejected, Some(STALE))));
                }
                refs
            }
        };
        if fate == PushFate::Unheard {
            return Ok(lost());
        }
        Ok(Pushed::Answered(PushReport { refs, done: true, said: Vec::new() }))
    }

    fn swap(&self, updates: &[RefUpdate], _: &str) -> Result<Swap> {
        self.next();
        let mut state = self.state();
        if updates.iter().any(|update| state.refs.get(&update.name) != update.old.as_ref()) {
            return Ok(Swap::Refused("it moved".to_owned()));
        }
        for update in updates {
            match &update.new {
                Some(new) => drop(state.refs.insert(update.name.clone(), new.clone())),
                None => drop(state.refs.remove(&update.name)),
            }
        }
        Ok(Swap::Done)
    }

    fn follow(&self, refs: &[(RefName, &Oid)]) -> Result<()> {
        self.state().refs.extend(refs.iter().map(|(name, oid)| (name.clone(), (*oid).clone())));
        Ok(())
    }

    fn wait(&self, _: Deadline, _: u32) -> Result<bool> {
        let mut state = self.state();
        let left = state.waits.checked_sub(1);
        state.waits = left.unwrap_or(0);
        Ok(left.is_some())
    }
}
