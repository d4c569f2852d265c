//! Claiming a task as the scripts do: lock, status, assignee and `emails.txt` in one swap, going on from what this checkout
//! has not committed yet (specification 10, section 5).

use crate::compat::archive::snapshot::home;
use crate::coordination::locks::lock_step;
use crate::coordination::process::Liveness;
use crate::coordination::session::parse_email;
use crate::coordination::{LockEntry, Locks, ReadLocks, Session};
use crate::error::{Error, Kind, Payload, Result};
use crate::files::Tree;
use crate::git::carry::{self, Adopted};
use crate::git::porcelain::status::StatusKind;
use crate::git::{Branch, Oid, worktree};
use crate::ledger::plan::Step;
use crate::ledger::{Channel, Decision, Edit, Landed, Ledger, Plan, View, nonce};
use crate::project::context::Context;
use crate::project::index::{Index, branches};
use crate::task::{Document, Status, TaskId, TaskPath, edits, labels, paths};
use std::path::Path;

/// Why a lock was not taken: the one in the way.
#[derive(Debug)]
pub struct Refusal {
    /// It.
    pub lock: Box<LockEntry>,
    /// Whose it is.
    pub by: Holder,
}

/// Who holds a lock that is in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Another owner.
    Other,
    /// A live session of the same person on this machine.
    Live,
    /// A session of the same person on this machine that nobody can judge.
    Unverifiable,
}

/// The table of section 2.3: whether a session may take a lock that is there.
///
/// # Errors
/// The lock, when it is another's.
pub fn judge(context: &Context, session: &Session, lock: &LockEntry) -> Result<(), Refusal> {
    let refused = |by| Err(Refusal { lock: Box::new(lock.clone()), by });
    if lock.holder != session.email {
        return refused(Holder::Other);
    }
    let is_here = lock.anchor.world.is_some() && lock.anchor.world == session.anchor.world;
    let is_elsewhere = !is_here && (lock.host == "unknown" || lock.host != session.host);
    if is_elsewhere || lock.anchor.is_same(&session.anchor) {
        return Ok(());
    }
    match lock.liveness_as_scripts_judge(&context.repository, &session.host) {
        Liveness::Alive => refused(Holder::Live),
        Liveness::Unknown if lock.anchor.number().is_some() => refused(Holder::Unverifiable),
        Liveness::Unknown | Liveness::Dead => Ok(()),
    }
}

/// The step that removes stale locks.
#[must_use]
pub fn cleanup_step(stale: &[TaskId]) -> Step {
    let edits = stale.iter().map(|id| Edit::Remove { path: LockEntry::path(*id) }).collect();
    Step::edit(format!("ait: Cleanup {} stale lock(s)", stale.len()), edits)
}

/// What is asked for, and what lies in the caller's checkout.
pub struct Request<'a> {
    /// The task.
    pub id: TaskId,
    /// The address that was named.
    pub email: Option<String>,
    /// The address of `userconfig.yaml`.
    pub own_email: Option<String>,
    /// Whether to replace the lock of another.
    pub force: bool,
    /// The folder the paths are relative to.
    pub dir: &'a Path,
    /// The active task files there.
    pub files: Vec<String>,
    /// Which of the locks that are held are stale.
    pub stale: &'a dyn Fn(&mut dyn Iterator<Item = TaskId>) -> Vec<TaskId>,
    /// Where warnings go.
    pub warn: &'a dyn Fn(&str),
}

/// What a claim came to.
#[derive(Debug)]
pub struct Claimed {
    /// The lock that was broken by force.
    pub forced: Option<Refusal>,
    /// The task file.
    pub path: TaskPath,
    /// Whether anything in it changed.
    pub changed: bool,
    /// Status and assignee before.
    pub before: (String, String),
    /// The lock before, when it was this person's.
    pub prior: Option<LockEntry>,
    /// For whom it was claimed.
    pub email: Option<String>,
    /// The session that claimed, when a lock was taken.
    pub session: Option<Session>,
}

type Decided = Result<Claimed, Refusal>;

/// Why a task was not claimed.
pub enum Unclaimed {
    /// Somebody holds it.
    Held(Refusal),
    /// Anything else.
    Failed(Error),
}

impl From<Refusal> for Unclaimed {
    fn from(refusal: Refusal) -> Self {
        Self::Held(refusal)
    }
}

