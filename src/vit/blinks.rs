//! What the blink model takes and answers.

/// Values that describe a person's last blinks, see
/// [`features`](crate::monitor::blinks::features).
pub const BLINK_FEATURES: usize = 43;

/// What the network makes of the last blinks.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BlinkScore {
    /// About 0 (alert), 5 (low vigilance) to 10 (drowsy); classes part at 10/3 and 20/3.
    pub value: f32,
    /// How far it is relied on when the window is full, 0..1: the share of strangers' films
    /// that it put into the right of three classes, by the norm where that was least.
    pub certainty: f32,
    /// Whether it measured about equally good by every norm, so that it may count without
    /// anybody knowing how the driver's norm was taken.
    pub holds: bool,
}
