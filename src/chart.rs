//! Line charts as pictures, for reports and learning curves: panels below each other,
//! each with axes, a few round numbers on them and the names of its lines. The letters
//! come from a font file in the program, so none has to be installed. By hand and not with
//! `plotters`: the letters are needed for contact sheets and copied frames as well, and what is
//! left here is a hundred lines.

use ab_glyph::{Font, FontRef, PxScale, ScaleFont, point};
use image::{Rgb, RgbImage};
use imageproc::{drawing, rect::Rect};

/// Colours of lines, tellable apart with any colour vision (Okabe and Ito 2008).
const COLOURS: [[u8; 3]; 7] = [
    [0x00, 0x72, 0xb2],
    [0xd5, 0x5e, 0x00],
    [0x00, 0x9e, 0x73],
    [0xcc, 0x79, 0xa7],
    [0xe6, 0x9f, 0x00],
    [0x56, 0xb4, 0xe9],
    [0x55, 0x55, 0x55],
];
const PAPER: Rgb<u8> = Rgb([0xff; 3]);
const INK: Rgb<u8> = Rgb([0x22; 3]);
const GRID: Rgb<u8> = Rgb([0xe2; 3]);
const FRAME: Rgb<u8> = Rgb([0x99; 3]);

/// Size of titles and of everything else, pixels.
const TITLE_PX: f32 = 20.0;
const TEXT_PX: f32 = 15.0;
/// Space around the plot of a panel, pixels: left, right, top, bottom.
const SPACE: [u32; 4] = [70, 24, 62, 50];
/// Numbers on an axis, about.
const TICKS: f64 = 5.0;

/// A line of a panel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// `(x, y)` from left to right; what is not finite is left out.
    pub points: Vec<(f64, f64)>,
}

/// One pair of axes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Panel {
    /// What stands above it.
    pub title: String,
    /// What the horizontal axis is.
    pub x_label: String,
    /// The lines.
    pub series: Vec<Series>,
}

/// Draws panels below each other, each `width` x `height` pixels (at least 200 x 160).
pub fn draw(panels: &[Panel], width: u32, height: u32) -> RgbImage {
    let (width, height) = (width.clamp(200, 4096), height.clamp(160, 4096));
    let rows = (panels.len() as u32).clamp(1, 16);
    let mut image = RgbImage::from_pixel(width, height * rows, PAPER);
    let letters = Letters::new();
    for (row, panel) in panels.iter().take(16).enumerate() {
        draw_panel(&mut image, panel, row as u32 * height, (width, height), &letters);
    }
    image
}

fn draw_panel(
    image: &mut RgbImage,
    panel: &Panel,
    from: u32,
    (width, height): (u32, u32),
    letters: &Letters,
) {
    let [left, right, top, bottom] = SPACE;
    let plot = Plot {
        x: Axis::over(panel, |(x, _)| x),
        y: Axis::over(panel, |(_, y)| y),
        left: left as f32,
        top: (from + top) as f32,
        width: (width - left - right) as f32,
        height: (height - top - bottom) as f32,
    };
    letters.write(image, (left as f32, from as f32 + 14.0), TITLE_PX, INK, 0.0, &panel.title);
    for tick in plot.y.ticks() {
        let y = plot.at((plot.x.low, tick)).1;
        drawing::draw_line_segment_mut(image, (plot.left, y), (plot.right(), y), GRID);
        let text = plot.y.number(tick);
        let place = (plot.left - 8.0, y - TEXT_PX / 2.0 - 1.0);
        letters.write(image, place, TEXT_PX, INK, 1.0, &text);
    }
    for tick in plot.x.ticks() {
        let x = plot.at((tick, plot.y.low)).0;
        drawing::draw_line_segment_mut(image, (x, plot.top), (x, plot.bottom()), GRID);
        let text = plot.x.number(tick);
        letters.write(image, (x, plot.bottom() + 6.0), TEXT_PX, INK, 0.5, &text);
    }
    let frame = Rect::at(plot.left as i32, plot.top as i32)
        .of_size((plot.width as u32).max(1), (plot.height as u32).max(1));
    drawing::draw_hollow_rect_mut(image, frame, FRAME);
    let under = (plot.left + plot.width / 2.0, plot.bottom() + 26.0);
    letters.write(image, under, TEXT_PX, INK, 0.5, &panel.x_label);

    let mut legend = plot.left;
    for (at, series) in panel.series.iter().enumerate() {
        let colour = Rgb(COLOURS[at % COLOURS.len()]);
        let finite = series.points.iter().filter(|(x, y)| x.is_finite() && y.is_finite());
        let places: Vec<(f32, f32)> = finite.map(|point| plot.at(*point)).collect();
        for pair in places.windows(2) {
            thick_line(image, pair[0], pair[1], colour);
        }
        if let [only] = places[..] {
            let place = (only.0 as i32, only.1 as i32);
            drawing::draw_filled_circle_mut(image, place, 3, colour);
        }
        let y = from as f32 + 40.0;
        thick_line(image, (legend, y + 9.0), (legend + 22.0, y + 9.0), colour);
        legend += 28.0;
        legend += letters.write(image, (legend, y), TEXT_PX, INK, 0.0, &series.name) + 20.0;
    }
}

