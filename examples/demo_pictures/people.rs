//! The sheet of what a script can ask for: people, light, and what they do.

use std::{fs::File, io::BufWriter, path::Path};

use image::{
    ImageError, ImageResult, RgbImage,
    codecs::png::{CompressionType, FilterType as PngFilter, PngEncoder},
    imageops,
    imageops::FilterType,
};
use wakewatch::source::{
    OpenOptions, Source, SourceError,
    demo::{
        Beard, Demo, Glasses, Hat, LightKind, Lighting, Person, Script, ScriptCue, ScriptSign,
        script_truths,
    },
};

/// Pictures in a row, the size of each, and the part of 640x480 that it shows.
const COLUMNS: u32 = 12;
const TILE: [u32; 2] = [76, 92];
const SHOWN: [u32; 4] = [140, 40, 364, 440];
/// Bits of a colour that are left out: the camera's noise would make most of the file.
const LEFT_OUT: u8 = 0b111;
/// What everybody does from this second on.
const BEGINS: f32 = 2.0;

/// One picture of the sheet.
struct Tile {
    driver: Person,
    light: Lighting,
    cue: Option<ScriptCue>,
    /// Seconds; without a cue the next moment with open eyes, in speech with an open mouth.
    at: f64,
}

/// All of them, row by row.
fn tiles() -> Vec<Tile> {
    let mut tiles = people();
    tiles.extend(lights());
    use ScriptSign as S;
    let deeds: [(S, usize, f32, [f64; 3]); 15] = [
        (S::Talk, 12, 6.0, [1.0, 1.3, 2.2]),
        (S::Laugh, 12, 6.0, [0.3, 1.0, 2.5]),
        (S::Sing, 6, 6.0, [1.0, 2.0, 4.6]),
        (S::Eat, 0, 12.0, [0.9, 2.2, 5.9]),
        (S::Smoke, 8, 12.0, [1.2, 2.8, 3.5]),
        (S::Scratch, 2, 6.0, [0.3, 1.0, 3.0]),
        (S::Sneeze, 7, 2.0, [0.4, 1.0, 1.4]),
        (S::Phone, 0, 6.0, [0.5, 1.5, 4.6]),
        (S::Mirror, 8, 2.0, [0.1, 0.2, 1.0]),
        (S::Shoulder, 2, 2.0, [0.1, 0.2, 1.0]),
        (S::NodOff, 7, 6.0, [1.0, 2.0, 4.0]),
        (S::Yawn, 12, 6.0, [1.2, 3.0, 4.4]),
        (S::Hand, 6, 4.0, [0.15, 0.25, 2.0]),
        (S::Close, 5, 4.0, [0.08, 0.14, 2.0]),
        (S::Passenger, 4, 6.0, [1.0, 2.0, 3.0]),
    ];
    for (sign, base, long, moments) in deeds {
        let every = (sign == S::Phone).then_some(5.0);
        let cue = ScriptCue { every, ..ScriptCue::new(BEGINS, BEGINS + long, sign) };
        tiles.extend(moments.map(|at| Tile {
            driver: Person { base, ..Person::default() },
            light: Lighting::default(),
            cue: Some(cue.clone()),
            at: f64::from(BEGINS) + at,
        }));
    }
    tiles
}

fn people() -> Vec<Tile> {
    let mut drivers = Vec::new();
    let person = |base: usize| Person { base, ..Person::default() };
    for (skin, base) in (1..=6).zip([7, 2, 0, 11, 6, 1]) {
        drivers.push(Person { skin: Some(skin), ..person(base) });
    }
    for age in [16, 30, 45, 60, 70, 80] {
        drivers.push(Person { age: Some(age), ..person(0) });
    }
    for mm in [6.0, 8.0, 10.0, 12.0, 14.0] {
        drivers.push(Person { eye_mm: Some(mm), ..person(5) });
    }
    for beard in [Beard::Stubble, Beard::Moustache, Beard::Goatee, Beard::Full] {
        drivers.push(Person { beard: Some(beard), ..person(12) });
    }
    for base in [0, 2, 8] {
        drivers.push(Person { hair_over_eye: true, ..person(base) });
    }
    for hat in [Hat::Cap, Hat::Beanie, Hat::Brim] {
        drivers.extend([0, 8].map(|base| Person { hat, ..person(base) }));
    }
    for glasses in [Glasses::Clear, Glasses::Tinted, Glasses::Dark, Glasses::Reflecting] {
        drivers.push(Person { glasses: Some(glasses), ..person(0) });
    }
    drivers.extend([0, 1].map(|base| Person { mask: true, ..person(base) }));
    let tile = |driver| Tile { driver, light: Lighting::default(), cue: None, at: 2.0 };
    drivers.into_iter().map(tile).collect()
}

