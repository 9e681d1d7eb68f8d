//! The master key: what it is, and where it comes from.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use aws_lc_rs::error::Unspecified;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use zeroize::{Zeroize, Zeroizing};

use crate::command;
use crate::derive::{SECRET_BYTES, Secret, derive, fresh_secret};
use crate::key_file;

/// The key that wraps all data keys. Wiped when it goes, and never shown.
#[derive(Clone)]
pub struct MasterKey(Secret);

/// Tells which master key is meant, without telling anything of it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct MasterKeyId(pub(crate) [u8; 16]);

/// Where the master key is read at the start.
#[derive(Clone, PartialEq, Eq)]
pub enum MasterKeySource {
    /// A file that only its owner may read; made at the first start. The next key, during a rotation,
    /// lies in the file of the same name with `.next` behind it, and the old one stays, with its id
    /// behind the name.
    File(PathBuf),
    /// An environment variable. The next key is in the variable of the same name with `_NEXT`.
    Variable(String),
    /// A command, run without a shell, that prints the key. `COMITY_MASTER_KEY` in its environment
    /// tells which is wanted: `current` or `next`. Where `wrapped` names a file, its content is on
    /// the standard input of the command.
    Command { line: String, wrapped: Option<PathBuf> },
}

/// Of two master keys during a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    Current,
    Next,
}

impl Which {
    fn name(self) -> &'static str {
        match self {
            Which::Current => "current",
            Which::Next => "next",
        }
    }
}

/// A wrapped key from a key management service is some hundred bytes.
const WRAPPED_BYTES_MAX: u64 = 64 * 1024;

impl MasterKey {
    /// From the chance of the system.
    pub fn fresh() -> Result<MasterKey, Unspecified> {
        Ok(MasterKey(fresh_secret()?))
    }

    pub fn of_secret(secret: [u8; SECRET_BYTES]) -> MasterKey {
        MasterKey(Zeroizing::new(secret))
    }

    /// 32 bytes as 64 hexadecimal digits or as base64, with white space around them. The error does
    /// not repeat what was given.
    pub fn parse(text: &str) -> Result<MasterKey, String> {
        let text = text.trim();
        let bytes = Zeroizing::new(
            match text.len() {
                64 => hex_bytes(text),
                43 => URL_SAFE_NO_PAD.decode(text).ok(),
                _ => STANDARD.decode(text).ok(),
            }
            .unwrap_or_default(),
        );
        let mut secret = Secret::default();
        if bytes.len() != SECRET_BYTES {
            return Err(
                "a master key is 32 bytes, written as 64 hexadecimal digits or as base64; \
                        `openssl rand -hex 32` makes one"
                    .to_owned(),
            );
        }
        secret.copy_from_slice(&bytes);
        Ok(MasterKey(secret))
    }

    /// As a file keeps it.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(2 * SECRET_BYTES + 1));
        for byte in self.0.iter() {
            text.push(char::from_digit(u32::from(byte >> 4), 16).unwrap_or_default());
            text.push(char::from_digit(u32::from(byte & 15), 16).unwrap_or_default());
        }
        text.push('\n');
        text
    }

    pub fn id(&self) -> Result<MasterKeyId, Unspecified> {
        let mut derived = derive(&self.0[..], b"", &[b"comity: id of a master key"])?;
        let mut id = [0; 16];
        id.copy_from_slice(&derived[..16]);
        derived.zeroize();
        Ok(MasterKeyId(id))
    }

    pub(crate) fn wrapping(&self) -> Result<Secret, Unspecified> {
        derive(&self.0[..], b"", &[b"comity: wrapping of data keys"])
    }

    pub(crate) fn authentication(&self) -> Result<Secret, Unspecified> {
        derive(&self.0[..], b"", &[b"comity: authentication of the file of keys"])
    }
}

fn hex_bytes(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let pair = |[high, low]: &[u8; 2]| Some((digit(high)? << 4 | digit(low)?) as u8);
    let (pairs, rest) = text.as_bytes().as_chunks();
    rest.is_empty().then(|| pairs.iter().map(pair).collect())?
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(..)")
    }
}

impl fmt::Display for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for MasterKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeyId({self})")
    }
}

impl MasterKeyId {
    pub(crate) fn parse(text: &str) -> Option<MasterKeyId> {
        let bytes = hex_bytes(text)?;
        bytes.try_into().ok().map(MasterKeyId)
    }
}

