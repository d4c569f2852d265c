//! `git aitask agents`: what it writes, what it leaves, and that all of it can be taken back.

use crate::support::{Repo, World, hints};
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::Path;

const SKILLS: [&str; 3] = ["aitask-create", "aitask-explore", "aitask-pick"];

/// Every file, folder and link below a folder, but for git's own, with its content.
pub(super) fn everything(dir: &Path) -> BTreeMap<String, String> {
    let (mut found, mut folders) = (BTreeMap::new(), vec![dir.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let data = path.symlink_metadata().unwrap();
            let content = if data.is_dir() {
                "a folder".to_owned()
            } else if data.is_symlink() {
                format!("-> {}", path.read_link().unwrap().display())
            } else {
                std::fs::read(&path).unwrap().escape_ascii().to_string()
            };
            if path.file_name().unwrap() == ".git" {
                continue;
            }
            if data.is_dir() {
                folders.push(path.clone());
            }
            found.insert(path.strip_prefix(dir).unwrap().display().to_string(), content);
        }
    }
    found
}

/// The state of a file in the answer, and why it was left.
pub(super) fn state(answer: &serde_json::Value, path: &str) -> (String, bool, String) {
    let files = answer["files"].as_array().unwrap();
    let file = files.iter().find(|file| file["path"] == path).unwrap_or_else(|| panic!("no {path} in {answer:#}"));
    let text = |key: &str| file[key].as_str().unwrap_or_default().to_owned();
    (text("state"), file["changed"].as_bool().unwrap(), text("why"))
}

fn install(ann: &Repo) -> serde_json::Value {
    ann.aitask(&["agents", "install", "--json"]).ok().json()
}

fn remove(ann: &Repo) -> serde_json::Value {
    ann.aitask(&["agents", "remove", "--json"]).ok().json()
}

#[test]
fn a_project_gets_skills_in_both_folders_and_a_stanza_and_is_as_before_after_remove() {
    let ann = World::new().clone("ann");
    let before = everything(ann.top());
    let answer = install(&ann);
    for folder in [".agents/skills", ".claude/skills"] {
        for skill in SKILLS {
            let path = format!("{folder}/{skill}/SKILL.md");
            assert_eq!(state(&answer, &path), ("installed".to_owned(), true, String::new()));
            assert!(ann.read(&path).starts_with(&format!("---\nname: {skill}\ndescription: ")), "{path}");
            assert_eq!(ann.read(&path), ann.read(&format!(".agents/skills/{skill}/SKILL.md")));
        }
    }
    let stanza = ann.read("AGENTS.md");
    assert!(stanza.starts_with("<!-- BEGIN git-aitask v1 sha256:") && stanza.ends_with("\n<!-- END git-aitask -->\n"));
    assert!(stanza.contains("- Begin with `git aitask brief`"), "{stanza}");
    assert!(!ann.path("CLAUDE.md").exists());
    assert_eq!(answer["commit"].as_array().unwrap().len(), 7);
    let after = everything(ann.top());
    let again = install(&ann);
    assert!(again["files"].as_array().unwrap().iter().all(|file| file["changed"] == false), "{again:#}");
    assert_eq!(again["commit"].as_array().unwrap().len(), 0);
    assert_eq!(everything(ann.top()), after);
    assert!(ann.git(&["log", "--format=%s"]).trim().ends_with("first"), "nothing is committed");
    remove(&ann);
    assert_eq!(everything(ann.top()), before);
    remove(&ann);
}

#[test]
fn people_are_told_what_to_commit() {
    let ann = World::new().clone("ann");
    let said = ann.aitask(&["agents", "install"]).ok().stdout;
    let next = said.lines().find_map(|line| line.strip_prefix("next: ")).unwrap();
    ann.run("sh", &["-c", next]).ok();
    assert_eq!(ann.git(&["status", "--porcelain"]), "");
    assert!(ann.aitask(&["agents", "install"]).ok().stdout.contains("nothing to do"));
}

