//! Which coding agent or CI job runs a command, and what names its session. Pure: it decides over the variables of the
//! command and the processes above it, so that every case can be tested.
//!
//! Variables are inherited: a program that an agent starts sees the variables of that agent beside its own, and a tmux
//! server that an agent started hands them to every pane for ever. So the nearest process above decides between agents.

use crate::digest;

/// The variable that names the session, whatever else there is. Set and empty it keeps the processes above from being
/// looked at, as for the tests of a program that an agent runs.
pub(crate) const SESSION: &str = "GIT_AITASK_SESSION";
/// The variable with the process of the session.
pub(crate) const AGENT_PID: &str = "AIT_AGENT_PID";

/// A coding agent: what it exports, and how its process is recognised. Variables that tell only the kind
/// (`GEMINI_CLI=1`, `AGENT=amp`) are not here, since they tell no session from another.
struct Program {
    /// What locks and answers call it.
    kind: &'static str,
    /// The variables that name its session; the first that is set counts.
    names: &'static [&'static str],
    /// The variable with its process id.
    pid: Option<&'static str>,
    /// The names of its executable. Whole names: a part of a name is found in too many others.
    executables: &'static [&'static str],
    /// Its package in `node_modules`, where an interpreter runs it.
    package: Option<&'static str>,
}

/// The agents, each with the place where its row was seen. A fork stands before the program that it was made from.
const PROGRAMS: &[Program] = &[
    // The released program, 2.1; the id changes with "clear", the process does not.
    Program {
        kind: "claude-code",
        names: &["CLAUDE_CODE_SESSION_ID"],
        pid: Some("CLAUDE_PID"),
        executables: &["claude"],
        package: Some("@anthropic-ai/claude-code"),
    },
    // Its source and the released program, 0.171; an agent that it starts within itself has an id of its own.
    Program {
        kind: "codex",
        names: &["CODEX_THREAD_ID"],
        pid: None,
        executables: &["codex"],
        package: Some("@openai/codex"),
    },
    // Its list of changes: since 1.0.29.
    Program {
        kind: "copilot",
        names: &["COPILOT_AGENT_SESSION_ID"],
        pid: None,
        executables: &["copilot"],
        package: Some("@github/copilot"),
    },
    // Libraries that recognise agents (detect-agent, am-i-vibing, std-env).
    Program {
        kind: "amp",
        names: &["AMP_CURRENT_THREAD_ID", "AGENT_THREAD_ID"],
        pid: None,
        executables: &["amp"],
        package: Some("@sourcegraph/amp"),
    },
    // The same libraries.
    Program {
        kind: "cursor",
        names: &["CURSOR_CONVERSATION_ID"],
        pid: None,
        executables: &["cursor-agent"],
        package: None,
    },
    // Programs that measured what it exports.
    Program { kind: "kiro", names: &["KIRO_SESSION_ID"], pid: None, executables: &["kiro-cli"], package: None },
    // A fork of OpenCode, which keeps the variables of that one, too.
    Program { kind: "kilo", names: &[], pid: Some("KILO_PID"), executables: &["kilo"], package: None },
    // Its source, 1.18: it names no session.
    Program {
        kind: "opencode",
        names: &[],
        pid: Some("OPENCODE_PID"),
        executables: &["opencode"],
        package: Some("opencode-ai"),
    },
    // Its source, 0.61: its hooks alone get the id.
    Program {
        kind: "gemini-cli",
        names: &["GEMINI_SESSION_ID"],
        pid: None,
        executables: &["gemini"],
        package: Some("@google/gemini-cli"),
    },
    // Its source, 0.15.
    Program { kind: "qwen-code", names: &[], pid: None, executables: &["qwen"], package: Some("@qwen-code/qwen-code") },
    // The libraries above.
    Program { kind: "grok", names: &["GROK_SESSION_ID"], pid: None, executables: &["grok"], package: None },
    // Its source has the kind, a library the id.
    Program { kind: "goose", names: &["AGENT_SESSION_ID"], pid: None, executables: &["goose"], package: None },
    // Process names that others look for.
    Program { kind: "crush", names: &[], pid: None, executables: &["crush"], package: None },
    Program { kind: "droid", names: &[], pid: None, executables: &["droid"], package: None },
    Program { kind: "pi", names: &[], pid: None, executables: &["pi"], package: None },
    Program { kind: "aider", names: &[], pid: None, executables: &["aider"], package: None },
];

/// The jobs of CI systems, by their documentation: the first variable must be set, and the values of all name the job.
const JOBS: &[(&str, &[&str])] = &[
    // The jobs of a matrix share the name of the job, and differ in the runner.
    ("github-actions", &["GITHUB_RUN_ID", "GITHUB_JOB", "RUNNER_NAME"]),
    ("gitlab-ci", &["CI_JOB_ID"]),
    ("buildkite", &["BUILDKITE_JOB_ID"]),
    ("jenkins", &["BUILD_TAG"]),
];

