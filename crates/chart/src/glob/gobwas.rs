//! gobwas/glob 0.2.3 with `/` as separator.

/// A pattern: `*` and `?` stop at `/`, `**` does not, `[abc]`, `[a-z]`, `[!a]`, `{a,b}`.
#[derive(Clone, Debug)]
pub(crate) struct Glob(Vec<Piece>);

#[derive(Clone, Debug)]
enum Piece {
    Text(String),
    /// `?`
    Single,
    /// `*`
    Any,
    /// `**`
    Super,
    Set {
        is_negated: bool,
        members: Vec<char>,
    },
    Range {
        is_negated: bool,
        low: char,
        high: char,
    },
    Either(Vec<Vec<Self>>),
}

impl Glob {
    /// Compiles a pattern; one that is wrong matches everything, as `.Files.Glob` has it.
    pub(crate) fn new(pattern: &str) -> Self {
        let chars: Vec<char> = pattern.chars().collect();
        let mut compiler = Compiler { chars: &chars, place: 0, depth: 0 };
        Self(compiler.pieces().unwrap_or_else(|| vec![Piece::Super]))
    }

    /// Whether a whole path matches.
    pub(crate) fn is_match(&self, path: &str) -> bool {
        let pieces: Vec<&Piece> = self.0.iter().collect();
        matches(&pieces, path)
    }
}

struct Compiler<'p> {
    chars: &'p [char],
    place: usize,
    /// How many braces are open.
    depth: usize,
}

impl Compiler<'_> {
    /// Pieces up to the end, or within braces up to a comma or the brace.
    fn pieces(&mut self) -> Option<Vec<Piece>> {
        let mut pieces = Vec::new();
        while let Some(it) = self.chars.get(self.place).copied() {
            match it {
                ',' | '}' if 0 < self.depth => return Some(pieces),
                '{' => {
                    self.place += 1;
                    pieces.push(self.either()?);
                }
                '[' => {
                    self.place += 1;
                    pieces.push(self.set()?);
                }
                '?' => {
                    self.place += 1;
                    pieces.push(Piece::Single);
                }
                '*' => {
                    self.place += 1;
                    let is_super = self.chars.get(self.place) == Some(&'*');
                    self.place += usize::from(is_super);
                    pieces.push(if is_super { Piece::Super } else { Piece::Any });
                }
                _ => {
                    let stops = if 0 < self.depth { "?*[{}," } else { "?*[{" };
                    pieces.push(Piece::Text(self.text(stops)));
                }
            }
        }
        (self.depth == 0).then_some(pieces)
    }

    fn either(&mut self) -> Option<Piece> {
        self.depth += 1;
        let mut choices = Vec::new();
        loop {
            choices.push(self.pieces()?);
            self.place += 1;
            if self.chars[self.place - 1] == '}' {
                self.depth -= 1;
                return Some(Piece::Either(choices));
            }
        }
    }

    fn set(&mut self) -> Option<Piece> {
        let is_negated = self.chars.get(self.place) == Some(&'!');
        self.place += usize::from(is_negated);
        if let [low, '-', high, ']', ..] = &self.chars[self.place..] {
            let (low, high) = (*low, *high);
            self.place += 4;
            return (low <= high).then_some(Piece::Range { is_negated, low, high });
        }
        if self.chars.get(self.place + 1) == Some(&'-') {
            return None;
        }
        let members: Vec<char> = self.text("]").chars().collect();
        let is_closed = self.chars.get(self.place) == Some(&']');
        self.place += 1;
        (is_closed && !members.is_empty()).then_some(Piece::Set { is_negated, members })
    }

    fn text(&mut self, stops: &str) -> String {
        let mut text = String::new();
        while let Some(it) = self.chars.get(self.place).copied() {
            if stops.contains(it) {
                break;
            }
            self.place += 1;
            if it != '\\' {
                text.push(it);
            } else if let Some(next) = self.chars.get(self.place) {
                text.push(*next);
                self.place += 1;
            }
        }
        text
    }
}

fn matches(pieces: &[&Piece], path: &str) -> bool {
    let Some((first, rest)) = pieces.split_first() else { return path.is_empty() };
    let next = path.chars().next();
    let after = |it: Option<char>| it.map_or("", |it| &path[it.len_utf8()..]);
    match first {
        Piece::Text(text) => path.strip_prefix(text.as_str()).is_some_and(|it| matches(rest, it)),
        Piece::Single => next.is_some_and(|it| it != '/') && matches(rest, after(next)),
        Piece::Set { is_negated, members } => {
            next.is_some_and(|it| members.contains(&it) != *is_negated)
                && matches(rest, after(next))
        }
        Piece::Range { is_negated, low, high } => {
            next.is_some_and(|it| (*low..=*high).contains(&it) != *is_negated)
                && matches(rest, after(next))
        }
        Piece::Any | Piece::Super => {
            let stops_at_slash = matches!(first, Piece::Any);
            let end =
                if stops_at_slash { path.find('/').unwrap_or(path.len()) } else { path.len() };
            let places = path[..end].char_indices().map(|(place, _)| place).chain([end]);
            places.into_iter().any(|place| matches(rest, &path[place..]))
        }
        Piece::Either(choices) => choices.iter().any(|choice| {
            let pieces: Vec<&Piece> = choice.iter().chain(rest.iter().copied()).collect();
            matches(&pieces, path)
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_match_as_in_gobwas() {
        for (pattern, path, expected) in [
            ("files/*", "files/a.txt", true),
            ("files/*", "files/b/a.txt", false),
            ("files/**", "files/b/a.txt", true),
            ("**.txt", "files/b/a.txt", true),
            ("*.{yaml,yml}", "a.yml", true),
            ("{a,b*}/c", "bx/c", true),
            ("[a-c].txt", "b.txt", true),
            ("[!a-c].txt", "b.txt", false),
            ("[abc].txt", "c.txt", true),
            ("[a-zA-Z]", "anything/at/all", true),
            ("{a", "anything", true),
            ("?.txt", "/.txt", false),
            (".*", ".x", true),
            ("*", ".x", true),
            ("a\\*", "a*", true),
        ] {
            assert_eq!(Glob::new(pattern).is_match(path), expected, "{pattern} {path}");
        }
    }
}
