//! `--output-dir`: what is written where (Helm 4.1.4, `pkg/action/action.go`, `pkg/cmd/template.go`).

use crate::render::{Rendered, TextOptions};

/// One document on its way into a file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Output<'r> {
    /// The file's path below the folder: `faro/templates/service.yaml`.
    pub path: &'r str,
    /// The document after a line with its source.
    pub text: String,
    /// Whether it follows another document of the same file.
    pub follows: bool,
    /// CRDs lie beside the folder that `--release-name` adds, not in it.
    pub is_crd: bool,
}

impl Rendered {
    /// The documents in the order in which Helm writes them: CRDs, manifests, hooks.
    pub fn outputs(&self, options: TextOptions) -> Vec<Output<'_>> {
        let crds = self.crds.iter().filter(|_| options.has_crds);
        let hooks = self
            .hooks
            .iter()
            .filter(|it| options.has_hooks && (options.has_tests || !it.is_test()));
        let crds = crds.map(|it| (&it.source, &it.content, true));
        let manifests = self.manifests.iter().map(|it| (&it.source, &it.content, false));
        let hooks = hooks.map(|it| (&it.path, &it.manifest, false));
        let mut outputs: Vec<Output<'_>> = Vec::new();
        for (path, content, is_crd) in crds.chain(manifests).chain(hooks) {
            let follows = outputs.iter().any(|it| it.path == path && it.is_crd == is_crd);
            let text = format!("---\n# Source: {path}\n{content}\n");
            outputs.push(Output { path, text, follows, is_crd });
        }
        outputs
    }
}
