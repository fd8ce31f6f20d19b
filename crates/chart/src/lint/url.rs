//! Addresses in Chart.yaml, as Helm's linter judges them (govalidator, and Go's `net/url`).

/// `url.ParseRequestURI`, and a scheme.
pub(super) fn is_request_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let is_scheme = scheme.starts_with(|it: char| it.is_ascii_alphabetic())
        && scheme.chars().all(|it| it.is_ascii_alphanumeric() || "+-.".contains(it));
    // What has no slash after the scheme is opaque, which a request cannot have.
    is_scheme && rest.starts_with('/') && is_parsed(rest)
}

/// What Go's parser takes after the scheme.
fn is_parsed(rest: &str) -> bool {
    let has_control = rest.bytes().any(|it| it < 0x20 || it == 0x7f);
    let Some(after) = rest.strip_prefix("//") else { return !has_control && escapes(rest) };
    let end = after.find(['/', '?', '#']).unwrap_or(after.len());
    let (authority, path) = after.split_at(end);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let port = host.rsplit_once(':').filter(|_| !host.ends_with(']')).map(|(_, port)| port);
    let is_host = !host.contains([' ', '"', '<', '>', '\\', '^', '`', '{', '}', '|']);
    let is_port = port.is_none_or(|it| it.bytes().all(|it| it.is_ascii_digit()));
    !has_control && is_host && is_port && escapes(path.split(['?', '#']).next().unwrap_or_default())
}

/// Whether every `%` begins an escape.
fn escapes(text: &str) -> bool {
    text.split('%')
        .skip(1)
        .all(|it| it.len() >= 2 && it.bytes().take(2).all(|byte| byte.is_ascii_hexdigit()))
}

/// `IsURL`: a host with or without scheme, user, port and path.
pub(super) fn is_url(text: &str) -> bool {
    const SCHEMES: [&str; 7] = ["ftp", "tcp", "udp", "ws", "wss", "http", "https"];
    let n_chars = text.chars().count();
    if !(4..2083).contains(&n_chars) || text.starts_with('.') || text.contains(char::is_whitespace)
    {
        return false;
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme), rest),
        None => (None, text),
    };
    if scheme.is_some_and(|it| !SCHEMES.contains(&it)) {
        return false;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = &rest[..end];
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => {
            let is_port =
                (1..=5).contains(&port.len()) && port.bytes().all(|it| it.is_ascii_digit());
            if !is_port {
                return false;
            }
            host
        }
        _ => host,
    };
    // Without a scheme Go takes a host for a path, and a path without a point is no address.
    if scheme.is_none() && !text.contains(':') && !rest.contains('.') {
        return false;
    }
    is_host(host.strip_suffix('.').unwrap_or(host))
}

fn is_host(host: &str) -> bool {
    if let Some(address) = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')) {
        return address.parse::<std::net::Ipv6Addr>().is_ok();
    }
    let is_letter = |it: char| it.is_alphanumeric() || "-_".contains(it);
    !host.is_empty()
        && host.split('.').all(|label| {
            !label.is_empty()
                && !label.starts_with(['-', '_'])
                && !label.ends_with(['-', '_'])
                && label.chars().all(is_letter)
        })
}

/// `IsEmail`: a word, `@`, and a host of two labels or more.
pub(super) fn is_email(text: &str) -> bool {
    let Some((user, host)) = text.rsplit_once('@') else { return false };
    let is_wide = |it: char| matches!(it, '\u{a0}'..='\u{d7ff}' | '\u{f900}'..='\u{fdcf}' | '\u{fdf0}'..='\u{ffef}');
    let is_atom =
        |it: char| it.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(it) || is_wide(it);
    let is_quoted = 1 < user.len() && user.starts_with('"') && user.ends_with('"');
    let is_user = is_quoted || user.split('.').all(|it| !it.is_empty() && it.chars().all(is_atom));
    let is_edge = |it: char| it.is_ascii_alphanumeric() || is_wide(it);
    let is_letter = |it: char| it.is_ascii_alphabetic() || is_wide(it);
    let is_inner = |it: char| is_edge(it) || "-_~".contains(it);
    let host = host.strip_suffix('.').unwrap_or(host);
    let Some((labels, top)) = host.rsplit_once('.') else { return false };
    let is_label = |label: &str, is_edge: &dyn Fn(char) -> bool| {
        label.starts_with(is_edge) && label.ends_with(is_edge) && label.chars().all(is_inner)
    };
    is_user && labels.split('.').all(|it| is_label(it, &is_edge)) && is_label(top, &is_letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_judged_as_by_helm() {
        for text in ["https://a.b/c", "http://localhost:80", "ssh://git@x/y", "file:///a", "git:/x"]
        {
            assert!(is_request_url(text), "{text}");
        }
        for text in ["", "a.b", "/a", "mailto:x", "http://a b", "https://a:b/", "http://a/%zz"] {
            assert!(!is_request_url(text), "{text}");
        }
        for text in [
            "https://a.b",
            "ab.c",
            "a.b/c",
            "http://localhost",
            "localhost:80",
            "http://1.2.3.4:5/x",
        ] {
            assert!(is_url(text), "{text}");
        }
        for text in ["", "x y.z", "gopher://a.b", "abcd", ".a.b", "http://a:123456"] {
            assert!(!is_url(text), "{text}");
        }
        for text in ["a@b.c", "a.b+c@x.y.org"] {
            assert!(is_email(text), "{text}");
        }
        for text in ["", "a", "a@b", "a b@c.d", "@c.d", "a..b@c.d", "a@b.c1"] {
            assert!(!is_email(text), "{text}");
        }
    }
}
