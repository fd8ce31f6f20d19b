//! Figures of the chart engine over a corpus of public charts: one-shot beside the real helm, and in process.

use std::{
    cell::Cell,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, anyhow, ensure};
use chart::{Chart, ChartFile, Options, Release, Source, Values};

use crate::{
    corpus::{self, Case, FixedSource, STACK_BYTES},
    e2e,
    shell::{self, root},
    tools,
};

const EVERY_DEFAULT: usize = 25;
const RUNS_DEFAULT: usize = 3;
const USAGE: &str = "bench chart FOLDER [--every N] [--runs N] [--zarpa PROGRAM]
  FOLDER   cases.tsv, charts/ and golden/ of a corpus
  --every  of how many cases one is measured one-shot; 1 is all of them";

/// What to measure.
struct Bench {
    folder: PathBuf,
    /// Of so many cases, one is run one-shot.
    every: usize,
    /// How often each is run; the best time of each program counts.
    n_runs: usize,
    zarpa: PathBuf,
    /// An empty home.
    home: PathBuf,
}

/// Measures everything and prints it; `args` are those after `bench`.
pub(crate) fn run(args: &[String]) -> anyhow::Result<()> {
    if cfg!(debug_assertions) {
        // The figures in process are this program's own.
        let cargo = ["run", "--quiet", "--release", "--package", "xtask", "--", "bench"];
        return shell::run(Command::new("cargo").args(cargo).args(args).current_dir(root()));
    }
    let bench = Bench::read(&args[1..])?;
    tools::fetch()?;
    let cases = corpus::cases(&bench.folder, "")?;
    let (folder, cases) = (&bench.folder, &cases);
    let text = thread::scope(|scope| {
        let worker = move || in_process(folder, cases);
        let worker = thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, worker)?;
        worker.join().map_err(|_| anyhow!("rendering panicked"))?
    })?;
    eprint!("{text}");
    bench.one_shot(cases)
}

