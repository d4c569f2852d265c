//! Whether data moves between here and the remote. The processes that carry it tell, in proc(5): git writes nothing that
//! would, unless it is told to show its progress, and then the server shows its own, too.

use rustix::process::Pid;
use std::path::Path;
use std::time::{Duration, Instant};

/// How often the processes are looked at: it costs some milliseconds, and so no more than two in a hundred.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a transfer may stand still.
const STANDSTILL: Duration = Duration::from_secs(10);

/// The subcommands of git that make, send, receive or check packs.
const PACKERS: [&[u8]; 4] = [b"pack-objects", b"index-pack", b"unpack-objects", b"rev-list"];

/// What the processes of a connection must move between two looks: more than what keeps a connection alive.
const LEAST: u64 = 4096;

/// The transfer of one process group.
#[derive(Debug)]
pub(super) struct Transfer {
    group: Pid,
    looked: Instant,
    seen: Seen,
    /// When a pack moved last.
    moved: Option<Instant>,
    moves: bool,
}

/// What processes have done so far: bytes that they read and wrote, and time that they computed.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Seen {
    /// Those that handle packs, if there are any.
    packers: Option<u64>,
    /// Those that hold the connection. They pass on what a packer that has ended left with them.
    carriers: u64,
    /// Whether a git among them fetches.
    fetches: bool,
}

impl Transfer {
    pub(super) fn of(group: Pid) -> Self {
        Self { group, looked: Instant::now(), seen: Seen::default(), moved: None, moves: false }
    }

    /// Whether it moves.
    pub(super) fn moves(&mut self) -> bool {
        self.look();
        self.moves
    }

    /// Whether there is one: git reads an object that a partial clone lacks, and fetches it.
    pub(super) fn is_there(&mut self) -> bool {
        self.look();
        self.seen.fetches
    }

    fn look(&mut self) {
        if self.looked.elapsed() >= LOOK_EVERY {
            self.looked = Instant::now();
            let now = Seen::of(self.group);
            if now.packers.is_some() && now.packers != self.seen.packers {
                self.moved = Some(self.looked);
            }
            let carried = self.moved.is_some() && now.carriers >= self.seen.carriers.saturating_add(LEAST);
            let packed = now.packers.is_some() && self.moved.is_some_and(|moved| moved.elapsed() < STANDSTILL);
            (self.seen, self.moves) = (now, packed || carried);
        }
    }
}

impl Seen {
    fn of(group: Pid) -> Self {
        let mut seen = Self::default();
        for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
            let process = entry.path();
            let Some(stat) = Stat::read(&process).filter(|stat| stat.group == group.as_raw_pid()) else {
                continue;
            };
            let line = std::fs::read(process.join("cmdline")).unwrap_or_default();
            let words = || line.split(|byte| *byte == 0);
            seen.fetches |= stat.name == "git" && words().any(|word| word == b"fetch");
            if stat.name == "git" && words().any(|word| PACKERS.contains(&word)) {
                *seen.packers.get_or_insert(0) += stat.ticks + moved(&process);
            } else if stat.name == "ssh" || stat.name.starts_with("git-remote-") {
                seen.carriers += moved(&process);
            }
        }
        seen
    }
}

/// The bytes that a process has read and written.
fn moved(process: &Path) -> u64 {
    let io = std::fs::read_to_string(process.join("io")).unwrap_or_default();
    let of = |line: &str| line.strip_prefix("rchar: ").or_else(|| line.strip_prefix("wchar: "))?.parse::<u64>().ok();
    io.lines().filter_map(of).sum()
}

/// A process: its name, its group, and the time that it has computed.
struct Stat {
    name: String,
    group: i32,
    ticks: u64,
}

impl Stat {
    fn read(process: &Path) -> Option<Self> {
        process.file_name()?.to_str()?.bytes().all(|byte| byte.is_ascii_digit()).then_some(())?;
        Self::parse(&std::fs::read_to_string(process.join("stat")).ok()?)
    }

    /// Fields 2, 5, 14 and 15. The name is in parentheses, and may contain some.
    fn parse(stat: &str) -> Option<Self> {
        let (before, after) = stat.rsplit_once(") ")?;
        let name = before.split_once('(')?.1.to_owned();
        let fields: Vec<_> = after.split(' ').collect();
        let ticks = |n: usize| fields.get(n)?.parse::<u64>().ok();
        Some(Self { name, group: fields.get(2)?.parse().ok()?, ticks: ticks(11)? + ticks(12)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_parentheses() {
        let stat = Stat::parse("71 (a) (b) S 1 70 70 0 -1 4194304 1 2 3 4 15 16 0 0 20 0").unwrap();
        assert_eq!((stat.name.as_str(), stat.group, stat.ticks), ("a) (b", 70, 31));
        assert!(Stat::parse("71 (x) S 1").is_none() && Stat::parse("").is_none());
    }
}
