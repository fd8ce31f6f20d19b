//! `helm create`: a chart to begin with, which renders as Helm's own does.

use crate::chart::ChartFile;

/// What stands for the chart's name in the files.
pub(crate) const NAME: &str = "<CHARTNAME>";
const NAME_BYTES_MAX: usize = 250;

/// Why a chart cannot have a name. `Display` is Helm's text.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ChartNameError {
    #[error("chart name must be between 1 and {NAME_BYTES_MAX} characters")]
    Length,
    #[error("chart name must match the regular expression \"^[a-zA-Z0-9._-]+$\"")]
    Characters,
}

/// The files of a new chart, in the order in which Helm writes them.
pub fn scaffold(name: &str) -> Result<Vec<ChartFile>, ChartNameError> {
    if name.is_empty() || NAME_BYTES_MAX < name.len() {
        return Err(ChartNameError::Length);
    }
    let is_allowed = |it: u8| it.is_ascii_alphanumeric() || b"._-".contains(&it);
    if !name.bytes().all(is_allowed) {
        return Err(ChartNameError::Characters);
    }
    let file = |(path, text): &(&str, &str)| ChartFile {
        path: (*path).to_owned(),
        data: text.replace(NAME, name).into_bytes().into(),
    };
    Ok(FILES.iter().map(file).collect())
}

const FILES: [(&str, &str); 12] = [
    ("Chart.yaml", include_str!("create/scaffold/Chart.yaml")),
    ("values.yaml", include_str!("create/scaffold/values.yaml")),
    (".helmignore", include_str!("create/scaffold/helmignore")),
    ("templates/ingress.yaml", include_str!("create/scaffold/templates/ingress.yaml")),
    ("templates/httproute.yaml", include_str!("create/scaffold/templates/httproute.yaml")),
    ("templates/deployment.yaml", include_str!("create/scaffold/templates/deployment.yaml")),
    ("templates/service.yaml", include_str!("create/scaffold/templates/service.yaml")),
    (
        "templates/serviceaccount.yaml",
        include_str!("create/scaffold/templates/serviceaccount.yaml"),
    ),
    ("templates/hpa.yaml", include_str!("create/scaffold/templates/hpa.yaml")),
    ("templates/NOTES.txt", include_str!("create/scaffold/templates/NOTES.txt")),
    ("templates/_helpers.tpl", include_str!("create/scaffold/templates/_helpers.tpl")),
    (
        "templates/tests/test-connection.yaml",
        include_str!("create/scaffold/templates/tests/test-connection.yaml"),
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chart::Chart;

    #[test]
    fn a_new_chart_loads_under_its_name() {
        let chart = Chart::load(scaffold("web").unwrap()).unwrap();
        assert_eq!(chart.name(), "web");
        assert_eq!(chart.templates.len(), 9);
        let has_placeholder =
            |file: &ChartFile| file.data.windows(NAME.len()).any(|it| it == NAME.as_bytes());
        assert!(!scaffold("web").unwrap().iter().any(has_placeholder));
    }

    #[test]
    fn names_are_held_against_helms_rule() {
        assert_eq!(scaffold("").unwrap_err(), ChartNameError::Length);
        assert_eq!(scaffold(&"a".repeat(251)).unwrap_err(), ChartNameError::Length);
        assert_eq!(scaffold("a b").unwrap_err(), ChartNameError::Characters);
    }
}
