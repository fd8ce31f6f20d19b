//! Paths with slashes, as Go's `path` package sees them; the functions for the system's own paths are
//! the same on Linux.

use gotmpl::{Type::String as Text, Value};

use super::{Function, args::text, fixed};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("base", &[Text], |_, args| Ok(base(&text(&args[0]).to_text()).into())),
    fixed("osBase", &[Text], |_, args| Ok(base(&text(&args[0]).to_text()).into())),
    fixed("dir", &[Text], |_, args| Ok(dir(&text(&args[0]).to_text()).into())),
    fixed("osDir", &[Text], |_, args| Ok(dir(&text(&args[0]).to_text()).into())),
    fixed("clean", &[Text], |_, args| Ok(clean(&text(&args[0]).to_text()).into())),
    fixed("osClean", &[Text], |_, args| Ok(clean(&text(&args[0]).to_text()).into())),
    fixed("ext", &[Text], |_, args| Ok(ext(&text(&args[0]).to_text()).into())),
    fixed("osExt", &[Text], |_, args| Ok(ext(&text(&args[0]).to_text()).into())),
    fixed("isAbs", &[Text], |_, args| Ok(Value::Bool(text(&args[0]).starts_with(b"/")))),
    fixed("osIsAbs", &[Text], |_, args| Ok(Value::Bool(text(&args[0]).starts_with(b"/")))),
];

fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    match path.rsplit('/').next() {
        None | Some("") => "/",
        Some(last) => last,
    }
}

fn dir(path: &str) -> String {
    clean(&path[..path.rfind('/').map_or(0, |slash| slash + 1)])
}

/// The shortest path that means the same.
pub(super) fn clean(path: &str) -> String {
    let is_rooted = path.starts_with('/');
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            ".." if is_rooted => {}
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    match (is_rooted, joined.is_empty()) {
        (true, _) => format!("/{joined}"),
        (false, true) => ".".to_owned(),
        (false, false) => joined,
    }
}

fn ext(path: &str) -> &str {
    let name = &path[path.rfind('/').map_or(0, |slash| slash + 1)..];
    name.rfind('.').map_or("", |dot| &name[dot..])
}
