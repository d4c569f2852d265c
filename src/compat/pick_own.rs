//! `aitask_pick_own.sh`, and the older `aitask_own.sh` (specification 10, sections 5 and 11).

use super::lock::{Refusal, cleanup_step, judge, lock_step, stale};
use super::scene::{Scene, parse_id};
use crate::error::{Error, Kind, Result};
use crate::ledger::Edit;
use crate::ledger::forward::{Cause, Lagging};
use crate::ledger::liveness::{Anchor, Liveness};
use crate::ledger::session::parse_email;
use crate::ledger::transaction::Step;
use crate::ledger::{Channel, Decision, Landed, Ledger, LockEntry, Locks, Plan, Session, View, locks, nonce};
use crate::task::{Document, Status, TaskId, TaskPath, edits, paths};
use crate::workflow::index::{Index, branches};
use crate::workflow::{Context, sync};

const HELP: &str = "\
Usage: aitask_pick_own.sh [--email <email>] [--force] <task_id>
       aitask_pick_own.sh --sync

Claims a task: lock, status, assignee, published in one push.";

/// What was asked for.
#[derive(Debug, Default)]
struct Request {
    id: Option<TaskId>,
    email: Option<String>,
    force: bool,
    sync: bool,
    /// The older script, whose answers say less.
    early: bool,
}

/// Runs the script.
pub(super) fn run(scene: &Scene, args: &[String], early: bool) -> u8 {
    let request = match parse(args) {
        Ok(Some(request)) => Request { early, ..request },
        Ok(None) => {
            HELP.lines().for_each(|line| scene.console.line(line));
            return 0;
        }
        Err(error) => return fail(scene, &error.to_string()),
    };
    if request.sync {
        return synchronise(scene, early);
    }
    let Some(id) = request.id else {
        return fail(scene, "Task ID is required (or use --sync for sync-only mode). Use --help for usage.");
    };
    match scene.open() {
        Ok(Some(context)) => claim(scene, &context, &request, id),
        Ok(None) => ended(scene, "LOCK_ERROR:unknown", "not inside a git repository"),
        Err(error) => ended(scene, "LOCK_ERROR:unknown", &error.to_string()),
    }
}

fn parse(args: &[String]) -> Result<Option<Request>> {
    let usage = |text: String| Err(Error::new(Kind::Usage, text));
    let mut request = Request::default();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--help" | "-h" => return Ok(None),
            "--sync" => request.sync = true,
            "--force" => request.force = true,
            "--email" => match args.next().filter(|email| !email.is_empty()) {
                Some(email) => request.email = Some(email.clone()),
                None => return usage("Missing email address after --email".to_owned()),
            },
            option if option.starts_with('-') => {
                return usage(format!("Unknown option: {option}. Use --help for usage."));
            }
            id => match parse_id(id) {
                Some(id) => request.id = Some(id),
                None => {
                    return usage(format!("Invalid task ID: {id} (expected format: 166, t166, 16_2, or t16_2)"));
                }
            },
        }
    }
    Ok(Some(request))
}

fn fail(scene: &Scene, text: &str) -> u8 {
    scene.console.error(text);
    1
}

/// Every claim ends with exactly one result line.
fn ended(scene: &Scene, line: &str, text: &str) -> u8 {
    scene.console.error(text);
    scene.console.line(line);
    1
}

// ---- sync

fn synchronise(scene: &Scene, early: bool) -> u8 {
    let line = match reason_of_sync(scene) {
        Some(reason) if !early => format!("SYNC_FAILED:{reason}"),
        _ => "SYNCED".to_owned(),
    };
    scene.console.line(&line);
    0
}

/// `None` when the task data is what the remote has, as far as it can be.
fn reason_of_sync(scene: &Scene) -> Option<&'static str> {
    let context = scene.open_remote().ok().flatten()?;
    let with_sweep = sync::sync(&context, |held| stale(scene, held), cleanup_step);
    let outcome = match with_sweep {
        Err(error) if matches!(error.kind(), Kind::Denied | Kind::Contention) => {
            scene.console.warn(&format!(
                "1 stale lock(s) or more left in place ({error}); they can cause LOCK_FAILED for a task nobody is working on"
            ));
            sync::sync(&context, |_| Vec::new(), cleanup_step)
        }
        other => other,
    };
    match outcome {
        Ok((_, lagging)) => lagging.first().map(|lagging| warn_lagging(scene, &context, lagging)),
        Err(error) => Some(warn_unreachable(scene, &context, &error)),
    }
}

