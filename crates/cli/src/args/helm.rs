//! Flags of helm that zarpa takes for the sake of scripts, or refuses with the reason.
//!
//! A flag that is taken has no effect on what the command does, neither here nor in helm: what
//! `helm template` has of `helm install` counts for installations only, and the cluster is never asked.

use std::{
    env,
    ffi::{OsStr, OsString},
};

use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches, error::Error};

/// Of a flag's value: nothing, or why it is refused.
type Check = fn(&str) -> Result<(), String>;

/// A flag with a name of helm's.
struct Flag {
    name: &'static str,
    short: Option<char>,
    /// Whether a value follows; without one it may still stand behind `=`.
    has_value: bool,
    check: Check,
}

const fn flag(name: &'static str, check: Check) -> Flag {
    Flag { name, short: None, has_value: false, check }
}

const fn option(name: &'static str, check: Check) -> Flag {
    Flag { name, short: None, has_value: true, check }
}

/// What every command of helm takes.
const GLOBAL: [Flag; 14] = [
    option("burst-limit", any),
    option("color", any),
    option("colour", any),
    option("content-cache", any),
    option("kube-apiserver", any),
    option("kube-as-group", any),
    option("kube-as-user", any),
    option("kube-ca-file", any),
    option("kube-context", any),
    flag("kube-insecure-skip-tls-verify", truth),
    option("kube-tls-server-name", any),
    option("kube-token", any),
    option("kubeconfig", any),
    option("qps", any),
];

/// What `helm template` takes because `helm install` does.
const INSTALL: [Flag; 21] = [
    flag("atomic", truth),
    flag("create-namespace", truth),
    option("description", any),
    flag("disable-openapi-validation", truth),
    flag("dry-run", dry_run),
    flag("force", truth),
    flag("force-conflicts", truth),
    flag("force-replace", truth),
    flag("hide-notes", truth),
    Flag { short: Some('l'), ..option("labels", labels) },
    option("post-renderer", post_renderer),
    option("post-renderer-args", post_renderer),
    flag("render-subchart-notes", truth),
    flag("replace", truth),
    flag("rollback-on-failure", truth),
    flag("server-side", truth),
    flag("skip-crds", truth),
    flag("take-ownership", truth),
    option("timeout", any),
    flag("wait", wait),
    flag("wait-for-jobs", truth),
];

/// What `helm show values` takes.
const FILTER: [Flag; 1] = [option("jsonpath", jsonpath)];

/// Those of [`GLOBAL`], once they were found good.
#[derive(Debug, Clone, Default)]
pub(crate) struct Global;

/// Those of [`INSTALL`], once they were found good.
#[derive(Debug, Clone, Default)]
pub(crate) struct Install;

/// Those of [`FILTER`], which are all refused.
#[derive(Debug, Clone, Default)]
pub(crate) struct Filter;

fn any(_: &str) -> Result<(), String> {
    Ok(())
}

/// What Go takes for a truth value.
fn truth(text: &str) -> Result<(), String> {
    let spellings =
        ["1", "t", "T", "true", "TRUE", "True", "0", "f", "F", "false", "FALSE", "False"];
    if spellings.contains(&text) { Ok(()) } else { Err("write true or false".to_owned()) }
}

fn dry_run(text: &str) -> Result<(), String> {
    match text {
        "client" | "unset" | "true" => Ok(()),
        "server" => {
            Err("zarpa chart asks no cluster: `zarpa plan` compares with one, and --validate \
            holds objects against the schemas of Kubernetes without one"
                .to_owned())
        }
        _ => Err("rendering is always a dry run: write client".to_owned()),
    }
}

fn wait(text: &str) -> Result<(), String> {
    match text {
        "watcher" | "hookOnly" | "legacy" => Ok(()),
        text => truth(text).map_err(|_| "write watcher, hookOnly or legacy".to_owned()),
    }
}

/// Helm keeps these names for itself.
const SYSTEM_LABELS: [&str; 6] = ["name", "owner", "status", "version", "createdAt", "modifiedAt"];

fn labels(text: &str) -> Result<(), String> {
    for label in text.split(',') {
        let Some((name, _)) = label.split_once('=') else {
            return Err(format!("{label} must be formatted as key=value"));
        };
        if SYSTEM_LABELS.contains(&name) {
            let names = SYSTEM_LABELS.join(" ");
            return Err(format!(
                "user supplied labels contains system reserved label name. System labels: [{names}]"
            ));
        }
    }
    Ok(())
}

fn post_renderer(_: &str) -> Result<(), String> {
    Err("helm runs plugins there, and zarpa has none: pipe the output through a program".to_owned())
}

fn jsonpath(_: &str) -> Result<(), String> {
    Err("zarpa has no JSONPath: pipe the values through yq, say".to_owned())
}

/// The flags that the line may have. No help shows them, and clap takes as long to be told of all of them as to
/// read the others.
fn given(flags: &'static [Flag]) -> impl Iterator<Item = &'static Flag> {
    let words: Vec<OsString> = env::args_os().collect();
    flags.iter().filter(move |flag| words.iter().any(|word| flag.may_be(word)))
}

impl Flag {
    /// Whether a word of the line may be this flag.
    fn may_be(&self, word: &OsStr) -> bool {
        match word.as_encoded_bytes() {
            [b'-', b'-', name @ ..] => name.starts_with(self.name.as_bytes()),
            [b'-', letters @ ..] => self.short.is_some_and(|it| letters.contains(&(it as u8))),
            _ => false,
        }
    }

    fn to_arg(&self) -> Arg {
        let check = self.check;
        let parse = move |text: &str| check(text).map(|()| text.to_owned());
        let arg = Arg::new(self.name)
            .long(self.name)
            .short(self.short)
            .hide(true)
            .action(ArgAction::Append)
            .value_name("VALUE")
            .value_parser(parse);
        if self.has_value {
            return arg;
        }
        let missing = if self.name == "dry-run" { "unset" } else { "true" };
        arg.num_args(0..=1).require_equals(true).default_missing_value(missing)
    }
}

impl Args for Global {
    fn augment_args(command: Command) -> Command {
        given(&GLOBAL).fold(command, |acc, it| acc.arg(it.to_arg().global(true)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Global {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}

impl Args for Install {
    fn augment_args(command: Command) -> Command {
        given(&INSTALL).fold(command, |acc, it| acc.arg(it.to_arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Install {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}

impl Args for Filter {
    fn augment_args(command: Command) -> Command {
        given(&FILTER).fold(command, |acc, it| acc.arg(it.to_arg()))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Filter {
    fn from_arg_matches(_: &ArgMatches) -> Result<Self, Error> {
        Ok(Self)
    }

    fn update_from_arg_matches(&mut self, _: &ArgMatches) -> Result<(), Error> {
        Ok(())
    }
}
