//! Makes the README's pictures of the drawn driver: a sheet of drivers by scenarios, one of
//! all that a script can ask for, and the tour in little as an animation. `make
//! demo-pictures` runs it.

#[path = "demo_pictures/people.rs"]
mod people;

use std::{fs::File, path::Path};

use anyhow::Context;
use gif::{Encoder, Frame, Repeat};
use image::{RgbImage, imageops, imageops::FilterType};
use wakewatch::source::{
    OpenOptions, Source,
    demo::{self, Demo, TOUR},
};

/// Rows of the sheet: what is played, the second that is shown, and whether the next
/// moment with open eyes is waited for, so that no blink looks like sleep.
const MOMENTS: [(&str, f64, bool); 12] = [
    ("alert", 1.5, true),
    ("asleep", 13.5, false),
    ("yawns", 8.2, false),
    ("drowsy", 22.0, false),
    ("talking", 5.0, true),
    ("looking-away", 6.0, true),
    ("nodding", 18.6, false),
    ("sunglasses", 5.0, true),
    ("mask", 5.0, true),
    ("hand-over-mouth", 8.5, false),
    ("night", 5.0, true),
    ("glare", 5.0, true),
];
/// Columns of the sheet.
const DRIVERS: usize = 12;
/// Side of a picture in the sheet, pixels, and of the square of 640x480 that it shows.
const TILE: u32 = 84;
const SHOWN: u32 = 300;
/// Size of the animation, pixels.
const SMALL: [u32; 2] = [264, 198];
/// Seconds of the tour from picture to picture, and hundredths that each stays.
const STEP_S: f64 = 1.25;
const STAYS: u16 = 20;
/// Change of a colour below which a pixel is left as it was: the camera's noise.
const NOISE: u8 = 8;

fn main() -> anyhow::Result<()> {
    let folder = std::env::args().nth(1).unwrap_or_else(|| "docs".into());
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)?;
    sheet()?.save(folder.join("demo-drivers.png"))?;
    people::save(&folder.join("demo-people.png"))?;
    animate(&folder.join("demo-tour.gif"))
}

/// One frame of a scenario.
fn shot(demo: &mut Demo, second: f64) -> anyhow::Result<RgbImage> {
    demo.skip_to((second * f64::from(OpenOptions::default().fps)).round() as u64);
    let frame = demo.next_frame()?.context("the scenario is over before that second")?;
    Ok(RgbImage::clone(&frame.image))
}

/// Drivers from left to right, scenarios from top to bottom.
fn sheet() -> anyhow::Result<RgbImage> {
    let mut sheet = RgbImage::new(DRIVERS as u32 * TILE, MOMENTS.len() as u32 * TILE);
    for (row, &(scenario, second, open)) in MOMENTS.iter().enumerate() {
        for driver in 0..DRIVERS {
            let name = format!("{scenario}@{driver}");
            let mut moments = demo::truths(&name, &OpenOptions::default())?
                .filter(|truth| !open || truth.eye_openness > 0.85)
                .map(|truth| truth.at.as_secs_f64());
            let second = moments.find(|&at| at >= second).context("no such moment")?;
            let mut demo = Demo::open(&name, &OpenOptions::default())?;
            let picture = shot(&mut demo, second)?;
            let (x, y) = ((picture.width() - SHOWN) / 2, (picture.height() - SHOWN) / 3);
            let face = imageops::crop_imm(&picture, x, y, SHOWN, SHOWN).to_image();
            let tile = imageops::resize(&face, TILE, TILE, FilterType::CatmullRom);
            let place = |i: usize| i as i64 * i64::from(TILE);
            imageops::replace(&mut sheet, &tile, place(driver), place(row));
        }
    }
    Ok(sheet)
}

/// The tour in fast motion. What changes by no more than noise stays as it is, which
/// makes the file several times smaller.
fn animate(path: &Path) -> anyhow::Result<()> {
    let mut demo = Demo::open(TOUR, &OpenOptions::default())?;
    let seconds = demo.info().frames.unwrap_or(0) as f64 / f64::from(OpenOptions::default().fps);
    let [width, height] = SMALL;
    let file =
        File::create(path).with_context(|| format!("{} cannot be written", path.display()))?;
    let mut film = Encoder::new(file, width as u16, height as u16, &[])?;
    film.set_repeat(Repeat::Infinite)?;
    let mut before = RgbImage::new(width, height);
    for number in 0..(seconds / STEP_S) as usize {
        let picture = shot(&mut demo, number as f64 * STEP_S)?;
        let picture = imageops::resize(&picture, width, height, FilterType::Triangle);
        let mut pixels = Vec::with_capacity(4 * (width * height) as usize);
        for (now, then) in picture.pixels().zip(before.pixels_mut()) {
            let changed =
                number == 0 || now.0.iter().zip(then.0).any(|(a, b)| a.abs_diff(b) > NOISE);
            if changed {
                *then = *now;
            }
            let [r, g, b] = now.0;
            pixels.extend([r, g, b, if changed { 255 } else { 0 }]);
        }
        let mut frame = Frame::from_rgba_speed(width as u16, height as u16, &mut pixels, 10);
        frame.delay = STAYS;
        film.write_frame(&frame)?;
    }
    Ok(())
}
