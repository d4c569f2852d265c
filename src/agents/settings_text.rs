//! Adding hooks to the settings of an agent program and taking them out again, as changes of the text: what the user
//! wrote keeps its order, its spaces and its line ends.
//!
//! Nothing is noted elsewhere. What is put into a list or an object that was empty stands right behind its bracket; one
//! that is made for the hooks has a blank or a new line there. So it shows what to remove with the last hook in it.

use serde_json::Value;

/// A hook to add.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hook {
    /// The event, as the program calls it.
    pub(crate) event: &'static str,
    /// Which tools it is for; empty for an event that is about none.
    pub(crate) matcher: &'static str,
    /// The command.
    pub(crate) command: &'static str,
    /// The time limit, in seconds.
    pub(crate) timeout: u32,
}

impl Hook {
    /// Its entry in the list of the event.
    fn entry(self) -> String {
        let Self { matcher, command, timeout, .. } = self;
        let matcher = if matcher.is_empty() { String::new() } else { format!("\"matcher\": \"{matcher}\", ") };
        format!(
            "{{{matcher}\"hooks\": [{{\"type\": \"command\", \"command\": \"{command}\", \"timeout\": {timeout}}}]}}"
        )
    }
}

/// What the commands of this program begin with.
pub(crate) const OURS: &str = "git aitask hook ";

/// What is left of the settings without the hooks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Settings {
    /// The file was made for the hooks.
    Nothing,
    /// The text.
    Text(String),
}

/// The settings with these hooks; those that are there stay as they are. `None` stands for a file that is missing.
///
/// # Errors
/// Why the text is left as it is.
pub(crate) fn added(text: Option<&str>, hooks: &[Hook]) -> Result<String, &'static str> {
    let Some(text) = text else {
        let events: Vec<_> = hooks.iter().map(|hook| format!("    \"{}\": [ {} ]", hook.event, hook.entry())).collect();
        return Ok(format!("{{\n  \"hooks\": {{\n{}\n  }}\n}}\n", events.join(",\n")));
    };
    let (bom, text) = split_bom(text);
    let mut text = text.to_owned();
    for hook in hooks {
        text = with_hook(&text, *hook)?;
    }
    Ok(format!("{bom}{text}"))
}

fn split_bom(text: &str) -> (&str, &str) {
    text.strip_prefix('\u{feff}').map_or(("", text), |rest| ("\u{feff}", rest))
}

fn with_hook(text: &str, hook: Hook) -> Result<String, &'static str> {
    let top = parsed(text)?;
    let event = format!("\"{}\": [ {} ]", hook.event, hook.entry());
    let Some(hooks) = top.member("hooks") else {
        let [open, close] = match top.gap(text).filter(|gap| gap.contains('\n')) {
            Some(gap) => {
                let unit = gap.rsplit('\n').next().unwrap_or_default();
                [format!("{gap}{unit}"), gap.to_owned()]
            }
            None => [" ".to_owned(), " ".to_owned()],
        };
        return Ok(top.with_child(text, &format!("\"hooks\": {{{open}{event}{close}}}")));
    };
    if !matches!(hooks.kind, Kind::Object(_)) {
        return Err("its `hooks` are no object");
    }
    let Some(list) = hooks.member(hook.event) else { return Ok(hooks.with_child(text, &event)) };
    let Kind::List(entries) = &list.kind else { return Err("the hooks of an event are no list") };
    let is_there = |handler: &Node| handler.member("command").is_some_and(|it| it.text() == Some(hook.command));
    if entries.iter().flat_map(handlers).any(is_there) {
        return Ok(text.to_owned());
    }
    Ok(list.with_child(text, &hook.entry()))
}

/// The settings without the hooks of this program; `None` where there are none.
///
/// # Errors
/// Why the text is left as it is.
pub(crate) fn removed(text: &str) -> Result<Option<Settings>, &'static str> {
    let (bom, rest) = split_bom(text);
    let mut text = rest.to_owned();
    loop {
        let top = parsed(&text)?;
        let Some(path) = path_of_own(&top) else { break };
        match without(&text, &path) {
            Some(shorter) => text = shorter,
            None => return Ok(Some(Settings::Nothing)),
        }
    }
    Ok((text != rest).then(|| Settings::Text(format!("{bom}{text}"))))
}

