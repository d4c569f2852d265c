use super::*;
use proptest::prelude::*;

const PARENT: &str = "---\nstatus: Ready\nlabels: []\nupdated_at: u\n---\n\np\n";
const HOMES: [DataLocation; 2] = [DataLocation::Published, DataLocation::Checkout];

fn request(more: &str) -> NewRequest {
    let text = format!("---\npriority: medium\ndepends: [9]\nstatus: Ready\nlabels: []\n{more}---\n\ntext\n");
    NewRequest {
        slug: Slug::from_title("Add login"),
        document: Document::parse(text.as_bytes()),
        sibling: Sibling::After,
        issue_type: None,
        depends: Vec::new(),
        origin: None,
        folds: Vec::new(),
    }
}

fn seen(place: TaskPosition) -> NewView {
    let vocabulary = Vocabulary { types: vec!["bug".to_owned()], labels: "ui\n".to_owned() };
    let others = OtherTasks { unknown: vec![TaskId::top(10)], ..OtherTasks::default() };
    NewView { place, vocabulary, emails: "a@x\n".to_owned(), others, folded: Vec::new() }
}

fn below(number: u64, text: &str) -> TaskPosition {
    let file = LoadedFile { path: "aitasks/t3_p.md".to_owned(), document: Document::parse(text.as_bytes()) };
    TaskPosition::Below { parent: TaskId::top(3), number, file: Some(file) }
}

fn put<'e>(edits: &'e [Edit], wanted: &str) -> Option<&'e str> {
    edits.iter().find_map(|edit| match edit {
        Edit::Put { path, content } if path == wanted => std::str::from_utf8(content).ok(),
        _ => None,
    })
}

#[test]
fn a_task_is_its_file() {
    for location in HOMES {
        let request = request("");
        let made = decide(location, seen(TaskPosition::Top(12)), &request, "now").unwrap();
        assert_eq!((made.id, made.path.as_str()), (TaskId::top(12), "aitasks/t12_add_login.md"));
        assert_eq!(made.subject, "ait: Add task t12: add login");
        assert_eq!(made.edits.len(), 1);
        assert_eq!(put(&made.edits, made.path.as_str()).unwrap().as_bytes(), request.document.to_bytes());
    }
}

#[test]
fn a_child_waits_for_the_one_before_and_its_parent_for_it() {
    for location in HOMES {
        let made = decide(location, seen(below(2, PARENT)), &request(""), "now").unwrap();
        assert_eq!(
            (made.path.as_str(), made.subject.as_str()),
            ("aitasks/t3/t3_2_add_login.md", "ait: Add child task t3_2: add login")
        );
        assert_eq!(made.document.list("depends"), ["t3_1", "9"]);
        assert_eq!(made.parent.as_deref(), Some("aitasks/t3_p.md"));
        let parent = put(&made.edits, "aitasks/t3_p.md").unwrap();
        assert!(parent.contains("children_to_implement: [t3_2]\n") && parent.contains("updated_at: now\n"));
        // The scripts' parent is written in canonical form.
        assert_eq!(parent.contains("priority: medium\n"), location == DataLocation::Checkout);
        let free = NewRequest { sibling: Sibling::Free, ..request("") };
        for (number, request) in [(2, free), (1, request(""))] {
            let made = decide(location, seen(below(number, PARENT)), &request, "now").unwrap();
            assert_eq!(made.document.list("depends"), ["9"]);
        }
    }
}

#[test]
fn a_published_child_takes_over_the_anchor() {
    let anchored = PARENT.replace("labels", "anchor: 2\nlabels");
    for (parent, own, anchor) in [(PARENT, "", "3"), (&anchored, "", "2"), (&anchored, "anchor: 7\n", "7")] {
        let made = decide(DataLocation::Published, seen(below(1, parent)), &request(own), "now").unwrap();
        assert_eq!(made.document.scalar("anchor"), Some(anchor));
        let here = decide(DataLocation::Checkout, seen(below(1, parent)), &request(own), "now").unwrap();
        assert_eq!(here.document.scalar("anchor"), request(own).document.scalar("anchor"));
    }
}

#[test]
fn what_must_not_be_is_refused() {
    for location in HOMES {
        let kind = |place: TaskPosition, request: &NewRequest| {
            decide(location, seen(place), request, "now").unwrap_err().kind()
        };
        let below_child = TaskPosition::Below { parent: TaskId::child(3, 1), number: 1, file: None };
        assert_eq!(kind(below_child, &request("")), Kind::Usage);
        let odd = NewRequest { issue_type: Some("odd".to_owned()), ..request("") };
        assert_eq!(kind(TaskPosition::Top(10), &odd), Kind::Usage);
        let depends = |number| NewRequest { depends: vec![TaskId::top(number)], ..request("") };
        assert_eq!(kind(TaskPosition::Top(10), &depends(10)), Kind::NoSuchTask);
        assert!(decide(location, seen(TaskPosition::Top(10)), &depends(9), "now").is_ok());
    }
}

