//! Makes another driver of a known one: skin, eyes, age, beard, and what is worn.

use super::{
    driver::{Driver, Glasses, Hair, Hat},
    math::{Vec3, mix, mix3, scale, step},
    script::Person,
};

/// Share of the light that skin of the types 1 to 6 after Fitzpatrick gives back, and the
/// lips in it.
const SKIN: [[Vec3; 2]; 6] = [
    [[0.68, 0.48, 0.40], [0.46, 0.17, 0.16]],
    [[0.59, 0.38, 0.285], [0.40, 0.14, 0.12]],
    [[0.47, 0.29, 0.20], [0.33, 0.125, 0.10]],
    [[0.33, 0.19, 0.12], [0.25, 0.10, 0.08]],
    [[0.185, 0.10, 0.063], [0.175, 0.068, 0.055]],
    [[0.088, 0.047, 0.031], [0.100, 0.042, 0.034]],
];
const BROWN: Vec3 = [0.045, 0.028, 0.018];
const BLACK: Vec3 = [0.012, 0.010, 0.009];
const GREY: Vec3 = [0.36, 0.35, 0.34];

/// Millimetres of one unit of the head.
const UNIT_MM: f32 = 92.0;
/// Height of the rested open eye over its upper and its lower lid's share, in units: the
/// lower lid opens no further than to a twentieth over the average.
const UPPER: f32 = 0.95 * 0.078;
const LOWER: f32 = 0.95 * 0.040;
const LOWER_MOST: f32 = 1.05;

/// The factor of the eye's height that opens a rested eye by so many millimetres.
pub(super) fn eye_factor(mm: f32) -> f32 {
    let high = mm / UNIT_MM;
    let both = high / (UPPER + LOWER);
    if both <= LOWER_MOST { both } else { (high - LOWER * LOWER_MOST) / UPPER }
}

impl Driver {
    /// This driver with all that a script says of him.
    pub(super) fn changed(&self, person: &Person) -> Self {
        let mut driver = *self;
        if let Some(age) = person.age {
            driver.grow(f32::from(age));
        }
        if let Some(skin) = person.skin {
            let [color, lips] = SKIN[usize::from(skin.clamp(1, 6)) - 1];
            (driver.skin, driver.lip_color) = (color, lips);
            if skin >= 4 {
                // Fair hair does not go with it.
                let fair = step(0.05, 0.15, driver.hair_color[0] - driver.hair_color[2]);
                driver.hair_color = mix3(driver.hair_color, BLACK, fair);
                driver.iris = mix3(driver.iris, [0.032, 0.018, 0.011], 0.8);
                driver.lashes = driver.lashes.max(1.0 + 0.15 * f32::from(skin - 3));
            }
        }
        if let Some(mm) = person.eye_mm {
            driver.eyes = eye_factor(mm);
        }
        driver.beard = person.beard.unwrap_or(driver.beard);
        if let Some(glasses) = person.glasses {
            let frame = driver.glasses.unwrap_or([0.02; 3]);
            driver.lenses = glasses;
            // Dark ones are put on over nothing, as a scenario's are.
            let none = matches!(glasses, Glasses::None | Glasses::Dark);
            driver.glasses = (!none).then_some(frame);
        }
        driver.hat = person.hat;
        driver.lock = person.hair_over_eye;
        if driver.lock && driver.hair == Hair::Bald {
            driver.hair = Hair::Short;
        }
        driver
    }

    /// Sets the age in years.
    fn grow(&mut self, years: f32) {
        self.age = (years - 16.0) / 56.0;
        self.hooded = step(45.0, 80.0, years);
        let [r, _, b] = self.hair_color;
        let is_grey = r > 0.25 && r - b < 0.05;
        if is_grey {
            self.hair_color = BROWN;
        }
        self.hair_color = mix3(self.hair_color, GREY, step(40.0, 68.0, years));
        self.lips *= mix(1.05, 0.78, step(20.0, 80.0, years));
        self.brows *= mix(1.0, 0.85, step(50.0, 80.0, years));
        if self.receding > 0.0 {
            self.receding *= step(25.0, 60.0, years);
        }
        self.eyes *= mix(1.0, 0.9, step(50.0, 80.0, years));
    }

    /// The same driver in the light of an infra-red lamp, in which all skin is fair.
    pub(super) fn infrared(&self) -> (Self, f32) {
        let [r, g, b] = self.skin;
        let gain = (0.36 / (0.35 * r + 0.40 * g + 0.25 * b)).max(1.0).powf(0.6);
        let driver = Self {
            skin: scale(self.skin, gain),
            clothes: self.clothes.map(|part| part.sqrt() * 0.5),
            ..*self
        };
        (driver, gain)
    }

    /// Share of the light that a peak or a brim leaves to a height of the face.
    pub(super) fn shaded_by_hat(&self, y: f32) -> f32 {
        match self.hat {
            Hat::None | Hat::Beanie => 1.0,
            Hat::Cap | Hat::Brim => mix(0.58, 1.0, step(-0.55, 0.25, y)),
        }
    }
}
