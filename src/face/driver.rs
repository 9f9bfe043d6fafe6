//! Which of several faces is the driver's. The face that is watched stays the driver while
//! it is there, however large another one is. Among new faces the one on the driver's side
//! of the picture comes first, then the one nearest to where the driver was, then the
//! largest. A face elsewhere only stands in for a driver who is gone: it has to wait, and
//! it gives way when the driver is back.

use std::time::Duration;

use image::RgbImage;

use super::{
    Detection, Face, FaceError, FaceTracker, Region, Search, Seat,
    detect::SURE_SCORE,
    landmarks::STEADY,
    region::{SURE, same_place},
};

/// So long after the driver was lost, only a face where the driver is expected is taken.
const EXPECTED: Duration = Duration::from_secs(4);
/// Another face seen so long ago may still be there.
const KNOWN: Duration = Duration::from_secs(60);
/// After so long without the driver, whoever stands in is the driver.
const STAND_IN: Duration = Duration::from_secs(30);
/// So long after a face on the other side was taken, the driver's side is looked at often.
const SETTLING: Duration = Duration::from_secs(10);
/// Checks in a row after which a face with more claim becomes the driver.
const RIVAL_CHECKS: u32 = 2;
/// Checks in a row that find no face here before a not quite sure face is given up.
const UNCONFIRMED_CHECKS: u32 = 3;
/// A check is repeated this soon when it did not confirm the driver.
const RECHECK: Duration = Duration::from_secs(1);
/// Boxes of one search that are looked at: a picture full of them must not stall the frame.
const MOST_BOXES: usize = 4;
/// A face whose middle is nearer to the picture's middle than this share of its width is on
/// both sides.
const BOTH_SIDES: f32 = 0.05;

/// Where the driver sits and who else is there.
#[derive(Debug, Default)]
pub(super) struct Seats {
    /// The picture is shown as a mirror.
    pub(super) mirrored: bool,
    /// Where the driver was seen last, and when.
    home: Option<(Region, Duration)>,
    /// Other faces at the last two looks at the whole picture.
    others: [u32; 2],
    /// When there was another face.
    others_at: Option<Duration>,
}

impl Seats {
    /// Forgets everybody, as for a new source.
    pub(super) fn forget(&mut self) {
        *self = Self { mirrored: self.mirrored, ..Self::default() };
    }

    /// Other faces in the picture. One that a single look misses is still there.
    pub(super) fn others(&self) -> u32 {
        self.others[0].max(self.others[1])
    }

    fn note(&mut self, others: usize, at: Duration) {
        self.others = [others as u32, self.others[0]];
        if others > 0 {
            self.others_at = Some(at);
        }
    }

    /// The followed face was seen: that is where the driver is, unless it stands in.
    pub(super) fn seen(&mut self, region: &Region, at: Duration) {
        let gone =
            |(home, seen): (Region, Duration)| steps(&home, region) == 0 || at >= seen + STAND_IN;
        if self.home.is_none_or(gone) {
            self.home = Some((*region, at));
        }
    }

    /// How many faces away from the driver's place a region is; 0 where no place is known.
    fn away(&self, region: &Region) -> u32 {
        self.home.map_or(0, |(home, _)| steps(&home, region))
    }

    fn on_side(&self, seat: Seat, region: &Region, width: u32) -> bool {
        let x = region.center[0] / width.max(1) as f32;
        let x = if self.mirrored { 1.0 - x } else { x };
        match seat {
            Seat::Any => true,
            Seat::Left => x < 0.5 + BOTH_SIDES,
            Seat::Right => x > 0.5 - BOTH_SIDES,
        }
    }
}

/// Distance of two regions in whole sides of the first.
fn steps(from: &Region, to: &Region) -> u32 {
    let [x, y] = [0, 1].map(|axis| to.center[axis] - from.center[axis]);
    (x.hypot(y) / from.side_px.max(1.0)) as u32
}

/// Whether two regions are of one face.
pub(super) fn is_same(one: &Region, other: &Region) -> bool {
    let [x, y] = one.to_unit(other.center);
    (0.2..=0.8).contains(&x) && (0.2..=0.8).contains(&y)
}

