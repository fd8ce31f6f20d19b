//! `/env`: the environment as one JSON object, secrets masked. No ingress routes it.

use std::collections::BTreeMap;

use axum::{Json, extract, http::StatusCode};

use crate::{State, problem::Problem};

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

/// Beginnings of values that are secrets wherever they stand.
const SECRET_BEGINNINGS: [&str; 14] = [
    "-----BEGIN",
    "AKIA",
    "ASIA",
    "AIza",
    "Basic ",
    "Bearer ",
    "eyJ",
    "ghp_",
    "gho_",
    "ghs_",
    "github_pat_",
    "glpat-",
    "sk_live_",
    "xox",
];
/// Keys in addresses and connection strings, as in `host=db password=x` and `https://x/?token=y`.
const SECRET_KEYS: [&str; 7] =
    ["password=", "passwd=", "pwd=", "token=", "secret=", "apikey=", "api_key="];

pub(crate) async fn get(
    extract::State(state): extract::State<State>,
) -> Result<Json<BTreeMap<String, String>>, Problem> {
    if !state.config.shows_environment {
        let detail = "the environment is not shown: FARO_ENV_ENDPOINT is false";
        return Err(Problem::new(StatusCode::NOT_FOUND, detail));
    }
    Ok(Json(shown(&state.environment)))
}

/// All variables; `PROD` is always there, and says `true` or `false`.
fn shown(environment: &[(String, String)]) -> BTreeMap<String, String> {
    let mask = |(name, value): &(String, String)| {
        let value = if is_secret(name, value) { MASK.to_owned() } else { value.clone() };
        (name.clone(), value)
    };
    let mut shown: BTreeMap<String, String> = environment.iter().map(mask).collect();
    let prod = shown.get("PROD").map(|it| it.trim().to_ascii_lowercase()).unwrap_or_default();
    let is_prod = matches!(prod.as_str(), "true" | "1" | "yes" | "on");
    shown.insert("PROD".to_owned(), is_prod.to_string());
    shown
}

/// Secret by its name, or by what its value looks like.
fn is_secret(name: &str, value: &str) -> bool {
    let (name, lower) = (name.to_ascii_uppercase(), value.to_ascii_lowercase());
    SECRET_WORDS.iter().any(|it| name.contains(it))
        || SECRET_BEGINNINGS.iter().any(|it| value.trim_start().starts_with(it))
        || SECRET_KEYS.iter().any(|it| lower.contains(it))
        || has_login(value)
}

/// An address with a name or a password before its host.
fn has_login(value: &str) -> bool {
    value.split("://").skip(1).any(|rest| {
        let authority = rest.split(['/', '?', '#', ' ', ',']).next().unwrap_or_default();
        authority.contains('@')
    })
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
            ("MIRRORS", "http://a.example https://key@b.example"),
            ("DSN", "host=db user=me Password=x"),
            ("CALLBACK", "https://example.com/?token=x"),
            ("HEADER", "Bearer abc"),
            ("SESSION", "eyJhbGciOiJIUzI1NiJ9.e30.x"),
            ("AWS_ID", "AKIAIOSFODNN7EXAMPLE"),
            ("PEM", "-----BEGIN PRIVATE KEY-----"),
            ("HOMEPAGE", "https://example.com/@me:you"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
        let all = shown(&environment);
        let shown: Vec<&str> =
            all.iter().filter(|it| it.1 != MASK).map(|it| it.0.as_str()).collect();
        assert_eq!(shown, ["HOMEPAGE", "PROD"]);
        assert_eq!(all.len(), environment.len());
    }

    #[test]
    fn prod_is_always_true_or_false() {
        for (value, expect) in
            [("TRUE", "true"), ("1", "true"), ("false", "false"), ("nonsense", "false")]
        {
            let environment = [("PROD".to_owned(), value.to_owned())];
            assert_eq!(shown(&environment)["PROD"], expect);
        }
        assert_eq!(shown(&[])["PROD"], "false");
    }
}
