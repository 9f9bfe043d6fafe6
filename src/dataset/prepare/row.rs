//! A crop's line in the list: what is known of its picture or frame, filled up with what
//! was measured. Nothing in here changes a crop, so that a list can be made anew when more
//! becomes known.

use super::{
    Input,
    journal::{Found, Outcome},
};
use crate::dataset::{
    collections,
    manifest::{Item, Label},
    spans::{FilmTruth, Moment},
};

/// Why the frame of a film with annotated spans is not listed.
pub(super) const UNCERTAIN: &str = "the truth is uncertain there";
pub(super) const TRUTH_NO_FACE: &str = "the truth says there is no face";

/// What the annotated spans say of a frame, where there are any.
fn moment(input: &Input<'_>, outcome: &Outcome) -> Option<Moment> {
    Some(input.truth?.at(outcome.time_s?))
}

/// Why a face that was found is not listed.
pub(super) fn left_out(input: &Input<'_>, outcome: &Outcome) -> Option<&'static str> {
    match moment(input, outcome)? {
        Moment { no_face: true, .. } => Some(TRUTH_NO_FACE),
        Moment { uncertain: true, .. } => Some(UNCERTAIN),
        _ => None,
    }
}

/// A crop's line. A frame of a video is named by that very file and the time in it.
pub(super) fn of(input: &Input<'_>, outcome: &Outcome, found: &Found) -> Item {
    let item = input.item;
    let (video, time_s) = match outcome.time_s {
        Some(time_s) => (input.key.clone(), Some(time_s)),
        None => (item.video.clone(), item.time_s),
    };
    let item = Item {
        file: found.crop.clone().into(),
        video,
        time_s,
        seen: Some(found.seen),
        ..item.clone()
    };
    if item.eyes_only {
        // No face was looked for, and nothing was measured.
        return item;
    }
    // A mouth at rest is no yawn; an open one may be anything.
    let at_rest = (found.mouth_aspect < collections::MOUTH_AT_REST).then_some(false);
    let item = match (input.truth, moment(input, outcome)) {
        (Some(film), Some(moment)) => annotated(item, film, moment, at_rest),
        _ => Item { yawn: item.yawn.or(at_rest), ..item },
    };
    Item {
        eye_aspect: item.eye_aspect.or_else(|| eye_aspect(input, &item, found.eye_aspect)),
        mouth_aspect: item.mouth_aspect.or(Some(found.mouth_aspect)),
        quality: Some(found.quality),
        ..item
    }
}

/// A frame as the spans of its film have it. Who looks down or laughs is never drowsy:
/// where the spans say both, nothing is said.
fn annotated(item: Item, film: &FilmTruth, moment: Moment, at_rest: Option<bool>) -> Item {
    let narrow = moment.looking_down || moment.laughing;
    let yawn = moment.yawn.or(at_rest);
    let eyes_closed = moment.shut.filter(|shut| !(*shut && moment.looking_down));
    let label = match (eyes_closed, yawn) {
        (Some(true), _) | (_, Some(true)) => (!narrow).then_some(Label::Drowsy),
        (Some(false), Some(false)) => Some(Label::Awake),
        _ => None,
    };
    Item {
        label,
        eyes_closed,
        yawn,
        // Where nobody could read the eyes, nobody saw that they did not look down.
        looking_down: match moment.looking_down {
            true => Some(true),
            false => moment.shut.map(|_| false),
        },
        laughing: Some(moment.laughing),
        // Eyes that are turned away may be hidden by the face itself.
        eyes_readable: film.eyes_readable().filter(|readable| !(*readable && moment.looking_away)),
        ..item
    }
}

/// The eye aspect ratio of a face whose list names none. The landmark network misjudges
/// some eyes, and a label corrects it; but open eyes that look down or laugh are narrow,
/// and a frame of a film may lie in a blink.
fn eye_aspect(input: &Input<'_>, item: &Item, measured: f32) -> Option<f32> {
    let narrow =
        item.looking_down == Some(true) || item.laughing == Some(true) || input.truth.is_some();
    Some(match item.eyes_closed? {
        true => measured.min(collections::EYES.0),
        false if narrow => measured,
        false => measured.max(collections::EYES.1),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn film() -> FilmTruth {
        FilmTruth {
            seconds: 20.0,
            person: "p".into(),
            closures: vec![[2.0, 4.0], [14.0, 16.0]],
            yawns: vec![[6.0, 8.0]],
            looking_down: vec![[10.0, 11.0], [15.0, 16.0]],
            laughing: vec![[12.0, 13.0]],
            looking_away: vec![[9.0, 9.5]],
            uncertain: vec![[17.0, 18.0]],
            no_face: vec![[18.5, 19.0]],
            ..FilmTruth::default()
        }
    }

    fn frame(film: &FilmTruth, at: f64, eyes: f32, mouth: f32) -> (Item, Option<&'static str>) {
        let item = Item { subject: "p".into(), ..Item::default() };
        let input = Input { item: &item, key: "drivers/a.mp4".into(), truth: Some(film) };
        let outcome = Outcome { time_s: Some(at), ..Outcome::default() };
        let found = Found { eye_aspect: eyes, mouth_aspect: mouth, ..Found::default() };
        (of(&input, &outcome, &found), left_out(&input, &outcome))
    }

    #[test]
    fn the_frames_of_a_film_are_labelled_by_its_spans() {
        let film = film();
        let of = |at: f64, mouth: f32| frame(&film, at, 0.2, mouth).0;
        let signs = |item: &Item| (item.label, item.eyes_closed, item.yawn);
        let (awake, drowsy) = (Some(Label::Awake), Some(Label::Drowsy));
        let (yes, no) = (Some(true), Some(false));
        assert_eq!(signs(&of(1.0, 0.1)), (awake, no, no));
        assert_eq!(signs(&of(3.0, 0.1)), (drowsy, yes, no));
        assert_eq!(signs(&of(7.0, 0.9)), (drowsy, no, yes));
        assert_eq!(signs(&of(1.95, 0.1)), (None, None, no), "the border of a closure");
        assert_eq!(signs(&of(8.1, 0.9)), (None, no, None), "the border of a yawn");
        assert_eq!(signs(&of(8.1, 0.1)), (awake, no, no), "with the mouth at rest");
        assert_eq!(signs(&of(10.5, 0.1)), (awake, no, no));
        assert_eq!(signs(&of(15.2, 0.1)), (None, None, no), "both at once is neither");

        let (down, laugh) = (of(10.5, 0.1), of(12.5, 0.9));
        assert_eq!((down.looking_down, down.laughing), (yes, no));
        assert_eq!((laugh.looking_down, laugh.laughing, laugh.label), (no, yes, awake));
        assert_eq!((of(9.2, 0.1).eyes_readable, of(1.0, 0.1).eyes_readable), (None, yes));
        assert_eq!(of(9.2, 0.1).video, "drivers/a.mp4");
        assert_eq!(of(9.2, 0.1).time_s, Some(9.2));

        let why = |at: f64| frame(&film, at, 0.3, 0.1).1;
        assert_eq!([3.0, 17.5, 18.7].map(why), [None, Some(UNCERTAIN), Some(TRUTH_NO_FACE)]);
    }

    #[test]
    fn only_photographs_of_open_eyes_have_their_ratio_raised() {
        let film = film();
        for (at, measured, expected) in
            [(1.0, 0.18, 0.18), (10.5, 0.1, 0.1), (3.0, 0.2, 0.15), (3.0, 0.1, 0.1)]
        {
            let aspect = frame(&film, at, measured, 0.1).0.eye_aspect;
            assert_eq!(aspect, Some(expected), "at {at} s");
        }
        let photo = |item: Item| {
            let input = Input { item: &item, key: "a.jpg".into(), truth: None };
            let found = Found { eye_aspect: 0.18, ..Found::default() };
            of(&input, &Outcome::default(), &found).eye_aspect
        };
        let open = Item { eyes_closed: Some(false), ..Item::default() };
        assert_eq!(photo(open.clone()), Some(0.22));
        assert_eq!(photo(Item { looking_down: Some(true), ..open.clone() }), Some(0.18));
        assert_eq!(photo(Item { laughing: Some(true), ..open.clone() }), Some(0.18));
        assert_eq!(photo(Item { eyes_closed: Some(true), ..open }), Some(0.15));
        assert_eq!(photo(Item::default()), None);
    }

    #[test]
    fn dark_lenses_that_nobody_sees_through_are_told() {
        let dark = FilmTruth {
            conditions: vec!["sunglasses".into()],
            confidence: crate::dataset::spans::Confidence::Low,
            ..film()
        };
        let (item, _) = frame(&dark, 3.0, 0.3, 0.1);
        assert_eq!((item.label, item.eyes_closed, item.yawn), (None, None, Some(false)));
        assert_eq!((item.eyes_readable, item.looking_down), (Some(false), None));
        assert_eq!(frame(&dark, 7.0, 0.3, 0.9).0.label, Some(Label::Drowsy), "a yawn is seen");
    }
}
