//! The remote: one fetch for all branches, one push for all refs, and the outcome of the push.

use crate::error::{Error, Kind, Payload, Result};
use crate::files::read_own;
use crate::files::records::RecordKind;
use crate::git::contact::{contact_error, refused_error, unwritten};
use crate::git::porcelain::damage::damage;
use crate::git::porcelain::failure::{self, Ended, GitFailure};
use crate::git::porcelain::push::{self, Flag, PushReport, Rejection};
use crate::git::refs::ListedRefs;
use crate::git::registry::is_half_written;
use crate::git::run::{Call, LAST_LINES, PRE_PUSH};
use crate::git::{
    Branch, Oid, RefName, RefUpdate, RemoteName, Repository, at_work, destination, leftover_lock, objects,
};
use crate::interrupt;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::time::Duration;

/// The pattern that covers every coordination branch, whether it exists or not. Naming a branch that the remote lacks
/// would make the whole fetch fail.
const COORDINATION: &str = "aitask-*";

/// The beginning of the names of task branches, each of which may be missing on the remote.
pub(crate) const TASK_BRANCHES: &str = "aitask/";
const TASK_HEADS: &str = "refs/heads/aitask/";

/// Whether every fetch of the coordination branches brings the task branches, too. Every verb that publishes a task branch
/// moves the lock branch with it. So where this clone fetches both together, a swap that finds the lock branch as
/// expected has found all task branches that verbs published, and a pick needs no fetch of its own to know whether there
/// is one. A clone of one branch, such as CI jobs make, is often shallow: there the branches of all tasks could bring the
/// whole history, so only the branch that is asked for is fetched.
pub(crate) fn fetches_task_branches(repository: &Repository, remote: &RemoteName) -> bool {
    let all = [format!("refs/heads/*:refs/remotes/{remote}/*"), task_branches_of(remote)];
    let specs = repository.config().all(&format!("remote.{remote}.fetch"));
    // What a negative one leaves out, such as `^refs/heads/aitask/*`, does not come with the rest.
    let leaves_out = |spec: &str| {
        let spec = spec.strip_prefix('^').map(|spec| spec.split('*').next().unwrap_or_default());
        spec.is_some_and(|spec| spec.starts_with(TASK_HEADS) || TASK_HEADS.starts_with(spec))
    };
    specs.iter().any(|spec| all.iter().any(|all| all == spec.trim_start_matches('+')))
        && !specs.iter().any(|spec| leaves_out(spec))
}

fn task_branches_of(remote: &RemoteName) -> String {
    format!("refs/heads/{TASK_BRANCHES}*:refs/remotes/{remote}/{TASK_BRANCHES}*")
}

/// The ref that keeps the objects of a coordination branch that a fetch brought. `git fetch --prune` does not remove
/// it, so a branch that is gone from the remote can be restored.
pub(crate) fn known(remote: &RemoteName, branch: &Branch) -> String {
    kept(remote, branch.as_str())
}

fn kept(remote: &RemoteName, name: &str) -> String {
    format!("refs/aitask/known/{remote}/{name}")
}

/// The name of a record about a remote.
pub(crate) fn record_name(remote: &RemoteName) -> String {
    remote.as_str().replace('/', "%2F")
}

/// The URL of a remote, when it is configured.
pub(crate) fn url<'r>(repository: &'r Repository, remote: &RemoteName) -> Option<&'r str> {
    repository.config().last(&format!("remote.{remote}.url"))
}

/// The names of the remotes that have a URL.
pub(crate) fn names(repository: &Repository) -> Vec<&str> {
    let keys = repository.config().keys();
    keys.filter_map(|key| key.strip_prefix("remote.")?.strip_suffix(".url")).collect()
}

/// Whether a local branch was published as the branch of this name: `git push -u`, `git clone` and `git switch` note that as
/// its upstream. It stays noted when the branch is gone from the remote. No process.
pub(crate) fn was_published(repository: &Repository, remote: &RemoteName, branch: &Branch) -> bool {
    let noted = |key: &str| repository.config().last(&format!("branch.{branch}.{key}"));
    noted("remote") == Some(remote.as_str()) && noted("merge") == Some(branch.full().as_str())
}

