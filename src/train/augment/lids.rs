//! Draws eyelids closer together than they are, so that one face shows open and closed
//! eyes: the skin above and below is stretched over the eye and meets in a line of lashes.
//! Closed eyes then come from every collection, and a network gains nothing by knowing
//! how a collection was photographed.

use rand::Rng;

use super::{Anchors, Picture};

/// Width of an eye over the distance of the eyes' centres, as in the aligned crops.
const EYE_WIDTH: f32 = 0.48;
/// How far the skin that is stretched reaches above and below the eye's centre, in widths
/// of the eye.
const SKIN: f32 = 0.55;
/// Where the lids of an open eye are, as shares of its opening above and below its centre.
const LIDS: [f32; 2] = [0.55, 0.45];
/// Largest opening over the eye aspect ratio, which is a mean of two openings.
const LARGEST_OPENING: f32 = 1.25;
/// The smallest aspect ratio that is believed of an open eye: lists that only say "open"
/// are cut off above it.
const LEAST_ASPECT: f32 = 0.2;

/// Lids to draw.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lids {
    /// Aspect ratio of the eyes as they are, 0..1.
    pub aspect: f32,
    /// How much of the opening the lids take away, 0..1; 1 = the eyes are closed.
    pub lowered: f32,
}

impl Lids {
    /// Draws the lids of both eyes, with the same random look.
    pub fn draw(self, picture: &mut Picture, anchors: &Anchors, rng: &mut impl Rng) {
        let ([lx, ly], [rx, ry]) = (anchors.left_eye, anchors.right_eye);
        let span = (rx - lx).hypot(ry - ly);
        if span < 1.0 {
            return;
        }
        let lowered = self.lowered.clamp(0.0, 1.0);
        let look = Look {
            right: [(rx - lx) / span, (ry - ly) / span],
            width: EYE_WIDTH * span,
            opening: self.aspect.clamp(LEAST_ASPECT, 1.0) * EYE_WIDTH * span * LARGEST_OPENING,
            lowered,
            meet: rng.random_range(-0.25..1.0),
            bare: rng.random_range(0.6..0.95f32).max(1.0 - lowered),
            lashes: lowered * rng.random_range(0.05..0.95f32),
            thickness: span * rng.random_range(0.02..0.06f32),
            shade: rng.random_range(0.1..0.7),
        };
        for eye in [anchors.left_eye, anchors.right_eye] {
            look.draw(picture, eye);
        }
    }
}

/// What the lids of both eyes look like; lengths are pixels.
struct Look {
    /// The direction from eye to eye.
    right: [f32; 2],
    width: f32,
    opening: f32,
    lowered: f32,
    /// Where closed lids meet, below the eye's centre, as a share of the opening: a sleeper's
    /// low, those of a laugh above the centre.
    meet: f32,
    /// How much of the skin above the upper lid is stretched; the rest bears lashes.
    bare: f32,
    /// Opacity of the lashes.
    lashes: f32,
    thickness: f32,
    /// Brightness of the lashes over that of the cheek.
    shade: f32,
}

/// Where both lids end in one column, in pixels below the eye's centre: the upper and the
/// lower one, as they are and as they shall be.
struct Ends {
    was: [f32; 2],
    is: [f32; 2],
}

impl Look {
    /// Place of a pixel in the eye: -1..1 between the ends of the lid, and pixels below
    /// the centre.
    fn local(&self, eye: [f32; 2], x: f32, y: f32) -> (f32, f32) {
        let (dx, dy, [cos, sin]) = (x - eye[0], y - eye[1], self.right);
        // The lid is a little wider than the eye.
        let half = 0.6 * self.width;
        ((cos * dx + sin * dy) / half, cos * dy - sin * dx)
    }

    fn ends(&self, along: f32) -> Ends {
        let arch = (1.0 - along * along).max(0.0) * self.opening;
        let was = [-LIDS[0] * arch, LIDS[1] * arch];
        Ends { was, is: was.map(|lid| lid + self.lowered * (self.meet * arch - lid)) }
    }

    /// How much a pixel belongs to a lid: what of its height the opening leaves.
    fn on_lid(&self, along: f32, below: f32) -> f32 {
        let Ends { is: [upper, lower], .. } = self.ends(along);
        let opening = (below + 0.5).min(lower) - (below - 0.5).max(upper);
        (1.0 - opening.clamp(0.0, 1.0)) * self.taper(along, below, 4.0)
    }

    /// 1 in the middle of the skin, 0 at both ends of the lids, -1 and 1, and beyond.
    fn taper(&self, along: f32, below: f32, slope: f32) -> f32 {
        let inside = below.abs() < SKIN * self.width;
        if inside { ((1.0 - along.abs()) * slope).clamp(0.0, 1.0) } else { 0.0 }
    }

