//! What a run looks like: a line for each stage, one moving line on a terminal.

use std::{
    io::{self, Write as _},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use deploy::Progress;
use runner::{Event, Outcome, StageName};

use crate::context::Context;

/// Draws events on standard error; shared by everything that tells of a run.
#[derive(Debug)]
pub(crate) struct Drawing {
    is_quiet: bool,
    is_verbose: bool,
    is_terminal: bool,
    has_colour: bool,
    columns: usize,
    /// Whether a line stands that the next one replaces.
    is_moving: Mutex<bool>,
}

#[derive(Debug, Clone, Copy)]
enum Colour {
    Green,
    Red,
    Grey,
}

impl Drawing {
    pub(crate) fn new(context: &Context) -> Self {
        Self {
            is_quiet: context.is_json,
            is_verbose: 0 < context.verbose,
            is_terminal: context.is_terminal,
            has_colour: context.has_colour,
            columns: context.columns,
            is_moving: Mutex::new(false),
        }
    }

    /// Draws one event.
    pub(crate) fn event(&self, event: &Event) {
        match event {
            Event::Started { stage, .. } => self.moving(&format!("  {stage:<7} …")),
            Event::Line { stage, text, .. } if self.is_verbose => {
                self.line(&self.paint(Colour::Grey, &format!("  {stage:<7} | {text}")));
            }
            Event::Line { stage, text, .. } => self.moving(&format!("  {stage:<7} … {text}")),
            Event::Deploy { progress, .. } => self.deploy(progress),
            Event::Ended { stage, outcome, detail, took, .. } => {
                self.ended(*stage, *outcome, detail, *took);
            }
            Event::Failed { stage, cause, took, .. } => {
                let mark = self.paint(Colour::Red, "✗");
                self.line(&format!("  {stage:<7} {mark} {cause}{}", time(*took)));
            }
        }
    }

    fn ended(&self, stage: StageName, outcome: Outcome, detail: &str, took: Duration) {
        let (mark, word) = match outcome {
            Outcome::Done => (self.paint(Colour::Green, "✓"), ""),
            Outcome::Unchanged => (self.paint(Colour::Green, "="), "unchanged"),
            Outcome::Skipped => (self.paint(Colour::Grey, "-"), ""),
        };
        let separator = if word.is_empty() || detail.is_empty() { "" } else { ": " };
        self.line(&format!("  {stage:<7} {mark} {word}{separator}{detail}{}", time(took)));
    }

    /// Pods are worth a line each time they change; what is waited for moves on a terminal.
    fn deploy(&self, progress: &Progress) {
        let text = format!("  {:<7}   {progress}", "");
        match progress {
            Progress::Waiting { .. } | Progress::CheckPending { .. } if self.is_terminal => {
                self.moving(&text);
            }
            Progress::CheckPassed { check, answer, via } => {
                let mark = self.paint(Colour::Green, "✓");
                self.line(&format!("  {:<7} {mark} {check}: {answer} ({via})", "smoke"));
            }
            Progress::Applied { .. } if !self.is_verbose => self.moving(&text),
            Progress::Failed { .. } => {}
            _ => self.line(&text),
        }
    }

    /// Prints a line that stays.
    pub(crate) fn line(&self, text: &str) {
        if self.is_quiet {
            return;
        }
        let mut is_moving = self.is_moving.lock().unwrap_or_else(PoisonError::into_inner);
        let clear = if *is_moving { "\r\x1b[K" } else { "" };
        *is_moving = false;
        // Nobody who listens is no reason to fail the run.
        writeln!(io::stderr().lock(), "{clear}{text}").ok();
    }

    /// Draws a line that the next one replaces; only on a terminal.
    fn moving(&self, text: &str) {
        if self.is_quiet || !self.is_terminal {
            return;
        }
        let mut is_moving = self.is_moving.lock().unwrap_or_else(PoisonError::into_inner);
        *is_moving = true;
        let text: String =
            text.chars().filter(|it| !it.is_control()).take(self.columns - 1).collect();
        let mut out = io::stderr().lock();
        write!(out, "\r\x1b[K{text}").ok();
        out.flush().ok();
    }

    fn paint(&self, colour: Colour, text: &str) -> String {
        if !self.has_colour {
            return text.to_owned();
        }
        let code = match colour {
            Colour::Green => 32,
            Colour::Red => 31,
            Colour::Grey => 90,
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }
}

/// The time that something took, behind what it was.
fn time(took: Duration) -> String {
    let ms = took.as_millis();
    if ms < 1000 { format!("  ({ms} ms)") } else { format!("  ({:.1} s)", took.as_secs_f64()) }
}
