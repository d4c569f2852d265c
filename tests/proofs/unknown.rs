//! Pushes whose end nobody hears: each reply is true, or says that it is not known, and the same command then finds out.

use super::kind;
use crate::support::{Cut, Proof, Repo, Rounds, Run, Server, Sleeper, World};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

/// Where the next push to the server ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Point {
    /// Its process is killed when it has locked the refs and before it moves them.
    Prepared,
    /// It is killed when it has moved them.
    Committed,
    /// The connection ends when the pack has been sent.
    AfterPack,
    /// The connection ends within the report.
    AfterReport,
}

/// Ann and Bob on one remote whose next push can be cut off, once.
struct Scene {
    world: World,
    people: [Repo; 2],
    cut: Arc<AtomicU8>,
    server: Server,
    _sessions: [Sleeper; 2],
}

impl Scene {
    fn new(on_data_branch: bool) -> Self {
        let world = World::new();
        let sessions = [Sleeper::new(), Sleeper::new()];
        let ann = if on_data_branch { world.initialised("ann") } else { world.initialised_on_main("ann") };
        ann.task("Job", &[]);
        let bob = world.clone("bob");
        let people = [ann, bob];
        let people = std::array::from_fn(|n| {
            let repo = people[n].env("AIT_AGENT_PID", sessions[n].pid());
            repo.env("GIT_AUTHOR_DATE", "2026-01-02T03:04:05Z").env("GIT_COMMITTER_DATE", "2026-01-02T03:04:05Z")
        });
        let cut = Arc::new(AtomicU8::new(0));
        let server = Server::cutting(&world, Arc::clone(&cut));
        Self { world, people, cut, server, _sessions: sessions }
    }

    /// Cuts the next push off; `away`: afterwards the remote cannot be read.
    fn arm(&self, point: Point, away: bool) {
        for repo in &self.people {
            match point {
                Point::Prepared | Point::Committed => {
                    repo.git(&["config", "remote.origin.url", self.world.origin().to_str().unwrap()]);
                }
                Point::AfterPack | Point::AfterReport => self.server.serves(repo, "git"),
            }
        }
        match point {
            Point::AfterPack => self.cut.store(Cut::AfterPack as u8, Ordering::SeqCst),
            Point::AfterReport => self.cut.store(Cut::AfterReport as u8, Ordering::SeqCst),
            Point::Prepared | Point::Committed => {
                let state = if point == Point::Prepared { "prepared" } else { "committed" };
                let (root, away) =
                    (self.world.root().display(), if away { "mv ../origin.git ../away.git;" } else { "" });
                // A killed server leaves the locks of its refs; somebody tidies up, the ones that others may want first
                // at last, so that only its own are removed.
                let hook = format!(
                    "#!/bin/sh\n[ \"$1\" = {state} ] || exit 0\nin=$(cat)\ncase $in in *refs/heads/*) ;; *) exit 0 ;; esac\n\
                     rm '{root}/armed' 2>/dev/null || exit 0\n\
                     refs=$(printf '%s\\n' \"$in\" | sed 's/.* //' | sort -r)\n\
                     kill -9 $PPID; {away}\n\
                     (sleep 0.1; for ref in $refs; do rm -f \"$ref.lock\"; done; rm -f packed-refs.lock) >/dev/null 2>&1 </dev/null &\n\
                     exit 0\n"
                );
                self.world.script(&self.world.origin().join("hooks/reference-transaction"), &hook);
                std::fs::write(self.world.root().join("armed"), "").unwrap();
            }
        }
    }

    /// The remote can be read again, and no push is cut off any more. Answers how many were, none or one.
    fn disarm(&self) -> usize {
        let was_armed = self.cut.swap(0, Ordering::SeqCst) != 0;
        let away = self.world.root().join("away.git");
        if away.exists() {
            std::fs::rename(away, self.world.origin()).unwrap();
        }
        usize::from(!was_armed && std::fs::remove_file(self.world.root().join("armed")).is_err())
    }

    /// Both do the same at once.
    fn both(&self, args: &[&str]) -> [Run; 2] {
        let running = [0, 1].map(|n: usize| self.people[n].start(args));
        running.map(crate::support::Running::wait)
    }

    /// Who holds the task 1.
    fn holder(&self) -> Option<usize> {
        let lock = self.world.remote_file("aitask-locks", "t1_lock.yaml")?;
        Some(usize::from(lock.contains("locked_by: bob@")))
    }
}

