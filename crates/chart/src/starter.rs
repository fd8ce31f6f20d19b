//! `helm create --starter`: a chart made of another one (Helm 4.1.4, `pkg/chart/v2/util/create.go`).

use gotmpl::Text;

use crate::{
    chart::{Chart, ChartFile},
    create::NAME,
    metadata::Metadata,
    package::PackageError,
};

/// The files of a chart that begins as a copy of a starter, in the order in which Helm writes them.
///
/// `<CHARTNAME>` becomes the name in templates and in values.yaml, and nowhere else. Chart.yaml is new:
/// nothing of the starter's is kept, not even its dependencies; the charts in its `charts/` come packed.
///
/// # Errors
/// A chart in the starter's `charts/` that cannot be packed.
pub fn from_starter(starter: &Chart, name: &str) -> Result<Vec<ChartFile>, PackageError> {
    let metadata = Metadata {
        name: name.to_owned(),
        description: "A Helm chart for Kubernetes".to_owned(),
        kind: "application".to_owned(),
        version: "0.1.0".to_owned(),
        app_version: "0.1.0".to_owned(),
        api_version: "v2".to_owned(),
        ..Metadata::default()
    };
    let file = |path: &str, data: Text| ChartFile { path: path.to_owned(), data };
    let mut files = vec![file("Chart.yaml", metadata.to_yaml().into_bytes().into())];
    let values = starter.raw.iter().filter(|it| it.path == "values.yaml");
    files.extend(values.map(|it| file(&it.path, named(&it.data, name).into())));
    if let Some(schema) = &starter.schema {
        files.push(file("values.schema.json", schema.clone()));
    }
    files.extend(starter.templates.iter().map(|it| file(&it.path, named(&it.data, name).into())));
    files.extend(starter.files.iter().cloned());
    for subchart in &starter.dependencies {
        let path = format!("charts/{}", subchart.package_name());
        files.push(file(&path, subchart.to_archive(0)?.into()));
    }
    Ok(files)
}

/// A file with the name in it; other bytes than text stay as they are.
fn named(data: &[u8], name: &str) -> Vec<u8> {
    let mut rest = data;
    let mut result = Vec::with_capacity(data.len());
    while let Some(at) = rest.windows(NAME.len()).position(|it| it == NAME.as_bytes()) {
        result.extend_from_slice(&rest[..at]);
        result.extend_from_slice(name.as_bytes());
        rest = &rest[at + NAME.len()..];
    }
    result.extend_from_slice(rest);
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_stands_in_templates_and_values_only() {
        let file =
            |(path, text): (&str, &str)| ChartFile { path: path.to_owned(), data: text.into() };
        let starter = [
            ("Chart.yaml", "apiVersion: v2\nname: starter\nversion: 9.9.9\n"),
            ("values.yaml", "# <CHARTNAME>\nname: <CHARTNAME>\n"),
            ("templates/a.yaml", "<CHARTNAME>-<CHARTNAME>\n"),
            ("README.md", "<CHARTNAME>\n"),
            ("charts/sub/Chart.yaml", "apiVersion: v2\nname: sub\nversion: 1.0.0\n"),
        ];
        let starter = Chart::load(starter.map(file).to_vec()).unwrap();
        let files = from_starter(&starter, "web").unwrap();
        let paths: Vec<&str> = files.iter().map(|it| it.path.as_str()).collect();
        let expect =
            ["Chart.yaml", "values.yaml", "templates/a.yaml", "README.md", "charts/sub-1.0.0.tgz"];
        assert_eq!(paths, expect);
        let text = |at: usize| String::from_utf8_lossy(&files[at].data).into_owned();
        let chart = "apiVersion: v2\nappVersion: 0.1.0\ndescription: A Helm chart for Kubernetes\n\
            name: web\ntype: application\nversion: 0.1.0\n";
        assert_eq!(text(0), chart);
        assert_eq!(text(1), "# web\nname: web\n");
        assert_eq!([text(2), text(3)], ["web-web\n", "<CHARTNAME>\n"]);
        assert_eq!(Chart::load(files).unwrap().dependencies[0].name(), "sub");
    }
}
