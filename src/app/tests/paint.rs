//! Pictures of a window without any graphics system: egui's triangles, filled pixel by
//! pixel, so that what a screen looks like can be compared on every machine.

use std::collections::HashMap;

use eframe::egui::{
    self, Color32, ColorImage, Pos2, Rect, TextureId, TexturesDelta,
    epaint::{ImageData, ImageDelta, Mesh, Primitive, Vertex},
};
use egui_kittest::TestRenderer;
use image::{Rgba as Pixel, RgbaImage};

/// Paints into memory; blends as the graphics card does, on gamma-coded colours.
#[derive(Default)]
pub(super) struct Painter {
    textures: HashMap<TextureId, ColorImage>,
}

impl TestRenderer for Painter {
    fn handle_delta(&mut self, delta: &mut TexturesDelta) {
        for (id, changes) in delta.set.drain() {
            for change in changes {
                self.change(id, &change);
            }
        }
        for id in delta.free.drain() {
            self.textures.remove(&id);
        }
    }

    fn render(
        &mut self,
        ctx: &egui::Context,
        output: &egui::FullOutput,
    ) -> Result<RgbaImage, String> {
        let scale = output.pixels_per_point;
        let size = ctx.content_rect().size() * scale;
        let (width, height) = (size.x.ceil() as usize, size.y.ceil() as usize);
        let mut canvas =
            Canvas { width, height, pixels: vec![[0.0, 0.0, 0.0, 1.0]; width * height] };
        for drawn in ctx.tessellate(output.shapes.clone(), scale) {
            let Primitive::Mesh(mesh) = drawn.primitive else {
                return Err("a picture in memory has no callbacks".into());
            };
            let texture = self.textures.get(&mesh.texture_id);
            let texture = texture.ok_or_else(|| format!("no texture {:?}", mesh.texture_id))?;
            let clip = Rect { min: drawn.clip_rect.min * scale, max: drawn.clip_rect.max * scale };
            canvas.fill(&mesh, texture, clip, scale);
        }
        Ok(canvas.picture())
    }
}

impl Painter {
    fn change(&mut self, id: TextureId, change: &ImageDelta) {
        let ImageData::Color(patch) = &change.image;
        let Some([left, top]) = change.pos else {
            self.textures.insert(id, ColorImage::clone(patch));
            return;
        };
        let Some(texture) = self.textures.get_mut(&id) else { return };
        let [width, height] = patch.size;
        for y in 0..height {
            let to = (top + y) * texture.size[0] + left;
            texture.pixels[to..to + width]
                .copy_from_slice(&patch.pixels[y * width..(y + 1) * width]);
        }
    }
}

/// Red, green, blue, opacity, 0..1, gamma-coded and premultiplied.
type Shade = [f32; 4];

fn shade(color: Color32) -> Shade {
    color.to_array().map(|value| f32::from(value) / 255.0)
}

struct Canvas {
    width: usize,
    height: usize,
    pixels: Vec<Shade>,
}

impl Canvas {
    fn picture(&self) -> RgbaImage {
        RgbaImage::from_fn(self.width as u32, self.height as u32, |x, y| {
            let shade = self.pixels[y as usize * self.width + x as usize];
            Pixel(shade.map(|value| (255.0 * value.clamp(0.0, 1.0)).round() as u8))
        })
    }

    fn fill(&mut self, mesh: &Mesh, texture: &ColorImage, clip: Rect, scale: f32) {
        for corners in mesh.indices.chunks_exact(3) {
            let corners = [0, 1, 2].map(|i| mesh.vertices[corners[i] as usize]);
            self.triangle(corners, texture, clip, scale);
        }
    }

    fn triangle(&mut self, corners: [Vertex; 3], texture: &ColorImage, clip: Rect, scale: f32) {
        let [a, b, c] = corners.map(|corner| corner.pos * scale);
        let area = cross(a, b, c);
        if area == 0.0 {
            return;
        }
        // Counted the other way round, the same triangle is the right way round.
        let corners = if area > 0.0 { corners } else { [corners[0], corners[2], corners[1]] };
        let [a, b, c] = corners.map(|corner| corner.pos * scale);
        let area = area.abs();
        let bounds = Rect::from_points(&[a, b, c]).intersect(clip);
        let across = pixels(bounds.min.x, bounds.max.x, self.width);
        for y in pixels(bounds.min.y, bounds.max.y, self.height) {
            for x in across.clone() {
                let at = Pos2::new(x as f32 + 0.5, y as f32 + 0.5);
                let Some(shares) = inside([a, b, c], at, area) else { continue };
                let mix = |of: fn(&Vertex) -> f32| -> f32 {
                    corners.iter().zip(shares).map(|(corner, share)| share * of(corner)).sum()
                };
                let texel = sample(texture, mix(|v| v.uv.x), mix(|v| v.uv.y));
                let colors = corners.map(|corner| shade(corner.color));
                let pixel = &mut self.pixels[y * self.width + x];
                let value = |channel: usize| {
                    let color: f32 = colors
                        .iter()
                        .zip(shares)
                        .map(|(color, share)| share * color[channel])
                        .sum();
                    color * texel[channel]
                };
                let rest = 1.0 - value(3);
                *pixel = std::array::from_fn(|channel| value(channel) + pixel[channel] * rest);
            }
        }
    }
}

/// The pixels whose middles lie between two edges.
fn pixels(from: f32, to: f32, count: usize) -> std::ops::Range<usize> {
    let first = |edge: f32| (edge - 0.5).ceil().clamp(0.0, count as f32) as usize;
    first(from)..first(to)
}

/// Twice the area of a triangle, positive if it turns clockwise on a screen.
fn cross(a: Pos2, b: Pos2, c: Pos2) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

/// The shares of the corners at a point of the triangle. A point on the edge between two
/// triangles belongs to one of them: to the one it is the left or upper edge of.
fn inside([a, b, c]: [Pos2; 3], at: Pos2, area: f32) -> Option<[f32; 3]> {
    let edge = |from: Pos2, to: Pos2| {
        let side = cross(from, to, at);
        let upper_left = to.y < from.y || (to.y == from.y && to.x > from.x);
        (side > 0.0 || (side == 0.0 && upper_left)).then_some(side / area)
    };
    Some([edge(b, c)?, edge(c, a)?, edge(a, b)?])
}

/// What lies at `u`, `v` (0..1), between the pixels; the border repeats.
fn sample(texture: &ColorImage, u: f32, v: f32) -> Shade {
    let [width, height] = texture.size;
    let place = |at: f32, count: usize| {
        let at = (at * count as f32 - 0.5).clamp(0.0, count as f32 - 1.0);
        let first = at as usize;
        (first, (first + 1).min(count - 1), at - first as f32)
    };
    let ((left, right, x), (top, bottom, y)) = (place(u, width), place(v, height));
    let pixel = |x: usize, y: usize| shade(texture.pixels[y * width + x]);
    let (upper, lower) =
        ([pixel(left, top), pixel(right, top)], [pixel(left, bottom), pixel(right, bottom)]);
    let mix = |a: f32, b: f32, share: f32| a + (b - a) * share;
    std::array::from_fn(|i| {
        mix(mix(upper[0][i], upper[1][i], x), mix(lower[0][i], lower[1][i], x), y)
    })
}
