//! The identity of the calling session, and where each part of it was found.

use crate::coordination::session::ProcessOrigin;
use crate::error::Result;
use crate::project::context::Context;
use crate::settings::Origin;
use serde::Serialize;

/// The identity of the calling session.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Identity {
    /// The e-mail that locks record as the holder.
    pub(crate) email: String,
    /// Where it was found.
    pub(crate) email_origin: Origin,
    /// The machine.
    pub(crate) host: String,
    /// The process that identifies the session; `null` when none was found.
    pub(crate) pid: Option<u32>,
    /// How it was found.
    pub(crate) session_origin: ProcessOrigin,
    /// The remote with the coordination branches; absent without a remote.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) remote: Option<String>,
}

/// Finds the identity of the calling session.
pub(crate) fn whoami(context: &Context) -> Result<Identity> {
    let session = context.session()?;
    Ok(Identity {
        email: session.email,
        email_origin: session.email_origin,
        host: session.host,
        pid: session.process.number(),
        session_origin: session.process_origin,
        remote: context.channel.remote().map(ToString::to_string),
    })
}
