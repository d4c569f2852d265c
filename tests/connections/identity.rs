//! Who commits is told without asking git, and is who git would write.

use crate::support::{Repo, World};

/// The author and the committer of the newest task data, without their times; and these of git itself.
fn written(repo: &Repo, title: &str) -> (String, String) {
    repo.aitask(&["new", title]).ok();
    let commit = repo.git(&["cat-file", "commit", "origin/main"]);
    let line = |word: &str| {
        let line = commit.lines().find_map(|line| line.strip_prefix(word)).unwrap();
        without_time(line)
    };
    let git = ["GIT_AUTHOR_IDENT", "GIT_COMMITTER_IDENT"].map(|name| without_time(repo.git(&["var", name]).trim()));
    (format!("{}, {}", line("author "), line("committer ")), git.join(", "))
}

fn without_time(line: &str) -> String {
    let words: Vec<_> = line.split(' ').collect();
    let (who, [_, zone]) = words.split_at(words.len() - 2) else { panic!("{line}") };
    format!("{} {zone}", who.join(" "))
}

#[test]
fn it_is_who_git_would_write_in_every_zone_and_by_every_setting() {
    let ann = World::new().initialised_on_main("ann");
    for zone in ["UTC", "Asia/Kolkata", "America/St_Johns", "EST5EDT", ":Europe/Berlin", "nonsense"] {
        let (ours, gits) = written(&ann.env("TZ", zone), zone);
        assert_eq!(ours, gits, "{zone}");
    }
    for name in ["Ann O'Neil", "Ann O. Neil.", "\"Ann\"", "Ann <Neil>", "Ännchen"] {
        ann.git(&["config", "user.name", name]);
        let (ours, gits) = written(&ann, "more");
        assert_eq!(ours, gits, "{name}");
    }
    for variable in ["GIT_AUTHOR_NAME", "GIT_COMMITTER_EMAIL"] {
        let (ours, gits) = written(&ann.env(variable, "somebody else"), "apart");
        assert_eq!(ours, gits, "{variable}");
    }
    ann.git(&["config", "author.name", "Author"]);
    let (ours, gits) = written(&ann, "by the configuration");
    assert_eq!(ours, gits);
}
