//! The sound device, by rodio: the default one, or another that opens.

use std::{num::NonZero, sync::Arc, time::Duration};

use parking_lot::Mutex;
use rodio::{ChannelCount, DeviceSinkBuilder, MixerDeviceSink, Player, SampleRate, Source, cpal};

use super::{
    AlarmError,
    sound::{Voice, VoiceControl},
    thread::{Playing, Speaker},
};

/// Plays on the system's default device.
#[derive(Clone, Copy, Debug, Default)]
pub struct RodioSpeaker;

/// Keeps the device's stream open; dropping it ends the sound.
struct Stream {
    _sink: MixerDeviceSink,
    _player: Player,
    failure: Arc<Mutex<Option<String>>>,
}

impl Speaker for RodioSpeaker {
    fn open(&mut self, control: &Arc<VoiceControl>) -> Result<Box<dyn Playing>, AlarmError> {
        quieten();
        let failure = Arc::new(Mutex::new(None));
        let told = failure.clone();
        let on_error = move |error: cpal::Error| {
            // These leave the stream playing.
            use cpal::ErrorKind::{DeviceChanged, RealtimeDenied, Xrun};
            if !matches!(error.kind(), DeviceChanged | RealtimeDenied | Xrun) {
                let why = format!("the sound device has stopped ({error}); check its cable");
                *told.lock() = Some(why);
            }
        };
        let mut sink = DeviceSinkBuilder::from_default_device()
            .and_then(|builder| builder.with_error_callback(on_error).open_sink_or_fallback())
            // Any other device is better than silence.
            .or_else(|_| DeviceSinkBuilder::open_default_sink())
            .map_err(|error| AlarmError::Open(error.to_string()))?;
        sink.log_on_drop(false);
        let player = Player::connect_new(sink.mixer());
        player.append(Voice::new(control.clone(), sink.config().sample_rate().get()));
        Ok(Box::new(Stream { _sink: sink, _player: player, failure }))
    }
}

/// ALSA writes a dozen lines to the terminal for a missing card, at every try. Our own
/// sentence says it once; the buffer that takes them is renewed here, so it stays small.
fn quieten() {
    #[cfg(target_os = "linux")]
    if let Err(error) = alsa::Output::local_error_handler() {
        tracing::debug!("ALSA keeps writing to the terminal: {error}");
    }
}

impl Playing for Stream {
    fn failure(&self) -> Option<String> {
        self.failure.lock().clone()
    }
}

impl Source for Voice {
    fn current_span_len(&self) -> Option<usize> {
        None
    }

    fn channels(&self) -> ChannelCount {
        NonZero::<u16>::MIN
    }

    fn sample_rate(&self) -> SampleRate {
        NonZero::new(self.rate_hz()).unwrap_or(NonZero::<u32>::MIN)
    }

    fn total_duration(&self) -> Option<Duration> {
        None
    }
}
