//! What helps where the server, or a hook of the user, refuses a branch of a finish.

use crate::error::{Error, Kind, Payload};
use crate::git::run::PRE_PUSH;
use crate::git::{Branch, RemoteName};
use crate::ops::finish::decide::FinishRequest;
use crate::project::context::Wanted;
use crate::task::BRANCH_PREFIX;

/// Explains the refusal of a protected output branch, by the server or by a hook of the user: nothing was published, and
/// there are ways past it. Likewise that of the task branch that is pushed for a pull request.
pub(super) fn explain(
    error: Error,
    request: &FinishRequest<'_>,
    wanted: &Wanted,
    pushed: Option<(&RemoteName, &Branch)>,
) -> Error {
    let FinishRequest { options, into, data, .. } = *request;
    if let Some((remote, branch)) = pushed.filter(|(_, branch)| options.no_push && error.is_denied_for(branch.as_str()))
    {
        let other = branch.as_str().strip_prefix(BRANCH_PREFIX).unwrap_or(branch.as_str());
        let push = command!["git push", remote, format!("{branch}:refs/heads/{other}")];
        let error = error.hint(push.note("publishes it by another name, for a pull request"));
        let in_the_way = BRANCH_PREFIX.trim_end_matches('/');
        let is_in_the_way = error.to_string().contains(&format!("'refs/heads/{in_the_way}' exists"));
        return if is_in_the_way {
            let advice =
                format!("or rename the branch {in_the_way} on {remote}: beside it there can be no {in_the_way}/NAME");
            error.advice(advice)
        } else {
            error
        };
    }
    let by_hook = error.payloads().iter().any(|payload| *payload == Payload::Hook { hook: PRE_PUSH });
    if options.no_push || !(by_hook || error.is_denied_for(into.as_str())) {
        return error;
    }
    let fact = if by_hook { Payload::Hook { hook: PRE_PUSH } } else { Payload::Protected { branch: into.to_string() } };
    let id = wanted.id;
    let told = Error::new(Kind::Denied, format!("{error}; nothing was published"))
        .hint(command!["git aitask finish", id, "--pr"].note("pushes the task branch and opens a pull request"))
        .hint(command!["git aitask finish", id, "--no-push"].note("pushes the task branch for a pull request"))
        .with(fact);
    if into != data {
        return told;
    }
    let apart = command!["git aitask init --data-branch"];
    told.hint(apart.note("moves the task data to a branch of its own, else the end of the task is refused, too"))
}