fn counts(context: &Context) -> String {
    match sync::unreconciled(context) {
        Some((ahead, behind, upstream)) => format!(
            "task data not reconciled with {upstream}: {ahead} local unpushed, {behind} remote unpulled (as of the last \
             successful fetch)"
        ),
        None => "task data not reconciled: unreconciled commit counts unavailable".to_owned(),
    }
}

fn warn_lagging(scene: &Scene, context: &Context, lagging: &Lagging) -> &'static str {
    let (reason, hint) = match lagging.cause {
        Cause::Dirty => {
            ("dirty_worktree", "data worktree has unstaged changes in the way; reconcile with 'ait syncer'".to_owned())
        }
        Cause::Conflict => (
            "rebase_conflict",
            "your own commits conflict; nothing was touched, so no './ait git rebase --abort' is needed".to_owned(),
        ),
        Cause::Other => ("unknown", "see './ait git-health'".to_owned()),
    };
    scene.console.warn(&format!("{}; {hint} ({})", counts(context), lagging.reason));
    reason
}

fn warn_unreachable(scene: &Scene, context: &Context, error: &Error) -> &'static str {
    let (reason, hint) = match error.kind() {
        Kind::Unreachable | Kind::Authentication | Kind::Unknown => {
            ("remote_unreachable", "remote unreachable; retry './ait sync' once connectivity is restored".to_owned())
        }
        _ => ("unknown", format!("see './ait git-health' (git: {error})")),
    };
    scene.console.warn(&format!("{}; {hint}", counts(context)));
    reason
}

// ---- claim

/// What a claim came to.
struct Claimed {
    /// The lines that go with the lock.
    lock_lines: Vec<String>,
    /// The lock that was broken by force.
    forced: Option<Refusal>,
    /// The task file.
    path: TaskPath,
    /// Whether anything in it changed.
    changed: bool,
    /// Status and assignee before.
    before: (String, String),
    /// The lock before, when it was this person's.
    prior: Option<LockEntry>,
    email: Option<String>,
}

fn claim(scene: &Scene, context: &Context, request: &Request, id: TaskId) -> u8 {
    let mark = match nonce() {
        Ok(mark) => mark,
        Err(error) => return ended(scene, "LOCK_ERROR:unknown", &error.to_string()),
    };
    let mut claimer = Claimer { scene, context, request, id, judged: None, session: None };
    match claimer.publish(&mark) {
        Ok(Ok(landed)) => answer(scene, context, landed, &claimer),
        Ok(Err(refusal)) => {
            let line = match &refusal {
                refusal if request.early && refusal.is_of_another() => {
                    format!("LOCK_FAILED:{}", refusal.lock().holder)
                }
                refusal => refusal.line("LOCK_FAILED"),
            };
            scene.console.line(&line);
            1
        }
        Err(error) => {
            let (line, text) = explain(&error);
            let line = if request.early && line.starts_with("LOCK_ERROR") { "LOCK_INFRA_MISSING" } else { line };
            ended(scene, line, &text)
        }
    }
}

fn explain(error: &Error) -> (&'static str, String) {
    match error.kind() {
        Kind::NotInitialised => ("LOCK_INFRA_MISSING", "Run 'ait setup' to initialize lock infrastructure.".to_owned()),
        Kind::Unreachable | Kind::Authentication | Kind::Unknown => ("LOCK_ERROR:fetch_failed", error.to_string()),
        Kind::Contention => ("LOCK_ERROR:race_exhaustion", error.to_string()),
        Kind::Denied => ("LOCK_ERROR:push_rejected", error.to_string()),
        Kind::NoSuchTask => ("LOCK_ERROR:no_such_task", error.to_string()),
        Kind::NotClaimable => ("LOCK_ERROR:not_claimable", error.to_string()),
        Kind::DetachedHead => ("LOCK_ERROR:detached_head", error.to_string()),
        Kind::Dirty | Kind::Conflict => ("LOCK_ERROR:dirty_worktree", error.to_string()),
        _ => ("LOCK_ERROR:unknown", error.to_string()),
    }
}