#[test]
fn what_was_there_is_there_again_after_remove_byte_for_byte() {
    let texts: [&[u8]; 8] = [
        b"# Rules\n\nBe kind.\n",
        b"# Rules",
        b"\xef\xbb\xbf# Rules\r\n\r\nBe kind.\r\n",
        b"# Rules\r\nno newline",
        b"",
        b"\xef\xbb\xbf",
        b"caf\xe9\n",
        b"\n\n\n",
    ];
    for text in texts {
        let ann = World::new().clone("ann");
        for file in ["AGENTS.md", "CLAUDE.md"] {
            std::fs::write(ann.path(file), text).unwrap();
        }
        ann.write(".claude/settings.json", "{ \"model\":\"m\",\r\n}");
        ann.write(".claude/skills/own/SKILL.md", "---\nname: own\n---\n");
        ann.write(".codex/config.toml", "model = \"m\"\n[features]\n");
        ann.write(".agents/skills/aitask-pick/notes.md", "mine\n");
        let before = everything(ann.top());
        install(&ann);
        for file in ["AGENTS.md", "CLAUDE.md"] {
            let now = std::fs::read(ann.path(file)).unwrap();
            assert!(now.starts_with(text) && now.len() > text.len() + 100, "{}", now.escape_ascii());
            let is_crlf = text.windows(2).any(|pair| pair == b"\r\n");
            assert_eq!(now.split(|byte| *byte == b'\n').rev().skip(1).all(|line| line.ends_with(b"\r")), is_crlf);
        }
        remove(&ann);
        assert_eq!(everything(ann.top()), before);
    }
}

#[test]
fn a_file_that_leads_to_agents_md_gets_no_stanza_of_its_own() {
    for (file, text) in [
        ("CLAUDE.md", "See @AGENTS.md first\n"),
        (".claude/CLAUDE.md", "@../AGENTS.md"),
        ("CLAUDE.md", "- @./AGENTS.md\n"),
    ] {
        let ann = World::new().clone("ann");
        ann.write(file, text);
        let (state, changed, why) = state(&install(&ann), file);
        assert_eq!((state.as_str(), changed, why.as_str()), ("left", false, "it leads to AGENTS.md"));
        assert_eq!(ann.read(file), text);
    }
    let ann = World::new().clone("ann");
    symlink("AGENTS.md", ann.path("CLAUDE.md")).unwrap();
    let answer = install(&ann);
    assert_eq!(state(&answer, "CLAUDE.md").2, "it leads to AGENTS.md");
    assert_eq!(state(&answer, "AGENTS.md").0, "installed");
    // A word in a code span, or another file of the name, is no import.
    for text in ["see `@AGENTS.md`\n", "@docs/AGENTS.md\n"] {
        ann.run("rm", &["CLAUDE.md"]);
        ann.write("CLAUDE.md", text);
        assert_eq!(state(&install(&ann), "CLAUDE.md").0, "installed", "{text}");
    }
}

#[test]
fn where_agents_md_is_a_link_to_claude_md_that_gets_the_stanza_for_every_program() {
    let ann = World::new().clone("ann");
    ann.write("CLAUDE.md", "rules\n");
    symlink("CLAUDE.md", ann.path("AGENTS.md")).unwrap();
    let answer = ann.aitask(&["agents", "install", "--for", "codex", "--json"]).ok().json();
    assert_eq!(state(&answer, "CLAUDE.md").0, "installed");
    let (state, _, why) = state(&answer, "AGENTS.md");
    assert!(state == "left" && why.contains("symbolic link"), "{why}");
    assert!(ann.read("AGENTS.md").starts_with("rules\n\n<!-- BEGIN"));
    remove(&ann);
    assert_eq!(ann.read("CLAUDE.md"), "rules\n");
}

#[test]
fn nothing_is_written_through_a_link() {
    let world = World::new();
    let ann = world.clone("ann");
    let outside = world.root().join("outside");
    std::fs::create_dir_all(outside.join("skills")).unwrap();
    std::fs::write(outside.join("AGENTS.md"), "theirs\n").unwrap();
    symlink(outside.join("AGENTS.md"), ann.path("AGENTS.md")).unwrap();
    symlink(&outside, ann.path(".claude")).unwrap();
    std::fs::create_dir_all(ann.path(".agents")).unwrap();
    symlink(outside.join("skills"), ann.path(".agents/skills")).unwrap();
    let before = (everything(&outside), everything(ann.top()));
    let answer = install(&ann);
    let files = answer["files"].as_array().unwrap();
    assert!(files.len() == 7 && files.iter().all(|file| file["state"] == "left"), "{answer:#}");
    remove(&ann);
    assert_eq!((everything(&outside), everything(ann.top())), before);
}