impl FaceTracker {
    /// Of what the detector found, the face that the network believes in and that is most
    /// likely the driver's. `whole`: it looked at the whole picture for upright faces, so
    /// that the others can be counted.
    pub(super) fn choose(
        &mut self,
        image: &RgbImage,
        at: Duration,
        found: &[Detection],
        whole: bool,
    ) -> Result<Option<Face>, FaceError> {
        let width = image.width();
        let mut found: Vec<_> =
            found.iter().map(|detection| (Region::from_detection(detection), detection)).collect();
        found.sort_by(|(one, _), (other, _)| {
            let key = |region| (self.order_of(region, width), self.seats.away(region));
            key(one).cmp(&key(other)).then(other.side_px.total_cmp(&one.side_px))
        });
        let mut faces: Vec<(Face, &Detection)> = Vec::new();
        for (_, detection) in found.into_iter().take(MOST_BOXES) {
            let Some(face) = self.believed_in(image, detection)? else { continue };
            let region = Region::from_landmarks(&face.landmarks);
            if !faces
                .iter()
                .any(|(known, _)| is_same(&Region::from_landmarks(&known.landmarks), &region))
            {
                faces.push((face, detection));
            }
            if !whole {
                break;
            }
        }
        let mut driver = None;
        let mut others = faces.len();
        for (face, detection) in &faces {
            driver = self.upright_face(image, detection, face)?;
            // One that is upside down is told as a turned picture, not as another face.
            others -= 1;
            if driver.is_some() {
                break;
            }
        }
        let found = driver.is_some();
        let driver = driver.filter(|face| {
            let region = Region::from_landmarks(&face.landmarks);
            at >= self.lost_at + EXPECTED || self.is_expected(&region, width, at)
        });
        // Whoever is not taken for the driver is somebody else.
        others += usize::from(found && driver.is_none());
        if whole {
            self.seats.note(others, at);
        }
        Ok(driver)
    }

    /// Faces with a smaller value come first, whatever their size.
    pub(super) fn order_of(&self, region: &Region, width: u32) -> bool {
        !self.seats.on_side(self.settings.seat, region, width)
    }

    /// Whether the driver may be here: on the chosen side, or near where the driver was when
    /// somebody else is in the picture.
    fn is_expected(&self, region: &Region, width: u32, at: Duration) -> bool {
        match self.settings.seat {
            Seat::Any => {
                let alone = self.seats.others_at.is_none_or(|seen| at > seen + KNOWN);
                alone || self.seats.away(region) == 0
            }
            seat => self.seats.on_side(seat, region, width),
        }
    }

    /// The face in a detector's box, if the network believes in one there.
    fn believed_in(
        &mut self,
        image: &RgbImage,
        detection: &Detection,
    ) -> Result<Option<Face>, FaceError> {
        let region = Region::from_detection(detection);
        let face = match detection.score < SURE_SCORE {
            true => self.net.locate_surely(image, &region, STEADY)?,
            false => self.net.locate_afresh(image, &region)?,
        };
        Ok((face.confidence >= self.settings.acquire).then_some(face))
    }

    /// Every few seconds, sees whether the detector agrees that this is the driver.
    pub(super) fn check(
        &mut self,
        image: &RgbImage,
        at: Duration,
        face: Option<Face>,
    ) -> Result<Option<Face>, FaceError> {
        let every = Duration::from_secs_f32(self.settings.check_every_s.max(0.1));
        let Some(mut track) = self.track.take() else { return Ok(face) };
        let (seat, width) = (self.settings.seat, image.width());
        let stands_in = self.seats.away(&track.region) > 0;
        let on_side = self.seats.on_side(seat, &track.region, width);
        let doubtful = track.unconfirmed > 0 && track.confidence < SURE
            || track.rival > 0
            || stands_in
            || !on_side && at < track.began_at + SETTLING;
        if at < track.checked_at + if doubtful { RECHECK.min(every) } else { every } {
            self.track = Some(track);
            return Ok(face);
        }
        track.checked_at = at;
        let found = self.ask(image, &Search::default())?;
        let (own, elsewhere): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|d| same_place(&track.region, &d.bbox));
        track.unconfirmed = if own.is_empty() { track.unconfirmed + 1 } else { 0 };
        // What is followed may be no face at all.
        let unsure = own.is_empty() && track.confidence < SURE;
        let mut others: Vec<(Face, &Detection)> = Vec::new();
        for detection in elsewhere.iter().take(MOST_BOXES) {
            let Some(other) = self.believed_in(image, detection)? else { continue };
            let region = Region::from_landmarks(&other.landmarks);
            let mut known = others.iter().map(|(face, _)| Region::from_landmarks(&face.landmarks));
            if !is_same(&track.region, &region) && !known.any(|known| is_same(&known, &region)) {
                others.push((other, detection));
            }
        }
        self.seats.note(others.len(), at);
        let claims = |face: &Face| {
            let region = Region::from_landmarks(&face.landmarks);
            let side = self.seats.on_side(seat, &region, width);
            unsure
                || side && !on_side
                || side == on_side && stands_in && self.seats.away(&region) == 0
        };
        let rival = match others.into_iter().find(|(face, _)| claims(face)) {
            Some((rival, detection)) => self.upright_face(image, detection, &rival)?,
            None => None,
        };
        track.rival = if rival.is_some() { track.rival + 1 } else { 0 };
        if let Some(rival) = rival
            && track.rival >= RIVAL_CHECKS
        {
            self.seats.home = Some((Region::from_landmarks(&rival.landmarks), at));
            self.begin(&rival, at);
            return Ok(Some(rival));
        }
        if track.unconfirmed >= UNCONFIRMED_CHECKS && track.confidence < SURE {
            tracing::debug!("what was followed is no face; searching again");
            self.lost_at = at;
            self.last = None;
            return Ok(None);
        }
        self.track = Some(track);
        Ok(face)
    }
}
