//! The window: egui screens that only draw what [`live`](crate::live),
//! [`replay`](crate::replay) and [`evaluate`](crate::evaluate) publish and ask them for
//! what the user wants. [`watch`], [`replay`], [`metrics`] and [`settings`] are the
//! screens, [`setup`] is what comes before them at the first start, built from [`widgets`] in the colours of [`theme`] and the words of [`text`];
//! [`screen`] puts them under a bar, `window` joins that to a session, and [`preferences`]
//! outlast it. Nothing is judged here, and nothing waits here: a hidden or slow window
//! never delays an alarm.

pub(crate) mod actions;
pub(crate) mod choose;
pub(crate) mod context;
pub(crate) mod history;
pub(crate) mod metrics;
mod overlay;
pub mod preferences;
pub(crate) mod replay;
pub(crate) mod screen;
pub(crate) mod settings;
pub(crate) mod setup;
mod start;
mod strip;
#[cfg(test)]
mod tests;
pub(crate) mod text;
pub(crate) mod theme;
#[cfg(feature = "train")]
pub(crate) mod training;
pub(crate) mod watch;
pub(crate) mod widgets;
mod window;

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use eframe::egui::ViewportBuilder;
use thiserror::Error;

use actions::Tab;
use context::Failure;
use preferences::{Preferences, Store};
use setup::Step;
use window::{Opener, Session, Window};

use crate::{
    face::Seat,
    frame::Turn,
    live::{Live, LiveOptions},
    source::{SourceSpec, preview::Cameras, webcam},
};

/// The smallest window in which nothing is cut off, in points.
pub const MIN_SIZE: [f32; 2] = [1024.0, 640.0];
/// The window as it begins, in points.
pub const USUAL_SIZE: [f32; 2] = [1280.0, 800.0];

/// A window that cannot be opened, or a picture of it that cannot be written.
#[derive(Debug, Error)]
pub enum AppError {
    /// A machine without a screen.
    #[error(
        "there is no display to open a window on; run it in a desktop session, or without a window: `wakewatch watch --headless` (`wakewatch --help` lists all)"
    )]
    NoDisplay,
    /// The windowing system refuses.
    #[error("the window cannot be opened ({why}); use `wakewatch watch --headless` instead", why = reason(.0))]
    Window(#[source] eframe::Error),
    /// The picture of the window cannot be written.
    #[error("the picture of the window cannot be written to {path} ({why}); choose another file", path = .path.display())]
    Screenshot {
        /// The file.
        path: PathBuf,
        /// The writer's own words.
        #[source]
        why: image::ImageError,
    },
    /// The window was closed before its picture was taken.
    #[error("the window was closed before its picture was taken; leave it open")]
    NoScreenshot,
}

/// How the window starts.
#[derive(Clone, Default)]
pub struct AppOptions {
    /// What to watch and how; the waker is the window's own.
    pub live: LiveOptions,
    /// The thresholds in it come from a file: they overrule the settings.
    pub monitor_from_file: bool,
    /// The volume in it was asked for: it overrules the settings.
    pub volume_given: bool,
    /// How far the picture is turned, where it was asked for.
    pub rotate: Option<Turn>,
    /// Whether it is mirrored, where it was asked for.
    pub mirror: Option<bool>,
    /// Where the driver sits, where it was asked for.
    pub seat: Option<Seat>,
    /// The source in it was asked for: it overrules the camera that was chosen before.
    pub source_given: bool,
    /// The page of the set-up to begin with, where the set-up was asked for.
    pub setup: Option<Step>,
    /// Light or dark, where it was asked for.
    pub light: Option<bool>,
    /// Width and height of the window in points; `None` = as usual.
    pub size: Option<[f32; 2]>,
    /// The first screen.
    pub tab: Tab,
    /// What to replay.
    pub replay: Option<SourceSpec>,
    /// Never show the window, to check that watching goes on without it.
    pub hidden: bool,
    /// The labelled set to measure on.
    pub measure: Option<PathBuf>,
    /// Settings to train with.
    #[cfg(feature = "train")]
    pub train: Option<PathBuf>,
    /// Take a picture of the window (PNG) so long after watching has begun, then quit. The
    /// user's settings are left alone then.
    pub screenshot: Option<(PathBuf, Duration)>,
}

/// Opens the window, watches, and returns when it is closed.
///
/// # Errors
/// When there is no display or no window can be opened on it, or the picture that was
/// asked for cannot be taken. What goes wrong while watching is told in the window.
pub fn run(options: AppOptions) -> Result<(), AppError> {
    let opener = |options: &LiveOptions| -> Result<Box<dyn Session>, Failure> {
        match Live::start(options.clone()) {
            Ok(live) => Ok(Box::new(live)),
            Err(error) => Err(Failure::of(&error)),
        }
    };
    run_with(options, Arc::new(opener))
}

