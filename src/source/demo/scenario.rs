//! The scenarios: small tables of what happens when. Whatever no cue says, an awake
//! driver does by himself: he blinks, glances and sways a little.

use super::scene::Weather;

/// The scenario that shows everything, played when none is named.
pub const TOUR: &str = "tour";

/// What a cue brings about while it lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Sign {
    /// The eyes are shut.
    Close,
    /// Heavy lids, open to this share, and slow blinks.
    Droop(f32),
    /// One yawn, over the whole cue.
    Yawn,
    /// A hand before the mouth.
    Hand,
    /// Speech.
    Talk,
    /// The head turns: to the right of the picture and down, degrees.
    Look(f32, f32),
    /// The head drops by so many degrees and starts up again.
    Nod(f32),
    /// Nobody is there.
    Leave,
    /// Dark glasses.
    Sunglasses,
    /// A medical mask.
    Mask,
    /// Someone sits behind.
    Passenger,
    /// The light.
    Light(Weather),
    /// Distance from the camera over the usual one.
    Distance(f32),
    /// The eyes are shut by this share.
    Narrow(f32),
    /// A turn by yaw and pitch, degrees, of which the head makes this share.
    Toward([f32; 3]),
    /// The same to a telephone in the lap, and a glance at the road once in so many seconds.
    Phone([f32; 3], Option<f32>),
    /// The lids sink, then the head by so many degrees, until the end.
    NodOff(f32),
    /// Laughter.
    Laugh,
    /// Song.
    Sing,
    /// Bites and chews.
    Eat,
    /// A cigarette.
    Smoke,
    /// Fingers at the cheek.
    Scratch,
    /// One sneeze, in the middle.
    Sneeze,
}

/// Something that happens from one second to another.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cue {
    pub(super) from: f32,
    pub(super) to: f32,
    pub(super) sign: Sign,
}

/// What happens when, in a scenario; longer plays begin again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    pub(super) seconds: f32,
    pub(super) cues: &'static [Cue],
}

const fn cue(from: f32, to: f32, sign: Sign) -> Cue {
    Cue { from, to, sign }
}

const fn scenario(name: &'static str, seconds: f32, cues: &'static [Cue]) -> Scenario {
    Scenario { name, seconds, cues }
}

use Sign::{
    Close, Distance, Droop, Hand, Leave, Light, Look, Mask, Nod, Passenger, Sunglasses, Talk, Yawn,
};

/// Past the end of any scenario.
const END: f32 = 1e9;

