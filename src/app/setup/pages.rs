//! The last two pages: how loud the alarm is, and what was found.

use eframe::egui::{RichText, Role, Ui, WidgetInfo, vec2};

use super::{Mark, Weight, button, check, heading};
use crate::{
    alarm::SoundState,
    app::{
        actions::{Action, Request},
        context::Page,
        preferences::Preferences,
        settings,
        text::{self, setup as words},
        theme::{GAP, PADDING, Tokens},
        widgets::state_sign,
    },
    monitor::{Level, State},
};

/// Whether the alarm could be heard, and what to do if not.
fn sound(page: &Page) -> (Mark, String) {
    let Page::Watching(snapshot) = page else {
        return (Mark::Open, words::SOUND_NO_WATCH.into());
    };
    match (text::silent(&snapshot.sound), &snapshot.sound) {
        (Some(why), SoundState::NoSound(_)) => (Mark::Bad, format!("{why} {}", words::SOUND_NONE)),
        (Some(why), _) => (Mark::Bad, why),
        (None, SoundState::Opening) => (Mark::Open, words::SOUND_OPENING.into()),
        (None, _) => (Mark::Good, words::SOUND_GOOD.into()),
    }
}

/// The third page; true when the alarm was played.
pub(super) fn alarm(
    ui: &mut Ui,
    page: &Page,
    preferences: &mut Preferences,
    played: bool,
    pressed: &[Action],
    wanted: &mut Vec<Request>,
) -> bool {
    heading(ui, words::ALARM, words::ALARM_SAYS);
    ui.spacing_mut().slider_width = 260.0;
    settings::volume(ui, preferences);
    ui.add_space(GAP);
    let (mark, says) = sound(page);
    let can = mark == Mark::Good;
    let clicked = button(ui, words::PLAY, "T", Weight::Plain, can).clicked();
    let plays = can && (clicked || pressed.contains(&Action::TestTone));
    if plays {
        wanted.push(Request::Tone(Level::Critical));
    }
    ui.add_space(GAP);
    check(ui, mark, words::SOUND, &says);
    if can && (played || plays) {
        ui.add_space(4.0);
        let heard = ui.label(RichText::new(words::HEARD).size(16.0));
        heard.widget_info(|| WidgetInfo::labeled(Role::Status, true, words::HEARD));
    }
    plays
}

/// The last page.
pub(super) fn ready(
    ui: &mut Ui,
    page: &Page,
    preferences: &Preferences,
    camera: Option<&str>,
    seat_passed: Option<bool>,
    played: bool,
) {
    let tokens = Tokens::current(ui);
    let (sound, silent) = sound(page);
    let watched = match page {
        Page::Watching(now) if now.problem.is_none() => Mark::Good,
        Page::Watching(_) | Page::Failed(_) => Mark::Bad,
        Page::Opening | Page::Resting => Mark::Open,
    };
    let (seat, seat_says) = match seat_passed {
        Some(true) => (Mark::Good, words::SEAT_PASSED),
        Some(false) => (Mark::Bad, words::SEAT_SKIPPED),
        None => (Mark::Open, words::SEAT_UNSEEN),
    };
    let all = [watched, seat, sound];
    let (title, state, color) = match watched {
        Mark::Bad if matches!(page, Page::Failed(_)) => {
            (words::NOT_READY, State::CameraLost, tokens.asleep)
        }
        _ if all.contains(&Mark::Bad) => (words::READY_BUT, State::Drowsy, tokens.drowsy),
        _ => (words::READY, State::Awake, tokens.awake),
    };
    ui.horizontal(|ui| {
        let (sign, _) = ui.allocate_exact_size(vec2(48.0, 48.0), eframe::egui::Sense::hover());
        state_sign(ui.painter(), sign, state, color, tokens.background);
        ui.add_space(6.0);
        ui.label(RichText::new(title).size(30.0).strong());
    });
    ui.add_space(GAP);
    let name = camera.unwrap_or_default();
    let told = match page {
        Page::Watching(now) => match &now.problem {
            Some(problem) => text::sentence(problem),
            None if name.is_empty() => now.source.name.clone(),
            None => name.to_owned(),
        },
        Page::Failed(failure) if failure.no_camera => words::NO_CAMERA_SAYS.into(),
        Page::Failed(failure) => failure.why.clone(),
        Page::Opening | Page::Resting => text::start::OPENING.into(),
    };
    check(ui, watched, words::WATCHED, &told);
    check(ui, seat, words::SEAT_NAME, seat_says);
    let loudness = match sound {
        Mark::Bad => silent,
        _ => words::loudness(preferences.volume, played),
    };
    check(ui, sound, words::ALARM_NAME, &loudness);
    ui.add_space(PADDING);
    for sentence in words::READY_SAYS {
        ui.label(RichText::new(sentence).size(16.0));
    }
}
