//! SVG bar charts of one value per day, readable on light and dark pages.

use std::fmt::Write as _;

use super::ChartSeries;
use crate::domain::text::escape_xml;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 180.0;
/// Width of the axis labels.
const LEFT: f64 = 64.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 24.0;

/// Draws a series as a bar chart.
pub(super) fn draw_chart(series: &ChartSeries) -> String {
    let top = round_up(series.points.iter().map(|(_, value)| *value).fold(0.0, f64::max));
    let (inner, floor) = (HEIGHT - TOP - BOTTOM, HEIGHT - BOTTOM);
    let mut text = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{title}\">\n\
         <style>text{{font:12px sans-serif;fill:#767676}} .bar{{fill:#3b7dd8}} .axis{{stroke:#999;stroke-opacity:.4}}</style>\n\
         <text x=\"0\" y=\"14\">{title} ({unit})</text>\n",
        title = escape_xml(&series.title),
        unit = escape_xml(&series.unit),
    );
    for part in [0.0, 0.5, 1.0] {
        let y = floor - inner * part;
        let _ = writeln!(
            text,
            "<line class=\"axis\" x1=\"{LEFT}\" x2=\"{WIDTH}\" y1=\"{y:.1}\" y2=\"{y:.1}\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
            LEFT - 6.0,
            y + 4.0,
            format_label(top * part)
        );
    }
    #[expect(clippy::cast_precision_loss, reason = "a number of days")]
    let step = (WIDTH - LEFT) / series.points.len().max(1) as f64;
    for (place, (day, value)) in series.points.iter().enumerate() {
        let height = if top > 0.0 { inner * value / top } else { 0.0 };
        #[expect(clippy::cast_precision_loss, reason = "a number of days")]
        let x = step.mul_add(place as f64, LEFT);
        let _ = writeln!(
            text,
            "<rect class=\"bar\" x=\"{:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"{height:.1}\"><title>{}: {}</title></rect>",
            x + step * 0.1,
            floor - height,
            step * 0.8,
            escape_xml(day),
            format_label(*value)
        );
    }
    let ends = [(series.points.first(), LEFT, "start"), (series.points.last(), WIDTH, "end")];
    for (point, x, anchor) in ends {
        if let Some((day, _)) = point {
            let _ = writeln!(
                text,
                "<text x=\"{x}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
                HEIGHT - 6.0,
                escape_xml(day)
            );
        }
    }
    text.push_str("</svg>\n");
    text
}

/// Rounds up to 1, 2 or 5 times a power of ten.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= value).unwrap_or(value)
}

fn format_label(value: f64) -> String {
    if value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_has_its_bar_and_nothing_in_it_is_markup() {
        let points =
            vec![("2026-11-01".to_owned(), 0.0), ("2026-11-02".to_owned(), 30.0), ("2026-11-03".to_owned(), 45.5)];
        let svg = draw_chart(&ChartSeries { title: "a <b> & \"c\"".to_owned(), unit: "MB".to_owned(), points });
        assert_eq!(svg.matches("<rect").count(), 3);
        assert!(
            svg.contains(">50</text>") && svg.contains("a &lt;b&gt; &amp; &quot;c&quot;") && !svg.contains("<b>"),
            "{svg}"
        );
        assert!(
            draw_chart(&ChartSeries { title: String::new(), unit: String::new(), points: Vec::new() })
                .ends_with("</svg>\n")
        );
        let tops = [0.0, 0.3, 7.0, 1000.0].map(|value| format_label(round_up(value)));
        assert_eq!(tops, ["1", "0.5", "10", "1000"]);
    }
}
