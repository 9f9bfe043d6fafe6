//! Single pictures of many drawn faces with their points, for learning: every pose,
//! expression, light and cover, on varied drivers.

use std::time::Duration;

use image::RgbImage;

use super::{
    behaviour::Doing,
    driver::DRIVERS,
    head::Head,
    held::Cover,
    math::{chance, hash, unit},
    scene::{Act, Painter, Weather},
    shape::Expression,
    truth::Truth,
};

/// Pictures of one face before the next is made.
const PICTURES_A_FACE: u64 = 6;

/// A drawn picture of one face and what is true of it.
#[derive(Clone, Debug)]
pub struct Portrait {
    /// The picture.
    pub image: RgbImage,
    /// Counts the people.
    pub person: u64,
    /// What is true of it.
    pub truth: Truth,
}

/// Endless portraits of `side_px` by `side_px` pixels, the same for the same seed.
pub fn portraits(seed: u64, side_px: u32) -> impl Iterator<Item = Portrait> {
    let mut sitting: Option<Painter> = None;
    (0..).map(move |number: u64| {
        let person = number / PICTURES_A_FACE;
        let new = number.is_multiple_of(PICTURES_A_FACE);
        let painter = match sitting.take() {
            Some(painter) if !new => sitting.insert(painter),
            _ => {
                let driver = DRIVERS[person as usize % DRIVERS.len()].varied(hash(seed) ^ person);
                let head = Head::of(driver, hash(seed ^ person));
                sitting.insert(Painter::with(side_px, side_px, head, hash(seed) ^ person))
            }
        };
        let act = random_act(&Dice(hash(seed) ^ (number << 8)));
        let image = painter.paint(&act, number);
        let points = painter.landmarks(&act);
        let truth = Truth::of(&act, Duration::ZERO, Doing::Awake, &points);
        Portrait { image, person, truth }
    })
}

/// Independent chances of one picture.
struct Dice(u64);

impl Dice {
    fn even(&self, i: u64, from: f32, to: f32) -> f32 {
        from + (to - from) * chance(self.0 ^ i)
    }

    /// A bell of about this deviation, at most twice and a half of it.
    fn bell(&self, i: u64, deviation: f32) -> f32 {
        let sum: f32 = (0..3).map(|k| self.even(100 + 3 * i + k, -1.0, 1.0)).sum();
        sum * deviation
    }
}

fn random_act(dice: &Dice) -> Act {
    let eyes = match dice.even(1, 0.0, 1.0) {
        p if p < 0.30 => dice.even(2, 0.0, 0.06),
        p if p < 0.50 => dice.even(2, 0.06, 0.6),
        _ => dice.even(2, 0.6, 1.12),
    };
    let mouth = match dice.even(3, 0.0, 1.0) {
        p if p < 0.45 => 0.0,
        p if p < 0.65 => dice.even(4, 0.0, 0.35),
        _ => dice.even(4, 0.35, 1.05),
    };
    let cover = match dice.even(5, 0.0, 1.0) {
        p if p < 0.06 => Cover { sunglasses: true, ..Cover::default() },
        p if p < 0.12 => Cover { mask: true, ..Cover::default() },
        p if p < 0.16 => Cover { hand: 1.0, ..Cover::default() },
        _ => Cover::default(),
    };
    let weather = match dice.even(6, 0.0, 1.0) {
        p if p < 0.15 => Weather::Night,
        p if p < 0.27 => Weather::Glare,
        _ => Weather::Day,
    };
    let key = unit([dice.even(7, -0.9, 0.9), dice.even(8, -1.0, 0.1), dice.even(9, -1.0, -0.25)]);
    Act {
        turn: [dice.bell(10, 22.0), dice.bell(11, 11.0), dice.bell(12, 11.0)],
        shift: [dice.even(13, -0.4, 0.4), dice.even(14, -0.3, 0.3)],
        distance: dice.even(15, 3.4, 6.2),
        face: Expression {
            eyes: [eyes; 2],
            gaze: [dice.bell(16, 0.22), dice.bell(17, 0.15)],
            mouth,
            mouth_wide: 1.0 - 0.12 * mouth + dice.bell(18, 0.07),
            brows: dice.bell(19, 0.45),
            smile: 0.0,
        },
        cover,
        weather,
        key: Some(key),
        sun: dice.even(20, 0.4, 1.3),
        ..Act::default()
    }
}
