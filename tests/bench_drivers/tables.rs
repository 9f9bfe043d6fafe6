//! How well each value tells shut eyes from others, frame by frame: areas under the ROC
//! curve for each light and each person, and how many frames are called readable.

use wakewatch::{
    dataset::spans::Confidence,
    evaluate::metrics::{Scored, auc},
    monitor::FaceSigns,
};

use super::films::{Film, Group, Kind, Row};

/// A person's own closures are counted from so many frames on; below, those of everybody in
/// the same light stand for them.
const LEAST_SHUT: usize = 5;
/// An eye counts as seen from here on.
const SEEN_FROM: f32 = 0.5;

/// Something that is larger the surer the eyes are shut.
struct Value {
    name: &'static str,
    /// For narrow columns.
    short: &'static str,
    /// `None` where there is no face, or nothing that gives this value.
    of: fn(&Row) -> Option<f32>,
}

/// The values that are compared; another one is a line here.
const VALUES: &[Value] = &[
    Value {
        name: "[CLS] eyes closed",
        short: "closed",
        of: |row| read(row, |face| face.eyes_closed),
    },
    Value {
        name: "what the monitor reads",
        short: "monitor",
        of: |row| read(row, FaceSigns::shut),
    },
    Value { name: "[CLS] drowsy", short: "drowsy", of: |row| read(row, |face| face.drowsy) },
    Value {
        name: "eye heads, mean",
        short: "eyes",
        of: |row| shut(row).map(|[left, right]| (left + right) / 2.0),
    },
    Value {
        name: "eye heads, larger",
        short: "larger",
        of: |row| shut(row).map(|[left, right]| left.max(right)),
    },
    Value { name: "eye heads, as seen", short: "as seen", of: as_seen },
    Value {
        name: "aspect ratio",
        short: "aspect",
        of: |row| read(row, |face| -face.mean_aspect()),
    },
    Value { name: "aspect ratio over own", short: "own", of: over_own },
    Value {
        name: "MediaPipe, blink",
        short: "mp blink",
        of: |row| row.peer.and_then(|peer| peer.blink),
    },
    Value {
        name: "MediaPipe, aspect ratio",
        short: "mp asp.",
        of: |row| row.peer.and_then(|peer| peer.eye_aspect).map(|aspect| -aspect),
    },
];

fn read(row: &Row, value: fn(&FaceSigns) -> f32) -> Option<f32> {
    row.face.as_ref().map(value)
}

/// What the heads on both eyes say, `[left, right]`.
fn shut(row: &Row) -> Option<[f32; 2]> {
    Some(row.face.as_ref()?.eyes?.map(|eye| eye.shut))
}

/// The mean of both eyes, each with the weight of being seen.
fn as_seen(row: &Row) -> Option<f32> {
    let eyes = row.face.as_ref()?.eyes?;
    let weights: f32 = eyes.iter().map(|eye| eye.seen.max(1e-3)).sum();
    Some(eyes.iter().map(|eye| eye.shut * eye.seen.max(1e-3)).sum::<f32>() / weights)
}

fn over_own(row: &Row) -> Option<f32> {
    let own = row.own_aspect.filter(|own| *own > 0.0)?;
    Some(-row.face.as_ref()?.mean_aspect() / own)
}

/// Films that are looked at together.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    of: fn(&Film) -> bool,
}

impl Part {
    pub(crate) fn films<'a>(
        &self,
        films: &'a [Film],
    ) -> impl Iterator<Item = &'a Film> + Clone + use<'a> {
        let of = self.of;
        films.iter().filter(move |film| of(film))
    }
}

/// Parts that share no film.
pub(crate) const PARTS: [Part; 4] = [
    Part { name: "visible light", of: |film| film.group == Group::Visible },
    Part { name: "infra-red, no glasses", of: |film| film.group == Group::Plain },
    Part {
        name: "infra-red, glasses",
        of: |film| matches!(film.group, Group::Glasses | Group::Tinted),
    },
    Part { name: "infra-red, sunglasses", of: |film| film.group == Group::Sunglasses },
];

/// Parts of those, beside.
const CLOSER: [Part; 2] = [
    Part {
        name: "visible light, every picture once",
        of: |film| film.group == Group::Visible && !film.is_derived(),
    },
    Part { name: "infra-red, clear glasses only", of: |film| film.group == Group::Glasses },
];

/// The area under the ROC curve of shut against others; `None` unless both are there.
fn area<'a>(
    value: &Value,
    shut: impl Iterator<Item = &'a Row>,
    others: impl Iterator<Item = &'a Row>,
) -> Option<f64> {
    let scored = |drowsy: bool| move |value: f32| Scored { drowsy, probability: f64::from(value) };
    let known = |row: &'a Row| (value.of)(row).filter(|value| value.is_finite());
    let shut = shut.filter_map(known).map(scored(true));
    auc(&shut.chain(others.filter_map(known).map(scored(false))).collect::<Vec<_>>())
}

fn figure(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.3}"))
}