fn lights() -> Vec<Tile> {
    let tile = |base: usize, glasses, lux, infrared, kind, at| Tile {
        driver: Person { base, glasses, ..Person::default() },
        light: Lighting { lux, infrared, kind },
        cue: None,
        at,
    };
    let mut tiles = Vec::new();
    for lux in [1.0, 5.0, 20.0, 200.0, 5000.0, 100_000.0] {
        tiles.push(tile(11, None, lux, false, LightKind::Even, 2.0));
    }
    let infrared = |base, glasses| tile(base, glasses, 1.0, true, LightKind::Even, 2.0);
    tiles.push(infrared(2, None));
    tiles.push(infrared(1, Some(Glasses::Clear)));
    tiles.push(infrared(5, Some(Glasses::Dark)));
    tiles.push(tile(0, None, 40_000.0, false, LightKind::LowSun, 2.0));
    tiles.push(tile(0, None, 20_000.0, false, LightKind::Glare, 2.0));
    tiles.push(tile(6, None, 40_000.0, true, LightKind::LowSun, 2.0));
    for at in [5.0, 6.6, 12.2] {
        tiles.push(tile(0, None, 20_000.0, false, LightKind::Tunnel, at));
    }
    tiles
}

/// Writes the sheet, as small as it goes.
pub(crate) fn save(path: &Path) -> ImageResult<()> {
    let sheet = sheet().map_err(|error| ImageError::IoError(std::io::Error::other(error)))?;
    let file = BufWriter::new(File::create(path)?);
    let (packed, filter) = (CompressionType::Best, PngFilter::Adaptive);
    sheet.write_with_encoder(PngEncoder::new_with_quality(file, packed, filter))
}

/// People, light and behaviours, row by row.
fn sheet() -> Result<RgbImage, SourceError> {
    let tiles = tiles();
    let [width, height] = TILE;
    let rows = (tiles.len() as u32).div_ceil(COLUMNS);
    let mut sheet = RgbImage::new(COLUMNS * width, rows * height);
    for (i, tile) in (0..).zip(tiles) {
        let picture = shot(tile)?;
        let (x, y) = (i % COLUMNS * width, i / COLUMNS * height);
        imageops::replace(&mut sheet, &picture, i64::from(x), i64::from(y));
    }
    for value in sheet.iter_mut() {
        *value = *value & !LEFT_OUT | LEFT_OUT >> 1;
    }
    Ok(sheet)
}

fn shot(tile: Tile) -> Result<RgbImage, SourceError> {
    let Tile { driver, light, cue, at } = tile;
    let (waits, talks) = match &cue {
        None => (true, false),
        Some(cue) => (false, cue.sign == ScriptSign::Talk),
    };
    let cues = cue.into_iter().collect();
    let script = Script { seconds: 20.0, seed: 0, driver, light, cues };
    let options = OpenOptions::default();
    let wanted = script_truths(&script, &options)?.position(|t| {
        t.at.as_secs_f64() >= at - 1e-6
            && (!waits || t.eye_openness > 0.85)
            && (!talks || t.mouth_open > 0.12)
    });
    let mut demo = Demo::play(&script, &options)?;
    demo.skip_to(wanted.unwrap_or(0) as u64);
    let picture = demo.next_frame()?.map(|frame| frame.image).unwrap_or_default();
    let [x, y, width, height] = SHOWN;
    let face = imageops::crop_imm(&*picture, x, y, width, height).to_image();
    Ok(imageops::resize(&face, TILE[0], TILE[1], FilterType::CatmullRom))
}
