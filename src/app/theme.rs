//! The look of the window: one table of colour tokens a theme, and the style that is
//! made of it. No other file names a colour, so that contrast can be tested in one place:
//! every text meets WCAG 2.2 AA (4.5:1) on every surface that it stands on, and what must
//! be told apart without reading (outlines of controls, signs) meets 3:1.

use eframe::egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Shadow, Stroke, Style, TextStyle,
    Theme, Ui, Visuals, vec2,
};

use crate::monitor::{Level, State};

/// The colours of one theme.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tokens {
    /// Behind everything.
    pub background: Color32,
    /// Cards.
    pub surface: Color32,
    /// Buttons and what lies on cards.
    pub raised: Color32,
    /// A button under the pointer.
    pub hovered: Color32,
    /// Edges of controls.
    pub outline: Color32,
    /// Fine lines that only divide.
    pub divider: Color32,
    /// Empty part of a bar.
    pub track: Color32,
    /// Text.
    pub text: Color32,
    /// Text of lesser weight.
    pub muted: Color32,
    /// The one colour for what the program itself marks.
    pub accent: Color32,
    /// What is drawn over pictures, in both themes on a dark edge.
    pub landmark: Color32,
    /// Nothing is wrong.
    pub awake: Color32,
    /// Tiring: no more than a hint.
    pub tiring: Color32,
    /// Drowsy, or a warning.
    pub drowsy: Color32,
    /// Asleep, or an error.
    pub asleep: Color32,
    /// The driver cannot be judged.
    pub unseen: Color32,
    /// Text on a filled card of `asleep`.
    pub on_alarm: Color32,
}

/// The dark theme: for the night, and the default.
pub(crate) const DARK: Tokens = Tokens {
    background: Color32::from_rgb(0x0c, 0x0f, 0x14),
    surface: Color32::from_rgb(0x16, 0x1b, 0x23),
    raised: Color32::from_rgb(0x22, 0x2a, 0x36),
    hovered: Color32::from_rgb(0x2d, 0x37, 0x46),
    outline: Color32::from_rgb(0x74, 0x82, 0x96),
    divider: Color32::from_rgb(0x2a, 0x33, 0x40),
    track: Color32::from_rgb(0x2a, 0x33, 0x40),
    text: Color32::from_rgb(0xed, 0xf1, 0xf6),
    muted: Color32::from_rgb(0xaa, 0xb6, 0xc6),
    accent: Color32::from_rgb(0x7c, 0xc4, 0xff),
    landmark: Color32::from_rgb(0x7c, 0xe0, 0xff),
    awake: Color32::from_rgb(0x5b, 0xd6, 0x9b),
    tiring: Color32::from_rgb(0xd8, 0xdc, 0x6a),
    drowsy: Color32::from_rgb(0xff, 0xc2, 0x47),
    asleep: Color32::from_rgb(0xff, 0x82, 0x7a),
    unseen: Color32::from_rgb(0xae, 0xbe, 0xd8),
    on_alarm: Color32::from_rgb(0x1c, 0x05, 0x05),
};

/// The light theme: for the day.
pub(crate) const LIGHT: Tokens = Tokens {
    background: Color32::from_rgb(0xed, 0xf0, 0xf4),
    surface: Color32::from_rgb(0xff, 0xff, 0xff),
    raised: Color32::from_rgb(0xf1, 0xf4, 0xf8),
    hovered: Color32::from_rgb(0xe0, 0xe6, 0xee),
    outline: Color32::from_rgb(0x6b, 0x78, 0x8a),
    divider: Color32::from_rgb(0xd5, 0xdc, 0xe5),
    track: Color32::from_rgb(0xd9, 0xdf, 0xe8),
    text: Color32::from_rgb(0x12, 0x17, 0x1f),
    muted: Color32::from_rgb(0x47, 0x52, 0x61),
    accent: Color32::from_rgb(0x0a, 0x55, 0xad),
    landmark: Color32::from_rgb(0x7c, 0xe0, 0xff),
    awake: Color32::from_rgb(0x0a, 0x5f, 0x3c),
    tiring: Color32::from_rgb(0x55, 0x56, 0x00),
    drowsy: Color32::from_rgb(0x7a, 0x45, 0x00),
    asleep: Color32::from_rgb(0xa6, 0x1b, 0x1b),
    unseen: Color32::from_rgb(0x35, 0x4a, 0x68),
    on_alarm: Color32::from_rgb(0xff, 0xff, 0xff),
};

