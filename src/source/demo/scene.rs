//! A moment of the drive, painted: who sits where, in which light, seen by the camera.

use image::RgbImage;

use super::{
    cabin,
    camera::{Camera, Setting},
    driver::Driver,
    head::Head,
    held::Cover,
    light::Lit,
    math::{Vec3, hash, mix, scale, unit},
    raster::Canvas,
    shape::Expression,
    view::{Light, View},
};

/// Height of the camera's axis below the eyes' line, in units: the face sits a little
/// above the middle.
const EYES_ABOVE: f32 = -0.36;

/// The light of a moment.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Weather {
    /// Light from the windscreen and the side window.
    Day,
    /// A lamp of infra-red beside the camera, else dark.
    Night,
    /// A low sun through the side window.
    Glare,
    /// By strength and kind, as a script asks for.
    Lit(Lit),
}

/// All that a picture shows, as continuous values.
#[derive(Clone, Copy, Debug)]
pub(super) struct Act {
    /// Yaw, pitch, roll in degrees.
    pub(super) turn: Vec3,
    /// Where the head is beside its usual place, units: right, down.
    pub(super) shift: [f32; 2],
    /// Distance from the camera, in units; 6 is usual.
    pub(super) distance: f32,
    pub(super) face: Expression,
    pub(super) cover: Cover,
    pub(super) present: bool,
    /// Someone behind, smaller.
    pub(super) passenger: bool,
    pub(super) weather: Weather,
    /// Passing shadows: factor of the light from outside.
    pub(super) sun: f32,
    /// Another direction of the main light.
    pub(super) key: Option<Vec3>,
}

impl Default for Act {
    fn default() -> Self {
        Self {
            turn: [0.0; 3],
            shift: [0.0; 2],
            distance: 5.6,
            face: Expression::default(),
            cover: Cover::default(),
            present: true,
            passenger: false,
            weather: Weather::Day,
            sun: 1.0,
            key: None,
        }
    }
}

impl Act {
    /// The camera and the turn of the head, for a picture of this size.
    pub(super) fn view(&self, size: [usize; 2]) -> View {
        let [x, y] = self.shift;
        // Far or near, the face keeps its height in the picture.
        let height = EYES_ABOVE * self.distance / 5.6;
        View::new(size, [x, y + height, self.distance], self.turn)
    }

    fn light(&self) -> Light {
        let sun = self.sun;
        let light = match self.weather {
            Weather::Day => Light {
                key: unit([-0.42, -0.62, -0.66]),
                key_color: scale([0.78, 0.77, 0.73], sun),
                side: unit([0.93, -0.22, -0.30]),
                side_color: scale([0.34, 0.37, 0.41], sun),
                sky: [0.46, 0.48, 0.51],
                ground: [0.19, 0.175, 0.16],
                lamp: false,
            },
            Weather::Night => Light {
                key: unit([0.10, -0.30, -0.95]),
                key_color: [0.85; 3],
                side: unit([0.8, -0.5, -0.3]),
                side_color: [0.09; 3],
                sky: [0.11; 3],
                ground: [0.09; 3],
                lamp: false,
            },
            Weather::Glare => Light {
                key: unit([-0.35, -0.62, -0.70]),
                key_color: [0.50, 0.49, 0.47],
                side: unit([0.80, -0.30, -0.52]),
                side_color: scale([1.55, 1.42, 1.15], mix(0.5, 1.0, sun)),
                sky: [0.40, 0.42, 0.45],
                ground: [0.20, 0.18, 0.16],
                lamp: false,
            },
            Weather::Lit(lit) => lit.light(sun),
        };
        Light { key: self.key.unwrap_or(light.key), ..light }
    }

    fn setting(&self) -> Setting {
        match self.weather {
            Weather::Day => Setting { exposure: 1.0, noise: 2.2, grey: false, veil: 0.0 },
            Weather::Night => Setting { exposure: 0.62, noise: 7.0, grey: true, veil: 0.0 },
            Weather::Glare => Setting { exposure: 0.88, noise: 2.5, grey: false, veil: 0.42 },
            Weather::Lit(lit) => lit.setting(),
        }
    }

    /// How bright it is outside, 0 to 1.
    fn day(&self) -> f32 {
        match self.weather {
            Weather::Night => 0.0,
            Weather::Day | Weather::Glare => 1.0,
            Weather::Lit(lit) => lit.day(),
        }
    }
}

/// Paints one driver's moments.
pub(super) struct Painter {
    size: [usize; 2],
    seed: u64,
    driver: usize,
    head: Head,
    passenger: Option<Head>,
    canvas: Canvas,
    camera: Camera,
    behind: Vec<Vec3>,
    day: Option<f32>,
}

impl Painter {
    /// `number`: the driver's among the known ones, after whom the passenger is chosen.
    pub(super) fn new(size: [u32; 2], number: usize, driver: Driver, seed: u64) -> Self {
        let painter = Self::with(size[0], size[1], Head::of(driver, seed), seed);
        Self { driver: number, ..painter }
    }

    pub(super) fn with(width: u32, height: u32, head: Head, seed: u64) -> Self {
        let size = [width as usize, height as usize];
        Self {
            size,
            seed,
            driver: 0,
            head,
            passenger: None,
            canvas: Canvas::new(size[0], size[1]),
            camera: Camera::new(seed),
            behind: Vec::new(),
            day: None,
        }
    }

    /// The 68 points of the driver at a moment, in pixels.
    pub(super) fn landmarks(&self, act: &Act) -> [[f32; 2]; 68] {
        self.head.landmarks(&act.view(self.size), &act.face)
    }

    /// Paints a moment; `number` is the frame's, for the noise.
    pub(super) fn paint(&mut self, act: &Act, number: u64) -> RgbImage {
        let day = act.day();
        let fresh = self.day != Some(day);
        if fresh {
            self.behind = cabin::paint(self.size[0], self.size[1], day, self.seed);
            self.day = Some(day);
        }
        self.canvas.clear(&self.behind, !fresh);
        self.camera.see_background(&self.canvas, act.setting(), fresh);
        let light = act.light();
        if act.passenger {
            let (driver, seed) = (self.driver + 5, hash(self.seed));
            let passenger = self.passenger.get_or_insert_with(|| Head::new(driver, seed));
            let other = Act { distance: 11.0, shift: [3.9, 0.3], turn: [-12.0, 0.0, 2.0], ..*act };
            let (face, cover) = (Expression::default(), Cover::default());
            passenger.draw(&mut self.canvas, &other.view(self.size), &light, &face, &cover);
        }
        if act.present {
            let view = act.view(self.size);
            self.head.draw(&mut self.canvas, &view, &light, &act.face, &act.cover);
        }
        let noise = number ^ hash(self.seed);
        self.camera.develop(&self.canvas, act.setting(), noise)
    }
}
