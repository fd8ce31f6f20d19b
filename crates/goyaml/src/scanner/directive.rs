//! Directives, anchors, aliases and tags.

use super::{Scanned, Scanner, width};
use crate::token::{Data, Mark};

const VERSION_DIGITS_MAX: usize = 2;

impl<'a> Scanner<'a> {
    /// `%YAML 1.1` or `%TAG !yaml! tag:yaml.org,2002:`, with the rest of the line.
    pub(super) fn fetch_directive(&mut self) -> Scanned {
        self.unroll_indent(-1);
        self.remove_simple_key()?;
        self.is_simple_key_allowed = false;
        let start = self.mark;
        self.skip_ascii();
        let data = match self.scan_directive_name(start)? {
            "YAML" => self.scan_version(start)?,
            "TAG" => self.scan_tag_directive(start)?,
            _ => return Err(self.fail(start, "found unknown directive name")),
        };
        self.push(data, start);
        self.skip_blanks();
        if self.at(0) == b'#' {
            self.skip_to_line_end();
        }
        if !self.is_breakz(0) {
            return Err(self.fail(start, "did not find expected comment or line break"));
        }
        if self.is_break(0) {
            self.skip_line();
        }
        Ok(())
    }

    fn scan_directive_name(&mut self, start: Mark) -> Scanned<&'a str> {
        let name = self.scan_alphas();
        if name.is_empty() {
            return Err(self.fail(start, "could not find expected directive name"));
        }
        if !self.is_blankz(0) {
            return Err(self.fail(start, "found unexpected non-alphabetical character"));
        }
        Ok(name)
    }

    fn scan_version(&mut self, start: Mark) -> Scanned<Data<'a>> {
        self.skip_blanks();
        let major = self.scan_version_number(start)?;
        if self.at(0) != b'.' {
            return Err(self.fail(start, "did not find expected digit or '.' character"));
        }
        self.skip_ascii();
        let minor = self.scan_version_number(start)?;
        Ok(Data::VersionDirective { major, minor })
    }

    fn scan_version_number(&mut self, start: Mark) -> Scanned<u8> {
        let mut number = 0;
        let mut n_digits = 0;
        while self.at(0).is_ascii_digit() {
            n_digits += 1;
            if VERSION_DIGITS_MAX < n_digits {
                return Err(self.fail(start, "found extremely long version number"));
            }
            number = number * 10 + (self.at(0) - b'0');
            self.skip_ascii();
        }
        if n_digits == 0 {
            return Err(self.fail(start, "did not find expected version number"));
        }
        Ok(number)
    }

    fn scan_tag_directive(&mut self, start: Mark) -> Scanned<Data<'a>> {
        self.skip_blanks();
        let handle = self.scan_tag_handle(true, start)?;
        if !self.is_blank(0) {
            return Err(self.fail(start, "did not find expected whitespace"));
        }
        self.skip_blanks();
        let prefix = self.scan_tag_uri("", start)?;
        if !self.is_blankz(0) {
            return Err(self.fail(start, "did not find expected whitespace or line break"));
        }
        Ok(Data::TagDirective { handle, prefix })
    }

    pub(super) fn scan_anchor(&mut self, is_alias: bool) -> Scanned {
        let start = self.mark;
        self.skip_ascii();
        let name = self.scan_alphas();
        let is_ended = self.is_blankz(0)
            || matches!(self.at(0), b'?' | b':' | b',' | b']' | b'}' | b'%' | b'@' | b'`');
        if name.is_empty() || !is_ended {
            let problem = "did not find expected alphabetic or numeric character";
            return Err(self.fail(start, problem));
        }
        self.push(if is_alias { Data::Alias(name) } else { Data::Anchor(name) }, start);
        Ok(())
    }

    pub(super) fn scan_tag(&mut self) -> Scanned {
        let start = self.mark;
        let (handle, suffix) = if self.at(1) == b'<' {
            self.skip_n_ascii(2);
            let suffix = self.scan_tag_uri("", start)?;
            if self.at(0) != b'>' {
                return Err(self.fail(start, "did not find the expected '>'"));
            }
            self.skip_ascii();
            ("", suffix)
        } else {
            self.scan_short_tag(start)?
        };
        if !self.is_blankz(0) {
            return Err(self.fail(start, "did not find expected whitespace or line break"));
        }
        self.push(Data::Tag { handle, suffix }, start);
        Ok(())
    }

    /// `!suffix`, `!handle!suffix` or `!`.
    fn scan_short_tag(&mut self, start: Mark) -> Scanned<(&'a str, String)> {
        let handle = self.scan_tag_handle(false, start)?;
        if 1 < handle.len() && handle.ends_with('!') {
            return Ok((handle, self.scan_tag_uri("", start)?));
        }
        let suffix = self.scan_tag_uri(handle, start)?;
        Ok(if suffix.is_empty() { ("", "!".to_owned()) } else { ("!", suffix) })
    }

    fn scan_tag_handle(&mut self, is_directive: bool, start: Mark) -> Scanned<&'a str> {
        let from = self.place;
        if self.at(0) != b'!' {
            return Err(self.fail(start, "did not find expected '!'"));
        }
        self.skip_ascii();
        self.scan_alphas();
        if self.at(0) == b'!' {
            self.skip_ascii();
        } else if is_directive && self.place != from + 1 {
            return Err(self.fail(start, "did not find expected '!'"));
        }
        Ok(&self.text[from..self.place])
    }

    /// The rest of a tag; `head` is what was taken for a handle and belongs to it, with its `!`.
    fn scan_tag_uri(&mut self, head: &str, start: Mark) -> Scanned<String> {
        let mut uri = head.get(1..).unwrap_or_default().as_bytes().to_vec();
        let mut has_tag = !head.is_empty();
        while is_uri(self.at(0)) {
            if self.at(0) == b'%' {
                self.scan_uri_escapes(start, &mut uri)?;
            } else {
                uri.push(self.at(0));
                self.skip_ascii();
            }
            has_tag = true;
        }
        if !has_tag {
            return Err(self.fail(start, "did not find expected tag URI"));
        }
        Ok(String::from_utf8_lossy(&uri).into_owned())
    }

    /// The `%xx` of one character.
    fn scan_uri_escapes(&mut self, start: Mark, uri: &mut Vec<u8>) -> Scanned {
        let mut n_left = None;
        while n_left != Some(0) {
            let digits = [self.at(1), self.at(2)].map(|byte| char::from(byte).to_digit(16));
            let [Some(high), Some(low)] = digits else {
                return Err(self.fail(start, "did not find URI escaped octet"));
            };
            if self.at(0) != b'%' {
                return Err(self.fail(start, "did not find URI escaped octet"));
            }
            let octet = u8::try_from(high << 4 | low).expect("two hexadecimal digits");
            n_left = match n_left {
                None if matches!(octet, 0x80..0xc0 | 0xf8..) => {
                    return Err(self.fail(start, "found an incorrect leading UTF-8 octet"));
                }
                None => Some(width(octet) - 1),
                Some(_) if octet & 0xc0 != 0x80 => {
                    return Err(self.fail(start, "found an incorrect trailing UTF-8 octet"));
                }
                Some(n_left) => Some(n_left - 1),
            };
            uri.push(octet);
            self.skip_n_ascii(3);
        }
        Ok(())
    }

    /// Letters, digits, `_` and `-`.
    fn scan_alphas(&mut self) -> &'a str {
        let from = self.place;
        while is_alpha(self.at(0)) {
            self.skip_ascii();
        }
        &self.text[from..self.place]
    }

    pub(super) fn skip_blanks(&mut self) {
        self.skip_spaces(true);
    }
}

fn is_alpha(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-')
}

fn is_uri(byte: u8) -> bool {
    is_alpha(byte) || b";/?:@&=+$,.!~*'()[]%".contains(&byte)
}