impl From<Error> for Unclaimed {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What taking the lock comes to.
enum Locking {
    /// The steps that take it.
    Free(Vec<Step>),
    /// Somebody holds it.
    Held(Refusal),
}

/// Publishes a claim. Where the server refuses the task data, the status is committed here.
///
/// # Errors
/// [`Kind::NoSuchTask`], [`Kind::NotClaimable`], [`Kind::Dirty`] when the file has uncommitted changes here and was changed
/// elsewhere, and those of a transaction.
pub fn claim(context: &Context, request: &Request<'_>) -> Result<Landed<Claimed>, Unclaimed> {
    let (mark, (locks_branch, data)) = (nonce()?, branches(context)?);
    let mut claimer = Claimer { context, request, judged: None, session: None, home: home(context, request.dir) };
    let with_lock = context.channel != Channel::Local && (claimer.email(None)?.is_some() || claimer.may_be_assigned());
    let all: Vec<_> = with_lock.then_some(locks_branch).into_iter().chain([data.clone()]).collect();
    let ledger = Ledger { own: Some(data.clone()), ..context.ledger() };
    let alone = |error: &Error| {
        let offline = matches!(error.kind(), Kind::Unreachable | Kind::Authentication);
        // No hook of the user's runs when the lock alone is pushed.
        let hook = error.payloads().iter().any(|payload| matches!(payload, Payload::Hook { .. }));
        error.is_denied_for(data.as_str()) || hook || (!with_lock && offline)
    };
    match ledger.transact(&mark, &all, |view| claimer.decide(view, with_lock, true)) {
        Ok(landed) => Ok(settle(landed)?),
        Err(error) if alone(&error) => {
            // The lock is what keeps others away; the status is committed here, and pushed by whoever can.
            let mut locked = None;
            if with_lock {
                locked = Some(settle(ledger.transact(&mark, &all, |view| claimer.decide(view, true, false))?)?);
            }
            let here = Ledger { channel: Channel::Local, ..ledger.clone() };
            let landed = here.transact(&mark, std::slice::from_ref(&data), |view| claimer.decide(view, false, true));
            let landed = landed.inspect_err(|_| {
                if let Some(landed) = &locked {
                    let _ = release(&ledger, request.id, landed);
                }
            })?;
            (request.warn)(&format!(
                "1 commit(s) not pushed to {}/{data}: {error}; reconcile with 'ait syncer', or retry './ait git push' once \
                 connectivity is restored",
                context.channel.remote().map_or("origin", |remote| remote.as_str())
            ));
            let landed = settle(landed)?;
            let Some(Landed { value: Claimed { forced, prior, session, .. }, .. }) = locked else { return Ok(landed) };
            Ok(Landed { value: Claimed { forced, prior, session, ..landed.value }, ..landed })
        }
        Err(error) => Err(Unclaimed::Failed(error)),
    }
}

/// Gives a lock back that a claim took before it failed, if nobody held it before and it is still the one we wrote.
fn release(ledger: &Ledger<'_>, id: TaskId, locked: &Landed<Claimed>) -> Result<()> {
    let (branch, path) = (Ledger::locks_branch()?, LockEntry::path(id));
    if locked.value.prior.is_some() || locked.value.forced.is_some() {
        return Ok(());
    }
    let release = ledger.transact(&nonce()?, std::slice::from_ref(&branch), |view| {
        if view.object(&branch, &path)?.map(|found| found.oid).as_ref() != locked.blobs.get(&path) {
            return Ok(Decision::Nothing(()));
        }
        let step = Step::edit(format!("ait: Unlock task t{id}"), vec![Edit::Remove { path: path.clone() }]);
        Ok(Decision::Swap(Plan::new().step(&branch, step), ()))
    });
    release.map(drop)
}

fn settle(landed: Landed<Decided>) -> Result<Landed<Claimed>, Refusal> {
    let Landed { value, updates, blobs, lagging, command, looked_up } = landed;
    value.map(|value| Landed { value, updates, blobs, lagging, command, looked_up })
}

struct Claimer<'a> {
    context: &'a Context,
    request: &'a Request<'a>,
    /// The lock that force was decided on.
    judged: Option<LockEntry>,
    session: Option<Session>,
    /// The folder of the project in its repository, with a slash.
    home: String,
}