fn answer(scene: &Scene, context: &Context, landed: Landed<Claimed>, by: &Claimer<'_>) -> u8 {
    if let Some(lagging) = landed.lagging.first() {
        warn_lagging(scene, context, lagging);
    }
    let claimed = landed.value;
    for line in &claimed.lock_lines {
        scene.console.line(line);
    }
    if let Some(refusal) = &claimed.forced {
        scene.console.line(&refusal.line("LOCK_FAILED"));
        scene.console.line(&format!("FORCE_UNLOCKED:{}", refusal.lock().holder));
    }
    scene.console.line(&format!("Updated: {}", claimed.path.as_str()));
    if !claimed.changed {
        scene.console.info("No changes to commit (task may already be in Implementing status)");
    }
    scene.console.line(&format!("OWNED:{}", by.id));
    let (status, assigned) = &claimed.before;
    let again = status == Status::Implementing.as_str();
    if again && claimed.forced.is_none() && claimed.email.as_ref() == Some(assigned) {
        let crashed = claimed.prior.as_ref().filter(|lock| {
            let host = by.session.as_ref().map(|session| session.host.as_str()).unwrap_or_default();
            lock.liveness(&context.repository, host) == Liveness::Dead
        });
        scene.console.line(&match crashed {
            Some(LockEntry { since, host, anchor: Anchor { pid, .. }, .. }) => {
                format!("RECLAIM_CRASH:{since}|{host}|{pid}")
            }
            None => format!("RECLAIM_STATUS:{status}|{assigned}"),
        });
    }
    if !again {
        let folder =
            scene.environment.text("AITASK_SCRIPT_DIR").map_or_else(|| scene.dir.join(".aitask-scripts"), Into::into);
        let helper = folder.join("aitask_change_surface.sh");
        if helper.is_file() {
            sync::run_helper(context, &helper, &["capture", &by.id.to_string()]);
        }
    }
    0
}

struct Claimer<'a> {
    scene: &'a Scene,
    context: &'a Context,
    request: &'a Request,
    id: TaskId,
    /// The lock that force was decided on.
    judged: Option<LockEntry>,
    session: Option<Session>,
}

type Outcome = Result<Landed<Claimed>, Refusal>;

