//! Names of releases: which ones Helm takes, and names that a template makes.

use gotmpl::{Context, Limits, Templates, Value};

use crate::{functions::Host, source::Source};

/// What [`name_from_template`] calls its template in errors, as Helm does.
const TEMPLATE: &str = "name-template";
const NAME_BYTES_MAX: usize = 53;

/// Why a release cannot have a name. `Display` is Helm's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ReleaseNameError {
    #[error("no name provided")]
    Missing,
    #[error(
        r"invalid release name, must match regex ^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$ and the length must not be longer than {NAME_BYTES_MAX}"
    )]
    Invalid,
}

/// Checks a name as `helm install` and `helm template` do.
pub fn check_release_name(name: &str) -> Result<(), ReleaseNameError> {
    let is_edge = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let is_label = |label: &str| {
        let bytes = label.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else { return false };
        let is_inner = |it: &u8| is_edge(*it) || *it == b'-';
        is_edge(*first) && is_edge(*last) && bytes.iter().all(is_inner)
    };
    match name {
        "" => Err(ReleaseNameError::Missing),
        name if name.len() <= NAME_BYTES_MAX && name.split('.').all(is_label) => Ok(()),
        _ => Err(ReleaseNameError::Invalid),
    }
}

/// The name that `--name-template` gives: all of sprig's functions, and no values.
///
/// # Errors
/// What text/template says of a text that is no template, or that fails.
pub fn name_from_template(text: &str, source: &dyn Source) -> Result<String, String> {
    let host = Host::new(source, false);
    let limits = Limits::default();
    let templates = Templates::new();
    templates
        .parse(TEMPLATE, text.as_bytes(), &host, limits.stack_bytes_max)
        .map_err(|error| error.to_string())?;
    let name = Context::new(&templates, &host, limits).execute(TEMPLATE, &Value::Nil);
    // `fail` marks its text for whoever renders a chart; here there is no chart.
    let unmarked = |it: String| it.replace("HELM_ERR_START", "").replace("HELM_ERR_END", "");
    Ok(name.map_err(|error| unmarked(error.to_string()))?.to_text().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::Still;

    #[test]
    fn names_are_those_of_dns() {
        for name in ["a", "rel", "a-1.b", &"a".repeat(53)] {
            assert_eq!(check_release_name(name), Ok(()), "{name}");
        }
        for name in ["A", "a_b", "-a", "a-", "a..b", ".", &"a".repeat(54)] {
            assert_eq!(check_release_name(name), Err(ReleaseNameError::Invalid), "{name}");
        }
        assert_eq!(check_release_name(""), Err(ReleaseNameError::Missing));
    }

    #[test]
    fn templates_make_names() {
        let make = |text| name_from_template(text, &Still);
        assert_eq!(make("{{ \"A\" | lower }}-{{ add 1 2 }}").unwrap(), "a-3");
        assert_eq!(
            make("{{ nofun }}").unwrap_err(),
            "template: name-template:1: function \"nofun\" not defined"
        );
        assert!(make("{{ fail \"x\" }}").unwrap_err().ends_with("error calling fail: x"));
    }
}
