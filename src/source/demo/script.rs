//! What is to be drawn, asked for in full: who drives, in which light, and what happens
//! when. Scenarios say by table what a script says by its fields; one player plays both.

use std::{borrow::Cow, ops::RangeInclusive};

use serde::{Deserialize, Serialize};

use super::{
    DRIVERS_KNOWN, Play,
    driver::{Beard, DRIVERS, Glasses, Hat},
    light::{Lighting, Lit},
    math::hash,
    play::Player,
    scenario::{Cue, Sign},
    scene::Weather,
};
use crate::source::{OpenOptions, SourceError};

/// One thing to be drawn, asked for in full. All times are in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Script {
    /// How long it lasts, 0.1 to 86,400.
    pub seconds: f32,
    /// Changes blinks, glances and the camera's noise; the seed of the options is added.
    #[serde(default)]
    pub seed: u64,
    /// Who drives.
    #[serde(default)]
    pub driver: Person,
    /// The light and the camera.
    #[serde(default)]
    pub light: Lighting,
    /// What happens when; whatever no cue says, an awake driver does by himself.
    #[serde(default)]
    pub cues: Vec<ScriptCue>,
}

/// Who drives: one of the known drivers, and what is different about him.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Person {
    /// The known driver who is changed, 0 to 13.
    pub base: usize,
    /// Type of the skin after Fitzpatrick, 1 (palest) to 6 (darkest).
    pub skin: Option<u8>,
    /// Height of the rested open eye, 6 to 14 millimetres; about 10 is usual.
    pub eye_mm: Option<f32>,
    /// Age in years, 16 to 80: folds, spots, heavy lids, grey hair.
    pub age: Option<u8>,
    /// What grows on the jaw.
    pub beard: Option<Beard>,
    /// What is on the head.
    pub hat: Hat,
    /// What is before the eyes; without it what the known driver wears.
    pub glasses: Option<Glasses>,
    /// A medical mask.
    pub mask: bool,
    /// Long hair falls over the eye on the left of the picture.
    pub hair_over_eye: bool,
}

/// Something that happens from one second to another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScriptCue {
    /// When it begins.
    pub from: f32,
    /// When it is over.
    pub to: f32,
    /// What happens.
    pub sign: ScriptSign,
    /// Degrees to the right of the picture, -90 to 90: `look`, `mirror`, `shoulder`, `phone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub yaw: Option<f32>,
    /// Degrees down, -45 to 60: `look`, `mirror`, `shoulder`, `phone`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pitch: Option<f32>,
    /// Degrees by which the head sinks, 0 to 45: `nod` (16), `nod_off` (22).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub depth: Option<f32>,
    /// 0 to 1. `droop`: how far the lids are open (0.5). `close`: how far they are shut (1).
    /// `look`, `mirror`, `shoulder`, `phone`: the head's share of the turn, the eyes make
    /// the rest (1; at 0 the eyes move alone).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f32>,
    /// `phone`: looks back at the road for about 0.8 s once in so many seconds, 1 to 60;
    /// without it never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub every: Option<f32>,
}

/// What can happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScriptSign {
    /// The eyes are shut. The lids fall within 0.22 s and rise in the last 0.3 s: they are
    /// at least 80% closed for 0.37 s less than the cue lasts, from 0.16 s on.
    Close,
    /// Heavy lids and slow blinks.
    Droop,
    /// One yawn, over the whole cue.
    Yawn,
    /// A hand before the mouth.
    Hand,
    /// Speech.
    Talk,
    /// Laughter; the eyes narrow, and are not shut.
    Laugh,
    /// Song: a wide mouth, long vowels.
    Sing,
    /// Bites and chews.
    Eat,
    /// A cigarette.
    Smoke,
    /// Scratches the cheek.
    Scratch,
    /// One sneeze, in the middle of the cue: the eyes are shut for about 0.4 s.
    Sneeze,
    /// Looks elsewhere: by `yaw` and `pitch`.
    Look,
    /// A telephone in the lap: looks down at it.
    Phone,
    /// A glance into the inner mirror.
    Mirror,
    /// A look over the shoulder.
    Shoulder,
    /// The head drops and starts up again, the lids with it.
    Nod,
    /// Falls asleep: first the lids sink, then the head, until the end of the cue.
    NodOff,
    /// Nobody is there.
    Leave,
    /// Someone sits behind.
    Passenger,
}

/// Longest script: a day.
const LONGEST_S: f32 = 86_400.0;

fn within<T: Copy + PartialOrd + std::fmt::Display>(
    field: &str,
    value: T,
    range: &RangeInclusive<T>,
) -> Result<(), SourceError> {
    if range.contains(&value) {
        return Ok(());
    }
    let (field, low, high) = (field.into(), range.start(), range.end());
    Err(SourceError::Script {
        field,
        value: value.to_string(),
        allowed: format!("{low} to {high}"),
    })
}

