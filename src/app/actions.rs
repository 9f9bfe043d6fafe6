//! What the user can ask for, and the keys that do so: one table that the window obeys,
//! that the buttons show and that `?` lists.

use eframe::egui::{Context, Key, KeyboardShortcut, Modifiers};

use crate::{monitor::Level, source::SourceSpec};

/// The screens of the window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Tab {
    /// What happens now.
    #[default]
    Watch,
    /// What happened: a recording.
    Replay,
    /// How good the models are.
    Metrics,
    /// Better models.
    Training,
    /// Thresholds, sound, look and privacy.
    Settings,
}

impl Tab {
    /// Those that this build has, in the order of the bar.
    #[cfg(feature = "train")]
    pub const ALL: &[Tab] = &[Tab::Watch, Tab::Replay, Tab::Metrics, Tab::Training, Tab::Settings];
    /// Those that this build has, in the order of the bar.
    #[cfg(not(feature = "train"))]
    pub const ALL: &[Tab] = &[Tab::Watch, Tab::Replay, Tab::Metrics, Tab::Settings];
}

/// Something that a screen asks of the window.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Request {
    /// What a key could have asked for as well.
    Act(Action),
    /// Watch something else.
    Watch(SourceSpec),
    /// Play the sound of a level once.
    Tone(Level),
    /// Watch nothing for now: cameras are looked at to choose one.
    Rest,
    /// Show the set-up again.
    SetUp,
    /// Load the models of the running watch again: another one was promoted.
    #[cfg_attr(
        not(feature = "train"),
        allow(dead_code, reason = "models are promoted by training")
    )]
    Reload,
    /// A file was dropped on the window, or named on the command line to be replayed.
    Replay(SourceSpec),
}

/// Something the user asked for, by key or button.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Silence the alarm for a while, or let it sound again.
    Mute,
    /// "I am awake": ends the alarm that sounds.
    Acknowledge,
    /// Learn the driver's baseline anew.
    Relearn,
    /// Show another screen.
    Show(Tab),
    /// Show what the autoencoder makes of the covered patches, or no longer.
    Imagine,
    /// Shrink to a strip above all other windows, or grow back.
    Compact,
    /// Sound the alarm once, to hear how loud it is.
    TestTone,
    /// Show or hide what is drawn over the pictures.
    Overlays,
    /// Fill the screen, or no longer.
    FullScreen,
    /// Change between dark and light.
    Theme,
    /// Watch the drawn driver.
    Demo,
    /// Open the source again.
    Retry,
    /// List the keys.
    Keys,
    /// Close what lies on top: the list of keys, then full screen.
    Back,
    /// End the program.
    Quit,
}

/// An action with its names and keys.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shortcut {
    /// What it does.
    pub action: Action,
    /// Any of these does it.
    pub keys: &'static [KeyboardShortcut],
    /// The first key as it is shown on the button.
    pub key: &'static str,
    /// One line in the list of keys.
    pub says: &'static str,
}

const fn plain(key: Key) -> KeyboardShortcut {
    KeyboardShortcut::new(Modifiers::NONE, key)
}

/// Every action that has a key, in the order of the list.
pub(crate) const SHORTCUTS: &[Shortcut] = &[
    Shortcut {
        action: Action::Acknowledge,
        keys: &[plain(Key::Space)],
        key: "Space",
        says: "I am awake: end this alarm",
    },
    Shortcut {
        action: Action::Mute,
        keys: &[plain(Key::M)],
        key: "M",
        says: "Mute the alarm for a while, or end the silence",
    },
    Shortcut {
        action: Action::Relearn,
        keys: &[plain(Key::B)],
        key: "B",
        says: "Another driver: learn their eyes anew",
    },
    Shortcut {
        action: Action::TestTone,
        keys: &[plain(Key::T)],
        key: "T",
        says: "Sound the alarm once, to hear how loud it is",
    },
    Shortcut {
        action: Action::Show(Tab::Watch),
        keys: &[plain(Key::Num1)],
        key: "1",
        says: "Show what is watched",
    },
    Shortcut {
        action: Action::Show(Tab::Replay),
        keys: &[plain(Key::Num2)],
        key: "2",
        says: "Show a recording",
    },
    Shortcut {
        action: Action::Show(Tab::Metrics),
        keys: &[plain(Key::Num3)],
        key: "3",
        says: "Show how good the models are",
    },
    Shortcut {
        action: Action::Show(Tab::Training),
        keys: &[plain(Key::Num4)],
        key: "4",
        says: "Show the training",
    },
    Shortcut {
        action: Action::Show(Tab::Settings),
        keys: &[plain(Key::Num5)],
        key: "5",
        says: "Show the settings",
    },
    Shortcut {
        action: Action::Compact,
        keys: &[plain(Key::C)],
        key: "C",
        says: "A strip above all other windows, or back",
    },
    Shortcut {
        action: Action::Imagine,
        keys: &[plain(Key::P)],
        key: "P",
        says: "What the network makes of the covered patches",
    },
    Shortcut {
        action: Action::Overlays,
        keys: &[plain(Key::O)],
        key: "O",
        says: "Show or hide face, landmarks and patches",
    },
    Shortcut {
        action: Action::FullScreen,
        keys: &[plain(Key::F11)],
        key: "F11",
        says: "Full screen, or back",
    },
    Shortcut {
        action: Action::Theme,
        keys: &[plain(Key::L)],
        key: "L",
        says: "Light or dark theme",
    },
    Shortcut {
        action: Action::Demo,
        keys: &[plain(Key::D)],
        key: "D",
        says: "Watch the demo driver",
    },
    Shortcut {
        action: Action::Retry,
        keys: &[plain(Key::R)],
        key: "R",
        says: "Open the camera or file again",
    },
    Shortcut {
        action: Action::Keys,
        keys: &[plain(Key::Questionmark), plain(Key::F1)],
        key: "?",
        says: "This list",
    },
    Shortcut {
        action: Action::Back,
        keys: &[plain(Key::Escape)],
        key: "Esc",
        says: "Close this list, or leave full screen",
    },
    Shortcut {
        action: Action::Quit,
        keys: &[plain(Key::Q), KeyboardShortcut::new(Modifiers::COMMAND, Key::Q)],
        key: "Q",
        says: "Quit",
    },
];

impl Action {
    /// Its names and keys.
    pub(crate) fn shortcut(self) -> Option<&'static Shortcut> {
        SHORTCUTS.iter().find(|shortcut| shortcut.action == self)
    }
}

/// The actions whose keys were pressed since the last pass.
///
/// The keys are consumed, so that Space acknowledges wherever the focus is; the focused
/// button is pressed with Enter. While text is typed, letters are letters: only keys that
/// write nothing are shortcuts then.
pub(crate) fn pressed(ctx: &Context) -> Vec<Action> {
    let typing = ctx.text_edit_focused();
    let writes = |key: &KeyboardShortcut| {
        let function = matches!(key.logical_key, Key::F1 | Key::F11 | Key::Escape);
        key.modifiers.is_none() && !function
    };
    ctx.input_mut(|input| {
        let mut used =
            |key: &KeyboardShortcut| !(typing && writes(key)) && input.consume_shortcut(key);
        SHORTCUTS
            .iter()
            .filter(|shortcut| shortcut.keys.iter().any(&mut used))
            .map(|shortcut| shortcut.action)
            .collect()
    })
}
