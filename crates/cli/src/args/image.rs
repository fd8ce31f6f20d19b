//! `zarpa image`, as the user types it.

use clap::{Args, Subcommand};

#[derive(Debug, Clone, Args)]
pub(crate) struct ImageCommand {
    #[command(subcommand)]
    pub(crate) command: ImageSubcommand,
}

#[derive(Debug, Clone, Subcommand)]
pub(crate) enum ImageSubcommand {
    /// Says what an image of the store is: its layers, and how a container of it starts.
    #[command(after_help = "Example: zarpa image inspect faro:0a1b2c3d4e5f")]
    Inspect(Inspect),
    /// Fetches images from their registries into the store, whatever it has under their names.
    #[command(after_help = "Example: zarpa image pull ghcr.io/me/base:1")]
    Pull(Pull),
    /// Pushes an image of the store to a registry.
    #[command(after_help = "Example: zarpa image push faro:0a1b2c3d4e5f ghcr.io/me/faro:1.2.3")]
    Push(Push),
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Inspect {
    /// Name of the image, with its tag or digest.
    pub(crate) image: String,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Pull {
    /// Names of images, with their tags or digests.
    #[arg(required = true, value_name = "IMAGE")]
    pub(crate) images: Vec<String>,
    /// Speak plain HTTP with registries.
    #[arg(long)]
    pub(crate) plain_http: bool,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Push {
    /// Name of the image in the store.
    pub(crate) image: String,
    /// Name that it gets in the registry; its own when it is left out.
    pub(crate) target: Option<String>,
    /// Speak plain HTTP with the registry.
    #[arg(long)]
    pub(crate) plain_http: bool,
}
