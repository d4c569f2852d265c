//! The texts for agents: short, and with commands that parse.

use super::{parses, run};
use crate::agents::marked;
use crate::agents::texts::{DAY, SKILLS, stanza};
use crate::cli::agents::day;
use crate::cli::brief::RULES;
use regex::Regex;

/// The `git aitask ...` commands of a Markdown text, as words.
pub(super) fn commands(text: &str) -> Vec<Vec<String>> {
    let span = Regex::new(r"`([^`]*\bgit aitask\b[^`]*)`").unwrap();
    let spans = span.captures_iter(text).map(|found| found[1].to_owned());
    let commands = spans.map(|span| {
        let command = span.split_once("git aitask").unwrap().1.trim_end_matches(")\"").to_owned();
        shlex::split(&command).unwrap_or_else(|| panic!("quotes of {span:?}"))
    });
    commands.collect()
}

fn tokens(text: &str) -> usize {
    text.split_whitespace().count() * 14 / 10
}

#[test]
fn every_command_in_a_text_for_agents_parses() {
    let texts: Vec<_> =
        SKILLS.iter().map(|skill| skill.file(&day())).chain([stanza(&day()), RULES.to_owned()]).collect();
    let span = Regex::new(r"`[^`\n]*`").unwrap();
    for text in texts {
        let commands = commands(&text);
        assert!(commands.len() > 3, "{text}");
        for words in commands {
            assert!(parses(&run(&words)), "{words:?} does not parse, in:\n{text}");
        }
        // Each `git aitask` is in a span, so that it was looked at.
        let outside = span.replace_all(&text, "").into_owned();
        assert!(!outside.replace("by `git aitask`", "").contains("git aitask "), "{outside}");
    }
}

#[test]
fn the_texts_for_agents_are_short() {
    for skill in &SKILLS {
        assert!(tokens(skill.description) <= 100, "{}", skill.name);
        let file = skill.file(&day());
        let body = file.splitn(3, "---\n").nth(2).unwrap();
        assert!(tokens(body) <= 1500, "{}: {}", skill.name, tokens(body));
        assert!(!body.contains("{{"), "{body}");
    }
    let file = marked::created(&stanza(&day()));
    assert!(file.len() < 1500 && !file.contains(&b'{'), "{}", file.len());
}

#[test]
fn the_verbs_of_a_day_are_those_of_the_help() {
    let day = day();
    let verbs: Vec<_> = day.iter().map(|verb| verb.verb.as_str()).collect();
    assert_eq!(verbs, DAY);
    for verb in &day {
        assert!(
            verb.example.starts_with(&format!("git aitask {}", verb.verb)) && !verb.example.contains('#'),
            "{verb:?}"
        );
        assert!(stanza(&day).contains(&verb.line()), "{verb:?}");
    }
}
