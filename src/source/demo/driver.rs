//! The people that are drawn: twelve and more, of different skin, age, hair and shape.

use serde::{Deserialize, Serialize};

use super::math::{Vec3, chance, hash};

/// How the hair falls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Hair {
    /// None on the crown.
    Bald,
    /// Close to the skull, receding or not.
    Short,
    /// Over the ears and down to the shoulders.
    Long,
    /// Drawn back, ears free.
    Tied,
}

/// What grows on the jaw.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Beard {
    /// Nothing.
    None,
    /// A few days.
    Stubble,
    /// Over the lip only.
    Moustache,
    /// Round the mouth.
    Goatee,
    /// All of the jaw.
    Full,
}

/// What is on the head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hat {
    /// Nothing.
    #[default]
    None,
    /// A cap with a peak.
    Cap,
    /// A knitted hat, down to the ears.
    Beanie,
    /// A hat with a brim all round.
    Brim,
}

/// What is before the eyes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Glasses {
    /// Nothing.
    None,
    /// Clear ones.
    Clear,
    /// Tinted ones: the eyes are seen through them.
    Tinted,
    /// Sunglasses: no eyes are seen.
    Dark,
    /// Clear ones in which the windscreen mirrors over part of the eyes.
    Reflecting,
}

/// One who can be drawn. Shape values are factors of an average face; colours are the
/// share of light that is given back, linear.
#[derive(Clone, Copy, Debug)]
pub(super) struct Driver {
    /// A word or two on who it is, for the contact sheet.
    pub(super) about: &'static str,
    pub(super) skin: Vec3,
    /// 0 young, 1 old: folds and spots.
    pub(super) age: f32,
    pub(super) hair: Hair,
    pub(super) hair_color: Vec3,
    /// How far the hair begins above the average line, in eye distances.
    pub(super) receding: f32,
    pub(super) beard: Beard,
    /// Colour of the frame.
    pub(super) glasses: Option<Vec3>,
    /// Thickness and darkness of the brows.
    pub(super) brows: f32,
    pub(super) wide: f32,
    pub(super) long: f32,
    /// Width of the jaw.
    pub(super) jaw: f32,
    pub(super) nose: f32,
    pub(super) nose_wide: f32,
    pub(super) lips: f32,
    pub(super) lip_color: Vec3,
    /// Height of the open eye.
    pub(super) eyes: f32,
    pub(super) iris: Vec3,
    /// Darkness of the lashes and the lid line.
    pub(super) lashes: f32,
    pub(super) clothes: Vec3,
    pub(super) hat: Hat,
    /// What the lenses are like, where there are any.
    pub(super) lenses: Glasses,
    /// A lock of hair over one eye.
    pub(super) lock: bool,
    /// How far the skin over the eyes hangs down on the lids, 0 to 1.
    pub(super) hooded: f32,
}

const AVERAGE: Driver = Driver {
    about: "average",
    skin: [0.52, 0.31, 0.22],
    age: 0.3,
    hair: Hair::Short,
    hair_color: [0.035, 0.022, 0.015],
    receding: 0.0,
    beard: Beard::None,
    glasses: None,
    brows: 1.0,
    wide: 1.0,
    long: 1.0,
    jaw: 1.0,
    nose: 1.0,
    nose_wide: 1.0,
    lips: 1.0,
    lip_color: [0.36, 0.13, 0.11],
    eyes: 1.0,
    iris: [0.07, 0.04, 0.02],
    lashes: 1.0,
    clothes: [0.05, 0.08, 0.16],
    hat: Hat::None,
    lenses: Glasses::Clear,
    lock: false,
    hooded: 0.0,
};

const BLACK: Vec3 = [0.012, 0.010, 0.009];
const GREY: Vec3 = [0.33, 0.32, 0.31];
const BLOND: Vec3 = [0.30, 0.19, 0.08];
const RED: Vec3 = [0.22, 0.07, 0.025];