/// The way to a hook of this program, or to its entry where that has no other hook: each container with the place of
/// the child in it.
fn path_of_own(top: &Node) -> Option<Vec<(&Node, usize)>> {
    let Kind::Object(members) = &top.kind else { return None };
    let (at_hooks, hooks) = members.iter().enumerate().rfind(|(_, member)| member.key == "hooks")?;
    let Kind::Object(events) = &hooks.value.kind else { return None };
    let is_own = |handler: &&Node| {
        handler.member("command").and_then(|command| command.text()).is_some_and(|command| command.starts_with(OURS))
    };
    for (at_event, event) in events.iter().enumerate() {
        let Kind::List(entries) = &event.value.kind else { continue };
        for (at_entry, entry) in entries.iter().enumerate() {
            let count = handlers(entry).count();
            let own = handlers(entry).filter(is_own).count();
            let mut path = vec![(top, at_hooks), (&hooks.value, at_event), (&event.value, at_entry)];
            if own == 0 {
                continue;
            }
            if own < count {
                let list = entry.member("hooks")?;
                path.push((list, handlers(entry).position(|handler| is_own(&handler))?));
            }
            return Some(path);
        }
    }
    None
}

/// The text without the child at the end of the path, and without what was made for it; `None` where that is all.
fn without(text: &str, path: &[(&Node, usize)]) -> Option<String> {
    let ((container, at), above) = path.split_last()?;
    let spans = container.spans();
    let (start, end) = *spans.get(*at)?;
    let cut =
        |from: usize, to: usize| [text.get(..from).unwrap_or_default(), text.get(to..).unwrap_or_default()].concat();
    if let Some((_, before)) = at.checked_sub(1).and_then(|before| spans.get(before)) {
        return Some(cut(*before, end));
    }
    if let Some((after, _)) = spans.get(at + 1) {
        return Some(cut(start, *after));
    }
    if container.start + 1 == start {
        return Some(cut(start, end));
    }
    without(text, above)
}

/// The hooks of an entry.
fn handlers(entry: &Node) -> impl Iterator<Item = &Node> {
    let list = entry.member("hooks").map(|hooks| &hooks.kind);
    let items: &[Node] = if let Some(Kind::List(items)) = list { items } else { &[] };
    items.iter()
}

/// A value in the text.
#[derive(Debug)]
struct Node {
    start: usize,
    end: usize,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Object(Vec<Member>),
    List(Vec<Node>),
    Text(String),
    Other,
}

#[derive(Debug)]
struct Member {
    start: usize,
    key: String,
    value: Node,
}

impl Node {
    /// The value of a key; the last one counts, as for those who read the file.
    fn member(&self, key: &str) -> Option<&Self> {
        let Kind::Object(members) = &self.kind else { return None };
        members.iter().rfind(|member| member.key == key).map(|member| &member.value)
    }

    fn text(&self) -> Option<&str> {
        if let Kind::Text(text) = &self.kind { Some(text) } else { None }
    }

    /// Where its children begin and end.
    fn spans(&self) -> Vec<(usize, usize)> {
        match &self.kind {
            Kind::Object(members) => members.iter().map(|member| (member.start, member.value.end)).collect(),
            Kind::List(items) => items.iter().map(|item| (item.start, item.end)).collect(),
            Kind::Text(_) | Kind::Other => Vec::new(),
        }
    }

    /// The space before its last child.
    fn gap<'t>(&self, text: &'t str) -> Option<&'t str> {
        let (start, _) = *self.spans().last()?;
        let before = text.get(..start)?;
        before.get(before.trim_end().len()..)
    }

    /// The text with one more child at its end.
    fn with_child(&self, text: &str, child: &str) -> String {
        let (at, between) = match self.spans().last() {
            Some((_, end)) => (*end, format!(",{}", self.gap(text).unwrap_or_default())),
            None => (self.start + 1, String::new()),
        };
        let (before, after) = text.split_at_checked(at).unwrap_or((text, ""));
        format!("{before}{between}{child}{after}")
    }
}

