//! Plots as SVG, to stand inside an HTML page: ink and grid take the page's
//! colours, so that one picture serves light and dark.

mod axes;
mod lines;
mod stacked;

use plotters::style::RGBColor;

pub use lines::lines;
pub use stacked::stacked;

use crate::report::Mark;

/// Width and height in the picture's own units.
pub const SIZE: (u32, u32) = (960, 280);

/// Colours that stand out on white and on black.
pub const GREEN: RGBColor = RGBColor(34, 160, 90);
/// For the ordinary.
pub const BLUE: RGBColor = RGBColor(59, 130, 246);
/// For what deserves a look.
pub const AMBER: RGBColor = RGBColor(230, 150, 20);
/// For what is bad.
pub const RED: RGBColor = RGBColor(225, 60, 60);

/// Stand-ins that [`themed`] replaces by the page's colours.
const INK: RGBColor = RGBColor(1, 2, 3);
const GRID: RGBColor = RGBColor(4, 5, 6);

/// One named row of numbers, a number per moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// For the legend.
    pub name: String,
    /// Its colour.
    pub colour: RGBColor,
    /// `None` where nothing is known: the line has a gap there.
    pub values: Vec<Option<f64>>,
}

/// What a plot shows beside its series.
#[derive(Debug, Clone, Copy)]
pub struct Frame<'a> {
    /// What stands at the vertical axis, with the unit.
    pub unit: &'a str,
    /// Whether each step of the vertical axis is ten times the one before.
    pub is_logarithmic: bool,
    /// The vertical axis reaches this at least.
    pub reach: f64,
    /// A level to be seen, such as a limit.
    pub level: Option<f64>,
    /// Seconds per moment.
    pub moment_seconds: f64,
    /// What happened when.
    pub marks: &'a [Mark],
}

/// The drawing library refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the plot could not be drawn: {0}")]
pub struct PlotError(String);

impl PlotError {
    #[expect(clippy::needless_pass_by_value, reason = "for map_err")]
    fn of(error: impl ToString) -> Self {
        Self(error.to_string())
    }
}

/// Colours as they are written in a page.
pub fn hex(colour: RGBColor) -> String {
    format!("#{:02X}{:02X}{:02X}", colour.0, colour.1, colour.2)
}

/// Fits the picture into a page: scales with it, takes its colours, tells its name.
fn themed(svg: &str, name: &str) -> String {
    let (width, height) = SIZE;
    let fixed = format!("<svg width=\"{width}\" height=\"{height}\"");
    let scaled = format!("<svg role=\"img\" aria-label=\"{name}\"");
    svg.replacen(&fixed, &scaled, 1)
        .replace(&hex(INK), "var(--ink)")
        .replace(&hex(GRID), "var(--grid)")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(marks: &[Mark]) -> Frame<'_> {
        Frame {
            unit: "ms",
            is_logarithmic: true,
            reach: 10.0,
            level: Some(1.0),
            moment_seconds: 1.0,
            marks,
        }
    }

    fn series(values: &[Option<f64>]) -> Series {
        Series {
            name: "p99".to_owned(),
            colour: BLUE,
            values: values.to_vec(),
        }
    }

    #[test]
    fn a_gap_in_the_numbers_is_a_gap_in_the_line() {
        let values = [Some(1.0), Some(2.0), None, Some(30.0), Some(4.0)];
        let svg = lines("latency", &[series(&values)], &frame(&[])).expect("a plot");
        let strokes = svg.matches("<polyline").count() - lines_without_series();
        assert_eq!(strokes, 2);
    }

    fn lines_without_series() -> usize {
        let svg = lines("latency", &[series(&[None; 5])], &frame(&[])).expect("a plot");
        svg.matches("<polyline").count()
    }

    #[test]
    fn nothing_at_all_can_be_drawn() {
        for values in [&[][..], &[None], &[Some(0.0)], &[Some(f64::NAN)]] {
            lines("latency", &[series(values)], &frame(&[])).expect("a plot");
            stacked("answers", &[series(values)], &frame(&[])).expect("a plot");
        }
        lines("latency", &[], &frame(&[])).expect("a plot");
    }

    #[test]
    fn marks_and_theme_stand_in_the_picture() {
        let marks = [Mark {
            at_seconds: 2.0,
            text: "fault <on>".to_owned(),
        }];
        let svg = lines("latency", &[series(&[Some(1.0); 5])], &frame(&marks)).expect("a plot");
        assert!(svg.contains("fault &lt;on&gt;"), "{svg}");
        assert!(svg.contains("var(--ink)") && !svg.contains("#010203"));
        assert!(svg.starts_with("<svg role=\"img\" aria-label=\"latency\""));
    }
}
