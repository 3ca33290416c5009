// SPDX-License-Identifier: MIT OR Apache-2.0
//! A report as one page, with its plots in it: no script, no other file.

use std::fmt::Write as _;

use super::{Direction, Report};

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 240.0;
/// Around the plot: left, top, right, bottom.
const MARGIN: [f64; 4] = [70.0, 16.0, 16.0, 40.0];
/// Of the lines of a plot, in their order; they differ in their dashes as well.
const STROKES: [(&str, &str); 4] =
    [("#1b5e9b", ""), ("#c2571a", "6 3"), ("#2e7d32", "2 3"), ("#6a1b9a", "8 3 2 3")];

struct Line<'p> {
    name: &'p str,
    points: Vec<(f64, f64)>,
}

/// Whether the horizontal axis is logarithmic.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scale {
    Linear,
    Logarithmic,
}

impl Report {
    /// The report as an HTML page that needs nothing else: well-formed XML in the HTML namespace, plots as SVG.
    pub fn html(&self) -> String {
        let mut page = String::new();
        let title = escape(&format!("culvert load: {}", self.run));
        page.push_str("<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n");
        page.push_str("<meta charset=\"utf-8\"/>\n");
        let _ = writeln!(page, "<title>{title}</title>");
        page.push_str(
            "<style>body{font:15px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em;color:#111}\
             table{border-collapse:collapse}td,th{padding:.2em .8em;border-bottom:1px solid #ccc;text-align:right}\
             td:first-child,th:first-child{text-align:left}pre{background:#f4f4f4;padding:1em;overflow:auto}\
             svg{max-width:100%;height:auto}</style>\n</head>\n<body>\n",
        );
        let _ = writeln!(page, "<h1>{title}</h1>\n<p>Started {}.</p>", escape(&self.started));
        page.push_str(&self.table());
        page.push_str("<h2>Delivered against offered</h2>\n");
        let per_second = |value: fn(&crate::Second) -> f64| -> Vec<(f64, f64)> {
            self.seconds.iter().map(|second| (second.second as f64, value(second))).collect()
        };
        let lines = [
            Line { name: "offered", points: per_second(|second| second.sent as f64) },
            Line { name: "delivered", points: per_second(|second| second.delivered as f64) },
            Line { name: "hostile", points: per_second(|second| second.hostile as f64) },
        ];
        page.push_str(&plot("seconds", "packets a second", &lines, Scale::Linear));
        page.push_str("<h2>Latency</h2>\n");
        let curves: Vec<_> = self.directions.iter().map(curve).collect();
        page.push_str(&plot(
            "microseconds",
            "share of packets that took no longer",
            &curves,
            Scale::Logarithmic,
        ));
        page.push_str("<h2>Loss</h2>\n");
        let loss = [Line { name: "sent and not yet delivered", points: self.loss_over_time() }];
        page.push_str(&plot("seconds", "% of what was sent by then", &loss, Scale::Linear));
        let _ = write!(page, "<h2>Report</h2>\n<pre>{}</pre>\n</body>\n</html>\n", escape(&self.to_string()));
        page
    }

    fn table(&self) -> String {
        let mut table = "<table>\n<tr><th>direction</th><th>sent</th><th>delivered</th><th>lost</th>\
                         <th>duplicates</th><th>reordered</th><th>p50 µs</th><th>p99 µs</th><th>p99.9 µs</th></tr>\n"
            .to_owned();
        for direction in &self.directions {
            let Direction { name, sent, delivered, duplicates, reordered, latency, .. } = direction;
            let _ = writeln!(
                table,
                "<tr><td>{name}</td><td>{sent}</td><td>{delivered}</td><td>{:.4} %</td><td>{duplicates}</td>\
                 <td>{reordered}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td></tr>",
                direction.loss * 100.0,
                latency.p50_us,
                latency.p99_us,
                latency.p999_us
            );
        }
        table + "</table>\n"
    }

    /// By second: the share of all packets sent until then that have not arrived.
    fn loss_over_time(&self) -> Vec<(f64, f64)> {
        let (mut sent, mut delivered) = (0, 0);
        let mut point = |second: &crate::Second| {
            sent += second.sent;
            delivered += second.delivered;
            (second.second as f64, super::share(sent.saturating_sub(delivered), sent) * 100.0)
        };
        self.seconds.iter().map(&mut point).collect()
    }
}

