//! Every objective against two scrapes of the service's own metrics.

use rust_decimal::prelude::ToPrimitive;
use serde::Serialize;

use crate::evaluate::{Interval, NoEvidence};
use crate::exposition::Exposition;
use crate::judge::{Evidence, Verdict, judge};
use crate::model::{Objective, SloFile};

mod table;

/// Version of the JSON form of [`Report`]; grows by one when a field changes
/// its meaning or goes away.
pub const SCHEMA: u32 = 1;

/// One objective and what was found.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Row {
    /// Name of the objective.
    pub objective: String,
    /// Its service.
    pub service: String,
    /// Its class of requests.
    pub class: Option<String>,
    /// Target share, exact.
    #[serde(serialize_with = "as_text")]
    pub target: rust_decimal::Decimal,
    /// Good events, unless nothing is known.
    pub good: Option<f64>,
    /// Valid events, unless nothing is known.
    pub total: Option<f64>,
    /// good / total, unless nothing was counted.
    pub ratio: Option<f64>,
    /// Bad share over the error budget: 1 spends exactly the budget.
    pub burn_rate: Option<f64>,
    /// The verdict; `needed` and `why` stand beside it.
    #[serde(flatten)]
    pub verdict: Verdict,
}

/// Every objective, and the worst verdict among them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// [`SCHEMA`].
    pub schema: u32,
    /// In the order of the file.
    pub rows: Vec<Row>,
    /// The worst of the rows.
    #[serde(flatten)]
    pub verdict: Verdict,
}

impl Report {
    /// A report over these rows.
    pub fn new(rows: Vec<Row>) -> Self {
        let verdict = rows
            .iter()
            .map(|row| row.verdict.clone())
            .reduce(Verdict::worse)
            .unwrap_or_else(|| Verdict::Invalid {
                why: "no objective was judged".to_owned(),
            });
        Self {
            schema: SCHEMA,
            rows,
            verdict,
        }
    }

    /// 0 PASS, 1 FAIL, 3 INCONCLUSIVE, 4 INVALID.
    pub const fn exit_code(&self) -> u8 {
        self.verdict.exit_code()
    }

    /// For a terminal: a line per objective, the reasons, the verdict.
    pub fn table(&self) -> String {
        table::render(self)
    }
}

impl Row {
    /// Judges an objective on counted events.
    pub fn judged(objective: &Objective, evidence: &Evidence) -> Self {
        let ratio = evidence.good / evidence.total;
        let ratio = ratio.is_finite().then_some(ratio);
        let budget = objective.budget().to_f64();
        Self {
            good: Some(evidence.good),
            total: Some(evidence.total),
            ratio,
            burn_rate: ratio
                .zip(budget)
                .map(|(ratio, budget)| (1.0 - ratio) / budget),
            ..Self::of(objective, judge(objective, evidence))
        }
    }

    /// An objective about which nothing is known.
    pub fn unknown(objective: &Objective, why: &NoEvidence) -> Self {
        let why = why.to_string();
        Self::of(objective, Verdict::Invalid { why })
    }

    fn of(objective: &Objective, verdict: Verdict) -> Self {
        Self {
            objective: objective.name.clone(),
            service: objective.service.clone(),
            class: objective.class.clone(),
            target: objective.target,
            good: None,
            total: None,
            ratio: None,
            burn_rate: None,
            verdict,
        }
    }
}

/// Judges every objective on what happened between two scrapes.
///
/// ```
/// use plimsoll_slo::{EXAMPLE, Exposition, Source, check, read};
/// let file = read(&[Source { name: "slo.yaml".into(), text: EXAMPLE.into() }]).unwrap();
/// let scrape = |good, bad| Exposition::parse(&format!(
///     "requests_total{{slo=\"good\"}} {good}\nrequests_total{{slo=\"bad\"}} {bad}\n"
/// )).unwrap();
/// let report = check::between(&file, &scrape(0, 0), &scrape(4_000, 1));
/// assert_eq!(report.exit_code(), 0);
/// let report = check::between(&file, &scrape(0, 0), &scrape(4_000, 400));
/// assert_eq!(report.exit_code(), 1);
/// ```
pub fn between(file: &SloFile, before: &Exposition, after: &Exposition) -> Report {
    let interval = Interval::between(before, after);
    let row = |objective: &Objective| {
        let evidence = interval
            .as_ref()
            .map_err(Clone::clone)
            .and_then(|interval| interval.evidence(&objective.sli));
        match evidence {
            Ok(evidence) => Row::judged(objective, &evidence),
            Err(why) => Row::unknown(objective, &why),
        }
    };
    Report::new(file.objectives.iter().map(row).collect())
}

/// The report when the second scrape failed: nothing is known about any objective.
pub fn lost(file: &SloFile, why: &impl ToString) -> Report {
    let why = NoEvidence::Lost(why.to_string());
    let row = |objective| Row::unknown(objective, &why);
    Report::new(file.objectives.iter().map(row).collect())
}

fn as_text<S: serde::Serializer>(
    decimal: &rust_decimal::Decimal,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    serializer.collect_str(decimal)
}
