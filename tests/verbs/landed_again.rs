//! Work that was taken back from main and landed there again, in other words than before.

use super::landed::{LINES, WORK, proposed};

#[test]
fn what_was_taken_back_and_merged_again_with_other_content_is_not_called_taken_back() {
    let (world, ann, bob) = proposed();
    let merge = |options: &str| {
        let merge = format!("git fetch -q && git merge -q --no-ff {options} --no-edit origin/aitask/t1_one");
        bob.run("sh", &["-ec", &merge]).ok();
    };
    merge("");
    bob.git(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    let there = ann.at(WORK);
    there.write("f", &LINES.replace('2', "TWO").replace('5', "FIVE"));
    there.commit("corrected");
    there.git(&["push", "-q", "origin", "HEAD"]);
    merge("-X theirs");
    bob.git(&["push", "-q"]);
    ann.aitask(&["finish", "1"]).ok();
    assert!(world.remote_file("main", "f").unwrap().contains("FIVE") && world.locks().is_empty());
}

#[test]
fn what_was_taken_back_and_picked_again_beside_the_work_of_others_is_not_called_taken_back() {
    // The branches of others, whose file a later message is about, cost no program each.
    const OTHERS: &str = "
git merge -q --no-ff --no-edit origin/aitask/t1_one
git revert --no-edit -m 1 HEAD
for n in 1 2 3 4 5 6; do
    git switch -qc o$n; echo $n >>g; git add g; git commit -qm $n
    git switch -q main; git merge -q --no-ff --no-edit o$n
done
echo less >g; git commit -qam less -m \"This reverts commit $(git rev-parse o6).\"
sed -i 's/9/nine/' f; git commit -qam others
git cherry-pick origin/aitask/t1_one~1 origin/aitask/t1_one >/dev/null
git push -q origin main";
    let (world, ann, bob) = proposed();
    bob.run("sh", &["-ec", OTHERS]).ok();
    ann.git(&["fetch", "-q"]);
    assert_eq!(ann.aitask(&["finish", "1", "--dry-run", "--json"]).ok().json()["merged"]["branch"], "aitask/t1_one");
    ann.at(WORK).write("more", "more\n");
    ann.at(WORK).commit("more");
    let (run, commands) = ann.git_commands(&["finish", "1", "--merge"]);
    run.ok();
    let of_history = commands.iter().filter(|command| command.starts_with("log ")).count();
    assert!(of_history < 6, "{commands:#?}");
    assert!(world.remote_file("main", "f").unwrap().contains("nine") && world.remote_file("main", "more").is_some());
}
