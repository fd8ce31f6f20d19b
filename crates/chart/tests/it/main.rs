//! What helm prints, for charts of our own: `golden/<case>/chart` with `values.yaml` gives `want.yaml`,
//! or fails with `want.err`; with `values-x.yaml`, the same for `want-x`.

use std::path::{Path, PathBuf};

use chart::{
    Capabilities, Chart, ChartFile, KubeVersion, Release, Source, TextOptions, ValueSources, render,
};
use testkit::folder;

mod example;
mod values;

/// Time stands still, and random bytes are zeros.
struct Still;

impl Source for Still {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}

#[test]
fn charts_render_as_with_helm() {
    let golden = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let mut problems = Vec::new();
    let mut n_cases = 0;
    for case in folder::folders(&golden) {
        for (name, _) in folder::files(&case) {
            let Some(want) = name.strip_prefix("want").filter(|it| !it.contains('/')) else {
                continue;
            };
            n_cases += 1;
            let suffix = want.trim_end_matches(".yaml").trim_end_matches(".err");
            problems.extend(check(&case, suffix));
        }
    }
    assert!(n_cases > 80, "only {n_cases} cases");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// Nothing when we print what helm prints.
fn check(case: &Path, suffix: &str) -> Option<String> {
    let (want, extension) = match folder::text(&case.join(format!("want{suffix}.err"))) {
        Some(want) => (want, "err"),
        None => (folder::text(&case.join(format!("want{suffix}.yaml")))?, "yaml"),
    };
    let (ours, our_extension) = match print(case, suffix) {
        Ok(text) => (text, "yaml"),
        Err(text) => (format!("{}\n", text.trim()), "err"),
    };
    let name = format!("{}{suffix}", case.display());
    if extension != our_extension {
        return Some(format!("{name}: ours is {our_extension}, helm's {extension}:\n{ours}"));
    }
    let differs = want.lines().zip(ours.lines()).find(|(want, ours)| want != ours);
    let (want_line, our_line) = differs.unwrap_or_default();
    (ours != want).then(|| format!("{name}:\n  helm {want_line}\n  ours {our_line}"))
}

fn print(case: &Path, suffix: &str) -> Result<String, String> {
    let files = folder::files(&case.join("chart")).into_iter();
    let files = files.map(|(path, data)| ChartFile { path, data: data.into() }).collect();
    let chart = Chart::load(files).map_err(|error| error.to_string())?;
    let mut sources = ValueSources::default();
    if let Some(text) = folder::text(&case.join(format!("values{suffix}.yaml"))) {
        sources.files.push(("values.yaml".to_owned(), text.into_bytes()));
    }
    let values = sources.merge(&|_| Err("no files".to_owned())).map_err(|it| it.to_string())?;
    let release = Release::install("rel", "default");
    let kube_version = KubeVersion::parse("1.34.0").map_err(|error| error.to_string())?;
    let capabilities = Capabilities { kube_version, ..Capabilities::default() };
    let rendered = render(&chart, &values, &release, &capabilities, &Still)
        .map_err(|error| error.to_string())?;
    Ok(rendered.template_text(TextOptions::default()))
}
