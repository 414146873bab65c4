//! Plots as SVG text: lines over time or over the share of orders, and bars.

use std::fmt::Write;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 260.0;
const LEFT: f64 = 64.0;
/// Half of the longest name of a tick.
const RIGHT: f64 = 28.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 36.0;
/// About so many lines of a grid can be read.
const TICKS: f64 = 5.0;
/// Colours that are told apart, also by most who see few; beyond them a plot has too many lines.
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

/// What stands at the axes.
pub(super) struct Axes<'a> {
    pub(super) title: &'a str,
    pub(super) x: &'a str,
    /// Whether x is a share of orders, shown so that the last thousandth has as much room as all.
    pub(super) is_share: bool,
}

/// Lines over common axes, which both begin at zero.
pub(super) fn lines(axes: &Axes<'_>, series: &[Series]) -> String {
    let shown: Vec<Series> = series.iter().map(|it| it.shown(axes.is_share)).collect();
    let points = || shown.iter().flat_map(|it| &it.points);
    let (x_step, x_max) = scale(points().map(|point| point.0).fold(0.0, f64::max));
    let (y_step, y_max) = scale(points().map(|point| point.1).fold(0.0, f64::max));
    let place = |(x, y): (f64, f64)| {
        let across = LEFT + x / x_max * (WIDTH - LEFT - RIGHT);
        (across, HEIGHT - BOTTOM - y / y_max * (HEIGHT - TOP - BOTTOM))
    };
    let mut svg = open(axes.title, HEIGHT + LEGEND_LINE * shown.len() as f64);
    for value in ticks(y_step, y_max) {
        let (_, y) = place((0.0, value));
        line(&mut svg, (LEFT, y), (WIDTH - RIGHT, y));
        text(&mut svg, (LEFT - 6.0, y + 4.0), "end", &number(value));
    }
    for value in ticks(x_step, x_max) {
        let (x, y) = place((value, 0.0));
        let label = if axes.is_share { share(value) } else { number(value) };
        line(&mut svg, (x, y), (x, TOP));
        text(&mut svg, (x, y + 14.0), "middle", &label);
    }
    text(&mut svg, (WIDTH - RIGHT, HEIGHT - 6.0), "end", axes.x);
    for (index, series) in shown.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let path = series.points.iter().map(|point| place(*point));
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

/// A bar for each of `rows`, made of parts; parts of the same name have the same colour.
pub(super) fn bars(title: &str, rows: &[(String, Vec<(String, f64)>)]) -> String {
    const ROW: f64 = 22.0;
    const NAMES: f64 = 250.0;
    let mut parts: Vec<&str> = Vec::new();
    for (name, _) in rows.iter().flat_map(|(_, its)| its) {
        if !parts.contains(&name.as_str()) {
            parts.push(name);
        }
    }
    let sum = |its: &[(String, f64)]| its.iter().map(|(_, value)| value).sum::<f64>();
    let most = rows.iter().map(|(_, its)| sum(its)).fold(f64::MIN_POSITIVE, f64::max);
    let bottom = TOP + ROW * rows.len() as f64;
    let mut svg = open(title, bottom + 8.0 + LEGEND_LINE * parts.len() as f64);
    for (index, (name, its)) in rows.iter().enumerate() {
        let (y, mut x) = (TOP + ROW * index as f64, NAMES);
        text(&mut svg, (NAMES - 6.0, y + 14.0), "end", name);
        for (part, value) in its {
            let width = value / most * (WIDTH - NAMES - 50.0);
            let place = parts.iter().position(|it| it == part).unwrap_or_default();
            let colour = COLOURS[place % COLOURS.len()];
            add(
                &mut svg,
                format_args!(
                    r#"<rect x="{x:.1}" y="{:.1}" width="{width:.1}" height="16" fill="{colour}"/>"#,
                    y + 2.0
                ),
            );
            x += width;
        }
        text(&mut svg, (x + 4.0, y + 14.0), "start", &number(sum(its)));
    }
    for (index, part) in parts.iter().enumerate() {
        legend(&mut svg, index, bottom, part);
    }
    svg + "</svg>"
}

/// `text` as HTML has it.
pub(super) fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

impl Series {
    /// As it is drawn: a share of 0.99 is at 2, one of 0.999 at 3.
    fn shown(&self, is_share: bool) -> Self {
        let nines = |(share, value): &(f64, f64)| (-(1.0 - share).log10(), *value);
        let last = |(x, _): &(f64, f64)| x.is_finite();
        let points = if is_share {
            self.points.iter().map(nines).filter(last).collect()
        } else {
            self.points.clone()
        };
        Self { name: self.name.clone(), points }
    }
}

/// Distances between ticks that can be read, and the end of the axis, for values up to `most`.
fn scale(most: f64) -> (f64, f64) {
    let most = if most > 0.0 { most } else { 1.0 };
    let rough = most / TICKS;
    let magnitude = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0].into_iter().find(|factor| factor * magnitude >= rough);
    let step = factor.unwrap_or(10.0) * magnitude;
    (step, (most / step).ceil() * step)
}

fn ticks(step: f64, most: f64) -> impl Iterator<Item = f64> {
    (0..=(most / step).round() as u32).map(move |index| f64::from(index) * step)
}

/// Without digits that say nothing.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 10_000.0 => format!("{}k", (value / 100.0).round() / 10.0),
        size if size >= 100.0 => format!("{value:.0}"),
        _ => format!("{}", (value * 1_000.0).round() / 1_000.0),
    }
}

/// The share that has so many nines.
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
    svg.write_fmt(element).expect("a String takes every text");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_at_a_round_number_beyond_all_values() {
        for (most, end) in [(0.0, 1.0), (7.3, 8.0), (99.0, 100.0), (1_234.0, 1_500.0)] {
            let (step, max) = scale(most);
            assert!((max - end).abs() < 1e-9, "{most} ends at {max}");
            assert!(max / step <= 10.0);
        }
    }

    #[test]
    fn numbers_have_no_digits_that_say_nothing() {
        let told = [12_000.0, 12_345.678, 3_502.4, 420.144, 0.05, 20.0].map(number);
        assert_eq!(told, ["12k", "12.3k", "3502", "420", "0.05", "20"]);
    }

    #[test]
    fn a_plot_escapes_names_and_leaves_out_what_has_no_place() {
        let points = vec![(0.5, 1.0), (0.99, 2.0), (1.0, 3.0)];
        let series = [Series { name: "a<b".to_owned(), points }];
        let svg = lines(&Axes { title: "t", x: "share", is_share: true }, &series);
        assert!(svg.contains("a&lt;b") && !svg.contains("inf") && !svg.contains("NaN"), "{svg}");
    }
}
