//! The one error type: what happened, why, and the one command that helps.

#[macro_use]
mod hint;
mod payload;
mod text;

pub(crate) use hint::Hint;
pub(crate) use payload::Payload;
pub(crate) use text::{is_ssh, is_unsafe, quoted, redacted, sanitise, sanitise_lines};

/// What every fallible function of this crate returns.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong. The kind alone decides the exit code ([`Kind::exit_code`]) and is the
/// `error.kind` of the JSON form, so names are stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The arguments make no sense.
    Usage,
    /// We stand in no git repository.
    NotARepository,
    /// The repository has no work tree.
    BareRepository,
    /// The repository has no commit to start from.
    NoCommit,
    /// The checkout that carries the task data is on no branch.
    DetachedHead,
    /// The coordination branches or the task folder are missing.
    NotInitialised,
    /// Git knows neither name nor e-mail of the committer.
    NoIdentity,
    /// This needs a newer git than the one found.
    GitTooOld,
    /// No task has this id.
    NoSuchTask,
    /// The task exists but cannot be taken (done, folded, archived, has open children).
    NotClaimable,
    /// The task waits for others.
    Blocked,
    /// A coordination branch that this clone knew is gone from the remote.
    BranchGone,
    /// Somebody else holds the task.
    Held,
    /// The caller does not hold the task (any more).
    NotHolder,
    /// No task is ready that nobody holds.
    NothingToPick,
    /// Uncommitted work is in the way.
    Dirty,
    /// The merge has conflicts.
    Conflict,
    /// The task branch has no commits of its own.
    NoCommits,
    /// The published task branch has commits that are not here.
    Behind,
    /// A gate that the task declares has not passed.
    GatePending,
    /// The check command failed on the merged tree.
    CheckFailed,
    /// The server refused the push (hook, permission, protected branch).
    Denied,
    /// A path or branch we need is occupied by something else.
    Occupied,
    /// A file that others wrote cannot be understood.
    Unparsable,
    /// The demo found a broken invariant.
    Invariant,
    /// The remote did not accept who we are.
    Authentication,
    /// The remote cannot be reached, or did not answer in time.
    Unreachable,
    /// Others kept winning until the time was up.
    Contention,
    /// What was sent got no answer: it may have landed, or may land later.
    Unknown,
    /// SIGINT, SIGTERM or SIGHUP came.
    Interrupted,
    /// Git failed in a way that has no word of its own.
    Git,
    /// A file could not be read or written.
    Io,
    /// A bug of ours.
    Bug,
}

impl Kind {
    /// The stable name, as in the JSON form.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Usage => "usage",
            Kind::NotARepository => "not_a_repository",
            Kind::BareRepository => "bare_repository",
            Kind::NoCommit => "no_commit",
            Kind::DetachedHead => "detached_head",
            Kind::NotInitialised => "not_initialised",
            Kind::NoIdentity => "no_identity",
            Kind::GitTooOld => "git_too_old",
            Kind::NoSuchTask => "no_such_task",
            Kind::NotClaimable => "not_claimable",
            Kind::Blocked => "blocked",
            Kind::BranchGone => "branch_gone",
            Kind::Held => "held",
            Kind::NotHolder => "not_holder",
            Kind::NothingToPick => "nothing_to_pick",
            Kind::Dirty => "dirty",
            Kind::Conflict => "conflict",
            Kind::NoCommits => "no_commits",
            Kind::Behind => "behind",
            Kind::GatePending => "gate_pending",
            Kind::CheckFailed => "check_failed",
            Kind::Denied => "denied",
            Kind::Occupied => "occupied",
            Kind::Unparsable => "unparsable",
            Kind::Invariant => "invariant",
            Kind::Authentication => "authentication",
            Kind::Unreachable => "unreachable",
            Kind::Contention => "contention",
            Kind::Unknown => "unknown",
            Kind::Interrupted => "interrupted",
            Kind::Git => "git",
            Kind::Io => "io",
            Kind::Bug => "bug",
        }
    }

    /// The exit code of `git aitask` (architecture, section 6): 1 the answer is no, 2 usage, 70 a bug of
    /// ours, 75 try again later, 128 git (or what it stands on) failed.
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Kind::Usage => 2,
            Kind::NotInitialised
            | Kind::BranchGone
            | Kind::NoSuchTask
            | Kind::NotClaimable
            | Kind::Blocked
            | Kind::Held
            | Kind::NotHolder
            | Kind::NothingToPick
            | Kind::Dirty
            | Kind::Conflict
            | Kind::NoCommits
            | Kind::Behind
            | Kind::GatePending
            | Kind::CheckFailed
            | Kind::Denied
            | Kind::Occupied
            | Kind::Unparsable
            | Kind::Invariant => 1,
            Kind::Bug => 70,
            Kind::Unreachable | Kind::Contention | Kind::Unknown => 75,
            // The program itself ends by the signal.
            Kind::Interrupted => 130,
            Kind::NotARepository
            | Kind::BareRepository
            | Kind::NoCommit
            | Kind::DetachedHead
            | Kind::NoIdentity
            | Kind::Authentication
            | Kind::GitTooOld
            | Kind::Git
            | Kind::Io => 128,
        }
    }
}

