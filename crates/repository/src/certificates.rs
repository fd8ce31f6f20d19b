//! The files with certificates and keys that helm's settings and flags name, read.

use std::path::Path;

use host::files::{self, FileError};
use registry::{Identity, Tls};

use crate::settings::Repository;

/// How TLS is to be done, in names of files; an empty name is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Certificates<'a> {
    pub ca_file: &'a str,
    pub cert_file: &'a str,
    pub key_file: &'a str,
    pub believes_all: bool,
}

/// Which file could not be read; in helm's words.
#[derive(Debug, thiserror::Error)]
pub enum CertificatesError {
    #[error("can't read CA file: {path:?}")]
    Authorities { path: String, source: FileError },
    #[error("unable to read cert file: {path:?}")]
    Certificate { path: String, source: FileError },
    #[error("unable to read key file: {path:?}")]
    Key { path: String, source: FileError },
    #[error("--cert-file and --key-file only go together")]
    Half,
}

impl<'a> Certificates<'a> {
    /// What is noted of a repository.
    pub(crate) fn of(repository: &'a Repository) -> Self {
        let Repository { ca_file, cert_file, key_file, believes_all, .. } = repository;
        Self { ca_file, cert_file, key_file, believes_all: *believes_all }
    }

    /// Whether anything is said.
    pub fn is_empty(&self) -> bool {
        let files = [self.ca_file, self.cert_file, self.key_file];
        files.iter().all(|it| it.is_empty()) && !self.believes_all
    }

    /// Reads the files; a name is taken from the folder `dir` on.
    pub fn read(&self, dir: &Path) -> Result<Tls, CertificatesError> {
        let read = |path: &str| files::read(&dir.join(path));
        let path = |it: &str| it.to_owned();
        let mut tls = Tls { believes_all: self.believes_all, ..Tls::default() };
        if !self.ca_file.is_empty() {
            let source =
                |source| CertificatesError::Authorities { path: path(self.ca_file), source };
            tls.authorities = Some(read(self.ca_file).map_err(source)?);
        }
        match (self.cert_file, self.key_file) {
            ("", "") => {}
            ("", _) | (_, "") => return Err(CertificatesError::Half),
            (certificate, key) => {
                let no_certificate =
                    |source| CertificatesError::Certificate { path: path(certificate), source };
                let no_key = |source| CertificatesError::Key { path: path(key), source };
                tls.identity = Some(Identity {
                    certificate: read(certificate).map_err(no_certificate)?,
                    key: read(key).map_err(no_key)?,
                });
            }
        }
        Ok(tls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_and_missing_ones_named() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["ca", "cert", "key"] {
            files::write_atomic(&dir.path().join(name), name.as_bytes()).unwrap();
        }
        let all =
            Certificates { ca_file: "ca", cert_file: "cert", key_file: "key", believes_all: false };
        let tls = all.read(dir.path()).unwrap();
        assert_eq!(tls.authorities.as_deref(), Some(&b"ca"[..]));
        assert_eq!(tls.identity.unwrap().key, b"key");
        assert!(Certificates::default().is_empty() && !all.is_empty());
        let error = |it: Certificates<'_>| it.read(dir.path()).unwrap_err().to_string();
        assert_eq!(error(Certificates { ca_file: "no", ..all }), "can't read CA file: \"no\"");
        assert_eq!(
            error(Certificates { key_file: "no", ..all }),
            "unable to read key file: \"no\""
        );
        assert!(error(Certificates { key_file: "", ..all }).contains("go together"));
    }
}
