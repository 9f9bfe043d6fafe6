//! The settings: sensitivity, look, sound and privacy on the left, every threshold of the
//! monitor on the right, made from [`Settings::THRESHOLDS`] so that nothing is said twice.
//! What is chosen here counts at once; the window keeps it.

use eframe::egui::{
    Align, DragValue, Grid, Layout, Rect, RichText, ScrollArea, Slider, TextEdit, Ui, UiBuilder,
    vec2,
};

use super::{
    actions::Request,
    context::AppContext,
    preferences::{self, LEAST_VOLUME, Preferences, TEXT_SCALES},
    text::{self, settings as words},
    theme::{self, GAP, Tokens},
    widgets::{name, remark, section},
};
use crate::monitor::{Level, Sensitivity, Settings, Threshold};

/// Width of the left column, in points.
const LEFT: f32 = 428.0;
/// Width of a threshold's values and of its way back, in points.
const VALUES: f32 = 176.0;
/// No threshold is asked to be larger than this.
const MOST: f32 = 3600.0;

/// The screen's own state.
#[derive(Default)]
pub(crate) struct SettingsView {
    filter: String,
    /// Everything is to be reset, if it is said once more.
    sure: bool,
    values: Option<Values>,
}

/// The values of every threshold, in the order of the table: as they are, and as the
/// sensitivity has them. Read anew only when they change, not with every frame.
struct Values {
    of: (Settings, Settings),
    now: Vec<Vec<f32>>,
    usual: Vec<Vec<f32>>,
}

impl Values {
    fn of(now: &Settings, usual: &Settings) -> Self {
        let all = |settings: &Settings| {
            let names = Settings::THRESHOLDS.iter().map(|threshold| threshold.name);
            names.map(|name| settings.values(name).unwrap_or_default()).collect()
        };
        Self { of: (*now, *usual), now: all(now), usual: all(usual) }
    }
}

impl SettingsView {
    /// Draws the screen over what is left of `ui` and changes `preferences`.
    pub(crate) fn show(
        &mut self,
        ui: &mut Ui,
        preferences: &mut Preferences,
        context: &AppContext,
        watching: bool,
    ) -> Vec<Request> {
        let mut wanted = vec![];
        let area = ui.available_rect_before_wrap();
        let left = area.with_max_x(area.left() + LEFT.min(area.width() * 0.45));
        let right = area.with_min_x(left.right() + GAP);
        let mut left = column(ui, left, "settings left");
        ScrollArea::vertical().id_salt("choices").auto_shrink(false).show(&mut left, |ui| {
            ui.spacing_mut().item_spacing.y = 8.0;
            section(ui, words::SENSITIVITY, |ui| sensitivity(ui, preferences));
            section(ui, words::SOUND, |ui| wanted.extend(sound(ui, preferences, watching)));
            section(ui, words::LOOK, |ui| look(ui, preferences));
            section(ui, words::SETUP, |ui| {
                if ui.button(words::SETUP_AGAIN).clicked() {
                    wanted.push(Request::SetUp);
                }
            });
            section(ui, words::PRIVACY, |ui| self.privacy(ui, preferences));
        });
        let mut right = column(ui, right, "settings right");
        section(&mut right, words::THRESHOLDS, |ui| self.thresholds(ui, preferences, context));
        wanted
    }

    fn privacy(&mut self, ui: &mut Ui, preferences: &mut Preferences) {
        remark(ui, words::PRIVACY_SAYS);
        ui.checkbox(&mut preferences.keep_events, words::KEEP_EVENTS);
        if let (true, Some(file)) = (preferences.keep_events, preferences::events_file()) {
            remark(ui, &words::log_in(&file));
        }
        match preferences::folder() {
            Some(folder) => remark(ui, &words::kept_in(&folder)),
            None => remark(ui, words::NOWHERE),
        }
        let label = if self.sure { words::RESET_SURE } else { words::RESET_ALL };
        if ui.button(label).clicked() {
            if self.sure {
                *preferences =
                    Preferences { welcomed: true, setup_done: true, ..Preferences::default() };
            }
            self.sure = !self.sure;
        }
    }

    fn thresholds(&mut self, ui: &mut Ui, preferences: &mut Preferences, context: &AppContext) {
        let says = match context.monitor_from_file {
            true => words::FROM_FILE,
            false => words::THRESHOLDS_SAYS,
        };
        remark(ui, says);
        ui.horizontal(|ui| {
            let field = TextEdit::singleline(&mut self.filter).hint_text(words::FILTER);
            let field = ui.add(field.desired_width(200.0));
            name(ui, &field, words::FILTER);
            let changed = preferences.thresholds.len();
            let reset = eframe::egui::Button::new(words::RESET_THRESHOLDS);
            if ui.add_enabled(changed > 0, reset).clicked() {
                preferences.thresholds.clear();
            }
            remark(ui, &words::changed(changed));
        });
        ui.add_space(4.0);
        let wanted = self.filter.trim().to_lowercase();
        let fits = |(_, threshold): &(usize, &Threshold)| {
            let label = words::threshold(threshold).to_lowercase();
            wanted.is_empty() || label.contains(&wanted) || threshold.name.contains(&wanted)
        };
        let all = Settings::THRESHOLDS.iter().enumerate();
        let chosen: Vec<(usize, &Threshold)> = all.filter(fits).collect();
        if chosen.is_empty() {
            remark(ui, words::NOTHING_FOUND);
        }
        let of = (preferences.monitor(), Settings::of(preferences.sensitivity));
        let known = self.values.take().filter(|values| values.of == of);
        let values = &*self.values.insert(known.unwrap_or_else(|| Values::of(&of.0, &of.1)));
        ScrollArea::vertical().id_salt("thresholds").auto_shrink(false).show(ui, |ui| {
            for group in chosen.chunk_by(|a, b| a.1.group == b.1.group) {
                let tokens = Tokens::current(ui);
                let heading = group.first().map_or("", |(_, threshold)| threshold.group);
                ui.add_space(6.0);
                ui.label(RichText::new(heading).size(theme::SMALL).color(tokens.muted));
                let width = ui.available_width();
                Grid::new(heading).num_columns(3).spacing(vec2(12.0, 4.0)).show(ui, |ui| {
                    for (at, threshold) in group {
                        let both = (&values.now[*at], &values.usual[*at]);
                        row(ui, threshold, preferences, both, width);
                        ui.end_row();
                    }
                });
            }
        });
    }
}