/// Whether the configured refspec makes git update the remote-tracking ref of `branch`. It does not in a single-branch
/// clone, such as CI jobs make.
pub(crate) fn tracks(repository: &Repository, remote: &RemoteName, branch: &Branch) -> bool {
    let wanted = format!("refs/heads/{branch}:refs/remotes/{remote}/{branch}");
    let all = format!("refs/heads/*:refs/remotes/{remote}/*");
    let specs = repository.config().all(&format!("remote.{remote}.fetch"));
    specs.iter().map(|spec| spec.trim_start_matches('+')).any(|spec| spec == wanted || spec == all)
}

/// Updates the remote-tracking refs of `branches`; the ref of a coordination or task branch that the remote lacks is
/// removed. Returns the code branches that it lacks; their refs stay. One connection; a second one only when a code
/// branch is missing on the remote; none where the remote was just asked for its default branch, and has shown the tips that
/// this clone has.
///
/// # Errors
/// [`Kind::Unreachable`] or [`Kind::Authentication`], with git's reason.
pub(crate) fn fetch(
    repository: &Repository,
    remote: &RemoteName,
    branches: &[Branch],
    limit: Duration,
) -> Result<Vec<Branch>> {
    // `--prune` does not apply to refs that are updated through `--refmap`, so the refs that keep the last known tips
    // stay.
    let shown = repository.shown.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let Some((_, shown)) = shown.filter(|(of, _)| of == remote)
        && has_all(repository, remote, branches, &shown)
    {
        return Ok(Vec::new());
    }
    let mut named: Vec<&Branch> = branches.iter().filter(|branch| !branch.as_str().starts_with("aitask-")).collect();
    let mut lacking = Vec::new();
    loop {
        let coordination = (named.len() < branches.len())
            .then(|| format!("+refs/heads/{COORDINATION}:refs/remotes/{remote}/{COORDINATION}"));
        if coordination.is_none() && named.is_empty() {
            return Ok(lacking);
        }
        let map = coordination.as_ref().map(|_| kept(remote, COORDINATION));
        let of_tasks = coordination.as_ref().filter(|_| fetches_task_branches(repository, remote));
        let of_tasks = of_tasks.map(|_| format!("+{}", task_branches_of(remote)));
        let is_covered = |branch: &Branch| of_tasks.is_some() && branch.as_str().starts_with(TASK_BRANCHES);
        let call = fetch_call(repository, remote, limit, true)
            .args(map.map(|kept| format!("--refmap=+refs/heads/{COORDINATION}:{kept}")))
            .args(["--", remote.as_str()])
            .args(coordination)
            .args(of_tasks.clone())
            .args(named.iter().filter(|branch| !is_covered(branch)).map(|branch| {
                // A pattern that matches nothing is no error, and the remote-tracking ref is pruned.
                let pattern = if branch.as_str().starts_with(TASK_BRANCHES) { "*" } else { "" };
                format!("+{}{pattern}:{}{pattern}", branch.full(), branch.tracking(remote))
            }));
        let output = at_work::moving_refs(repository, &call)?;
        if output.success() {
            if of_tasks.is_some() {
                // What was pushed since the last such fetch is part of this one.
                let _ = repository.records().forget(RecordKind::Fetched, &record_name(remote));
            }
            return Ok(lacking);
        }
        let stderr_text = output.stderr_text();
        let missing = stderr_text.lines().find_map(|line| line.split("couldn't find remote ref refs/heads/").nth(1));
        // A code branch that the remote lacks fails the whole fetch, so it is repeated without that branch.
        let before = named.len();
        let is_missing = |branch: &Branch| Some(branch.as_str()) == missing;
        lacking.extend(named.iter().filter(|branch| is_missing(branch)).map(|branch| (*branch).clone()));
        named.retain(|branch| !is_missing(branch));
        if named.len() < before {
            continue;
        }
        if let Some(error) = unwritten(&repository.root, &stderr_text) {
            return Err(error);
        }
        // While another git adds or removes a worktree, git may read its half-written registration and give up.
        if is_half_written(&stderr_text)
            || stderr_text.contains("cannot lock ref")
            || stderr_text.contains(".lock': File exists")
        {
            if let Some(lock) = abandoned_lock(repository, &stderr_text) {
                let message = format!("{} was left behind by a git that was killed", lock.display());
                return Err(
                    Error::new(Kind::Git, message).hint(command!["rm", lock.display()].note("no git is running here"))
                );
            }
            return Err(Error::new(
                Kind::Contention,
                format!("another git is fetching: {}", failure::said(GitFailure::Unknown, &stderr_text)),
            ));
        }
        return Err(call.not_connected(remote.as_str(), &output));
    }
}

