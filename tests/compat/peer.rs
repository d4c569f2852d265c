//! A member of the fleet that is not us: plain git, the files and commits of the original, nothing that makes a commit
//! unlike another.

use crate::support::{Repo, Run, World};

/// Changes one file of a coordination branch; `$3` is a file with the content, empty to remove it. Ends with 1 when
/// somebody else was quicker.
const PUT: &str = r#"
branch=$1 path=$2 content=$3 subject=$4
git fetch -q origin "+refs/heads/$branch:refs/peer/$branch" || exit 2
entries=$(git ls-tree "refs/peer/$branch" | awk -F '\t' -v path="$path" '$2 != path')
[ -z "$content" ] || entries="$entries
100644 blob $(git hash-object -w "$content")	$path"
tree=$(printf '%s\n' "$entries" | sed '/^$/d' | git mktree) || exit 2
commit=$(git commit-tree "$tree" -p "refs/peer/$branch" -m "$subject") || exit 2
git push -q origin "$commit:refs/heads/$branch" || exit 1
"#;

/// A clone whose owner uses plain git.
pub(super) struct Peer(pub(super) Repo);

/// The lines of a lock file besides its anchor.
pub(super) fn four_lines(id: &str, email: &str, host: &str) -> String {
    format!("task_id: {id}\nlocked_by: {email}\nlocked_at: 2026-01-02 03:04\nhostname: {host}\n")
}

/// A whole lock file.
pub(super) fn seven_lines(id: &str, email: &str, host: &str, pid: impl std::fmt::Display, start: &str) -> String {
    let kind = if start == "-" { "none" } else { "proc" };
    format!("{}pid: {pid}\npid_starttime: {start}\npid_starttime_kind: {kind}\n", four_lines(id, email, host))
}

impl Peer {
    pub(super) fn new(world: &World, name: &str) -> Self {
        Self(world.clone(name))
    }

    /// One try at writing a file of a branch, or at removing it.
    fn attempt(&self, branch: &str, path: &str, content: Option<&str>, subject: &str) -> Run {
        let file = self.0.world().root().join(format!("{}.content", self.0.top().file_name().unwrap().display()));
        std::fs::write(&file, content.unwrap_or_default()).unwrap();
        let file = content.map_or("", |_| file.to_str().unwrap());
        self.0.run("sh", &["-c", PUT, "peer", branch, path, file, subject])
    }

    /// Writes a file of a branch, however often others are quicker.
    #[track_caller]
    pub(super) fn put(&self, branch: &str, path: &str, content: Option<&str>, subject: &str) {
        loop {
            let run = self.attempt(branch, path, content, subject);
            assert!(run.code < 2, "{run}");
            if run.code == 0 {
                return;
            }
        }
    }

    /// Takes a lock with these bytes.
    #[track_caller]
    pub(super) fn lock(&self, id: &str, text: &str) {
        self.put("aitask-locks", &format!("t{id}_lock.yaml"), Some(text), &format!("ait: Lock task t{id} for peer"));
    }

    /// Takes the next id.
    #[track_caller]
    pub(super) fn claim(&self) -> u64 {
        loop {
            self.0.git(&["fetch", "-q", "origin", "+refs/heads/aitask-ids:refs/peer/aitask-ids"]);
            let id: u64 = self.0.git(&["show", "refs/peer/aitask-ids:next_id.txt"]).trim().parse().unwrap();
            let (next, subject) = (id + 1, format!("ait: Claim task ID t{id}, advance counter to {}", id + 1));
            // the tip of the number, not a later one
            let blob = self.0.world().root().join("peer.next");
            std::fs::write(&blob, format!("{next}\n")).unwrap();
            let script = "tree=$(printf '100644 blob %s\\tnext_id.txt\\n' $(git hash-object -w \"$1\") | git mktree) && \
                commit=$(git commit-tree $tree -p refs/peer/aitask-ids -m \"$2\") && \
                git push -q origin $commit:refs/heads/aitask-ids";
            if self.0.run("sh", &["-c", script, "peer", blob.to_str().unwrap(), &subject]).code == 0 {
                return id;
            }
        }
    }
}

/// The fields of a lock file as the original's reader takes them: exactly seven lines in their order.
#[track_caller]
pub(super) fn read(text: &str) -> [String; 7] {
    let keys = ["task_id", "locked_by", "locked_at", "hostname", "pid", "pid_starttime", "pid_starttime_kind"];
    let lines: Vec<_> =
        text.strip_suffix('\n').unwrap_or_else(|| panic!("no line end: {text:?}")).split('\n').collect();
    assert_eq!(lines.len(), keys.len(), "{text}");
    let values = lines.iter().zip(keys).map(|(line, key)| {
        let value = line.strip_prefix(key).and_then(|rest| rest.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("not {key}: {line:?}")).to_owned()
    });
    values.collect::<Vec<_>>().try_into().unwrap()
}

/// When a process started, as `/proc` says.
pub(super) fn start_of(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    stat.rsplit_once(')').unwrap().1.split_whitespace().nth(19).unwrap().to_owned()
}
