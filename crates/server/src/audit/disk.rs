//! What the ledger asks of a disk, so that tests can have one that is full.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Opens files to which lines are added.
pub trait Disk: Send + Sync + fmt::Debug {
    /// The file, made where there is none, for its owner alone.
    fn open(&self, path: &Path) -> io::Result<Box<dyn Appended>>;
}

/// A file that only grows, but for what was never promised to anyone.
pub trait Appended: Send + fmt::Debug {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// What was appended survives a loss of power when this returns.
    fn sync(&mut self) -> io::Result<()>;

    /// Takes back everything after the first so many bytes.
    fn cut(&mut self, bytes: u64) -> io::Result<()>;
}

/// The machine's own.
#[derive(Clone, Copy, Debug)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn open(&self, path: &Path) -> io::Result<Box<dyn Appended>> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path)?;
        super::files::give_to_owner(&file, path)?;
        Ok(Box::new(file))
    }
}

impl Appended for File {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sync_data()
    }

    fn cut(&mut self, bytes: u64) -> io::Result<()> {
        self.set_len(bytes)?;
        self.sync_all()
    }
}
