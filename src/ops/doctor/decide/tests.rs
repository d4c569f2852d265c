use super::*;
use crate::coordination::process::Liveness;
use crate::git::Oid;
use crate::project::task_folder::TaskFolder;
use proptest::prelude::*;

fn lock(id: TaskId, text: &str, liveness: Liveness, is_ours: bool) -> SeenLock {
    SeenLock { entry: LockEntry::parse(id, text.as_bytes(), Oid::parse(&"1".repeat(40))), liveness, is_ours }
}

#[test]
fn an_empty_snapshot_has_no_finding() {
    assert!(findings(&Snapshot::default()).is_empty());
}

proptest! {
    /// Whatever the lock says: only an archived task loses its lock, and only one that may be released here.
    #[test]
    fn only_the_lock_of_an_archived_task_is_ever_released(
        status in "(Ready|Implementing|Done|Folded|Postponed|x)", is_active: bool, is_archived: bool, is_ours: bool,
        text in "(locked_by: a@a\n)?(hostname: h\n)?(pid: 7\n)?", session in 0..3_usize,
    ) {
        let body = format!("---\nstatus: {status}\n---\n");
        let mut files = Vec::new();
        files.extend(is_active.then_some(("aitasks/t5_x.md", body.as_str())));
        files.extend(is_archived.then_some(("aitasks/archived/t5_x.md", "")));
        let liveness = [Liveness::Alive, Liveness::Dead, Liveness::Unknown][session];
        let id = TaskId::top(5);
        let seen = Snapshot {
            files: TaskFolder::of_files(&files),
            locks: vec![lock(id, &text, liveness, is_ours)],
            ..Snapshot::default()
        };
        let found = findings(&seen);
        let releases = found.iter().any(|finding| matches!(&finding.mend, Some(Mend::Lock(task, _)) if *task == id));
        prop_assert_eq!(releases, is_archived && !is_active && is_ours);
        // A held task that is in work, of a session that may live, is as it should be.
        let is_usual = is_active && status == "Implementing" && liveness != Liveness::Dead && text.contains("locked_by");
        prop_assert!(!is_usual || found.is_empty(), "{:?}", found);
    }
}
