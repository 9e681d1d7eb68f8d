//! The file of wrapped data keys: its text, its checks, and how it is replaced.
//!
//! ```text
//! comity keys, format 1
//! master 0123456789abcdef0123456789abcdef
//! wrapped AES-256-GCM
//! key 1 1 1767225600 AES-256-GCM q83v...     domain, version, made at (s since 1970), for, wrapped
//! gone 2 1767225600                          domain, shredded at
//! sum 5f3a...                                SHA-256 of all before: tells damage
//! mac 91c0...                                HMAC-SHA-256 of all before, under the master key
//! ```
//!
//! Domain, version and algorithm are bound to each wrapped key as well.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::derive::{SECRET_BYTES, Secret};
use crate::key_file::{destroy, sync_parent};
use crate::master::{MasterKey, MasterKeyId};
use crate::ring::{Domain, KeyringError, Seconds};

/// The file of data keys in a data directory.
pub const KEYS_FILE: &str = "keys";

/// Domains that have keys, or had them. The file is written anew for each new key.
pub const DOMAINS_MAX: usize = 1_000_000;

/// Versions of the key of one domain: one a day, for 27 years.
pub const VERSIONS_MAX: usize = 10_000;

const FILE_BYTES_MAX: u64 = 1 << 30;

const OPENING: &str = "comity keys, format 1";

/// A data key.
#[derive(Clone)]
pub struct DataKey {
    pub secret: Secret,
    pub algorithm: Algorithm,
    pub made_at: Seconds,
}

impl std::fmt::Debug for DataKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DataKey").field("made_at", &self.made_at).finish_non_exhaustive()
    }
}

/// What is known of a domain.
#[derive(Clone, Debug)]
pub enum Entry {
    /// By version, from 1 on. The last is that of what is written now.
    Keys(Vec<DataKey>),
    /// Its keys were destroyed.
    Gone { at: Seconds },
}

pub type Entries = BTreeMap<Domain, Entry>;

/// The whole file as text.
pub fn write(master: &MasterKey, entries: &Entries) -> Result<String, Unspecified> {
    let wrapping = Wrapping::of(master)?;
    let mut text = format!("{OPENING}\nmaster {}\nwrapped {}\n", master.id()?, AES.name());
    for (domain, entry) in entries {
        match entry {
            Entry::Gone { at } => text.push_str(&format!("gone {domain} {at}\n")),
            Entry::Keys(keys) => {
                for (version, key) in (1..).zip(keys) {
                    let wrapped = STANDARD_NO_PAD.encode(wrapping.wrap(*domain, version, key)?);
                    let (made_at, algorithm) = (key.made_at, key.algorithm.name());
                    let line = format!("key {domain} {version} {made_at} {algorithm} {wrapped}\n");
                    text.push_str(&line);
                }
            }
        }
    }
    let sum = digest::digest(&digest::SHA256, text.as_bytes());
    text.push_str(&format!("sum {}\n", hex(sum.as_ref())));
    let mac = hmac::sign(&authentication(master)?, text.as_bytes());
    text.push_str(&format!("mac {}\n", hex(mac.as_ref())));
    Ok(text)
}

const AES: Algorithm = Algorithm::Aes256Gcm;