impl fmt::Display for MasterKeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            MasterKeySource::File(path) => write!(f, "the file `{}`", path.display()),
            MasterKeySource::Variable(name) => write!(f, "the environment variable `{name}`"),
            // Arguments may be secrets.
            MasterKeySource::Command { line, .. } => {
                let program = line.split_whitespace().next().unwrap_or_default();
                write!(f, "the command `{program}`")
            }
        }
    }
}

impl fmt::Debug for MasterKeySource {
    /// As for people: arguments of a command may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKeySource({self})")
    }
}

impl MasterKeySource {
    /// What whoever runs the server should know of the source although it is used: to be logged at
    /// each start.
    pub fn warning(&self) -> Option<String> {
        match self {
            MasterKeySource::File(path) => {
                key_file::warning(path).map(|problem| format!("{self}: {problem}"))
            }
            MasterKeySource::Variable(_) | MasterKeySource::Command { .. } => None,
        }
    }

    /// The key; nothing where there is none. What is there and is no key is a problem, told without
    /// repeating it.
    pub fn read(&self, which: Which) -> Result<Option<MasterKey>, String> {
        let told = |problem: String| format!("{self}: {problem}");
        match self {
            MasterKeySource::File(path) => key_file::read(&key_file::of(path, which)).map_err(told),
            MasterKeySource::Variable(name) => {
                let name = match which {
                    Which::Current => name.clone(),
                    Which::Next => format!("{name}_NEXT"),
                };
                let Some(text) = std::env::var_os(&name) else { return Ok(None) };
                let text = text.into_string().map(Zeroizing::new);
                let text = text.map_err(|_| told("it is not a text".to_owned()))?;
                MasterKey::parse(&text).map(Some).map_err(told)
            }
            MasterKeySource::Command { line, wrapped } => {
                let input = wrapped.as_ref().map(read_wrapped).transpose().map_err(told)?;
                let text = command::run(line, which.name(), &input.unwrap_or_default());
                // A command that knows no next key may fail when it is asked.
                let text = match (text, which) {
                    (Err(_), Which::Next) => return Ok(None),
                    (text, _) => text.map_err(told)?,
                };
                match (text.trim().is_empty(), which) {
                    (true, Which::Next) => Ok(None),
                    _ => MasterKey::parse(&text).map(Some).map_err(told),
                }
            }
        }
    }
}

fn read_wrapped(path: &PathBuf) -> Result<Vec<u8>, String> {
    let told = |error: std::io::Error| format!("`{}`: {error}", path.display());
    let bytes = fs::metadata(path).map_err(told)?.len();
    if bytes > WRAPPED_BYTES_MAX {
        return Err(format!("`{}` has more than {WRAPPED_BYTES_MAX} bytes", path.display()));
    }
    fs::read(path).map_err(told)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_several_forms_and_shows_none() {
        let key = MasterKey::of_secret([0xa5; 32]);
        let hex = "a5".repeat(32);
        for text in [hex.clone(), STANDARD.encode([0xa5; 32]), URL_SAFE_NO_PAD.encode([0xa5; 32])] {
            let read = MasterKey::parse(&format!(" {text}\n")).unwrap();
            assert_eq!(read.id().unwrap(), key.id().unwrap());
            assert!(!format!("{read:?}").contains("a5"), "{read:?}");
        }
        assert_eq!(*key.text(), format!("{hex}\n"));
        for bad in ["", "a5", &hex[1..], &format!("{hex}a5"), &"z".repeat(64), "swordfish"] {
            let told = MasterKey::parse(bad).unwrap_err();
            assert!(bad.is_empty() || !told.contains(bad), "{told}");
        }
    }

    #[test]
    fn a_command_gets_the_wrapped_key_and_prints_the_plain_one() {
        let directory = tempfile::tempdir().unwrap();
        let wrapped = directory.path().join("wrapped");
        fs::write(&wrapped, "5a".repeat(32)).unwrap();
        let line = "cat".to_owned();
        let source = MasterKeySource::Command { line, wrapped: Some(wrapped) };
        let key = source.read(Which::Current).unwrap().unwrap();
        assert_eq!(key.id().unwrap(), MasterKey::of_secret([0x5a; 32]).id().unwrap());
        let failing = MasterKeySource::Command { line: "false secret".to_owned(), wrapped: None };
        let told = failing.read(Which::Current).unwrap_err();
        assert!(told.contains("`false`") && !told.contains("secret"), "{told}");
        let told = format!("{failing:?}");
        assert!(told.contains("`false`") && !told.contains("secret"), "{told}");
        assert!(failing.read(Which::Next).unwrap().is_none());
    }
}
