// SPDX-License-Identifier: MIT OR Apache-2.0
//! Plots as SVG: lines through points, one for each contender.

use std::fmt::Write as _;

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 420.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 190.0;
const TOP: f64 = 40.0;
const BOTTOM: f64 = 55.0;
/// Told apart by those who see no red or green (Okabe and Ito).
const COLOURS: [&str; 7] = ["#0072b2", "#56b4e9", "#009e73", "#d55e00", "#999999", "#cc79a7", "#000000"];

/// How a value becomes a place.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Scale {
    /// From nothing to the highest value.
    Linear,
    /// By powers of ten.
    Logarithmic,
}

/// An axis.
#[derive(Copy, Clone, Debug)]
pub struct Axis<'a> {
    /// What it shows, with its unit.
    pub title: &'a str,
    /// How.
    pub scale: Scale,
}

/// A line.
#[derive(Clone, Debug)]
pub struct Line {
    /// In the legend; lines of the same name have the same colour in all plots.
    pub name: String,
    /// Which of the colours.
    pub colour: usize,
    /// From left to right.
    pub points: Vec<(f64, f64)>,
}

/// The plot.
pub fn svg(title: &str, x: Axis<'_>, y: Axis<'_>, lines: &[Line]) -> String {
    let across = Range::of(x.scale, lines.iter().flat_map(|line| &line.points).map(|point| point.0));
    let up = Range::of(y.scale, lines.iter().flat_map(|line| &line.points).map(|point| point.1));
    let at_x = |value| LEFT + across.share(value) * (WIDTH - LEFT - RIGHT);
    let at_y = |value| HEIGHT - BOTTOM - up.share(value) * (HEIGHT - TOP - BOTTOM);
    let (right, bottom) = (WIDTH - RIGHT, HEIGHT - BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n\
         <text x=\"{LEFT}\" y=\"22\" font-size=\"15\">{}</text>\n",
        escaped(title)
    );
    for tick in across.ticks() {
        let x = at_x(tick);
        let _ = writeln!(
            text,
            "<path d=\"M{x:.1} {TOP}V{bottom}\" stroke=\"#ddd\"/><text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            label(tick)
        );
    }
    for tick in up.ticks() {
        let y = at_y(tick);
        let _ = writeln!(
            text,
            "<path d=\"M{LEFT} {y:.1}H{right}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            label(tick)
        );
    }
    let _ = writeln!(
        text,
        "<path d=\"M{LEFT} {TOP}V{bottom}H{right}\" fill=\"none\" stroke=\"#333\"/>\n\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\n\
         <text transform=\"translate(16 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        (LEFT + right) / 2.0,
        HEIGHT - 14.0,
        escaped(x.title),
        (TOP + bottom) / 2.0,
        escaped(y.title)
    );
    for (place, line) in lines.iter().enumerate() {
        let colour = COLOURS[line.colour % COLOURS.len()];
        let points: Vec<String> =
            line.points.iter().map(|(x, y)| format!("{:.1},{:.1}", at_x(*x), at_y(*y))).collect();
        let y = TOP + 10.0 + 20.0 * place as f64;
        let _ = writeln!(
            text,
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.8\"/>\n\
             <path d=\"M{:.1} {y}h18\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            points.join(" "),
            right + 12.0,
            right + 36.0,
            y + 4.0,
            escaped(&line.name)
        );
    }
    text += "</svg>\n";
    text
}

struct Range {
    scale: Scale,
    low: f64,
    high: f64,
}

impl Range {
    fn of(scale: Scale, values: impl Iterator<Item = f64> + Clone) -> Range {
        let high = values.clone().fold(0.0, f64::max);
        match scale {
            Scale::Linear => {
                let step = step(high);
                Range { scale, low: 0.0, high: (high / step).ceil().max(1.0) * step }
            }
            Scale::Logarithmic => {
                let low = values.filter(|value| *value > 0.0).fold(high, f64::min).max(f64::MIN_POSITIVE);
                let low = low.log10().floor();
                Range { scale, low, high: high.max(f64::MIN_POSITIVE).log10().ceil().max(low + 1.0) }
            }
        }
    }

    /// From 0 to 1.
    fn share(&self, value: f64) -> f64 {
        let value =
            if self.scale == Scale::Logarithmic { value.max(f64::MIN_POSITIVE).log10() } else { value };
        ((value - self.low) / (self.high - self.low)).clamp(0.0, 1.0)
    }

    fn ticks(&self) -> Vec<f64> {
        match self.scale {
            Scale::Linear => {
                let step = step(self.high);
                (0..=(self.high / step).round() as u32).map(|tick| f64::from(tick) * step).collect()
            }
            Scale::Logarithmic => {
                (self.low as i32..=self.high as i32).map(|power| 10f64.powi(power)).collect()
            }
        }
    }
}

/// 1, 2 or 5 times a power of ten, so that there are some four to ten of them.
fn step(high: f64) -> f64 {
    let power = 10f64.powf((high.max(1e-9) / 4.0).log10().floor());
    [5.0, 2.0, 1.0].into_iter().map(|digit| digit * power).find(|step| high / step >= 4.0).unwrap_or(power)
}

fn label(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_reaches_from_corner_to_corner() {
        let line = Line { name: "a<b".into(), colour: 1, points: vec![(0.0, 0.0), (1.0, 100.0)] };
        let (x, y) = (Axis { title: "x", scale: Scale::Linear }, Axis { title: "y", scale: Scale::Linear });
        let text = svg("t & u", x, y, &[line]);
        assert!(text.contains("<polyline points=\"70.0,365.0 570.0,40.0\""), "{text}");
        assert!(text.contains("t &amp; u") && text.contains("a&lt;b") && text.contains("#56b4e9"), "{text}");
    }

    #[test]
    fn ticks_are_round() {
        let linear = |high| Range::of(Scale::Linear, [high].into_iter());
        assert_eq!(
            linear(0.93).ticks().iter().map(|tick| label(*tick)).collect::<Vec<_>>(),
            ["0", "0.2", "0.4", "0.6", "0.8", "1"]
        );
        assert_eq!(linear(100.0).high, 100.0);
        let logarithmic = Range::of(Scale::Logarithmic, [3.0, 900.0].into_iter());
        assert_eq!(logarithmic.ticks(), [1.0, 10.0, 100.0, 1000.0]);
        assert!((logarithmic.share(10.0) - 1.0 / 3.0).abs() < 1e-12);
    }
}