    /// How far below the centre the skin comes from that lies at a place.
    fn stretched(&self, along: f32, below: f32) -> f32 {
        let Ends { was, is } = self.ends(along);
        let (edge, was, is) = if 2.0 * below < is[0] + is[1] {
            (-SKIN * self.width, was[0], is[0])
        } else {
            (SKIN * self.width, was[1], is[1])
        };
        let bare = if edge < 0.0 { self.bare } else { 1.0 };
        // Half a pixel beyond the lid's edge is blended in: what lies there goes on.
        let share = ((below - edge) / (is - edge)).max(0.0);
        edge + share * bare * (was - edge)
    }

    fn draw(&self, picture: &mut Picture, eye: [f32; 2]) {
        let before = picture.clone();
        let (reach, [cos, sin]) = (self.width, self.right);
        let bounds = [eye[0] - reach, eye[1] - reach, eye[0] + reach, eye[1] + reach];
        picture.paint(
            bounds,
            |x, y| {
                let (along, below) = self.local(eye, x, y);
                self.on_lid(along, below)
            },
            |x, y| {
                let (along, below) = self.local(eye, x, y);
                let up = below - self.stretched(along, below);
                before.between(x + sin * up, y - cos * up)
            },
        );
        let cheek = 0.45 * self.width;
        let dark = before.between(eye[0] - sin * cheek, eye[1] + cos * cheek);
        let dark = dark.map(|value| self.shade * value);
        picture.paint(
            bounds,
            |x, y| {
                let (along, below) = self.local(eye, x, y);
                let off = (below - self.ends(along).is[0]) / self.thickness;
                self.lashes * (-0.5 * off * off).exp() * self.taper(along, below, 3.0)
            },
            |_, _| dark,
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    const ANCHORS: Anchors = Anchors {
        left_eye: [19.4, 18.0],
        right_eye: [52.6, 18.0],
        nose: [36.0, 39.6],
        mouth: [36.0, 61.2],
    };

    /// That of eyes which open by 5 px where they open most, 16 px wide.
    const ASPECT: f32 = 0.25;

    /// Bright skin with two blue eyes that are 5 px high.
    fn face() -> Picture {
        let mut data = vec![0.8; 3 * 72 * 72];
        for [cx, cy] in [ANCHORS.left_eye, ANCHORS.right_eye] {
            for at in 0..72 * 72 {
                let (x, y) = ((at % 72) as f32 + 0.5 - cx, (at / 72) as f32 + 0.5 - cy);
                if (x / 7.0).powi(2) + (y / 2.5).powi(2) < 1.0 {
                    (data[at], data[72 * 72 + at]) = (0.0, 0.0);
                }
            }
        }
        Picture { channels: 3, height: 72, width: 72, data }
    }

    /// Pixels in which the blue of the eyes is seen.
    fn blue(picture: &Picture) -> usize {
        let (red, rest) = picture.data.split_at(72 * 72);
        red.iter().zip(&rest[72 * 72..]).filter(|(red, blue)| **blue - **red > 0.2).count()
    }

    #[test]
    fn closed_lids_hide_the_eyes_and_leave_the_rest_alone() {
        let open = blue(&face());
        for seed in 0..20 {
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            let mut drawn = |lowered| {
                let mut picture = face();
                Lids { aspect: ASPECT, lowered }.draw(&mut picture, &ANCHORS, &mut rng);
                picture
            };
            let (closed, half) = (drawn(1.0), drawn(0.4));
            assert!(blue(&closed) * 4 < open, "{} of {open}", blue(&closed));
            let seen = blue(&half);
            assert!(seen * 5 > open && seen < open, "{seen} of {open}");
            let same = |at: usize| closed.data[at] == face().data[at];
            assert!((0..72 * 72).filter(|at| at / 72 > 30 || at / 72 < 2).all(same));
        }
    }

    #[test]
    fn lids_that_are_not_lowered_change_next_to_nothing() {
        let mut picture = face();
        Lids { aspect: ASPECT, lowered: 0.0 }.draw(
            &mut picture,
            &ANCHORS,
            &mut ChaCha8Rng::seed_from_u64(1),
        );
        let before = face();
        let most = picture.data.iter().zip(&before.data).map(|(a, b)| (a - b).abs());
        assert!(most.fold(0.0f32, f32::max) < 1e-3);
    }

    #[test]
    fn eyes_in_one_place_or_outside_do_not_break_the_drawing() {
        let one = Anchors { left_eye: [5.0; 2], right_eye: [5.0; 2], ..ANCHORS };
        let outside = Anchors { left_eye: [-40.0, 2.0], right_eye: [90.0, -9.0], ..ANCHORS };
        for anchors in [one, outside] {
            let mut picture = face();
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            Lids { aspect: ASPECT, lowered: 1.0 }.draw(&mut picture, &anchors, &mut rng);
            assert!(picture.data.iter().all(|v| (0.0..=1.0).contains(v)));
        }
    }
}
