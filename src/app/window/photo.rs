//! The picture of the window that was asked for on the command line: taken when it is time,
//! written, and the program ends.

use std::{
    path::PathBuf,
    sync::{Arc, mpsc},
    time::Duration,
};

use eframe::egui::{ColorImage, Context, ViewportCommand};

use super::{Stage, Window};
use crate::app::AppError;

/// A picture of the window that is still to be taken.
pub(in crate::app) struct Screenshot {
    /// Where it is written, as PNG.
    pub(in crate::app) path: PathBuf,
    /// How long after the session has begun.
    pub(in crate::app) after: Duration,
    /// The image on its way from the graphics card.
    pub(in crate::app) taken: Option<mpsc::Receiver<Arc<ColorImage>>>,
    /// What came of it, for [`run`](super::run).
    pub(in crate::app) result: mpsc::SyncSender<Result<(), AppError>>,
}

impl Window {
    /// Takes the picture when it is time, writes it and ends the program.
    pub(super) fn photograph(&mut self, ctx: &Context) {
        let opening = matches!(self.stage, Stage::Opening(_));
        let Some(shot) = &mut self.screenshot else { return };
        match &shot.taken {
            None if !opening && self.since.elapsed() >= shot.after => {
                let (sender, receiver) = mpsc::sync_channel(1);
                shot.taken = Some(receiver);
                // A second picture cannot come; were the channel full, it is not needed.
                ctx.request_screenshot(move |image| drop(sender.try_send(image)));
                ctx.request_repaint();
            }
            None => {}
            Some(taken) => {
                let Ok(image) = taken.try_recv() else { return };
                // `run` waits for one result at most, so the channel has room for it.
                drop(shot.result.try_send(write(&shot.path, &image)));
                self.screenshot = None;
                ctx.send_viewport_cmd(ViewportCommand::Close);
            }
        }
    }
}

fn write(path: &std::path::Path, image: &ColorImage) -> Result<(), AppError> {
    let pixels: Vec<u8> = image.pixels.iter().flat_map(|p| [p.r(), p.g(), p.b()]).collect();
    let (width, height) = (image.width() as u32, image.height() as u32);
    image::save_buffer(path, &pixels, width, height, image::ExtendedColorType::Rgb8)
        .map_err(|why| AppError::Screenshot { path: path.to_owned(), why })
}
