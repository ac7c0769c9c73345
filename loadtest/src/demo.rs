//! The story of one service under load: it holds, breaks, recovers and leaves.
//!
//! Chapters: a start on free ports with a database of its own; steady load, PASS; a
//! fault switched on and off under load, FAIL by route and error code; recovery,
//! PASS; SIGTERM under load, nothing lost and the ledger balanced. A chapter that
//! comes out otherwise is told by name, and the exit code is 1.

mod control;
mod ledger;
mod scenes;
mod service;
mod stage;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};
use tokio::time::{self, Instant};

use crate::report::{Chapter, page};
use stage::{Scene, Stage, tell};

/// The whole story takes no longer; usually it takes two thirds of it.
const LIMIT: Duration = Duration::from_secs(90);

/// Watch a service under load: its objectives hold, break and recover, and it leaves without losing a request.
#[derive(Debug, Parser)]
#[command(
    after_help = "Exit codes: 0 every chapter came out as it should, 1 one did not, 2 it could not start, 130 interrupted."
)]
struct Options {
    /// The binary of the card service [default: card-service beside this one]
    #[arg(long, value_name = "FILE")]
    service: Option<PathBuf>,
    /// Where the report goes [default: demo/report.html beside this binary's folder]
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

/// The binary `card-demo`.
pub fn main() -> ExitCode {
    let options = Options::parse();
    match play(&options) {
        Ok(code) => ExitCode::from(code),
        Err(why) => {
            tell(&format!("error: {why}"));
            ExitCode::from(2)
        }
    }
}

fn play(options: &Options) -> Result<u8, String> {
    let here = std::env::current_exe()
        .map_err(|error| format!("where this program lies is not known: {error}"))?;
    let binary = options
        .service
        .clone()
        .unwrap_or_else(|| here.with_file_name("card-service"));
    let report = options.report.clone().unwrap_or_else(|| {
        let target = here
            .parent()
            .and_then(Path::parent)
            .unwrap_or(Path::new("."));
        target.join("demo").join("report.html")
    });
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = runtime
        .enable_all()
        .build()
        .map_err(|error| format!("no runtime: {error}"))?;
    runtime.block_on(async {
        let began = Instant::now();
        // Whatever ends first, dropping the story ends the service with it.
        tokio::select! {
            biased;
            () = interrupted() => {
                tell("\ninterrupted; the service was ended");
                Ok(130)
            }
            told = time::timeout(LIMIT, story(&binary, &report)) => {
                let took = began.elapsed().as_secs_f64();
                told.map_or_else(
                    |_| {
                        tell(&format!("\nthe story did not end within {} s; is the machine busy?", LIMIT.as_secs()));
                        Ok(1)
                    },
                    |scenes| Ok(conclude(&scenes?, &report, took)),
                )
            }
        }
    })
}

async fn story(binary: &Path, report: &Path) -> Result<Vec<Scene>, String> {
    let (mut stage, mut service, start) = Stage::open(binary).await?;
    let mut scenes = vec![start];
    scenes.push(scenes::steady(&mut stage).await?);
    scenes.push(scenes::fault(&mut stage).await?);
    scenes.push(scenes::recovery(&mut stage).await?);
    scenes.push(scenes::shutdown(&mut stage, &mut service).await?);
    write(report, &stage, &scenes)?;
    Ok(scenes)
}

fn write(report: &Path, stage: &Stage, scenes: &[Scene]) -> Result<(), String> {
    let fault = |error: &dyn std::fmt::Display| {
        format!(
            "{} cannot be written: {error}; name another with --report",
            report.display()
        )
    };
    let overview = Chapter::new("The whole story")
        .prose("One service under steady load, from its start to its end.")
        .timeline(&stage.timeline()?);
    let chapters: Vec<Chapter> = std::iter::once(overview)
        .chain(scenes.iter().map(|scene| scene.chapter.clone()))
        .collect();
    if let Some(folder) = report.parent() {
        fs::create_dir_all(folder).map_err(|error| fault(&error))?;
    }
    fs::write(
        report,
        page("Plimsoll demo: a card service under load", &chapters),
    )
    .map_err(|error| fault(&error))
}

fn conclude(scenes: &[Scene], report: &Path, took: f64) -> u8 {
    tell("");
    for scene in scenes {
        match &scene.outcome {
            Ok(()) => tell(&format!("  as it should  {}", scene.name)),
            Err(why) => tell(&format!("  NOT SO        {}: {why}", scene.name)),
        }
    }
    tell(&format!(
        "\n{took:.0} s; plots and tables in {}",
        report.display()
    ));
    u8::from(scenes.iter().any(|scene| scene.outcome.is_err()))
}

/// Ctrl-C or SIGTERM.
async fn interrupted() {
    let Ok(mut terminated) = signal(SignalKind::terminate()) else {
        return std::future::pending().await;
    };
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => if pressed.is_err() { std::future::pending().await },
        _ = terminated.recv() => {}
    }
}
