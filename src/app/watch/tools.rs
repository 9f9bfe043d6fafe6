//! The row above the pictures: what is watched, at what size, on what device, and what is
//! drawn over it. Every choice counts at once, without a restart.

use std::sync::mpsc::{Receiver, TryRecvError};

use eframe::egui::{Align, ComboBox, Layout, Rect, Ui, UiBuilder};

use super::short;
use crate::{
    app::{
        actions::{Action, Request},
        context::AppContext,
        preferences::{CAMERA_SIZES, KeptCamera, Preferences},
        text::{self, watch as words},
        widgets::{Look, action_button, name},
    },
    background,
    face::Seat,
    frame::Turn,
    infer::Device,
    live::Snapshot,
    source::{
        SourceSpec, demo,
        webcam::{self, CameraInfo},
    },
};

/// Width of the choice of the source, in points.
const WIDTH: f32 = 230.0;

/// The cameras, asked of the system on a thread: a driver may take its time.
#[derive(Default)]
enum Cameras {
    #[default]
    Unasked,
    Asking(Receiver<Vec<CameraInfo>>),
    Known(Vec<CameraInfo>),
}

/// The row's own state.
#[derive(Default)]
pub(super) struct Tools {
    cameras: Cameras,
}

impl Tools {
    /// Draws the row into `rect`.
    pub(super) fn show(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        snapshot: &Snapshot,
        preferences: &mut Preferences,
        context: &AppContext,
    ) -> Vec<Request> {
        let mut wanted = vec![];
        let layout = Layout::left_to_right(Align::Center);
        let mut row = ui.new_child(UiBuilder::new().id_salt("tools").max_rect(rect).layout(layout));
        wanted.extend(self.source(&mut row, snapshot, preferences, context));
        size(&mut row, preferences);
        device(&mut row, preferences);
        row.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let look = |on: bool| if on { Look::On } else { Look::Off };
            for (action, label, look) in [
                (Action::TestTone, text::TEST_TONE, Look::Plain),
                (Action::Imagine, text::IMAGINE, look(preferences.imagine)),
                (Action::Overlays, text::OVERLAYS, look(preferences.overlays)),
            ] {
                if action_button(ui, action, label, look).clicked() {
                    wanted.push(Request::Act(action));
                }
            }
        });
        wanted
    }

    fn source(
        &mut self,
        ui: &mut Ui,
        snapshot: &Snapshot,
        preferences: &mut Preferences,
        context: &AppContext,
    ) -> Option<Request> {
        let mut wanted = None;
        let now = match snapshot.source.name.as_str() {
            "" => words::source(&context.source),
            known => short(known).to_owned(),
        };
        let combo = ComboBox::from_id_salt("source").width(WIDTH).truncate().selected_text(now);
        // A truncated text would otherwise take all the room there is.
        let place = ui.scope(|ui| {
            ui.set_max_width(WIDTH);
            combo.show_ui(ui, |ui| {
                self.ask(ui);
                ui.label(words::CAMERAS);
                match &self.cameras {
                    Cameras::Unasked | Cameras::Asking(_) => drop(ui.label(words::ASKING)),
                    Cameras::Known(cameras) if cameras.is_empty() => {
                        drop(ui.label(words::NO_CAMERAS));
                    }
                    Cameras::Known(cameras) => {
                        for camera in cameras {
                            let source = SourceSpec::Webcam(camera.index);
                            let chosen = source == context.source;
                            if ui.selectable_label(chosen, &camera.name).clicked() {
                                preferences.camera = Some(KeptCamera::of(camera));
                                wanted = Some(Request::Watch(source));
                            }
                        }
                    }
                }
                ui.separator();
                mounting(ui, preferences);
                ui.separator();
                ui.label(words::DEMO);
                for scenario in demo::scenarios() {
                    let source = SourceSpec::Demo(Some((*scenario).to_owned()));
                    if ui.selectable_label(source == context.source, *scenario).clicked() {
                        wanted = Some(Request::Watch(source));
                    }
                }
            })
        });
        let shown = place.inner;
        name(ui, &shown.response, words::CHOOSE_SOURCE);
        if shown.inner.is_none() {
            // Asked anew when it is opened again: cameras come and go.
            self.cameras = Cameras::Unasked;
        }
        wanted
    }

    /// Asks for the cameras, or takes the answer.
    fn ask(&mut self, ui: &Ui) {
        match &self.cameras {
            Cameras::Unasked => {
                let ctx = ui.ctx().clone();
                // Without support for cameras, there are none.
                let ask = || webcam::list().unwrap_or_default();
                let asked = background::answer("cameras", move || ctx.request_repaint(), ask);
                self.cameras = match asked {
                    Ok(answer) => Cameras::Asking(answer),
                    Err(_) => Cameras::Known(vec![]),
                };
            }
            Cameras::Asking(answer) => match answer.try_recv() {
                Ok(cameras) => self.cameras = Cameras::Known(cameras),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.cameras = Cameras::Known(vec![]),
            },
            Cameras::Known(_) => {}
        }
    }
}

/// How the camera hangs, and on which side of its picture the driver sits.
fn mounting(ui: &mut Ui, preferences: &mut Preferences) {
    ui.label(words::PICTURE);
    ui.horizontal(|ui| {
        for turn in Turn::ALL {
            let choice = ui.selectable_value(&mut preferences.rotate, turn, words::turn(turn));
            name(ui, &choice, &words::turned_by(turn));
        }
    });
    ui.checkbox(&mut preferences.mirror, words::MIRROR);
    ui.label(words::SEAT);
    ui.horizontal(|ui| {
        for seat in [Seat::Any, Seat::Left, Seat::Right] {
            let choice = ui.selectable_value(&mut preferences.seat, seat, words::seat(seat));
            name(ui, &choice, &words::sits(seat));
        }
    });
}

fn size(ui: &mut Ui, preferences: &mut Preferences) {
    let combo = ComboBox::from_id_salt("size").width(96.0);
    let shown = combo.selected_text(words::size(preferences.camera_size)).show_ui(ui, |ui| {
        for size in CAMERA_SIZES {
            ui.selectable_value(&mut preferences.camera_size, size, words::size(size));
        }
    });
    name(ui, &shown.response, words::CHOOSE_SIZE);
}

fn device(ui: &mut Ui, preferences: &mut Preferences) {
    let combo = ComboBox::from_id_salt("device").width(96.0);
    let shown = combo.selected_text(words::device(preferences.device)).show_ui(ui, |ui| {
        for device in [
            Device::Auto,
            Device::Cpu,
            Device::Cuda,
            Device::TensorRt,
            Device::DirectMl,
            Device::CoreMl,
        ] {
            ui.selectable_value(&mut preferences.device, device, words::device(device));
        }
    });
    name(ui, &shown.response, words::CHOOSE_DEVICE);
}