/// Whether this clone has what [`fetch`] would bring of a remote that has these branches. No process but the one that reads
/// objects.
fn has_all(repository: &Repository, remote: &RemoteName, branches: &[Branch], shown: &BTreeMap<Branch, Oid>) -> bool {
    let is_task = |branch: &Branch| branch.as_str().starts_with(TASK_BRANCHES);
    let is_coordination = |branch: &Branch| branch.as_str().starts_with("aitask-");
    let by_pattern = branches.iter().any(is_coordination);
    let of_tasks = by_pattern && fetches_task_branches(repository, remote);
    let is_named = |branch: &Branch| {
        let is_below = |named: &Branch| is_task(named) && branch.as_str().starts_with(named.as_str());
        branches.iter().any(|named| named == branch || is_below(named))
    };
    let is_wanted =
        |branch: &Branch| by_pattern && is_coordination(branch) || of_tasks && is_task(branch) || is_named(branch);
    let mut code = branches.iter().filter(|branch| !is_task(branch) && !is_coordination(branch));
    let there = format!("refs/remotes/{remote}/");
    let prefixes = [format!("{there}aitask-"), format!("{there}{TASK_BRANCHES}")];
    let further = branches.iter().map(|branch| branch.tracking(remote).to_string());
    let listed = ListedRefs::of(repository, prefixes.into_iter().chain(further));
    let Some(mut known) = listed.names() else { return false };
    let is_known = |(branch, oid): (&Branch, &Oid)| listed.tip(&branch.tracking(remote)) == Some(oid);
    // A fetch removes the refs of what the remote lacks.
    let is_shown = |name: &RefName| {
        let branch = name.as_str().strip_prefix(&there).and_then(|name| Branch::parse(name).ok());
        branch.is_none_or(|branch| !is_wanted(&branch) || shown.contains_key(&branch))
    };
    let wanted = || shown.iter().filter(|(branch, _)| is_wanted(branch));
    let is_same = code.all(|branch| shown.contains_key(branch)) && wanted().all(is_known) && known.all(is_shown);
    let tips: Vec<_> = wanted().map(|(_, oid)| oid.to_string()).collect();
    // It also brings an object that is missing here.
    is_same && objects::load(repository, &tips).is_ok_and(|tips| tips.iter().all(Option::is_some))
}

/// The lock file that stopped git, when nobody works with it: then trying again would not help.
fn abandoned_lock(repository: &Repository, stderr_text: &str) -> Option<PathBuf> {
    let mut rest = stderr_text.lines().filter_map(|line| line.split_once("Unable to create '"));
    let named = rest.find_map(|(_, rest)| rest.split_once("': File exists"));
    let lock = repository.root.join(named?.0);
    leftover_lock::is_abandoned(&repository.common_dir, &lock).then_some(lock)
}

/// Updates the remote-tracking ref of one branch. One connection.
///
/// # Errors
/// Every failure of the fetch; also when the remote lacks the branch.
pub(crate) fn fetch_branch(
    repository: &Repository,
    remote: &RemoteName,
    branch: &Branch,
    limit: Duration,
) -> Result<()> {
    let call = fetch_call(repository, remote, limit, false).args(["--", remote.as_str()]);
    let call = call.arg(format!("+{}:{}", branch.full(), branch.tracking(remote)));
    let output = at_work::moving_refs(repository, &call)?;
    if output.success() { Ok(()) } else { Err(call.not_connected(remote.as_str(), &output)) }
}