fn curve(direction: &Direction) -> Line<'_> {
    // Below a microsecond no clock of a host tells two of its packets apart.
    let points = direction.latency.distribution.iter().map(|(time, share)| (time.max(1.0), *share)).collect();
    Line { name: direction.name, points }
}

fn plot(x_name: &str, y_name: &str, lines: &[Line<'_>], scale: Scale) -> String {
    let [left, top, right, bottom] = MARGIN;
    let (width, height) = (WIDTH - left - right, HEIGHT - top - bottom);
    let points = || lines.iter().flat_map(|line| &line.points);
    let (low, high) = match scale {
        Scale::Linear => (0.0, points().map(|point| point.0).fold(1.0, f64::max)),
        Scale::Logarithmic => {
            let low = points().map(|point| point.0).fold(f64::INFINITY, f64::min);
            let low = if low.is_finite() { 10f64.powf(low.log10().floor()) } else { 1.0 };
            (low, 10f64.powf(points().map(|point| point.0).fold(low * 10.0, f64::max).log10().ceil()))
        }
    };
    let most = nice(points().map(|point| point.1).fold(0.0, f64::max));
    let x = |value: f64| {
        left + width
            * match scale {
                Scale::Linear => (value - low) / (high - low),
                Scale::Logarithmic => (value / low).log10() / (high / low).log10(),
            }
    };
    let y = |value: f64| top + height * (1.0 - value / most);

    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<title>{}: {}</title>\n",
        escape(y_name),
        escape(x_name)
    );
    for step in 0..=4 {
        let value = most * f64::from(step) / 4.0;
        let _ = writeln!(
            svg,
            "<path d=\"M{left} {at:.1}H{:.1}\" stroke=\"#ddd\"/><text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            left + width,
            left - 6.0,
            y(value) + 4.0,
            number(value),
            at = y(value)
        );
    }
    for value in ticks(low, high, scale) {
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {:.1}v4\" stroke=\"#555\"/><text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            top + height,
            top + height + 16.0,
            number(value),
            at = x(value)
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
         <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
        left + width / 2.0,
        HEIGHT - 6.0,
        escape(x_name),
        top + height / 2.0,
        escape(y_name)
    );
    for ((line, (stroke, dashes)), place) in lines.iter().zip(STROKES.iter().cycle()).zip(0u8..) {
        let mut path = String::new();
        for (at, value) in &line.points {
            let command = if path.is_empty() { 'M' } else { 'L' };
            let _ = write!(path, "{command}{:.1} {:.1}", x(*at), y(*value));
        }
        let legend = left + 12.0 + 170.0 * f64::from(place);
        if !path.is_empty() {
            let _ = writeln!(
                svg,
                "<path d=\"{path}\" fill=\"none\" stroke=\"{stroke}\" stroke-width=\"1.6\" stroke-dasharray=\"{dashes}\"/>"
            );
        }
        let _ = writeln!(
            svg,
            "<path d=\"M{legend:.1} 10h24\" stroke=\"{stroke}\" stroke-width=\"1.6\" stroke-dasharray=\"{dashes}\"/>\
             <text x=\"{:.1}\" y=\"13\">{}</text>",
            legend + 30.0,
            escape(line.name)
        );
    }
    svg + "</svg>\n"
}

fn ticks(low: f64, high: f64, scale: Scale) -> Vec<f64> {
    match scale {
        Scale::Linear => (0..=4).map(|step| low + (high - low) * f64::from(step) / 4.0).collect(),
        Scale::Logarithmic => {
            let decades = (high / low).log10().round() as i32;
            (0..=decades).map(|decade| low * 10f64.powi(decade)).collect()
        }
    }
}

/// The next greater number that an axis may well end at.
fn nice(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|end| *end >= value).unwrap_or(value)
}

fn number(value: f64) -> String {
    let text = match value {
        value if value >= 1e6 => format!("{:.2}M", value / 1e6),
        value if value >= 1e4 => format!("{:.1}k", value / 1e3),
        value => format!("{value:.2}"),
    };
    match text.find('.') {
        Some(_) if text.ends_with(|last: char| last.is_ascii_digit()) => {
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => text.replace(".00M", "M").replace(".0k", "k"),
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