impl Claimer<'_> {
    /// Publishes the claim; the inner error is a refusal.
    fn publish(&mut self, mark: &str) -> Result<Outcome> {
        let (locks_branch, data) = branches(self.context)?;
        let email = self.email(None)?;
        let remote = self.context.channel != Channel::Local;
        let with_lock = remote && (email.is_some() || self.request.email.is_some() || self.may_be_assigned());
        let mut all = vec![data.clone()];
        if with_lock {
            all.insert(0, locks_branch);
        }
        let own = Some(data.clone());
        let ledger = Ledger { own: own.clone(), ..self.context.ledger() };
        let published = ledger.transact(mark, &all, |view| self.decide(view, with_lock, true));
        let alone = |error: &Error| {
            error.is_denied_for(data.as_str())
                || (!with_lock && matches!(error.kind(), Kind::Unreachable | Kind::Authentication))
        };
        match published {
            Ok(landed) => Ok(settle(landed)),
            Err(error) if alone(&error) => {
                // The lock is what keeps others away; the status is committed here, and pushed by whoever can.
                if with_lock {
                    let locked = ledger.transact(mark, &all, |view| self.decide(view, true, false))?;
                    if let Err(refusal) = settle(locked) {
                        return Ok(Err(refusal));
                    }
                }
                let here = Ledger { channel: Channel::Local, own, ..self.context.ledger() };
                let landed = here.transact(mark, std::slice::from_ref(&data), |view| self.decide(view, false, true))?;
                self.scene.console.warn(&format!(
                    "1 commit(s) not pushed to {}/{data}: {error}; reconcile with 'ait syncer', or retry './ait git push' once \
                     connectivity is restored",
                    self.context.channel.remote().map_or("origin", |remote| remote.as_str())
                ));
                Ok(settle(landed))
            }
            Err(error) => Err(error),
        }
    }

    /// The address of the claim: `--email`, the task's assignee, `userconfig.yaml`.
    fn email(&self, assigned: Option<&str>) -> Result<Option<String>> {
        let assigned = assigned.map(|text| text.trim_matches(['"', '\''])).filter(|text| !text.is_empty());
        let found =
            self.request.email.clone().or_else(|| assigned.map(str::to_owned)).or_else(|| self.scene.user_email());
        found.map(|email| parse_email(&email)).transpose()
    }

    /// Whether the task file in this checkout names somebody.
    fn may_be_assigned(&self) -> bool {
        let files = self.scene.active_files();
        let path = files.iter().filter_map(|path| TaskPath::parse(path)).find(|path| path.id() == self.id);
        let bytes = path.and_then(|path| std::fs::read(self.scene.dir.join(path.as_str())).ok());
        bytes.is_some_and(|bytes| Document::parse(&bytes).scalar("assigned_to").is_some_and(|email| !email.is_empty()))
    }

    fn decide(&mut self, view: &View<'_>, with_lock: bool, with_status: bool) -> Result<Decision<Decided>> {
        let (locks_branch, data) = branches(self.context)?;
        let index = Index::load(view, &data)?;
        let path = self.find(&index)?;
        let tip = view.tip(&data);
        let names = [path.as_str(), paths::EMAILS_FILE];
        let wanted: Vec<_> =
            names.iter().flat_map(|name| [(tip.base.as_ref(), *name), (tip.local.as_ref(), *name)]).collect();
        let mut files = view.files_at(&wanted)?.into_iter();
        let [task_base, task_local, emails_base, emails_local] = std::array::from_fn(|_| files.next().flatten());
        let (content, mut adopt) = self.newest(path.as_str(), task_base.clone(), task_local.as_ref())?;
        let mut document = Document::parse(&content);
        let text = |key: &str| document.scalar(key).unwrap_or_default().to_owned();
        let before = (text("status"), text("assigned_to"));
        if Status::parse(&before.0).is_closed() {
            return Err(Error::new(
                Kind::NotClaimable,
                format!("Task t{} is {}; No task file found that can be claimed", self.id, before.0),
            ));
        }
        let email = self.email(Some(&before.1))?;
        self.warn_if_assigned_to_another(&before.1);
        let mut claimed = Claimed {
            lock_lines: Vec::new(),
            forced: None,
            path: path.clone(),
            changed: false,
            before,
            prior: None,
            email: email.clone(),
        };
        let mut plan = Plan::new();
        if let (true, Some(email)) = (with_lock, &email) {
            match self.lock(view, &locks_branch, email, &mut claimed)? {
                Ok(steps) => plan = steps.into_iter().fold(plan, |plan, step| plan.step(&locks_branch, step)),
                Err(refusal) => return Ok(Decision::Nothing(Err(refusal))),
            }
        }
        if with_status {
            let now = Context::now();
            edits::start(&mut document, email.as_deref().unwrap_or(&claimed.before.1), &now)?;
            let bytes = document.canonical(&now)?.to_bytes();
            let mut changes = Vec::new();
            if task_base.as_ref() != Some(&bytes) {
                changes.push(Edit::Put { path: path.as_str().to_owned(), content: bytes });
            }
            if let Some(email) = &email {
                let (list, dirty) = self.newest_emails(emails_base.as_deref(), emails_local.as_deref(), email);
                if emails_base.as_deref() != Some(list.as_slice()) {
                    changes.push(Edit::Put { path: paths::EMAILS_FILE.to_owned(), content: list });
                }
                adopt.extend(dirty.then(|| paths::EMAILS_FILE.to_owned()));
            }
            claimed.changed = !changes.is_empty();
            if claimed.changed {
                let subject = format!("ait: Start work on t{}: set status to Implementing", self.id);
                plan = plan.step(&data, Step::edit(subject, changes));
            }
            plan.adopt = adopt;
        }
        Ok(if plan.branches.is_empty() { Decision::Nothing(Ok(claimed)) } else { Decision::Swap(plan, Ok(claimed)) })
    }

    /// The lock's steps: the stale locks swept, and this one taken.
    fn lock(
        &mut self,
        view: &View<'_>,
        branch: &crate::git::types::Branch,
        email: &str,
        claimed: &mut Claimed,
    ) -> Result<Result<Vec<Step>, Refusal>> {
        let objects = view.objects(&[(branch, LockEntry::path(self.id)), Locks::request(branch)])?;
        let held = Locks::of(objects.get(1).and_then(Option::as_ref))?;
        if self.session.is_none() {
            self.session = Some(Session::of_script(&self.context.repository, email, self.scene.narrate)?);
        }
        let Some(session) = &self.session else { return Err(Error::new(Kind::Bug, "a session was lost")) };
        if let Some(lock) = locks::entry(self.id, objects.first().and_then(Option::as_ref)) {
            match judge(self.context, session, &lock) {
                Ok(lines) => {
                    claimed.lock_lines = lines;
                    claimed.prior = Some(lock);
                }
                Err(refusal) => {
                    // Force is bound to the holder that is shown.
                    let changed = self.judged.as_ref().is_some_and(|judged| judged.token != lock.token);
                    if !self.request.force || changed {
                        return Ok(Err(refusal));
                    }
                    self.judged = Some(lock);
                    claimed.forced = Some(refusal);
                }
            }
        }
        let mut stale = stale(self.scene, held.tasks());
        stale.retain(|id| *id != self.id);
        let mut steps = if stale.is_empty() { Vec::new() } else { vec![cleanup_step(&stale)] };
        steps.push(lock_step(&LockEntry::taken(self.id, session, &Context::now(), None)));
        Ok(Ok(steps))
    }

    /// The active file of the task: as published, else as it lies in this checkout.
    fn find(&self, index: &Index) -> Result<TaskPath> {
        let files = self.scene.active_files();
        let here = files.iter().filter_map(|path| TaskPath::parse(path)).find(|path| path.id() == self.id);
        let archived = index.archived(self.id).is_some();
        index.active(self.id).cloned().or_else(|| here.filter(|_| !archived)).ok_or_else(|| {
            let what = match self.id.parent() {
                Some(_) => format!("No child task file found for t{} (No task file found)", self.id),
                None => format!("No task file found for task number {}", self.id),
            };
            Error::new(Kind::NoSuchTask, what)
        })
    }

    /// The content to go on from: what is published, or, where this checkout has uncommitted changes of the file, those.
    fn newest(&self, path: &str, base: Option<Vec<u8>>, local: Option<&Vec<u8>>) -> Result<(Vec<u8>, Vec<String>)> {
        let here = std::fs::read(self.scene.dir.join(path)).ok();
        match here.filter(|here| Some(here) != local) {
            Some(here) if base.as_ref() == local || base.is_none() => Ok((here, vec![path.to_owned()])),
            Some(_) => Err(Error::new(
                Kind::Dirty,
                format!(
                    "{path} has uncommitted changes here, and was changed elsewhere; commit them with './ait git', then claim again"
                ),
            )),
            None => Ok((base.unwrap_or_default(), Vec::new())),
        }
    }

    /// The addresses, this one among them: published ones and uncommitted ones, sorted, each once.
    fn newest_emails(&self, base: Option<&[u8]>, local: Option<&[u8]>, email: &str) -> (Vec<u8>, bool) {
        let here = std::fs::read(self.scene.dir.join(paths::EMAILS_FILE)).ok();
        let dirty = here.as_deref().is_some_and(|here| Some(here) != local);
        let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
        let (base, here) = (text(base), text(here.as_deref().filter(|_| dirty)));
        let mut lines: Vec<_> =
            base.lines().chain(here.lines()).chain([email]).filter(|line| !line.is_empty()).collect();
        lines.sort_unstable();
        lines.dedup();
        (format!("{}\n", lines.join("\n")).into_bytes(), dirty)
    }

    /// Without `--email` a task is claimed for whom it is assigned to (specification 10, section 14).
    fn warn_if_assigned_to_another(&self, assigned: &str) {
        let assigned = assigned.trim_matches(['"', '\'']);
        if let (None, Some(own)) = (&self.request.email, self.scene.user_email())
            && !assigned.is_empty()
            && assigned != own
        {
            self.scene.console.warn(&format!("t{} is claimed for its assignee {assigned}, not for {own}", self.id));
        }
    }
}

type Decided = Result<Claimed, Refusal>;

fn settle(landed: Landed<Decided>) -> Outcome {
    let Landed { value, updates, blobs, lagging, command } = landed;
    value.map(|value| Landed { value, updates, blobs, lagging, command })
}
