#!/usr/bin/env bash
# Fetches the ONNX Runtime library out of its PyPI wheel into the user's folder for caches,
# where wakewatch finds it. Does nothing where it is there. GPU=1 takes the CUDA build, and
# NVIDIA's libraries beside it: the driver is all that has to be there.
# The program carries this script: wakewatch doctor --setup-script | bash
set -euo pipefail

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

# The wheels' versions and digests are pinned: pip refuses any other file.
name=onnxruntime version=1.32.0 beside=()
case "$(uname -s)-$(uname -m)" in
  Linux-x86_64)
    platform=manylinux_2_28_x86_64
    digest=5a34fc4dfeb5a7b4a74c95dcba1e773d722abda720b474edf1b0c419dc6d163d ;;
  Linux-aarch64)
    platform=manylinux_2_28_aarch64
    digest=2303372a85299b6757b0e11e1cbf13e410ddf7e10c37f4b37e99d1c90e7daf7c ;;
  *) fail "no ONNX Runtime is pinned for $(uname -sm); install version 1.24 or newer yourself and set ORT_DYLIB_PATH to its library" ;;
esac
if [ "${GPU:-0}" = 1 ]; then
  [ "$platform" = manylinux_2_28_x86_64 ] ||
    fail "the CUDA build of ONNX Runtime is only there for x86_64; leave GPU=1 away"
  name=onnxruntime-gpu version=1.31.1
  digest=e26c475fe361b2015f45b4b824bd13f0bb20204e59b62814e6f0acd5f3d491a6
  beside=(
    nvidia-cuda-runtime==13.5.37:df2b79a8852f10d1fef8c848489c49eebb5754051bf870202a862831412b179d
    nvidia-cuda-nvrtc==13.5.37:86b4d68058807988b7d9af5b44917a0601e9c337f35ccd657bfb3c759ff8d8bc
    nvidia-nvjitlink==13.5.37:280d7cb9649704145f074b8dbde500de04ce02d0872e066e20a83c17bcaa93eb
    nvidia-cublas==13.10.0.20:dcc6d63884c53d07e267ce7e6feac17b2538cebaafec5db865736c3e28e4dc84
    nvidia-cufft==12.5.0.14:b8be26837a5abad2b5b74f3e92dd29f622a42934b355be0961a48712cbba23ad
    nvidia-curand==10.4.5.25:22bb226a857e5888fe6b54ae465fc4371296bcff13a35f79e19691bcf454f529
    nvidia-cudnn-cu13==9.28.1.4:a54f205b1db1f2895d99f398754db1369816f0569dd459731f925635cf7b65ec
  )
fi
target="${XDG_CACHE_HOME:-$HOME/.cache}/wakewatch/$name-$version"
# The last file that is put in place says that all are there.
last=libonnxruntime.so
if [ ${#beside[@]} -gt 0 ]; then last=libcudnn.so.9; fi
if [ -f "$target/$last" ]; then exit; fi
python3 -m pip --version >/dev/null 2>&1 ||
  fail "python3 with pip is missing, which fetches the library; on Debian run: apt-get install python3-pip"
say "installing ONNX Runtime $version ($name from PyPI) into $target"
if [ ${#beside[@]} -gt 0 ]; then
  say "and NVIDIA's CUDA 13 and cuDNN 9 beside it: 1.6 GB are fetched, 2.4 GB installed"
fi
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
# shellcheck disable=SC2064  # the folder's name is known now
trap "rm -rf '$work'" EXIT

fetch() { # fetch NAME==VERSION DIGEST: the wheel's files, into $work/wheel
  rm -rf "$work/wheel" "$work"/*.whl
  printf '%s --hash=sha256:%s\n' "$1" "$2" >"$work/requirements.txt"
  local platforms=(--platform "$platform")
  if [ "$platform" = manylinux_2_28_x86_64 ]; then
    platforms+=(--platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64)
  fi
  python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary=:all: --implementation cp --python-version 3.11 "${platforms[@]}" \
    --dest "$work" --requirement "$work/requirements.txt" ||
    fail "the wheel of $1 could not be fetched; is PyPI reachable, and room on the disk?"
  python3 -m zipfile -e "$work"/*.whl "$work/wheel"
}

mkdir "$work/done"
fetch "$name==$version" "$digest"
mv "$work"/wheel/onnxruntime/capi/libonnxruntime*.so* "$work/done/"
cp "$work"/wheel/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$work/done/"
mv "$work/done/libonnxruntime.so.$version" "$work/done/libonnxruntime.so"
for wheel in "${beside[@]}"; do
  fetch "${wheel%:*}" "${wheel##*:}"
  mv "$work"/wheel/nvidia/*/lib/*.so* "$work/done/"
  for licence in "$work"/wheel/*.dist-info/{,licenses/}License.txt; do
    if [ -f "$licence" ]; then mv "$licence" "$work/done/LICENSE.${wheel%%==*}"; fi
  done
done
# A folder of an older set-up, without NVIDIA's libraries, gives way.
if [ ! -f "$target/$last" ]; then rm -rf "$target"; fi
# Two set-ups at once: the first to arrive wins, both bring the same files.
mv -T "$work/done" "$target" 2>/dev/null || [ -f "$target/$last" ] ||
  fail "$target could not be written; is the disk full?"