/// Updates every remote-tracking ref that the configuration names. One connection.
pub(crate) fn fetch_all(repository: &Repository, remote: &RemoteName, limit: Duration) -> Result<()> {
    let call = fetch_call(repository, remote, limit, true).args(["--", remote.as_str()]);
    let output = at_work::moving_refs(repository, &call)?;
    if output.success() { Ok(()) } else { Err(call.not_connected(remote.as_str(), &output)) }
}

fn fetch_call(repository: &Repository, remote: &RemoteName, limit: Duration, prune: bool) -> Call {
    let call = repository.git().network(&repository.root, "fetch", limit).doing(format!("fetching from {remote}"));
    let call = call.with_progress_or(Some("--quiet"));
    call.args(prune.then_some("--prune")).args(["--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"])
}

/// Whether the remote has a branch of exactly this name. One connection. Only for a diagnosis: a fetch tells the same
/// and brings the branch along.
pub(crate) fn has_branch(
    repository: &Repository,
    remote: &RemoteName,
    branch: &Branch,
    limit: Duration,
) -> Result<bool> {
    let full = branch.full();
    let call = repository.git().network(&repository.root, "ls-remote", limit);
    let call = call.args(["--heads", "--", remote.as_str(), full.as_str()]);
    let output = call.output()?;
    if !output.success() {
        return Err(call.not_connected(remote.as_str(), &output));
    }
    Ok(output.text().lines().any(|line| line.split('\t').nth(1) == Some(full.as_str())))
}

/// The default branch of a remote as git noted it here, when it cloned the remote or by git-remote(1), `set-head`. No
/// process, except with reftable.
pub(crate) fn noted_default(repository: &Repository, remote: &RemoteName) -> Option<Branch> {
    let (dir, name) = (&repository.common_dir, format!("refs/remotes/{remote}/HEAD"));
    let target = if dir.join("reftable").exists() {
        repository.read("symbolic-ref").args(["--quiet", &name]).output().ok()?.text()
    } else {
        String::from_utf8(read_own(&dir.join(&name)).ok()?).ok()?.strip_prefix("ref: ")?.trim_end().to_owned()
    };
    Branch::parse(target.strip_prefix(&format!("refs/remotes/{remote}/"))?).ok()
}

/// Asks a remote for its default branch; `None` where it names none that exists. One connection. A [`fetch`] that follows
/// needs none where nothing is newer.
///
/// # Errors
/// Those of the connection.
pub(crate) fn ask_default(repository: &Repository, remote: &RemoteName, limit: Duration) -> Result<Option<Branch>> {
    let call = repository.git().network(&repository.root, "ls-remote", limit);
    let call = call.args(["--symref", "--", remote.as_str(), "HEAD", "refs/heads/*"]);
    let output = call.output()?;
    if !output.success() {
        return Err(call.not_connected(remote.as_str(), &output));
    }
    let text = output.text();
    let target = text.lines().find_map(|line| line.strip_prefix("ref: refs/heads/")?.strip_suffix("\tHEAD"));
    let lines = text.lines().filter_map(|line| line.split_once("\trefs/heads/"));
    let shown = lines.filter_map(|(oid, branch)| Some((Branch::parse(branch).ok()?, Oid::parse(oid)?))).collect();
    *repository.shown.lock().unwrap_or_else(PoisonError::into_inner) = Some((remote.clone(), shown));
    Ok(target.and_then(|branch| Branch::parse(branch).ok()))
}

/// The outcome of a push.
#[derive(Debug)]
pub(crate) enum Pushed {
    /// The remote answered for every ref.
    Answered(PushReport),
    /// The remote has no atomic push; nothing was sent.
    NoAtomic,
    /// The connection ended before the answer: the push may have landed or not.
    Unknown(Error),
    /// Nothing was sent: the remote cannot be reached, authentication failed, or a signal came first.
    NotSent(Error),
}

