//! Tries at once what a watch with [`Device::Auto`] tries beside its frames, for whoever asks
//! what this machine can do.

use std::time::Duration;

use super::{LiveError, Pipeline, PipelineOptions, Vision};
use crate::{
    infer::{Device, InferError, Outcome, Provider, Tried},
    source::{self, OpenOptions, SourceSpec},
};

/// How long a frame waits for a provider that is still opening or answering; then it counts as
/// one that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
/// Most frames that are looked at: faces must be in so many that a trial can be decided.
const MOST: usize = 600;

/// How every provider that `auto` would try does on the frames of a source. `None`: another
/// device than `auto` was asked for, and nothing else is tried; empty: no other provider is
/// built into ONNX Runtime here.
///
/// # Errors
/// When ONNX Runtime, a model or the source cannot be had, or the CPU fails at a frame.
pub fn try_faster(
    options: &PipelineOptions,
    spec: &SourceSpec,
) -> Result<Option<Vec<Tried>>, LiveError> {
    let device = options.runtime.device;
    if device != Device::Auto {
        return Ok(None);
    }
    let rival = device.rival().map_err(|error| InferError::Model(error.into()))?;
    rival.map_or(Ok(Vec::new()), |provider| try_on(options, spec, provider)).map(Some)
}

fn try_on(
    options: &PipelineOptions,
    spec: &SourceSpec,
    provider: Provider,
) -> Result<Vec<Tried>, LiveError> {
    let mut source = source::open(spec, &OpenOptions::default())?;
    let mut pipeline = Pipeline::open(options)?;
    pipeline.try_on(provider, PATIENCE);
    for _ in 0..MOST {
        let Some(frame) = source.next_frame()? else { break };
        pipeline.process(&frame)?;
        pipeline.news();
        if pipeline.tried().iter().all(|one| one.outcome != Outcome::Open) {
            break;
        }
    }
    Ok(pipeline.tried())
}

#[cfg(feature = "train")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::{infer::fixtures::runtime_is_here, vit::ModelKind};

    /// The CPU itself stands in for the other provider: the same answers in about the same
    /// time.
    #[test]
    fn the_models_of_every_frame_are_tried_on_real_frames() {
        if !runtime_is_here() {
            return;
        }
        let demo = SourceSpec::Demo(Some("alert".into()));
        let tried = try_on(&PipelineOptions::default(), &demo, Provider::Cpu).unwrap();
        let models: Vec<_> = tried.iter().map(|one| one.model).collect();
        assert_eq!(models, [ModelKind::Landmarks, ModelKind::Drowsiness]);
        for one in &tried {
            assert!(matches!(one.outcome, Outcome::Taken | Outcome::Slower), "{one}");
            let measured = one.measured.unwrap();
            assert_eq!((measured.inputs, measured.difference), (30, 0.0), "{one}");
            assert!(measured.cpu_ms > 0.0 && measured.provider_ms > 0.0, "{one}");
        }
    }

    #[test]
    fn what_cannot_be_had_is_told_and_the_cpu_looks_on() {
        if !runtime_is_here() || Provider::CoreMl.is_built_in().unwrap() {
            return;
        }
        let demo = SourceSpec::Demo(Some("alert".into()));
        let mut source = source::open(&demo, &OpenOptions::default()).unwrap();
        let mut pipeline = Pipeline::open(&PipelineOptions::default()).unwrap();
        assert!(pipeline.news().is_none());
        pipeline.try_on(Provider::CoreMl, Duration::ZERO);
        let first = pipeline.news().expect("that it is being tried");
        assert_eq!((first.tried.len(), first.provider.as_str()), (2, "CPU"));
        for _ in 0..MOST {
            let frame = source.next_frame().unwrap().unwrap();
            assert!(pipeline.process(&frame).is_ok());
            pipeline.news();
        }
        let info = pipeline.info();
        let told = info.problem.unwrap();
        assert_eq!(told.matches("stays on CPU").count(), 1, "{told}");
        assert!(info.tried.iter().all(Tried::is_wrong), "{:?}", info.tried);
        assert!(told.contains("CoreML") && info.provider == "CPU", "{told}");
        assert!(pipeline.news().is_none(), "once");
    }

    #[test]
    fn nothing_else_is_tried_where_a_device_was_named() {
        let mut options = PipelineOptions::default();
        options.runtime.device = Device::Cpu;
        let nowhere = SourceSpec::Path("nowhere".into());
        assert_eq!(try_faster(&options, &nowhere).unwrap(), None);
        options.runtime.device = Device::Auto;
        if runtime_is_here() && !Provider::Cuda.is_built_in().unwrap() {
            assert_eq!(try_faster(&options, &nowhere).unwrap(), Some(Vec::new()));
        }
    }
}