#[test]
fn a_new_task_closes_no_circle() {
    let task = |path: &str, depends: &str| {
        let text = format!("---\nstatus: Ready\ndepends: [{depends}]\n---\n");
        Task::from_document(TaskPath::parse(path).unwrap(), &Document::parse(text.as_bytes()))
    };
    let active = vec![task("aitasks/t3_p.md", ""), task("aitasks/t4_a.md", "3"), task("aitasks/t5_b.md", "20")];
    let made = |place: TaskPosition, on: u64| {
        let document = Document::parse(format!("---\nstatus: Ready\ndepends: [{on}]\n---\n").as_bytes());
        let request = NewRequest { depends: vec![TaskId::top(on)], document, ..request("") };
        let others = OtherTasks { active: active.clone(), unknown: Vec::new() };
        decide(DataLocation::Published, NewView { others, ..seen(place) }, &request, "now").map(|_| ())
    };
    let refused = |place, on| {
        let error = made(place, on).unwrap_err();
        assert_eq!(error.kind(), Kind::Circle);
        error.to_string()
    };
    // A parent waits for its children, and a file may name an id before there is such a task.
    assert_eq!(refused(below(1, PARENT), 3), "t3_1 would wait for itself: 3_1 -> 3 -> 3_1");
    assert_eq!(refused(below(1, PARENT), 4), "t3_1 would wait for itself: 3_1 -> 4 -> 3 -> 3_1");
    assert_eq!(refused(TaskPosition::Top(20), 5), "t20 would wait for itself: 20 -> 5 -> 20");
    assert!(made(below(1, PARENT), 5).is_ok() && made(TaskPosition::Top(20), 4).is_ok());
}

#[test]
fn words_and_addresses_are_registered() {
    let request = request("assigned_to: b@x\n");
    let labelled = |labels: &str| {
        let mut document = request.document.clone();
        document.set("labels", labels).unwrap();
        NewRequest { document, ..request.clone() }
    };
    for location in HOMES {
        let made = decide(location, seen(TaskPosition::Top(1)), &labelled("[ui, new]"), "now").unwrap();
        assert_eq!((made.labels, put(&made.edits, paths::LABELS_FILE)), (vec!["new".to_owned()], Some("new\nui\n")));
        // Only a checkout has the list of addresses that the scripts read.
        let emails = put(&made.edits, paths::EMAILS_FILE);
        assert_eq!(emails, (location == DataLocation::Checkout).then_some("a@x\nb@x\n"));
    }
    let published =
        decide(DataLocation::Published, seen(TaskPosition::Top(1)), &labelled("[UI Stuff]"), "now").unwrap();
    assert_eq!(published.labels, ["ui_stuff"]);
}

// PROPTEST_CASES=100000 runs that many of each.
proptest! {
    /// The edits are complete and name each file once; completing an interrupted creation writes the same again.
    #[test]
    fn a_making_is_whole_and_can_be_completed(
        title in "[ -~]{0,20}",
        more in "((assigned_to|anchor|custom): [ -~]{0,8}\n){0,3}",
        labels in proptest::collection::vec("[a-z_]{1,4}", 0..3),
        number in 1_u64..20,
        child in any::<bool>(),
        children in proptest::collection::btree_set(1_u64..20, 0..3),
    ) {
        let mut request = NewRequest { slug: Slug::from_title(&title), ..request(&more) };
        request.document.set_list("labels", &labels).unwrap();
        let children: Vec<_> = children.into_iter().map(|child| TaskId::child(3, child).prefixed()).collect();
        let parent = PARENT.replace("updated", &format!("children_to_implement: [{}]\nupdated", children.join(", ")));
        for location in HOMES {
            let place = if child { below(number, &parent) } else { TaskPosition::Top(number) };
            let Ok(made) = decide(location, seen(place), &request, "now") else { continue };
            prop_assert_eq!(put(&made.edits, made.path.as_str()).unwrap().as_bytes(), made.document.to_bytes());
            prop_assert_eq!(TaskPath::parse(made.path.as_str()).map(|path| path.id()), Some(made.id));
            let mut written: Vec<_> = made.edits.iter().map(|edit| format!("{edit:?}").split(',').next().unwrap().to_owned()).collect();
            written.sort();
            written.dedup();
            prop_assert_eq!(written.len(), made.edits.len());
            let Some(text) = made.parent.as_deref().and_then(|path| put(&made.edits, path)) else { continue };
            let listed = Document::parse(text.as_bytes()).list_last("children_to_implement");
            prop_assert_eq!(listed.iter().filter(|item| TaskId::try_parse(item) == Some(made.id)).count(), 1);
            let again = NewRequest { document: made.document.clone(), sibling: Sibling::Free, ..request.clone() };
            let again = decide(location, seen(below(number, text)), &again, "later").unwrap();
            prop_assert_eq!(again.edits, made.edits);
        }
    }
}
