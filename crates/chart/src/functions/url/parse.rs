//! A URL in its parts.

use std::{fmt, net::Ipv6Addr};

use gotmpl::strconv::quote;

use super::escape::{Part, escape, must_escape, unescape};

/// A URL, as Go's `url.URL`.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: String,
    pub(super) opaque: String,
    pub(super) user: Option<User>,
    pub(super) host: String,
    pub(super) path: String,
    pub(super) raw_path: String,
    pub(super) omits_host: bool,
    pub(super) forces_query: bool,
    pub(super) query: String,
    pub(super) fragment: String,
    pub(super) raw_fragment: String,
}

#[derive(Debug)]
pub(super) struct User {
    name: String,
    password: Option<String>,
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&escape(&self.name, Part::User))?;
        match &self.password {
            Some(password) => write!(f, ":{}", escape(password, Part::User)),
            None => Ok(()),
        }
    }
}

impl Url {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let (before, fragment) = text.split_once('#').unwrap_or((text, ""));
        let wrapped = |of: &str| {
            let of = quote(of.as_bytes());
            move |error: String| format!("parse {of}: {error}")
        };
        let mut url = Self::parse_before_fragment(before).map_err(wrapped(before))?;
        if !fragment.is_empty() {
            url.fragment = unescape(fragment, Part::Fragment).map_err(wrapped(text))?;
            if escape(&url.fragment, Part::Fragment) != fragment {
                fragment.clone_into(&mut url.raw_fragment);
            }
        }
        Ok(url)
    }

    fn parse_before_fragment(text: &str) -> Result<Self, String> {
        if text.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
            return Err("net/url: invalid control character in URL".to_owned());
        }
        let mut url = Self::default();
        if text == "*" {
            url.path = "*".to_owned();
            return Ok(url);
        }
        let (scheme, mut rest) = split_scheme(text)?;
        url.scheme = scheme.to_ascii_lowercase();
        match rest.split_once('?') {
            Some((before, "")) => {
                url.forces_query = true;
                rest = before;
            }
            Some((before, query)) => {
                query.clone_into(&mut url.query);
                rest = before;
            }
            None => {}
        }
        if !rest.starts_with('/') {
            if !url.scheme.is_empty() {
                rest.clone_into(&mut url.opaque);
                return Ok(url);
            }
            if rest.split('/').next().is_some_and(|segment| segment.contains(':')) {
                return Err("first path segment in URL cannot contain colon".to_owned());
            }
        }
        let has_scheme = !url.scheme.is_empty();
        if (has_scheme || !rest.starts_with("///")) && rest.starts_with("//") {
            let authority = &rest[2..];
            let (authority, path) =
                authority.split_at(authority.find('/').unwrap_or(authority.len()));
            rest = path;
            url.set_authority(authority)?;
        } else if has_scheme && rest.starts_with('/') {
            url.omits_host = true;
        }
        url.path = unescape(rest, Part::Path)?;
        if escape(&url.path, Part::Path) != rest {
            rest.clone_into(&mut url.raw_path);
        }
        Ok(url)
    }

    fn set_authority(&mut self, authority: &str) -> Result<(), String> {
        let Some((info, host)) = authority.rsplit_once('@') else {
            self.host = parse_host(authority)?;
            return Ok(());
        };
        self.host = parse_host(host)?;
        let is_valid = |it: char| {
            it.is_ascii_alphanumeric()
                || matches!(
                    it,
                    '-' | '.'
                        | '_'
                        | ':'
                        | '~'
                        | '!'
                        | '$'
                        | '&'
                        | '\''
                        | '('
                        | ')'
                        | '*'
                        | '+'
                        | ','
                        | ';'
                        | '='
                        | '%'
                        | '@'
                )
        };
        if !info.chars().all(is_valid) {
            return Err("net/url: invalid userinfo".to_owned());
        }
        let (name, password) = match info.split_once(':') {
            None => (info, None),
            Some((name, password)) => (name, Some(unescape(password, Part::User)?)),
        };
        self.user = Some(User { name: unescape(name, Part::User)?, password });
        Ok(())
    }

    /// The host without its port, and without brackets.
    pub(super) fn hostname(&self) -> String {
        let host = match self.host.rfind(':') {
            Some(colon) if is_optional_port(&self.host[colon..]) => &self.host[..colon],
            _ => &self.host,
        };
        match host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
            Some(inner) => inner.to_owned(),
            None => host.to_owned(),
        }
    }
}

