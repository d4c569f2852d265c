//! `git aitask whoami`.

use super::init::{everything, keys, local, on_data_branch};
use crate::support::{Repo, Sleeper, World, skipped};
use predicates::prelude::*;
use predicates::str::contains;

fn email(repo: &Repo) -> (String, String) {
    let json = repo.aitask(&["whoami", "--json"]).ok().json();
    let text = |key: &str| json[key].as_str().unwrap().to_owned();
    (text("email"), text("email_origin"))
}

fn pair(email: &str, origin: &str) -> (String, String) {
    (email.to_owned(), origin.to_owned())
}

#[test]
fn the_address_is_looked_for_in_this_order() {
    let ann = World::new().clone("ann");
    assert_eq!(email(&ann), pair("ann@example.com", "git_config"));
    ann.write("aitasks/metadata/userconfig.yaml", "other: 1\nemail: file@example.com # mine\n");
    assert_eq!(email(&ann), pair("file@example.com", "project_file"));
    ann.git(&["config", "aitask.email", "config@example.com"]);
    assert_eq!(email(&ann), pair("config@example.com", "git_config"));
    assert_eq!(email(&ann.env("GIT_AITASK_EMAIL", "env@example.com")), pair("env@example.com", "variable"));
    assert_eq!(email(&ann.env("GIT_AITASK_EMAIL", "")), pair("config@example.com", "git_config"));
}

#[test]
fn the_session_is_that_of_ait_agent_pid() {
    let ann = World::new().clone("ann");
    let agent = Sleeper::new();
    let run = ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["whoami", "--json"]).ok();
    assert_eq!(keys(&run.json()), "schema email email_origin host pid session_origin remote");
    assert_eq!((&run.json()["pid"], &run.json()["session_origin"]), (&agent.pid().into(), &"variable".into()));
    let said = ann.env("AIT_AGENT_PID", agent.pid()).aitask(&["whoami"]).ok().stdout;
    assert!(said.contains(&format!("session  pid {} (variable)", agent.pid())), "{said}");
}

#[test]
fn a_session_that_is_not_there_is_null_and_said() {
    let ann = World::new().clone("ann");
    let json = ann.aitask(&["whoami", "--json"]).ok().json();
    assert_eq!((&json["pid"], &json["session_origin"]), (&serde_json::Value::Null, &"none".into()));
    ann.aitask(&["whoami"]).ok().assert().stdout(contains("GIT_AITASK_SESSION=NAME; or AIT_AGENT_PID"));
    ann.aitask(&["brief"]).ok().assert().stdout(contains("cannot be told from others of yours in this clone"));
    let named = ann.env("GIT_AITASK_SESSION", "one").aitask(&["brief"]).ok();
    named.assert().stdout(contains("cannot be told").not());
    let dead = Sleeper::new().die();
    let run = ann.env("AIT_AGENT_PID", dead).aitask(&["whoami", "--json"]).ok();
    assert!(run.json()["pid"].is_null());
    let run = ann.env("AIT_AGENT_PID", dead).aitask(&["whoami"]).ok();
    run.assert().stderr(contains("does not name a live process"));
}

#[test]
fn people_see_every_part_with_its_origin() {
    let ann = World::new().clone("ann");
    let run = ann.aitask(&["whoami"]).ok();
    let part = |text| contains::<&str>(text);
    run.assert()
        .stdout(part("ann@example.com (").and(part("host     ")).and(part("(hostname)")).and(part("remote   origin")));
}

#[test]
fn without_a_remote_and_on_a_data_branch() {
    let ann = local();
    assert!(!keys(&ann.aitask(&["whoami", "--json"]).ok().json()).contains("remote"));
    ann.aitask(&["whoami"]).ok().assert().stdout(contains("none: coordination is local"));
    let world = World::new();
    let bob = on_data_branch(&world, "bob");
    bob.write(".aitask-data/aitasks/metadata/userconfig.yaml", "email: data@example.com\n");
    assert_eq!(email(&bob), pair("data@example.com", "project_file"));
    let before = everything(&bob);
    bob.at(".aitask-data").aitask(&["whoami"]).ok();
    assert_eq!(everything(&bob), before);
}

#[test]
fn nobody_is_an_error_with_its_cure() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.git(&["config", "--unset", "user.email"]);
    ann.git(&["config", "--global", "--unset", "user.email"]);
    let run = ann.aitask(&["whoami", "--json"]).fails(2);
    assert_eq!(run.error()["error"]["kind"], "no_identity");
    ann.aitask(&["whoami"]).fails(2).assert().stderr(contains("git config --global user.email"));
}

#[test]
fn an_address_that_could_forge_a_record_is_refused() {
    let ann = World::new().clone("ann");
    for bad in ["a|b", "a\nlocked_by: eve", "a\u{1b}[31m"] {
        ann.env("GIT_AITASK_EMAIL", bad).aitask(&["whoami"]).fails(2);
    }
}

#[test]
fn a_remote_that_does_not_exist_is_a_usage_error() {
    let ann = World::new().clone("ann");
    ann.aitask(&["whoami", "--remote", "nowhere"]).fails(2);
    ann.git(&["remote", "rename", "origin", "team"]);
    assert_eq!(ann.aitask(&["whoami", "--json", "--remote", "team"]).ok().json()["remote"], "team");
    ann.git(&["config", "aitask.remote", "team"]);
    assert_eq!(ann.aitask(&["whoami", "--json"]).ok().json()["remote"], "team");
}

/// Linux, where the system lets its user make a pid namespace; elsewhere there is no such session to test with, and it is
/// skipped in CI, too.
#[test]
fn in_a_container_whose_session_leader_is_outside_it_does_not_panic() {
    const APART: &[&str] = &["--user", "--map-root-user", "--pid", "--fork", "--mount-proc"];
    let ann = World::new().clone("ann");
    let try_it = ann.run("unshare", &[APART, &["true"]].concat());
    if try_it.code != 0 {
        return skipped("in_a_container_whose_session_leader_is_outside_it", try_it.stderr.trim());
    }
    let inside = [APART, &[env!("CARGO_BIN_EXE_git-aitask"), "whoami"]].concat();
    let run = ann.run("unshare", &inside).ok();
    run.assert().stdout(contains("session  none found").and(contains("this PID namespace hides the processes above")));
    // an agent within it is seen, and it alone
    let agent = ann.world().root().join("agents/codex");
    ann.world().script(&agent, "#!/bin/sh\nunset GIT_AITASK_SESSION\n\"$@\"\nexit $?\n");
    let agent = agent.display().to_string();
    let within = [APART, &[agent.as_str(), env!("CARGO_BIN_EXE_git-aitask"), "whoami", "--json"]].concat();
    let json = ann.run("unshare", &within).ok().json();
    assert_eq!((&json["agent"], &json["ancestors_hidden"]), (&"codex".into(), &serde_json::Value::Null));
    // with a terminal, which is when the leader is asked for
    let run = ann.run("script", &["-qec", &format!("unshare {}", inside.join(" ")), "/dev/null"]);
    run.ok().assert().stdout(contains("session  none found"));
}