/// Space between cards and around them, in points.
pub(crate) const GAP: f32 = 10.0;
/// Space inside a card, in points.
pub(crate) const PADDING: f32 = 12.0;
/// Corner of a card, in points.
pub(crate) const RADIUS: u8 = 8;
/// Text of lesser weight, in points.
pub(crate) const SMALL: f32 = 13.0;
/// Text, in points.
pub(crate) const BODY: f32 = 15.0;

impl Tokens {
    /// The tokens of `theme`.
    pub(crate) fn of(theme: Theme) -> &'static Tokens {
        match theme {
            Theme::Dark => &DARK,
            Theme::Light => &LIGHT,
        }
    }

    /// The tokens that `ui` is drawn with.
    pub(crate) fn current(ui: &Ui) -> &'static Tokens {
        Self::of(ui.ctx().theme())
    }

    /// The colour of a state; never its only mark.
    pub(crate) fn state(&self, state: State) -> Color32 {
        match state {
            State::Awake => self.awake,
            State::Tiring | State::EyesOffRoad => self.tiring,
            State::Drowsy => self.drowsy,
            State::Microsleep | State::Asleep | State::Unresponsive | State::CameraLost => {
                self.asleep
            }
            State::Starting | State::NoDriver | State::EyesUnreadable | State::Slow => self.unseen,
        }
    }

    /// What the state card is filled with, and the colours of sign and text on it: the
    /// more urgent, the stronger; filled in full only to wake.
    pub(crate) fn urgency(&self, state: State, level: Level) -> Urgency {
        let color = self.state(state);
        let share = match level {
            Level::None => 0.0,
            Level::Advisory => 0.06,
            Level::Warning => 0.12,
            Level::Critical => {
                return Urgency { fill: color, sign: self.on_alarm, text: self.on_alarm };
            }
        };
        Urgency { fill: self.surface.lerp_to_gamma(color, share), sign: color, text: self.text }
    }
}

/// Colours of the state card.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Urgency {
    /// The card.
    pub fill: Color32,
    /// The sign and the word.
    pub sign: Color32,
    /// Sentences.
    pub text: Color32,
}

/// Installs both themes in the context.
pub(crate) fn install(ctx: &Context) {
    for each in [Theme::Dark, Theme::Light] {
        ctx.set_style_of(each, style(each));
    }
}

/// Scales all text, and everything with it; 1 = as designed.
pub(crate) fn scale(ctx: &Context, scale: f32) {
    ctx.set_zoom_factor(scale);
}

/// A font of `size` points.
pub(crate) fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

fn style(theme: Theme) -> Style {
    let tokens = Tokens::of(theme);
    let mut style = Style { visuals: visuals(theme, tokens), ..Style::default() };
    style.text_styles = [
        (TextStyle::Small, font(SMALL)),
        (TextStyle::Body, font(BODY)),
        (TextStyle::Button, font(BODY)),
        (TextStyle::Heading, font(22.0)),
        (TextStyle::Monospace, FontId::new(SMALL, FontFamily::Monospace)),
    ]
    .into();
    style.spacing.item_spacing = vec2(8.0, 6.0);
    style.spacing.button_padding = vec2(10.0, 5.0);
    style.spacing.window_margin = Margin::same(20);
    style.interaction.selectable_labels = false;
    style.url_in_tooltip = false;
    style
}