/// Programs that run a script, whose name then is their first argument.
const INTERPRETERS: &[&str] = &["node", "nodejs", "bun", "deno", "python", "python3"];

/// A process above this one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ancestor {
    /// Its process id.
    pub(crate) pid: u32,
    /// Its name, as the system calls it.
    pub(crate) name: String,
    /// Its first arguments, with the program.
    pub(crate) args: Vec<String>,
}

impl Program {
    fn is_run_by(&self, process: &Ancestor) -> bool {
        let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
        let is_executable = |name: &str| self.executables.contains(&name);
        let program = process.args.first().map(|program| last(program)).unwrap_or_default();
        if is_executable(&process.name) || is_executable(&program) {
            return true;
        }
        let script = process.args.iter().skip(1).find(|arg| !arg.starts_with('-'));
        let Some(script) = script.filter(|_| INTERPRETERS.contains(&program.as_str())) else { return false };
        let name = last(script);
        let is_packaged = |package: &str| script.contains(&format!("/node_modules/{package}/"));
        is_executable(name.split_once('.').map_or(name.as_str(), |(stem, _)| stem))
            || self.package.is_some_and(is_packaged)
    }

    /// The process of the kind above this one nearest to it, by its place in the chain.
    fn place(&self, around: &Surroundings<'_>, above: &[Ancestor]) -> Option<usize> {
        let given = self.given_pid(around);
        // In a PID namespace the number is perhaps that of a process outside it, and another one's here.
        let is_given = |it: &Ancestor| Some(it.pid) == given && (around.sees_all || self.is_run_by(it));
        above.iter().position(is_given).or_else(|| above.iter().position(|it| self.is_run_by(it)))
    }

    fn given_pid(&self, around: &Surroundings<'_>) -> Option<u32> {
        pid((around.variable)(self.pid?)?)
    }
}

/// What a command can see of who runs it.
pub(crate) struct Surroundings<'a> {
    /// A variable that is set and not empty.
    pub(crate) variable: &'a dyn Fn(&str) -> Option<&'a str>,
    /// The processes above, the parent first. They are read only where they count.
    pub(crate) above: &'a dyn Fn() -> Vec<Ancestor>,
    /// Whether all processes of the machine have a number here.
    pub(crate) sees_all: bool,
    /// Whether a process with this id exists.
    pub(crate) exists: &'a dyn Fn(u32) -> bool,
}

/// How a session was found.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub(crate) enum SessionOrigin {
    /// `GIT_AITASK_SESSION`.
    Named,
    /// `AIT_AGENT_PID`.
    Variable,
    /// A variable in which an agent names its session.
    AgentVariable,
    /// The process of an agent above this one.
    AgentProcess,
    /// The variables of a CI system that name a job.
    CiJob,
    /// The process of the tmux pane in which the command runs.
    TmuxPane,
    /// The leader of the terminal's session, usually the shell.
    Terminal,
    /// Nothing tells.
    #[default]
    None,
}

/// The session by its name: the kind of the program, and the digest of the name. Locks carry both; never the name itself,
/// since it leads to transcripts and the branch of locks may be public.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct SessionName {
    /// The kind of the agent or the CI system.
    pub(crate) kind: Option<String>,
    /// The first 12 hexadecimal digits of the SHA-256 of the name.
    pub(crate) digest: Option<String>,
}

/// A session that was recognised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Recognised {
    /// The rule by which it was.
    pub(crate) origin: SessionOrigin,
    /// Its name.
    pub(crate) name: SessionName,
    /// The variable that names it.
    pub(crate) variable: Option<&'static str>,
    /// The process that lives as long as it.
    pub(crate) pid: Option<u32>,
}

/// What was found out about who runs a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Recognition {
    /// The session; `None` where no variable and no process tells.
    pub(crate) session: Option<Recognised>,
    /// Variables that are set and do not count, each with the reason.
    pub(crate) ignored: Vec<String>,
    /// Whether an agent may be above and cannot be seen, because the PID namespace hides it.
    pub(crate) hidden: bool,
}

