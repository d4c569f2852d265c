//! The locks of one commit as they are kept, so that who only reads asks git for them once.

use crate::coordination::{LockEntry, Locks, ReadLocks as _};
use crate::error::Result;
use crate::git::Oid;
use crate::ledger::{Ledger, View};
use crate::packed::{put, take, take_text};
use crate::task::TaskId;

/// The name of the file.
const NAME: &str = "locks";

/// All locks of a view. Two processes, unless they are kept.
///
/// # Errors
/// Those of [`Locks::entries`].
pub(crate) fn entries(view: &View<'_>) -> Result<Vec<LockEntry>> {
    let branch = Ledger::locks_branch()?;
    let Some((records, commit)) = view.kept().zip(view.base(&branch)) else {
        return view.locks()?.map_or_else(|| Ok(Vec::new()), |locks| read(view, &locks).map(|(locks, _)| locks));
    };
    if let Some(kept) = records.load_kept(NAME).and_then(|kept| parse(&kept, commit)) {
        return Ok(kept);
    }
    let (locks, packed) = view.locks()?.map_or_else(|| Ok(Default::default()), |locks| read(view, &locks))?;
    if let Some(packed) = packed {
        let mut kept = Vec::new();
        put(&mut kept, commit.as_str());
        kept.extend(packed);
        records.keep(NAME, &kept);
    }
    Ok(locks)
}

/// Reads the files, and packs them; not where one is missing, since it may be there the next time.
fn read(view: &View<'_>, locks: &Locks) -> Result<(Vec<LockEntry>, Option<Vec<u8>>)> {
    let tokens: Vec<_> = locks.tasks().filter_map(|task| Some((task, locks.token(task)?.clone()))).collect();
    let blobs = view.blobs(&tokens.iter().map(|(_, token)| token.clone()).collect::<Vec<_>>())?;
    let (mut read, mut packed) = (Vec::new(), Some(Vec::new()));
    for ((task, token), blob) in tokens.into_iter().zip(blobs) {
        packed = packed.zip(blob.as_ref()).map(|(mut packed, blob)| {
            put(&mut packed, task.to_string());
            put(&mut packed, token.as_str());
            put(&mut packed, &blob.data);
            packed
        });
        read.push(LockEntry::read(task, blob.as_ref().map(|blob| blob.data.as_slice()), token));
    }
    Ok((read, packed))
}

fn parse(mut kept: &[u8], commit: &Oid) -> Option<Vec<LockEntry>> {
    let rest = &mut kept;
    (take_text(rest)? == commit.as_str()).then_some(())?;
    let mut locks = Vec::new();
    while !rest.is_empty() {
        let (task, token) = (TaskId::try_parse(take_text(rest)?)?, Oid::parse(take_text(rest)?)?);
        locks.push(LockEntry::parse(task, take(rest)?, Some(token)));
    }
    Some(locks)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kept_locks_are_those_of_their_commit_or_none() {
        let [commit, other, token] = ["a", "b", "c"].map(|digit| Oid::parse(&digit.repeat(40)).unwrap());
        let file = b"locked_by: ann\nnonce: one\n";
        let mut kept = Vec::new();
        put(&mut kept, commit.as_str());
        assert_eq!(parse(&kept, &commit), Some(Vec::new()));
        for part in ["1_2".as_bytes(), token.as_str().as_bytes(), file] {
            put(&mut kept, part);
        }
        let lock = LockEntry::parse(TaskId::parse("1_2").unwrap(), file, Some(token));
        assert_eq!(parse(&kept, &commit), Some(vec![lock]));
        assert_eq!(parse(&kept, &other), None);
        for end in 0..kept.len() - 1 {
            assert!(parse(&kept[..end], &commit).is_none_or(|locks| locks.is_empty()), "{end}");
        }
    }
}
