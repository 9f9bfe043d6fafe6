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
    let (shut, lids) = (face.shut(), face.mean_aspect() / open_aspect.max(f32::EPSILON));
    let low = |likely, share| shut >= likely && lids < share;
    shut >= s.closed_sure
        || match were {
            Some(true) => low(s.closed_likely, s.open_share) || low(s.held_likely, s.held_share),
            _ => low(s.closed_likely, s.closed_share),
        }
}

/// Whether all readings are numbers: a network that gives none has read nothing.
pub(super) fn is_sound(face: &FaceSigns) -> bool {
    let [left, right] = face.eye_aspect;
    let eyes = face.eyes.iter().flatten().flat_map(|eye| [eye.shut, eye.seen]);
    let read = [face.drowsy, face.eyes_closed, face.yawn, left, right];
    read.into_iter().chain(eyes).all(f32::is_finite)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::EyeSigns;

    fn face(eyes_closed: f32, eyes: Option<[[f32; 2]; 2]>) -> FaceSigns {
        let eyes = eyes.map(|eyes| eyes.map(|[shut, seen]| EyeSigns { shut, seen }));
        FaceSigns { eyes_closed, eyes, ..FaceSigns::default() }
    }

    #[test]
    fn closed_eyes_stay_closed_in_a_frame_that_is_misread_while_the_lids_look_shut() {
        let closed = |shut: f32, lids: f32, were| {
            let face = FaceSigns { eye_aspect: [0.3 * lids; 2], ..face(shut, None) };
            are_closed(&face, were, 0.3, &Settings::default())
        };
        for (shut, lids, were, expected) in [
            (0.3, 0.2, Some(true), true),
            (0.3, 0.2, Some(false), false),
            (0.3, 0.2, None, false),
            (0.3, 0.5, Some(true), false),
            (0.1, 0.1, Some(true), false),
            (0.6, 0.7, Some(true), true),
            (0.6, 0.7, Some(false), false),
            (0.8, 1.0, Some(false), true),
        ] {
            assert_eq!(closed(shut, lids, were), expected, "{shut} {lids} {were:?}");
        }
    }

    #[test]
    fn all_heads_are_joined_each_eye_as_far_as_it_is_seen() {
        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-3, "{a} {b}");
        near(face(0.3, None).shut(), 0.3);
        near(face(0.8, Some([[0.8, 1.0], [0.8, 1.0]])).shut(), 0.8);
        near(face(0.8, Some([[0.2, 1.0], [0.2, 1.0]])).shut(), 0.5);
        // A hand lies over the eye that would say otherwise.
        near(face(0.8, Some([[0.8, 1.0], [0.1, 0.0]])).shut(), 0.8);
        near(face(0.7, Some([[0.1, 0.0], [0.1, 0.0]])).shut(), 0.7);
        // However sure, one head does not outweigh the other.
        near(face(1.0, Some([[0.0, 1.0], [0.0, 1.0]])).shut(), 0.5);
        // Nor do the landmarks of a covered eye count.
        let aspects = |eyes| FaceSigns { eye_aspect: [0.1, 0.3], ..face(0.5, eyes) }.mean_aspect();
        near(aspects(None), 0.2);
        near(aspects(Some([[0.5, 0.9], [0.5, 0.9]])), 0.2);
        near(aspects(Some([[0.5, 1.0], [0.5, 0.0]])), 0.1);
        near(aspects(Some([[0.5, 0.0], [0.5, 0.02]])), 0.2);
        assert!(!is_sound(&face(0.5, Some([[f32::NAN, 1.0], [0.5, 1.0]]))));
    }
}