/// Splits off a scheme; without one it is empty.
fn split_scheme(text: &str) -> Result<(&str, &str), String> {
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if place > 0 => {}
            b':' if place == 0 => return Err("missing protocol scheme".to_owned()),
            b':' => return Ok((&text[..place], &text[place + 1..])),
            _ => break,
        }
    }
    Ok(("", text))
}

fn is_optional_port(port: &str) -> bool {
    match port.strip_prefix(':') {
        Some(digits) => digits.bytes().all(|byte| byte.is_ascii_digit()),
        None => port.is_empty(),
    }
}

fn parse_host(host: &str) -> Result<String, String> {
    let bad_port = |port: &str| format!("invalid port {} after host", quote(port.as_bytes()));
    match host.rfind('[') {
        Some(0) => {}
        Some(_) => return Err("invalid IP-literal".to_owned()),
        None => {
            if let Some(colon) = host.rfind(':')
                && !is_optional_port(&host[colon..])
            {
                return Err(bad_port(&host[colon..]));
            }
            return unescape(host, Part::Host);
        }
    }
    let close = host.rfind(']').ok_or_else(|| "missing ']' in host".to_owned())?;
    let (name, port) = (&host[1..close], &host[close + 1..]);
    if !is_optional_port(port) {
        return Err(bad_port(port));
    }
    let name = match name.find("%25") {
        Some(zone) => unescape(&name[..zone], Part::Host)? + &unescape(&name[zone..], Part::Zone)?,
        None => unescape(name, Part::Host)?,
    };
    let address = name.split('%').next().unwrap_or_default();
    if address.parse::<Ipv6Addr>().is_err() {
        if address.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err("invalid IP-literal".to_owned());
        }
        let shown = quote(name.as_bytes());
        return Err(format!("invalid host: ParseAddr({shown}): unable to parse IP"));
    }
    Ok(format!("[{name}]{port}"))
}

/// An escaped form that was given, if it is a valid one of the text; otherwise our own.
fn escaped(raw: &str, text: &str, part: Part) -> String {
    let is_valid = !raw.is_empty()
        && raw.bytes().all(|byte| match byte {
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':'
            | b'@' | b'[' | b']' | b'%' => true,
            byte => !must_escape(byte, part),
        })
        && unescape(raw, part).is_ok_and(|meant| meant == text);
    if is_valid { raw.to_owned() } else { escape(text, part) }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.scheme.is_empty() {
            write!(f, "{}:", self.scheme)?;
        }
        if self.opaque.is_empty() {
            self.fmt_hierarchy(f)?;
        } else {
            f.write_str(&self.opaque)?;
        }
        if self.forces_query || !self.query.is_empty() {
            write!(f, "?{}", self.query)?;
        }
        if !self.fragment.is_empty() {
            write!(f, "#{}", escaped(&self.raw_fragment, &self.fragment, Part::Fragment))?;
        }
        Ok(())
    }
}

impl Url {
    fn fmt_hierarchy(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_authority = !self.host.is_empty() || self.user.is_some();
        let may_omit = self.omits_host && !has_authority;
        if (has_authority || !self.scheme.is_empty()) && !may_omit {
            if has_authority || !self.path.is_empty() {
                f.write_str("//")?;
            }
            if let Some(user) = &self.user {
                write!(f, "{user}@")?;
            }
            f.write_str(&escape(&self.host, Part::Host))?;
        }
        let path = match self.path.as_str() {
            "*" => "*".to_owned(),
            path => escaped(&self.raw_path, path, Part::Path),
        };
        if !path.is_empty() && !path.starts_with('/') && !self.host.is_empty() {
            f.write_str("/")?;
        }
        let is_first = self.scheme.is_empty() && !has_authority;
        if is_first && path.split('/').next().is_some_and(|segment| segment.contains(':')) {
            f.write_str("./")?;
        }
        f.write_str(&path)
    }
}
