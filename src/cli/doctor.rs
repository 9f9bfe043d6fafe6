//! `doctor`: what was found on this machine, and the way to mend what is missing. What
//! a watch cannot do without (ONNX Runtime, the models) fails the command; a missing
//! camera, sound or screen is told and does not.

use std::{
    fmt::{self, Display},
    thread,
    time::{Duration, Instant},
};

use anyhow::bail;
use clap::Args;
use serde::Serialize;

use super::{
    answer, say,
    shared::{ModelArgs, told},
};
#[cfg(feature = "gui")]
use crate::face::Seat;
use crate::{
    alarm::{Alarm, SoundState, default_speaker},
    infer::{LoadedModel, ModelSource, Provider, Tried, runtime},
    live::try_faster,
    source::{SourceError, SourceSpec, webcam},
    vit::ModelKind,
};

/// Longest wait for the sound device.
const SOUND_TIME: Duration = Duration::from_secs(3);

/// Fetches ONNX Runtime into the user's cache folder. The program itself never does: it opens
/// no socket for anything but a camera.
const SETUP_SCRIPT: &str = include_str!("../../assets/runtime.sh");

/// How to answer.
#[derive(Args, Clone, Debug)]
pub struct DoctorArgs {
    /// One JSON object instead of lines for people.
    #[arg(long)]
    pub json: bool,
    /// Print the script that fetches ONNX Runtime, and do nothing else: pipe it into `bash`.
    /// With GPU=1 in front of `bash` it fetches the build for NVIDIA GPUs.
    #[arg(long, conflicts_with = "json")]
    pub setup_script: bool,
    /// The models.
    #[command(flatten)]
    pub models: ModelArgs,
}

/// How well a thing was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Health {
    Good,
    /// A watch works, but something is missing from it.
    Lacking,
    /// No watch works.
    Broken,
}

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    what: &'static str,
    health: Health,
    /// What was found; where something is wrong, the way out stands in it.
    found: String,
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.health {
            Health::Good => "ok  ",
            Health::Lacking => "--  ",
            Health::Broken => "FAIL",
        };
        write!(f, "{sign}  {:<14} {}", self.what, self.found)
    }
}

/// Looks at everything a watch needs.
///
/// # Errors
/// When something is missing that no watch can do without.
pub fn run(args: &DoctorArgs) -> anyhow::Result<()> {
    if args.setup_script {
        return say(SETUP_SCRIPT.trim_end());
    }
    let mut findings = vec![library(), providers()];
    for &kind in ModelKind::ALL {
        findings.push(model(kind, &args.models));
    }
    findings.extend([faster(&args.models), cameras(), mounting(), sound(), screen()]);
    if args.json {
        answer(&findings)?;
    } else {
        for finding in &findings {
            say(finding)?;
        }
    }
    let broken: Vec<_> = findings.iter().filter(|one| one.health == Health::Broken).collect();
    match broken.as_slice() {
        [] => Ok(()),
        [first, ..] => bail!("nothing can be watched: {}", first.found),
    }
}

fn finding<E: Display>(what: &'static str, found: Result<String, E>, or: Health) -> Finding {
    match found {
        Ok(found) => Finding { what, health: Health::Good, found },
        Err(error) => Finding { what, health: or, found: error.to_string() },
    }
}

fn library() -> Finding {
    let found =
        runtime::init().map(|info| format!("{} ({})", info.version, info.library.display()));
    finding("ONNX Runtime", found, Health::Broken)
}

fn providers() -> Finding {
    let built_in = Provider::ALL.iter().filter_map(|provider| match provider.is_built_in() {
        Ok(true) => Some(Ok(provider.to_string())),
        Ok(false) => None,
        Err(error) => Some(Err(error)),
    });
    let found = built_in.collect::<Result<Vec<_>, _>>().map(|names| {
        let more = if names.len() == 1 {
            "; for an NVIDIA GPU run `wakewatch doctor --setup-script | GPU=1 bash`"
        } else {
            ""
        };
        format!("{}{more}", names.join(", "))
    });
    finding("providers", found, Health::Broken)
}

