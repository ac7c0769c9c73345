//! Numbers over time, a line each.

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::prelude::*;

use super::axes::{self, Area, FLOOR};
use super::{Frame, INK, PlotError, Series};

/// Draws the lines.
///
/// # Errors
/// The drawing library refused.
pub fn lines(name: &str, series: &[Series], frame: &Frame<'_>) -> Result<String, PlotError> {
    let values = series
        .iter()
        .flat_map(|series| series.values.iter().flatten());
    let top = axes::highest(values.copied(), frame) * 1.15;
    axes::picture(name, |area| {
        if frame.is_logarithmic {
            let range = FLOOR..top.max(FLOOR * 10.0);
            draw(area, series, frame, &range, range.clone().log_scale())
        } else {
            let range = 0.0..top;
            draw(area, series, frame, &range, range.clone())
        }
    })
}

fn draw<Y>(
    area: &Area<'_>,
    series: &[Series],
    frame: &Frame<'_>,
    range: &std::ops::Range<f64>,
    y: Y,
) -> Result<(), PlotError>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64> + Ranged<ValueType = f64>,
{
    let seconds = axes::seconds(series, frame);
    let mut chart = axes::chart(area, seconds, y, frame)?;
    if let Some(level) = frame.level {
        let level = [(0.0, level), (seconds, level)];
        chart
            .draw_series(LineSeries::new(level, INK.stroke_width(1)))
            .map_err(PlotError::of)?;
    }
    for series in series {
        for stretch in stretches(series, frame.moment_seconds, range.start) {
            let line = LineSeries::new(stretch, series.colour.stroke_width(2));
            chart.draw_series(line).map_err(PlotError::of)?;
        }
    }
    axes::marks(&mut chart, area, frame, range)
}

/// The line in pieces, split where nothing is known. A number stands in the
/// middle of its moment.
fn stretches(series: &Series, moment_seconds: f64, floor: f64) -> Vec<Vec<(f64, f64)>> {
    let points = series.values.iter().enumerate().map(|(index, value)| {
        let at = (index as f64 + 0.5) * moment_seconds;
        let value = value.filter(|value| value.is_finite())?;
        Some((at, value.max(floor)))
    });
    let points: Vec<Option<(f64, f64)>> = points.collect();
    let pieces = points
        .split(Option::is_none)
        .filter(|piece| !piece.is_empty());
    pieces
        .map(|piece| piece.iter().flatten().copied().collect())
        .collect()
}
