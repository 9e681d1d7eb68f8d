//! A certificate for a server that was given none: signed by itself, made once, kept in the data
//! directory.
//!
//! ```text
//! DIR/tls/certificate.pem
//! DIR/tls/key.pem            readable by its owner alone
//! ```

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::net::IpAddr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use model::Timestamp;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, date_time_ymd};

use super::files::FileProblem;

/// For how many years it is good. Whoever checks it by its fingerprint would gain nothing from a
/// new one.
const YEARS: i32 = 10;

/// A machine without a battery may believe to be in 1970.
const YEAR_LEAST: i32 = 2026;

const YEAR_MICROS: i64 = 31_556_952_000_000;

/// A certificate and its key, as files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pair {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

impl Pair {
    /// Those that lie in a data directory, made or not yet.
    pub fn of(data: &Path) -> Pair {
        let directory = data.join("tls");
        Pair { certificate: directory.join("certificate.pem"), key: directory.join("key.pem") }
    }

    /// Makes both where one is missing. On disk when this returns.
    pub fn find_or_make(
        data: &Path,
        names: &[String],
        now: Timestamp,
    ) -> Result<Pair, FileProblem> {
        let pair = Pair::of(data);
        if pair.certificate.exists() && pair.key.exists() {
            return Ok(pair);
        }
        let (certificate, key) =
            make(names, now).map_err(|error| FileProblem::new(&pair.certificate, error))?;
        let directory = data.join("tls");
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(|error| FileProblem::new(&directory, error))?;
        // The certificate comes last: with it, the pair is whole.
        write(&pair.key, &key, 0o600).map_err(|error| FileProblem::new(&pair.key, error))?;
        write(&pair.certificate, &certificate, 0o644)
            .map_err(|error| FileProblem::new(&pair.certificate, error))?;
        Ok(pair)
    }
}

/// Certificate and key in PEM form.
fn make(names: &[String], now: Timestamp) -> Result<(String, String), rcgen::Error> {
    let key = KeyPair::generate()?;
    let mut params = CertificateParams::new(names)?;
    let year = i32::try_from(now.0 / YEAR_MICROS).unwrap_or(0).saturating_add(1970);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(year.clamp(YEAR_LEAST, 9_000) + YEARS, 1, 1);
    params.distinguished_name.push(DnType::CommonName, "Comity");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok((params.self_signed(&key)?.pem(), key.serialize_pem()))
}

/// The names under which clients on this machine, and at these addresses, find the server.
pub fn names(
    addresses: impl IntoIterator<Item = IpAddr>,
    public_host: Option<&str>,
) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let listened = addresses.into_iter().filter(|address| !address.is_unspecified());
    names.extend(listened.map(|address| address.to_string()));
    names.extend(public_host.map(str::to_owned));
    names.extend(host_name());
    names.sort();
    names.dedup();
    names
}

/// What this machine is called, if that can be in a certificate.
fn host_name() -> Option<String> {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-.".contains(c);
    (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
}

fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let beside = path.with_extension("new");
    // What an interrupted start left may have other rights.
    if let Err(error) = fs::remove_file(&beside)
        && error.kind() != io::ErrorKind::NotFound
    {
        return Err(error);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    File::open(path.parent().unwrap_or(path))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::tls::files;

    #[test]
    fn a_pair_is_made_once_and_its_key_is_for_its_owner() {
        let data = tempfile::tempdir().unwrap();
        let make = || Pair::find_or_make(data.path(), &names([], None), Timestamp(0)).unwrap();
        let pair = make();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&pair.key), 0o600);
        assert_eq!(mode(&data.path().join("tls")), 0o700);
        files::key(&pair.key).unwrap();
        let first = files::certificates(&pair.certificate).unwrap();
        assert_eq!(files::certificates(&make().certificate).unwrap(), first);
        fs::remove_file(&pair.key).unwrap();
        assert_ne!(files::certificates(&make().certificate).unwrap(), first);
    }

    #[test]
    fn its_names_are_those_that_clients_use() {
        let names =
            names(["0.0.0.0", "192.0.2.1"].map(|ip| ip.parse().unwrap()), Some("a.example"));
        for name in ["localhost", "127.0.0.1", "::1", "192.0.2.1", "a.example"] {
            assert!(names.iter().any(|one| one == name), "{name}: {names:?}");
        }
        assert!(!names.iter().any(|one| one == "0.0.0.0"), "{names:?}");
    }
}
