//! What git runs of the user's: hooks, and the program that signs. git's own performance trace tells when one of them
//! starts and ends; nothing else does, since a hook may be a program of any name.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::os::unix::fs::FileExt as _;

/// The variable that names the target of the trace. Of the three traces of git this is the one that people set least.
pub(super) const TRACE: &str = "GIT_TRACE2_PERF";

/// Makes the lines of the trace begin with the depth of the process.
pub(super) const BRIEF: &str = "GIT_TRACE2_PERF_BRIEF";

/// Whether the target of a trace is one of a program like this, which started the hook that started this one.
pub(super) fn is_of_ours(target: &str) -> bool {
    target.starts_with("/proc/") && target.contains("/fd/")
}

/// A hook, or the signing program, that failed; or that took longer than it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct FailedHook {
    /// `pre-push`, and so on; [`SIGNING`].
    pub(crate) name: String,
    /// It did not end within its limit, and was ended.
    pub(crate) timed_out: bool,
}

/// The hook that git runs once it is connected, before it sends anything.
pub(crate) const PRE_PUSH: &str = "pre-push";

/// The name of the program that signs.
const SIGNING: &str = "signing program";

impl FailedHook {
    /// How it is called in a sentence.
    pub(crate) fn called(&self) -> String {
        if self.name == SIGNING { format!("the {SIGNING}") } else { format!("the {} hook", self.name) }
    }
}

/// The hooks that one git runs, as its trace tells.
#[derive(Debug, Default)]
pub(super) struct HookTrace {
    file: Option<File>,
    read: u64,
    parsed: Trace,
}

impl HookTrace {
    /// A trace in memory, which leaves nothing behind whatever ends this program. Where there is none, no hook is seen.
    pub(super) fn new() -> Self {
        Self { file: in_memory().ok(), ..Self::default() }
    }

    /// The value of [`TRACE`]: a path, since git closes what it inherits and opens paths. A program that a hook leaves
    /// behind may use it later; then it names nothing, and git traces nothing.
    pub(super) fn target(&self) -> Option<String> {
        self.file.as_ref().map(|file| format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()))
    }

    /// Reads on.
    pub(super) fn look(&mut self) {
        let Some(file) = &self.file else { return };
        let mut part = vec![0; 1 << 14];
        while let Ok(count @ 1..) = file.read_at(&mut part, self.read) {
            let part = part.get(..count).unwrap_or_default();
            // git writes a line at a time; what is longer than the buffer is no line of a hook.
            let whole = part.iter().rposition(|byte| *byte == b'\n').map_or(count, |end| end + 1);
            self.read += whole as u64;
            String::from_utf8_lossy(part.get(..whole).unwrap_or_default())
                .lines()
                .for_each(|line| self.parsed.line(line));
        }
    }

    /// The hook that runs now.
    pub(super) fn running(&self) -> Option<&str> {
        self.parsed.running.values().next().map(String::as_str)
    }

    /// The last hook that failed.
    pub(super) fn failed(self) -> Option<FailedHook> {
        self.parsed.failed.map(|name| FailedHook { name, timed_out: false })
    }
}

#[cfg(target_os = "linux")]
fn in_memory() -> io::Result<File> {
    use rustix::fs::{MemfdFlags, memfd_create};
    Ok(File::from(memfd_create("aitask-trace", MemfdFlags::CLOEXEC)?))
}

/// Other systems have no file that is in memory and has a path.
#[cfg(not(target_os = "linux"))]
fn in_memory() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[derive(Debug, Default)]
struct Trace {
    /// The depth of the git that was started; those that it starts write to the same file.
    depth: Option<String>,
    /// By the number of the child.
    running: BTreeMap<String, String>,
    failed: Option<String>,
}

impl Trace {
    /// Reads a line: `depth | thread | event | repository | time | time | category | text`.
    fn line(&mut self, line: &str) {
        let fields: Vec<_> = line.splitn(8, '|').map(str::trim).collect();
        let [depth, _, event, .., text] = fields.as_slice() else { return };
        if self.depth.get_or_insert_with(|| (*depth).to_owned()) != depth {
            return;
        }
        // Within a region the text is indented by dots.
        let Some((child, text)) = text.trim_start_matches('.').split_once(' ') else { return };
        match *event {
            "child_start" => {
                let hook = text.strip_prefix("class:hook hook:").and_then(|rest| rest.split(' ').next());
                let signs = text.contains(" -bsau ") || text.contains(" -Y sign ");
                if let Some(name) = hook.or(signs.then_some(SIGNING)) {
                    self.running.insert(child.to_owned(), name.to_owned());
                }
            }
            "child_exit" => {
                if let Some(name) = self.running.remove(child)
                    && !text.ends_with("code:0")
                {
                    self.failed = Some(name);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Trace {
        let mut trace = Trace::default();
        text.lines().for_each(|line| trace.line(line));
        trace
    }

    const START: &str = "\
d1 | main                     | version      |     |           |           |              | 2.47.3
d1 | main                     | child_start  |     |  0.001229 |           |              | ....[ch0] class:transport/file argv:['git-receive-pack x']
d2 | main                     | child_start  |     |  0.001229 |           |              | [ch1] class:hook hook:pre-receive argv:[x]
d1 | main                     | child_start  |     |  0.006081 |           |              | ..[ch1] class:hook hook:pre-push argv:[.git/hooks/pre-push a|b]
";

    #[test]
    fn a_hook_runs_until_its_end_and_those_of_the_server_are_not_ours() {
        assert_eq!(read(START).running.values().collect::<Vec<_>>(), ["pre-push"]);
        let end = |depth: &str, code: u8| {
            let end = "| main | child_exit | | 0.009419 | 0.003338 | | ..[ch1] pid:3417 code:";
            read(&format!("{START}{depth} {end}{code}\n"))
        };
        assert_eq!((end("d1", 0).running.len(), end("d1", 0).failed), (0, None));
        assert_eq!((end("d1", 3).running.len(), end("d1", 3).failed), (0, Some("pre-push".to_owned())));
        assert_eq!((end("d2", 3).running.len(), end("d2", 3).failed), (1, None));
    }

    #[test]
    fn signing_is_seen() {
        for argv in ["gpg --status-fd=2 -bsau 'A <a@x>'", "ssh-keygen -Y sign -n git -f key /tmp/x"] {
            let trace = read(&format!("d0 | main | child_start | r1 | 0.1 | | | [ch0] class:? argv:[{argv}]\n"));
            assert_eq!(trace.running.values().collect::<Vec<_>>(), [SIGNING], "{argv}");
        }
    }

    #[test]
    fn no_line_can_break_it() {
        for line in
            ["", "|", "||||||||", "d0 | main | child_start", "d0|m|child_start|||||[ch0]", "d0|m|child_exit|||||x y"]
        {
            let trace = read(line);
            assert!(trace.running.is_empty() && trace.failed.is_none(), "{line}");
        }
    }
}
