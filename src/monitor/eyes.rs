//! Whether the eyes are closed in a frame: by the classifier and by the landmarks, which
//! must agree unless the classifier is sure. It sees the lids' texture, the ratio only six
//! points; but the ratio is measured by the person's own open eyes.

use super::{FaceSigns, Settings};

/// Whether the eyes are closed, given whether they were (`None` = not known) and the
/// eye aspect ratio of this person's open eyes. Less strict once they are closed.
pub(super) fn are_closed(
    face: &FaceSigns,
    were: Option<bool>,
    open_aspect: f32,
    s: &Settings,
) -> bool {
    let share = if were == Some(true) { s.open_share } else { s.closed_share };
    let lids_low = face.mean_aspect() < share * open_aspect;
    face.eyes_closed >= s.closed_sure || face.eyes_closed >= s.closed_likely && lids_low
}

/// Whether all readings are numbers: a network that gives none has read nothing.
pub(super) fn is_sound(face: &FaceSigns) -> bool {
    let [left, right] = face.eye_aspect;
    [face.drowsy, face.eyes_closed, face.yawn, left, right].iter().all(|v| v.is_finite())
}
