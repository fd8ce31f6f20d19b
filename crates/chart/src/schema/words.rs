//! What is wrong with values, in the words of santhosh-tekuri/jsonschema 6.0.2.

use std::collections::BTreeMap;

use boon::{ErrorKind, InstanceLocation, ValidationError};
use serde_json::{Number, Value as Json};

/// The error and those below it, a line each. Patterns are shown as the table has them.
pub(super) fn display(
    error: &ValidationError<'_, '_>,
    patterns: &BTreeMap<String, String>,
) -> String {
    let mut text = String::new();
    let above = Above { depth: 0, schema_url: "", combination: None, patterns };
    write(&mut text, error, &above);
    text
}

/// What stands above an error.
struct Above<'a> {
    depth: usize,
    /// Where in the schema the error above lies.
    schema_url: &'a str,
    /// Its keyword, when it is a combination of schemas.
    combination: Option<&'static str>,
    patterns: &'a BTreeMap<String, String>,
}

fn write(text: &mut String, error: &ValidationError<'_, '_>, above: &Above<'_>) {
    let is_skipped = error.causes.len() == 1 && matches!(error.kind, ErrorKind::Reference { .. });
    let mut depth = above.depth;
    for (name, n_tokens) in left_out(error, above) {
        let tokens = error.instance_location.tokens.iter().take(n_tokens);
        let place = InstanceLocation { tokens: tokens.cloned().collect() };
        begin_line(text, depth);
        text.extend(["at ", &quote(&place.to_string()), ": '", name, "' failed"]);
        if name == "oneOf" {
            text.push_str(", none matched");
        }
        depth += 1;
    }
    if !is_skipped {
        begin_line(text, depth);
        depth += 1;
        if let ErrorKind::Schema { url } = &error.kind {
            let url = if url.contains('#') { (*url).to_owned() } else { format!("{url}#") };
            text.extend(["jsonschema validation failed with ", &quote(&url)]);
        } else {
            let place = quote(&error.instance_location.to_string());
            text.extend(["at ", &place, ": ", &message(&error.kind, above.patterns)]);
        }
    }
    let schema_url = match &error.kind {
        ErrorKind::Reference { url, .. } | ErrorKind::Schema { url } => url,
        _ => error.schema_url,
    };
    let combination = match &error.kind {
        ErrorKind::AllOf => Some("allOf"),
        ErrorKind::AnyOf => Some("anyOf"),
        ErrorKind::OneOf(_) => Some("oneOf"),
        _ => None,
    };
    let here = Above { depth, schema_url, combination, patterns: above.patterns };
    for cause in &error.causes {
        write(text, cause, &here);
    }
}

fn begin_line(text: &mut String, depth: usize) {
    if 0 < depth {
        text.push('\n');
        text.push_str(&"  ".repeat(depth - 1));
        text.push_str("- ");
    }
}

