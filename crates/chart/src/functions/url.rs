//! `urlParse` and `urlJoin`, as Go's net/url does it.

use gotmpl::{
    Kind, Map,
    Type::{Map as Dict, String as Text},
    Value,
};

use super::{
    Env, Function, Result,
    args::{map, text},
    fail, fixed,
};

mod escape;
mod parse;

use parse::{Url, User};

pub(super) const FUNCTIONS: &[Function] =
    &[fixed("urlParse", &[Text], url_parse), fixed("urlJoin", &[Dict], url_join)];

fn url_parse(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let url = match Url::parse(&text(&args[0]).to_text()) {
        Ok(url) => url,
        Err(error) => return fail(format!("unable to parse url: {error}")),
    };
    let entries = [
        ("fragment", url.fragment.clone()),
        ("host", url.host.clone()),
        ("hostname", url.hostname()),
        ("opaque", url.opaque.clone()),
        ("path", url.path.clone()),
        ("query", url.query.clone()),
        ("scheme", url.scheme.clone()),
        ("userinfo", url.user.as_ref().map(User::to_string).unwrap_or_default()),
    ];
    Ok(Value::Map(entries.into_iter().map(|(key, text)| (key, text.into())).collect()))
}

fn url_join(_: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let dict = map(&args[0]);
    let user = match part(dict, "userinfo")? {
        info if info.is_empty() => None,
        info => match Url::parse(&format!("proto://{info}@host")) {
            Ok(url) => url.user,
            Err(error) => return fail(format!("unable to parse userinfo in dict: {error}")),
        },
    };
    let url = Url {
        scheme: part(dict, "scheme")?,
        host: part(dict, "host")?,
        path: part(dict, "path")?,
        query: part(dict, "query")?,
        opaque: part(dict, "opaque")?,
        fragment: part(dict, "fragment")?,
        user,
        ..Url::default()
    };
    Ok(url.to_string().into())
}

fn part(dict: &Map, key: &str) -> Result<String> {
    match dict.get(key) {
        None => Ok(String::new()),
        Some(Value::String(text)) => Ok(text.to_string()),
        Some(Value::Nil) => fail(super::NIL_DEREFERENCE),
        Some(other) => {
            let kind: Kind = other.kind();
            fail(format!("unable to parse {key} key, must be of type string, but {kind} found"))
        }
    }
}
