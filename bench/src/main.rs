//! `plimsoll-bench`: what Plimsoll and its peers add to a request.

use std::io::Write as _;
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand, ValueEnum};
use plimsoll_bench::latency::{self, ArrivalsArgs};
use plimsoll_bench::limiter::child::ChildArgs;
use plimsoll_bench::redis::child::ChildArgs as RedisChildArgs;
use plimsoll_bench::results::Results;
use plimsoll_bench::{limiter, measures, redis, stacks, table, throughput};
use plimsoll_bench_ours::Fault;
use plimsoll_bench_ours::child::{self, RunArgs, ServeArgs};
use plimsoll_bench_ours::counting::Counting;
use plimsoll_bench_ours::measure::Bench;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What Plimsoll and its peers add to a request
#[derive(Parser)]
#[command(version)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Call one stack in this process and print what it took
    Run(RunArgs),
    /// Serve one stack on the loopback until standard input ends
    Serve(ServeArgs),
    /// Send requests at a fixed rate and print how long they took
    Arrivals(ArrivalsArgs),
    /// List the stacks
    Stacks,
    /// Instructions and allocations per request, by row
    Counts(Size),
    /// Processor time per request in process
    Time(Size),
    /// Requests a second and processor time under wrk
    Throughput(Size),
    /// Time to an answer at a fixed rate of arrivals
    Latency(Size),
    /// Resident memory after many requests
    Memory(Size),
    /// Limits in process beside governor
    Limiter(Size),
    /// What the limiter's measures run in a process of its own
    #[command(hide = true)]
    LimiterChild(ChildArgs),
    /// Limits shared through Redis beside a plain script
    Redis(Size),
    /// A turn of that in a process of its own
    #[command(hide = true)]
    RedisChild(RedisChildArgs),
    /// All of them; writes bench/README.md and bench/results.json
    Table(TableArgs),
}

#[derive(clap::Args)]
struct TableArgs {
    #[command(flatten)]
    size: Size,
    /// Measures this alone and leaves the rest as it was written last
    #[arg(long)]
    only: Option<Section>,
}

/// A part of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Section {
    Counts,
    Time,
    Throughput,
    Latency,
    Memory,
    Limiter,
    Redis,
}

impl Section {
    fn measure(self, size: &Size, results: &mut Results) -> Result<(), Fault> {
        match self {
            Self::Counts => counts(size, results),
            Self::Time => time(size, results),
            Self::Throughput => wrk(size, results),
            Self::Latency => arrivals(size, results),
            Self::Memory => memory(size, results),
            Self::Limiter => limits(size, results),
            Self::Redis => shared(size, results),
        }
    }
}

#[derive(clap::Args)]
struct Size {
    /// Seconds in place of minutes: to see that it works, not to publish
    #[arg(long)]
    quick: bool,
    /// Leave the peers out of the counts
    #[arg(long)]
    ours: bool,
}

impl Size {
    fn or<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    fn requests(&self) -> u64 {
        self.or(20_000, 1_000)
    }

    fn rounds(&self) -> usize {
        self.or(7, 1)
    }
}

/// Arrivals a second: two fifths of what the careful peer can answer.
const RATE: f64 = 17_200.0;

fn main() -> ExitCode {
    match run(Cli::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Standard error may be closed.
            let _ = writeln!(std::io::stderr(), "plimsoll-bench: {fault}");
            ExitCode::from(2)
        }
    }
}

fn run(command: Command) -> Result<(), Fault> {
    let mut results = Results::default();
    match command {
        Command::Run(args) => return child::run(&stacks(), &args),
        Command::Serve(args) => return child::serve(&stacks(), &args),
        Command::Arrivals(args) => {
            let answers = serde_json::to_string(&latency::arrivals(&args)?)?;
            return Ok(writeln!(std::io::stdout(), "{answers}")?);
        }
        Command::Stacks => {
            for stack in stacks() {
                writeln!(std::io::stdout(), "{:16} {}", stack.name, stack.what)?;
            }
            return Ok(());
        }
        Command::Counts(size) => counts(&size, &mut results)?,
        Command::Time(size) => time(&size, &mut results)?,
        Command::Throughput(size) => wrk(&size, &mut results)?,
        Command::Latency(size) => arrivals(&size, &mut results)?,
        Command::Memory(size) => memory(&size, &mut results)?,
        Command::Limiter(size) => limits(&size, &mut results)?,
        Command::LimiterChild(args) => return limiter::child::run(&args),
        Command::Redis(size) => shared(&size, &mut results)?,
        Command::RedisChild(args) => return redis::child::run(&args),
        Command::Table(TableArgs { size, only }) => {
            if let Some(section) = only {
                results = table::read()?;
                section.measure(&size, &mut results)?;
            } else {
                for section in Section::value_variants() {
                    section.measure(&size, &mut results)?;
                }
                results.taken = table::now();
                results.machine = table::machine()?;
            }
            if !size.quick {
                table::write(&results)?;
            }
        }
    }
    Ok(write!(std::io::stdout(), "{}", table::markdown(&results)?)?)
}

fn counts(size: &Size, results: &mut Results) -> Result<(), Fault> {
    results.requests = size.requests();
    results.counts = measures::counts(&Bench::start()?, size.requests(), size.ours)?;
    Ok(())
}

fn time(size: &Size, results: &mut Results) -> Result<(), Fault> {
    results.rounds = size.rounds();
    results.time = measures::time(&Bench::start()?, size.or(100_000, 10_000), size.rounds())?;
    Ok(())
}

fn wrk(size: &Size, results: &mut Results) -> Result<(), Fault> {
    results.rounds = size.rounds();
    results.throughput = throughput::measure(&Bench::start()?, size.rounds(), size.or(8, 1))?;
    Ok(())
}

fn arrivals(size: &Size, results: &mut Results) -> Result<(), Fault> {
    results.rounds = size.rounds();
    let (rounds, seconds) = (size.rounds(), size.or(8, 1));
    results.latency = latency::measure(&Bench::start()?, rounds, RATE, seconds)?;
    Ok(())
}

fn memory(size: &Size, results: &mut Results) -> Result<(), Fault> {
    let at = size.or([100_000, 1_000_000], [10_000, 100_000]);
    results.memory = measures::memory(&Bench::start()?, at)?;
    Ok(())
}

fn limits(size: &Size, results: &mut Results) -> Result<(), Fault> {
    let turn = Duration::from_millis(size.or(500, 20));
    results.limiter = Some(limiter::measure(size.rounds(), turn)?);
    Ok(())
}

fn shared(size: &Size, results: &mut Results) -> Result<(), Fault> {
    results.redis = Some(redis::measure(size.rounds(), size.or(2_000, 250))?);
    Ok(())
}