/// Two pixels wide, since one is hard to see.
fn thick_line(image: &mut RgbImage, from: (f32, f32), to: (f32, f32), colour: Rgb<u8>) {
    let steep = (to.1 - from.1).abs() > (to.0 - from.0).abs();
    for shift in [-0.5, 0.5] {
        let moved = |(x, y): (f32, f32)| {
            let (x, y) = if steep { (x + shift, y) } else { (x, y + shift) };
            (x.round() as i32, y.round() as i32)
        };
        drawing::draw_antialiased_line_segment_mut(
            image,
            moved(from),
            moved(to),
            colour,
            imageproc::pixelops::interpolate,
        );
    }
}

/// The range of an axis.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Axis {
    low: f64,
    high: f64,
    /// Distance of two numbers.
    step: f64,
}

impl Axis {
    fn over(panel: &Panel, part: fn((f64, f64)) -> f64) -> Self {
        let points = panel.series.iter().flat_map(|series| &series.points);
        let values = points.map(|point| part(*point)).filter(|value| value.is_finite());
        let (low, high) =
            values.fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(v), high.max(v)));
        Self::from(low, high)
    }

    /// Round numbers around `low..high`.
    fn from(low: f64, high: f64) -> Self {
        let (low, high) = if low <= high { (low, high) } else { (0.0, 1.0) };
        let span = match high - low {
            span if span > 1e-12 => span,
            _ => high.abs().max(1.0) * 0.1,
        };
        let raw = span / TICKS;
        let unit = 10f64.powf(raw.log10().floor());
        let step =
            unit * [1.0, 2.0, 5.0, 10.0].into_iter().find(|s| s * unit >= raw).unwrap_or(10.0);
        let (first, last) = ((low / step).floor() * step, (high / step).ceil() * step);
        Self { low: first, high: if last > first { last } else { first + step }, step }
    }

    fn ticks(&self) -> impl Iterator<Item = f64> + use<> {
        let Self { low, high, step } = *self;
        let count = ((high - low) / step).round() as usize;
        (0..=count.min(20)).map(move |at| low + step * at as f64)
    }

    /// A number of this axis with as many places as the step needs.
    fn number(&self, value: f64) -> String {
        let places = (-self.step.log10()).ceil().clamp(0.0, 8.0) as usize;
        format!("{value:.places$}")
    }
}

/// Where the axes of a panel lie in the picture.
struct Plot {
    x: Axis,
    y: Axis,
    left: f32,
    top: f32,
    width: f32,
    height: f32,
}

impl Plot {
    fn right(&self) -> f32 {
        self.left + self.width
    }

    fn bottom(&self) -> f32 {
        self.top + self.height
    }

    fn at(&self, (x, y): (f64, f64)) -> (f32, f32) {
        let share = |axis: &Axis, value: f64| {
            ((value - axis.low) / (axis.high - axis.low)).clamp(0.0, 1.0) as f32
        };
        (
            self.left + self.width * share(&self.x, x),
            self.bottom() - self.height * share(&self.y, y),
        )
    }
}

/// Writes text.
pub struct Letters {
    font: Option<FontRef<'static>>,
}

