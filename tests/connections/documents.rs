//! What a document costs beside the page that tells the same.

use super::scene;

#[test]
fn a_document_costs_no_connection_and_few_processes() {
    let (list, state) = ("worktree list", "status --porcelain=v2, rev-list --left-right");
    let lines = [
        ("new four", String::new()),
        ("edit 1 --priority high", String::new()),
        ("pick 1", format!("{list}, {state}")),
        ("edit 1 --effort low", format!("{list}, {state}")),
        ("pick 2 --no-worktree", list.to_owned()),
        ("drop 2", String::new()),
        ("archive 3", list.to_owned()),
        ("list", String::new()),
        ("status", String::new()),
        ("finish 1", String::new()),
    ];
    let ((_pages, ann), (_documents, bob)) = (scene(), scene());
    for (line, more) in lines {
        if line.starts_with("finish") {
            for who in [&ann, &bob] {
                who.write("aiwork/t1_one/work", "done\n");
                who.at("aiwork/t1_one").commit("work");
            }
        }
        let args: Vec<_> = line.split(' ').collect();
        let (run, page) = ann.git_commands(&args);
        run.ok();
        let (run, document) = bob.git_commands(&[&args[..], &["--json"]].concat());
        run.ok();
        let (same, rest) = document.split_at(page.len().min(document.len()));
        assert_eq!(same, page, "{line}");
        let rest: Vec<_> = rest.iter().map(|call| call.splitn(3, ' ').take(2).collect::<Vec<_>>().join(" ")).collect();
        assert_eq!(rest.join(", "), more, "{line}");
    }
}
