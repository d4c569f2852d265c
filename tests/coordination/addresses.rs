//! Pushes that go elsewhere than fetches come from.

use crate::support::{Repo, World};

/// Every command that publishes, of both faces; each must refuse before it has pushed anything.
const VERBS: [&[&str]; 4] = [&["new", "x"], &["pick", "1"], &["lock", "1"], &["archive", "1"]];

/// A world with one task, whose remote has a copy beside it.
fn with_copy() -> (World, Repo, String) {
    let world = World::new();
    let ann = world.initialised("ann");
    ann.task("One", &[]);
    world.git(&["clone", "--quiet", "--mirror", "origin.git", "copy.git"]);
    let copy = world.root().join("copy.git").display().to_string();
    (world, ann, copy)
}

/// The refs of both repositories.
fn refs(world: &World) -> String {
    ["origin.git", "copy.git"].map(|dir| world.git(&[&format!("--git-dir={dir}"), "for-each-ref"])).concat()
}

#[track_caller]
fn refuses(world: &World, repo: &Repo, words: &[&str]) {
    let before = refs(world);
    for verb in VERBS {
        let run = repo.aitask(verb).fails(2);
        for word in words {
            assert!(run.stderr.contains(word), "{word}\n{run}");
        }
    }
    repo.aitask(&["new", "y", "--dry-run"]).fails(2);
    for (script, args) in [("aitask_claim_id.sh", &["--claim"][..]), ("aitask_lock.sh", &["1", "--email", "a@x"])] {
        let run = repo.script(script, args).fails(1);
        assert!(run.stderr.contains(words[0]), "{run}");
    }
    assert_eq!(refs(world), before);
}

#[test]
fn pushes_to_ones_own_fork_are_refused_with_both_addresses() {
    let (world, ann, copy) = with_copy();
    ann.git(&["config", "remote.origin.pushurl", &copy]);
    let origin = world.origin().display().to_string();
    refuses(&world, &ann, &[&copy, &origin, "another repository", "git config --replace-all remote.origin.pushurl"]);
    ann.git(&["config", "--replace-all", "remote.origin.pushurl", &origin]);
    ann.aitask(&["new", "x"]).ok();
}

#[test]
fn a_rule_that_rewrites_pushes_to_a_fork_is_refused() {
    let (world, ann, copy) = with_copy();
    ann.git(&["config", &format!("url.{copy}.pushInsteadOf"), world.origin().to_str().unwrap()]);
    refuses(&world, &ann, &[&copy, "another repository"]);
    ann.git(&["config", "--remove-section", &format!("url.{copy}")]);
    ann.git(&["config", &format!("url.{copy}.pushInsteadOf"), "https://elsewhere.example/"]);
    ann.aitask(&["new", "x"]).ok();
}

#[test]
fn several_addresses_to_push_to_make_no_task_twice() {
    let (world, ann, copy) = with_copy();
    let origin = world.origin().display().to_string();
    ann.task("Two", &[]);
    for address in [&origin, &copy] {
        ann.git(&["remote", "set-url", "--add", "--push", "origin", address]);
    }
    refuses(&world, &ann, &[&copy, &origin, "2 addresses"]);
    ann.git(&["config", "--unset-all", "remote.origin.pushurl"]);
    ann.git(&["remote", "set-url", "--add", "origin", &copy]);
    refuses(&world, &ann, &[&copy, &origin, "2 addresses"]);
}

#[test]
fn the_first_init_of_a_fork_pushes_nothing() {
    let (world, _, copy) = with_copy();
    for branch in ["aitask-locks", "aitask-ids"] {
        world.git(&["--git-dir=origin.git", "update-ref", "-d", &format!("refs/heads/{branch}")]);
    }
    let bob = world.clone("bob");
    bob.git(&["config", "remote.origin.pushurl", &copy]);
    let before = refs(&world);
    let run = bob.aitask(&["init", "--json"]).fails(2);
    assert_eq!(run.error()["error"]["kind"], "usage");
    assert_eq!(refs(&world), before);
}

#[test]
fn other_names_of_the_same_folder_are_the_same_repository() {
    let (world, ann, _) = with_copy();
    let origin = world.origin().display().to_string();
    std::os::unix::fs::symlink(&origin, world.root().join("link")).unwrap();
    for address in [format!("file://{origin}"), world.root().join("link").display().to_string(), "../origin".into()] {
        ann.git(&["config", "--replace-all", "remote.origin.pushurl", &address]);
        assert_eq!(conversations(&ann), ["push"], "{address}");
    }
}

