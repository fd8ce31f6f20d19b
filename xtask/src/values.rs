//! The table of the chart's values in its README, made from the comments of `values.yaml`.
//!
//! A comment above a key is the key's row. Keys below a commented one have rows of their own when they are
//! commented too, and are shown as its default otherwise; nothing is left without a word.

use std::{fmt::Write as _, fs};

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::faro;

const BEGIN: &str = "<!-- values: made by `cargo xtask values` -->\n";
const END: &str = "<!-- end of values -->";

/// A key of `values.yaml`, with the comment above it.
struct Key {
    depth: usize,
    /// From the root: `redis.persistence.size`.
    path: String,
    comment: String,
}

/// Writes the table into the README.
pub(crate) fn write() -> anyhow::Result<()> {
    Ok(fs::write(faro::dir().join("README.md"), readme()?)?)
}

/// The README with the table that the values call for.
fn readme() -> anyhow::Result<String> {
    let text = fs::read_to_string(faro::dir().join("README.md"))?;
    let (before, rest) = text.split_once(BEGIN).context("the README has no place for values")?;
    let (_, after) = rest.split_once(END).context("the README's values have no end")?;
    let values = fs::read_to_string(faro::dir().join("values.yaml"))?;
    Ok(format!("{before}{BEGIN}\n{}\n{END}{after}", table(&values)?))
}

fn table(text: &str) -> anyhow::Result<String> {
    let values = faro::yaml(text)?;
    let keys = keys(text);
    let mut table = "| value | default | what it is |\n| --- | --- | --- |\n".to_owned();
    for (place, key) in keys.iter().enumerate() {
        if key.comment.is_empty() {
            ensure!(is_covered(&keys, place), "`{}` has no comment", key.path);
            continue;
        }
        let child = keys.get(place + 1).filter(|it| key.depth < it.depth);
        let default = if child.is_some_and(|it| !it.comment.is_empty()) {
            String::new()
        } else {
            shown(&values, &key.path)
        };
        let comment = key.comment.replace('|', "\\|");
        writeln!(table, "| `{}` | {default} | {comment} |", key.path)?;
    }
    Ok(table)
}

/// Whether the default of a commented ancestor shows this key.
fn is_covered(keys: &[Key], place: usize) -> bool {
    let Some(parent) = (0..place).rev().find(|it| keys[*it].depth < keys[place].depth) else {
        return false;
    };
    let is_plain = keys[parent + 1].comment.is_empty();
    is_plain && (!keys[parent].comment.is_empty() || is_covered(keys, parent))
}

fn shown(values: &Value, path: &str) -> String {
    let value = path.split('.').fold(values, |value, key| &value[key]);
    format!("`{}`", value.to_string().replace('|', "\\|"))
}

/// The keys of tables, in order; keys inside lists are none.
fn keys(text: &str) -> Vec<Key> {
    let mut keys: Vec<Key> = Vec::new();
    let mut parents: Vec<(usize, String)> = Vec::new();
    let mut comment: Vec<&str> = Vec::new();
    let mut list_depth = None;
    for line in text.lines() {
        let content = line.trim_start();
        let depth = line.len() - content.len();
        if list_depth.is_some_and(|it| it < depth || content.starts_with("- ")) {
            continue;
        }
        list_depth = None;
        if content.is_empty() {
            comment.clear();
        } else if let Some(words) = content.strip_prefix('#') {
            comment.push(words.trim());
        } else if content.starts_with("- ") {
            list_depth = Some(depth);
        } else if let Some((name, _)) = content.split_once(':') {
            parents.retain(|(it, _)| *it < depth);
            parents.push((depth, name.to_owned()));
            let path: Vec<&str> = parents.iter().map(|(_, it)| it.as_str()).collect();
            keys.push(Key { depth, path: path.join("."), comment: comment.join(" ") });
            comment.clear();
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(values: &str, rows: &[&str]) {
        let table = table(values).unwrap();
        assert_eq!(table.lines().skip(2).collect::<Vec<_>>(), rows);
    }

    #[test]
    fn a_comment_makes_a_row() {
        check("# How many,\n# in all.\nm: 3\n", &["| `m` | `3` | How many, in all. |"]);
        check("# All.\na:\n  b: 1\n  c: [x]\n", &[r#"| `a` | `{"b":1,"c":["x"]}` | All. |"#]);
        check(
            "# All.\na:\n  # One.\n  b: 1\n  # Many.\n  c:\n    - d: 1\n      e: 2\n# Last.\nz: |\n",
            &[
                "| `a` |  | All. |",
                "| `a.b` | `1` | One. |",
                r#"| `a.c` | `[{"d":1,"e":2}]` | Many. |"#,
                r#"| `z` | `""` | Last. |"#,
            ],
        );
    }

    #[test]
    fn no_key_goes_without_a_word() {
        assert!(table("m: 3\n").is_err());
        assert!(table("# All.\na:\n  # One.\n  b: 1\n  c: 2\n").is_err());
    }

    #[test]
    fn the_readme_says_what_the_values_are() {
        let readme = fs::read_to_string(faro::dir().join("README.md")).unwrap();
        assert!(readme == super::readme().unwrap(), "run `cargo xtask values`");
    }
}
