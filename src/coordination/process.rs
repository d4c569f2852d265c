//! The identity of a process, recorded so that it can be found again later, and whether the process still lives.

use crate::coordination::agents::Ancestor;
use crate::coordination::pid_scope::{PROBE_LIMIT, PidScope};
use crate::git::Repository;
use crate::git::run::Call;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process, test_kill_process_group};
use std::fmt;
use std::io::Read as _;
use std::path::Path;

/// The deepest chain of parents that is followed. Real ones have some ten processes; a process id that was used again
/// while the chain is read could make a circle of it.
const DEEPEST_CHAIN: usize = 64;

/// The process that stands for a session: its process id, and its start time, which tells it from a later process with
/// the same id. In records it is an object with the fields `pid`, `start`, `kind` and, unless unknown, `world` (`boot`,
/// `namespace`).
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct ProcessIdentity {
    /// The process id in decimal digits, or `-`.
    pub(crate) pid: String,
    /// The start time in the form that `kind` names, or `-`.
    pub(crate) start: String,
    /// The source of `start`: `proc` for field 22 of `/proc/<pid>/stat`, `ps` for `ps -o lstart=` with `_` for blanks,
    /// or `none`.
    pub(crate) kind: String,
    /// The scope of the process id; absent in locks of the scripts and in older records.
    #[serde(rename = "world", default, skip_serializing_if = "Option::is_none")]
    pub(crate) scope: Option<PidScope>,
}

/// Whether the process of a session lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum Liveness {
    /// It certainly lives.
    Alive,
    /// It certainly has ended.
    Dead,
    /// This cannot be determined here; it is never treated as dead.
    Unknown,
}

impl fmt::Display for Liveness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Alive => "alive",
            Self::Dead => "dead",
            Self::Unknown => "unknown",
        })
    }
}

impl Default for ProcessIdentity {
    fn default() -> Self {
        Self { pid: "-".to_owned(), start: "-".to_owned(), kind: "none".to_owned(), scope: None }
    }
}

impl ProcessIdentity {
    /// The identity of a process that exists now; `None` when it does not.
    pub(crate) fn of_process(repository: &Repository, pid: u32) -> Option<Self> {
        if exists(pid) != Some(true) {
            return None;
        }
        let token = proc_start(pid).map(|start| (start, "proc"));
        let (start, kind) = token
            .or_else(|| ps_start(repository, pid).map(|start| (start, "ps")))
            .unwrap_or_else(|| ("-".to_owned(), "none"));
        let scope = PidScope::here(repository).cloned();
        Some(Self { pid: pid.to_string(), start, kind: kind.to_owned(), scope })
    }

    /// The process id, when one is recorded.
    pub(crate) fn number(&self) -> Option<u32> {
        self.pid.parse().ok().filter(|&pid| pid > 0)
    }

    /// Whether both are the same process; false where one has no process id. Where one has no scope, process id and
    /// start time decide.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same = |of: fn(&Self) -> &String| of(self) == of(other);
        let process = same(|process| &process.pid) && same(|process| &process.start) && same(|process| &process.kind);
        let apart = self.scope.is_some() && other.scope.is_some() && self.scope != other.scope;
        self.number().is_some() && process && !apart
    }

    /// Whether the process lives. An id from another boot or PID namespace is unknown here. One without a scope was
    /// recorded in this clone by an earlier version; it can be checked only where all processes of the machine are
    /// visible.
    pub(crate) fn liveness(&self, repository: &Repository) -> Liveness {
        let here = PidScope::here(repository);
        let can_tell = match &self.scope {
            Some(scope) => here == Some(scope),
            None => here.is_some_and(PidScope::sees_all),
        };
        if can_tell { self.liveness_of_number(repository) } else { Liveness::Unknown }
    }

    /// Whether a process with this id and start time lives here, in whatever scope it was recorded: the rule of the
    /// scripts, which compare only the host name.
    pub(crate) fn liveness_of_number(&self, repository: &Repository) -> Liveness {
        let Some(pid) = self.number() else { return Liveness::Unknown };
        match exists(pid) {
            Some(false) => return Liveness::Dead,
            None => return Liveness::Unknown,
            Some(true) => {}
        }
        if matches!(self.start.as_str(), "" | "-") {
            return Liveness::Unknown;
        }
        let now = match self.kind.as_str() {
            "proc" => proc_start(pid),
            "ps" => ps_start(repository, pid),
            _ => None,
        };
        match now {
            None => Liveness::Unknown,
            Some(start) if start != self.start => Liveness::Dead,
            // `ps` gives the start in whole seconds, which is too coarse to prove that it is the same process.
            Some(_) if self.kind == "ps" => Liveness::Unknown,
            Some(_) => Liveness::Alive,
        }
    }
}

