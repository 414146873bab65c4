//! Plots as SVG text: lines over time or over the share of orders, and bars.

use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
/// Half of the width of the longest tick label.
const RIGHT: f64 = 28.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 36.0;
/// The approximate number of grid lines on an axis; more are hard to read.
const TICKS: f64 = 5.0;
/// Colours that most colour-blind readers can distinguish too; a plot with more lines is
/// unreadable.
const COLOURS: [&str; 11] = [
    "#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b6b6b", "#000000",
    "#f0e442", "#882255", "#b8b8b8",
];
const LEGEND_LINE: f64 = 14.0;

/// A line of a plot.
pub(super) struct Series {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

/// The title and the axes of a plot.
pub(super) struct Axes<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    /// Whether x is a share of orders. Its scale is logarithmic towards 1, so that the last
    /// thousandth has as much room as each tenfold step before it.
    pub(super) is_share: bool,
}

/// Lines over common axes, which both start at zero.
pub(super) fn lines(axes: &Axes<'_>, series: &[Series]) -> String {
    let scaled: Vec<Series> = series.iter().map(|line| line.scaled(axes.is_share)).collect();
    let points = || scaled.iter().flat_map(|line| &line.points);
    let (x_step, x_max) = scale(points().map(|point| point.0).fold(0.0, f64::max));
    let (y_step, y_max) = scale(points().map(|point| point.1).fold(0.0, f64::max));
    let position = |(x, y): (f64, f64)| {
        let across = LEFT + x / x_max * (WIDTH - LEFT - RIGHT);
        (across, HEIGHT - BOTTOM - y / y_max * (HEIGHT - TOP - BOTTOM))
    };
    let mut svg = open(axes.title, HEIGHT + LEGEND_LINE * scaled.len() as f64);
    for value in ticks(y_step, y_max) {
        let (_, y) = position((0.0, value));
        line(&mut svg, (LEFT, y), (WIDTH - RIGHT, y));
        text(&mut svg, (LEFT - 6.0, y + 4.0), "end", &number(value));
    }
    for value in ticks(x_step, x_max) {
        let (x, y) = position((value, 0.0));
        let label = if axes.is_share { share(value) } else { number(value) };
        line(&mut svg, (x, y), (x, TOP));
        text(&mut svg, (x, y + 14.0), "middle", &label);
    }
    text(&mut svg, (WIDTH - RIGHT, HEIGHT - 6.0), "end", axes.x);
    for (index, series) in scaled.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path = series.points.iter().map(|point| position(*point));
        let path: Vec<_> = path.map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        add(
            &mut svg,
            format_args!(
                r#"<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="{}"/>"#,
                path.join(" ")
            ),
        );
        legend(&mut svg, index, HEIGHT, &series.name);
    }
    svg + "</svg>"
}

/// A stacked bar for each of `rows`; parts with the same name have the same colour.
pub(super) fn bars(title: &str, rows: &[(String, Vec<(String, f64)>)]) -> String {
    const ROW: f64 = 22.0;
    const NAMES: f64 = 250.0;
    let mut part_names: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|(_, parts)| parts) {
        if !part_names.contains(&name.as_str()) {
            part_names.push(name);
        }
    }
    let sum = |parts: &[(String, f64)]| parts.iter().map(|(_, value)| value).sum::<f64>();
    let largest = rows.iter().map(|(_, parts)| sum(parts)).fold(f64::MIN_POSITIVE, f64::max);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut svg = open(title, bottom + 8.0 + LEGEND_LINE * part_names.len() as f64);
    for (index, (name, parts)) in rows.iter().enumerate() {
        let y = TOP + ROW * index as f64;
        let mut x = NAMES;
        text(&mut svg, (NAMES - 6.0, y + 14.0), "end", name);
        for (part, value) in parts {
            let width = value / largest * (WIDTH - NAMES - 50.0);
            let number = part_names.iter().position(|known| known == part).unwrap_or_default();
            let colour = COLOURS[number % COLOURS.len()];
            add(
                &mut svg,
                format_args!(
                    r#"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="16" fill="{colour}"/>"#,
                    y + 2.0
                ),
            );
            x += width;
        }
        text(&mut svg, (x + 4.0, y + 14.0), "start", &number(sum(parts)));
    }
    for (index, part) in part_names.iter().enumerate() {
        legend(&mut svg, index, bottom, part);
    }
    svg + "</svg>"
}

