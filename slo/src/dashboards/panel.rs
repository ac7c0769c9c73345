//! One panel as Grafana wants it.

use serde_json::{Value, json};

use super::variables;

/// Of Grafana's 24 columns.
pub(super) const WIDTH: u32 = 12;
/// In Grafana's rows.
pub(super) const HEIGHT: u32 = 8;

/// How a panel draws.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    TimeSeries,
    BarGauge,
}

pub(super) struct Panel {
    pub(super) kind: Kind,
    pub(super) title: &'static str,
    pub(super) description: &'static str,
    /// Grafana's identifier of the unit.
    pub(super) unit: &'static str,
    /// Query and legend.
    pub(super) queries: Vec<(String, &'static str)>,
    /// Values from which on a colour holds; the first colour holds below all.
    pub(super) colours: Colours,
}

/// The colour below every step, and the steps.
pub(super) struct Colours {
    pub(super) base: &'static str,
    pub(super) steps: Vec<(String, &'static str)>,
}

impl Colours {
    pub(super) fn none() -> Self {
        Self {
            base: "green",
            steps: Vec::new(),
        }
    }

    fn json(&self) -> Value {
        let mut steps = vec![json!({ "color": self.base, "value": null })];
        steps.extend(
            self.steps.iter().map(
                |(value, colour)| json!({ "color": colour, "value": value.parse::<f64>().ok() }),
            ),
        );
        json!({ "mode": "absolute", "steps": steps })
    }
}

impl Panel {
    pub(super) fn json(&self, id: usize, x: u32, y: u32) -> Value {
        let (kind, options) = self.options();
        json!({
            "datasource": variables::datasource(),
            "description": self.description,
            "fieldConfig": {
                "defaults": {
                    "custom": self.custom(),
                    "thresholds": self.colours.json(),
                    "unit": self.unit,
                },
                "overrides": [],
            },
            "gridPos": { "h": HEIGHT, "w": WIDTH, "x": x, "y": y },
            "id": id,
            "options": options,
            "targets": self.targets(),
            "title": self.title,
            "type": kind,
        })
    }

    fn targets(&self) -> Vec<Value> {
        ('A'..='Z')
            .zip(&self.queries)
            .map(|(id, (expr, legend))| {
                json!({
                    "datasource": variables::datasource(),
                    "expr": expr,
                    "instant": self.kind != Kind::TimeSeries,
                    "legendFormat": legend,
                    "range": self.kind == Kind::TimeSeries,
                    "refId": id.to_string(),
                })
            })
            .collect()
    }

    fn options(&self) -> (&'static str, Value) {
        let last = json!({ "calcs": ["lastNotNull"], "fields": "", "values": false });
        match self.kind {
            Kind::TimeSeries => (
                "timeseries",
                json!({
                    "legend": { "calcs": ["lastNotNull", "max"], "displayMode": "table", "placement": "bottom", "showLegend": true },
                    "tooltip": { "mode": "multi", "sort": "desc" },
                }),
            ),
            Kind::BarGauge => (
                "bargauge",
                json!({ "displayMode": "basic", "orientation": "horizontal", "reduceOptions": last, "showUnfilled": true }),
            ),
        }
    }

    /// Thresholds of a time series are drawn as lines.
    fn custom(&self) -> Value {
        if self.kind != Kind::TimeSeries {
            return json!({});
        }
        let lines = if self.colours.steps.is_empty() {
            "off"
        } else {
            "dashed"
        };
        json!({
            "fillOpacity": 8,
            "lineWidth": 1,
            "showPoints": "never",
            "thresholdsStyle": { "mode": lines },
        })
    }
}
