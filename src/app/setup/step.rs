//! The pages of the set-up.

/// The pages, in their order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Step {
    /// Which camera.
    #[default]
    Camera,
    /// Whether face, light and eyes will do.
    Seat,
    /// How loud the alarm is.
    Alarm,
    /// What was found.
    Ready,
}

impl Step {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Camera, Self::Seat, Self::Alarm, Self::Ready];

    /// From 1.
    pub fn number(self) -> usize {
        self as usize + 1
    }

    pub(super) fn next(self) -> Option<Self> {
        Self::ALL.get(self as usize + 1).copied()
    }

    pub(super) fn before(self) -> Option<Self> {
        (self as usize).checked_sub(1).and_then(|at| Self::ALL.get(at).copied())
    }
}