/// A clone whose pushes go by an alias of a host, which a stand-in for ssh takes to be this machine.
fn by_alias(world: &World, repo: &Repo, dir: &str) -> Repo {
    let ssh = world.root().join("bin/ssh");
    world.script(&ssh, "#!/bin/sh\nfor command; do :; done\nexec sh -c \"$command\"\n");
    repo.git(&["config", "remote.origin.pushurl", &format!("ssh://work{}", world.root().join(dir).display())]);
    repo.env("GIT_SSH_COMMAND", ssh.display()).env("GIT_SSH_VARIANT", "simple")
}

#[test]
fn an_alias_of_the_host_is_asked_about_once() {
    let (world, ann, _) = with_copy();
    let ann = by_alias(&world, &ann, "origin.git");
    assert_eq!(conversations(&ann), ["ls-remote", "ls-remote", "push"]);
    assert_eq!(conversations(&ann), ["push"]);
}

#[test]
fn an_alias_of_another_repository_is_refused() {
    let (world, ann, copy) = with_copy();
    ann.task("Two", &[]);
    let ann = by_alias(&world, &ann, "origin.git");
    // the same path on a host of another name
    let elsewhere = format!("printf %s \"$command\" | sed 's|{}|{copy}|'", world.origin().display());
    let ssh = format!("#!/bin/sh\nfor command; do :; done\nexec sh -c \"$({elsewhere})\"\n");
    world.script(&world.root().join("bin/ssh"), &ssh);
    let before = world.git(&["--git-dir=origin.git", "for-each-ref"]);
    let refused = |code, word: &str| {
        let run = ann.aitask(&["new", "x", "--timeout", "3s"]).fails(code);
        assert!(run.stderr.contains(word), "{run}");
    };
    refused(2, "other coordination branches");
    std::fs::remove_dir_all(&copy).unwrap();
    refused(75, "does not appear to be a git repository");
    world.git(&["init", "-q", "--bare", "copy.git"]);
    refused(2, "other coordination branches");
    assert_eq!(world.git(&["--git-dir=origin.git", "for-each-ref"]), before);
}

#[test]
fn hints_about_addresses_can_be_pasted() {
    let (world, ann, copy) = with_copy();
    let origin = world.origin().display().to_string();
    // the user is part of the address
    let ann = ann.env("GIT_SSH_COMMAND", "false");
    ann.git(&["config", "remote.origin.pushurl", "ssh://git@host.example/me/fork.git"]);
    let run = ann.aitask(&["new", "x", "--json"]).fails(2);
    let hints = run.error()["error"]["hints"].clone();
    for hint in [&hints[1], &hints[0]] {
        ann.follow(hint).ok();
    }
    assert_eq!(ann.git(&["config", "remote.hub.url"]).trim(), origin);
    assert_eq!(ann.git(&["config", "remote.origin.pushurl"]).trim(), origin);
    ann.aitask(&["new", "x"]).ok();
    assert!(!world.git(&["--git-dir", &copy, "ls-tree", "-r", "--name-only", "main"]).contains("_x.md"));
}

#[test]
fn an_alias_before_there_is_anything_to_compare_can_be_set_up_by_a_hint() {
    let world = World::new();
    let bob = world.clone("bob");
    let bob = by_alias(&world, &bob, "origin.git");
    let run = bob.aitask(&["init", "--json"]).fails(2);
    bob.follow(&run.error()["error"]["hints"][2]).ok();
    bob.aitask(&["init"]).ok();
    assert!(world.remote_branch("aitask-locks").is_some());
}

#[test]
fn an_address_that_lets_nobody_in_is_not_called_unreachable() {
    let (world, ann, _) = with_copy();
    let ann = by_alias(&world, &ann, "origin.git");
    world.script(
        &world.root().join("bin/ssh"),
        "#!/bin/sh\necho 'git@work: Permission denied (publickey).' >&2\nexit 255\n",
    );
    let run = ann.aitask(&["new", "x", "--json"]).fails(128);
    assert_eq!(run.error()["error"]["kind"], "authentication", "{run}");
}

/// The connections of a new task.
#[track_caller]
fn conversations(repo: &Repo) -> Vec<String> {
    let (run, commands) = repo.git_commands(&["new", "x"]);
    run.ok();
    let words = commands.iter().filter_map(|command| command.split(' ').next());
    words.filter(|word| ["ls-remote", "fetch", "push"].contains(word)).map(str::to_owned).collect()
}
