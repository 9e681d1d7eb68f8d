//! Keys and tokens in, `Caller` out.
//!
//! A key's secret part is 256 random bits, so there is nothing to guess and no dictionary to try:
//! a plain SHA-256 is kept of it, not a slow password hash. The secret itself is shown once, to
//! whoever makes the key, and kept nowhere.

mod file;
mod key;
pub mod oidc;
mod ring;
mod token;
mod visible;

pub use file::{FileError, KeysFile, Stamp};
pub use key::{Key, NewKey};
pub use ring::{KeyRing, NAME_CHARS_MAX, RingError};
pub use token::{RANDOM_BYTES, Token};