/// The rows of films in which the eyes do this.
fn rows<'a>(
    films: impl Iterator<Item = &'a Film> + Clone,
    kind: Kind,
) -> impl Iterator<Item = &'a Row> + Clone {
    films.flat_map(|film| &film.rows).filter(move |row| row.kind() == Some(kind))
}

const AWAKE: [(Kind, &str); 4] = [
    (Kind::Open, "open"),
    (Kind::Down, "down"),
    (Kind::Laughing, "laughing"),
    (Kind::Away, "away"),
];

/// Shut against open, looking down, laughing and looking away, by light.
pub(crate) fn by_part(films: &[Film]) {
    println!("\nAUC a frame, shut against ...");
    for part in PARTS.iter().chain(&CLOSER) {
        let here = part.films(films);
        let count = |kind| rows(here.clone(), kind).count();
        let counted = AWAKE.map(|(kind, name)| format!("{} {name}", count(kind)));
        let told = here.clone().flat_map(|film| &film.rows).filter(|row| row.kind().is_some());
        let faceless = told.clone().filter(|row| row.face.is_none()).count();
        let theirs = told.filter(|row| row.peer.is_some_and(|peer| !peer.has_face)).count();
        println!(
            "\n{}: {} frames shut, {}; without a face {faceless}, MediaPipe {theirs}",
            part.name,
            count(Kind::Shut),
            counted.join(", ")
        );
        let names = AWAKE.map(|(_, name)| format!("{name:>9}")).concat();
        println!("{:<26}{names}", "");
        for value in VALUES {
            let areas = AWAKE.map(|(kind, _)| {
                area(value, rows(here.clone(), Kind::Shut), rows(here.clone(), kind))
            });
            if areas.iter().any(Option::is_some) {
                let areas = areas.map(|area| format!("{:>9}", figure(area))).concat();
                println!("{:<26}{areas}", value.name);
            }
        }
    }
}

/// Shut against everything awake, for each person.
pub(crate) fn by_person(films: &[Film]) {
    println!(
        "\nAUC a frame, shut against open, down, laughing and away of the same person (*: fewer \
         than {LEAST_SHUT} closed frames, those of everybody in this light instead)"
    );
    let given = |value: &&Value| {
        films.iter().flat_map(|film| &film.rows).any(|row| (value.of)(row).is_some())
    };
    let values: Vec<&Value> = VALUES.iter().filter(given).collect();
    let names: String = values.iter().map(|value| format!("{:>9}", value.short)).collect();
    println!("{:<10} {:<24}{:>6}{:>7}{names}", "", "", "shut", "awake");
    let mut people: Vec<&str> = films.iter().map(|film| film.truth.person.as_str()).collect();
    people.sort_unstable();
    people.dedup();
    for person in people {
        for part in &PARTS {
            let own = part.films(films).filter(|film| film.truth.person == person);
            let awake = || {
                let own = own.clone();
                AWAKE.into_iter().flat_map(move |(kind, _)| rows(own.clone(), kind))
            };
            let (shut, others) = (rows(own.clone(), Kind::Shut).count(), awake().count());
            if others == 0 {
                continue;
            }
            let borrowed = shut < LEAST_SHUT;
            let areas = values.iter().map(|value| match borrowed {
                true => area(value, rows(part.films(films), Kind::Shut), awake()),
                false => area(value, rows(own.clone(), Kind::Shut), awake()),
            });
            let areas: String = areas.map(|area| format!("{:>9}", figure(area))).collect();
            let mark = if borrowed { "*" } else { "" };
            let shut = format!("{mark}{shut}");
            println!("{person:<10} {:<24}{shut:>6}{others:>7}{areas}", part.name);
        }
    }
}

/// How many frames are called readable, by how surely a person could read the eyes.
pub(crate) fn readable(films: &[Film]) {
    println!("\nCalled readable, of the frames with a face (eye seen: by the better of its heads)");
    let columns = format!("{:>8}{:>8}{:>10}{:>10}", "frames", "faces", "readable", "eye seen");
    println!("{:<26}{:<12}{columns}", "", "a person");
    for part in PARTS.iter().chain(&CLOSER) {
        for (sure, name) in [
            (Confidence::High, "reads them"),
            (Confidence::Medium, "mostly"),
            (Confidence::Low, "hardly"),
        ] {
            let here = part.films(films).filter(|film| film.truth.confidence == sure);
            let rows = here.flat_map(|film| &film.rows);
            let faces = rows.clone().filter_map(|row| row.face.as_ref());
            let (frames, found) = (rows.count(), faces.clone().count());
            if frames == 0 {
                continue;
            }
            let share = |count: usize, of: usize| match of {
                0 => "-".into(),
                _ => format!("{:.1}%", 100.0 * count as f64 / of as f64),
            };
            let readable = faces.clone().filter(|face| face.unreadable.is_none()).count();
            let eyes = faces.filter_map(|face| face.eyes);
            let seen = eyes.clone().filter(|[left, right]| left.seen.max(right.seen) >= SEEN_FROM);
            let (readable, seen) = (share(readable, found), share(seen.count(), eyes.count()));
            let figures = format!("{frames:>8}{found:>8}{readable:>10}{seen:>10}");
            println!("{:<26}{name:<12}{figures}", part.name);
        }
    }
}
