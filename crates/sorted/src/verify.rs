//! Reading all there is, to find what is damaged.

use crate::error::{Damage, Error};
use crate::file::{Fetch, File};
use crate::frame::Kind;
use crate::version::Version;

/// Tells each damaged block; gives the number of those that are whole.
pub fn version(version: &Version, note: impl FnMut(Damage)) -> Result<u64, Error> {
    let mut walk = Walk { note, whole: 0 };
    for file in version.files() {
        match (file.is_broken(), file.damage()) {
            (true, Some(damage)) => (walk.note)(damage.clone()),
            _ => walk.file(file)?,
        }
    }
    Ok(walk.whole)
}

struct Walk<F> {
    note: F,
    whole: u64,
}

impl<F: FnMut(Damage)> Walk<F> {
    /// Notes damage, and goes on with nothing in its place.
    fn step<T>(&mut self, read: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
        match read {
            Err(Error::Damaged(damage)) => {
                (self.note)(*damage);
                Ok(None)
            }
            read => {
                self.whole += u64::from(matches!(read, Ok(Some(_))));
                read
            }
        }
    }

    fn file(&mut self, file: &File) -> Result<(), Error> {
        let fetch = &mut Fetch::Stream(Default::default());
        for stretch in &file.stretches {
            let domain = stretch.domain;
            let top = file.block(stretch.top, Kind::Top, domain, fetch);
            let Some(top) = self.step(top)? else { continue };
            for part in 0..top.len().saturating_sub(1) {
                let (index, filter) = (file.place(&top, part, 0)?, file.place(&top, part, 1)?);
                if filter.len != 0 {
                    self.step(file.filter(filter, domain, fetch))?;
                }
                let index = file.block(index, Kind::Index, domain, fetch);
                let Some(index) = self.step(index)? else { continue };
                for at in 0..index.len() {
                    let data = file.block(file.place(&index, at, 0)?, Kind::Data, domain, fetch);
                    self.step(data)?;
                }
            }
        }
        Ok(())
    }
}
