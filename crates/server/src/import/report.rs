//! What was refused and why, line by line.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

/// A file of refused records, made with the first of them.
#[derive(Debug)]
pub struct Report {
    path: PathBuf,
    file: Option<BufWriter<File>>,
    bytes: u64,
}

impl Report {
    /// Goes on with what an earlier run noted up to `bytes`; what it noted after that is noted
    /// again by this run.
    pub fn open(path: PathBuf, bytes: u64) -> io::Result<Report> {
        match OpenOptions::new().write(true).open(&path) {
            Ok(file) => file.set_len(bytes)?,
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            Err(_) => {}
        }
        if bytes == 0 && path.exists() {
            fs::remove_file(&path)?;
        }
        Ok(Report { path, file: None, bytes })
    }

    pub fn path(&self) -> &PathBuf {
        &self.path
    }

    /// One line: `line 17: entity ...`.
    pub fn note(&mut self, line: u64, problem: &str) -> io::Result<()> {
        let file = match &mut self.file {
            Some(file) => file,
            none => {
                let file = OpenOptions::new().create(true).append(true).open(&self.path)?;
                none.insert(BufWriter::new(file))
            }
        };
        let text = format!("line {line}: {}\n", problem.replace(['\n', '\r'], " "));
        self.bytes += text.len() as u64;
        file.write_all(text.as_bytes())
    }

    /// Writes out what was noted; tells how long the file is.
    pub fn flush(&mut self) -> io::Result<u64> {
        if let Some(file) = &mut self.file {
            file.flush()?;
        }
        Ok(self.bytes)
    }
}
