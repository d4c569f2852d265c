//! `aitask_plan_externalize.sh`: where the branch decisions of a plan come from, and how they are written down.

use crate::support::{Repo, Run, World};

/// A clone with the task 2 and a plan of an agent.
fn scene() -> (World, Repo) {
    let world = World::new();
    let ann = world.clone("ann");
    ann.write("aitasks/t2_a.md", "---\nstatus: Ready\n---\n");
    ann.write("int.md", "# The plan\n");
    (world, ann)
}

fn plan(repo: &Repo, line: &str) -> Run {
    let words: Vec<_> = line.split_whitespace().collect();
    repo.script("aitask_plan_externalize.sh", &[&["2", "--internal", "int.md"], &words[..]].concat())
}

/// The header of the plan that `line` writes, in one line.
#[track_caller]
fn header(repo: &Repo, line: &str) -> String {
    plan(repo, &format!("--force {line}")).ok();
    let text = repo.read("aiplans/p2_a.md");
    let header = text.strip_prefix("---\n").and_then(|text| text.split_once("\n---\n")).unwrap().0;
    header.replace('\n', " | ")
}

/// Worktree mode, and its lines of the header.
const IN_WORKTREE: &str = "--worktree aiwork/t2_a";

fn decided(base: &str, output: &str) -> String {
    format!("Task: t2_a.md | Worktree: aiwork/t2_a | Base branch: {base} | Output branch: {output} | plan_verified: []")
}

#[test]
fn the_branches_of_a_plan_come_from_whoever_decides_first() {
    let (_world, ann) = scene();
    ann.write("aitasks/metadata/profiles/both.yaml", "name: both\nbase_branch: pb\noutput_branch: \"po\" # so\n");
    ann.write("aitasks/metadata/profiles/base.yaml", "base_branch: pb\noutput_branch:\n");
    ann.write("none.yaml", "{}");
    ann.write("one.txt", "fb\n");
    for (line, base, output) in [
        ("", "main", "main"),
        ("--profile none.yaml", "main", "main"),
        ("--base-branch b", "b", "b"),
        ("--base-branch-file one.txt", "fb", "fb"),
        ("--profile both.yaml", "pb", "po"),
        ("--profile base.yaml", "pb", "pb"),
        ("--profile both.yaml --base-branch b", "b", "po"),
        ("--profile both.yaml --base-branch-file one.txt", "fb", "po"),
        ("--profile both.yaml --output-branch o --output-branch-default d", "pb", "o"),
        ("--profile both.yaml --output-branch-default d", "pb", "po"),
        ("--profile base.yaml --output-branch-default d", "pb", "d"),
        ("--output-branch-default-file one.txt", "main", "fb"),
        ("--base-branch b --base-branch c", "c", "c"),
        ("--base-branch b --base-branch-file one.txt", "fb", "fb"),
        ("--output-branch-default-file one.txt --output-branch-default d", "main", "fb"),
    ] {
        let with = decided(base, output);
        assert_eq!(header(&ann, &format!("{IN_WORKTREE} {line}")), with, "{line}");
        assert_eq!(header(&ann, line), with.replace("Worktree: aiwork/t2_a | ", ""), "{line}");
    }
    ann.write("here.yaml", "create_worktree: false\nbase_branch: pb\noutput_branch: po\n");
    for line in ["--no-worktree", "--no-worktree --profile both.yaml", "--profile here.yaml"] {
        let alone = decided("main", "main").replace("Worktree: aiwork/t2_a | ", "");
        assert_eq!(header(&ann, &format!("{line} --base-branch b --output-branch o")), alone, "{line}");
    }
}

#[test]
fn contradictions_are_refused() {
    let (_world, ann) = scene();
    ann.write("here.yaml", "create_worktree: false\n");
    ann.write("cr.txt", "fb\r\n");
    ann.write("two.txt", "a\nb\n");
    ann.write("empty.txt", "");
    ann.write("odd.txt", "a b\n");
    for line in [
        "--worktree aiwork/t2_a --profile here.yaml",
        "--base-branch-file two.txt",
        "--base-branch-file empty.txt",
        "--base-branch-file odd.txt",
        "--base-branch-file cr.txt",
        "--base-branch-file no.txt",
        "--output-branch-default-file two.txt",
        "--profile no.yaml",
    ] {
        let run = plan(&ann, line).fails(1);
        assert!(run.stdout.is_empty() && run.stderr.contains("Error: "), "{run}");
    }
    assert!(!ann.path("aiplans").exists());
}

#[test]
fn a_profile_that_is_no_mapping_is_refused() {
    let (_world, ann) = scene();
    for text in ["a: [b\n", "- create_worktree\n- base_branch\n", "base_branch: a: b\n", "base_branch: a b\n"] {
        ann.write("bad.yaml", text);
        plan(&ann, "--no-worktree --profile bad.yaml").fails(1);
    }
    ann.write("good.yaml", "labels:\n- a\nnested:\n  - b: c\nlong: [a,\n  b]\ncreate_worktree: false\n");
    plan(&ann, "--no-worktree --profile good.yaml").ok();
}

