//! Whose address `userconfig.yaml` gives: the same for the scripts and for the verbs.

use super::{LOCK, PICK, lock_text, project, published, result, run};
use crate::support::{Sleeper, share};
use predicates::prelude::*;
use predicates::str::contains;
use std::time::{Duration, Instant};

const SETTINGS: &str = "aitasks/metadata/userconfig.yaml";

#[test]
fn an_address_with_a_comment_after_it_is_one_person_for_pick_and_for_the_scripts() {
    for line in
        share(["email: ann@work.example # work", "email: 'ann@work.example'\t# work", "\"email\" : ann@work.example\r"])
    {
        let (world, ann) = project(2);
        let agent = Sleeper::new();
        let ann = ann.env("AIT_AGENT_PID", agent.pid());
        ann.write(SETTINGS, &format!("# mine\n{line}\n"));
        assert_eq!(result(&run(&ann, PICK, "1")), "OWNED:1", "{line}");
        assert!(lock_text(&world, "1").contains("locked_by: ann@work.example\n"), "{line}");
        ann.aitask(&["pick", "1"]).ok();
        ann.aitask(&["pick", "2"]).ok();
        assert!(lock_text(&world, "2").contains("locked_by: ann@work.example\n"), "{line}");
        run(&ann, LOCK, "--lock 2").ok();
        assert_eq!(result(&run(&ann, PICK, "2")), "OWNED:2", "{line}");
    }
}

#[test]
fn settings_that_are_no_yaml_name_their_owner_for_the_scripts_and_are_refused_by_the_verbs() {
    for (text, email) in share([
        ("email: ann@work.example # work\nodd line\n", "ann@work.example"),
        ("odd: [\nemail: \"ann@work.example\"\n", "ann@work.example"),
        ("email:ann@work.example\n", "ann@work.example"),
    ]) {
        let (world, ann) = project(1);
        ann.write(SETTINGS, text);
        run(&ann, LOCK, "--lock 1").ok();
        assert!(lock_text(&world, "1").contains(&format!("locked_by: {email}\n")), "{text}");
        let before = published(&world);
        for args in share([&["pick", "1"][..], &["lock", "1"], &["whoami"]]) {
            let run = ann.aitask(args).fails(1);
            run.assert()
                .stderr(contains(SETTINGS).and(contains("cannot be read as YAML")).and(contains("line ")))
                .stderr(contains("git config aitask.email"));
        }
        assert_eq!(published(&world), before);
        ann.aitask(&["status"]).ok();
        ann.git(&["config", "aitask.email", email]);
        assert_eq!(ann.aitask(&["whoami", "--json"]).ok().json()["email"], email);
    }
}

#[test]
fn hostile_files_of_settings_end_soon_and_are_no_address() {
    let bomb: Vec<_> = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
    let (world, ann) = project(1);
    let index = world.root().join("projects.yaml");
    let ann = ann.env("AITASKS_PROJECTS_INDEX", index.display());
    let before = published(&world);
    for text in share([
        format!("a0: &a0 [x, x]\n{}", bomb.concat()).into_bytes(),
        format!("a: {}\n", "[".repeat(1 << 20)).into_bytes(),
        (0..3000).flat_map(|n| [" ".repeat(n), "a:\n".to_owned()]).collect::<String>().into_bytes(),
        "# long\n".repeat(10 << 17).into_bytes(),
        (0..1 << 16).map(|n: u32| n.wrapping_mul(2_654_435_761).to_be_bytes()[0]).collect(),
    ]) {
        for file in [&ann.path(SETTINGS), &ann.path("aitasks/metadata/profiles/p.yaml"), &index] {
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, &text).unwrap();
        }
        let began = Instant::now();
        for run in [
            ann.aitask(&["pick", "1"]),
            ann.script("aitask_lock.sh", &["--lock", "1"]),
            ann.script("aitask_plan_externalize.sh", &["1", "--internal", SETTINGS, "--profile", "p.yaml"]),
            ann.script("aitask_ls.sh", &["--project", "other"]),
        ] {
            assert!([1, 128].contains(&run.code) && run.stderr.len() < 2000 && !run.stderr.contains("panick"), "{run}");
        }
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert_eq!(published(&world), before);
}
