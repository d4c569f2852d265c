//! The coordination branches as a database: read a [`View`], decide on a [`Plan`], build its commits without a
//! checkout, publish them all in one compare-and-swap, and decide again if a tip really moved.
//!
//! The module promises that on a server with atomic push either every branch of a plan moves or none does, that a result
//! is reported only when it was read from the refs, and that no concurrent change is overwritten. It knows neither tasks
//! (but for their ids) nor locks: what a lock file means comes in as [`LockFormat`]. Every module above may call it.

pub(crate) mod align;
pub(crate) mod backoff;
mod channel;
pub(crate) mod checkouts;
mod code_home;
mod company;
mod convoy;
mod elsewhere;
mod fence;
mod fetch;
mod fetched;
mod found;
mod group;
pub(crate) mod known;
#[expect(clippy::module_inception, reason = "the module holds the type that the room is named for")]
mod ledger;
mod lock_wait;
#[cfg(test)]
pub(crate) mod memory;
mod nonce;
pub(crate) mod plan;
pub(crate) mod publish;
pub(crate) mod queue;
pub(crate) mod refs;
mod refusal;
mod stage;
mod tickets;
mod train;
pub(crate) mod transaction;
#[cfg(test)]
pub(crate) mod turns;
pub(crate) mod uncommitted_rename;
mod unconfirmed;
pub(crate) mod view;

pub(crate) use crate::git::objects::Edit;
pub(crate) use channel::Channel;
pub(crate) use company::{Company, Train, TrainEnd};
pub(crate) use fence::FENCE;
pub(crate) use found::{Found, unreadable};
pub(crate) use ledger::{CodeHome, DATA, IDS, LOCKS, Ledger, LedgerLock, LockFormat};
pub(crate) use nonce::{nonce, random};
pub(crate) use plan::{Decision, Plan, TransactionResult};
pub(crate) use refusal::no_branch;
pub(crate) use train::train_that_calls;
pub(crate) use view::View;
