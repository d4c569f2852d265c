//! Starting a program under a time limit, and what it answered.

use std::fmt;
use std::io::{Read, Write as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

/// No process of a test runs longer: a hang is a failure with the output so far.
const LIMIT: Duration = Duration::from_secs(60);

/// What a program answered. [`Display`](fmt::Display) shows status, stdout and stderr together.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    /// The command line, for failures.
    pub(crate) line: String,
    /// The arguments, where it is a call of a verb.
    pub(crate) verb: Option<Vec<String>>,
    /// The exit code; as in a shell, 128 + n for a process that signal n ended.
    pub(crate) code: i32,
    /// The signal that ended it.
    pub(crate) signal: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    /// Fails the test unless the program succeeded.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        self.fails(0)
    }

    /// Fails the test unless the program ended with `code`.
    #[track_caller]
    pub(crate) fn fails(self, code: i32) -> Self {
        assert!(self.code == code && self.signal.is_none(), "expected exit code {code}, got\n{self}");
        self
    }

    /// The one JSON document on stdout; that of a verb is what its schema says.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        let document =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("stdout is no JSON ({error}):\n{self}"));
        if let Some(args) = &self.verb {
            super::schema::check_answer(args, &document);
        }
        document
    }

    /// The one JSON document on stderr, which is how `--json` reports an error.
    #[track_caller]
    pub(crate) fn error(&self) -> serde_json::Value {
        let document =
            serde_json::from_str(&self.stderr).unwrap_or_else(|error| panic!("stderr is no JSON ({error}):\n{self}"));
        if let Some(args) = &self.verb {
            super::schema::check_error(args, &document);
        }
        document
    }

    /// The hints of the error, as people see them.
    #[track_caller]
    pub(crate) fn hints(&self) -> Vec<String> {
        super::hints(&self.error()["error"])
    }

    /// For `assert_cmd` and `predicates`: `run.assert().success().stdout(contains("t1"))`.
    pub(crate) fn assert(&self) -> assert_cmd::assert::Assert {
        let wait_status = self.signal.unwrap_or(self.code << 8);
        assert_cmd::assert::Assert::new(Output {
            status: std::process::ExitStatus::from_raw(wait_status),
            stdout: self.stdout.clone().into_bytes(),
            stderr: self.stderr.clone().into_bytes(),
        })
    }
}

impl fmt::Display for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = self.signal.map_or_else(|| format!("exit {}", self.code), |signal| format!("signal {signal}"));
        writeln!(f, "$ {}\n{end}", self.line)?;
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            writeln!(f, "----- {name}\n{}", text.trim_end_matches('\n'))?;
        }
        // hints in JSON are words, and hard to read
        for text in [&self.stdout, &self.stderr] {
            let document: serde_json::Value = serde_json::from_str(text).unwrap_or_default();
            for with_hints in [&document["error"], &document["incomplete"]] {
                if with_hints["hints"].is_array() {
                    writeln!(f, "----- hints\n{}", super::hints(with_hints).join("\n"))?;
                }
            }
        }
        Ok(())
    }
}

/// A program that was started and not yet waited for. Dropped, it is ended.
pub(crate) struct Running {
    line: String,
    pub(crate) verb: Option<Vec<String>>,
    child: Child,
    /// Both streams, each sent once at its end.
    output: Receiver<(&'static str, Vec<u8>)>,
    until: Instant,
    waited: bool,
}

impl Running {
    /// Starts `command` in a process group of its own, with standard input closed.
    #[track_caller]
    pub(crate) fn start(command: Command) -> Self {
        Self::fed(command, None)
    }

    /// As [`Running::start`] with a text on standard input.
    #[track_caller]
    pub(crate) fn fed(mut command: Command, input: Option<String>) -> Self {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
        let line = words.join(" ");
        let verb = words.split_first().filter(|(program, args)| {
            program.ends_with("/git-aitask") && args.first().is_none_or(|first| first != "compat")
        });
        let verb = verb.map(|(_, args)| args.to_vec());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        let mut child = command.spawn().unwrap_or_else(|error| panic!("{line}: {error}"));
        if let (Some(input), Some(mut stdin)) = (input, child.stdin.take()) {
            // a program that does not read it closes the pipe
            thread::spawn(move || drop(stdin.write_all(input.as_bytes())));
        }
        let (sender, output) = channel();
        let streams: [(_, Box<dyn Read + Send>); 2] =
            [("stdout", Box::new(child.stdout.take().unwrap())), ("stderr", Box::new(child.stderr.take().unwrap()))];
        for (name, mut stream) in streams {
            let sender = sender.clone();
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let _ = stream.read_to_end(&mut bytes);
                let _ = sender.send((name, bytes));
            });
        }
        Self { line, verb, child, output, until: Instant::now() + LIMIT, waited: false }
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether the program itself has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits for the end of the program and of everything that holds its output.
    #[track_caller]
    pub(crate) fn wait(mut self) -> Run {
        let (mut stdout, mut stderr, mut status) = (None, None, None);
        while stdout.is_none() || stderr.is_none() || status.is_none() {
            if Instant::now() > self.until {
                self.end();
                panic!("still running after {LIMIT:?}: {}\nstdout {stdout:?}\nstderr {stderr:?}", self.line);
            }
            match self.output.recv_timeout(Duration::from_millis(2)) {
                Ok(("stdout", bytes)) => stdout = Some(String::from_utf8_lossy(&bytes).into_owned()),
                Ok((_, bytes)) => stderr = Some(String::from_utf8_lossy(&bytes).into_owned()),
                // nothing yet; or both streams are closed, and the program lives on
                Err(_) if stdout.is_some() => thread::sleep(Duration::from_millis(1)),
                Err(_) => {}
            }
            status = self.child.try_wait().unwrap();
        }
        self.waited = true;
        let (status, line, verb) = (status.unwrap(), self.line.clone(), self.verb.take());
        let signal = status.signal();
        let code = status.code().unwrap_or_else(|| 128 + signal.unwrap_or(0));
        Run { line, verb, code, signal, stdout: stdout.unwrap(), stderr: stderr.unwrap() }
    }

    /// Kills the program as a crash of the machine would, without a chance to clean up, and waits for it.
    #[track_caller]
    pub(crate) fn kill(mut self) -> Run {
        self.child.kill().unwrap();
        self.wait()
    }

    fn end(&mut self) {
        if let Some(group) = i32::try_from(self.child.id()).ok().and_then(rustix::process::Pid::from_raw) {
            let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.waited {
            self.end();
        }
    }
}
