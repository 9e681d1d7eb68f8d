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
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::{digest, hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use zeroize::Zeroizing;

use crate::algorithm::Algorithm;
use crate::derive::{SECRET_BYTES, Secret};
use crate::disk::{self, beside};
use crate::error::KeyringError;
use crate::master::{MasterKey, MasterKeyId};
use crate::ring::{Domain, Seconds};

/// The file of data keys in a data directory.
pub const KEYS_FILE: &str = "keys";

/// Domains that have keys, or had them. The file is written anew for each new key.
pub const DOMAINS_MAX: usize = 1_000_000;

/// Versions of the key of one domain: one a day, for 27 years.
pub const VERSIONS_MAX: usize = 10_000;

/// Enough for some millions of versions of keys.
pub const FILE_BYTES_MAX: usize = 1 << 30;

/// Endings of what lies beside the file while it is replaced. They are this file's own: `keys.new` is
/// the name that a replacement of `keys.toml`, which lies beside it, may use at the same time.
pub const NEW: &str = ".wrapped.new";
pub const OLD: &str = ".wrapped.old";

const OPENING: &str = "comity keys, format 1";

/// A data key.
pub struct DataKey {
    pub secret: Secret,
    pub algorithm: Algorithm,
    pub made_at: Seconds,
    /// As the file has it, under the master key in force: keys that stay are not wrapped again.
    wrapped: Box<str>,
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
    Keys(Vec<Arc<DataKey>>),
    /// Its keys were destroyed.
    Gone { at: Seconds },
}

pub type Entries = BTreeMap<Domain, Entry>;

/// The whole file as text. The entries are those of this master key. Refuses what could not be read
/// again.
pub fn write(master: &MasterKey, entries: &Entries) -> Result<String, KeyringError> {
    write_within(master, entries, FILE_BYTES_MAX)
}

fn write_within(
    master: &MasterKey,
    entries: &Entries,
    bytes_max: usize,
) -> Result<String, KeyringError> {
    let mut text = format!("{OPENING}\nmaster {}\nwrapped {}\n", master.id()?, AES.name());
    for (domain, entry) in entries {
        match entry {
            Entry::Gone { at } => text.push_str(&format!("gone {domain} {at}\n")),
            Entry::Keys(keys) => {
                for (version, key) in (1..).zip(keys) {
                    let DataKey { algorithm, made_at, wrapped, .. } = &**key;
                    let (version, algorithm): (u32, _) = (version, algorithm.name());
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
    if text.len() > bytes_max {
        return Err(KeyringError::TooManyKeys);
    }
    Ok(text)
}

/// The same keys, for another master key.
pub fn rewrapped(wrapping: &Wrapping, entries: &Entries) -> Result<Entries, Unspecified> {
    let rewrap = |(domain, entry): (&Domain, &Entry)| {
        let Entry::Keys(keys) = entry else { return Ok((*domain, entry.clone())) };
        let keys = (1..).zip(keys).map(|(version, key)| {
            let DataKey { secret, algorithm, made_at, .. } = &**key;
            wrapping.key(*domain, version, secret.clone(), *algorithm, *made_at).map(Arc::new)
        });
        Ok((*domain, Entry::Keys(keys.collect::<Result<_, _>>()?)))
    };
    entries.iter().map(rewrap).collect()
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
        let io = |error| KeyringError::io(path, error);
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io(error)),
        };
        if file.metadata().map_err(io)?.len() > FILE_BYTES_MAX as u64 {
            return Err(damaged(&format!("it has more than {FILE_BYTES_MAX} bytes")));
        }
        file.take(FILE_BYTES_MAX as u64).read_to_string(&mut text).map_err(io)?;
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

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Checks and unwraps all with the master key that the file names.
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
            let bytes = STANDARD_NO_PAD.decode(wrapped).ok()?;
            let secret = wrapping.unwrap(domain, version, algorithm, made_at, bytes).ok()?;
            let keys = entries.entry(domain).or_insert_with(|| Entry::Keys(Vec::new()));
            let Entry::Keys(keys) = keys else { return None };
            (keys.len() as u32 + 1 == version).then_some(())?;
            keys.push(Arc::new(DataKey { secret, algorithm, made_at, wrapped: wrapped.into() }));
            Some(())
        }
        _ => None,
    }
}

/// Wraps data keys: a nonce, the key under AES-256-GCM, and its tag.
pub struct Wrapping(LessSafeKey);

impl Wrapping {
    pub fn of(master: &MasterKey) -> Result<Wrapping, Unspecified> {
        let key = UnboundKey::new(&AES_256_GCM, &master.wrapping()?[..])?;
        Ok(Wrapping(LessSafeKey::new(key)))
    }

    fn bound(domain: Domain, version: u32, algorithm: Algorithm, made_at: Seconds) -> Aad<String> {
        Aad::from(format!("{domain} {version} {} {made_at}", algorithm.name()))
    }

    /// A data key, wrapped for its place.
    pub fn key(
        &self,
        domain: Domain,
        version: u32,
        secret: Secret,
        algorithm: Algorithm,
        made_at: Seconds,
    ) -> Result<DataKey, Unspecified> {
        let mut nonce = [0; NONCE_LEN];
        rand::fill(&mut nonce)?;
        let mut sealed = secret.clone();
        let bound = Wrapping::bound(domain, version, algorithm, made_at);
        let unique = Nonce::assume_unique_for_key(nonce);
        let tag = self.0.seal_in_place_separate_tag(unique, bound, &mut sealed[..])?;
        let wrapped = STANDARD_NO_PAD.encode([&nonce[..], &sealed[..], tag.as_ref()].concat());
        Ok(DataKey { secret, algorithm, made_at, wrapped: wrapped.into() })
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
///
/// Three syncs: of the new text, before it gets the name; of the name, before the old text goes; and
/// of the old text, for a key in it may be shredded later and must then be nowhere.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    tidy(path)?;
    let fresh = beside(path, NEW);
    disk::make(&fresh, text.as_bytes())?;
    disk::replace(&fresh, path, &beside(path, OLD))
}

/// Overwrites what an interrupted replacement has left.
pub fn tidy(path: &Path) -> io::Result<()> {
    [NEW, OLD].into_iter().try_for_each(|ending| disk::destroy(&beside(path, ending)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_not_be_read_again_is_not_written() {
        let master = MasterKey::of_secret([1; 32]);
        let entries = Entries::from([(3, Entry::Gone { at: 1_000 })]);
        let text = write_within(&master, &entries, FILE_BYTES_MAX).unwrap();
        assert_eq!(write_within(&master, &entries, text.len()).unwrap(), text);
        let told = write_within(&master, &entries, text.len() - 1);
        assert!(matches!(told, Err(KeyringError::TooManyKeys)), "{told:?}");
    }

    #[test]
    fn a_file_that_is_too_large_is_told_as_such() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(KEYS_FILE);
        // It takes no room on the disk.
        File::create(&path).unwrap().set_len(FILE_BYTES_MAX as u64 + 1).unwrap();
        let told = Unread::read(&path).unwrap_err().to_string();
        assert!(told.contains("more than 1073741824 bytes"), "{told}");
    }
}
