//! Finding completed branches, and handing the profile of one to the script that keeps the gates.

use super::two;
use crate::support::{Repo, Run, World};

#[test]
fn a_branch_with_head_in_its_name_is_listed_and_no_branch_of_the_coordination() {
    let (_world, ann, bob) = two();
    bob.git(&["remote", "set-head", "origin", "main"]);
    for branch in ["feature/HEADER-fix", "topic", "aitask-ids", "aitask-locks", "aitask-data", "master"] {
        ann.git(&["switch", "-q", "--detach", "main"]);
        ann.write(".aitask-data-updated/completed_t5.json", "{}");
        ann.write(".aitask-data-updated/plan_t5.md", "plan");
        ann.commit("done");
        ann.git(&["push", "-q", "--force", "origin", &format!("HEAD:refs/heads/{branch}")]);
    }
    let run = bob.script("aitask_web_merge.sh", &["--fetch"]).ok();
    let listed =
        ["feature/HEADER-fix", "topic"].map(|branch| format!("COMPLETED:{branch}:completed_t5.json\n")).concat();
    assert_eq!((run.stdout, run.stderr), (listed, String::new()));
}

#[test]
fn without_a_repository_there_is_nothing_and_a_fetch_is_warned_of() {
    let world = World::new();
    let ann = world.clone("ann");
    std::fs::create_dir_all(world.root().join("bare")).unwrap();
    let bare = ann.at(world.root().join("bare"));
    let listed = |args: &[&str]| bare.script("aitask_web_merge.sh", args).ok();
    assert_eq!((listed(&[]).stdout, listed(&[]).stderr), ("NONE\n".to_owned(), String::new()));
    let run = listed(&["--fetch"]);
    assert_eq!(
        (run.stdout.as_str(), run.stderr.as_str()),
        ("NONE\n", "Warning: Fetch failed, using cached remote data\n")
    );
}

/// Runs the script on a marker with this text, from the folder of `repo`.
fn materialize(repo: &Repo, marker: &str) -> Run {
    repo.write("marker.json", marker);
    repo.script("aitask_web_merge.sh", &["materialize", "5", "marker.json"])
}

const FAST: &str = r#"{"profile": "fast", "profile_filename": "fast.yaml"}"#;

#[test]
fn the_script_of_the_gates_is_the_one_beside_the_script_that_was_called() {
    let world = World::new();
    let ann = world.clone("ann");
    std::fs::create_dir_all(world.root().join("no repository")).unwrap();
    let gate = world.root().join("framework/aitask_gate.sh");
    world.script(&gate, "#!/bin/sh\necho \"in $PWD: $*\"\n");
    for dir in [ann.path(""), world.root().join("no repository")] {
        let repo = &ann.at(&dir);
        world.script(&dir.join(".aitask-scripts/aitask_gate.sh"), "#!/bin/sh\necho another\n");
        repo.write("aitasks/metadata/profiles/fast.yaml", "name: fast\n");
        assert_eq!(materialize(repo, FAST).ok().stdout, "WEBMAT_OK:another\n");
        let called = repo.env("AITASK_SCRIPT_DIR", gate.parent().unwrap().display());
        let given = "materialize-active 5 --profile aitasks/metadata/profiles/fast.yaml";
        let place = dir.canonicalize().unwrap();
        assert_eq!(materialize(&called, FAST).ok().stdout, format!("WEBMAT_OK:in {}: {given}\n", place.display()));
        let run = materialize(&repo.env("AITASK_SCRIPT_DIR", "/nowhere"), FAST).fails(1);
        assert!(run.stdout.starts_with("WEBMAT_FAIL:127:") && run.stdout.lines().count() == 1, "{run}");
    }
}

#[test]
fn a_marker_names_a_profile_of_the_project_or_nothing() {
    for has_branch in [false, true] {
        let world = World::new();
        let ann = world.clone("ann");
        if has_branch {
            ann.give_data_a_branch();
        }
        world.script(&ann.path(".aitask-scripts/aitask_gate.sh"), "#!/bin/sh\necho \"$4\"\n");
        let profiles = "aitasks/metadata/profiles";
        for (name, text) in
            [("fast.yaml", "name: fast\n"), ("local/own.yaml", "name: own\n"), ("list.yaml", "- fast\n")]
        {
            ann.write(&format!("{profiles}/{name}"), text);
        }
        std::fs::write(world.root().join("out.yaml"), "name: out\n").unwrap();
        let out = world.root().join("out.yaml").display().to_string();
        for (name, to) in [
            ("same.yaml", "fast.yaml"),
            ("local/up.yaml", "../fast.yaml"),
            ("dangling.yaml", "none.yaml"),
            ("aside.yaml", "../task_types.txt"),
            ("out.yaml", &out),
        ] {
            std::os::unix::fs::symlink(to, ann.path(profiles).join(name)).unwrap();
        }
        let named =
            |profile: &str, file: &str| format!("{{\"profile\": \"{profile}\", \"profile_filename\": \"{file}\"}}");
        for (profile, file) in
            [("fast", "fast.yaml"), ("own", "local/own.yaml"), ("fast", "same.yaml"), ("fast", "local/up.yaml")]
        {
            let run = materialize(&ann, &named(profile, file)).ok();
            assert_eq!(run.stdout, format!("WEBMAT_OK:{profiles}/{file}\n"));
        }
        for marker in ["{}", r#"{"profile": null, "profile_filename": null}"#, &named("", "")] {
            assert_eq!(materialize(&ann, marker).ok().stdout, "WEBMAT_SKIP:no-profile\n", "{marker}");
        }
        let wrong_names = [
            "fast.yml",
            ".yaml",
            "../fast.yaml",
            "local/../fast.yaml",
            "local/local/own.yaml",
            "/fast.yaml",
            "a b.yaml",
        ];
        let wrong_names = wrong_names.map(|file| (named("fast", file), "bad-profile-filename"));
        for (marker, reason) in [
            ("{".to_owned(), "bad-marker"),
            ("[]".to_owned(), "bad-marker"),
            (r#"{"profile": 7}"#.to_owned(), "non-string-provenance"),
            (r#"{"profile": "fast", "profile_filename": ["fast.yaml"]}"#.to_owned(), "non-string-provenance"),
            (r#"{"profile": "fast"}"#.to_owned(), "partial-provenance"),
            (named("", "fast.yaml"), "partial-provenance"),
            (named("fast", "none.yaml"), "profile-not-found"),
            (named("fast", "dangling.yaml"), "profile-not-found"),
            (named("fast", "aside.yaml"), "outside-profiles-dir"),
            (named("out", "out.yaml"), "outside-profiles-dir"),
            (named("slow", "fast.yaml"), "name-mismatch"),
            (named("fast", "list.yaml"), "name-mismatch"),
        ]
        .into_iter()
        .chain(wrong_names)
        {
            assert_eq!(materialize(&ann, &marker).fails(1).stdout, format!("WEBMAT_INVALID:{reason}\n"), "{marker}");
        }
        for args in [&[][..], &["5"], &["5", "marker.json", "more"]] {
            let run = ann.script("aitask_web_merge.sh", &[&["materialize"], args].concat()).fails(1);
            assert_eq!(run.stdout, "WEBMAT_INVALID:usage: materialize <task_id> <marker.json>\n");
        }
    }
}