impl Claimer<'_> {
    /// The address of the claim: `--email`, the task's assignee, `userconfig.yaml`.
    fn email(&self, assigned: Option<&str>) -> Result<Option<String>> {
        let assigned = assigned.map(|text| text.trim_matches(['"', '\''])).filter(|text| !text.is_empty());
        let found = self
            .request
            .email
            .clone()
            .or_else(|| assigned.map(str::to_owned))
            .or_else(|| self.request.own_email.clone());
        found.map(|email| parse_email(&email)).transpose()
    }

    /// Whether the task file in this checkout names somebody.
    fn may_be_assigned(&self) -> bool {
        let path = self
            .request
            .files
            .iter()
            .filter_map(|path| TaskPath::parse(path))
            .find(|path| path.id() == self.request.id);
        let bytes = path.and_then(|path| Tree::new(self.request.dir).load(path.as_str()).ok().flatten());
        bytes.is_some_and(|bytes| Document::parse(&bytes).scalar("assigned_to").is_some_and(|email| !email.is_empty()))
    }

    fn decide(&mut self, view: &View<'_>, with_lock: bool, with_status: bool) -> Result<Decision<Decided>> {
        let (locks_branch, data) = branches(self.context)?;
        let index = Index::load_below(view, &data, &self.home)?;
        let path = self.find(&index)?;
        let tip = view.tip(&data);
        let [own_path, own_emails] = [path.as_str(), paths::EMAILS_FILE].map(|name| format!("{}{name}", self.home));
        let at = |name| [(tip.base.as_ref(), name), (tip.local.as_ref(), name)];
        let wanted = [at(own_path.as_str()), at(own_emails.as_str())].concat();
        let found = view.read_at(&wanted)?;
        let file = |commit: Option<&Oid>, path: &str| Some(found.file(commit?, path)?.to_vec());
        let [task_base, task_local] = [&tip.base, &tip.local].map(|commit| file(commit.as_ref(), &own_path));
        let [emails_base, emails_local] = [&tip.base, &tip.local].map(|commit| file(commit.as_ref(), &own_emails));
        let (content, mut adopt) = self.newest(view, &own_path, task_base.clone(), task_local.as_ref())?;
        let mut document = Document::parse(&content);
        let text = |key: &str| document.scalar(key).unwrap_or_default().to_owned();
        let before = (text("status"), text("assigned_to"));
        if Status::parse(&before.0).is_closed() {
            return Err(Error::new(
                Kind::NotClaimable,
                format!("Task t{} is {}; No task file found that can be claimed", self.request.id, before.0),
            ));
        }
        let email = self.email(Some(&before.1))?;
        let mut claimed = Claimed {
            forced: None,
            path: path.clone(),
            changed: false,
            before,
            prior: None,
            email: email.clone(),
            session: None,
        };
        let mut plan = Plan::new();
        if let (true, Some(email)) = (with_lock, &email) {
            match self.lock(view, &locks_branch, email, &mut claimed)? {
                Locking::Free(steps) => {
                    plan = steps.into_iter().fold(plan, |plan, step| plan.step(&locks_branch, step));
                }
                Locking::Held(refusal) => return Ok(Decision::Nothing(Err(refusal))),
            }
        }
        if with_status {
            let now = Context::now();
            edits::start(&mut document, email.as_deref().unwrap_or(&claimed.before.1), &now)?;
            let mut changes = Vec::new();
            // Another minute alone is no change.
            let same = email.as_ref().is_none_or(|email| *email == claimed.before.1);
            if !same || !task_base.as_deref().is_some_and(|base| edits::is_start_of(&content, base)) {
                let content = document.canonical(&now)?.to_bytes();
                changes.push(Edit::Put { path: own_path.clone(), content });
            }
            if let Some(email) = &email {
                let (list, dirty) =
                    self.newest_emails(&own_emails, [emails_base.as_deref(), emails_local.as_deref()], email)?;
                if emails_base.as_deref() != Some(list.as_slice()) {
                    changes.push(Edit::Put { path: own_emails.clone(), content: list });
                }
                adopt.extend(dirty.then(|| own_emails.clone()));
            }
            claimed.changed = !changes.is_empty();
            if claimed.changed {
                let subject = format!("ait: Start work on t{}: set status to Implementing", self.request.id);
                plan = plan.step(&data, Step::edit(subject, changes));
            }
            plan.adopt = adopt;
        }
        Ok(if plan.branches.is_empty() { Decision::Nothing(Ok(claimed)) } else { Decision::Swap(plan, Ok(claimed)) })
    }

    /// The lock's steps: the stale locks swept, and this one taken.
    fn lock(&mut self, view: &View<'_>, branch: &Branch, email: &str, claimed: &mut Claimed) -> Result<Locking> {
        let found = view.read(&[(branch, LockEntry::path(self.request.id)), Locks::request(branch)])?;
        let held = found.require_locks()?;
        if self.session.is_none() {
            self.session = Some(Session::of_script(&self.context.repository, email, self.context.narrate)?);
        }
        let Some(session) = &self.session else { return Err(Error::new(Kind::Bug, "a session was lost")) };
        if let Some(lock) = found.lock(self.request.id)? {
            match judge(self.context, session, &lock) {
                Ok(()) => claimed.prior = Some(lock),
                Err(refusal) => {
                    // Force is bound to the holder that is shown.
                    let changed = self.judged.as_ref().is_some_and(|judged| judged.token != lock.token);
                    if !self.request.force || changed {
                        return Ok(Locking::Held(refusal));
                    }
                    self.judged = Some(lock);
                    claimed.forced = Some(refusal);
                }
            }
        }
        let mut stale = (self.request.stale)(&mut held.tasks());
        stale.retain(|id| *id != self.request.id);
        let mut steps = if stale.is_empty() { Vec::new() } else { vec![cleanup_step(&stale)] };
        steps.push(lock_step(&LockEntry::taken(self.request.id, session, &Context::now(), None)));
        claimed.session = Some(session.clone());
        Ok(Locking::Free(steps))
    }

    /// The active file of the task: as published, else as it lies in this checkout.
    fn find(&self, index: &Index) -> Result<TaskPath> {
        let here = self
            .request
            .files
            .iter()
            .filter_map(|path| TaskPath::parse(path))
            .find(|path| path.id() == self.request.id);
        let archived = index.archived(self.request.id).is_some();
        index.active(self.request.id).cloned().or_else(|| here.filter(|_| !archived)).ok_or_else(|| {
            let what = match self.request.id.parent() {
                Some(_) => format!("No child task file found for t{} (No task file found)", self.request.id),
                None => format!("No task file found for task number {}", self.request.id),
            };
            Error::new(Kind::NoSuchTask, what)
        })
    }

    /// A file of this project, as git calls it.
    fn load_here(&self, path: &str) -> Result<Option<Vec<u8>>> {
        Tree::new(self.request.dir).load(path.strip_prefix(&self.home).unwrap_or(path))
    }

    /// The content to go on from: what is published, or, where this checkout has uncommitted changes of the file, those.
    fn newest(
        &self,
        view: &View<'_>,
        path: &str,
        base: Option<Vec<u8>>,
        local: Option<&Vec<u8>>,
    ) -> Result<(Vec<u8>, Vec<String>)> {
        let here = self.load_here(path)?;
        let Some(here) = here.filter(|here| Some(here) != local) else {
            return Ok((base.unwrap_or_default(), Vec::new()));
        };
        self.require_whole(path)?;
        if base.as_ref() == local || base.is_none() {
            return Ok((here, vec![path.to_owned()]));
        }
        // A claim that was cut off after its push has published these very changes.
        if base.as_deref().is_some_and(|base| edits::is_start_of(&here, base)) {
            self.adopt_published(view, path)?;
            return Ok((base.unwrap_or_default(), Vec::new()));
        }
        let message = format!("{path} has uncommitted changes here, and was changed elsewhere");
        Err(Error::new(Kind::Dirty, message + "; commit them with './ait git', then claim again"))
    }

    fn adopt_published(&self, view: &View<'_>, path: &str) -> Result<()> {
        let (data, dir) = (self.context.data_branch()?, self.context.data_dir());
        let object = view.object(data, path)?;
        let adopted: Vec<_> = object.iter().map(|object| Adopted::look(&dir, path, Some(&object.oid))).collect();
        carry::adopt(&self.context.repository, &dir, &adopted)
    }

    /// A file in conflict, or staged in another state than it lies there, has more in it than a claim could keep.
    fn require_whole(&self, path: &str) -> Result<()> {
        let status = worktree::load_status(&self.context.repository, &self.context.data_dir())?;
        let entry = status.entries.iter().find(|entry| entry.path == Path::new(path));
        match entry.map(|entry| (entry.kind, entry.code)) {
            Some((StatusKind::Unmerged, _)) => Err(Error::new(Kind::Conflict, format!("{path} is in conflict here"))),
            Some((StatusKind::Ordinary | StatusKind::Renamed, [staged, here])) if staged != '.' && here != '.' => {
                let message = format!("{path} is staged in one state and lies here in another");
                Err(Error::new(Kind::Dirty, message + "; commit one, then claim again"))
            }
            _ => Ok(()),
        }
    }

    /// The addresses, this one among them: published ones and uncommitted ones, sorted, each once.
    fn newest_emails(&self, path: &str, known: [Option<&[u8]>; 2], email: &str) -> Result<(Vec<u8>, bool)> {
        let [base, local] = known;
        let here = self.load_here(path)?;
        let dirty = here.as_deref().is_some_and(|here| Some(here) != local);
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let (base, here) = (text(base), text(here.as_deref().filter(|_| dirty)));
        let lines: Vec<_> = here.lines().chain([email]).map(str::to_owned).collect();
        Ok((labels::add_to_vocabulary(&base, &lines).unwrap_or(base).into_bytes(), dirty))
    }
}
