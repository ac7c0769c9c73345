//! The plots of a time line.

use std::collections::BTreeSet;

use plotters::style::RGBColor;

use super::escape;
use crate::plot::{self, AMBER, BLUE, Frame, GREEN, PlotError, RED, Series};
use crate::report::{Point, Timeline};

/// For burn rates: one for each of a file's first objectives, then again.
const BURNING: [RGBColor; 6] = [
    BLUE,
    AMBER,
    RED,
    GREEN,
    RGBColor(150, 90, 220),
    RGBColor(20, 160, 180),
];

/// Latency, answers, burn rate.
pub(super) fn all(timeline: &Timeline) -> String {
    if timeline.points.is_empty() {
        return "<p>No request was made.</p>\n".to_owned();
    }
    [latency(timeline), answers(timeline), burn(timeline)].concat()
}

fn latency(timeline: &Timeline) -> String {
    type Quantile = fn(&Point) -> Option<f64>;
    let quantiles: [(&str, RGBColor, Quantile); 3] = [
        ("p50", GREEN, |point| point.p50_ms),
        ("p95", AMBER, |point| point.p95_ms),
        ("p99", RED, |point| point.p99_ms),
    ];
    let series = quantiles.map(|(name, colour, of)| Series {
        name: name.to_owned(),
        colour,
        values: timeline.points.iter().map(of).collect(),
    });
    let frame = Frame {
        unit: "ms",
        is_logarithmic: true,
        reach: 10.0,
        ..frame(timeline)
    };
    figure(
        "Latency",
        "from the intended time to the response head",
        &series,
        |name, series| plot::lines(name, series, &frame),
    )
}

fn answers(timeline: &Timeline) -> String {
    let names: BTreeSet<&String> = timeline
        .points
        .iter()
        .flat_map(|point| point.answers.keys())
        .collect();
    let per_second = |count: &u64| *count as f64 / timeline.moment_seconds;
    let series: Vec<Series> = names
        .into_iter()
        .enumerate()
        .map(|(index, name)| Series {
            name: name.clone(),
            colour: shade(name, index),
            values: timeline
                .points
                .iter()
                .map(|point| point.answers.get(name).map(per_second))
                .collect(),
        })
        .collect();
    let frame = Frame {
        unit: "requests/s",
        ..frame(timeline)
    };
    figure(
        "Answers by status",
        "stacked, by the second they were meant to be sent",
        &series,
        |name, series| plot::stacked(name, series, &frame),
    )
}

fn burn(timeline: &Timeline) -> String {
    let colours = BURNING.iter().cycle();
    let series: Vec<Series> = timeline
        .burn
        .iter()
        .zip(colours)
        .map(|(burn, colour)| Series {
            name: burn.objective.clone(),
            colour: *colour,
            values: burn.rates.clone(),
        })
        .collect();
    let frame = Frame {
        unit: "burn rate",
        reach: 2.0,
        level: Some(1.0),
        ..frame(timeline)
    };
    let how = "share of bad requests over the error budget, last five moments; above 1 the budget won't last";
    figure("Burn rate", how, &series, |name, series| {
        plot::lines(name, series, &frame)
    })
}

fn frame(timeline: &Timeline) -> Frame<'_> {
    Frame {
        unit: "",
        is_logarithmic: false,
        reach: 1.0,
        level: None,
        moment_seconds: timeline.moment_seconds,
        marks: &timeline.marks,
    }
}

fn figure(
    name: &str,
    how: &str,
    series: &[Series],
    draw: impl FnOnce(&str, &[Series]) -> Result<String, PlotError>,
) -> String {
    let svg =
        draw(name, series).unwrap_or_else(|error| format!("<p>{}</p>", escape(&error.to_string())));
    let legend: Vec<String> = series.iter().map(legend).collect();
    let legend = legend.concat();
    format!(
        "<figure>\n<figcaption>{name} <small>{how}</small></figcaption>\n<div class=\"legend\">{legend}</div>\n{svg}</figure>\n"
    )
}

fn legend(series: &Series) -> String {
    let (colour, name) = (plot::hex(series.colour), escape(&series.name));
    format!("<span><i style=\"background:{colour}\"></i>{name}</span>")
}

/// Green for 2xx, blue for 3xx, amber for 4xx, red for the rest; neighbours differ.
fn shade(answer: &str, index: usize) -> RGBColor {
    let RGBColor(red, green, blue) = match answer.as_bytes().first() {
        Some(b'2') => GREEN,
        Some(b'3') => BLUE,
        Some(b'4') => AMBER,
        _ => RED,
    };
    let dim = |part: u8| (f64::from(part) * [1.0, 0.78, 0.6][index % 3]) as u8;
    RGBColor(dim(red), dim(green), dim(blue))
}