/// The same with sessions that `opener` opens.
fn run_with(options: AppOptions, opener: Arc<Opener>) -> Result<(), AppError> {
    if !has_screen() {
        return Err(AppError::NoDisplay);
    }
    let viewport = ViewportBuilder::default()
        .with_title(text::TITLE)
        .with_app_id(text::TITLE)
        .with_icon(icon())
        .with_inner_size(options.size.unwrap_or(USUAL_SIZE))
        .with_min_inner_size(MIN_SIZE)
        .with_visible(!options.hidden);
    let native = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        ..eframe::NativeOptions::default()
    };
    let (result, outcome) = mpsc::sync_channel(1);
    let wanted = options.screenshot.is_some();
    let folder = preferences::folder().filter(|_| !wanted);
    let (mut chosen, notice) = match &folder {
        Some(folder) => preferences::load(folder),
        None => {
            let done =
                Preferences { welcomed: wanted, setup_done: wanted, ..Preferences::default() };
            (done, None)
        }
    };
    chosen.light = options.light.unwrap_or(chosen.light);
    chosen.rotate = options.rotate.unwrap_or(chosen.rotate);
    chosen.mirror = options.mirror.unwrap_or(chosen.mirror);
    chosen.seat = options.seat.unwrap_or(chosen.seat);
    let screenshot = options.screenshot.map(|(path, after)| window::Screenshot {
        path,
        after,
        taken: None,
        result,
    });
    let first = !chosen.setup_done && !options.source_given && !options.hidden;
    let first = first && options.tab == Tab::Watch;
    let mut live = options.live;
    if let (false, Some(kept)) = (options.source_given, &chosen.camera) {
        // Without support for cameras, there are none.
        live.source = kept.source(&webcam::list().unwrap_or_default());
    }
    let start = window::Start {
        setup: options.setup.or(first.then_some(Step::Camera)),
        cameras: Cameras::default(),
        live,
        monitor_from_file: options.monitor_from_file,
        volume_given: options.volume_given,
        preferences: chosen,
        store: Store::new(folder),
        notice,
        tab: options.tab,
        replay: options.replay,
        measure: options.measure,
        #[cfg(feature = "train")]
        train: options.train,
        screenshot,
    };
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        theme::install(&creation.egui_ctx);
        Ok(Box::new(Window::new(&creation.egui_ctx, opener, start)))
    });
    eframe::run_native(text::TITLE, native, create).map_err(AppError::Window)?;
    match outcome.try_recv() {
        Ok(taken) => taken,
        Err(_) if wanted => Err(AppError::NoScreenshot),
        Err(_) => Ok(()),
    }
}

/// The last part of what the windowing library says: before it stand places in its code.
fn reason(error: &eframe::Error) -> String {
    let said = error.to_string();
    said.rsplit(": ").next().unwrap_or(&said).to_owned()
}

/// Whether this process has a screen to show a window on.
pub fn has_screen() -> bool {
    has_display(|name| std::env::var_os(name))
}

/// Whether a window could be shown; only systems of the X and Wayland kind can lack it.
fn has_display(variable: impl Fn(&str) -> Option<std::ffi::OsString>) -> bool {
    let set = |name| variable(name).is_some_and(|value| !value.is_empty());
    cfg!(not(all(unix, not(target_os = "macos"))))
        || ["DISPLAY", "WAYLAND_DISPLAY", "WAYLAND_SOCKET"].into_iter().any(set)
}

/// The window's icon: an open eye, drawn.
fn icon() -> eframe::egui::IconData {
    const SIDE: u32 = 64;
    let color = |x: u32, y: u32| {
        let [x, y] = [x, y].map(|at| (at as f32 + 0.5) / (SIDE as f32 / 2.0) - 1.0);
        let lid = x.hypot(y.abs() + 0.55) < 1.1;
        let iris = x.hypot(y);
        match (lid, iris) {
            (true, r) if !(0.18..=0.36).contains(&r) => theme::DARK.awake,
            (true, _) => theme::DARK.background,
            (false, _) if x.hypot(y) < 1.0 => theme::DARK.raised,
            _ => eframe::egui::Color32::TRANSPARENT,
        }
    };
    let pixels = (0..SIDE).flat_map(|y| (0..SIDE).map(move |x| color(x, y)));
    let rgba = pixels.flat_map(|color| color.to_array()).collect();
    eframe::egui::IconData { rgba, width: SIDE, height: SIDE }
}