/// The combinations between an error and the one above it, with how many elements lead to each: boon
/// leaves out those of which only one part failed.
fn left_out(error: &ValidationError<'_, '_>, above: &Above<'_>) -> Vec<(&'static str, usize)> {
    let n_tokens = error.instance_location.tokens.len();
    let path = error.schema_url.strip_prefix(above.schema_url).unwrap_or_default();
    let mut rest = path.trim_start_matches('#').split('/').skip(1).peekable();
    if above.combination.is_some() && above.combination == rest.peek().copied() {
        // What the error above stands for is not left out.
        rest.nth(1);
    }
    let mut found: Vec<(&'static str, usize)> = Vec::new();
    let mut n_below = 0;
    while let Some(keyword) = rest.next() {
        match keyword {
            "allOf" | "anyOf" | "oneOf" => {
                let known = ["allOf", "anyOf", "oneOf"].into_iter().find(|it| *it == keyword);
                rest.next();
                found.extend(known.map(|known| (known, n_below)));
            }
            "properties" | "patternProperties" => {
                n_below += usize::from(rest.next().is_some());
            }
            "additionalProperties" | "unevaluatedProperties" | "contains" => n_below += 1,
            "items" | "prefixItems" | "additionalItems" | "unevaluatedItems" => n_below += 1,
            "$defs" | "definitions" | "dependentSchemas" | "dependencies" => {
                rest.next();
            }
            _ => {}
        }
    }
    let n_above = n_tokens.saturating_sub(n_below);
    found.into_iter().map(|(name, n_below)| (name, n_above + n_below)).collect()
}

fn message(kind: &ErrorKind<'_, '_>, patterns: &BTreeMap<String, String>) -> String {
    match kind {
        ErrorKind::Group | ErrorKind::Schema { .. } | ErrorKind::Reference { .. } => {
            "validation failed".to_owned()
        }
        ErrorKind::ContentSchema => "'contentSchema' failed".to_owned(),
        ErrorKind::PropertyName { prop } => format!("invalid propertyName {}", quote(prop)),
        ErrorKind::RefCycle { url, kw_loc1, kw_loc2 } => {
            format!("both {kw_loc1} and {kw_loc2} resolve to {url:?} causing reference cycle")
        }
        ErrorKind::FalseSchema => "false schema".to_owned(),
        ErrorKind::Type { got, want } => {
            let want: Vec<String> = want.iter().map(|it| it.to_string()).collect();
            format!("got {got}, want {}", want.join(" or "))
        }
        ErrorKind::Enum { want } => one_of(want),
        ErrorKind::Const { want } if is_primitive(want) => format!("value must be {}", show(want)),
        ErrorKind::Const { .. } => "'const' failed".to_owned(),
        ErrorKind::Format { got, want, err } => format!("{} is not valid {want}: {err}", show(got)),
        ErrorKind::MinContains { got, want } if got.is_empty() => {
            format!(
                "min {} items required to match contains schema, but none matched",
                count(*want)
            )
        }
        ErrorKind::MinContains { got, want } => contained("min", got, *want),
        ErrorKind::MaxContains { got, want } => contained("max", got, *want),
        ErrorKind::Contains => "no items match contains schema".to_owned(),
        ErrorKind::UniqueItems { got: [one, two] } => {
            format!("items at {} and {} are equal", count(*one), count(*two))
        }
        ErrorKind::AdditionalItems { got } => {
            format!("last {} additionalItem(s) not allowed", count(*got))
        }
        ErrorKind::AdditionalProperties { got } => {
            format!("additional properties {} not allowed", quote_all(got))
        }
        ErrorKind::Required { want } if want.len() == 1 => {
            format!("missing property {}", quote(want[0]))
        }
        ErrorKind::Required { want } => format!("missing properties {}", quote_all(want)),
        ErrorKind::Dependency { prop, missing }
        | ErrorKind::DependentRequired { prop, missing } => {
            format!("properties {} required, if {} exists", quote_all(missing), quote(prop))
        }
        ErrorKind::Pattern { got, want } => {
            let want = patterns.get(*want).map_or(*want, String::as_str);
            format!("{} does not match pattern {}", quote(got), quote(want))
        }
        ErrorKind::ContentEncoding { want, err } => {
            format!("value is not {} encoded: {err}", quote(want))
        }
        ErrorKind::ContentMediaType { want, err, .. } => {
            format!("value if not of mediatype {}: {err}", quote(want))
        }
        ErrorKind::Not => "'not' failed".to_owned(),
        ErrorKind::AllOf => "'allOf' failed".to_owned(),
        ErrorKind::AnyOf => "'anyOf' failed".to_owned(),
        ErrorKind::OneOf(None) => "'oneOf' failed, none matched".to_owned(),
        ErrorKind::OneOf(Some((one, two))) => {
            format!("'oneOf' failed, subschemas {}, {} matched", count(*one), count(*two))
        }
        kind => limit(kind),
    }
}

/// What is too small or too large.
fn limit(kind: &ErrorKind<'_, '_>) -> String {
    let counts = |keyword: &str, got: usize, want: usize| {
        format!("{keyword}: got {}, want {}", count(got), count(want))
    };
    let numbers = |keyword: &str, got: &Number, want: &Number| {
        format!("{keyword}: got {}, want {}", decimal(got), decimal(want))
    };
    match kind {
        ErrorKind::MinProperties { got, want } => counts("minProperties", *got, *want),
        ErrorKind::MaxProperties { got, want } => counts("maxProperties", *got, *want),
        ErrorKind::MinItems { got, want } => counts("minItems", *got, *want),
        ErrorKind::MaxItems { got, want } => counts("maxItems", *got, *want),
        ErrorKind::MinLength { got, want } => counts("minLength", *got, *want),
        ErrorKind::MaxLength { got, want } => counts("maxLength", *got, *want),
        ErrorKind::Minimum { got, want } => numbers("minimum", got, want),
        ErrorKind::Maximum { got, want } => numbers("maximum", got, want),
        ErrorKind::ExclusiveMinimum { got, want } => numbers("exclusiveMinimum", got, want),
        ErrorKind::ExclusiveMaximum { got, want } => numbers("exclusiveMaximum", got, want),
        ErrorKind::MultipleOf { got, want } => numbers("multipleOf", got, want),
        kind => kind.to_string(),
    }
}

fn one_of(want: &[Json]) -> String {
    let shown: Vec<String> = want.iter().map(show).collect();
    match shown.as_slice() {
        _ if !want.iter().all(is_primitive) => "'enum' failed".to_owned(),
        [only] => format!("value must be {only}"),
        _ => format!("value must be one of {}", shown.join(", ")),
    }
}

fn contained(bound: &str, got: &[usize], want: usize) -> String {
    let places: Vec<String> = got.iter().map(usize::to_string).collect();
    let (want, n_matched) = (count(want), count(got.len()));
    let places = places.join(" ");
    format!(
        "{bound} {want} items required to match contains schema, but matched {n_matched} items at {places}"
    )
}

fn is_primitive(value: &Json) -> bool {
    !value.is_array() && !value.is_object()
}

/// A value as Go prints it with `%v`, text in quotes.
fn show(value: &Json) -> String {
    match value {
        Json::Null => "<nil>".to_owned(),
        Json::String(text) => quote(text),
        Json::Array(_) | Json::Object(_) => "value".to_owned(),
        value => value.to_string(),
    }
}

/// Text in single quotes, otherwise as Go quotes it.
fn quote(text: &str) -> String {
    let quoted = gotmpl::strconv::quote(text.as_bytes()).replace("\\\"", "\"").replace('\'', "\\'");
    let inner = quoted.get(1..quoted.len() - 1).unwrap_or_default();
    format!("'{inner}'")
}

fn quote_all<T: AsRef<str>>(texts: &[T]) -> String {
    let quoted: Vec<String> = texts.iter().map(|text| quote(text.as_ref())).collect();
    quoted.join(", ")
}

/// An integer as golang.org/x/text prints it in English: with commas.
fn count(number: usize) -> String {
    with_commas(&number.to_string())
}

/// A number as golang.org/x/text prints a `float64` in English: `70,000`, `1.5×10⁰⁷`.
fn decimal(number: &Number) -> String {
    let text = goyaml::format_g(number.as_f64().unwrap_or_default());
    match text.split_once('e') {
        None => with_commas(&text),
        Some((mantissa, exponent)) => {
            let raised = exponent.chars().filter_map(superscript);
            format!("{mantissa}×10{}", raised.collect::<String>())
        }
    }
}

fn superscript(it: char) -> Option<char> {
    Some(match it {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        '9' => '⁹',
        _ => return None,
    })
}

fn with_commas(text: &str) -> String {
    let (sign, digits) = text.strip_prefix('-').map_or(("", text), |digits| ("-", digits));
    let (whole, part) = digits.split_once('.').map_or((digits, None), |(a, b)| (a, Some(b)));
    let mut grouped = sign.to_owned();
    for (place, digit) in whole.chars().enumerate() {
        if 0 < place && (whole.len() - place).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    if let Some(part) = part {
        grouped.push('.');
        grouped.push_str(part);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_print_in_english() {
        let of = |number: f64| decimal(&Number::from_f64(number).unwrap());
        assert_eq!(of(70_000.0), "70,000");
        assert_eq!(of(10_000.5), "10,000.5");
        assert_eq!(of(1_234_567.5), "1.2345675×10⁰⁶");
        assert_eq!(of(-0.5), "-0.5");
        assert_eq!(count(1500), "1,500");
    }
}
