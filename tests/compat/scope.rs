//! Locks that tell the boot and the PID namespace of their process: both faces judge them by these, and not by the name
//! of the host.

use super::peer::{Peer, read};
use super::{lock, lock_text, pick, plain, project, result};
use crate::support::{Repo, Sleeper};

fn on_host(repo: &Repo, host: &str) -> Repo {
    repo.env("TEST_HOST", host)
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_of_another_boot_or_namespace_may_live_whatever_its_host_is_called() {
    let (world, ann) = project(1);
    let session = Sleeper::new();
    ann.env("AIT_AGENT_PID", session.pid()).aitask(&["lock", "1"]).ok();
    session.die();
    let (peer, text) = (Peer::new(&world, "peer"), lock_text(&world, "1"));
    let since = text.lines().find_map(|line| line.strip_prefix("locked_at: ")).unwrap();
    for key in ["boot_id", "pid_namespace"] {
        let scoped = regex::Regex::new(&format!("{key}: .*")).unwrap();
        let elsewhere = scoped.replace(&text, format!("{key}: 1")).into_owned();
        for host in ["box", "far", "unknown"] {
            let planted = elsewhere.replace("hostname: box", &format!("hostname: {host}"));
            peer.lock("1", &planted);
            let refused = lock(&ann, "1", "ann").fails(14);
            let holder = format!("LOCK_UNVERIFIABLE_HOLDER:ann@example.com|{since}|{host}|");
            assert!(refused.stdout.starts_with(&holder), "{key} {host}\n{refused}");
            for said in ["liveness could not be established", "--force", "ait lock --unlock 1"] {
                assert!(plain(&refused.stderr).contains(said), "{said}\n{refused}");
            }
            assert!(result(&pick(&ann, "1", "ann")).starts_with(&holder), "{key} {host}");
            let held = ann.aitask(&["pick", "1", "--no-worktree", "--json"]).fails(1);
            assert_eq!(held.error()["error"]["holder"]["session"], "unknown", "{held}");
            assert_eq!(lock_text(&world, "1"), planted);
        }
    }
}

#[test]
#[cfg(target_os = "linux")]
fn a_process_of_this_boot_is_known_whatever_its_host_is_called() {
    let (world, ann) = project(1);
    let session = Sleeper::new();
    ann.env("AIT_AGENT_PID", session.pid()).aitask(&["lock", "1"]).ok();
    let far = on_host(&ann, "far");
    assert!(lock(&far, "1", "ann").fails(13).stdout.starts_with("LOCK_LIVE_HOLDER:ann@example.com|"));
    let pid = session.die();
    let taken = plain(&pick(&far, "1", "ann").ok().stdout);
    assert!(taken.starts_with(&format!("PRIOR_LOCK:{pid}|")) && taken.ends_with("OWNED:1\n"), "{taken}");
    // The session is new, so nothing of the old one stays.
    assert_eq!(read(&lock_text(&world, "1"))[3..5], ["far", "-"]);
}

#[test]
fn a_session_that_uses_both_faces_loses_nothing_that_either_wrote_of_its_lock() {
    let (world, ann) = project(2);
    let session = Sleeper::new();
    let ann = ann.env("AIT_AGENT_PID", session.pid());
    // The time of a lock is that of its last claim.
    let is_time = |line: &&str| line.starts_with("locked_at: ") || line.starts_with("since: ");
    let kept = |id: &str| lock_text(&world, id).lines().filter(|line| !is_time(line)).collect::<String>();
    ann.aitask(&["pick", "1", "--no-worktree"]).ok();
    let of_the_verb = lock_text(&world, "1");
    let keys: Vec<_> = of_the_verb.lines().skip(7).filter_map(|line| Some(line.split_once(':')?.0)).collect();
    assert_eq!(keys, ["nonce", "boot_id", "pid_namespace", "folder", "since"], "{of_the_verb}");
    Peer::new(&world, "peer").lock("1", &format!("{of_the_verb}reason: lunch\n"));
    let before = kept("1");
    assert!(pick(&ann, "1", "ann").ok().stdout.starts_with("PRIOR_LOCK:"));
    lock(&ann, "1", "ann").ok();
    assert_eq!(kept("1"), before);
    assert!(ann.aitask(&["locks", "--json"]).ok().json()["locks"][0]["since"].is_string());
    pick(&ann, "2", "ann").ok();
    let seven = lock_text(&world, "2");
    assert_eq!(ann.aitask(&["pick", "2", "--no-worktree", "--json"]).ok().json()["took"], "mine");
    assert_eq!((lock_text(&world, "2"), seven.lines().count()), (seven, 7));
    // Another session of the same person gets neither.
    let second = Sleeper::new();
    let other = ann.env("AIT_AGENT_PID", second.pid());
    for id in ["1", "2"] {
        let held = other.aitask(&["pick", id, "--no-worktree", "--json"]).fails(1);
        assert_eq!(held.error()["error"]["kind"], "held", "{held}");
        lock(&other, id, "ann").fails(13);
        assert!(result(&pick(&other, id, "ann")).starts_with("LOCK_LIVE_HOLDER:"));
    }
    ann.aitask(&["drop", "1"]).ok();
    ann.aitask(&["drop", "2"]).ok();
    assert_eq!(world.locks(), Vec::<String>::new());
}
