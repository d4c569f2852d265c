//! Worktrees that are on no branch cost a list no process.

use crate::support::World;

#[test]
fn detached_worktrees_cost_a_list_what_those_on_branches_do() {
    let world = World::new();
    let ann = world.initialised("ann");
    for title in ["One", "Two", "Three"] {
        ann.task(title, &[]);
    }
    // what a list keeps, it keeps for the next one
    ann.aitask(&["list"]).ok();
    let commands = |how: &str| {
        for at in 0..4 {
            let branch = format!("{how}{at}");
            let place = format!("../{branch}");
            let options: &[&str] = if how == "branch" { &["-b", &branch] } else { &["--detach"] };
            ann.git(&[&["worktree", "add", "-q"], options, &[&place, "main"]].concat());
        }
        let (run, commands) = ann.git_commands(&["list"]);
        run.ok();
        commands.len()
    };
    assert_eq!(commands("branch"), commands("detached"));
}
