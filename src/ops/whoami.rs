//! Who is asking, and how each part was found.

use crate::coordination::session::AnchorOrigin;
use crate::error::Result;
use crate::project::context::Context;
use crate::settings::Origin;
use serde::Serialize;

/// Who is asking.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Identity {
    /// The address tasks are taken with.
    pub(crate) email: String,
    /// Where it came from.
    pub(crate) email_origin: Origin,
    /// The machine.
    pub(crate) host: String,
    /// The process that stands for the session; `null` when none was found.
    pub(crate) pid: Option<u32>,
    /// How it was found.
    pub(crate) session_origin: AnchorOrigin,
    /// The remote that coordinates; absent without one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
}

/// Finds out who is asking.
pub(crate) fn whoami(context: &Context) -> Result<Identity> {
    let session = context.session()?;
    Ok(Identity {
        email: session.email,
        email_origin: session.email_origin,
        host: session.host,
        pid: session.anchor.number(),
        session_origin: session.anchor_origin,
        remote: context.channel.remote().map(ToString::to_string),
    })
}