impl Script {
    /// Refuses what cannot be drawn.
    ///
    /// # Errors
    /// One sentence that names the first field out of its range, its value and the range.
    pub fn check(&self) -> Result<(), SourceError> {
        within("seconds", self.seconds, &(0.1..=LONGEST_S))?;
        self.driver.check()?;
        self.light.check()?;
        self.cues.iter().enumerate().try_for_each(|(i, cue)| cue.check(i, self.seconds))
    }

    /// The play of this script.
    pub(super) fn play(&self, options: &OpenOptions) -> Result<Play, SourceError> {
        self.check()?;
        let base = self.driver.base;
        let mut cues = vec![Cue {
            from: 0.0,
            to: f32::MAX,
            sign: Sign::Light(Weather::Lit(Lit::of(&self.light))),
        }];
        if self.driver.mask {
            cues.push(Cue { from: 0.0, to: f32::MAX, sign: Sign::Mask });
        }
        if self.driver.glasses == Some(Glasses::Dark) {
            cues.push(Cue { from: 0.0, to: f32::MAX, sign: Sign::Sunglasses });
        }
        cues.extend(self.cues.iter().map(ScriptCue::cue));
        let seed = hash(self.seed.wrapping_add(options.seed) ^ (base as u64) << 32);
        let fps = f64::from(options.fps);
        Ok(Play {
            name: "script",
            player: Player { seconds: self.seconds, cues: Cow::Owned(cues), seed },
            number: base,
            driver: DRIVERS[base].changed(&self.driver),
            frames: (f64::from(self.seconds) * fps).round() as u64,
            fps,
        })
    }
}

impl Person {
    fn check(&self) -> Result<(), SourceError> {
        within("driver.base", self.base, &(0..=DRIVERS_KNOWN - 1))?;
        if let Some(skin) = self.skin {
            within("driver.skin", skin, &(1..=6))?;
        }
        if let Some(eye) = self.eye_mm {
            within("driver.eye_mm", eye, &(6.0..=14.0))?;
        }
        self.age.map_or(Ok(()), |age| within("driver.age", age, &(16..=80)))
    }
}

impl Lighting {
    fn check(&self) -> Result<(), SourceError> {
        within("light.lux", self.lux, &(1.0..=100_000.0))
    }
}

impl ScriptCue {
    /// A cue without numbers: the usual ones.
    #[must_use]
    pub fn new(from: f32, to: f32, sign: ScriptSign) -> Self {
        Self { from, to, sign, yaw: None, pitch: None, depth: None, share: None, every: None }
    }

    fn check(&self, number: usize, seconds: f32) -> Result<(), SourceError> {
        let field = |name: &str| format!("cues[{number}].{name}");
        within(&field("from"), self.from, &(0.0..=seconds))?;
        // A cue that lasts no time would have no slope.
        within(&field("to"), self.to, &(self.from + 0.05..=LONGEST_S))?;
        let numbers = [
            ("yaw", self.yaw, -90.0..=90.0),
            ("pitch", self.pitch, -45.0..=60.0),
            ("depth", self.depth, 0.0..=45.0),
            ("share", self.share, 0.0..=1.0),
            ("every", self.every, 1.0..=60.0),
        ];
        for (name, value, range) in numbers {
            if let Some(value) = value {
                within(&field(name), value, &range)?;
            }
        }
        Ok(())
    }

    fn cue(&self) -> Cue {
        let toward = |yaw, pitch| {
            let share = self.share.unwrap_or(1.0);
            [self.yaw.unwrap_or(yaw), self.pitch.unwrap_or(pitch), share]
        };
        let sign = match self.sign {
            ScriptSign::Close => match self.share {
                Some(share) => Sign::Narrow(share),
                None => Sign::Close,
            },
            ScriptSign::Droop => Sign::Droop(self.share.unwrap_or(0.5)),
            ScriptSign::Yawn => Sign::Yawn,
            ScriptSign::Hand => Sign::Hand,
            ScriptSign::Talk => Sign::Talk,
            ScriptSign::Laugh => Sign::Laugh,
            ScriptSign::Sing => Sign::Sing,
            ScriptSign::Eat => Sign::Eat,
            ScriptSign::Smoke => Sign::Smoke,
            ScriptSign::Scratch => Sign::Scratch,
            ScriptSign::Sneeze => Sign::Sneeze,
            ScriptSign::Look => Sign::Toward(toward(0.0, 0.0)),
            ScriptSign::Mirror => Sign::Toward(toward(26.0, -8.0)),
            ScriptSign::Shoulder => Sign::Toward(toward(66.0, 4.0)),
            ScriptSign::Phone => Sign::Phone(toward(6.0, 24.0), self.every),
            ScriptSign::Nod => Sign::Nod(self.depth.unwrap_or(16.0)),
            ScriptSign::NodOff => Sign::NodOff(self.depth.unwrap_or(22.0)),
            ScriptSign::Leave => Sign::Leave,
            ScriptSign::Passenger => Sign::Passenger,
        };
        Cue { from: self.from, to: self.to, sign }
    }
}