#[test]
fn what_a_person_changed_is_left_and_said() {
    let ann = World::new().clone("ann");
    install(&ann);
    let (skill, other) = (".agents/skills/aitask-pick/SKILL.md", ".agents/skills/aitask-create/SKILL.md");
    let stanza = ann.read("AGENTS.md").replace("Several people", "We");
    ann.write("AGENTS.md", &stanza);
    ann.write(skill, &format!("{}\nAlso run the linter.\n", ann.read(skill)));
    ann.write(other, "---\nname: aitask-create\n---\nmine\n");
    let before = everything(ann.top());
    for path in ["AGENTS.md", skill, other] {
        let (state, changed, why) = state(&install(&ann), path);
        assert!(state == "left" && !changed && why.contains("by hand"), "{path}: {state} {why}");
    }
    let said = ann.aitask(&["agents", "install"]).ok().stdout;
    assert!(said.contains("AGENTS.md\tleft\tit was changed by hand"), "{said}");
    assert_eq!(everything(ann.top()), before);
    assert_eq!(state(&remove(&ann), "AGENTS.md").0, "left");
    let left: Vec<_> = everything(ann.top()).into_iter().filter(|(_, content)| content != "a folder").collect();
    assert_eq!(
        left.iter().map(|(path, _)| path.as_str()).collect::<Vec<_>>(),
        [other, skill, "AGENTS.md", "README.md"]
    );
    assert_eq!(ann.read("AGENTS.md"), stanza);
}

#[test]
fn markers_that_are_no_pair_are_refused_before_anything_is_changed() {
    let ann = World::new().clone("ann");
    install(&ann);
    let stanza = ann.read("AGENTS.md");
    remove(&ann);
    ann.write("AGENTS.md", &format!("{stanza}\n{stanza}"));
    let before = everything(ann.top());
    for verb in ["install", "remove"] {
        let error = ann.aitask(&["agents", verb, "--json"]).fails(1).error();
        assert_eq!(error["error"]["kind"], "unparsable");
        assert!(error["error"]["message"].as_str().unwrap().contains("more than one pair"), "{error}");
    }
    assert_eq!(everything(ann.top()), before);
}

/// The digest of a text, as this program writes it beside the text.
fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().take(6).fold(String::new(), |digits, byte| format!("{digits}{byte:02x}"))
}

#[test]
fn texts_of_an_older_version_are_replaced_in_their_place() {
    let ann = World::new().clone("ann");
    let new = install(&ann)["files"].as_array().unwrap().len();
    let skill = ".claude/skills/aitask-pick/SKILL.md";
    let (now, stanza) = (ann.read(skill), ann.read("AGENTS.md"));
    let older = "---\nname: aitask-pick\ndescription: old\nmetadata:\n---\nold\n";
    let mark = format!("metadata:\n  git-aitask: \"v1 sha256:{}\"\n", digest(older));
    ann.write(skill, &older.replace("metadata:\n", &mark));
    let body = "- old\n";
    let older = format!("<!-- BEGIN git-aitask v1 sha256:{} -->\n{body}<!-- END git-aitask -->", digest(body));
    ann.write("AGENTS.md", &format!("before\n\n{older}\n\nafter\n"));
    let answer = install(&ann);
    assert_eq!(answer["files"].as_array().unwrap().len(), new);
    assert_eq!(answer["commit"], serde_json::json!([skill, "AGENTS.md"]));
    assert_eq!(ann.read(skill), now);
    assert_eq!(ann.read("AGENTS.md"), format!("before\n\n{stanza}\nafter\n"));
    remove(&ann);
    assert_eq!(ann.read("AGENTS.md"), "before\n\nafter\n");
}

#[test]
fn an_empty_folder_that_was_there_stays() {
    for folders in [&[".claude/skills"][..], &[".claude", ".agents/skills/aitask-pick", ".codex"]] {
        let ann = World::new().clone("ann");
        for folder in folders {
            std::fs::create_dir_all(ann.path(folder)).unwrap();
        }
        let before = everything(ann.top());
        ann.aitask(&["agents", "install", "--hooks"]).ok();
        ann.aitask(&["agents", "install", "--hooks"]).ok();
        remove(&ann);
        assert_eq!(everything(ann.top()), before);
        // What was there once is not remembered for ever.
        for folder in folders {
            std::fs::remove_dir_all(ann.path(folder.split('/').next().unwrap())).unwrap();
        }
        let before = everything(ann.top());
        install(&ann);
        remove(&ann);
        assert_eq!(everything(ann.top()), before);
    }
}