/// An agent that may be the one.
struct Candidate {
    program: &'static Program,
    name: Option<(&'static str, String)>,
    place: Option<usize>,
    pid: Option<u32>,
    /// Whether its process is known, and is not above this one.
    elsewhere: bool,
}

/// Recognises the session of a command. The order: a name that the user gave; a process that the user gave; a name that
/// an agent gave; the process of an agent; the job of a CI system.
pub(crate) fn recognise(around: &Surroundings<'_>) -> Recognition {
    let mut found = Recognition::default();
    let given = (around.variable)(AGENT_PID);
    let process = given.and_then(pid).filter(|&pid| (around.exists)(pid));
    if let (Some(given), None) = (given, process) {
        found.ignored.push(format!("{AGENT_PID}={given} does not name a live process"));
    }
    let named = (around.variable)(SESSION);
    found.session = match (named, process) {
        (Some(name), _) => Some(Recognised {
            origin: SessionOrigin::Named,
            name: SessionName { kind: None, digest: Some(digest::of(name.as_bytes())) },
            variable: Some(SESSION),
            pid: process.or_else(|| agent(around, &mut found)?.pid),
        }),
        (None, Some(pid)) => Some(Recognised {
            origin: SessionOrigin::Variable,
            name: SessionName::default(),
            variable: Some(AGENT_PID),
            pid: Some(pid),
        }),
        (None, None) => agent(around, &mut found).map(Candidate::recognised).or_else(|| job(around)),
    };
    let counts = found.session.as_ref().and_then(|session| session.variable);
    let by = counts.unwrap_or("the process of a nearer agent");
    let variables = PROGRAMS.iter().flat_map(|program| program.names);
    for name in variables.filter(|name| Some(**name) != counts && (around.variable)(name).is_some()) {
        found.ignored.push(format!("{name}: {by} counts"));
    }
    found
}

/// The agent that runs the command. Where all processes are seen, or one of a named session is above, the nearest agent
/// above counts, named or not: a name whose program is not above was inherited. Else a name whose process is not known
/// counts; then a process above; last a name whose process is not above this one, as that of a tmux server that outlived the
/// agent.
fn agent(around: &Surroundings<'_>, found: &mut Recognition) -> Option<Candidate> {
    let above = (around.above)();
    let mut candidates: Vec<_> = PROGRAMS
        .iter()
        .map(|program| {
            let set = |name: &&'static str| Some((*name, (around.variable)(name)?.to_owned()));
            let (place, given) = (program.place(around, &above), program.given_pid(around));
            let here = place.and_then(|place| Some(above.get(place)?.pid));
            let elsewhere = given.filter(|&pid| here.is_none() && around.sees_all && (around.exists)(pid));
            Candidate {
                program,
                name: program.names.iter().find_map(set),
                place,
                pid: here.or(elsewhere),
                elsewhere: here.is_none() && around.sees_all && given.is_some(),
            }
        })
        .collect();
    // A process that is not above this one and has no name says nothing: a terminal server that the agent started hands its
    // number to every pane.
    candidates.retain(|candidate| {
        let tells = candidate.name.is_some() || candidate.place.is_some();
        let set = candidate.program.pid.filter(|_| !tells).and_then(|name| Some((name, (around.variable)(name)?)));
        found.ignored.extend(set.map(|(name, value)| format!("{name}={value} names no process above this one")));
        tells
    });
    found.hidden = !around.sees_all && candidates.iter().all(|candidate| candidate.place.is_none());
    let has_place_and_name = candidates.iter().any(|it| it.name.is_some() && it.place.is_some());
    // The sort is stable: of equals the first row counts.
    candidates.sort_by_key(|it| {
        let rank = match (it.place, &it.name) {
            (Some(_), _) if around.sees_all || has_place_and_name => 0,
            (None, Some(_)) if !it.elsewhere => 1,
            (Some(_), _) => 2,
            (None, _) => 3,
        };
        (rank, it.place, it.name.is_none())
    });
    candidates.into_iter().next()
}

impl Candidate {
    fn recognised(self) -> Recognised {
        let Self { program, name, pid, .. } = self;
        let origin = if name.is_some() { SessionOrigin::AgentVariable } else { SessionOrigin::AgentProcess };
        let digest = name.as_ref().map(|(_, name)| digest::of(name.as_bytes()));
        let variable = name.map(|(variable, _)| variable);
        Recognised { origin, name: SessionName { kind: Some(program.kind.to_owned()), digest }, variable, pid }
    }
}

fn job(around: &Surroundings<'_>) -> Option<Recognised> {
    JOBS.iter().find_map(|(kind, variables)| {
        let first = *variables.first()?;
        (around.variable)(first)?;
        let values: Vec<_> = variables.iter().map(|name| (around.variable)(name).unwrap_or_default()).collect();
        let name =
            SessionName { kind: Some((*kind).to_owned()), digest: Some(digest::of(values.join("\n").as_bytes())) };
        Some(Recognised { origin: SessionOrigin::CiJob, name, variable: Some(first), pid: None })
    })
}

/// A process id that may stand for a session.
pub(crate) fn pid(text: &str) -> Option<u32> {
    let digits = text.bytes().all(|b| b.is_ascii_digit());
    text.parse().ok().filter(|&pid| digits && pid > 1)
}

#[cfg(test)]
mod tests;