/// How to push.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PushOptions {
    /// All refs or none.
    pub(crate) atomic: bool,
    /// Whether the `pre-push` hook of the user runs.
    pub(crate) hooks: bool,
    /// Whether the server is only asked if it would accept the push.
    pub(crate) dry_run: bool,
    /// The time limit.
    pub(crate) limit: Duration,
}

/// Moves refs on the remote, each only from its old value. One connection.
pub(crate) fn push(
    repository: &Repository,
    remote: &RemoteName,
    updates: &[RefUpdate],
    options: PushOptions,
) -> Result<Pushed> {
    let ready = destination::require_one_repository(repository, remote, options.limit);
    if let Err(error) = ready.and_then(|()| interrupt::check()) {
        return Ok(Pushed::NotSent(error));
    }
    let call = push_call(repository, remote, updates, options);
    if options.limit.is_zero() {
        let message = format!("no time was left for the push to {remote} (--timeout)");
        return Ok(Pushed::NotSent(Error::new(Kind::Unreachable, message).advice("run the same command again")));
    }
    let output = match at_work::moving_refs(repository, &call) {
        // git was ended by a signal while it pushed. The command is stopping, so the outcome is not looked up now.
        Err(error) if error.kind() == Kind::Interrupted => return Ok(Pushed::Unknown(error)),
        output => output?,
    };
    let report = push::parse(&output.stdout);
    // git knows before it sends anything which refs are up to date.
    let is_report = |report: &PushReport| report.refs.iter().any(|pushed| pushed.flag != Flag::UpToDate);
    let reported = report.as_ref().map_or(true, is_report);
    let stderr = output.stderr_text();
    let broken = || damage(&repository.root, &stderr);
    if let (Ok(mut report), false) = (report, output.timed_out) {
        report.explain(&output.stderr);
        // The server refuses a pack that git here could not complete.
        if report.rejection() == Some(Rejection::Denied)
            && let Some(error) = broken()
        {
            return Ok(Pushed::NotSent(error));
        }
        // A ref that is missing in the report has an unknown outcome, whatever the exit code says.
        let answered = updates.iter().all(|update| report.find(&update.name).is_some());
        if answered && report.rejection() != Some(Rejection::Unreported) {
            return Ok(Pushed::Answered(report));
        }
    }
    if let Some(error) = broken() {
        return Ok(Pushed::NotSent(error));
    }
    if output.hook.as_ref().is_some_and(|hook| hook.timed_out && hook.name == PRE_PUSH) {
        let message = format!("{stderr}; nothing was pushed to {remote}");
        let error = Error::new(Kind::Denied, message).hint("git config aitask.hookTimeout 1h");
        return Ok(Pushed::NotSent(error.with(Payload::Hook { hook: PRE_PUSH })));
    }
    let ended = Ended { code: output.code, reported, stderr: &stderr };
    let failure = failure::of_push(ended, || match &output.hook {
        Some(hook) => hook.name == PRE_PUSH,
        None => options.hooks && has_hook(repository),
    });
    if failure::may_be_refusal(failure, &stderr) && is_refusal(repository, remote, updates, options, failure, &stderr)?
    {
        return Ok(Pushed::NotSent(refused_error(remote.as_str(), failure, &stderr)));
    }
    let error = match failure {
        GitFailure::NoAtomic => return Ok(Pushed::NoAtomic),
        GitFailure::Hook => {
            let said = [output.text(), stderr].join("\n");
            let said =
                said.lines().filter(|line| !line.is_empty() && !line.starts_with("error: failed to push some refs"));
            let said: Vec<_> = said.collect();
            let last = said.get(said.len().saturating_sub(LAST_LINES)..).unwrap_or_default();
            let message = format!("your {PRE_PUSH} hook refused the push to {remote}: {}", last.join("; "));
            let error = Error::new(Kind::Denied, message).hint("git hook run pre-push");
            let mut changed =
                updates.iter().filter(|update| !update.is_guard()).filter_map(|update| update.name.branch());
            let is_code =
                |branch: Branch| !["aitask-", TASK_BRANCHES].iter().any(|ours| branch.as_str().starts_with(ours));
            let error = if changed.any(is_code) {
                let apart = command!["git aitask init --data-branch"];
                error.hint(apart.note("moves the task data to a branch of its own, if the hook protects this one"))
            } else {
                error
            };
            error.with(Payload::Hook { hook: PRE_PUSH })
        }
        GitFailure::Unknown => {
            let said = failure::said(failure, &stderr);
            let error = Error::new(Kind::Unknown, format!("the push to {remote} was cut off: {said}"));
            return Ok(Pushed::Unknown(error.with(Payload::Said { stderr }).advice("run the same command again")));
        }
        _ => contact_error(remote.as_str(), failure, &stderr).unwrap_or_else(|| call.failure(&output)),
    };
    Ok(Pushed::NotSent(error))
}

