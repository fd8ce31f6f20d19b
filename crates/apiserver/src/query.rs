//! The query of a request.

use crate::error::ApiError;

/// The decoded parameters in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Query {
    pairs: Vec<(String, String)>,
}

impl Query {
    pub(crate) fn parse(text: &str) -> Self {
        let pair = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(&name.replace('+', " ")), percent_decode(&value.replace('+', " ")))
        };
        Self { pairs: text.split('&').filter(|it| !it.is_empty()).map(pair).collect() }
    }

    /// The first value of a parameter; empty when it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.first(name).unwrap_or_default()
    }

    /// All values of a parameter that may come several times.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.pairs.iter().filter(move |(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// Whether a parameter is set: `?watch`, `?watch=1`, `?watch=true`.
    pub(crate) fn flag(&self, name: &str) -> bool {
        self.first(name).is_some_and(|it| !matches!(it, "false" | "0"))
    }

    fn first(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }

    /// A whole number; none when the parameter is absent or empty.
    pub(crate) fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        match self.text(name) {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| ApiError::BadRequest {
                message: format!(
                    "invalid value {text:?} of the parameter {name}: not a whole number"
                ),
            }),
        }
    }
}

/// Replaces `%XX`; what is not valid is kept as it stands.
pub(crate) fn percent_decode(text: &str) -> String {
    if !text.contains('%') {
        return text.to_owned();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let escaped = text.get(at + 1..at + 3).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match escaped.filter(|_| byte == b'%') {
            Some(decoded) => {
                out.push(decoded);
                at += 3;
            }
            None => {
                out.push(byte);
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_decoded() {
        let query = Query::parse(
            "labelSelector=a%3Db%2Cc+in+%28d%29&command=sh&command=-c&watch&limit=5&x=%zz",
        );
        assert_eq!(query.text("labelSelector"), "a=b,c in (d)");
        assert_eq!(query.all("command").collect::<Vec<_>>(), ["sh", "-c"]);
        assert!(query.flag("watch") && !query.flag("follow"));
        assert_eq!(query.number("limit").unwrap(), Some(5));
        assert!(query.number("x").is_err());
        assert_eq!(query.text("x"), "%zz");
    }

    proptest::proptest! {
        #[test]
        fn no_query_makes_it_panic(text in ".{0,60}", escaped in "(%[0-9a-f]{0,3}|&|=|é){0,20}") {
            let _query = Query::parse(&text);
            let _query = Query::parse(&escaped);
        }
    }
}