fn visuals(theme: Theme, tokens: &Tokens) -> Visuals {
    let mut visuals = match theme {
        Theme::Dark => Visuals::dark(),
        Theme::Light => Visuals::light(),
    };
    visuals.panel_fill = tokens.background;
    visuals.window_fill = tokens.surface;
    visuals.window_stroke = Stroke::new(1.0, tokens.divider);
    visuals.window_shadow = Shadow::NONE;
    visuals.window_corner_radius = CornerRadius::same(RADIUS);
    visuals.extreme_bg_color = tokens.surface;
    visuals.faint_bg_color = tokens.raised;
    visuals.hyperlink_color = tokens.accent;
    visuals.warn_fg_color = tokens.drowsy;
    visuals.error_fg_color = tokens.asleep;
    visuals.weak_text_color = Some(tokens.muted);
    visuals.selection.bg_fill = tokens.hovered;
    visuals.selection.stroke = Stroke::new(2.0, tokens.accent);
    let widgets = &mut visuals.widgets;
    for (widget, fill, edge) in [
        (&mut widgets.noninteractive, tokens.surface, tokens.divider),
        (&mut widgets.inactive, tokens.raised, tokens.outline),
        (&mut widgets.hovered, tokens.hovered, tokens.text),
        (&mut widgets.active, tokens.hovered, tokens.accent),
        (&mut widgets.open, tokens.hovered, tokens.outline),
    ] {
        widget.bg_fill = fill;
        widget.weak_bg_fill = fill;
        widget.bg_stroke = Stroke::new(1.0, edge);
        widget.fg_stroke = Stroke::new(1.0, tokens.text);
        widget.corner_radius = CornerRadius::same(6);
        widget.expansion = 0.0;
    }
    // The keyboard's place must be seen from afar.
    visuals.widgets.active.bg_stroke.width = 2.0;
    visuals.disabled_alpha = 0.7;
    visuals
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast ratio of two opaque colours, 1..21 (WCAG 2.2, relative luminance).
    fn contrast(a: Color32, b: Color32) -> f32 {
        let luminance = |color: Color32| {
            let linear = eframe::egui::Rgba::from(color);
            0.2126 * linear.r() + 0.7152 * linear.g() + 0.0722 * linear.b()
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn contrast_is_that_of_the_standard() {
        assert!((contrast(Color32::WHITE, Color32::BLACK) - 21.0).abs() < 0.01);
        // #767676 on white is the known edge of AA.
        let edge = contrast(Color32::from_rgb(0x76, 0x76, 0x76), Color32::WHITE);
        assert!((edge - 4.54).abs() < 0.01, "{edge}");
    }

    #[test]
    fn text_meets_aa_on_every_surface() {
        for tokens in [DARK, LIGHT] {
            let texts = [
                ("text", tokens.text),
                ("muted", tokens.muted),
                ("accent", tokens.accent),
                ("awake", tokens.awake),
                ("tiring", tokens.tiring),
                ("drowsy", tokens.drowsy),
                ("asleep", tokens.asleep),
                ("unseen", tokens.unseen),
            ];
            for (name, text) in texts {
                for ground in [tokens.background, tokens.surface, tokens.raised, tokens.hovered] {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.5, "{name} on {ground:?}: {ratio:.2}");
                }
            }
        }
    }

    #[test]
    fn the_state_card_meets_aa_at_every_urgency() {
        for tokens in [DARK, LIGHT] {
            for &state in State::ALL {
                for level in [Level::None, Level::Advisory, Level::Warning, Level::Critical] {
                    let urgency = tokens.urgency(state, level);
                    for color in [urgency.sign, urgency.text] {
                        let ratio = contrast(color, urgency.fill);
                        assert!(ratio >= 4.5, "{state:?} {level:?}: {ratio:.2}");
                    }
                }
            }
        }
    }

    #[test]
    fn controls_and_bars_can_be_made_out() {
        for tokens in [DARK, LIGHT] {
            for ground in [tokens.background, tokens.surface, tokens.raised] {
                let ratio = contrast(tokens.outline, ground);
                assert!(ratio >= 3.0, "outline on {ground:?}: {ratio:.2}");
            }
            for fill in [tokens.accent, tokens.awake, tokens.tiring, tokens.drowsy, tokens.asleep] {
                let ratio = contrast(fill, tokens.track);
                assert!(ratio >= 3.0, "{fill:?} on its track: {ratio:.2}");
            }
        }
    }
}