/// An error: its [`Kind`], one sentence that says what happened and why (lower case, no full stop), the
/// commands that help, and, where one exists, the error underneath.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.message)]
pub(crate) struct Error(Box<Inner>);

#[derive(Debug)]
struct Inner {
    kind: Kind,
    message: String,
    hints: Vec<Hint>,
    payloads: Vec<Payload>,
    retryable: bool,
}

impl Error {
    /// An error of a kind, with its sentence.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        let message = redacted(&message.into());
        Self(Box::new(Inner { kind, message, hints: Vec::new(), payloads: Vec::new(), retryable: false }))
    }

    /// An error about a file that could not be read or written.
    pub(crate) fn io(action: &str, path: &std::path::Path, source: &std::io::Error) -> Self {
        Self::new(Kind::Io, format!("cannot {action} {}: {source}", path.display()))
    }

    /// Says that nothing was done, and that a second run of the same command does not meet this.
    pub(crate) fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Whether [`Error::retryable`] was said of it.
    pub(crate) fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Adds to the sentence.
    pub(crate) fn append(mut self, more: &str) -> Self {
        self.0.message.push_str(&redacted(more));
        self
    }

    /// Adds a command that helps.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds what helps where no command does.
    pub(crate) fn advice(self, text: impl Into<String>) -> Self {
        self.hint(Hint::advice(text))
    }

    /// Adds what is known beyond the sentence.
    pub(crate) fn with(mut self, payload: Payload) -> Self {
        self.0.payloads.push(payload.redacted());
        self
    }

    /// What kind of error this is.
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The commands that help, most helpful first.
    pub(crate) fn hints(&self) -> &[Hint] {
        &self.0.hints
    }

    /// The branches that the server refuses pushes to, by their names.
    fn denied(&self) -> impl Iterator<Item = &str> {
        let refused = self.payloads().iter().filter_map(|payload| match payload {
            Payload::Refused { branches } if self.kind() == Kind::Denied => Some(branches),
            _ => None,
        });
        refused.flatten().map(String::as_str)
    }

    /// Whether the server refused a push to this branch.
    pub(crate) fn is_denied_for(&self, branch: &str) -> bool {
        self.denied().any(|name| name == branch)
    }

    /// Whether the server refused a push to a branch that is not one of ours alone.
    pub(crate) fn is_denied_for_code(&self) -> bool {
        self.denied().any(|name| !name.starts_with("aitask-"))
    }

    /// What is known beyond the sentence.
    pub(crate) fn payloads(&self) -> &[Payload] {
        &self.0.payloads
    }

    /// What git said on its standard error, where that is known.
    pub(crate) fn stderr(&self) -> Option<&str> {
        self.payloads().iter().find_map(|payload| match payload {
            Payload::Said { stderr } => Some(stderr.as_str()),
            _ => None,
        })
    }

    /// Further fields of the JSON form.
    pub(crate) fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
        payload::fields(self.payloads())
    }
}