/// Those who can be named after an `@`, from 0.
pub(super) const DRIVERS: [Driver; 14] = [
    Driver { about: "brown hair", ..AVERAGE },
    Driver {
        about: "dark skin, shaved head",
        skin: [0.105, 0.055, 0.034],
        hair: Hair::Bald,
        hair_color: BLACK,
        beard: Beard::Stubble,
        nose: 0.92,
        nose_wide: 1.22,
        lips: 1.35,
        lip_color: [0.115, 0.045, 0.035],
        iris: [0.03, 0.016, 0.01],
        lashes: 1.45,
        clothes: [0.35, 0.33, 0.28],
        ..AVERAGE
    },
    Driver {
        about: "long blond hair",
        skin: [0.60, 0.39, 0.29],
        age: 0.1,
        hair: Hair::Long,
        hair_color: BLOND,
        brows: 0.7,
        wide: 0.95,
        jaw: 0.92,
        nose: 0.88,
        nose_wide: 0.88,
        lips: 1.15,
        lip_color: [0.42, 0.11, 0.11],
        eyes: 1.1,
        iris: [0.12, 0.20, 0.26],
        lashes: 1.45,
        clothes: [0.30, 0.05, 0.07],
        ..AVERAGE
    },
    Driver {
        about: "glasses, full beard",
        age: 0.45,
        hair_color: BLACK,
        beard: Beard::Full,
        glasses: Some([0.012; 3]),
        brows: 1.3,
        nose: 1.1,
        iris: [0.05, 0.028, 0.015],
        clothes: [0.16, 0.19, 0.15],
        ..AVERAGE
    },
    Driver {
        about: "old, grey, receding",
        skin: [0.55, 0.34, 0.26],
        age: 1.0,
        hair_color: GREY,
        receding: 0.18,
        brows: 0.8,
        long: 1.03,
        nose: 1.12,
        nose_wide: 1.1,
        lips: 0.75,
        eyes: 0.88,
        iris: [0.10, 0.15, 0.19],
        clothes: [0.22, 0.20, 0.17],
        ..AVERAGE
    },
    Driver {
        about: "East Asian, tied hair",
        skin: [0.55, 0.35, 0.235],
        age: 0.15,
        hair: Hair::Tied,
        hair_color: BLACK,
        wide: 1.02,
        jaw: 0.94,
        nose: 0.8,
        nose_wide: 1.03,
        lips: 1.05,
        eyes: 0.85,
        iris: [0.028, 0.016, 0.01],
        lashes: 1.1,
        clothes: [0.5, 0.5, 0.52],
        ..AVERAGE
    },
    Driver {
        about: "South Asian, moustache",
        skin: [0.27, 0.15, 0.09],
        age: 0.5,
        hair_color: BLACK,
        beard: Beard::Moustache,
        brows: 1.35,
        nose: 1.06,
        nose_wide: 1.08,
        lip_color: [0.21, 0.085, 0.07],
        iris: [0.035, 0.02, 0.012],
        clothes: [0.30, 0.30, 0.36],
        ..AVERAGE
    },
    Driver {
        about: "red hair, freckles",
        skin: [0.62, 0.40, 0.30],
        age: 0.05,
        hair_color: RED,
        brows: 0.75,
        long: 0.98,
        eyes: 1.08,
        iris: [0.10, 0.17, 0.10],
        clothes: [0.08, 0.17, 0.11],
        ..AVERAGE
    },
    Driver {
        about: "dark skin, long hair",
        skin: [0.15, 0.08, 0.05],
        age: 0.2,
        hair: Hair::Long,
        hair_color: BLACK,
        brows: 0.9,
        wide: 0.97,
        jaw: 0.93,
        nose: 0.9,
        nose_wide: 1.12,
        lips: 1.3,
        lip_color: [0.19, 0.05, 0.05],
        eyes: 1.1,
        iris: [0.03, 0.016, 0.01],
        lashes: 1.45,
        clothes: [0.45, 0.30, 0.08],
        ..AVERAGE
    },
    Driver {
        about: "goatee, bald",
        skin: [0.46, 0.26, 0.18],
        age: 0.6,
        hair: Hair::Bald,
        beard: Beard::Goatee,
        wide: 1.04,
        jaw: 1.06,
        brows: 1.1,
        iris: [0.11, 0.13, 0.12],
        clothes: [0.03, 0.03, 0.035],
        ..AVERAGE
    },
    Driver {
        about: "glasses, tied grey hair",
        skin: [0.58, 0.38, 0.29],
        age: 0.85,
        hair: Hair::Tied,
        hair_color: GREY,
        glasses: Some([0.10, 0.03, 0.025]),
        brows: 0.7,
        wide: 0.97,
        lips: 0.85,
        iris: [0.11, 0.16, 0.20],
        clothes: [0.25, 0.12, 0.22],
        ..AVERAGE
    },
    Driver {
        about: "Middle Eastern, stubble",
        skin: [0.36, 0.21, 0.135],
        age: 0.35,
        hair_color: BLACK,
        beard: Beard::Stubble,
        brows: 1.45,
        long: 1.02,
        nose: 1.18,
        lashes: 1.2,
        iris: [0.05, 0.03, 0.015],
        clothes: [0.10, 0.10, 0.11],
        ..AVERAGE
    },
    Driver {
        about: "round face, young",
        skin: [0.50, 0.30, 0.21],
        age: 0.0,
        hair_color: [0.07, 0.04, 0.022],
        wide: 1.07,
        long: 0.96,
        jaw: 1.05,
        nose: 0.85,
        lips: 1.1,
        eyes: 1.05,
        clothes: [0.40, 0.16, 0.05],
        ..AVERAGE
    },
    Driver {
        about: "thin face, thin glasses",
        skin: [0.43, 0.26, 0.18],
        age: 0.5,
        hair_color: [0.09, 0.06, 0.04],
        receding: 0.08,
        glasses: Some([0.16, 0.16, 0.17]),
        wide: 0.93,
        long: 1.05,
        jaw: 0.95,
        nose: 1.1,
        nose_wide: 0.9,
        lips: 0.85,
        clothes: [0.13, 0.20, 0.30],
        ..AVERAGE
    },
];

impl Driver {
    /// Someone like this driver: other proportions, another shade of skin and hair.
    pub(super) fn varied(&self, seed: u64) -> Self {
        let about = |i: u64, spread: f32| 1.0 + spread * (2.0 * chance(hash(seed) ^ i) - 1.0);
        let tone = about(1, 0.25);
        Self {
            skin: [
                self.skin[0] * tone,
                self.skin[1] * tone * about(2, 0.06),
                self.skin[2] * tone * about(3, 0.1),
            ],
            age: (self.age + 0.3 * (about(4, 1.0) - 1.0)).clamp(0.0, 1.0),
            hair_color: self.hair_color.map(|part| part * about(5, 0.4)),
            brows: self.brows * about(6, 0.25),
            wide: self.wide * about(7, 0.06),
            long: self.long * about(8, 0.05),
            jaw: self.jaw * about(9, 0.06),
            nose: self.nose * about(10, 0.2),
            nose_wide: self.nose_wide * about(11, 0.14),
            lips: self.lips * about(12, 0.22),
            eyes: self.eyes * about(13, 0.14),
            lashes: self.lashes * about(14, 0.2),
            clothes: self.clothes.map(|part| part * about(15, 0.5)),
            ..*self
        }
    }
}
