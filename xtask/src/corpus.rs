//! Renders a corpus of public charts in process and compares with what the real helm printed.
//!
//! The folder holds `cases.tsv`, `charts/` and `golden/`; a case is `same` when the output is equal to
//! the byte, `masked` when it differs only inside lines in which two runs of helm differ as well.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use chart::{
    Capabilities, Chart, ChartFile, Inputs, KubeVersion, Options, Release, Source, TextOptions,
    ValueSources, render_with,
};

const THREADS: usize = 2;
/// Templates may nest as deep as Go allows; that takes a stack of this size.
pub(crate) const STACK_BYTES: usize = 512 << 20;

/// What to run.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) folder: PathBuf,
    /// Part of the names of the cases to run; empty for all.
    pub(crate) substring: String,
    /// Where to write what we print, for a look at the differences.
    pub(crate) output: Option<PathBuf>,
}

pub(crate) struct Case {
    pub(crate) name: String,
    /// Its folder below `charts/`.
    pub(crate) chart: String,
    /// Files of values, in the chart's folder.
    pub(crate) values: Vec<String>,
    pub(crate) should_render: bool,
    pub(crate) helm_ms: f64,
}

impl Case {
    /// What a command that renders it is given, as the corpus was recorded.
    pub(crate) fn arguments(&self, folder: &Path) -> Vec<OsString> {
        let chart = folder.join("charts").join(&self.chart);
        let mut arguments: Vec<OsString> =
            vec!["rel".into(), chart.clone().into(), "--kube-version".into(), "1.34.0".into()];
        for file in &self.values {
            arguments.extend(["-f".into(), chart.join(file).into()]);
        }
        arguments
    }
}

/// How a case went.
struct Outcome {
    verdict: &'static str,
    reason: String,
    elapsed: Duration,
}

/// Runs the cases; gives a line for each that is wrong, and a summary.
pub(crate) fn run(run: &Run) -> anyhow::Result<(Vec<String>, String)> {
    let cases = cases(&run.folder, &run.substring)?;
    let next = AtomicUsize::new(0);
    let mut outcomes: Vec<(usize, Outcome)> = Vec::new();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .filter_map(|_| {
                let worker = || work(run, &cases, &next);
                thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, worker).ok()
            })
            .collect();
        for worker in workers {
            outcomes.extend(worker.join().unwrap_or_default());
        }
    });
    outcomes.sort_by_key(|(place, _)| *place);
    Ok(report(&cases, &outcomes))
}

fn report(cases: &[Case], outcomes: &[(usize, Outcome)]) -> (Vec<String>, String) {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    let mut lines = Vec::new();
    let mut elapsed = Duration::ZERO;
    let mut slower = 0;
    for (place, outcome) in outcomes {
        let case = &cases[*place];
        *counts.entry(outcome.verdict).or_default() += 1;
        elapsed += outcome.elapsed;
        slower += usize::from(case.helm_ms < outcome.elapsed.as_secs_f64() * 1000.0);
        if outcome.verdict.chars().all(|it| it.is_uppercase() || it == ' ') {
            lines.push(format!("{} {} {}", outcome.verdict, case.name, outcome.reason));
        }
    }
    let helm: f64 = cases.iter().map(|case| case.helm_ms / 1000.0).sum();
    let ours = elapsed.as_secs_f64();
    let summary = format!(
        "{counts:?}, {ours:.1} s of one core, helm recorded {helm:.1} s, slower than helm in {slower}"
    );
    (lines, summary)
}

/// The cases whose name contains a text.
pub(crate) fn cases(folder: &Path, substring: &str) -> anyhow::Result<Vec<Case>> {
    let table = folder.join("cases.tsv");
    let table = fs::read_to_string(&table).with_context(|| table.display().to_string())?;
    let mut cases = Vec::new();
    for line in table.lines().skip(1) {
        let fields: Vec<&str> = line.split('\t').collect();
        let [name, chart, values, exit, helm_ms] = fields[..] else { continue };
        if name.contains(substring) {
            cases.push(Case {
                name: name.to_owned(),
                chart: chart.to_owned(),
                values: values.split(',').filter(|it| !it.is_empty()).map(str::to_owned).collect(),
                should_render: exit == "0",
                helm_ms: helm_ms.parse().unwrap_or_default(),
            });
        }
    }
    Ok(cases)
}

fn work(run: &Run, cases: &[Case], next: &AtomicUsize) -> Vec<(usize, Outcome)> {
    let mut outcomes = Vec::new();
    let cache = chart::Cache::default();
    loop {
        let place = next.fetch_add(1, Ordering::Relaxed);
        let Some(case) = cases.get(place) else { return outcomes };
        let start = Instant::now();
        let result = catch_unwind(AssertUnwindSafe(|| {
            render_case(&run.folder, case, &FixedSource::new(&cache))
        }))
        .unwrap_or_else(|_| Err("panicked".to_owned()));
        let elapsed = start.elapsed();
        if let Some(output) = &run.output {
            let (text, extension) = match &result {
                Ok(text) => (text, "yaml"),
                Err(text) => (text, "err"),
            };
            let file = output.join(format!("{}.{extension}", case.name));
            let written = fs::create_dir_all(file.parent().unwrap_or(output))
                .and_then(|()| fs::write(&file, text));
            if let Err(error) = written {
                outcomes
                    .push((place, Outcome { verdict: "LOST", reason: error.to_string(), elapsed }));
                continue;
            }
        }
        let (verdict, reason) = verdict(&run.folder, case, result);
        outcomes.push((place, Outcome { verdict, reason, elapsed }));
    }
}