/// Whether a server that answered a push so takes no push of this user: its refs can be read, have not moved, and a push that
/// sends nothing is turned away with the same words. A refusal for want of credentials needs no second push, since git asks
/// for them before it sends anything. One or two connections.
fn is_refusal(
    repository: &Repository,
    remote: &RemoteName,
    updates: &[RefUpdate],
    options: PushOptions,
    failure: GitFailure,
    stderr: &str,
) -> Result<bool> {
    let call = repository.git().network(&repository.root, "ls-remote", options.limit).args(["--", remote.as_str()]);
    let shown = call.args(updates.iter().map(|update| update.name.as_str())).output()?;
    let text = shown.text();
    let tip = |update: &RefUpdate| {
        let mut lines = text.lines().filter_map(|line| line.split_once('\t'));
        lines.find(|(_, name)| *name == update.name.as_str()).map(|(oid, _)| oid.to_owned())
    };
    if !shown.success() || updates.iter().any(|update| tip(update).as_deref() != update.old.as_ref().map(Oid::as_str)) {
        return Ok(false);
    }
    if failure == GitFailure::Authentication {
        return Ok(true);
    }
    let nothing = PushOptions { hooks: false, dry_run: true, ..options };
    let again = push_call(repository, remote, updates, nothing).output()?;
    Ok(!again.success() && again.stderr_text() == stderr)
}

/// Whether there is a `pre-push` hook that git runs. A process only where the hooks are elsewhere.
pub(crate) fn runs_pre_push(repository: &Repository) -> bool {
    if repository.config().last("core.hookspath").is_some() {
        return has_hook(repository);
    }
    let file = repository.common_dir.join("hooks").join(PRE_PUSH);
    which::which_in(file, None::<&str>, &repository.root).is_ok()
}

/// Whether there is a `pre-push` hook that git runs. One process.
fn has_hook(repository: &Repository) -> bool {
    let found = repository.read("rev-parse").args(["--git-path", "hooks/pre-push"]).run();
    found.is_ok_and(|path| which::which_in(path.text(), None::<&str>, &repository.root).is_ok())
}

/// The call of [`push()`]; `--dry-run` shows its command line.
pub(crate) fn push_call(
    repository: &Repository,
    remote: &RemoteName,
    updates: &[RefUpdate],
    options: PushOptions,
) -> Call {
    let call = repository.git().network(&repository.root, "push", options.limit).doing(format!("pushing to {remote}"));
    let mut call = call.with_progress_or(None).args(["--porcelain", "--no-follow-tags", "--recurse-submodules=no"]);
    if options.atomic {
        call = call.arg("--atomic");
    }
    if options.dry_run {
        call = call.arg("--dry-run");
    }
    if !options.hooks {
        call = call.arg("--no-verify");
    }
    for update in updates {
        let old = update.old.as_ref().map_or("", |oid| oid.as_str());
        call = call.arg(format!("--force-with-lease={}:{old}", update.name));
    }
    call = call.args(["--", remote.as_str()]);
    for update in updates {
        let new = update.new.as_ref().map_or("", |oid| oid.as_str());
        call = call.arg(format!("{new}:{}", update.name));
    }
    call
}
