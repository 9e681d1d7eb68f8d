//! The files that TLS is made from.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use tokio_rustls::rustls::RootCertStore;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{
    CertificateDer, CertificateRevocationListDer, PrivateKeyDer,
};

/// How large a file of certificates or a key may be.
pub const FILE_BYTES_MAX: usize = 1024 * 1024;

/// How large a list of revoked certificates may be; those of whole countries are some MiB.
pub const REVOCATIONS_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What is wrong with a file, in the words of whoever named it.
#[derive(Debug, thiserror::Error)]
#[error("`{}`: {problem}", path.display())]
pub struct FileProblem {
    path: PathBuf,
    problem: String,
}

impl FileProblem {
    pub fn new(path: &Path, problem: impl std::fmt::Display) -> FileProblem {
        FileProblem { path: path.to_owned(), problem: problem.to_string() }
    }
}

/// The certificates of a PEM file, at least one.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, FileProblem> {
    let wrong = |problem: String| FileProblem::new(path, problem);
    let text = read(path, FILE_BYTES_MAX)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    let found = found.map_err(|error| wrong(error.to_string()))?;
    if found.is_empty() {
        return Err(wrong("holds no certificate in PEM form".to_owned()));
    }
    Ok(found)
}

/// The authorities of a PEM file, at least one.
pub fn authorities(path: &Path) -> Result<RootCertStore, FileProblem> {
    let mut roots = RootCertStore::empty();
    for (nth, certificate) in certificates(path)?.into_iter().enumerate() {
        let wrong = |error| FileProblem::new(path, format!("certificate {}: {error}", nth + 1));
        roots.add(certificate).map_err(wrong)?;
    }
    Ok(roots)
}

/// The private key of a PEM file. What is wrong is told without a word of what is in it.
pub fn key(path: &Path) -> Result<PrivateKeyDer<'static>, FileProblem> {
    let text = read(path, FILE_BYTES_MAX)?;
    let found = PrivateKeyDer::from_pem_slice(&text);
    found.map_err(|_| FileProblem::new(path, "holds no private key in PEM form, or a locked one"))
}

/// The lists of one file, PEM or DER.
pub fn revocations(path: &Path) -> Result<Vec<CertificateRevocationListDer<'static>>, FileProblem> {
    let bytes = read(path, REVOCATIONS_BYTES_MAX)?;
    // DER: a SEQUENCE of 128 bytes or more. No text begins so.
    if matches!(bytes.as_slice(), [0x30, 0x80..=0xff, ..]) {
        return Ok(vec![bytes.into()]);
    }
    let found: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let found = found.map_err(|error| FileProblem::new(path, error))?;
    if found.is_empty() {
        return Err(FileProblem::new(path, "holds no list of revoked certificates (CRL)"));
    }
    Ok(found)
}

fn read(path: &Path, bytes_max: usize) -> Result<Vec<u8>, FileProblem> {
    let unreadable = |error| FileProblem::new(path, format!("cannot be read: {error}"));
    let file = File::open(path).map_err(unreadable)?;
    let mut bytes = Vec::new();
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes_max < bytes.len() {
        return Err(FileProblem::new(path, format!("is larger than {bytes_max} bytes")));
    }
    Ok(bytes)
}
