//! The arrival curves as SVG, light and dark. A chart of five lines: a plotting library would be more than all the rest here.

use core::fmt::Write as _;

use super::Outcome;
use super::server::STEP;

const WIDTH: f64 = 790.0;
const HEIGHT: f64 = 380.0;
/// Room for the axes: left, top, right, bottom.
const MARGIN: [f64; 4] = [64.0, 24.0, 260.0, 44.0];
/// The scale is logarithmic: from a hundredth of the capacity to a thousand times of it.
const DECADES: [i32; 6] = [-2, -1, 0, 1, 2, 3];
/// Which curves are drawn; more than these cannot be told apart.
const SHOWN: [&str; 6] = [
    "gatepass, no hint",
    "gatepass, with the server's hint",
    "centrifuge",
    "reconnecting-websocket",
    "socket.io",
    "partysocket",
];
const COLOURS: [&str; 6] = ["#0a7d5a", "#2f6fde", "#b3621b", "#8a56c2", "#c2386b", "#7a7a7a"];
/// A point for so many steps, so that the file stays small.
const STEPS_PER_POINT: usize = 5;

/// Arrivals per 100 ms against the capacity, over the time from the loss to one and a half ideals.
pub(super) fn draw(outcomes: &[Outcome], ideal: f64) -> String {
    let end = ideal * 1.5;
    let x = |seconds: f64| MARGIN[0] + seconds / end * (WIDTH - MARGIN[0] - MARGIN[2]);
    let y = |times: f64| {
        let (low, high) = (f64::from(DECADES[0]), f64::from(DECADES[5]));
        let share = (times.max(0.01).log10() - low) / (high - low);
        HEIGHT - MARGIN[3] - share.min(1.0) * (HEIGHT - MARGIN[1] - MARGIN[3])
    };
    let mut svg = format!(
        r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="Arrivals after a restart, against the capacity of the server">
<style>text{{font:12px system-ui,sans-serif;fill:#333}}.grid{{stroke:#ddd}}.capacity{{stroke:#333;stroke-dasharray:4 3}}.back{{fill:#fff}}polyline{{fill:none;stroke-width:1.6;stroke-linejoin:round}}@media(prefers-color-scheme:dark){{text{{fill:#ddd}}.grid{{stroke:#444}}.capacity{{stroke:#ddd}}.back{{fill:#161616}}}}</style>
<rect class="back" width="{WIDTH}" height="{HEIGHT}"/>
"#
    );
    let (left, right, bottom) = (MARGIN[0], WIDTH - MARGIN[2], HEIGHT - MARGIN[3]);
    for decade in DECADES {
        let times = 10_f64.powi(decade);
        let class = if decade == 0 { "capacity" } else { "grid" };
        _ = writeln!(
            svg,
            "<line class=\"{class}\" x1=\"{left}\" x2=\"{right}\" y1=\"{0:.1}\" y2=\"{0:.1}\"/><text x=\"{1}\" y=\"{2:.1}\" text-anchor=\"end\">{times} ×</text>",
            y(times),
            left - 8.0,
            y(times) + 4.0,
        );
    }
    for quarter in 0..=6 {
        let seconds = ideal * f64::from(quarter) / 4.0;
        _ = writeln!(
            svg,
            "<text x=\"{:.1}\" y=\"{}\" text-anchor=\"middle\">{seconds:.0} s</text>",
            x(seconds),
            bottom + 18.0
        );
    }
    _ = writeln!(svg, "<text x=\"{left}\" y=\"14\">arrivals in 100 ms against what is admitted in 100 ms</text>");
    for (place, (name, colour)) in SHOWN.iter().zip(COLOURS).enumerate().rev() {
        let Some(outcome) = outcomes.iter().find(|outcome| outcome.name == *name) else { continue };
        let curve: Vec<f64> = outcome.storm.curve().take((end * 1000.0 / STEP as f64) as usize).collect();
        let points: Vec<String> = curve
            .chunks(STEPS_PER_POINT)
            .enumerate()
            .map(|(index, chunk)| {
                let most = chunk.iter().copied().fold(0.0, f64::max);
                let seconds = (index * STEPS_PER_POINT) as f64 * STEP as f64 / 1000.0;
                format!("{:.1},{:.1}", x(seconds), y(most))
            })
            .collect();
        let row = MARGIN[1] + 20.0 + place as f64 * 22.0;
        _ = writeln!(
            svg,
            "<polyline stroke=\"{colour}\" points=\"{}\"/><line x1=\"{1}\" x2=\"{2}\" y1=\"{row}\" y2=\"{row}\" stroke=\"{colour}\" stroke-width=\"3\"/><text x=\"{3}\" y=\"{4}\">{name}</text>",
            points.join(" "),
            right + 14.0,
            right + 34.0,
            right + 42.0,
            row + 4.0,
        );
    }
    svg.push_str("</svg>\n");
    svg
}