/// Whether a process exists and has not ended; `None` when the system does not say.
pub(crate) fn exists(pid: u32) -> Option<bool> {
    let raw = i32::try_from(pid).ok()?;
    let folder = Path::new("/proc").join(pid.to_string());
    if folder.exists() {
        return Some(!has_ended(&folder));
    }
    match test_kill_process(Pid::from_raw(raw)?) {
        Ok(()) | Err(Errno::PERM) => Some(true),
        Err(Errno::SRCH) => Some(false),
        Err(_) => None,
    }
}

/// Whether the process with this folder in `/proc` has ended, and only its parent has not asked for its exit code yet: for
/// ever, where the first process of a container does not ask. While other threads run it lives, though its first has ended.
fn has_ended(folder: &Path) -> bool {
    let ended = |of: &Path| stat_field(&of.join("stat"), 3).is_some_and(|state| state.starts_with(['Z', 'X', 'x']));
    let threads = || std::fs::read_dir(folder.join("task"));
    ended(folder) && threads().is_ok_and(|threads| threads.flatten().all(|thread| ended(&thread.path())))
}

/// Whether a process of this group exists.
pub(crate) fn group_exists(group: u32) -> bool {
    let group = i32::try_from(group).ok().and_then(Pid::from_raw);
    group.is_some_and(|group| test_kill_process_group(group) != Err(Errno::SRCH))
}

/// Whether a process is stopped, by SIGSTOP or by the terminal; false where the system does not say.
pub(crate) fn is_stopped(repository: &Repository, pid: u32) -> bool {
    let state = proc_field(&pid.to_string(), 3);
    let is_listed = Path::new("/proc/self/stat").exists();
    let state = if is_listed { state } else { ps(repository, pid, "state=") };
    state.is_some_and(|state| state.starts_with(['T', 't']))
}

/// The leader of this process's session. In a pid namespace the leader may be outside, and then it has no number
/// here: the kernel says 0, for which `rustix::process::getsid` has no value, so `/proc` is asked first.
pub(crate) fn session_leader() -> Option<u32> {
    match proc_field("self", 6) {
        Some(leader) => leader.parse().ok().filter(|&pid| pid > 0),
        None => u32::try_from(rustix::process::getsid(None).ok()?.as_raw_nonzero().get()).ok(),
    }
}

/// Whether a process is an ancestor of this one.
pub(crate) fn is_above(repository: &Repository, pid: u32) -> bool {
    chain(repository).any(|process| process.pid == pid)
}

/// The longest part of a command line that is read, in bytes: the program and its script are at the beginning.
const LONGEST_COMMAND: u64 = 4096;

/// The processes above this one, the parent first.
pub(crate) fn above(repository: &Repository) -> Vec<Ancestor> {
    chain(repository).collect()
}

/// [`above`], each read when it is asked for. From `/proc`; elsewhere one call of `ps`.
fn chain(repository: &Repository) -> impl Iterator<Item = Ancestor> {
    let first = rustix::process::getppid().and_then(|parent| u32::try_from(parent.as_raw_nonzero().get()).ok());
    let listed = if Path::new("/proc/self/stat").exists() { Vec::new() } else { all_by_ps(repository) };
    let find = move |pid: u32| match listed.iter().find(|(process, _)| process.pid == pid) {
        Some((process, parent)) => Some((process.clone(), *parent)),
        None => by_proc(pid),
    };
    let mut next = first;
    let above = std::iter::from_fn(move || {
        let (process, parent) = find(next?)?;
        next = Some(parent);
        Some(process)
    });
    above.take(DEEPEST_CHAIN)
}

