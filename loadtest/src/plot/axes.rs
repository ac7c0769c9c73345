//! What all plots share: ranges, grid, labels, marks.

use std::ops::Range;

use plotters::coord::ranged1d::{AsRangedCoord, Ranged, ValueFormatter};
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::{Frame, GRID, INK, PlotError, SIZE, Series, themed};

/// Smallest number a logarithmic axis shows.
pub(super) const FLOOR: f64 = 0.1;

/// A mark's text has no room beyond this.
const EDGE: i32 = SIZE.0.cast_signed() - 130;

pub(super) type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
pub(super) type Chart<'a, 'b, Y> = ChartContext<'a, SVGBackend<'b>, Cartesian2d<RangedCoordf64, Y>>;

/// Draws into a fresh picture.
pub(super) fn picture(
    name: &str,
    draw: impl FnOnce(&Area<'_>) -> Result<(), PlotError>,
) -> Result<String, PlotError> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, SIZE).into_drawing_area();
        draw(&area)?;
        area.present().map_err(PlotError::of)?;
    }
    Ok(themed(&svg, name))
}

/// Lays out the chart over `y` and draws its grid and labels.
pub(super) fn chart<'a, 'b, Y>(
    area: &'a Area<'b>,
    seconds: f64,
    y: Y,
    frame: &Frame<'_>,
) -> Result<Chart<'a, 'b, Y::CoordDescType>, PlotError>
where
    Y: AsRangedCoord<Value = f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let mut chart = ChartBuilder::on(area)
        .margin_right(16)
        .margin_top(24)
        .x_label_area_size(34)
        .y_label_area_size(64)
        .build_cartesian_2d(0.0..seconds, y)
        .map_err(PlotError::of)?;
    let text = ("sans-serif", 13).into_font().color(&INK);
    chart
        .configure_mesh()
        .disable_x_mesh()
        .light_line_style(TRANSPARENT)
        .bold_line_style(GRID)
        .axis_style(GRID)
        .label_style(text)
        .x_desc("seconds")
        .y_desc(frame.unit)
        .x_labels(12)
        .y_labels(6)
        .x_label_formatter(&|seconds| format!("{seconds:.0}"))
        .y_label_formatter(&|value| short(*value))
        .draw()
        .map_err(PlotError::of)?;
    Ok(chart)
}

/// A dashed upright line and its text for each mark.
pub(super) fn marks<Y>(
    chart: &mut Chart<'_, '_, Y>,
    area: &Area<'_>,
    frame: &Frame<'_>,
    y: &Range<f64>,
) -> Result<(), PlotError>
where
    Y: Ranged<ValueType = f64>,
{
    for mark in frame.marks {
        let upright = [(mark.at_seconds, y.start), (mark.at_seconds, y.end)];
        let line = DashedLineSeries::new(upright, 4, 4, INK.stroke_width(1));
        chart.draw_series(line).map_err(PlotError::of)?;
        let (x, _) = chart.backend_coord(&(mark.at_seconds, y.end));
        // Near the right edge the text stands before its line.
        let (side, x) = match x + 3 {
            x if x > EDGE => (HPos::Right, x - 6),
            x => (HPos::Left, x),
        };
        let style = ("sans-serif", 12).into_font().color(&INK);
        let style = style.pos(Pos::new(side, VPos::Top));
        let text = mark.text.as_str();
        area.draw(&Text::new(text, (x, 8), style))
            .map_err(PlotError::of)?;
    }
    Ok(())
}

/// Length of the horizontal axis.
pub(super) fn seconds(series: &[Series], frame: &Frame<'_>) -> f64 {
    let moments = series.iter().map(|series| series.values.len()).max();
    (moments.unwrap_or(0).max(1) as f64) * frame.moment_seconds
}

/// Highest finite number, at least the frame's reach.
pub(super) fn highest(values: impl Iterator<Item = f64>, frame: &Frame<'_>) -> f64 {
    values
        .filter(|value| value.is_finite())
        .fold(frame.reach, f64::max)
}

/// `1500` as `1.5k`: what a label has room for.
fn short(value: f64) -> String {
    match value {
        value if value >= 10_000.0 => format!("{:.0}k", value / 1_000.0),
        value if value >= 10.0 || value.fract() == 0.0 => format!("{value:.0}"),
        value => format!("{value:.1}"),
    }
}
