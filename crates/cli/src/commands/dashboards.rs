//! `plimsoll dashboards`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::Outcome;
use crate::product::{Destination, Product};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Build a Grafana dashboard from SLO files
    Build(Build),
}

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  plimsoll dashboards build slo/specs/card-service.yaml -o dashboards/generated/card-service.json
  plimsoll dashboards build slo/specs/card-service.yaml -o dashboards/generated/card-service.json --check")]
pub(super) struct Build {
    /// SLO files in OpenSLO v1
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    destination: Destination,
}

impl Command {
    pub(super) fn run(self) -> Outcome {
        let Self::Build(build) = self;
        let file = plimsoll_slo::load(&build.files)?;
        let product = Product {
            text: plimsoll_slo::dashboards::build(&file),
            command: "dashboards build",
            sources: &build.files,
        };
        build.destination.deliver(&product)
    }
}