fn model(kind: ModelKind, args: &ModelArgs) -> Finding {
    let what = match kind {
        ModelKind::Detector => "detector",
        ModelKind::Landmarks => "landmarks",
        ModelKind::Drowsiness => "classifier",
        ModelKind::Mae => "autoencoder",
        ModelKind::Blinks => "blinks",
    };
    let options = args.pipeline();
    let source = match kind {
        ModelKind::Detector => options.faces.detector,
        ModelKind::Landmarks => options.faces.landmarks,
        ModelKind::Drowsiness => options.classifier,
        ModelKind::Mae | ModelKind::Blinks => ModelSource::Embedded,
    };
    let found = LoadedModel::load(&source, kind, &options.runtime).map(|model| {
        let (card, px) = (&model.card, model.card.image_px);
        let (name, version) = (&card.name, &card.version);
        let size = if px > 0 { format!(", {px}x{px} px") } else { String::new() };
        format!("{name} {version}{size}, on {}, {source}", model.provider)
    });
    // The autoencoder only draws.
    let or = if kind == ModelKind::Mae { Health::Lacking } else { Health::Broken };
    finding(what, found, or)
}

/// Tries on the demo driver what `auto` tries beside a watch.
fn faster(args: &ModelArgs) -> Finding {
    let tried = try_faster(&args.pipeline(), &SourceSpec::Demo(None));
    let found = tried.map_err(|error| error.to_string()).and_then(|tried| {
        let words = told(tried.as_deref(), args.device);
        if tried.iter().flatten().any(Tried::is_wrong) { Err(words) } else { Ok(words) }
    });
    finding("auto", found, Health::Lacking)
}

fn cameras() -> Finding {
    let found = webcam::list().and_then(|cameras| match cameras.as_slice() {
        [] => Err(SourceError::NoCamera),
        cameras => {
            let names = cameras.iter().map(|c| format!("webcam:{} is {}", c.index, c.name));
            Ok(names.collect::<Vec<_>>().join(", "))
        }
    });
    finding("cameras", found, Health::Lacking)
}

/// How the window brings the picture upright, as the user has chosen.
#[cfg(feature = "gui")]
fn mounting() -> Finding {
    let kept = crate::app::preferences::kept();
    let (mounting, seat) = (kept.mounting(), kept.seat);
    let turned = match mounting.rotate.degrees() {
        0 => "not turned".into(),
        degrees => format!("turned by {degrees} degrees"),
    };
    let mirrored = if mounting.mirror { ", left and right swapped" } else { "" };
    let driver = match seat {
        Seat::Any => "anywhere",
        Seat::Left => "on the left",
        Seat::Right => "on the right",
    };
    let found = format!(
        "{turned}{mirrored}, the driver sits {driver}; --rotate, --mirror and --seat change that"
    );
    Finding { what: "picture", health: Health::Good, found }
}

/// Without a window nothing is kept.
#[cfg(not(feature = "gui"))]
fn mounting() -> Finding {
    let found = "as it comes; --rotate, --mirror and --seat change that".into();
    Finding { what: "picture", health: Health::Good, found }
}

/// Opens the sound device as the alarm would, without a sound.
fn sound() -> Finding {
    let state = match Alarm::start(default_speaker()) {
        Ok(alarm) => {
            let until = Instant::now() + SOUND_TIME;
            loop {
                match alarm.status().sound {
                    SoundState::Opening if Instant::now() < until => {
                        thread::sleep(Duration::from_millis(20));
                    }
                    state => break state,
                }
            }
        }
        Err(error) => SoundState::NoSound(error.to_string()),
    };
    let found = match &state {
        SoundState::Ready => Ok(state.to_string()),
        SoundState::Opening => {
            Err("the sound device does not answer; restart the sound service".into())
        }
        _ => Err(state.to_string()),
    };
    finding("sound", found, Health::Lacking)
}

#[cfg(feature = "gui")]
fn screen() -> Finding {
    use crate::app::{self, AppError};
    let found = match app::has_screen() {
        true => Ok("a window can be opened"),
        false => Err(AppError::NoDisplay),
    };
    finding("screen", found.map(Into::into), Health::Lacking)
}

#[cfg(not(feature = "gui"))]
fn screen() -> Finding {
    let found = Err("this build has no window; build it with the default features");
    finding("screen", found, Health::Lacking)
}
