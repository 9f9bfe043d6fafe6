//! Words of the set-up at the first start: for a driver who has never seen the program.

use crate::{app::setup::step::Step, face::Unreadable, source::SourceError};

/// Heading of the whole.
pub(crate) const TITLE: &str = "Set up wakewatch";
/// The button that leaves the set-up.
pub(crate) const SKIP: &str = "Skip set-up";
/// The button to the page before.
pub(crate) const BACK: &str = "Back";
/// The button to the next page.
pub(crate) const NEXT: &str = "Next";
/// The same while something is amiss.
pub(crate) const NEXT_ANYWAY: &str = "Go on anyway";
/// The last button.
pub(crate) const START: &str = "Start watching";

/// Heading of the first page.
pub(crate) const CAMERA: &str = "Choose the camera that sees your face";
/// Below it.
pub(crate) const CAMERA_SAYS: &str = "Put it in front of you, behind the wheel or on the dashboard, \
    where nothing hides your eyes.";
/// While the system is asked.
pub(crate) const LOOKING: &str = "Looking for cameras";
/// While a camera is opened.
pub(crate) const OPENING: &str = "Opening";
/// Instead of a picture, where too many cameras are there to open all of them.
pub(crate) const CLOSED: &str = "Choose it to see its picture";
/// Heading when there is none.
pub(crate) const NO_CAMERA: &str = "No camera was found";
/// What to do then.
pub(crate) const NO_CAMERA_SAYS: &str = "Plug one in: it appears here by itself. To try the program \
    without a camera, watch a drawn driver.";
/// When the system cannot be asked.
pub(crate) const NO_LIST: &str = "The cameras cannot be listed";
/// The button that asks again.
pub(crate) const LOOK_AGAIN: &str = "Look again";
/// The button that takes the drawn driver.
pub(crate) const DRAWN: &str = "Try it with a drawn driver";
/// What becomes of the pictures.
pub(crate) const PRIVACY: &str = "Nothing leaves this computer, and no picture is kept.";

/// Heading of the second page.
pub(crate) const SEAT: &str = "Sit as you do when driving, and look ahead";
/// Below it.
pub(crate) const SEAT_SAYS: &str = "Three things must be right. Once they are, this page goes on by \
    itself.";
/// The first check.
pub(crate) const FACE: &str = "Your face";
/// The second.
pub(crate) const LIGHT: &str = "The light";
/// The third.
pub(crate) const EYES: &str = "Your eyes";
/// While the first picture has not come.
pub(crate) const WAITING: &str = "Waiting for the picture.";
/// The face is well.
pub(crate) const FACE_GOOD: &str = "Seen, and large enough.";
/// There is none.
pub(crate) const FACE_NONE: &str = "Not seen. Turn the camera to your face.";
/// It is too small.
pub(crate) const FACE_SMALL: &str =
    "Too small in the picture. Come closer, or move the camera closer.";
/// The light is well.
pub(crate) const LIGHT_GOOD: &str = "Enough light on your face.";
/// Nothing but black.
pub(crate) const LIGHT_BLACK: &str =
    "The picture is black. Uncover the lens, or switch on a light.";
/// Too little.
pub(crate) const LIGHT_DARK: &str =
    "Too dark around your eyes. Move a lamp so that it lights your face.";
/// Not known without a face.
pub(crate) const AFTER_FACE: &str = "Checked once your face is seen.";
/// The eyes are well.
pub(crate) const EYES_GOOD: &str = "They can be read.";
/// All checks hold.
pub(crate) const ALL_GOOD: &str = "All is well. Hold still for two seconds.";
/// The checks held before; nothing moves by itself any more.
pub(crate) const ALL_GOOD_STILL: &str = "All is well.";
/// Some do not.
pub(crate) const NOT_YET: &str = "You can go on without this, but alarms may then fail to come.";
/// The watch could not start.
pub(crate) const NO_WATCH: &str = "Nothing can be checked";

/// Heading of the third page.
pub(crate) const ALARM: &str = "Set how loud the alarm is";
/// Below it.
pub(crate) const ALARM_SAYS: &str = "It must wake you over the noise of the car, so rather louder. Turn \
    up the computer's own loudness, too.";
