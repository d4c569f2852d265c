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
fn what_is_refused_is_said_in_one_sentence_and_nothing_is_written() {
    let (_world, ann) = scene();
    ann.write("here.yaml", "create_worktree: no\n");
    ann.write("odd.yaml", "base_branch: a b\n");
    ann.write("empty.yaml", "# base_branch: b\n");
    ann.write("aitasks/metadata/profiles/fast.yaml", "base_branch: b\n");
    for (name, text) in [
        ("cr", "fb\r\n"),
        ("two", "a\nb\n"),
        ("more", "a\n\n"),
        ("empty", ""),
        ("line", "\n"),
        ("odd", "a b\n"),
        ("nul", "a\0\n"),
    ] {
        ann.write(&format!("{name}.txt"), text);
    }
    let worktree = "--worktree: unsafe path";
    for (line, sentence) in [
        ("--worktree aiwork/t2_a --no-worktree", "--worktree and --no-worktree are mutually exclusive"),
        (
            "--worktree aiwork/t2_a --profile here.yaml",
            "--worktree contradicts the profile, which has create_worktree: false",
        ),
        ("--worktree ../x", worktree),
        ("--worktree aiwork/../../x", worktree),
        ("--worktree /x", worktree),
        ("--worktree a$b", worktree),
        ("--worktree -x", worktree),
        ("--profile no.yaml", "--profile: cannot read branch settings from 'no.yaml'"),
        ("--profile fast", "--profile: cannot read branch settings from 'fast'"),
        ("--profile empty.yaml", "--profile: cannot read branch settings from 'empty.yaml'"),
        ("--no-worktree --profile odd.yaml", "profile base_branch: unsafe branch name 'a b'"),
        ("--base-branch -b", "--base-branch: unsafe branch name '-b'"),
        ("--base-branch HEAD", "--base-branch: unsafe branch name 'HEAD'"),
        ("--output-branch a..b", "--output-branch: unsafe branch name 'a..b'"),
        ("--output-branch-default a~1", "--output-branch-default: unsafe branch name 'a~1'"),
        ("--base-branch-file cr.txt", "--base-branch-file: unsafe branch name 'fb"),
        ("--base-branch-file two.txt", "--base-branch-file: two.txt does not have exactly one line"),
        ("--base-branch-file more.txt", "--base-branch-file: more.txt does not have exactly one line"),
        ("--base-branch-file empty.txt", "--base-branch-file: empty.txt does not have exactly one line"),
        ("--base-branch-file line.txt", "--base-branch-file: unsafe branch name ''"),
        ("--base-branch-file odd.txt", "--base-branch-file: unsafe branch name 'a b'"),
        ("--base-branch-file nul.txt", "--base-branch-file: unsafe branch name 'a"),
        ("--base-branch b --base-branch-file no.txt", "--base-branch-file: cannot read"),
        (
            "--output-branch-default-file two.txt",
            "--output-branch-default-file: two.txt does not have exactly one line",
        ),
        ("--bogus", "Unknown flag: --bogus"),
        ("--internal", "--internal requires a value"),
        ("3", "Invalid task ID: 3"),
    ] {
        let run = plan(&ann, line).fails(1);
        assert!(run.stdout.is_empty() && run.stderr.starts_with(&format!("Error: {sentence}")), "{line}: {run}");
        assert_eq!(run.stderr.lines().count(), 1, "{run}");
    }
    for (id, sentence) in
        [("x", "Invalid task ID: x"), ("2_", "Invalid task ID: 2_"), ("--force", "Task ID is required")]
    {
        let run = ann.script("aitask_plan_externalize.sh", &[id]).fails(1);
        assert_eq!((run.stdout.as_str(), run.stderr), ("", format!("Error: {sentence}\n")));
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
fn a_profile_may_be_written_in_any_form_of_yaml() {
    let (_world, ann) = scene();
    let written = |text: &str, line: &str| {
        ann.write("p.yaml", text);
        header(&ann, &format!("{line} --profile p.yaml"))
    };
    for text in [
        "\"base_branch\": 'dev'\n'output_branch' : \"out\"\n",
        "? base_branch\n: &b dev\noutput_branch: out # there\nx: *b\n",
        "base_branch: >\n  dev\noutput_branch: |\n  out\n",
        "base_branch: >-\n  dev\noutput_branch: !!str out\n",
        "defaults: &d\n  base_branch: dev\n  output_branch: ignored\n<<: *d\noutput_branch: out\n",
        "--- {base_branch: dev, output_branch: \"o\\u0075t\"}\n...\n",
        "\u{feff}base_branch: dev\r\noutput_branch: out\r\n",
    ] {
        assert_eq!(written(text, IN_WORKTREE), decided("dev", "out"), "{text}");
    }
    // Only a boolean says that there is no worktree.
    for value in ["\"false\"", "'no'", "!!str false", "0", "~", "[false]"] {
        let text = format!("create_worktree: {value}\nbase_branch: dev\n");
        assert_eq!(written(&text, IN_WORKTREE), decided("dev", "dev"), "{text}");
    }
}

#[test]
fn a_plan_that_is_not_all_text_is_copied_to_the_byte() {
    let (_world, ann) = scene();
    for (text, header) in
        [("# caf", "---\nTask: t2_a.md\n"), ("---\nWorktree: aiwork/x\n---\n# caf", "---\nBase branch: main\n")]
    {
        let bytes = [text.as_bytes(), b"\xe9 \xff\n"].concat();
        std::fs::write(ann.path("int.md"), bytes).unwrap();
        plan(&ann, "--force --no-worktree").ok();
        let plan = std::fs::read(ann.path("aiplans/p2_a.md")).unwrap();
        assert!(plan.starts_with(header.as_bytes()) && plan.ends_with(b"# caf\xe9 \xff\n"), "{plan:?}");
    }
}

#[test]
fn with_a_data_branch_the_plan_is_written_there_and_committed_by_the_caller() {
    let world = World::new();
    let ann = world.clone("ann");
    ann.aitask(&["init", "--data-branch"]).ok();
    ann.write("aitasks/t2_a.md", "---\nstatus: Ready\n---\n");
    ann.write("int.md", "# The plan\n");
    ann.git(&["switch", "-q", "-c", "topic"]);
    assert_eq!(plan(&ann, IN_WORKTREE).ok().stdout, "EXTERNALIZED:aiplans/p2_a.md:int.md\n");
    let text = ann.read(".aitask-data/aiplans/p2_a.md");
    let header = decided("main", "main").replace(" | Base", "\nBranch: topic\nBase").replace(" | ", "\n");
    assert_eq!(text, format!("---\n{header}\n---\n\n# The plan\n"));
    let data = ann.at(".aitask-data");
    assert_eq!(data.git(&["status", "--porcelain", "aiplans"]), "?? aiplans/\n");
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
    let warning = "Warning: no worktree claim (--worktree/--no-worktree) -- 'Worktree:' omitted from the plan header\n";
    assert_eq!(run.stderr, warning);
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
    ann.write("aiplans/archived/p16/p16_10_f.md", "done\n");
    for odd in ["p16_6_x\nOutput branch: evil", "p17_1_x", "notes"] {
        ann.write(&format!("aiplans/archived/p16/{odd}.md"), "odd\n");
    }
    ann.git(&["switch", "-q", "-c", "topic"]);
    let run = ann.script("aitask_plan_externalize.sh", &["16_2", "--internal", "int.md", "--no-worktree"]).ok();
    assert_eq!(run.stdout, "EXTERNALIZED:aiplans/p16/p16_2_a.md:int.md\n");
    let expected = "---\nTask: t16_2_a.md\nParent Task: aitasks/t16_big.md\n\
                    Sibling Tasks: aitasks/t16/t16_1_c.md, aitasks/t16/t16_3_c.md, aitasks/t16/t16_9_c.md, aitasks/t16/t16_10_c.md\n\
                    Archived Sibling Plans: aiplans/archived/p16/p16_4_d.md, aiplans/archived/p16/p16_5_e.md, \
                    aiplans/archived/p16/p16_10_f.md\n\
                    Branch: topic\nBase branch: main\nOutput branch: main\nplan_verified: []\n---\n\n# The plan\n";
    assert_eq!(ann.read("aiplans/p16/p16_2_a.md"), expected);
}

#[test]
fn a_task_file_that_was_named_by_hand_has_its_plan() {
    let (_world, ann) = scene();
    let names = ["t7_Größe", "t8_a b", "t9_it's", "t2/t2_1_Größe", "t2/t2_2_b"];
    for name in names {
        ann.write(&format!("aitasks/{name}.md"), "---\nstatus: Ready\n---\n");
    }
    ann.write("aitasks/t6_x\nOutput branch: evil.md", "odd\n");
    for (id, name) in ["7", "8", "9", "2_1"].iter().zip(names) {
        let run = ann.script("aitask_plan_externalize.sh", &[id, "--internal", "int.md", "--no-worktree"]).ok();
        let plan = format!("aiplans/{}.md", name.replace("t2", "p2").replacen('t', "p", usize::from(*id != "2_1")));
        assert_eq!(run.stdout, format!("EXTERNALIZED:{plan}:int.md\n"));
        let task = name.rsplit('/').next().unwrap();
        assert!(ann.read(&plan).starts_with(&format!("---\nTask: {task}.md\n")), "{plan}");
    }
    assert!(ann.read("aiplans/p2/p2_1_Größe.md").contains("\nSibling Tasks: aitasks/t2/t2_2_b.md\n"));
    let run = ann.script("aitask_plan_externalize.sh", &["6", "--internal", "int.md"]).ok();
    assert_eq!(run.stdout, "NOT_FOUND:no_task_file\n");
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
    assert_eq!(spliced(plan_of, "--no-worktree --base-branch b --output-branch o"), here);
    assert_eq!(spliced(plan_of, "--output-branch-default o"), plan_of);
    let without = plan_of.replace("Output branch: dev\n", "");
    assert_eq!(spliced(&without, "--output-branch-default o"), without.replace("dev\n", "dev\nOutput branch: o\n"));
    let dos = plan_of.replace('\n', "\r\n");
    assert_eq!(spliced(&dos, "--no-worktree"), here.replace('\n', "\r\n"));
    assert_eq!(spliced(&dos, ""), dos);
}