#[test]
fn a_plan_that_exists_is_said_before_anything_is_read() {
    let (_world, ann) = scene();
    ann.write("aiplans/p2_a.md", "mine\n");
    ann.write("bad.yaml", "a: [b\n");
    for line in ["--profile no.yaml", "--profile bad.yaml", "--base-branch-file no.txt"] {
        assert_eq!(plan(&ann, line).ok().stdout, "PLAN_EXISTS:aiplans/p2_a.md\n");
    }
    assert_eq!(ann.read("aiplans/p2_a.md"), "mine\n");
}

#[test]
fn a_worktree_that_the_profile_wants_is_no_claim() {
    let (_world, ann) = scene();
    ann.write("work.yaml", "create_worktree: true\nbase_branch: dev\n");
    let run = plan(&ann, "--profile work.yaml").ok();
    assert!(run.stderr.contains("Warning: no worktree claim"), "{run}");
    let expected = "Task: t2_a.md | Base branch: dev | Output branch: dev | plan_verified: []";
    assert_eq!(header(&ann, "--profile work.yaml"), expected);
}

#[test]
fn the_plan_of_a_child_names_its_family() {
    let (_world, ann) = scene();
    ann.write("aitasks/t16_big.md", "---\nstatus: Ready\n---\n");
    for child in [10, 9, 2, 1, 3] {
        ann.write(&format!("aitasks/t16/t16_{child}_c.md"), "---\nstatus: Ready\n---\n");
    }
    ann.write("aitasks/t16/t16_2_a.md", "the first of two by name\n");
    ann.write("aiplans/archived/p16/p16_5_e.md", "done\n");
    ann.write("aiplans/archived/p16/p16_4_d.md", "done\n");
    ann.git(&["switch", "-q", "-c", "topic"]);
    let run = ann.script("aitask_plan_externalize.sh", &["16_2", "--internal", "int.md", "--no-worktree"]).ok();
    assert_eq!(run.stdout, "EXTERNALIZED:aiplans/p16/p16_2_a.md:int.md\n");
    let expected = "---\nTask: t16_2_a.md\nParent Task: aitasks/t16_big.md\n\
                    Sibling Tasks: aitasks/t16/t16_1_c.md, aitasks/t16/t16_3_c.md, aitasks/t16/t16_9_c.md, aitasks/t16/t16_10_c.md\n\
                    Archived Sibling Plans: aiplans/archived/p16/p16_4_d.md, aiplans/archived/p16/p16_5_e.md\n\
                    Branch: topic\nBase branch: main\nOutput branch: main\nplan_verified: []\n---\n\n# The plan\n";
    assert_eq!(ann.read("aiplans/p16/p16_2_a.md"), expected);
}

#[test]
fn the_primary_branch_is_the_remotes_then_main_then_master() {
    let (world, ann) = scene();
    let primary = || {
        let header = header(&ann, "--no-worktree");
        header.split(" | ").find_map(|line| line.strip_prefix("Output branch: ")).unwrap().to_owned()
    };
    ann.git(&["branch", "master"]);
    ann.git(&["push", "-q", "origin", "main:trunk"]);
    world.git(&["--git-dir=origin.git", "symbolic-ref", "HEAD", "refs/heads/trunk"]);
    ann.git(&["fetch", "-q"]);
    ann.git(&["remote", "set-head", "origin", "--auto"]);
    assert_eq!(primary(), "trunk");
    ann.git(&["remote", "set-head", "origin", "--delete"]);
    assert_eq!(primary(), "main");
    ann.git(&["branch", "-m", "main", "topic"]);
    assert_eq!(primary(), "master");
    ann.git(&["branch", "-D", "master"]);
    assert_eq!(primary(), "main");
}

#[test]
fn of_a_header_that_is_there_only_what_is_claimed_changes() {
    let (_world, ann) = scene();
    let plan_of =
        "---\nTask: t2_a.md\nnote: kept\nWorktree: aiwork/old\nBase branch: dev\nOutput branch: dev\n---\n\nText\n";
    ann.write("work.yaml", "create_worktree: true\nbase_branch: pb\noutput_branch: po\n");
    let spliced = |text: &str, line: &str| {
        ann.write("int.md", text);
        plan(&ann, &format!("--force {line}")).ok();
        ann.read("aiplans/p2_a.md")
    };
    assert_eq!(spliced(plan_of, ""), plan_of);
    assert_eq!(spliced(plan_of, "--profile work.yaml"), plan_of);
    assert_eq!(spliced(plan_of, IN_WORKTREE), plan_of.replace("aiwork/old", "aiwork/t2_a"));
    assert_eq!(spliced(plan_of, "--base-branch b"), plan_of.replace("Base branch: dev", "Base branch: b"));
    assert_eq!(spliced(plan_of, "--output-branch o"), plan_of.replace("Output branch: dev", "Output branch: o"));
    let here = plan_of.replace("Worktree: aiwork/old\n", "").replace("dev", "main");
    assert_eq!(spliced(plan_of, "--no-worktree"), here);
    let dos = plan_of.replace('\n', "\r\n");
    assert_eq!(spliced(&dos, "--no-worktree"), here.replace('\n', "\r\n"));
    assert_eq!(spliced(&dos, ""), dos);
}