/// The button that plays it.
pub(crate) const PLAY: &str = "Play the alarm";
/// There is a device.
pub(crate) const SOUND: &str = "The sound";
/// It plays.
pub(crate) const SOUND_GOOD: &str = "The computer can play sound.";
/// It is being opened.
pub(crate) const SOUND_OPENING: &str = "The sound device is being opened.";
/// What to do without.
pub(crate) const SOUND_NONE: &str = "Plug in or switch on a loudspeaker: it is found by itself. You can \
    go on without, but nothing will wake you.";
/// While nothing runs that could play.
pub(crate) const SOUND_NO_WATCH: &str = "It can be played once watching has started.";
/// After it was played.
pub(crate) const HEARD: &str = "Was it loud enough? If you heard nothing, check the loudspeaker and \
    play it again.";

/// Heading of the last page.
pub(crate) const READY: &str = "Ready";
/// The same when something is amiss.
pub(crate) const READY_BUT: &str = "Ready, but not everything is right";
/// Heading when nothing can be watched.
pub(crate) const NOT_READY: &str = "Not ready";
/// What is watched.
pub(crate) const WATCHED: &str = "The camera";
/// What to know before driving.
pub(crate) const READY_SAYS: [&str; 3] = [
    "Look ahead for the first minute: the program learns how wide your eyes stand open.",
    "When an alarm sounds and you are awake, press Space. M mutes for a minute, and ? shows \
     every key.",
    "It helps, but it is no substitute for rest. If you are tired, stop and sleep.",
];
/// The second page in the summary.
pub(crate) const SEAT_NAME: &str = "Your seat";
/// The third.
pub(crate) const ALARM_NAME: &str = "The alarm";
/// The seat was checked.
pub(crate) const SEAT_PASSED: &str = "Face, light and eyes were in order.";
/// It was not.
pub(crate) const SEAT_SKIPPED: &str = "Not in order when you went on. Go back to see what to do.";

/// It was not looked at.
pub(crate) const SEAT_UNSEEN: &str = "Not checked. Go back to do so.";

/// The name of a page.
pub(crate) fn step(step: Step) -> &'static str {
    match step {
        Step::Camera => "Camera",
        Step::Seat => "Seat and light",
        Step::Alarm => "Alarm",
        Step::Ready => "Ready",
    }
}

/// Where one is.
pub(crate) fn place(at: Step) -> String {
    format!("Step {} of {}: {}", at.number(), Step::ALL.len(), step(at))
}

/// Why the eyes cannot be read, and what to do; `None` = what another check says.
pub(crate) fn eyes(why: Unreadable) -> Option<&'static str> {
    match why {
        Unreadable::Covered => {
            Some("They are covered. Take off sunglasses, and keep cap and hair away from them.")
        }
        Unreadable::Turned => Some("Your head is turned away. Look straight ahead."),
        Unreadable::Blurred => Some("The picture is blurred. Wipe the lens, and fix the camera."),
        Unreadable::Dark | Unreadable::Small => None,
    }
}

/// The eyes wait for another check.
pub(crate) const AFTER_OTHERS: &str = "Checked once the rest is right.";

/// Why a camera shows nothing, for who has no command line.
pub(crate) fn no_picture(why: &SourceError) -> String {
    match why {
        SourceError::Camera { why, .. } => {
            format!("It cannot be used ({why}). Close other programs that use it.")
        }
        other => super::sentence(&other.to_string()),
    }
}

/// When a camera's driver has failed.
pub(crate) const CRASHED: &str = "Its driver has failed. Unplug it and plug it in again.";

/// Names a camera that can be chosen.
pub(crate) fn choice(name: &str) -> String {
    format!("Camera: {name}")
}

/// What was chosen for the alarm.
pub(crate) fn loudness(volume: f32, played: bool) -> String {
    let heard = if played { "played once" } else { "not played" };
    format!("Alarm at {}, {heard}.", super::percent(volume))
}
