//! Nothing happens, and the objectives hold.

use super::{expect, summary};
use crate::demo::stage::{LENGTH, Scene, Stage, heading, tell, tell_all};
use crate::report::Chapter;

pub(in crate::demo) async fn steady(stage: &mut Stage) -> Result<Scene, String> {
    heading(&format!(
        "2. Steady: {} s of load, and every objective holds",
        LENGTH.as_secs()
    ));
    let report = stage.run(1, async { Ok(()) }).await?;
    tell_all(&report.server.table());
    tell(&format!("   {}", summary(&report)));
    let chapter = Chapter::new("Steady load").run(&report);
    Ok(Scene {
        name: "steady load passes",
        outcome: expect(&report, "PASS"),
        chapter,
    })
}
