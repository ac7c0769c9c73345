//! The sample service's command line.

use std::error::Error;
use std::process::ExitCode;

use card_service::cli::{Cli, Command, ConfigCommand, ErrorsCommand};
use card_service::export::{Exported, export};
use card_service::serve::{healthcheck, print_config, serve};
use clap::Parser as _;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Serve(args) => match serve(&args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tell(&error);
                error.exit_code().into()
            }
        },
        Command::Healthcheck(args) => match healthcheck(&args).await {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                tell(&error);
                1.into()
            }
        },
        Command::Config(ConfigCommand::Print) => match print_config() {
            Ok(faults) => {
                for fault in faults {
                    say(&format!("warning: {fault}"));
                }
                ExitCode::SUCCESS
            }
            Err(error) => {
                tell(&error);
                2.into()
            }
        },
        Command::Errors(ErrorsCommand::Export(args)) => match export(&args) {
            Ok(Exported::Written | Exported::Fresh) => ExitCode::SUCCESS,
            Ok(Exported::Stale) => {
                say(
                    "the file does not hold the catalog as it is now: run the same command without --check",
                );
                1.into()
            }
            Err(error) => {
                tell(&error);
                2.into()
            }
        },
    }
}

/// The error and what caused it, a line each.
fn tell(error: &dyn Error) {
    say(&format!("error: {error}"));
    let mut cause = error.source();
    while let Some(error) = cause {
        say(&format!("  caused by: {error}"));
        cause = error.source();
    }
}

#[expect(
    clippy::print_stderr,
    reason = "what a person at a terminal should read"
)]
fn say(line: &str) {
    eprintln!("{line}");
}
