//! Probes as a state machine: when the next attempt is due, and what the answers so far mean.

use jiff::{SignedDuration, Timestamp};
use k8s_openapi::api::core::v1::{Container, Probe};

/// An application that answers its first probe is rarely ready at once: the first attempts come
/// in quick succession, and end when `periodSeconds` says so anyway.
const EAGER_FIRST_MS: i64 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProbeKind {
    Startup,
    Readiness,
    Liveness,
}

impl ProbeKind {
    pub(crate) const ALL: [Self; 3] = [Self::Startup, Self::Readiness, Self::Liveness];

    /// As events name it.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Startup => "Startup",
            Self::Readiness => "Readiness",
            Self::Liveness => "Liveness",
        }
    }

    pub(crate) fn of(self, container: &Container) -> Option<&Probe> {
        match self {
            Self::Startup => container.startup_probe.as_ref(),
            Self::Readiness => container.readiness_probe.as_ref(),
            Self::Liveness => container.liveness_probe.as_ref(),
        }
    }
}

/// What one attempt found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    Success,
    /// With what the application said.
    Failure(String),
}

/// A verdict: enough answers of one kind in a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Unknown,
    Success,
    Failure,
}

/// One probe of one running container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Prober {
    settings: Settings,
    verdict: Verdict,
    /// Answers in a row that agree with `last`.
    n_in_row: u32,
    last: Option<bool>,
    /// Attempts that came before the first success without counting, doubling their distance.
    eager_ms: i64,
    due_at: Timestamp,
    is_asking: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Settings {
    is_eager: bool,
    period: SignedDuration,
    success_threshold: u32,
    failure_threshold: u32,
}

impl Prober {
    /// Starts a probe of a container that started at `started_at`.
    ///
    /// With an `initialDelaySeconds` of 0 the first attempt is due at once. Until a first success, a
    /// startup or readiness probe is also tried between its periods, at growing distances; these
    /// extra attempts can only succeed, so the thresholds keep upstream's meaning.
    pub(crate) fn new(kind: ProbeKind, probe: &Probe, started_at: Timestamp) -> Self {
        let seconds = |it: Option<i32>, default: i32| {
            SignedDuration::from_secs(i64::from(it.unwrap_or(default).max(0)))
        };
        let count = |it: Option<i32>, default: u32| {
            it.and_then(|it| u32::try_from(it).ok()).filter(|it| *it > 0).unwrap_or(default)
        };
        let settings = Settings {
            is_eager: kind != ProbeKind::Liveness,
            period: seconds(probe.period_seconds.filter(|it| *it > 0), 10),
            success_threshold: count(probe.success_threshold, 1),
            failure_threshold: count(probe.failure_threshold, 3),
        };
        Self {
            settings,
            verdict: Verdict::Unknown,
            n_in_row: 0,
            last: None,
            eager_ms: EAGER_FIRST_MS,
            due_at: started_at + seconds(probe.initial_delay_seconds, 0),
            is_asking: false,
        }
    }

    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// When the next attempt is due; `None` while one is under way.
    pub(crate) fn due_at(&self) -> Option<Timestamp> {
        (!self.is_asking).then_some(self.due_at)
    }

    pub(crate) fn begin(&mut self) {
        self.is_asking = true;
    }

    /// Takes an answer in; returns false for a failure between the periods, which does not count.
    pub(crate) fn answer(&mut self, answer: &Answer, now: Timestamp) -> bool {
        self.is_asking = false;
        let is_success = *answer == Answer::Success;
        if !is_success && self.is_extra() {
            self.due_at = now + SignedDuration::from_millis(self.eager_ms);
            self.eager_ms = self.eager_ms.saturating_mul(2);
            return false;
        }
        self.n_in_row = if self.last == Some(is_success) { self.n_in_row + 1 } else { 1 };
        self.last = Some(is_success);
        let (threshold, verdict) = if is_success {
            (self.settings.success_threshold, Verdict::Success)
        } else {
            (self.settings.failure_threshold, Verdict::Failure)
        };
        if self.n_in_row >= threshold {
            self.verdict = verdict;
        }
        self.due_at = now + self.settings.period;
        true
    }

    /// True while attempts come between the periods.
    fn is_extra(&self) -> bool {
        let period_ms = i64::try_from(self.settings.period.as_millis()).unwrap_or(i64::MAX);
        self.settings.is_eager && self.last.is_none() && self.eager_ms < period_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn probe(period: i32, success: i32, failure: i32) -> Probe {
        Probe {
            period_seconds: Some(period),
            success_threshold: Some(success),
            failure_threshold: Some(failure),
            ..Probe::default()
        }
    }

    fn fail() -> Answer {
        Answer::Failure("no".to_owned())
    }

    /// Answers each attempt when it is due; returns when it was due and the verdict after it.
    fn run(prober: &mut Prober, answers: &[Answer]) -> Vec<(i64, Verdict)> {
        let attempt = |answer: &Answer| {
            let due_at = prober.due_at().unwrap();
            prober.begin();
            assert_eq!(prober.due_at(), None);
            prober.answer(answer, due_at);
            (due_at.as_millisecond(), prober.verdict())
        };
        answers.iter().map(attempt).collect()
    }

    #[test]
    fn liveness_keeps_its_period_and_thresholds() {
        let mut prober = Prober::new(ProbeKind::Liveness, &probe(2, 1, 2), at(0));
        let answers = [Answer::Success, fail(), fail(), Answer::Success];
        let want = [
            (0, Verdict::Success),
            (2000, Verdict::Success),
            (4000, Verdict::Failure),
            (6000, Verdict::Success),
        ];
        assert_eq!(run(&mut prober, &answers), want);
    }

    #[test]
    fn the_first_delay_is_kept() {
        let delayed = Probe { initial_delay_seconds: Some(5), ..probe(1, 1, 1) };
        let prober = Prober::new(ProbeKind::Readiness, &delayed, at(0));
        assert_eq!(prober.due_at(), Some(at(5000)));
    }

    #[test]
    fn readiness_is_tried_early_until_it_first_answers() {
        let mut prober = Prober::new(ProbeKind::Readiness, &probe(1, 1, 1), at(0));
        let due: Vec<i64> = run(&mut prober, &vec![fail(); 9]).iter().map(|it| it.0).collect();
        assert_eq!(due, [0, 10, 30, 70, 150, 310, 630, 1270, 2270]);
        assert_eq!(prober.verdict(), Verdict::Failure);
    }

    #[test]
    fn early_attempts_never_fail_a_startup_probe() {
        let mut prober = Prober::new(ProbeKind::Startup, &probe(10, 1, 1), at(0));
        run(&mut prober, &vec![fail(); 5]);
        assert_eq!(prober.verdict(), Verdict::Unknown);
        run(&mut prober, &[Answer::Success]);
        assert_eq!(prober.verdict(), Verdict::Success);
    }

    #[test]
    fn success_needs_its_threshold_too() {
        let mut prober = Prober::new(ProbeKind::Readiness, &probe(1, 2, 1), at(0));
        run(&mut prober, &[Answer::Success]);
        assert_eq!(prober.verdict(), Verdict::Unknown);
        run(&mut prober, &[Answer::Success]);
        assert_eq!(prober.verdict(), Verdict::Success);
    }
}