impl Default for Letters {
    fn default() -> Self {
        Self::new()
    }
}

impl Letters {
    /// The font in the program.
    pub fn new() -> Self {
        Self { font: FontRef::try_from_slice(epaint_default_fonts::UBUNTU_LIGHT).ok() }
    }

    /// Writes `text` of `size_px` with its upper edge at `place.1`, and `place.0` at its
    /// left edge (`anchor` 0), middle (0.5) or right edge (1); returns its width in pixels.
    pub fn write(
        &self,
        image: &mut RgbImage,
        place: (f32, f32),
        size_px: f32,
        colour: Rgb<u8>,
        anchor: f32,
        text: &str,
    ) -> f32 {
        let Some(font) = &self.font else { return 0.0 };
        let scaled = font.as_scaled(PxScale::from(size_px));
        let width: f32 = text.chars().map(|c| scaled.h_advance(scaled.glyph_id(c))).sum();
        let mut x = place.0 - anchor * width;
        let baseline = place.1 + scaled.ascent();
        for letter in text.chars() {
            let id = scaled.glyph_id(letter);
            let glyph = id.with_scale_and_position(size_px, point(x, baseline));
            x += scaled.h_advance(id);
            let Some(outline) = font.outline_glyph(glyph) else { continue };
            let bounds = outline.px_bounds();
            outline.draw(|dx, dy, cover| {
                let (x, y) = (bounds.min.x + dx as f32, bounds.min.y + dy as f32);
                if x < 0.0 || y < 0.0 || x >= image.width() as f32 || y >= image.height() as f32 {
                    return;
                }
                let pixel = image.get_pixel_mut(x as u32, y as u32);
                // A light font on white is hard to read; this fills it out a little.
                let cover = (1.4 * cover).min(1.0);
                for (value, ink) in pixel.0.iter_mut().zip(colour.0) {
                    *value = (f32::from(*value) * (1.0 - cover) + f32::from(ink) * cover) as u8;
                }
            });
        }
        width
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_have_round_numbers_around_the_values() {
        let axis = Axis::from(0.13, 0.92);
        assert_eq!(axis, Axis { low: 0.0, high: 1.0, step: 0.2 });
        let texts: Vec<_> = axis.ticks().map(|tick| axis.number(tick)).collect();
        assert_eq!(texts, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]);
        assert_eq!(Axis::from(0.0, 5500.0).number(2000.0), "2000");
        for odd in [(f64::MAX, f64::MIN), (3.0, 3.0), (-1e9, 1e9)] {
            let axis = Axis::from(odd.0, odd.1);
            assert!(axis.high > axis.low && axis.ticks().count() <= 21, "{axis:?}");
        }
    }

    #[test]
    fn a_line_lies_where_its_values_say_in_its_own_colour() {
        let series = Series { name: "loss".into(), points: vec![(0.0, 1.0), (10.0, 0.0)] };
        let panel = Panel { title: "Loss".into(), x_label: "step".into(), series: vec![series] };
        let image = draw(&[panel], 400, 300);
        let [left, right, top, bottom] = SPACE;
        let near = |x: u32, y: u32| {
            (0..25).any(|i| {
                let pixel = image.get_pixel(x + i % 5 - 2, y + i / 5 - 2).0;
                pixel.iter().zip(COLOURS[0]).all(|(a, b)| a.abs_diff(b) < 40)
            })
        };
        assert!(near(left + 2, top + 2), "begins at the upper left");
        assert!(near(400 - right - 3, 300 - bottom - 3), "ends at the lower right");
        assert!(!near(left + 10, 300 - bottom - 10));
        let dark = image.pixels().filter(|p| p.0.iter().all(|v| *v < 90)).count();
        assert!(dark > 100, "there is text: {dark} dark pixels");
    }

    #[test]
    fn nothing_to_draw_is_drawn_all_the_same() {
        let points = vec![(f64::NAN, 1.0), (1.0, f64::INFINITY)];
        let panel =
            Panel { series: vec![Series { points, ..Default::default() }], ..Default::default() };
        assert_eq!(draw(&[panel, Panel::default()], 300, 200).dimensions(), (300, 400));
        assert_eq!(draw(&[], 0, 0).dimensions(), (200, 160));
    }
}
