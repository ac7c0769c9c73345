//! A fault under load: the objectives burn, by route and error code.

use std::time::Duration;

use http::Method;
use plimsoll_slo::{Exposition, SloFile, check};
use tokio::time;

use super::{expect, summary};
use crate::demo::control::Control;
use crate::demo::stage::{LENGTH, Scene, Stage, heading, tell, tell_all};
use crate::report::{Chapter, LoadReport, bad_between};

/// A fifth of the requests fails, and the database has become slow.
const FAULT: &str = r#"{"error_percent":20,"database_slow_ms":60}"#;
/// Into the chapter.
const ON: Duration = Duration::from_secs(3);
const OFF: Duration = Duration::from_secs(11);
/// Between two looks at the burn.
const LOOK: Duration = Duration::from_secs(2);

pub(in crate::demo) async fn fault(stage: &mut Stage) -> Result<Scene, String> {
    heading(&format!(
        "3. Fault: switched on under load after {} s, off after {} s",
        ON.as_secs(),
        OFF.as_secs()
    ));
    let began = stage.elapsed();
    let watcher = Watcher::of(stage);
    let mut report = stage.run(2, watcher.watch()).await?;
    for (at, text) in [(ON, "fault on"), (OFF, "fault off")] {
        stage.mark(began + at, text);
        report.timeline.mark(at, text);
    }
    tell_all(&report.server.table());
    tell("   what burned the budget, by route and error code:");
    for row in report.bad.iter().take(6) {
        tell(&format!("     {row}"));
    }
    tell(&format!("   {}", summary(&report)));
    let outcome = expect(&report, "FAIL").and_then(|()| is_told(&report));
    let chapter = Chapter::new("Fault")
        .prose(&format!(
            "To be found: {FAULT}, under load. It should FAIL."
        ))
        .run(&report);
    Ok(Scene {
        name: "the fault is found and named",
        outcome,
        chapter,
    })
}

/// A failure without a code, or an objective that did not notice, is no proof.
fn is_told(report: &LoadReport) -> Result<(), String> {
    if !report.bad.iter().any(|row| !row.error_code.is_empty()) {
        return Err("no bad request has an error code".to_owned());
    }
    let failed = report
        .server
        .rows
        .iter()
        .filter(|row| row.verdict.as_str() == "FAIL")
        .count();
    if failed < 3 {
        return Err(format!("only {failed} objectives failed"));
    }
    Ok(())
}

/// Switches the fault and looks at the service's counters meanwhile.
struct Watcher {
    control: Control,
    faults: String,
    metrics: String,
    slo: SloFile,
}

impl Watcher {
    fn of(stage: &Stage) -> Self {
        Self {
            control: stage.control.clone(),
            faults: stage.faults(),
            metrics: stage.target.metrics.clone(),
            slo: stage.slo().clone(),
        }
    }

    async fn watch(self) -> Result<(), String> {
        time::sleep(ON).await;
        let before = self.scrape().await?;
        self.control.order(Method::PUT, &self.faults, FAULT).await?;
        tell(&format!("   fault on: {FAULT}"));
        let mut left = OFF.saturating_sub(ON);
        while left > Duration::ZERO {
            let wait = left.min(LOOK);
            time::sleep(wait).await;
            left = left.saturating_sub(wait);
            self.burn(&before).await?;
        }
        self.control.order(Method::DELETE, &self.faults, "").await?;
        tell("   fault off");
        debug_assert!(OFF < LENGTH, "the fault ends within the chapter");
        Ok(())
    }

    /// The fastest burning objective and route since the fault began.
    async fn burn(&self, before: &Exposition) -> Result<(), String> {
        let now = self.scrape().await?;
        let report = check::between(&self.slo, before, &now);
        let burning = report
            .rows
            .iter()
            .filter_map(|row| Some((row.burn_rate?, &row.objective)));
        let Some((rate, objective)) = burning.max_by(|a, b| a.0.total_cmp(&b.0)) else {
            return Ok(());
        };
        let worst = bad_between(before, &now);
        let worst = worst
            .first()
            .map_or_else(String::new, |row| format!("; {row}"));
        tell(&format!(
            "   burning: {objective} at {rate:.0} times its budget{worst}"
        ));
        Ok(())
    }

    async fn scrape(&self) -> Result<Exposition, String> {
        let page = plimsoll_slo::scrape::get(&self.metrics).await;
        page.map_err(|error| error.to_string())
    }
}
