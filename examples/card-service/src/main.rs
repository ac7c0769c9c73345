//! The sample service's command line.

use std::error::Error;

use card_service::cli::{Cli, Command, ConfigCommand, ErrorsCommand};
use card_service::export::{Exported, export};
use card_service::serve::{healthcheck, print_config, serve};
use clap::Parser as _;

#[tokio::main]
async fn main() {
    let code = run().await;
    // Dropping the runtime would wait for whatever hangs in it.
    std::process::exit(i32::from(code));
}

/// Does what was asked for, and says what to exit with.
async fn run() -> u8 {
    match Cli::parse().command {
        Command::Serve(args) => match serve(&args).await {
            Ok(()) => 0,
            Err(error) => {
                tell(&error);
                error.exit_code()
            }
        },
        Command::Healthcheck(args) => match healthcheck(&args).await {
            Ok(()) => 0,
            Err(error) => {
                tell(&error);
                1
            }
        },
        Command::Config(ConfigCommand::Print) => match print_config() {
            Ok(faults) => {
                for fault in faults {
                    say(&format!("warning: {fault}"));
                }
                0
            }
            Err(error) => {
                tell(&error);
                2
            }
        },
        Command::Errors(ErrorsCommand::Export(args)) => match export(&args) {
            Ok(Exported::Written | Exported::Fresh) => 0,
            Ok(Exported::Stale) => {
                say(
                    "the file does not hold the catalog as it is now: run the same command without --check",
                );
                1
            }
            Err(error) => {
                tell(&error);
                2
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
