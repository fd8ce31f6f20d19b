//! The `WWW-Authenticate` header: which kind of proof a registry wants.

/// What a 401 asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Challenge {
    Basic,
    /// A token from `realm`; `service` and `scope` may be empty.
    Bearer {
        realm: String,
        service: String,
        scope: String,
    },
}

/// Reads the header's value; `None` when it names neither kind.
///
/// Source: RFC 7235, section 4.1; distribution's "Token Authentication Specification".
pub(crate) fn parse(header: &str) -> Option<Challenge> {
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service, mut scope) = (String::new(), String::new(), String::new());
    for (name, value) in parameters(rest) {
        match name.as_str() {
            "realm" => realm = value,
            "service" => service = value,
            "scope" => scope = value,
            _ => {}
        }
    }
    (!realm.is_empty()).then_some(Challenge::Bearer { realm, service, scope })
}

/// `name="value, with commas", other=token`
fn parameters(mut text: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    while let Some((name, rest)) = text.split_once('=') {
        let (value, rest) = match rest.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
            None => rest.split_once(',').unwrap_or((rest, "")),
        };
        let name = name.trim_matches([' ', ',']).to_ascii_lowercase();
        found.push((name, value.trim().to_owned()));
        text = rest;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_challenge_keeps_the_commas_of_its_scope() {
        let header = r#"Bearer realm="https://auth.example.com/token",service="r", scope="repository:a/b:pull,push""#;
        let expect = Challenge::Bearer {
            realm: "https://auth.example.com/token".to_owned(),
            service: "r".to_owned(),
            scope: "repository:a/b:pull,push".to_owned(),
        };
        assert_eq!(parse(header), Some(expect));
    }

    #[test]
    fn other_schemes_are_none() {
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(parse("Negotiate"), None);
        assert_eq!(parse("Bearer service=\"x\""), None);
    }
}
