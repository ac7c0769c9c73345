//! Panels in rows on Grafana's grid.

use serde_json::{Value, json};

use super::panel::{HEIGHT, Panel, WIDTH};

const COLUMNS: u32 = 24;
const PER_LINE: usize = (COLUMNS / WIDTH) as usize;

pub(super) struct Row {
    pub(super) title: &'static str,
    pub(super) panels: Vec<Panel>,
}

/// Places the panels of each row from left to right, wrapping at 24 columns.
/// Identifiers count up from 1.
pub(super) fn place(rows: &[Row]) -> Vec<Value> {
    let mut placed: Vec<Value> = Vec::new();
    let mut y = 0;
    for row in rows {
        placed.push(json!({
            "collapsed": false,
            "gridPos": { "h": 1, "w": COLUMNS, "x": 0, "y": y },
            "id": placed.len() + 1,
            "panels": [],
            "title": row.title,
            "type": "row",
        }));
        y += 1;
        for line in row.panels.chunks(PER_LINE) {
            for (panel, x) in line.iter().zip((0..).step_by(WIDTH as usize)) {
                placed.push(panel.json(placed.len() + 1, x, y));
            }
            y += HEIGHT;
        }
    }
    placed
}