fn authentication(master: &MasterKey) -> Result<hmac::Key, Unspecified> {
    Ok(hmac::Key::new(hmac::HMAC_SHA256, &master.authentication()?[..]))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A file that is whole. Whether it is what was written tells [`Unread::open`].
#[derive(Debug)]
pub struct Unread {
    path: PathBuf,
    text: String,
    pub master: MasterKeyId,
}

impl Unread {
    /// Nothing where there is no file.
    pub fn read(path: &Path) -> Result<Option<Unread>, KeyringError> {
        let damaged = |problem: &str| KeyringError::damaged(path, problem);
        let mut text = String::new();
        match File::open(path) {
            Ok(file) => file.take(FILE_BYTES_MAX).read_to_string(&mut text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => Err(error),
        }
        .map_err(|error| KeyringError::io(path, error))?;
        let opening = text.lines().next().unwrap_or_default();
        if opening != OPENING {
            return Err(damaged("this is no file of keys of a format this version knows"));
        }
        let body = text.rfind("\nsum ").map(|at| &text[..=at]);
        let body = body.ok_or_else(|| damaged("it ends early"))?;
        let sum = digest::digest(&digest::SHA256, body.as_bytes());
        let rest = format!("sum {}\nmac ", hex(sum.as_ref()));
        if !text[body.len()..].starts_with(&rest) {
            return Err(damaged("it does not match its checksum"));
        }
        let master = text.lines().nth(1).and_then(|line| line.strip_prefix("master "));
        let master = master.and_then(MasterKeyId::parse);
        let master = master.ok_or_else(|| damaged("it does not name its master key"))?;
        Ok(Some(Unread { path: path.to_owned(), text, master }))
    }

    /// Checks and unwraps all with the master key that the file names.
    pub fn path(&self) -> &Path {
        &self.path
    }

    pub fn open(&self, master: &MasterKey) -> Result<Entries, KeyringError> {
        let damaged = |problem: String| KeyringError::damaged(&self.path, &problem);
        let altered = || damaged("it was altered by someone without the master key".to_owned());
        let (signed, mac) = self.text.rsplit_once("mac ").ok_or_else(altered)?;
        let expected = hmac::sign(&authentication(master)?, signed.as_bytes());
        aws_lc_rs::constant_time::verify_slices_are_equal(
            hex(expected.as_ref()).as_bytes(),
            mac.strip_suffix('\n').ok_or_else(altered)?.as_bytes(),
        )
        .map_err(|_| altered())?;
        let wrapping = Wrapping::of(master)?;
        let mut entries = Entries::new();
        for (number, line) in (3..).zip(signed.lines().skip(2)) {
            entry(&wrapping, line, &mut entries)
                .ok_or_else(|| damaged(format!("line {number} is not understood")))?;
        }
        Ok(entries)
    }
}

/// Takes in one line. Nothing where it makes no sense, or its key was wrapped for another place.
fn entry(wrapping: &Wrapping, line: &str, entries: &mut Entries) -> Option<()> {
    let words: Vec<&str> = line.split(' ').collect();
    match words[..] {
        ["wrapped", algorithm] => (Algorithm::parse(algorithm)? == AES).then_some(()),
        ["sum", _] => Some(()),
        ["gone", domain, at] => {
            let gone = Entry::Gone { at: at.parse().ok()? };
            entries.insert(domain.parse().ok()?, gone).is_none().then_some(())
        }
        ["key", domain, version, made_at, algorithm, wrapped] => {
            let (domain, version) = (domain.parse().ok()?, version.parse().ok()?);
            let made_at = made_at.parse().ok()?;
            let algorithm = Algorithm::parse(algorithm)?;
            let wrapped = STANDARD_NO_PAD.decode(wrapped).ok()?;
            let secret = wrapping.unwrap(domain, version, algorithm, made_at, wrapped).ok()?;
            let keys = entries.entry(domain).or_insert_with(|| Entry::Keys(Vec::new()));
            let Entry::Keys(keys) = keys else { return None };
            (keys.len() as u32 + 1 == version).then_some(())?;
            keys.push(DataKey { secret, algorithm, made_at });
            Some(())
        }
        _ => None,
    }
}

/// Wraps data keys: a nonce, the key under AES-256-GCM, and its tag.
struct Wrapping(LessSafeKey);

impl Wrapping {
    fn of(master: &MasterKey) -> Result<Wrapping, Unspecified> {
        let key = UnboundKey::new(&AES_256_GCM, &master.wrapping()?[..])?;
        Ok(Wrapping(LessSafeKey::new(key)))
    }

    fn bound(domain: Domain, version: u32, algorithm: Algorithm, made_at: Seconds) -> Aad<String> {
        Aad::from(format!("{domain} {version} {} {made_at}", algorithm.name()))
    }

    fn wrap(&self, domain: Domain, version: u32, key: &DataKey) -> Result<Vec<u8>, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut secret = Zeroizing::new(*key.secret);
        let bound = Wrapping::bound(domain, version, key.algorithm, key.made_at);
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(unique, bound, &mut secret[..])?;
        Ok([&nonce[..], &secret[..], tag.as_ref()].concat())
    }

    fn unwrap(
        &self,
        domain: Domain,
        version: u32,
        algorithm: Algorithm,
        made_at: Seconds,
        wrapped: Vec<u8>,
    ) -> Result<Secret, Unspecified> {
        let mut wrapped = Zeroizing::new(wrapped);
        let (nonce, sealed) = wrapped.split_at_mut_checked(NONCE_LEN).ok_or(Unspecified)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce)?;
        let bound = Wrapping::bound(domain, version, algorithm, made_at);
        let opened = self.0.open_in_place(nonce, bound, sealed)?;
        let mut secret = Secret::default();
        let opened = opened.first_chunk::<SECRET_BYTES>().ok_or(Unspecified)?;
        secret.copy_from_slice(opened);
        Ok(secret)
    }
}

/// Replaces the file, and overwrites the old one. On disk when this returns; after a crash there is
/// one or the other, whole.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let (fresh, old) = (path.with_extension("new"), path.with_extension("old"));
    tidy(path)?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    if path.exists() {
        fs::hard_link(path, &old)?;
    }
    fs::rename(&fresh, path)?;
    sync_parent(path)?;
    destroy(&old)
}

/// Overwrites what an interrupted replacement has left.
pub fn tidy(path: &Path) -> io::Result<()> {
    ["new", "old"].into_iter().try_for_each(|ending| destroy(&path.with_extension(ending)))
}