/// A process and its parent, from `/proc`.
fn by_proc(pid: u32) -> Option<(Ancestor, u32)> {
    let folder = Path::new("/proc").join(pid.to_string());
    let parent = proc_field(&pid.to_string(), 4)?.parse().ok()?;
    let name = std::fs::read(folder.join("comm")).unwrap_or_default();
    let mut command = Vec::new();
    // A process of another user may hide it; then its name has to do.
    let _ =
        std::fs::File::open(folder.join("cmdline")).map(|file| file.take(LONGEST_COMMAND).read_to_end(&mut command));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).trim_end().to_owned();
    let args = command.split(|byte| *byte == 0).map(text).filter(|arg| !arg.is_empty()).collect();
    Some((Ancestor { pid, name: text(&name), args }, parent))
}

/// All processes with their parents, from `ps`.
fn all_by_ps(repository: &Repository) -> Vec<(Ancestor, u32)> {
    let call = Call::program(repository.git().environment(), "ps", &repository.root).env("LC_ALL", "C");
    let output = call.args(["-A", "-o", "pid=,ppid=,command="]).limit(PROBE_LIMIT).output().ok();
    output.map(|output| output.text().lines().filter_map(of_ps_line).collect()).unwrap_or_default()
}

/// A line of `ps -o pid=,ppid=,command=`. Blanks within an argument cannot be told from those between two.
fn of_ps_line(line: &str) -> Option<(Ancestor, u32)> {
    let mut words = line.split_whitespace();
    let (pid, parent) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
    let args: Vec<_> = words.map(str::to_owned).collect();
    let name = args.first()?.rsplit('/').next()?.to_owned();
    Some((Ancestor { pid, name, args }, parent))
}

fn proc_start(pid: u32) -> Option<String> {
    proc_field(&pid.to_string(), 22)
}

/// A field of `/proc/<pid>/stat`.
fn proc_field(pid: &str, number: usize) -> Option<String> {
    stat_field(&Path::new("/proc").join(pid).join("stat"), number)
}

/// A field of a file `stat` after the second, numbered as in proc(5); the name in field 2 may contain anything, so count
/// from its last bracket.
fn stat_field(file: &Path, number: usize) -> Option<String> {
    let stat = std::fs::read(file).ok()?;
    let stat = String::from_utf8_lossy(&stat);
    let (_, after_name) = stat.rsplit_once(')')?;
    after_name.split_whitespace().nth(number - 3).map(str::to_owned)
}

fn ps_start(repository: &Repository, pid: u32) -> Option<String> {
    ps(repository, pid, "lstart=")
}

/// A column of `ps` about a process, its words joined by `_`.
fn ps(repository: &Repository, pid: u32, column: &str) -> Option<String> {
    let call = Call::program(repository.git().environment(), "ps", &repository.root).env("LC_ALL", "C");
    let output = call.args(["-p", &pid.to_string(), "-o", column]).limit(PROBE_LIMIT).output().ok()?;
    let text = output.text().split_whitespace().collect::<Vec<_>>().join("_");
    (output.success() && !text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_thread_that_runs_has_not_ended() {
        let folder = tempfile::tempdir().unwrap();
        for (main, other, ended) in [("Z", "S", false), ("S", "Z", false), ("Z", "Z", true), ("X", "X", true)] {
            for (of, state) in [("", main), ("task/7", main), ("task/8", other)] {
                let of = folder.path().join(of);
                std::fs::create_dir_all(&of).unwrap();
                std::fs::write(of.join("stat"), format!("7 (a) Z (b) {state} 1 7 7\n")).unwrap();
            }
            assert_eq!(has_ended(folder.path()), ended, "{main} {other}");
        }
        std::fs::remove_dir_all(folder.path().join("task")).unwrap();
        assert!(!has_ended(folder.path()), "what its threads do is not known");
    }

    #[test]
    fn a_line_of_ps() {
        let process = Ancestor { pid: 12, name: "node".into(), args: ["/usr/bin/node", "x.js"].map(Into::into).into() };
        assert_eq!(of_ps_line("   12     1 /usr/bin/node x.js"), Some((process, 1)));
        for odd in ["", "12", "12 1", "a 1 b"] {
            assert_eq!(of_ps_line(odd), None, "{odd:?}");
        }
    }
}
