//! Slash-separated paths as Go's `path` package handles them.

use std::cmp::Ordering;

/// `path.Base`: the last element, `.` for an empty path, `/` for slashes only.
pub(crate) fn base(path: &str) -> &str {
    if path.is_empty() {
        return ".";
    }
    let path = path.trim_end_matches('/');
    if path.is_empty() { "/" } else { path.rsplit('/').next().unwrap_or(path) }
}

/// `path.Ext`: the last point of the last element and what follows it, or nothing.
pub(crate) fn extension(path: &str) -> &str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rfind('.').map_or("", |place| &name[place..])
}

/// `path.Clean`: the shortest equal path, `.` for an empty one.
pub(crate) fn clean(path: &str) -> String {
    if path.split('/').all(|element| !matches!(element, "" | "." | "..")) {
        return path.to_owned();
    }
    let is_rooted = path.starts_with('/');
    let mut elements: Vec<&str> = Vec::new();
    for element in path.split('/') {
        match element {
            "" | "." => {}
            ".." => match elements.last() {
                Some(&"..") => elements.push(".."),
                Some(_) => {
                    elements.pop();
                }
                None if is_rooted => {}
                None => elements.push(".."),
            },
            element => elements.push(element),
        }
    }
    let path = elements.join("/");
    match (is_rooted, path.is_empty()) {
        (true, _) => format!("/{path}"),
        (false, true) => ".".to_owned(),
        (false, false) => path,
    }
}

/// The order of paths by their elements, in which a walk through folders meets files.
pub(crate) fn compare(one: &str, two: &str) -> Ordering {
    let (one, two) = (one.as_bytes(), two.as_bytes());
    let n_same = one.iter().zip(two).take_while(|(one, two)| one == two).count();
    // What ends, or its element, comes before what goes on.
    let next = |path: &[u8]| path.get(n_same).map(|byte| (*byte != b'/', *byte));
    next(one).cmp(&next(two))
}

/// `path.Join` of two elements.
pub(crate) fn join(one: &str, two: &str) -> String {
    match (one, two) {
        ("", "") => String::new(),
        ("", path) | (path, "") => clean(path),
        (one, two) => clean(&[one, "/", two].concat()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_compared_one_by_one() {
        let paths = ["", "a", "a/", "a/b", "a/b/c", "a/b-", "a/b.c", "a-", "a-b/c", "a.b", "b"];
        for one in paths {
            for two in paths {
                let expected = one.split('/').cmp(two.split('/'));
                assert_eq!(compare(one, two), expected, "{one} {two}");
            }
        }
    }

    #[test]
    fn paths_are_as_in_go() {
        for (path, expected) in
            [("", "."), ("a/../..", ".."), ("/a/..", "/"), ("a//b/./c/", "a/b/c"), ("../a", "../a")]
        {
            assert_eq!(clean(path), expected);
        }
        assert_eq!([base(""), base("a/b/"), base("//")], [".", "b", "/"]);
        assert_eq!([extension("a.b/c"), extension("a/c.d.e")], ["", ".e"]);
    }
}
