//! What only a process of its own can tell: instructions and memory.

use std::io::Write as _;
use std::process::{Command, Stdio};

use clap::{Args, ValueEnum};
use plimsoll_bench_ours::{Fault, valgrind};

use super::keys::text;
use super::who::{Decides, Given, Ours, governor};
use super::{OUR_QUOTA, peer_quota};

/// A limiter by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Who {
    /// Ours.
    Ours,
    /// governor.
    Governor,
}

impl Who {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ours => "ours",
            Self::Governor => "governor",
        }
    }
}

/// Decides on every key once, then so many times on those of 28 bytes in turn, counted
/// by callgrind; prints how many KiB were resident before and after the keys.
#[derive(Debug, Args)]
pub struct ChildArgs {
    /// Which limiter
    who: Who,
    /// How many keys
    keys: usize,
    /// How many decisions are counted
    decisions: usize,
}

/// The child.
///
/// # Errors
///
/// When nothing can be read or written.
pub fn run(args: &ChildArgs) -> Result<(), Fault> {
    let given = Given::default();
    let report = match args.who {
        Who::Ours => {
            let before = resident()?;
            let ours = Ours::new(args.keys, OUR_QUOTA, Some(given))?;
            exercise(&ours, args, before)?
        }
        Who::Governor => {
            let before = resident()?;
            exercise(&governor(peer_quota(), given), args, before)?
        }
    };
    Ok(writeln!(std::io::stdout(), "{report}")?)
}

fn exercise(who: &impl Decides, args: &ChildArgs, before: u64) -> Result<String, Fault> {
    for number in 0..args.keys {
        who.decide(&text(number));
    }
    let after = resident()?;
    // All of 28 bytes; they differ in where they stand.
    let keys = (0..args.keys).map(text).filter(|key| key.len() == 28);
    let keys: Vec<_> = keys.collect();
    for key in &keys {
        who.decide(key);
    }
    valgrind::start();
    for key in keys.iter().cycle().take(args.decisions) {
        std::hint::black_box(who.decide(std::hint::black_box(key)));
    }
    valgrind::stop();
    Ok(format!("{before} {after}"))
}

/// KiB of this process in memory that are not of its program's file.
fn resident() -> Result<u64, Fault> {
    let text = std::fs::read_to_string("/proc/self/status")?;
    let line = text.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let number = line.and_then(|line| line.split_whitespace().next());
    Ok(number.ok_or("no RssAnon in /proc/self/status")?.parse()?)
}

/// Bytes a key of a million keys, by what is resident.
///
/// # Errors
///
/// When the child fails.
pub fn bytes_per_key(who: Who) -> Result<f64, Fault> {
    const KEYS: usize = 1_000_000;
    let program = std::env::current_exe()?;
    let said = said(Command::new(program).args(arguments(who, KEYS, 0)))?;
    let kib: Result<Vec<f64>, _> = said.split_whitespace().map(str::parse).collect();
    match kib?[..] {
        [before, after] => Ok((after - before) * 1_024.0 / KEYS as f64),
        _ => Err(format!("the child said {said:?}").into()),
    }
}

/// Instructions of a decision on a resident key.
///
/// # Errors
///
/// When Valgrind is not there or the child fails.
pub fn instructions(who: Who) -> Result<f64, Fault> {
    const DECISIONS: usize = 10_000;
    // Each child places its keys anew: a difference of two runs with decisions in both
    // would be told by where the keys stood.
    Ok((counted(who, DECISIONS)? - counted(who, 0)?) / DECISIONS as f64)
}

fn counted(who: Who, decisions: usize) -> Result<f64, Fault> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("out");
    let mut valgrind = Command::new("valgrind");
    valgrind
        .args(["--tool=callgrind", "--instr-atstart=no", "--quiet"])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe()?)
        .args(arguments(who, 10_000, decisions));
    said(&mut valgrind)?;
    let text = std::fs::read_to_string(out)?;
    let totals = text.lines().find_map(|line| line.strip_prefix("totals: "));
    Ok(totals.ok_or("callgrind counted nothing")?.trim().parse()?)
}

fn arguments(who: Who, keys: usize, decisions: usize) -> [String; 4] {
    [
        "limiter-child".into(),
        who.name().into(),
        keys.to_string(),
        decisions.to_string(),
    ]
}

fn said(command: &mut Command) -> Result<String, Fault> {
    let output = command.stdin(Stdio::null()).output()?;
    if !output.status.success() {
        let told = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{command:?} failed: {told}").into());
    }
    Ok(String::from_utf8(output.stdout)?)
}