fn column(ui: &mut Ui, rect: Rect, salt: &str) -> Ui {
    let layout = Layout::top_down(Align::Min);
    ui.new_child(UiBuilder::new().id_salt(salt).max_rect(rect).layout(layout))
}

fn sensitivity(ui: &mut Ui, preferences: &mut Preferences) {
    remark(ui, words::SENSITIVITY_SAYS);
    for sensitivity in [Sensitivity::Low, Sensitivity::Normal, Sensitivity::High] {
        ui.horizontal(|ui| {
            let chosen = preferences.sensitivity == sensitivity;
            if ui.radio(chosen, words::sensitivity(sensitivity)).clicked() {
                preferences.choose_sensitivity(sensitivity);
            }
            remark(ui, words::sensitivity_says(sensitivity));
        });
    }
}

fn sound(ui: &mut Ui, preferences: &mut Preferences, watching: bool) -> Vec<Request> {
    volume(ui, preferences);
    remark(ui, if watching { words::VOLUME_SAYS } else { words::NO_TONE });
    let mut wanted = vec![];
    ui.add_enabled_ui(watching, |ui| {
        ui.horizontal_wrapped(|ui| {
            for (label, level) in [
                (words::TONE_ADVISORY, Level::Advisory),
                (words::TONE_WARNING, Level::Warning),
                (words::TONE_CRITICAL, Level::Critical),
            ] {
                if ui.button(label).clicked() {
                    wanted.push(Request::Tone(level));
                }
            }
        });
    });
    wanted
}

/// The alarm's volume as a slider.
pub(super) fn volume(ui: &mut Ui, preferences: &mut Preferences) {
    ui.horizontal(|ui| {
        let label = ui.label(words::VOLUME);
        let percent = |value: f64, _| text::percent(value as f32);
        let slider = Slider::new(&mut preferences.volume, LEAST_VOLUME..=1.0)
            .step_by(0.05)
            .custom_formatter(percent)
            .custom_parser(|text| {
                let number: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
                Some(if number > 1.0 { number / 100.0 } else { number })
            });
        let slider = ui.add(slider).labelled_by(label.id);
        name(ui, &slider, words::VOLUME);
    });
}

fn look(ui: &mut Ui, preferences: &mut Preferences) {
    ui.horizontal(|ui| {
        ui.label(words::THEME);
        for (light, label) in [(false, text::DARK), (true, text::LIGHT)] {
            if ui.radio(preferences.light == light, label).clicked() {
                preferences.light = light;
            }
        }
    });
    ui.horizontal(|ui| {
        ui.label(words::TEXT_SIZE);
        for scale in TEXT_SCALES {
            if ui.radio(preferences.text_scale == scale, words::scale(scale)).clicked() {
                preferences.text_scale = scale;
            }
        }
    });
    ui.checkbox(&mut preferences.overlays, text::OVERLAYS_SAY);
    ui.checkbox(&mut preferences.imagine, text::IMAGINE_SAYS);
}

/// One threshold: its name, its one or two values, and the way back.
fn row(
    ui: &mut Ui,
    threshold: &Threshold,
    preferences: &mut Preferences,
    (now, usual): (&Vec<f32>, &Vec<f32>),
    width: f32,
) {
    let tokens = Tokens::current(ui);
    let label = words::threshold(threshold);
    let mut values = now.clone();
    let differs = usual != now;
    let color = if differs { tokens.accent } else { tokens.text };
    let line = Layout::left_to_right(Align::Center);
    ui.allocate_ui_with_layout(vec2((width - VALUES - 120.0).max(140.0), 27.0), line, |ui| {
        ui.set_min_width((width - VALUES - 120.0).max(140.0));
        let shown = eframe::egui::Label::new(RichText::new(&label).color(color)).truncate();
        ui.add(shown).on_hover_text(threshold.about());
    });
    ui.allocate_ui_with_layout(vec2(VALUES, 27.0), line, |ui| {
        ui.set_min_width(VALUES);
        let range = values.len() > 1;
        for (end, value) in values.iter_mut().enumerate() {
            let speed = (f64::from(*value).abs() * 0.01).max(0.002);
            let drag = DragValue::new(value).range(0.0..=MOST).speed(speed).max_decimals(4);
            let drag = ui.add(drag.min_size(vec2(62.0, 25.0))).on_hover_text(threshold.about());
            let end = if range { words::end_of(&label, end) } else { label.clone() };
            name(ui, &drag, &end);
        }
        let unit = RichText::new(threshold.unit()).size(theme::SMALL).color(tokens.muted);
        ui.label(unit);
    });
    let reset = ui.add_enabled(differs, eframe::egui::Button::new(words::RESET).small());
    name(ui, &reset, &words::reset_of(&label));
    if reset.clicked() {
        preferences.thresholds.remove(threshold.name);
    } else if values != *now {
        preferences.choose(threshold.name, &values);
    }
}
