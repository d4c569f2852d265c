//! Where the repository is: its files tell, or git is asked, and both say the same.

use super::scene;
use crate::support::{Repo, Run};

/// A variable that changes nothing, but makes git tell where the repository is.
const ASK_GIT: &str = "GIT_DISCOVERY_ACROSS_FILESYSTEM";

/// Runs a verb by the files and by git, which must answer the same; whether git was asked the first time, too.
#[track_caller]
fn asks_git(repo: &Repo, args: &[&str]) -> (bool, Run) {
    let (by_files, commands) = repo.git_commands(args);
    let (by_git, asked) = repo.env(ASK_GIT, "0").git_commands(args);
    assert!(asked[0].starts_with("rev-parse "), "{asked:#?}");
    let told = |run: &Run| (run.code, run.stdout.clone(), run.stderr.clone());
    assert_eq!(told(&by_files), told(&by_git), "{args:?}");
    (commands.iter().any(|command| command.starts_with("rev-parse --path-format")), by_files)
}

#[track_caller]
fn tells_by_files(repo: &Repo) {
    for args in [&["status", "--json"][..], &["worktree", "list", "--json"]] {
        let (asks, run) = asks_git(repo, args);
        assert!(!asks && run.code == 0, "{run}");
    }
}

#[test]
fn where_everything_is_as_git_makes_it_the_files_tell() {
    let (world, ann) = scene();
    tells_by_files(&ann);
    ann.write("src/deep/file", "");
    tells_by_files(&ann.at(ann.path("src/deep")));
    tells_by_files(&ann.at(ann.path("src/deep")).env("GIT_CEILING_DIRECTORIES", world.root().to_str().unwrap()));
    std::os::unix::fs::symlink(ann.path("src/deep"), world.root().join("link")).unwrap();
    tells_by_files(&ann.at(world.root().join("link")));
    ann.git(&["pack-refs", "--all"]);
    tells_by_files(&ann);
    ann.git(&["switch", "-q", "--detach"]);
    tells_by_files(&ann);
    ann.git(&["switch", "-q", "-c", "a/b"]);
    let worktree = ann.aitask(&["pick", "1", "--json"]).ok().json()["worktree"]["path"].as_str().unwrap().to_owned();
    tells_by_files(&ann.at(&worktree));
    tells_by_files(&ann);
}

#[test]
fn git_is_asked_where_anything_is_unusual() {
    let (world, ann) = scene();
    let asks = |repo: &Repo| {
        let (asks, run) = asks_git(repo, &["status", "--json"]);
        assert!(asks, "{run}");
        run
    };
    let refuses = |repo: &Repo| assert!([4, 128].contains(&asks(repo).code));
    for (key, value) in
        [("core.bare", "no"), ("core.worktree", ".."), ("extensions.unheard", "x"), ("core.bare", "true")]
    {
        ann.git(&["config", key, value]);
        asks(&ann);
        ann.git(&["config", "--unset", key]);
        ann.git(&["config", "core.bare", "false"]);
    }
    ann.git(&["config", "core.repositoryFormatVersion", "7"]);
    refuses(&ann);
    ann.write(".git/config", &ann.read(".git/config").replace("= 7", "= 0"));
    tells_by_files(&ann);

    let config = ann.read(".git/config");
    ann.write(".git/config", "[core\n");
    refuses(&ann);
    ann.write(".git/config", &config);
    ann.git(&["checkout", "-q", "--orphan", "unborn"]);
    asks(&ann).ok();
    ann.git(&["checkout", "-q", "-f", "main"]);
    ann.git(&["symbolic-ref", "refs/heads/alias", "refs/heads/main"]);
    ann.git(&["symbolic-ref", "HEAD", "refs/heads/alias"]);
    asks(&ann).ok();
    ann.git(&["symbolic-ref", "HEAD", "refs/heads/main"]);
    tells_by_files(&ann);

    ann.write("src/file", "");
    let below = ann.at(ann.path("src")).env("GIT_CEILING_DIRECTORIES", ann.path("").to_str().unwrap());
    refuses(&below);
    asks(&ann.at(ann.path(".git")));
    asks(&ann.at(world.origin()));
    asks(&ann.at(world.root()));
    asks(&ann.env("GIT_DIR", ann.path(".git").to_str().unwrap())).ok();
    let apart = ["clone", "-q", "--separate-git-dir", "apart.git", "origin.git", "apart"];
    world.git(&apart);
    asks(&ann.at(world.root().join("apart"))).ok();
    std::os::unix::fs::symlink(ann.path(".git"), world.root().join("apart/.git2")).unwrap();
    std::fs::rename(world.root().join("apart/.git2"), world.root().join("apart/.git")).unwrap();
    asks(&ann.at(world.root().join("apart")));
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(ann.path(".git"), Some(12345), None).unwrap();
        refuses(&ann);
        std::os::unix::fs::chown(ann.path(".git"), Some(0), None).unwrap();
    }
    tells_by_files(&ann);
    ann.write(".git/commondir", ".\n");
    asks(&ann);
    std::fs::remove_file(ann.path(".git/commondir")).unwrap();
    std::fs::remove_dir_all(ann.path(".git/refs")).unwrap();
    refuses(&ann);
}

#[test]
fn below_a_folder_with_a_newline_in_its_name_nothing_is_begun() {
    let (world, _ann) = scene();
    world.git(&["clone", "-q", "origin.git", "new\nline"]);
    let odd = world.root().join("new\nline");
    let run = world.clone("ben").at(odd).aitask(&["pick", "1"]).fails(128);
    assert!(run.stderr.contains("has a newline in its path"), "{run}");
    assert_eq!(world.locks(), Vec::<String>::new());
}