impl Bench {
    fn read(args: &[String]) -> anyhow::Result<Self> {
        let (mut folder, mut zarpa) = (None, None);
        let (mut every, mut n_runs) = (EVERY_DEFAULT, RUNS_DEFAULT);
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            let mut value = || args.next().context(USAGE);
            match arg.as_str() {
                "--every" => every = value()?.parse().context("--every")?,
                "--runs" => n_runs = value()?.parse().context("--runs")?,
                "--zarpa" => zarpa = Some(PathBuf::from(value()?)),
                path => folder = Some(PathBuf::from(path)),
            }
        }
        ensure!(0 < every && 0 < n_runs, USAGE);
        let zarpa = match zarpa {
            Some(zarpa) => zarpa,
            None => e2e::zarpa()?,
        };
        let home = root().join("target/bench-chart/home");
        // As it is installed, and as helm was: written from its beginning to its end. What a linker leaves lies in
        // the page cache page by page, which costs half a millisecond at every start.
        let installed = root().join("target/bench-chart/zarpa");
        fs::create_dir_all(&home)?;
        fs::copy(&zarpa, &installed).with_context(|| format!("copy {}", zarpa.display()))?;
        let zarpa = installed;
        Ok(Self { folder: folder.context(USAGE)?, every, n_runs, zarpa, home })
    }

    /// Both programs on a sample of the cases, in turn.
    fn one_shot(&self, cases: &[Case]) -> anyhow::Result<()> {
        let (mut ours, mut helms) = (Contest::default(), Contest::default());
        let mut slower = Vec::new();
        let helm = tools::dir().join("helm");
        let mut n_cases = 0;
        for case in cases.iter().step_by(self.every) {
            n_cases += 1;
            let (mut our_ms, mut helm_ms) = (f64::MAX, f64::MAX);
            for _ in 0..self.n_runs {
                helm_ms = helm_ms.min(self.time(&helm, &["template"], case)?);
                our_ms = our_ms.min(self.time(&self.zarpa, &["chart", "template"], case)?);
            }
            ours.add(our_ms, self.peak_kb(&self.zarpa, &["chart", "template"], case)?);
            helms.add(helm_ms, self.peak_kb(&helm, &["template"], case)?);
            if helm_ms <= our_ms {
                slower.push(format!("  slower: {} {our_ms:.1} ms, helm {helm_ms:.1}", case.name));
            }
        }
        eprintln!("one-shot, {n_cases} cases, the best of {} runs of each:", self.n_runs);
        eprintln!(
            "{:<24} {:>8} {:>8} {:>8} {:>9} {:>9}",
            "", "median", "p90", "max", "RSS med", "RSS max"
        );
        eprintln!("{}", ours.line("zarpa chart template"));
        eprintln!("{}", helms.line("helm template"));
        eprintln!("slower than helm in {} cases (target: 0)", slower.len());
        slower.iter().for_each(|line| eprintln!("{line}"));
        Ok(())
    }

    fn time(&self, program: &Path, words: &[&str], case: &Case) -> anyhow::Result<f64> {
        let mut command = Command::new(program);
        self.template(&mut command, words, case);
        let begin = Instant::now();
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status()?;
        let took = begin.elapsed();
        ensure!(status.success() == case.should_render, "{}: {status}", case.name);
        Ok(took.as_secs_f64() * 1000.0)
    }

    /// The most memory that a run had at once, by GNU's `time`.
    fn peak_kb(&self, program: &Path, words: &[&str], case: &Case) -> anyhow::Result<f64> {
        let report = self.home.join("peak");
        let mut command = Command::new("time");
        command.args(["--format", "%M", "--quiet", "--output"]).arg(&report).arg(program);
        self.template(&mut command, words, case);
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        status.context("bench chart: apt-get install time")?;
        let text = fs::read_to_string(&report)?;
        text.trim().parse().with_context(|| format!("time says {text:?}"))
    }

    /// With an empty home.
    fn template(&self, command: &mut Command, words: &[&str], case: &Case) {
        command.args(words).args(case.arguments(&self.folder));
        command.env("HOME", &self.home).env("KUBECONFIG", "/dev/null").env("TZ", "UTC");
        command.env_remove("XDG_DATA_HOME").env_remove("XDG_CACHE_HOME");
    }
}

/// The figures of one program.
#[derive(Default)]
struct Contest {
    ms: Vec<f64>,
    peak_kb: Vec<f64>,
}

impl Contest {
    fn add(&mut self, ms: f64, peak_kb: f64) {
        self.ms.push(ms);
        self.peak_kb.push(peak_kb);
    }

    fn line(&mut self, name: &str) -> String {
        self.ms.sort_by(f64::total_cmp);
        self.peak_kb.sort_by(f64::total_cmp);
        let at =
            |figures: &[f64], share: f64| figures[((figures.len() - 1) as f64 * share) as usize];
        let (ms, peak_kb) = (&self.ms, &self.peak_kb);
        format!(
            "{name:<24} {:>5.1} ms {:>5.1} ms {:>5.0} ms {:>6.1} MB {:>6.1} MB",
            at(ms, 0.5),
            at(ms, 0.9),
            at(ms, 1.0),
            at(peak_kb, 0.5) / 1024.0,
            at(peak_kb, 1.0) / 1024.0
        )
    }
}

