//! What CUDA needs beside ONNX Runtime: NVIDIA's libraries, which `make setup GPU=1` lays into
//! its folder, and the driver. ONNX Runtime's CUDA library looks for them where the system
//! does, so those in its folder are loaded before it; what is missing is told by its name.

use std::{path::Path, sync::Once};

use ort::ep::cuda;

/// Loads NVIDIA's libraries out of the folder of ONNX Runtime, once, as far as they load: one
/// that does not is named by ONNX Runtime itself, when it needs it.
pub(super) fn preload(folder: &Path) {
    static DONE: Once = Once::new();
    let has = |names: &[&str]| names.iter().any(|name| folder.join(name).is_file());
    let of = |names: &[&str]| has(names).then_some(folder);
    DONE.call_once(|| {
        let loaded = cuda::preload_dylibs(of(cuda::CUDA_DYLIBS), of(cuda::CUDNN_DYLIBS));
        if let Err(why) = loaded {
            tracing::debug!("{why}");
        }
    });
}

/// What a message of the loader says is missing, and the way to it; `None` where it says
/// something else.
pub(super) fn missing(message: &str) -> Option<String> {
    const SAYS: &str = ": cannot open shared object file";
    let before = &message[..message.find(SAYS)?];
    let library = before.rsplit([' ', '`', ':']).next().filter(|name| !name.is_empty())?;
    let way = match library.starts_with("libcuda.so") {
        true => "it comes with NVIDIA's driver 580 or newer",
        false => "run `make setup GPU=1` or `wakewatch doctor --setup-script | GPU=1 bash`",
    };
    Some(format!("{library} is missing; {way}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_with_the_way_to_it() {
        let of_ort = |library: &str| {
            format!(
                "/onnxruntime_src/provider_bridge_ort.cc:2043 onnxruntime::Provider& Get() \
                 [ONNXRuntimeError] : 1 : FAIL : Failed to load library \
                 /cache/libonnxruntime_providers_cuda.so with error: {library}: cannot open \
                 shared object file: No such file or directory"
            )
        };
        let driver = missing(&of_ort("libcuda.so.1")).unwrap();
        assert!(driver.starts_with("libcuda.so.1 is missing") && driver.contains("driver"));
        let toolkit = missing(&of_ort("libcublasLt.so.13")).unwrap();
        assert!(toolkit.starts_with("libcublasLt.so.13 is missing"), "{toolkit}");
        assert!(toolkit.contains("make setup GPU=1"), "{toolkit}");
        assert_eq!(missing("CUDA failure 35: driver version is insufficient"), None);
        assert_eq!(missing(": cannot open shared object file"), None);
    }
}
