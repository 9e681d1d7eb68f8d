//! What tests need: a platform in memory, a clock that waits to be moved, chance with a seed, and
//! the reference store that every other store must agree with, and keys that sign tokens.

mod chance;
mod clock;
mod jose;
mod memory;
pub mod model_based;
mod platform;

pub use chance::Chance;
pub use clock::MovableClock;
pub use jose::SigningKey;
pub use memory::{MemoryHome, MemoryStore};
pub use platform::{Platform, caller, platform};
pub use store::contract::notation;