pub(super) const SCENARIOS: [Scenario; 20] = [
    scenario(
        TOUR,
        120.0,
        &[
            cue(8.0, 9.2, Look(34.0, -4.0)),
            cue(12.0, 17.0, Talk),
            cue(20.0, 24.8, Yawn),
            cue(28.0, 33.5, Close),
            cue(38.0, 46.0, Sunglasses),
            cue(49.0, 56.0, Mask),
            cue(52.0, 54.0, Close),
            cue(59.0, 63.8, Yawn),
            cue(59.4, 63.4, Hand),
            cue(67.0, 80.0, Light(Weather::Night)),
            cue(72.0, 75.5, Close),
            cue(82.0, 90.0, Light(Weather::Glare)),
            cue(92.0, 106.0, Droop(0.5)),
            cue(97.0, 99.0, Nod(16.0)),
            cue(103.0, 105.0, Close),
            cue(109.0, 114.0, Leave),
        ],
    ),
    scenario("alert", 60.0, &[]),
    scenario(
        "drowsy",
        60.0,
        &[
            cue(6.0, 60.0, Droop(0.55)),
            cue(14.0, 18.8, Yawn),
            cue(24.0, 24.9, Close),
            cue(31.0, 32.0, Close),
            cue(37.0, 42.0, Yawn),
            cue(47.0, 48.2, Close),
            cue(54.0, 55.1, Close),
        ],
    ),
    scenario("microsleep", 20.0, &[cue(10.0, 11.5, Close)]),
    scenario("asleep", 24.0, &[cue(10.0, 15.0, Close)]),
    scenario("yawns", 40.0, &[cue(6.0, 10.8, Yawn), cue(18.0, 22.4, Yawn), cue(30.0, 35.2, Yawn)]),
    scenario(
        "talking",
        30.0,
        &[cue(2.0, 13.0, Talk), cue(15.5, 27.0, Talk), cue(19.0, 20.2, Look(22.0, 0.0))],
    ),
    scenario(
        "looking-away",
        40.0,
        &[
            cue(5.0, 6.8, Look(38.0, 3.0)),
            cue(12.0, 13.6, Look(-40.0, 2.0)),
            cue(19.0, 20.5, Look(12.0, 14.0)),
            cue(27.0, 29.0, Look(42.0, 0.0)),
            cue(34.0, 35.6, Look(-30.0, 8.0)),
        ],
    ),
    scenario(
        "mirror-check",
        30.0,
        &[
            cue(4.0, 4.9, Look(26.0, -8.0)),
            cue(9.0, 10.1, Look(-38.0, 2.0)),
            cue(15.0, 15.8, Look(26.0, -8.0)),
            cue(20.0, 21.2, Look(44.0, 3.0)),
            cue(21.4, 22.2, Look(26.0, -8.0)),
            cue(26.0, 27.0, Look(-42.0, 3.0)),
        ],
    ),
    scenario(
        "nodding",
        36.0,
        &[
            cue(5.0, 36.0, Droop(0.6)),
            cue(9.0, 11.2, Nod(15.0)),
            cue(17.0, 19.4, Nod(18.0)),
            cue(25.0, 27.6, Nod(20.0)),
            cue(31.0, 33.0, Nod(16.0)),
        ],
    ),
    scenario("sunglasses", 30.0, &[cue(0.0, END, Sunglasses), cue(16.0, 20.0, Close)]),
    scenario("mask", 30.0, &[cue(0.0, END, Mask), cue(16.0, 20.0, Close)]),
    scenario(
        "hand-over-mouth",
        30.0,
        &[
            cue(6.0, 10.8, Yawn),
            cue(6.4, 10.4, Hand),
            cue(17.0, 21.8, Yawn),
            cue(17.5, 21.4, Hand),
            cue(24.5, 27.5, Hand),
        ],
    ),
    scenario("night", 40.0, &[cue(0.0, END, Light(Weather::Night)), cue(20.0, 24.0, Close)]),
    scenario("glare", 40.0, &[cue(0.0, END, Light(Weather::Glare)), cue(20.0, 24.0, Close)]),
    scenario("no-driver", 20.0, &[cue(0.0, END, Leave)]),
    scenario("two-faces", 30.0, &[cue(0.0, END, Passenger), cue(16.0, 20.0, Close)]),
    scenario("far", 30.0, &[cue(0.0, END, Distance(1.75)), cue(16.0, 20.0, Close)]),
    scenario("near", 30.0, &[cue(0.0, END, Distance(0.66)), cue(16.0, 20.0, Close)]),
    scenario("leaving", 24.0, &[cue(8.0, 18.0, Leave)]),
];

const NAMES: [&str; SCENARIOS.len()] = {
    let mut names = [""; SCENARIOS.len()];
    let mut i = 0;
    while i < names.len() {
        names[i] = SCENARIOS[i].name;
        i += 1;
    }
    names
};

/// The names of the scenarios.
pub fn scenarios() -> &'static [&'static str] {
    &NAMES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cue_ends_after_it_begins_and_within_its_scenario() {
        for scenario in SCENARIOS {
            for cue in scenario.cues {
                let end = cue.to == END || cue.to <= scenario.seconds;
                assert!(cue.from < cue.to && end, "{}: {cue:?}", scenario.name);
            }
        }
    }
}