/// Every case one after the other, reading included; first with keys at hand, then, for the cases that
/// want keys, with keys of their own.
fn in_process(folder: &Path, cases: &[Case]) -> anyhow::Result<String> {
    let keys = [
        (2_048, made_key(r#"{{ (genCA "x" 1).Key }}"#)?),
        (4_096, made_key("{{ genPrivateKey \"rsa\" }}")?),
    ];
    let source = KeysAtHand { keys, inner: FixedSource::default(), n_given: Cell::new(0) };
    let (mut without_keys, mut with_keys) = (Duration::ZERO, Duration::ZERO);
    let mut slower = 0;
    // A chart is loaded once for the cases that follow each other.
    let mut loaded: Option<(&str, Result<Chart, String>)> = None;
    for case in cases {
        if loaded.as_ref().is_none_or(|(name, _)| *name != case.chart) {
            let (took, chart) = timed(|| corpus::load(folder, case))?;
            without_keys += took;
            loaded = Some((&case.chart, chart));
        }
        let chart = loaded.as_ref().and_then(|(_, chart)| chart.as_ref().ok());
        let render = |source: &dyn Source| {
            let render = |it| corpus::render_chart(it, folder, case, source).is_ok();
            timed(|| chart.is_some_and(render))
        };
        let n_before = source.n_given.get();
        let (took, is_fine) = render(&source)?;
        ensure!(is_fine == case.should_render, "{} fares otherwise than with helm", case.name);
        without_keys += took;
        let mut own = took;
        if n_before < source.n_given.get() {
            (own, _) = render(&FixedSource::new(&source.inner.cache))?;
            with_keys += own.saturating_sub(took);
        }
        slower += usize::from(case.helm_ms < own.as_secs_f64() * 1000.0);
    }
    let helm_s = cases.iter().map(|case| case.helm_ms).sum::<f64>() / 1000.0;
    let ours_s = without_keys.as_secs_f64();
    let status = fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find_map(|it| it.strip_prefix("VmHWM:")).unwrap_or_default();
    Ok(format!(
        "in process, {} cases, CPU time of one thread: {ours_s:.1} s, and {:.1} s for {} keys; \
         helm recorded {helm_s:.1} s (target: at most {:.1} s, keys apart)\n\
         in process, slower than helm recorded in {slower} cases, keys included; peak RSS {}\n",
        cases.len(),
        with_keys.as_secs_f64(),
        source.n_given.get(),
        helm_s / 60.0,
        peak.trim(),
    ))
}

/// The CPU time that this thread spent on something: others on this machine do not count.
fn timed<T>(work: impl FnOnce() -> T) -> anyhow::Result<(Duration, T)> {
    let spent = || -> anyhow::Result<u64> {
        let text = fs::read_to_string("/proc/thread-self/schedstat")?;
        Ok(text.split(' ').next().context("schedstat")?.parse()?)
    };
    let before = spent()?;
    let result = work();
    Ok((Duration::from_nanos(spent()? - before), result))
}

/// What a template makes, by way of the notes of a chart that has nothing else.
fn made_key(template: &str) -> anyhow::Result<String> {
    let file = |path: &str, text: &str| ChartFile { path: path.to_owned(), data: text.into() };
    let chart = Chart::load(vec![
        file("Chart.yaml", "apiVersion: v2\nname: keys\nversion: 1.0.0\n"),
        file("templates/NOTES.txt", template),
    ])?;
    let release = Release::install("rel", "default");
    let inputs = chart::Inputs {
        release: &release,
        capabilities: &chart::Capabilities::default(),
        source: &FixedSource::default(),
        options: Options::default(),
    };
    let rendered = chart::render_with(&chart, &Values::default(), &inputs)?;
    rendered.notes.context("the chart has notes")
}

/// Gives the same keys again and again, and counts how often it was asked.
struct KeysAtHand {
    keys: [(u64, String); 2],
    inner: FixedSource,
    n_given: Cell<usize>,
}

impl Source for KeysAtHand {
    fn now(&self) -> jiff::Timestamp {
        self.inner.now()
    }

    fn fill_random(&self, buffer: &mut [u8]) {
        self.inner.fill_random(buffer);
    }

    fn cache(&self) -> Option<&chart::Cache> {
        self.inner.cache()
    }

    fn rsa_key(&self, bits: u64) -> Option<String> {
        let (_, key) = self.keys.iter().find(|(length, _)| *length == bits)?;
        self.n_given.set(self.n_given.get() + 1);
        Some(key.clone())
    }
}
