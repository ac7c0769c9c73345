//! Counts over time, stacked: the height is their sum.

use plotters::prelude::*;

use super::axes;
use super::{Frame, PlotError, Series};

/// Draws a bar per moment, the first series at the bottom.
///
/// # Errors
/// The drawing library refused.
pub fn stacked(name: &str, series: &[Series], frame: &Frame<'_>) -> Result<String, PlotError> {
    let moments = series
        .iter()
        .map(|series| series.values.len())
        .max()
        .unwrap_or(0);
    let sum = |moment| {
        series
            .iter()
            .map(|series| count(series, moment))
            .sum::<f64>()
    };
    let range = 0.0..axes::highest((0..moments).map(sum), frame) * 1.1;
    axes::picture(name, |area| {
        let seconds = axes::seconds(series, frame);
        let mut chart = axes::chart(area, seconds, range.clone(), frame)?;
        let mut floor = vec![0.0; moments];
        for series in series {
            let bars = floor.iter_mut().enumerate().filter_map(|(moment, floor)| {
                let bottom = *floor;
                *floor += count(series, moment);
                let left = moment as f64 * frame.moment_seconds;
                // A hair's breadth between bars.
                let right = left + frame.moment_seconds * 0.92;
                let corners = [(left, bottom), (right, *floor)];
                (*floor > bottom).then(|| Rectangle::new(corners, series.colour.filled()))
            });
            chart.draw_series(bars).map_err(PlotError::of)?;
        }
        axes::marks(&mut chart, area, frame, &range)
    })
}

fn count(series: &Series, moment: usize) -> f64 {
    let count = series.values.get(moment).copied().flatten();
    count.filter(|count| count.is_finite()).unwrap_or(0.0)
}