/// Whether the reply of the n-th person is true where the task is held by `holder`.
fn is_true(run: &Run, n: usize, holder: Option<usize>) -> bool {
    match (run.code, kind(run).as_str()) {
        (0, _) => holder == Some(n),
        (_, "unknown") => true,
        (1, "held") => holder == Some(1 - n),
        _ => holder != Some(n),
    }
}

/// Two want one task, and the push of one is cut off; then they ask again, and the holder lets it go, cut off, too.
fn race_for_the_task(proof: &mut Proof, scene: &Scene, (point, away): (Point, bool), verb: &str) {
    let args: &[&str] =
        if verb == "lock" { &["lock", "1", "--json"] } else { &["pick", "1", "--no-worktree", "--json"] };
    scene.arm(point, away);
    let runs = scene.both(args);
    proof.tried(scene.disarm());
    let holder = scene.holder();
    let said = || format!("{point:?}, away: {away}, holder {holder:?}\n{}\n{}", runs[0], runs[1]);
    proof.check((0..2).all(|n| is_true(&runs[n], n, holder)), || format!("a reply is not true: {}", said()));
    let again: Vec<_> = (0..2).map(|n| scene.people[n].aitask(args)).collect();
    let holder = scene.holder();
    let settled = (0..2).all(|n| kind(&again[n]) == if holder == Some(n) { "" } else { "held" });
    proof.check(holder.is_some() && settled, || format!("asked again: {}\n{}\n{}", said(), again[0], again[1]));
    let Some(holder) = holder else { return };
    let release = if verb == "lock" { "unlock" } else { "drop" };
    scene.arm(point, away);
    let run = scene.people[holder].aitask(&[release, "1", "--json"]);
    proof.tried(scene.disarm());
    let is_held = scene.holder().is_some();
    let is_true = kind(&run) == "unknown" || (run.code == 0) != is_held;
    proof.check(is_true, || format!("{point:?}, away: {away}, held still: {is_held}\n{run}"));
    if is_held {
        scene.people[holder].aitask(&[release, "1"]).ok();
    }
    proof.check(scene.holder().is_none(), || format!("held still\n{run}"));
}

/// Two want an id each, and the push of one is cut off; then it is asked again.
fn race_for_ids(proof: &mut Proof, scene: &Scene, (point, away): (Point, bool), ids: &mut BTreeSet<u64>) {
    let next = || scene.world.remote_file("aitask-ids", "next_id.txt").unwrap().trim().parse::<u64>().unwrap();
    let before = next();
    let args = ["compat", "aitask_claim_id.sh", "--claim"];
    scene.arm(point, away);
    let runs = scene.both(&args);
    proof.tried(scene.disarm());
    let mut given = 0;
    for run in &runs {
        let id = run.stdout.trim().parse::<u64>().ok().filter(|_| run.code == 0);
        given += u64::from(id.is_some());
        let is_new = id.is_none_or(|id| ids.insert(id));
        proof.check(is_new, || format!("{point:?}: an id came twice\n{}\n{}", runs[0], runs[1]));
    }
    // Only a claim whose end is not known may have used up an id.
    let used = next() - before;
    let fits = used >= given && used <= given + u64::from(given < 2);
    proof.check(fits, || format!("{point:?}: {used} ids are used\n{}\n{}", runs[0], runs[1]));
}

fn prove(row: &'static str, property: &'static str, point: Point) {
    let rounds = Rounds { ordinary: 1, short: 3, long: 500 };
    let mut proof = Proof::new(row, property, "pushes cut off, two processes", rounds);
    let mut scene = None;
    let mut ids = BTreeSet::new();
    while let Some(n) = proof.next_round() {
        if n % 20 == 0 {
            scene = Some(Scene::new(n / 20 % 2 == 1));
            ids.clear();
        }
        let Some(scene) = &scene else { continue };
        let away = n % 4 == 3 && matches!(point, Point::Prepared | Point::Committed);
        race_for_the_task(&mut proof, scene, (point, away), if n % 2 == 0 { "lock" } else { "pick" });
        race_for_ids(&mut proof, scene, (point, away), &mut ids);
    }
    proof.end();
}

#[test]
fn the_server_is_killed_before_it_moves_the_refs() {
    prove("03a", "The server is killed before it moves the refs: held, lost or unknown, and true", Point::Prepared);
}

#[test]
fn the_server_is_killed_after_it_moved_the_refs() {
    prove("03b", "The server is killed after it moved the refs: the same", Point::Committed);
}

#[test]
fn the_connection_ends_after_the_pack() {
    prove("03c", "The connection ends after the pack: the same", Point::AfterPack);
}

#[test]
fn the_connection_ends_within_the_report() {
    prove("03d", "The connection ends within the report: the same", Point::AfterReport);
}
