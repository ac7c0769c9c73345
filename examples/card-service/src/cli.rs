//! What can be typed.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use plimsoll::Quota;

use crate::store::MAX_ACCOUNTS;

/// The sample service of Plimsoll: accounts, cards and spends on SQLite.
#[derive(Debug, Parser)]
#[command(name = "card-service", version, after_help = EXAMPLES)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the service can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Fill the database if it is empty, then answer requests until SIGTERM or Ctrl-C
    Serve(ServeArgs),
    /// Ask the running service whether it is ready, for Docker's HEALTHCHECK
    #[command(after_help = HEALTHCHECK_EXAMPLES)]
    Healthcheck(HealthcheckArgs),
    /// The catalog of error codes
    #[command(subcommand)]
    Errors(ErrorsCommand),
    /// What the service is set to
    #[command(subcommand)]
    Config(ConfigCommand),
}

/// Which service to ask.
#[derive(Debug, Clone, Args)]
pub struct HealthcheckArgs {
    /// Where its probes are; PLIMSOLL_STATUS stands above it
    #[arg(long, value_name = "ADDRESS", default_value_t = STATUS)]
    pub status: SocketAddr,
}

/// What can be done with the settings.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Show every setting and OTEL_ variable, its value and who said so
    #[command(after_help = CONFIG_EXAMPLES)]
    Print,
}

/// What can be done with the catalog.
#[derive(Debug, Subcommand)]
pub enum ErrorsCommand {
    /// Write the catalog as JSON, for `plimsoll errors` and other tools
    Export(ExportArgs),
}

/// Where the catalog goes.
#[derive(Debug, Clone, Args)]
#[command(after_help = EXPORT_EXAMPLES)]
pub struct ExportArgs {
    /// The file to write; standard output when left away
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Write nothing; fail if FILE does not hold the catalog as it is now
    #[arg(long, requires = "output")]
    pub check: bool,
}

const EXAMPLES: &str = "\
Examples:
  card-service serve
  card-service serve --help
  card-service errors export -o errors.json
  card-service config print";

const EXPORT_EXAMPLES: &str = "\
Examples:
  card-service errors export
  card-service errors export -o errors.json
  card-service errors export -o errors.json --check

Exit codes: 0 written, or FILE is fresh; 1 FILE is stale; 2 FILE cannot be read or written";

const HEALTHCHECK_EXAMPLES: &str = "\
Examples:
  card-service healthcheck
  HEALTHCHECK CMD [\"card-service\", \"healthcheck\"]

Exit codes: 0 ready, 1 not ready or no answer within three seconds";

const CONFIG_EXAMPLES: &str = "\
The source is code, file (plimsoll.toml), environment or default. Secrets are masked.

Examples:
  card-service config print
  PLIMSOLL_TIMEOUT=2s card-service config print

Exit codes: 0 done (faults are told on standard error)";

const SERVE_EXAMPLES: &str = "\
Examples:
  card-service serve
  card-service serve --listen 127.0.0.1:0 --status 127.0.0.1:0 --control 127.0.0.1:0
  card-service serve --database-url sqlite::memory: --accounts 100 --allow-faults

Ids are computable: accounts are acc_0000001 and up, cards crd_0000001 and up, three for each account.
Of every fifty cards one (number 50) is blocked and five (7, 17, 27, 37, 47) wait for activation.

Exit codes: 0 drained, 1 something was cut at shutdown, 2 the service could not start";

/// Where the listeners beside the service's own are unless typed otherwise.
pub const STATUS: SocketAddr = loopback(8081);
/// The same for what changes things.
pub const CONTROL: SocketAddr = loopback(8082);

/// What one client may ask for: far above a phone, below what hurts the others.
pub const PER_CLIENT: Quota = Quota::per_second(2_000).burst(4_000);

/// Longer than any request may take, and shorter than a person would wait.
pub const MAX_STALL_SECONDS: u16 = 30;

const fn loopback(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port)
}

/// How to serve. Port 0 takes any free port; the address taken is printed.
#[derive(Debug, Clone, Args)]
#[command(after_help = SERVE_EXAMPLES)]
pub struct ServeArgs {
    /// Where requests are answered
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,

    /// Where probes and metrics are; may be reachable by all
    #[arg(long, value_name = "ADDRESS", default_value_t = STATUS)]
    pub status: SocketAddr,

    /// Where levels, faults and settings are changed; keep it on loopback
    #[arg(long, value_name = "ADDRESS", default_value_t = CONTROL)]
    pub control: SocketAddr,

    /// `sqlite://FILE`, made when absent, or `sqlite::memory:`
    #[arg(long, value_name = "URL", default_value = "sqlite://cards.db")]
    pub database_url: String,

    /// Put the fault switches on the control listener (/faults): for demonstrations, never in production
    #[arg(long)]
    pub allow_faults: bool,

    /// What one client may ask for; with PLIMSOLL_LIMIT_REDIS of all processes together
    #[arg(long, value_name = "QUOTA", default_value_t = PER_CLIENT)]
    pub per_client: Quota,

    /// How long a worker thread may be blocked before /livez fails
    #[arg(long, value_name = "SECONDS", default_value_t = MAX_STALL_SECONDS, value_parser = clap::value_parser!(u16).range(1..))]
    pub max_stall: u16,

    /// Accounts to fill an empty database with, and thrice as many cards [default: 10000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=i64::from(MAX_ACCOUNTS)))]
    pub accounts: Option<u32>,

    /// Picks the names, amounts and times of the seed [default: 1]
    #[arg(long, value_name = "N")]
    pub seed: Option<u64>,
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::*;

    fn serve(args: &[&str]) -> Result<ServeArgs, clap::Error> {
        let cli = Cli::try_parse_from(["card-service", "serve"].iter().chain(args))?;
        match cli.command {
            Command::Serve(args) => Ok(args),
            Command::Healthcheck(_) | Command::Errors(_) | Command::Config(_) => {
                panic!("`serve` was typed")
            }
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn nothing_need_be_said() {
        let args = serve(&[]).unwrap();
        assert_eq!(args.listen.to_string(), "127.0.0.1:8080");
        assert_eq!(args.database_url, "sqlite://cards.db");
        assert!(!args.allow_faults);
        assert_eq!((args.accounts, args.seed), (None, None));
    }

    #[test]
    fn a_wrong_value_is_refused_with_exit_code_2() {
        for wrong in [
            ["--listen", "localhost"],
            ["--status", "127.0.0.1:70000"],
            ["--accounts", "0"],
            ["--accounts", "100001"],
            ["--seed", "-1"],
            ["--max-stall", "0"],
            ["--per-client", "many"],
            ["--per-client", "0/s"],
        ] {
            assert_eq!(serve(&wrong).unwrap_err().exit_code(), 2, "{wrong:?}");
        }
    }

    #[test]
    fn a_check_needs_a_file_to_check() {
        let typed = ["card-service", "errors", "export", "--check"];
        assert_eq!(Cli::try_parse_from(typed).unwrap_err().exit_code(), 2);
    }

    #[test]
    fn help_shows_examples() {
        let help = serve(&["--help"]).unwrap_err();
        assert_eq!(help.kind(), ErrorKind::DisplayHelp);
        assert!(
            help.to_string()
                .contains("Examples:\n  card-service serve\n"),
            "{help}"
        );
    }
}
