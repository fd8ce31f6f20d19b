//! The kubeconfig by which kubectl, helm and zarpa itself reach the cluster.

use base64::{Engine as _, engine::general_purpose::STANDARD};

use crate::pki::Pki;

/// The name of the cluster, its user and its context.
const NAME: &str = "zarpa";

/// Returns the file's text; the credentials are in it.
pub(crate) fn text(pki: &Pki, api_port: u16) -> String {
    let [ca, certificate, key] =
        [&pki.ca, &pki.admin, &pki.admin_key].map(|it| STANDARD.encode(it));
    format!(
        "apiVersion: v1
kind: Config
clusters:
- name: {NAME}
  cluster:
    server: https://127.0.0.1:{api_port}
    certificate-authority-data: {ca}
users:
- name: {NAME}
  user:
    client-certificate-data: {certificate}
    client-key-data: {key}
contexts:
- name: {NAME}
  context:
    cluster: {NAME}
    user: {NAME}
current-context: {NAME}
"
    )
}
