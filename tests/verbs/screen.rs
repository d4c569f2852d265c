//! What people see at a terminal: what fits, the pager, the screen that is drawn again, and the line for a prompt.

use super::pages::{page_at, person};
use crate::support::{Repo, Run, Running, Sleeper, World, wait_for, wait_for_end};
use predicates::str::contains;
use std::path::{Path, PathBuf};

/// A commit of five days ago on the branch of a task, in its worktree.
fn old_commit(worktree: &Repo, subject: &str) {
    let date = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() - 5 * 24 * 3600 - 600;
    let date = format!("{date} +0000");
    worktree.write("login", &format!("{subject}\n"));
    worktree.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date).commit(subject);
}

/// Sets the time in the lock of a task, as if it had been taken then.
fn set_time_of_lock(repo: &Repo, task: &str, time: &str) {
    repo.git(&["fetch", "-q", "origin", "aitask-locks"]);
    repo.git(&["worktree", "add", "-q", "--detach", "../locks", "FETCH_HEAD"]);
    let locks = repo.at("../locks");
    let file = format!("t{task}_lock.yaml");
    let lines: Vec<_> = locks.read(&file).lines().map(str::to_owned).collect();
    let lines = lines.into_iter().map(|line| match line.split_once(": ") {
        Some((key @ ("locked_at" | "since"), _)) => format!("{key}: {time}"),
        _ => line,
    });
    let text = lines.collect::<Vec<_>>().join("\n") + "\n";
    locks.write(&file, &text);
    locks.commit("as if");
    locks.git(&["push", "-q", "origin", "HEAD:aitask-locks"]);
    repo.git(&["worktree", "remove", "--force", "../locks"]);
}

#[test]
fn verbs_with_nothing_to_list_said_nothing_at_a_terminal() {
    let (world, sleeper) = (World::new(), Sleeper::new());
    let ann = person(&world, "ann", &sleeper);
    ann.aitask(&["init"]).ok();
    for (line, says) in [("locks", "no locks"), ("worktree list", "no worktrees of tasks")] {
        let args: Vec<_> = line.split(' ').collect();
        assert!(page_at(&ann, 80, line).contains(says), "{line}");
        assert_eq!(ann.aitask(&args).ok().stdout, "", "{line}");
    }
    assert_eq!(ann.aitask(&["locks", "--json"]).ok().json()["locks"], serde_json::json!([]));
}

#[test]
fn as_much_as_fits_into_40_80_and_200_columns() {
    let (world, sleepers) = (World::new(), [Sleeper::new(), Sleeper::new()]);
    let ann = person(&world, "ann", &sleepers[0]);
    ann.aitask(&["init"]).ok();
    ann.task("Log in with e-mail and password", &[("priority", "high")]);
    ann.task("Log in with a token that somebody else has made", &[("priority", "high")]);
    ann.task("Footer", &[]);
    ann.task("A title that is so long that it does not fit into a terminal of eighty columns", &[("depends", "3")]);
    ann.task("Header", &[]);
    let bob = person(&world, "bob", &sleepers[1]);
    bob.aitask(&["init"]).ok();
    ann.aitask(&["pick", "1"]).ok();
    bob.aitask(&["pick", "2"]).ok();
    bob.aitask(&["lock", "5"]).ok();
    old_commit(&ann.at("aiwork/t1_log_in_with_email_and_password"), "Ask for the password");
    let there = bob.at("aiwork/t2_log_in_with_a_token_that_somebody_else_has_made");
    old_commit(&there, "Ask for the token");
    there.aitask(&["sync"]).ok();
    let before = jiff::Timestamp::now() - jiff::Span::new().hours(40 * 24 + 1);
    set_time_of_lock(&ann, "5", &before.strftime("%Y-%m-%d %H:%M").to_string());
    ann.aitask(&["list", "--fetch"]).ok();
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for line in ["status", "list"] {
        let pages: Vec<_> = [40, 80, 200].map(|columns| format!("{columns}:\n{}", page_at(&ann, columns, line))).into();
        settings.bind(|| insta::assert_snapshot!(format!("page-{line}-by-width"), pages.join("\n")));
    }
    let json = ann.aitask(&["status", "--json"]).ok().json();
    assert_eq!(json["in_flight"][0]["last_commit"]["subject"], "Ask for the password");
    assert_eq!(json["in_flight"][0]["conflicts_with"], serde_json::json!(["2"]));
    assert_eq!(json["in_flight"][2]["conflicts_with"], serde_json::json!([]));
    let old = json["old_locks"].as_array().unwrap();
    assert_eq!(old.iter().map(|lock| &lock["task_id"]).collect::<Vec<_>>(), ["5"]);
    let why = old[0]["why"].as_str().unwrap();
    assert!(why.contains("no commit since") && why.ends_with("; its session lives"), "{why}");
    let patient = ann.env("GIT_AITASK_STALEAFTER", "1000h").aitask(&["status", "--json"]).ok().json();
    assert_eq!(patient["old_locks"], serde_json::json!([]));
    ann.env("GIT_AITASK_STALEAFTER", "soon").aitask(&["status"]).fails(2).assert().stderr(contains("\"soon\" is not"));
}

