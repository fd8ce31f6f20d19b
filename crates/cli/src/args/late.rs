//! Arguments that clap hears of when their command is given, and no sooner.

use clap::{ArgMatches, Args, Command, FromArgMatches, builder::Resettable};

/// The arguments of a subcommand. To describe those of all subcommands takes as long as to render a small chart,
/// so clap is told how to ask for them instead.
#[derive(Debug, Clone)]
pub(crate) struct Late<T>(Box<T>);

impl<T> std::ops::Deref for Late<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> Late<T> {
    pub(crate) fn take(self) -> T {
        *self.0
    }
}

impl<T: Args> Args for Late<T> {
    fn augment_args(command: Command) -> Command {
        command.defer(|command| under_its_words(command, T::augment_args))
    }

    fn augment_args_for_update(command: Command) -> Command {
        command.defer(|command| under_its_words(command, T::augment_args_for_update))
    }
}

/// What the type of the arguments says of itself comes late, too, and must not replace what the subcommand says.
fn under_its_words(command: Command, describe: fn(Command) -> Command) -> Command {
    let about = Resettable::from(command.get_about().cloned());
    let long_about = Resettable::from(command.get_long_about().cloned());
    describe(command).about(about).long_about(long_about)
}

impl<T: FromArgMatches> FromArgMatches for Late<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches(matches).map(Box::new).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, clap::Error> {
        T::from_arg_matches_mut(matches).map(Box::new).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches(matches)
    }

    fn update_from_arg_matches_mut(&mut self, matches: &mut ArgMatches) -> Result<(), clap::Error> {
        self.0.update_from_arg_matches_mut(matches)
    }
}
