//! Turned pictures: a camera may hang upside down or on its side, and may swap left and
//! right. [`Mounting`] says how a picture is brought upright, [`Turn`] by which angle.

use image::RgbImage;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// A turn by a multiple of 90 degrees, clockwise on the screen.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(try_from = "u16", into = "u16")]
pub enum Turn {
    /// 0 degrees.
    #[default]
    #[value(name = "0")]
    None,
    /// 90 degrees.
    #[value(name = "90")]
    Quarter,
    /// 180 degrees.
    #[value(name = "180")]
    Half,
    /// 270 degrees.
    #[value(name = "270")]
    ThreeQuarters,
}

/// An angle that is no turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a picture cannot be turned by {0} degrees; choose 0, 90, 180 or 270")]
pub struct NoTurn(u16);

impl TryFrom<u16> for Turn {
    type Error = NoTurn;

    fn try_from(degrees: u16) -> Result<Self, NoTurn> {
        Self::ALL.into_iter().find(|turn| turn.degrees() == degrees).ok_or(NoTurn(degrees))
    }
}

impl From<Turn> for u16 {
    fn from(turn: Turn) -> Self {
        turn.degrees()
    }
}

impl Turn {
    /// Every turn, by its angle.
    pub const ALL: [Self; 4] = [Self::None, Self::Quarter, Self::Half, Self::ThreeQuarters];

    /// The angle: 0, 90, 180 or 270.
    pub fn degrees(self) -> u16 {
        90 * self as u16
    }

    /// The angle in radians.
    pub fn radians(self) -> f32 {
        f32::from(self.degrees()).to_radians()
    }

    /// This turn and another one after it.
    #[must_use]
    pub fn then(self, next: Self) -> Self {
        Self::ALL[(self as usize + next as usize) % 4]
    }

    /// The turn back.
    #[must_use]
    pub fn back(self) -> Self {
        Self::ALL[(4 - self as usize) % 4]
    }
}

/// How pictures are brought upright: turned, then left and right swapped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Mounting {
    /// By how much the picture is turned, clockwise.
    pub rotate: Turn,
    /// Whether left and right are swapped after that.
    pub mirror: bool,
}

impl Mounting {
    /// Whether pictures stay as they come.
    pub fn is_plain(self) -> bool {
        self == Self::default()
    }

    /// Width and height of a picture of this width and height after the turn.
    pub fn size(self, [width, height]: [u32; 2]) -> [u32; 2] {
        match self.rotate {
            Turn::None | Turn::Half => [width, height],
            Turn::Quarter | Turn::ThreeQuarters => [height, width],
        }
    }

    /// The picture, turned and mirrored.
    #[must_use]
    pub fn apply(self, image: RgbImage) -> RgbImage {
        if self.is_plain() {
            return image;
        }
        let [width, height] = self.size([image.width(), image.height()]);
        let mut turned = RgbImage::new(width, height);
        self.draw(&image, &mut turned);
        turned
    }

    /// Writes the turned and mirrored picture into another one of its [`size`](Self::size).
    pub(crate) fn draw(self, image: &RgbImage, turned: &mut RgbImage) {
        let (width, height) = image.dimensions();
        let across = turned.width();
        for (x, y, pixel) in turned.enumerate_pixels_mut() {
            let x = if self.mirror { across - 1 - x } else { x };
            let (x, y) = match self.rotate {
                Turn::None => (x, y),
                Turn::Quarter => (y, height - 1 - x),
                Turn::Half => (width - 1 - x, height - 1 - y),
                Turn::ThreeQuarters => (width - 1 - y, x),
            };
            *pixel = *image.get_pixel(x, y);
        }
    }

    /// The mounting to choose when pictures that are already brought upright by this one
    /// are seen to need another `turn`.
    #[must_use]
    pub fn corrected(self, turn: Turn) -> Self {
        // A turn after the mirror is a turn back before it.
        let turn = if self.mirror { turn.back() } else { turn };
        Self { rotate: self.rotate.then(turn), ..self }
    }
}

#[cfg(test)]
mod tests {
    use image::Rgb;

    use super::*;

    /// Every pixel has a value of its own.
    fn picture() -> RgbImage {
        RgbImage::from_fn(4, 3, |x, y| Rgb([x as u8, y as u8, 7]))
    }

    #[test]
    fn a_quarter_turn_is_clockwise_and_the_mirror_comes_after_it() {
        let quarter = Mounting { rotate: Turn::Quarter, mirror: false };
        let turned = quarter.apply(picture());
        assert_eq!(turned.dimensions(), (3, 4));
        // The lower left corner has become the upper left one.
        assert_eq!(turned.get_pixel(0, 0).0, [0, 2, 7]);
        let mirrored = Mounting { mirror: true, ..quarter }.apply(picture());
        assert_eq!(mirrored.get_pixel(2, 0).0, [0, 2, 7]);
        let three = Mounting { rotate: Turn::ThreeQuarters, mirror: false };
        assert_eq!(three.apply(turned), picture());
        assert_eq!(Mounting::default().apply(picture()), picture());
    }

    #[test]
    fn a_correction_turns_what_is_seen() {
        for rotate in Turn::ALL {
            for mirror in [false, true] {
                for turn in Turn::ALL {
                    let now = Mounting { rotate, mirror };
                    let seen = now.apply(picture());
                    let upright = Mounting { rotate: turn, mirror: false }.apply(seen);
                    assert_eq!(now.corrected(turn).apply(picture()), upright, "{now:?} {turn:?}");
                }
            }
        }
    }

    #[test]
    fn a_turn_is_kept_as_its_angle() {
        assert_eq!(serde_json::to_string(&Turn::Half).unwrap(), "180");
        assert_eq!(serde_json::from_str::<Turn>("270").unwrap(), Turn::ThreeQuarters);
        let error = serde_json::from_str::<Turn>("45").unwrap_err().to_string();
        assert!(error.contains("45 degrees; choose 0, 90, 180 or 270"), "{error}");
    }
}
