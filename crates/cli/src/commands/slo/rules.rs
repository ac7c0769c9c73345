//! `plimsoll slo rules`.

use std::path::PathBuf;

use clap::Args;

use crate::commands::Outcome;
use crate::product::{Destination, Product};

#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  plimsoll slo rules slo/specs/card-service.yaml
  plimsoll slo rules slo/specs/card-service.yaml -o slo/generated/card-service.rules.yaml
  plimsoll slo rules slo/specs/card-service.yaml -o slo/generated/card-service.rules.yaml --check")]
pub(crate) struct Rules {
    /// SLO files in OpenSLO v1
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    destination: Destination,
}

impl Rules {
    pub(super) fn run(self) -> Outcome {
        let file = plimsoll_slo::load(&self.files)?;
        let product = Product {
            text: plimsoll_slo::rules::generate(&file),
            command: "slo rules",
            sources: &self.files,
        };
        self.destination.deliver(&product)
    }
}