/// Runs a line of a shell on a terminal of 60 columns and so many rows.
fn at_terminal(repo: &Repo, rows: usize, line: &str) -> Run {
    let bin = Path::new(env!("CARGO_BIN_EXE_git-aitask")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let line = format!("stty cols 60 rows {rows} -echo; {line}");
    let run = repo.env("PATH", path).run("sh", &["-c", "script -qec \"$1\" /dev/null </dev/null", "sh", &line]);
    Run { stdout: run.stdout.replace("\r\n", "\n"), ..run }
}

#[test]
fn a_page_longer_than_the_screen_goes_through_the_pager_of_git() {
    let ann = World::new().initialised("ann");
    for n in 1..=8 {
        ann.task(&format!("Task {n}"), &[]);
    }
    ann.aitask(&["edit", "1", "-m", "a\nb\nc\nd\ne\nf\ng"]).ok();
    ann.git(&["config", "core.pager", "echo less is $LESS; sed s/^/paged:/"]);
    for verb in ["list", "log", "show 1"] {
        let run = at_terminal(&ann, 8, &format!("git-aitask {verb}")).ok();
        assert!(run.stdout.contains("less is FRX\npaged:"), "{run}");
    }
    let unpaged = |rows, line: &str| {
        let run = at_terminal(&ann, rows, line).ok();
        assert!(run.stdout.starts_with("id  status") && !run.stdout.contains("paged:"), "{line}: {run}");
    };
    unpaged(40, "git-aitask list");
    unpaged(8, "git-aitask --no-pager list");
    unpaged(8, "git-aitask list --no-pager");
    unpaged(8, "git --no-pager aitask list");
    unpaged(8, "GIT_PAGER=cat git-aitask list");
    unpaged(8, "git -c pager.aitask=false aitask list");
}

#[test]
fn the_pager_may_be_one_for_a_verb_and_one_that_git_starts_gets_a_page_too() {
    let ann = World::new().initialised("ann");
    for n in 1..=8 {
        ann.task(&format!("Task {n}"), &[]);
    }
    ann.git(&["config", "core.pager", "sed s/^/core:/"]);
    ann.git(&["config", "pager.aitask.list", "sed s/^/own:/"]);
    let says = |line: &str, start: &str| {
        let run = at_terminal(&ann, 8, line).ok();
        assert!(run.stdout.starts_with(start), "{line}: {run}");
    };
    says("git-aitask list", "own:id  status");
    says("git-aitask log", "core:");
    says("GIT_PAGER='sed s/^/env:/' git-aitask list", "env:id  status");
    says("LESS=x GIT_PAGER='echo $LESS' git-aitask list", "x\n");
    // one that is not there loses nothing
    let run = at_terminal(&ann, 8, "GIT_PAGER=no-such-pager git-aitask list").ok();
    assert!(run.stdout.contains("\nid  status") && run.stdout.contains("Task 8"), "{run}");
    // git starts it before this program runs, whose output is a pipe then
    says("git -c pager.aitask=true aitask list", "core:id  status");
    says("git -p aitask list 2>/dev/null | cat", "1\tReady");
    says("git -c alias.l='!git-aitask list 2>/dev/null | cat' -c pager.l=true l", "core:1\tReady");
}

/// `git aitask status --watch` on a terminal of 60 columns and 20 rows, in a shell that runs a command before, and what it
/// has written so far.
struct Watching {
    running: Running,
    written: PathBuf,
    keys: PathBuf,
}

impl Watching {
    fn start(repo: &Repo, before: &str, options: &str) -> Self {
        let [written, keys] = ["written", "keys"].map(|name| repo.world().root().join(name));
        let _ = std::fs::remove_file(&written);
        let bin = env!("CARGO_BIN_EXE_git-aitask");
        // The shell writes down its number, so that a signal can be sent to the program that takes its place.
        let inner = format!(
            "stty cols 60 rows 20; tty >tty; stty -a >before; sh -c '{before} echo $$ >pid; exec {bin} status --watch {options}'; echo code $?; stty -a >after"
        );
        let line = format!(
            "rm -f {k}; mkfifo {k}; exec 3<>{k}; script -qfec \"$1\" {w} <&3 >/dev/null",
            k = keys.display(),
            w = written.display()
        );
        let running = repo.env("TERM", "xterm").env("NO_COLOR", "1").start_program("sh", &["-c", &line, "sh", &inner]);
        Self { running, written, keys }
    }

    /// All that it has written, once it has ended.
    #[track_caller]
    fn end(self) -> String {
        self.running.wait().ok();
        let all = std::fs::read(&self.written).unwrap();
        let all = String::from_utf8_lossy(&all).into_owned();
        // `script` adds lines of its own.
        let from = all.find('\n').map_or(0, |at| at + 1);
        let to = all.rfind("\nScript done").unwrap_or(all.len());
        all[from..to].to_owned()
    }

    #[track_caller]
    fn shows(&self, what: &str) -> String {
        wait_for(&format!("the screen shows {what:?}"), || {
            let seen = std::fs::read(&self.written).unwrap_or_default();
            let seen = String::from_utf8_lossy(&seen).into_owned();
            if seen.rsplit("\x1b[H").next().unwrap_or_default().contains(what) { Ok(seen) } else { Err(seen) }
        })
    }
}

#[test]
fn watch_draws_again_when_refs_change_and_gives_the_terminal_back() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.task("A title that is too long for a narrow terminal", &[]);
    ann.count_connections();
    let watching = Watching::start(&ann, "", "");
    let first = watching.shows("One");
    // One page is drawn over the other, with nothing erased before, so that nothing flickers.
    assert!(first.contains("\x1b[?1049h\x1b[?25l") && !first.contains("\x1b[2J"), "{first:?}");
    assert!(first.contains("q ends it") && !first.contains("held"), "{first:?}");
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    watching.shows("id  title");
    ann.run("stty", &["-F", ann.read("tty").trim(), "cols", "30"]).ok();
    watching.shows("A title that is too\u{2026}");
    // That of the pick alone.
    assert_eq!(ann.connections(), ["push"]);
    // Ctrl-\ is no signal meanwhile, which would leave the terminal as it is now.
    std::fs::write(&watching.keys, "x\x1cq").unwrap();
    let all = watching.end();
    assert!(all.contains("\x1b[?25h\x1b[?1049l") && all.ends_with("code 0\r\n"), "{all:?}");
    assert_eq!(ann.read("before"), ann.read("after").replace("columns 30", "columns 60"));
}

