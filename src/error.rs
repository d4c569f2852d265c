//! The error type of the crate: what happened, why, and the command that helps.
//!
//! The module promises that the [`Kind`] alone decides the exit code, that no message contains a password, and that text
//! of others is made safe before it is shown. Every module uses it; it uses none.

#[macro_use]
mod hint;
mod payload;
mod text;

pub(crate) use hint::Hint;
pub(crate) use payload::Payload;
pub(crate) use text::{is_ssh, is_unsafe, quoted, redacted, sanitise, sanitise_lines};

/// The result of a fallible function of this crate.
pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error. It decides the exit code ([`Kind::exit_code`]) and is `error.kind` in JSON, so its names are
/// stable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The arguments are invalid.
    Usage,
    /// The current directory is not in a git repository.
    NotARepository,
    /// The repository has no work tree.
    BareRepository,
    /// The repository has no commit to start from.
    NoCommit,
    /// The checkout that carries the task data is on no branch.
    DetachedHead,
    /// The coordination branches or the task folder are missing.
    NotInitialised,
    /// git has no name or e-mail of the committer.
    NoIdentity,
    /// The commit could not be signed, as the user wants it.
    SigningFailed,
    /// This needs a newer git than the one found.
    GitTooOld,
    /// No task has this id.
    NoSuchTask,
    /// The task exists but cannot be picked (done, folded, archived, has open children).
    NotClaimable,
    /// The task depends on other tasks that are not done.
    Blocked,
    /// A coordination branch that this clone knew is gone from the remote.
    BranchGone,
    /// Another session holds the task.
    Held,
    /// The caller does not hold the task, or no longer does.
    NotHolder,
    /// No ready task is free.
    NothingToPick,
    /// Uncommitted changes would be overwritten.
    Dirty,
    /// The merge has conflicts.
    Conflict,
    /// The task branch has no commits of its own.
    NoCommits,
    /// The published task branch has commits that the local one lacks.
    Behind,
    /// The task branch was pushed for a pull request that is not merged.
    NotMerged,
    /// A gate that the task declares has not passed.
    GatePending,
    /// The check command failed on the merged tree.
    CheckFailed,
    /// The server refused the push (hook, permission, protected branch), or a hook of the user did.
    Denied,
    /// A path or branch that is needed is used by something else.
    Occupied,
    /// A file cannot be parsed.
    Unparsable,
    /// The demo found a broken invariant.
    Invariant,
    /// The remote rejected the credentials.
    Authentication,
    /// The remote cannot be reached, or did not answer in time.
    Unreachable,
    /// Other processes kept changing the same refs or files until the time limit.
    Contention,
    /// A push got no answer: it may have landed, or may still land.
    Unknown,
    /// SIGINT, SIGTERM or SIGHUP ended the command.
    Interrupted,
    /// git failed in a way that has no kind of its own.
    Git,
    /// A file could not be read or written.
    Io,
    /// An internal error.
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
            Kind::SigningFailed => "signing_failed",
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
            Kind::NotMerged => "not_merged",
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

    /// The exit code of `git aitask`: 1 refused, 2 usage, 70 internal error, 75 try again later, 128 git, or what git
    /// needs, failed. 70 and 75 are `EX_SOFTWARE` and `EX_TEMPFAIL` of sysexits(3); 128 is what git itself uses.
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
            | Kind::NotMerged
            | Kind::GatePending
            | Kind::CheckFailed
            | Kind::Denied
            | Kind::Occupied
            | Kind::Unparsable
            | Kind::Invariant => 1,
            Kind::Bug => 70,
            Kind::Unreachable | Kind::Contention | Kind::Unknown => 75,
            // Only a default: the program ends by raising the signal itself.
            Kind::Interrupted => 130,
            Kind::NotARepository
            | Kind::BareRepository
            | Kind::NoCommit
            | Kind::DetachedHead
            | Kind::NoIdentity
            | Kind::Authentication
            | Kind::SigningFailed
            | Kind::GitTooOld
            | Kind::Git
            | Kind::Io => 128,
        }
    }
}

/// An error: its [`Kind`], one sentence that says what happened and why (lower case, no full stop), the commands that
/// help, and facts for programs.
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

    /// Marks the error as one that a second attempt does not meet, since this one has brought what was missing and
    /// changed nothing else.
    pub(crate) fn retryable(mut self) -> Self {
        self.0.retryable = true;
        self
    }

    /// Whether a second attempt may succeed ([`Error::retryable`]).
    pub(crate) fn is_retryable(&self) -> bool {
        self.0.retryable
    }

    /// Appends to the sentence.
    pub(crate) fn append(mut self, more: &str) -> Self {
        self.0.message.push_str(&redacted(more));
        self
    }

    /// Adds a command that helps.
    pub(crate) fn hint(mut self, hint: impl Into<Hint>) -> Self {
        self.0.hints.push(hint.into());
        self
    }

    /// Adds advice, where no single command helps.
    pub(crate) fn advice(self, text: impl Into<String>) -> Self {
        self.hint(Hint::advice(text))
    }

    /// Adds a fact.
    pub(crate) fn with(mut self, payload: Payload) -> Self {
        self.0.payloads.push(payload.redacted());
        self
    }

    /// The kind.
    pub(crate) fn kind(&self) -> Kind {
        self.0.kind
    }

    /// The commands that help, most helpful first.
    pub(crate) fn hints(&self) -> &[Hint] {
        &self.0.hints
    }

    /// The names of the branches that the server refused.
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

    /// Whether the server refused a push to a branch other than those of this program.
    pub(crate) fn is_denied_for_code(&self) -> bool {
        self.denied().any(|name| !name.starts_with("aitask-"))
    }

    /// The facts.
    pub(crate) fn payloads(&self) -> &[Payload] {
        &self.0.payloads
    }

    /// The standard error of git, where it is known.
    pub(crate) fn stderr(&self) -> Option<&str> {
        self.payloads().iter().find_map(|payload| match payload {
            Payload::Said { stderr } => Some(stderr.as_str()),
            _ => None,
        })
    }

    /// The facts as further fields of the JSON form.
    pub(crate) fn fields(&self) -> serde_json::Map<String, serde_json::Value> {
        payload::fields(self.payloads())
    }
}