#[test]
fn one_program_gets_its_own_folder_only() {
    for (program, skills, other) in
        [("claude", ".claude", ".agents"), ("codex", ".agents", ".claude"), ("generic", ".agents", ".claude")]
    {
        let ann = World::new().clone("ann");
        ann.aitask(&["agents", "install", "--for", program]).ok();
        assert!(ann.path(skills).join("skills/aitask-pick/SKILL.md").is_file(), "{program}");
        assert!(!ann.path(other).exists() && ann.path("AGENTS.md").is_file(), "{program}");
    }
    World::new().clone("ann").aitask(&["agents", "install", "--for", "nobody"]).fails(2);
}

#[test]
fn the_skills_of_a_user_go_home_from_anywhere_and_what_is_there_stays() {
    let world = World::new();
    let ann = world.clone("ann");
    let home = world.root().join("home");
    std::fs::create_dir_all(home.join(".claude")).unwrap();
    std::fs::write(home.join(".claude/CLAUDE.md"), "mine\n").unwrap();
    let before = everything(&home);
    let outside = ann.at(world.root());
    let answer = outside.aitask(&["agents", "install", "--user", "--json"]).ok().json();
    assert_eq!((answer["files"].as_array().unwrap().len(), &answer["commit"]), (6, &serde_json::json!([])));
    assert!(home.join(".agents/skills/aitask-pick/SKILL.md").is_file());
    outside.aitask(&["agents", "remove", "--user"]).ok();
    assert_eq!(everything(&home), before);
    let error = outside.aitask(&["agents", "install", "--json"]).fails(128).error();
    assert_eq!(error["error"]["kind"], "not_a_repository");
    assert!(hints(&error["error"]).iter().any(|hint| hint.starts_with("git aitask agents install --user")), "{error}");
    outside.env("HOME", "").aitask(&["agents", "install", "--user"]).fails(2);
}

#[test]
fn a_dry_run_says_the_same_and_changes_nothing() {
    let ann = World::new().clone("ann");
    ann.write("AGENTS.md", "rules\n");
    let before = everything(ann.top());
    let dry = ann.aitask(&["agents", "install", "--dry-run", "--json"]).ok().json();
    assert_eq!(everything(ann.top()), before);
    let real = install(&ann);
    assert_eq!(dry["files"], real["files"]);
    assert!(dry["dry_run"].is_object() && real["dry_run"].is_null());
    let after = everything(ann.top());
    ann.aitask(&["agents", "remove", "--dry-run"]).ok();
    assert_eq!(everything(ann.top()), after);
}

#[test]
fn in_the_worktree_of_a_task_the_files_are_part_of_its_work() {
    let ann = World::new().initialised("ann");
    ann.task("Tell agents", &[]);
    ann.aitask(&["pick", "1"]).ok();
    ann.at("aiwork/t1_tell_agents").aitask(&["agents", "install"]).ok();
    assert!(ann.path("aiwork/t1_tell_agents/AGENTS.md").is_file() && !ann.path("AGENTS.md").exists());
    // The checkout of the task data is no place for them.
    ann.at(".aitask-data").aitask(&["agents", "install"]).ok();
    assert!(ann.path("AGENTS.md").is_file() && !ann.path(".aitask-data/AGENTS.md").exists());
    let bin = env!("CARGO_BIN_EXE_git-aitask");
    assert_eq!(ann.aitask(&["explore", "--", bin, "agents", "install"]).code, 2);
}

#[test]
fn the_texts_can_be_printed() {
    let ann = World::new().clone("ann");
    install(&ann);
    let stanza = ann.aitask(&["agents", "print"]).ok().stdout;
    assert!(ann.read("AGENTS.md").contains(&stanza), "{stanza}");
    for skill in SKILLS {
        let file = ann.read(&format!(".agents/skills/{skill}/SKILL.md"));
        assert_eq!(ann.aitask(&["agents", "print", skill]).ok().stdout, file);
        assert_eq!(ann.aitask(&["agents", "print", skill, "--json"]).ok().json()["text"], file);
    }
    ann.aitask(&["agents", "print", "nothing"]).fails(2);
}