#[test]
fn watch_ends_by_a_signal_shows_why_it_did_not_fetch_and_needs_a_terminal() {
    let ann = World::new().initialised("ann");
    ann.task("One", &[]);
    ann.git(&["config", "remote.origin.url", "/nowhere"]);
    let watching = Watching::start(&ann, "", "--fetch");
    watching.shows("not fetched: ");
    ann.run("kill", &["-INT", ann.read("pid").trim()]).ok();
    let all = watching.end();
    assert!(all.contains("\x1b[?25h\x1b[?1049l") && all.ends_with("code 130\r\n"), "{all:?}");
    assert!(!all.contains("error") && !all.contains("continues where it stopped"), "{all:?}");
    assert_eq!(ann.read("before"), ann.read("after"));
    ann.aitask(&["status", "--watch"]).fails(2).assert().stderr(contains("--watch draws on a terminal"));
    let refused = ann.aitask_at_terminal(&["status", "--watch", "--json"]).fails(2);
    assert_eq!(refused.error()["error"]["kind"], "usage");
}

#[test]
fn watch_ends_when_its_terminal_is_gone_although_no_signal_and_no_key_says_so() {
    let ann = World::new().initialised("ann");
    let watching = Watching::start(&ann, "trap \"\" HUP;", "</dev/null");
    watching.shows("q ends it");
    drop(watching);
    wait_for_end(ann.read("pid").trim().parse().unwrap());
}

#[test]
fn the_line_for_a_prompt_tells_what_is_held_and_nothing_where_there_is_nothing() {
    let world = World::new();
    let (ann, bob) = (world.initialised("ann"), world.initialised("bob"));
    let line = |repo: &Repo| {
        let run = repo.aitask(&["status", "--line"]).ok();
        assert_eq!(run.stderr, "", "{run}");
        run.stdout
    };
    assert_eq!(line(&ann), "");
    ann.task("One", &[]);
    ann.task("Two", &[]);
    ann.task("Three", &[("depends", "1")]);
    assert_eq!(line(&ann), "0 held, 2 ready\n");
    let [here, there] = [Sleeper::new(), Sleeper::new()];
    let [first, second] = [&here, &there].map(|session| ann.env("AIT_AGENT_PID", session.pid()));
    first.aitask(&["pick", "1"]).ok();
    assert_eq!((line(&first), line(&second)), ("t1 One | 1 held, 1 ready\n".into(), "1 held, 1 ready\n".into()));
    first.aitask(&["pick", "2"]).ok();
    assert_eq!(line(&first), "t1 One +1 | 2 held, 0 ready\n");
    assert_eq!(line(&first.at("aiwork/t2_two")), "t2 Two +1 | 2 held, 0 ready\n");
    bob.aitask(&["pick", "2", "--steal"]).ok();
    first.aitask(&["list", "--fetch"]).ok();
    assert_eq!(line(&first.at("aiwork/t2_two")), "t2 is held by bob@example.com | 2 held, 0 ready\n");
    ann.count_connections();
    line(&first);
    assert_eq!(ann.connections(), Vec::<&str>::new());
    let empty = world.root().join("empty");
    std::fs::create_dir_all(&empty).unwrap();
    assert_eq!(line(&ann.at(&empty)), "");
    ann.at(&empty).git(&["init", "-q"]);
    assert_eq!(line(&ann.at(&empty)), "");
    ann.aitask(&["status", "--line", "--json"]).fails(2);
    ann.aitask(&["status", "--line", "--watch"]).fails(2);
}