fn verdict(folder: &Path, case: &Case, result: Result<String, String>) -> (&'static str, String) {
    let golden = |extension: &str| {
        fs::read(folder.join("golden").join(format!("{}.{extension}", case.name)))
    };
    match (case.should_render, result) {
        (true, Err(error)) => ("FAILED", error),
        (false, Ok(_)) => ("SHOULD FAIL", String::new()),
        (false, Err(error)) => {
            let wanted = golden("err").unwrap_or_default();
            let wanted = String::from_utf8_lossy(&wanted);
            let is_same = wanted.trim().ends_with(error.trim())
                || wanted.trim().ends_with(&format!(
                    "{}\n\nUse --debug flag to render out invalid YAML",
                    error.trim()
                ));
            if is_same { ("both fail", String::new()) } else { ("both fail, other words", error) }
        }
        (true, Ok(text)) => match golden("yaml") {
            Err(error) => ("LOST", error.to_string()),
            Ok(wanted) if wanted == text.as_bytes() => ("same", String::new()),
            Ok(wanted) => match golden("run2") {
                Ok(second) if is_masked(text.as_bytes(), &wanted, &second) => {
                    ("masked", String::new())
                }
                _ => ("DIFFERENT", first_difference(&text, &wanted)),
            },
        },
    }
}

/// Whether we differ only in lines in which helm's two runs differ, or in the lines of a certificate or
/// key, where runs can agree by chance (the second in which they were made, the length of a number).
fn is_masked(ours: &[u8], first: &[u8], second: &[u8]) -> bool {
    let lines =
        |text: &[u8]| text.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>();
    let (ours, first, second) = (lines(ours), lines(first), lines(second));
    if ours.len() != first.len() || first.len() != second.len() {
        return false;
    }
    let mut is_in_pem = false;
    (0..ours.len()).all(|it| {
        let has = |mark: &[u8]| first[it].windows(mark.len()).any(|part| part == mark);
        is_in_pem = (is_in_pem || has(b"-----BEGIN ")) && !has(b"-----END ");
        ours[it] == first[it] || first[it] != second[it] || is_in_pem
    })
}

fn first_difference(ours: &str, wanted: &[u8]) -> String {
    let wanted = String::from_utf8_lossy(wanted);
    let pair = ours.lines().zip(wanted.lines()).enumerate().find(|(_, (one, two))| one != two);
    match pair {
        Some((place, (ours, wanted))) => format!("line {}: {ours:?}, helm {wanted:?}", place + 1),
        None => format!("{} lines, helm {}", ours.lines().count(), wanted.lines().count()),
    }
}

/// What the chart of a case renders to, or the error's text; everything is read from the disk.
fn render_case(folder: &Path, case: &Case, source: &dyn Source) -> Result<String, String> {
    render_chart(&load(folder, case)?, folder, case, source)
}

/// The chart of a case.
pub(crate) fn load(folder: &Path, case: &Case) -> Result<Chart, String> {
    let mut files = Vec::new();
    let dir = folder.join("charts").join(&case.chart);
    read_folder(&dir, "", &mut files).map_err(|error| error.to_string())?;
    Chart::load(files).map_err(|error| error.to_string())
}

/// What a chart renders to in a case, or the error's text.
pub(crate) fn render_chart(
    chart: &Chart,
    folder: &Path,
    case: &Case,
    source: &dyn Source,
) -> Result<String, String> {
    let dir = folder.join("charts").join(&case.chart);
    let mut sources = ValueSources::default();
    for name in &case.values {
        let content = fs::read(dir.join(name)).map_err(|error| format!("{name}: {error}"))?;
        sources.files.push((dir.join(name).display().to_string(), content));
    }
    let values =
        sources.merge(&|_| Err("no files".to_owned())).map_err(|error| error.to_string())?;
    let release = Release::install("rel", "default");
    let kube_version = KubeVersion::parse("1.34.0").map_err(|error| error.to_string())?;
    let capabilities = Capabilities { kube_version, ..Capabilities::default() };
    let mut options = Options::default();
    options.limits.stack_bytes_max = STACK_BYTES / 2;
    let inputs = Inputs { release: &release, capabilities: &capabilities, source, options };
    let rendered = render_with(chart, &values, &inputs).map_err(|error| error.to_string())?;
    Ok(rendered.template_text(TextOptions::default()))
}

/// Every regular file of a folder; links are followed.
fn read_folder(dir: &Path, prefix: &str, files: &mut Vec<ChartFile>) -> std::io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let path = format!("{prefix}{}", entry.file_name().to_string_lossy());
        let kind = entry.file_type()?;
        if kind.is_dir() || kind.is_symlink() && fs::metadata(entry.path())?.is_dir() {
            read_folder(&entry.path(), &format!("{path}/"), files)?;
        } else {
            files.push(ChartFile { path, data: fs::read(entry.path())?.into() });
        }
    }
    Ok(())
}

/// A source whose time stands still and whose randomness repeats.
#[derive(Debug, Default)]
pub(crate) struct FixedSource {
    state: std::cell::Cell<u64>,
    /// Many charts have the same libraries, and many cases the same chart.
    pub(crate) cache: chart::Cache,
}

impl FixedSource {
    pub(crate) fn new(cache: &chart::Cache) -> Self {
        Self { cache: cache.clone(), ..Self::default() }
    }
}

impl Source for FixedSource {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::new(1_795_132_800, 0).unwrap_or_default()
    }

    fn cache(&self) -> Option<&chart::Cache> {
        Some(&self.cache)
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        for byte in buffer {
            // SplitMix64: https://prng.di.unimi.it/splitmix64.c
            let state = self.state.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
            self.state.set(state);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            *byte = (mixed >> 32).to_le_bytes()[0];
        }
    }
}
