//! A small chart and its rendering, for the tests of what authors are told.

use crate::{
    capabilities::Capabilities,
    chart::{Chart, ChartFile},
    diagnosis::Author,
    release::Release,
    render::{Inputs, Options, Rendered, render_with},
    render_error::RenderError,
    source::Still,
    values::ValueSources,
};

pub(crate) const CHART: (&str, &str) = ("Chart.yaml", "apiVersion: v2\nname: c\nversion: 1.0.0\n");

/// A chart of these files, with a `Chart.yaml` when they hold none.
pub(crate) fn load(files: &[(&str, &str)]) -> Chart {
    let file =
        |(path, data): &(&str, &str)| ChartFile { path: (*path).to_owned(), data: (*data).into() };
    let mut files: Vec<ChartFile> = files.iter().map(file).collect();
    if !files.iter().any(|it| it.path == "Chart.yaml") {
        files.push(file(&CHART));
    }
    Chart::load(files).unwrap()
}

/// Renders as the release `rel` with `--set` flags, and hands everything to `look`.
pub(crate) fn render_for<T>(
    chart: &Chart,
    set: &[&str],
    look: impl FnOnce(&Author<'_>, Result<Rendered, RenderError>) -> T,
) -> T {
    let set = set.iter().map(|it| (*it).to_owned()).collect();
    let sources = ValueSources { set, ..ValueSources::default() };
    let values = sources.merge(&|_| Err(String::new())).unwrap();
    let release = Release::install("rel", "default");
    let inputs = Inputs {
        release: &release,
        capabilities: &Capabilities::default(),
        source: &Still,
        options: Options::default(),
    };
    let rendered = render_with(chart, &values, &inputs);
    let author = Author { chart, folder: "charts/c", sources: &sources, values: &values, inputs };
    look(&author, rendered)
}
