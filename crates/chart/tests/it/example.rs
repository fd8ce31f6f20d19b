//! The example of the crate's documentation, as it stands there.

use chart::{Capabilities, Chart, ChartFile, Release, Source, TextOptions, ValueSources, render};

/// The clock and the randomness of a test; a program takes its own.
struct World;

impl Source for World {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

fn manifests() -> Result<String, Box<dyn std::error::Error>> {
    let file = |path: &str, text: &str| ChartFile { path: path.to_owned(), data: text.into() };
    let chart = Chart::load(vec![
        file("Chart.yaml", "apiVersion: v2\nname: web\nversion: 1.0.0\n"),
        file("values.yaml", "replicas: 1\n"),
        file(
            "templates/deployment.yaml",
            "kind: Deployment\nmetadata:\n  name: {{ .Release.Name }}\nspec:\n  replicas: {{ .Values.replicas }}\n",
        ),
    ])?;
    let given = ValueSources { set: vec!["replicas=3".to_owned()], ..ValueSources::default() };
    let values = given.merge(&|path| Err(format!("no file {path}")))?;
    let release = Release::install("rel", "default");
    let rendered = render(&chart, &values, &release, &Capabilities::default(), &World)?;
    assert_eq!(rendered.manifests[0].name, "rel");
    Ok(rendered.template_text(TextOptions::default()))
}

#[test]
fn the_example_renders() {
    let expect = "---\n# Source: web/templates/deployment.yaml\nkind: Deployment\nmetadata:\n  name: rel\nspec:\n  replicas: 3\n";
    assert_eq!(manifests().unwrap(), expect);
}
