//! Whether and how what is written to the directory is sealed, and to whom it belongs.

use std::io;
use std::path::Path;
use std::sync::Arc;

use keyring::{Domain, FileId, Keyring, KeyringError, KeyringSettings, Opened};
use sorted::{BlockCipher, CipherError, CipherHeader};

use crate::error::OpenError;
use crate::keys::{EntityNumber, Space, tenant_in};
use crate::names::NameId;
use crate::tables::Table;

/// How a directory is to be encrypted.
#[derive(Clone, Debug)]
pub enum EncryptionSettings {
    /// What is written is not encrypted. Where there are keys, what was encrypted before is read
    /// with them.
    Off(Option<KeyringSettings>),
    On(KeyringSettings),
}

/// What seals the directory.
#[derive(Clone, Debug)]
pub struct Encryption {
    keyring: Option<Arc<Keyring>>,
    is_on: bool,
}

impl Encryption {
    /// To be called by whoever has locked the directory.
    pub fn of(settings: &EncryptionSettings, directory: &Path) -> Result<Encryption, OpenError> {
        let is_on = matches!(settings, EncryptionSettings::On(_));
        let settings = match settings {
            EncryptionSettings::On(settings) => Some(settings),
            EncryptionSettings::Off(settings) if Keyring::exists(directory) => {
                Some(settings.as_ref().ok_or(OpenError::Encrypted)?)
            }
            EncryptionSettings::Off(_) => None,
        };
        let keyring = settings.cloned().map(Keyring::open).transpose()?.map(Arc::new);
        Ok(Encryption { keyring, is_on })
    }

    /// The keys, if there are any.
    pub fn keyring(&self) -> Option<&Arc<Keyring>> {
        self.keyring.as_ref()
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Appends a text as it is to lie on disk; its length then is [`Encryption::sealed_bytes`].
    pub(crate) fn seal(
        &self,
        domain: Domain,
        file: &FileId,
        context: &[u8],
        text: &[u8],
        out: &mut Vec<u8>,
    ) -> io::Result<()> {
        match &self.keyring {
            Some(keyring) if self.is_on => {
                keyring.seal_kept(domain, file, context, text, out).map_err(io::Error::other)
            }
            _ => {
                out.extend_from_slice(text);
                Ok(())
            }
        }
    }

    pub(crate) fn sealed_bytes(&self, text_bytes: usize) -> usize {
        if self.is_on { text_bytes + keyring::OVERHEAD_BYTES } else { text_bytes }
    }

    /// The text that was sealed; nothing where its key was destroyed.
    pub(crate) fn open(
        &self,
        domain: Domain,
        file: &FileId,
        context: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>, String> {
        let Some(keyring) = &self.keyring else {
            let problem = "it is encrypted, and there is no file of keys; restore the file `keys`";
            return Err(problem.to_owned());
        };
        let mut text = Vec::with_capacity(sealed.len());
        let opened = keyring.open_message(domain, file, context, sealed, &mut text);
        let opened = opened.map_err(|error| error.to_string())?;
        Ok((opened == Opened::Plain).then_some(text))
    }

    /// Was what belongs to the domain shredded?
    pub(crate) fn is_gone(&self, domain: Domain) -> bool {
        self.keyring.as_ref().is_some_and(|keyring| keyring.is_gone(domain))
    }
}

/// Seals blocks of tables.
#[derive(Debug)]
pub struct Blocks(pub Encryption);

/// Stands beside a block that is sealed; nothing stands beside one in plain.
const SEALED: &[u8] = &[1];

/// A file of tables has keys of its own: its number stands here in the context of a block. Were it
/// elsewhere, keys would serve more or fewer blocks, and nothing else.
const FILE_NUMBER: std::ops::Range<usize> = 6..14;

fn file_of(context: &[u8]) -> FileId {
    let mut file = FileId::default();
    if let Some(number) = context.get(FILE_NUMBER) {
        file[..number.len()].copy_from_slice(number);
    }
    file
}

impl BlockCipher for Blocks {
    fn seal(
        &self,
        domain: Domain,
        context: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<CipherHeader, CipherError> {
        if !self.0.is_on() {
            return Ok(CipherHeader::EMPTY);
        }
        let mut sealed = Vec::with_capacity(self.0.sealed_bytes(block.len()));
        let done = self.0.seal(domain, &file_of(context), context, block, &mut sealed);
        done.map_err(|error| CipherError::Unavailable(error.to_string()))?;
        *block = sealed;
        CipherHeader::new(SEALED).ok_or(CipherError::Forged)
    }

    fn open(
        &self,
        domain: Domain,
        context: &[u8],
        header: &[u8],
        block: &mut Vec<u8>,
    ) -> Result<sorted::Opened, CipherError> {
        match header {
            [] => return Ok(sorted::Opened::Plain),
            SEALED => {}
            _ => return Err(CipherError::Unknown("no such kind of block".to_owned())),
        }
        let Some(keyring) = &self.0.keyring else {
            return Err(CipherError::Unavailable("there is no file of keys".to_owned()));
        };
        let mut text = Vec::with_capacity(block.len());
        match keyring.open_message(domain, &file_of(context), context, block, &mut text) {
            Ok(Opened::Plain) => {
                *block = text;
                Ok(sorted::Opened::Plain)
            }
            Ok(Opened::Gone) => Ok(sorted::Opened::Gone),
            Err(KeyringError::Altered(_)) => Err(CipherError::Forged),
            Err(error) => Err(CipherError::Unavailable(error.to_string())),
        }
    }

    fn is_gone(&self, domain: Domain) -> bool {
        self.0.is_gone(domain)
    }
}

/// The domain of a tenant: 0 is the system's.
pub fn domain_of_tenant(tenant: NameId) -> Domain {
    tenant.0.wrapping_add(1)
}

/// The domain of a key of a table. What is under a key of a domain is of that domain.
///
/// Expiries of all tenants lie together and are the system's: a moment and a number.
pub fn domain_of(table: Table, key: &[u8]) -> Domain {
    let first_four = || key.first_chunk().map_or(0, |bytes| u32::from_be_bytes(*bytes));
    match table {
        Table::Names => keyring::SYSTEM,
        Table::Ids | Table::Documents => domain_of_tenant(NameId(first_four())),
        Table::Entities | Table::Evolutions | Table::Recent | Table::Chunks | Table::Rollups => {
            let number = key.first_chunk().copied().unwrap_or_default();
            EntityNumber(u64::from_be_bytes(number)).domain()
        }
        Table::Index if key.first() == Some(&(Space::Expiry as u8)) => keyring::SYSTEM,
        Table::Index => tenant_in(key).map_or(keyring::SYSTEM, domain_of_tenant),
    }
}
