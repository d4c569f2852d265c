//! All there is to see of a world, as lines in which nothing depends on the clock or on chance.

use super::{Mode, Scene};
use regex::Regex;
use std::collections::BTreeMap;
use std::path::Path;

/// Branches of the place of coordination: their history, their files, what is in them.
const STORE: &str = r#"
refs=$(git for-each-ref --format='%(refname)' $1)
for ref in $refs; do
    git log --format="$ref has the commit: %s" "$ref"
    echo "$ref has the files: "$(git ls-tree -r --name-only "$ref")
done
git grep -a '' $refs
"#;

/// The clone: where it is, its worktrees and their states.
const CLONE: &str = r#"
git worktree list --porcelain
for dir in . .aitask-data aiwork/*; do
    [ -e "$dir/.git" ] || continue
    cd "$dir"
    echo "status of $dir: $(git status --porcelain)"
    cd "$OLDPWD"
done
git stash list
"#;

/// What git leaves in its folder, and says nothing.
const SILENT: [&str; 11] = [
    "ORIG_HEAD",
    "COMMIT_EDITMSG",
    "packed-refs",
    "queue.lock",
    "check-slot.1",
    "landings.lock",
    "as-of",
    "default-branch.origin",
    "fetched.origin",
    "others-push.origin",
    "gc.pid",
];

/// What one could find out about the world, were one to look everywhere.
pub(super) fn describe(scene: &Scene) -> Vec<String> {
    let (world, ann) = (&scene.world, &scene.ann);
    let store = match scene.mode {
        Mode::Local => ann.run("sh", &["-c", STORE, "sh", "refs/heads/main refs/heads/aitask-*"]).stdout,
        Mode::Remote | Mode::DataBranch => ann.at(world.origin()).run("sh", &["-c", STORE, "sh", ""]).stdout,
    };
    let list = ["for-each-ref", "--format=%(objectname) %(refname) %(symref) %(contents:subject)"];
    // What a fetch keeps is there or not, as there was one or not.
    let refs: String =
        ann.git(&list).split_inclusive('\n').filter(|line| !line.contains(" refs/aitask/known/")).collect();
    // What a killed git was doing with refs is noted until the next one moves some.
    let is_noted = |line: &&str| !line.ends_with("/.git/aitask/at-work/refs");
    let mut text = store + &refs + &ann.run("sh", &["-c", CLONE]).stdout;
    let mut published: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in ann.at(world.origin()).git(&list).lines() {
        let mut words = line.split(' ');
        let (oid, name) = (words.next().unwrap(), words.next().unwrap());
        published.entry(oid.to_owned()).or_default().push(name.replace("refs/heads/", ""));
    }
    for (oid, names) in published {
        text = text.replace(&oid, &format!("<{}>", names.join(",")));
    }
    for place in [ann.path(".git"), ann.path("aiwork"), world.root().join("tmp")] {
        list_files(&place, &mut text);
    }
    let text = Regex::new("git-aitask-check-[A-Za-z0-9]{6}").unwrap().replace_all(&text, "git-aitask-check-<random>");
    let text = ann.normalise(&text);
    let times = Regex::new("[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2})?([+]00:00)?").unwrap();
    let mut lines: Vec<_> = times.replace_all(&text, "<time>").lines().filter(is_noted).map(str::to_owned).collect();
    lines.sort_unstable();
    lines
}

/// The files below a folder; of those that people or aitask write, the text, too. Of a worktree only its name.
fn list_files(path: &Path, text: &mut String) {
    let name = path.file_name().unwrap().to_str().unwrap();
    if SILENT.contains(&name) || path.symlink_metadata().is_err() {
        return;
    }
    let shown = path.display();
    text.push_str(&format!("there is {shown}\n"));
    let inside = path.parent().unwrap();
    if path.is_dir() {
        if ["objects", "logs", "hooks", "refs"].contains(&name) || inside.ends_with("aiwork") {
            return;
        }
        for entry in std::fs::read_dir(path).unwrap() {
            list_files(&entry.unwrap().path(), text);
        }
    } else if name == "exclude" || name == "config" || name == "HEAD" || shown.to_string().contains("/.git/aitask/") {
        for line in String::from_utf8_lossy(&std::fs::read(path).unwrap()).lines() {
            text.push_str(&format!("{shown} says {line}\n"));
        }
    }
}

/// The lines that one has and the other lacks.
pub(super) fn difference(expected: &[String], found: &[String]) -> String {
    let only = |sign: char, ours: &[String], theirs: &[String]| {
        let mut theirs = theirs.to_vec();
        let mut text = String::new();
        for line in ours {
            match theirs.iter().position(|other| other == line) {
                Some(at) => drop(theirs.swap_remove(at)),
                None => text.push_str(&format!("    {sign} {line}\n")),
            }
        }
        text
    };
    only('-', expected, found) + &only('+', found, expected)
}
