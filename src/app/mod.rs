//! The window: an egui screen that only draws what [`live`](crate::live) publishes and
//! asks it for what the user wants. [`watch`] is the screen, built from [`widgets`] in
//! the colours of [`theme`] and the words of [`text`]; [`screen`] puts it under a bar of
//! buttons, and `window` joins that to a session. Nothing is judged here, and nothing
//! waits here: a hidden or slow window never delays an alarm.

pub mod actions;
pub mod history;
pub mod screen;
#[cfg(test)]
mod tests;
pub mod text;
pub mod theme;
pub mod watch;
pub mod widgets;
mod window;

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use eframe::egui::{Theme, ViewportBuilder};
use thiserror::Error;

use screen::Failure;
use window::{Opener, Session, Window};

use crate::{
    live::{Live, LiveOptions, Waker},
    source::SourceSpec,
};

/// The smallest window in which nothing is cut off, in points.
pub const MIN_SIZE: [f32; 2] = [1024.0, 640.0];

/// A window that cannot be opened, or a picture of it that cannot be written.
#[derive(Debug, Error)]
pub enum AppError {
    /// A machine without a screen.
    #[error(
        "there is no display to open a window on; use `wakewatch watch --headless`, or run it in a desktop session"
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
#[derive(Clone)]
pub struct AppOptions {
    /// What to watch and how; the waker is the window's own.
    pub live: LiveOptions,
    /// Dark or light.
    pub theme: Theme,
    /// Width and height of the window in points.
    pub size: [f32; 2],
    /// Take a picture of the window (PNG) so long after watching has begun, then quit.
    pub screenshot: Option<(PathBuf, Duration)>,
}

impl Default for AppOptions {
    fn default() -> Self {
        Self {
            live: LiveOptions::default(),
            theme: Theme::Dark,
            size: [1280.0, 800.0],
            screenshot: None,
        }
    }
}

/// Opens the window, watches, and returns when it is closed.
///
/// # Errors
/// When there is no display or no window can be opened on it, or the picture that was
/// asked for cannot be taken. What goes wrong while watching is told in the window.
pub fn run(options: AppOptions) -> Result<(), AppError> {
    let live = options.live.clone();
    let opener = move |source: &SourceSpec, waker: Waker| -> Result<Box<dyn Session>, Failure> {
        let source = source.clone();
        let live = LiveOptions { source, waker: Some(waker), ..live.clone() };
        match Live::start(live) {
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
        .with_inner_size(options.size)
        .with_min_inner_size(MIN_SIZE);
    let native = eframe::NativeOptions {
        viewport,
        renderer: eframe::Renderer::Glow,
        ..eframe::NativeOptions::default()
    };
    let (result, outcome) = mpsc::sync_channel(1);
    let wanted = options.screenshot.is_some();
    let screenshot = options.screenshot.map(|(path, after)| window::Screenshot {
        path,
        after,
        taken: None,
        result,
    });
    let create: eframe::AppCreator<'_> = Box::new(move |creation| {
        theme::install(&creation.egui_ctx, options.theme);
        Ok(Box::new(Window::new(&creation.egui_ctx, opener, options.live.source, screenshot)))
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
