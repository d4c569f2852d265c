//! A unified diff.

use std::fmt::Write as _;

/// How many equal lines surround a change.
const CONTEXT: usize = 2;

/// Empty for equal texts. Each hunk begins with the number of its first line on the old side.
pub(super) fn unified(old: &[&str], new: &[&str]) -> String {
    let lines = edits(old, new);
    let changed: Vec<_> = (0..lines.len()).filter(|n| lines[*n].0 != ' ').collect();
    let near = |n: usize| {
        let next = changed.partition_point(|change| change + CONTEXT < n);
        changed.get(next).is_some_and(|change| *change <= n + CONTEXT)
    };
    let (mut text, mut number, mut inside) = (String::new(), 1, false);
    for (n, (sign, line)) in lines.iter().enumerate() {
        if near(n) {
            if !inside {
                let _ = writeln!(text, "@@ {number} @@");
            }
            let _ = writeln!(text, "{sign}{line}");
        }
        inside = near(n);
        number += usize::from(*sign != '+');
    }
    text
}

/// Every line with ` `, `-` or `+`, along a longest common subsequence.
fn edits<'a>(old: &[&'a str], new: &[&'a str]) -> Vec<(char, &'a str)> {
    // common[i][j] is the length for old[i..] and new[j..]
    let mut common = vec![vec![0_u32; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            let best = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if old[i] == new[j] { common[i + 1][j + 1] + 1 } else { best };
        }
    }
    let (mut i, mut j, mut lines) = (0, 0, Vec::new());
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            lines.push((' ', old[i]));
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            lines.push(('-', old[i]));
            i += 1;
        } else {
            lines.push(('+', new[j]));
            j += 1;
        }
    }
    lines
}
