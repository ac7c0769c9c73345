//! The fault is gone, and the objectives hold again.

use super::{expect, summary};
use crate::demo::stage::{LENGTH, Scene, Stage, heading, tell, tell_all};
use crate::report::Chapter;

pub(in crate::demo) async fn recovery(stage: &mut Stage) -> Result<Scene, String> {
    heading(&format!(
        "4. Recovery: {} s of the same load, and every objective holds again",
        LENGTH.as_secs()
    ));
    let report = stage.run(3, async { Ok(()) }).await?;
    tell_all(&report.server.table());
    tell(&format!("   {}", summary(&report)));
    let chapter = Chapter::new("Recovery").run(&report);
    Ok(Scene {
        name: "it recovers",
        outcome: expect(&report, "PASS"),
        chapter,
    })
}