#[test]
fn what_takes_long_is_said_at_a_terminal_and_gone_when_it_is_done() {
    let world = World::new();
    let ann = world.initialised("ann");
    // A remote that takes its time, and then tells its progress.
    let dial = world.root().join("slow");
    let origin = world.origin();
    world.script(&dial, &format!("#!/bin/sh\nsleep 3\nexec \"$1\" '{}'\n", origin.display()));
    ann.git(&["config", "remote.origin.url", &format!("ext::{} %S", dial.display())]);
    ann.git(&["config", "protocol.ext.allow", "always"]);
    let ann = ann.env("TERM", "xterm");
    for (line, says) in [("new Slow -m x", "pushing to origin"), ("list --fetch", "fetching from origin")] {
        let run = at_terminal(&ann, 20, &format!("git-aitask {line}")).ok();
        let (said, rest) = run.stdout.split_once("\r\u{1b}[K").unwrap_or_else(|| panic!("no line was removed: {run}"));
        assert!(said.starts_with(&format!("\rgit aitask: {says} (")), "{run}");
        assert!(!rest.contains(says) && rest.contains("Slow"), "{run}");
        let quiet = at_terminal(&ann, 20, &format!("git-aitask {line} -q")).ok();
        assert!(!quiet.stdout.contains(says), "{quiet}");
    }
    let piped = ann.aitask(&["list", "--fetch"]).ok();
    assert!(!piped.stderr.contains("fetching") && !piped.stderr.contains('\r'), "{piped}");
    // A hook of the user has its name, and the server's progress is no message of it.
    world.script(&ann.path(".git/hooks/pre-push"), "#!/bin/sh\nsleep 3\n");
    ann.git(&["config", "remote.origin.url", origin.to_str().unwrap()]);
    let run = at_terminal(&ann, 20, "git-aitask new Hooked -m x").ok();
    assert!(run.stdout.contains("\rgit aitask: running the hook pre-push ("), "{run}");
    // What went wrong is not hidden behind the progress.
    ann.git(&["config", "remote.origin.url", "ext::sh -c sleep% 3;exit% 7"]);
    let run = at_terminal(&ann, 20, "git-aitask list --fetch");
    assert!(run.stdout.contains("\r\u{1b}[Kerror: ") || run.stdout.contains("\u{1b}[K\u{1b}[1m"), "{run}");
}

#[test]
fn whom_a_command_waits_for_is_said_at_a_terminal() {
    let ann = World::new().initialised("ann").env("TERM", "xterm");
    let queue = ann.path(".git/aitask/queue.lock");
    ann.task("One", &[]);
    let hold = format!("flock '{}' -c 'echo 4711 >{}; sleep 4'", queue.display(), queue.display());
    let holder = ann.start_program("sh", &["-c", &hold]);
    wait_for("the queue is held", || match std::fs::read_to_string(&queue) {
        Ok(text) if text.contains("4711") => Ok(()),
        other => Err(format!("{other:?}")),
    });
    let run = at_terminal(&ann, 20, "git-aitask edit 1 --effort low").ok();
    holder.wait().ok();
    assert!(run.stdout.contains("\rgit aitask: waiting for another git"), "{run}");
    assert!(!run.stdout.contains("(pid 4711\n") && run.stdout.contains("\r\u{1b}[K"), "{run}");
}

#[test]
fn what_a_hook_says_that_refuses_a_push_is_whole_at_a_terminal() {
    let ann = World::new().initialised("ann").env("TERM", "xterm");
    let said = ["1 test failed:", "  left: 1", "From a.rs:", "Counting objects:  50% (1/2)", "coverage: 5% (1/20)"];
    let lines = said.map(|line| format!("echo '{line}' >&2\n")).concat();
    ann.world().script(&ann.path(".git/hooks/pre-push"), &format!("#!/bin/sh\n{lines}exit 1\n"));
    let run = at_terminal(&ann, 20, "stty cols 300; git-aitask new One -m x");
    assert!(run.stdout.contains(&said.join("; ")), "{run}");
}