/// Reads the text of an object.
fn parsed(text: &str) -> Result<Node, &'static str> {
    // The reader below relies on what this one has accepted.
    match serde_json::from_str::<Value>(text) {
        Err(_) => Err("it is no JSON"),
        Ok(Value::Object(_)) => Reader { text, at: 0 }.value().ok_or("it is no JSON"),
        Ok(_) => Err("it is no object"),
    }
}

/// Reads JSON that is known to be correct, and notes where things are.
struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The next character after white space, and commas and colons, which separate what is read.
    fn next(&mut self) -> Option<char> {
        let rest = self.rest();
        let found = rest.trim_start_matches([' ', '\t', '\r', '\n', ',', ':']);
        self.at += rest.len() - found.len();
        self.rest().chars().next()
    }

    fn value(&mut self) -> Option<Node> {
        let first = self.next()?;
        let start = self.at;
        let kind = match first {
            '{' => {
                self.at += 1;
                let mut members = Vec::new();
                while self.next()? != '}' {
                    let start = self.at;
                    let key = self.string()?;
                    members.push(Member { start, key, value: self.value()? });
                }
                self.at += 1;
                Kind::Object(members)
            }
            '[' => {
                self.at += 1;
                let mut items = Vec::new();
                while self.next()? != ']' {
                    items.push(self.value()?);
                }
                self.at += 1;
                Kind::List(items)
            }
            '"' => Kind::Text(self.string()?),
            _ => {
                let rest = self.rest();
                self.at += rest.find([',', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(rest.len());
                Kind::Other
            }
        };
        Some(Node { start, end: self.at, kind })
    }

    fn string(&mut self) -> Option<String> {
        let rest = self.rest();
        let mut escaped = false;
        let end = rest.char_indices().skip(1).find(|(_, c)| {
            let is_end = *c == '"' && !escaped;
            escaped = *c == '\\' && !escaped;
            is_end
        });
        let (end, _) = end?;
        let text = serde_json::from_str(rest.get(..=end)?).ok()?;
        self.at += end + 1;
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HOOKS: [Hook; 2] = [
        Hook {
            event: "SessionStart",
            matcher: "",
            command: "git aitask hook session-start --from claude",
            timeout: 10,
        },
        Hook {
            event: "PreToolUse",
            matcher: "Write|Edit",
            command: "git aitask hook pre-tool-use --from claude",
            timeout: 5,
        },
    ];

    /// The commands of an event.
    fn commands(text: &str, event: &str) -> Vec<String> {
        let value: Value =
            serde_json::from_str(text.trim_start_matches('\u{feff}')).unwrap_or_else(|_| panic!("{text}"));
        let entries = value["hooks"][event].as_array().cloned().unwrap_or_default();
        let hooks = entries.iter().flat_map(|entry| entry["hooks"].as_array().cloned().unwrap_or_default());
        hooks.filter_map(|hook| hook["command"].as_str().map(str::to_owned)).collect()
    }

    fn there_and_back(text: &str) {
        let with = added(Some(text), &HOOKS).unwrap_or_else(|why| panic!("{why}: {text}"));
        for hook in HOOKS {
            let found = commands(&with, hook.event);
            assert!(found.iter().any(|command| command == hook.command), "{with}");
        }
        assert_eq!(added(Some(&with), &HOOKS).as_deref(), Ok(with.as_str()), "a second time");
        assert_eq!(removed(&with), Ok(Some(Settings::Text(text.to_owned()))), "{with}");
        assert_eq!(removed(text), Ok(None));
    }

    #[test]
    fn settings_of_all_kinds_come_back_byte_for_byte() {
        for text in [
            "{}",
            "{ }\n",
            "{\n}",
            "{\"model\":\"m\"}",
            "{ \"model\" : \"m\" }",
            "{\n  \"model\": \"m\",\n  \"permissions\": {\"allow\": [\"a,b\", \"]}\\\"\"]}\n}\n",
            "{\r\n\t\"model\": \"m\"\r\n}",
            "\u{feff}{\n    \"model\": \"\u{e9}\"\n}\n",
            "{\"hooks\":{}}",
            "{\"hooks\": { }, \"x\": 1}",
            "{\"hooks\": {\"PreToolUse\": []}}",
            "{\"hooks\": {\"PreToolUse\": [\n  ]}}",
            "{\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\n        \"matcher\": \"Bash\",\n        \"hooks\": [{\"type\": \
             \"command\", \"command\": \"mine\"}]\n      }\n    ],\n    \"Stop\": []\n  },\n  \"last\": null\n}\n",
            "{\"hooks\": {}, \"hooks\": {\"Stop\": []}}",
        ] {
            there_and_back(text);
        }
    }

    #[test]
    fn a_file_that_is_made_for_the_hooks_goes_with_them() {
        let made = added(None, &HOOKS).unwrap();
        insta::assert_snapshot!(made, @r#"
        {
          "hooks": {
            "SessionStart": [ {"hooks": [{"type": "command", "command": "git aitask hook session-start --from claude", "timeout": 10}]} ],
            "PreToolUse": [ {"matcher": "Write|Edit", "hooks": [{"type": "command", "command": "git aitask hook pre-tool-use --from claude", "timeout": 5}]} ]
          }
        }
        "#);
        assert_eq!(added(Some(&made), &HOOKS).as_deref(), Ok(made.as_str()));
        assert_eq!(removed(&made), Ok(Some(Settings::Nothing)));
    }

    #[test]
    fn hooks_of_the_user_stay_wherever_they_were_added() {
        let made = added(None, &HOOKS).unwrap();
        let own = "{\"hooks\": [{\"type\": \"command\", \"command\": \"mine\"}]}";
        let more = made.replace("\"SessionStart\": [ ", &format!("\"SessionStart\": [ {own}, "));
        let Ok(Some(Settings::Text(rest))) = removed(&more) else { panic!("{more}") };
        assert_eq!(rest, format!("{{\n  \"hooks\": {{\n    \"SessionStart\": [ {own} ]\n  }}\n}}\n"));
        // One that a person has put into an entry of ours.
        let mixed = made.replace("[{\"type\"", "[{\"command\": \"mine\"}, {\"type\"");
        let Ok(Some(Settings::Text(rest))) = removed(&mixed) else { panic!("{mixed}") };
        assert_eq!(
            (commands(&rest, "SessionStart").join(" "), rest.contains("git aitask")),
            ("mine".to_owned(), false)
        );
        // One with another limit is as the user wants it.
        let slower = made.replace("\"timeout\": 5", "\"timeout\": 50");
        assert_eq!(added(Some(&slower), &HOOKS).as_deref(), Ok(slower.as_str()));
    }

    #[test]
    fn what_is_no_settings_is_left() {
        for text in
            ["", "[]", "{", "{\"a\": 1,}", "// c\n{}", "{\"hooks\": []}", "{\"hooks\": {\"PreToolUse\": {}}}", "null"]
        {
            assert!(added(Some(text), &HOOKS).is_err(), "{text}");
        }
    }

    fn json() -> impl Strategy<Value = String> {
        let space = "[ \n\t\r]{0,3}";
        let leaf = prop_oneof![
            Just("null".to_owned()),
            Just("-1.5e3".to_owned()),
            Just("\"a\\\"]},\\\\\"".to_owned()),
            Just("[]".to_owned())
        ];
        let values = leaf.prop_recursive(3, 20, 4, move |inner| {
            prop_oneof![
                proptest::collection::vec((space, inner.clone(), space), 0..4).prop_map(|items| {
                    let items: Vec<_> = items.into_iter().map(|(a, item, b)| format!("{a}{item}{b}")).collect();
                    format!("[{}]", items.join(","))
                }),
                proptest::collection::vec((space, "[a-z]{1,3}", inner, space), 0..4).prop_map(|members| {
                    let members: Vec<_> =
                        members.into_iter().map(|(a, key, value, b)| format!("{a}\"{key}\":{b}{value}{b}")).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        });
        (proptest::collection::vec((space, "[a-z]{1,3}", values, space), 0..4), space).prop_map(|(members, end)| {
            let members: Vec<_> =
                members.into_iter().map(|(a, key, value, b)| format!("{a}\"{key}\"{b}:{value}{b}")).collect();
            format!("{{{}{}}}", members.join(","), if members.is_empty() { end.clone() } else { String::new() })
        })
    }

    proptest! {
        #[test]
        fn whatever_the_settings_are_they_come_back(text in json(), bom in "\u{feff}?", end in "\n?") {
            there_and_back(&format!("{bom}{text}{end}"));
        }
    }
}
