//! What the OpenAPI schema does not tell of a Go struct: which fields are left out when they are zero, and
//! which lists are written as null.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt, fs,
    path::Path,
};

use anyhow::Context as _;

/// A field, or a struct whose fields are written as if they were here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Member {
    Field { json_name: String, go_type: String, omits_empty: bool },
    Inline(String),
}

/// Structs of a package by name.
pub(crate) type Structs = BTreeMap<String, Vec<Member>>;

/// Reads the structs of a package from its `types*.go`.
pub(crate) fn read(package: &Path) -> anyhow::Result<Structs> {
    let mut structs = Structs::new();
    for entry in fs::read_dir(package)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with("types") && name.ends_with(".go") {
            let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
            structs.extend(parse(&text));
        }
    }
    Ok(structs)
}

/// Structs as gofmt writes them: one member a line, the tag in backquotes.
fn parse(text: &str) -> Structs {
    let mut structs = Structs::new();
    let mut current: Option<(String, Vec<Member>)> = None;
    for line in text.lines() {
        let is_start = line.starts_with("type ") && line.ends_with(" struct {");
        if is_start {
            let name = line.split(' ').nth(1).unwrap_or_default();
            current = Some((name.to_owned(), Vec::new()));
        } else if line == "}" {
            structs.extend(current.take());
        } else if let Some((_, members)) = &mut current {
            members.extend(member(line));
        }
    }
    structs
}

fn member(line: &str) -> Option<Member> {
    let (declared, tag) = line.split_once('`')?;
    let json = tag.split_once("json:\"")?.1.split('"').next()?;
    let mut options = json.split(',');
    let json_name = options.next()?.to_owned();
    let options: Vec<&str> = options.collect();
    let mut words = declared.split_whitespace();
    let first = words.next()?;
    if json_name.is_empty() {
        let name = first.rsplit('.').next().unwrap_or(first);
        return options.contains(&"inline").then(|| Member::Inline(name.to_owned()));
    }
    let go_type = words.collect::<Vec<&str>>().join(" ");
    Some(Member::Field { json_name, go_type, omits_empty: options.contains(&"omitempty") })
}

/// The fields of a struct that encoding treats specially; prints as the data file writes it.
#[derive(Debug, Default)]
pub(crate) struct Omissions {
    zeros: BTreeSet<String>,
    nulls: BTreeSet<String>,
}

impl fmt::Display for Omissions {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<String>>().join(",");
        match (self.zeros.is_empty(), self.nulls.is_empty()) {
            (true, true) => Ok(()),
            (_, true) => formatter.write_str(&words(&self.zeros)),
            (_, false) => write!(formatter, "{}|{}", words(&self.zeros), words(&self.nulls)),
        }
    }
}

/// What encoding leaves out of a struct, or writes as null.
pub(crate) fn omissions(structs: &Structs, name: &str) -> Omissions {
    let mut found = Omissions::default();
    for member in structs.get(name).into_iter().flatten() {
        match member {
            Member::Inline(inner) => {
                let inner = omissions(structs, inner);
                found.zeros.extend(inner.zeros);
                found.nulls.extend(inner.nulls);
            }
            Member::Field { json_name, go_type, omits_empty: true } => {
                // Pointers, lists and maps are told by the schema; what is left is a scalar or a struct.
                if !go_type.starts_with(['*', '[']) && !go_type.starts_with("map[") {
                    found.zeros.insert(json_name.clone());
                }
            }
            Member::Field { json_name, go_type, omits_empty: false } => {
                if go_type.starts_with("[]") && go_type != "[]byte" {
                    found.nulls.insert(json_name.clone());
                }
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_apart_by_type_and_tag() {
        let text = "type Role struct {\n\tmetav1.TypeMeta `json:\",inline\"`\n\t// Rules.\n\
            \tRules []PolicyRule `json:\"rules\" protobuf:\"bytes\"`\n\
            \tHost string `json:\"host,omitempty\"`\n\tSize *int32 `json:\"size,omitempty\"`\n\tInner `json:\",inline\"`\n}\n\
            type Inner struct {\n\tOpen bool `json:\"open,omitempty\"`\n}\n";
        let structs = parse(text);
        assert_eq!(omissions(&structs, "Role").to_string(), "host,open|rules");
        assert_eq!(omissions(&structs, "Inner").to_string(), "open");
    }
}
