//! The binary `comity`.

use std::process::ExitCode;

use clap::Parser;
use mimalloc::MiMalloc;

/// An entity is dozens of small allocations, made on one thread and freed on another; `make bench`
/// shows what the system's allocator makes of that.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    match server::cli::run(server::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            server::remark(format!("comity: {failure}"));
            ExitCode::FAILURE
        }
    }
}