/// `text` with the special characters of HTML escaped.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Series {
    /// With x as it is drawn: if it is a share, 0.99 is at 2 and 0.999 at 3. A share of 1 is left
    /// out.
    fn scaled(&self, is_share: bool) -> Self {
        let nines = |(share, value): &(f64, f64)| (-(1.0 - share).log10(), *value);
        let is_drawable = |(x, _): &(f64, f64)| x.is_finite();
        let points = if is_share {
            self.points.iter().map(nines).filter(is_drawable).collect()
        } else {
            self.points.clone()
        };
        Self { name: self.name.clone(), points }
    }
}

/// A round distance between ticks, and the end of the axis, for values up to `max`.
fn scale(max: f64) -> (f64, f64) {
    let max = if max > 0.0 { max } else { 1.0 };
    let rough = max / TICKS;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * magnitude >= rough);
    let step = factor.unwrap_or(10.0) * magnitude;
    (step, (max / step).ceil() * step)
}

fn ticks(step: f64, max: f64) -> impl Iterator<Item = f64> {
    (0..=(max / step).round() as u32).map(move |index| f64::from(index) * step)
}

/// `value` without insignificant digits.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => format!("{}k", (value / 100.0).round() / 10.0),
        size if size >= 100.0 => format!("{value:.0}"),
        _ => format!("{}", (value * 1_000.0).round() / 1_000.0),
    }
}

/// The share with this number of nines, in percent.
fn share(nines: f64) -> String {
    format!("{} %", 100.0 - 100.0 / 10_f64.powf(nines))
}

fn open(title: &str, height: f64) -> String {
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height:.0}" width="{WIDTH}" font-size="11" font-family="sans-serif">"#
    );
    text(&mut svg, (LEFT, 16.0), "start", title);
    svg
}

fn line(svg: &mut String, (x1, y1): (f64, f64), (x2, y2): (f64, f64)) {
    add(
        svg,
        format_args!(
            r##"<line x1="{x1:.1}" y1="{y1:.1}" x2="{x2:.1}" y2="{y2:.1}" stroke="#ddd"/>"##
        ),
    );
}

fn text(svg: &mut String, (x, y): (f64, f64), anchor: &str, text: &str) {
    add(
        svg,
        format_args!(
            r#"<text x="{x:.1}" y="{y:.1}" text-anchor="{anchor}">{}</text>"#,
            escaped(text)
        ),
    );
}

fn legend(svg: &mut String, index: usize, top: f64, name: &str) {
    let (y, colour) = (top + LEGEND_LINE * index as f64, COLOURS[index % COLOURS.len()]);
    add(
        svg,
        format_args!(
            r#"<rect x="{LEFT}" y="{:.1}" width="10" height="10" fill="{colour}"/>"#,
            y + 2.0
        ),
    );
    text(svg, (LEFT + 16.0, y + 11.0), "start", name);
}

fn add(svg: &mut String, element: std::fmt::Arguments<'_>) {
    svg.write_fmt(element).expect("writing to a String cannot fail");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_beyond_all_values() {
        for (value, expected) in [(0.0, 1.0), (7.3, 8.0), (99.0, 100.0), (1_234.0, 1_500.0)] {
            let (step, end) = scale(value);
            assert!((end - expected).abs() < 1e-9, "the axis for {value} ends at {end}");
            assert!(end / step <= 10.0);
        }
    }

    #[test]
    fn numbers_are_written_without_insignificant_digits() {
        let written = [12_000.0, 12_345.678, 3_502.4, 420.144, 0.05, 20.0].map(number);
        assert_eq!(written, ["12k", "12.3k", "3502", "420", "0.05", "20"]);
    }

    #[test]
    fn a_plot_escapes_names_and_leaves_out_points_at_infinity() {
        let points = vec![(0.5, 1.0), (0.99, 2.0), (1.0, 3.0)];
        let series = [Series { name: "a<b".to_owned(), points }];
        let svg = lines(&Axes { title: "t", x: "share", is_share: true }, &series);
        assert!(svg.contains("a&lt;b") && !svg.contains("inf") && !svg.contains("NaN"), "{svg}");
    }
}
