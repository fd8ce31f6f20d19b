//! `/env`: the environment as one JSON object, secrets masked. No ingress routes it.

use std::collections::BTreeMap;

use axum::{Json, extract};

use crate::State;

const MASK: &str = "***";
/// Parts of names whose values nobody should read over HTTP.
const SECRET_WORDS: [&str; 10] = [
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "PASSPHRASE",
    "TOKEN",
    "CREDENTIAL",
    "PRIVATE",
    "APIKEY",
    "API_KEY",
    "ACCESS_KEY",
];

pub(crate) async fn get(
    extract::State(state): extract::State<State>,
) -> Json<BTreeMap<String, String>> {
    Json(masked(&state.environment))
}

fn masked(environment: &[(String, String)]) -> BTreeMap<String, String> {
    let mask = |(name, value): &(String, String)| {
        let value = if is_secret(name, value) { MASK.to_owned() } else { value.clone() };
        (name.clone(), value)
    };
    environment.iter().map(mask).collect()
}

/// Secret by its name, or an address with a password in it.
fn is_secret(name: &str, value: &str) -> bool {
    let name = name.to_ascii_uppercase();
    let has_login = value.split_once("://").is_some_and(|(_, rest)| {
        let authority = rest.split('/').next().unwrap_or_default();
        authority.rsplit_once('@').is_some_and(|(login, _)| login.contains(':'))
    });
    has_login || SECRET_WORDS.iter().any(|it| name.contains(it))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_by_name_and_by_value() {
        let environment = [
            ("PROD", "true"),
            ("DB_PASSWORD", "x"),
            ("GITHUB_TOKEN", "x"),
            ("DATABASE_URL", "postgres://me:pw@db/x"),
            ("HOMEPAGE", "https://example.com/@me:you"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let masked = masked(&environment);
        let shown: Vec<&str> =
            masked.iter().filter(|it| it.1 != MASK).map(|it| it.0.as_str()).collect();
        assert_eq!(shown, ["HOMEPAGE", "PROD"]);
        assert_eq!(masked.len(), 5);
    }
}
