//! The binary `comity`.

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match server::cli::run(server::cli::Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            server::remark(format!("comity: {failure}"));
            ExitCode::FAILURE
        }
    }
}
