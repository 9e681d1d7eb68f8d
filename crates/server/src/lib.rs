//! Starts the platform: settings, keys, store, doors, and the command line `comity`.

mod admin;
pub mod audit;
mod authenticate;
pub mod cli;
mod client;
mod clock;
mod commands;
mod dead_letters;
mod demo;
mod doors;
mod egress;
mod events;
mod export;
mod failure;
mod fetch;
mod health;
mod history;
mod http;
pub mod import;
mod keys;
mod logs;
mod mqtt;
mod notify;
mod oidc;
pub mod openapi;
mod platform;
mod problem;
mod reading_row;
mod retention;
mod say;
mod serve;
pub mod settings;
mod stop;

pub use failure::Failure;
pub use say::remark;
