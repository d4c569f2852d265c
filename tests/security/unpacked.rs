//! A repository that somebody unpacked into a worktree runs nothing when that is removed.

use super::scene;

#[test]
fn a_command_of_a_repository_in_an_ignored_folder_is_not_run_when_the_worktree_is_removed() {
    let filter = "git config filter.x.clean 'touch ../hit; cat'";
    let elsewhere = "cp -r .git ../common && git --git-dir=../common config filter.x.clean 'touch ../hit; cat' && \
        echo ../../common >.git/commondir && rm .git/config";
    let hook = "printf '#!/bin/sh\\ntouch ../hit\\n' >.git/hooks/post-index-change && chmod +x .git/hooks/*";
    for (script, is_refused) in [(filter, true), (elsewhere, true), (hook, false)] {
        let (world, ann) = scene();
        ann.aitask(&["pick", "1"]).ok();
        ann.write(".git/info/exclude", "/aiwork\n/vendor\n/hit\n/common\n");
        let vendor = ann.at("aiwork/t1_first/vendor");
        ann.git(&["clone", "-q", world.origin().to_str().unwrap(), vendor.dir().to_str().unwrap()]);
        vendor.write(".git/info/attributes", "* filter=x\n");
        vendor.run("sh", &["-ec", script]).ok();
        // of the same content, and newer than in the index
        vendor.run("touch", &["-d", "2030-01-01", "README.md"]).ok();
        let run = ann.aitask(&["worktree", "remove", "1"]);
        assert!(!ann.path("aiwork/t1_first/hit").exists(), "{script}\n{run}");
        if is_refused {
            assert!(run.code == 1 && run.stderr.contains("has a repository in it"), "{script}\n{run}");
        }
    }
}
