#!/usr/bin/env bash
# Fetches the ONNX Runtime library out of its PyPI wheel into the user's folder for caches,
# where wakewatch finds it. Does nothing where it is there. GPU=1 takes the CUDA build.
# The program carries this script: wakewatch doctor --setup-script | bash
set -euo pipefail

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

# The wheel's version and digest are pinned: pip refuses any other file.
name=onnxruntime version=1.32.0
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
fi
target="${XDG_CACHE_HOME:-$HOME/.cache}/wakewatch/$name-$version"
if [ -f "$target/libonnxruntime.so" ]; then exit; fi
python3 -m pip --version >/dev/null 2>&1 ||
  fail "python3 with pip is missing, which fetches the library; on Debian run: apt-get install python3-pip"
say "installing ONNX Runtime $version ($name from PyPI) into $target"
mkdir -p "$(dirname "$target")"
work=$(mktemp -d "$target.XXXXXX")
# shellcheck disable=SC2064  # the folder's name is known now
trap "rm -rf '$work'" EXIT
printf '%s==%s --hash=sha256:%s\n' "$name" "$version" "$digest" >"$work/requirements.txt"
python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
  --only-binary=:all: --implementation cp --python-version 3.11 --platform "$platform" \
  --dest "$work" --requirement "$work/requirements.txt" ||
  fail "the wheel of $name $version could not be fetched; is PyPI reachable?"
python3 -m zipfile -e "$work"/*.whl "$work/wheel"
mkdir "$work/done"
mv "$work"/wheel/onnxruntime/capi/libonnxruntime*.so* "$work/done/"
cp "$work"/wheel/onnxruntime/{LICENSE,ThirdPartyNotices.txt} "$work/done/"
mv "$work/done/libonnxruntime.so.$version" "$work/done/libonnxruntime.so"
# Two set-ups at once: the first to arrive wins, both bring the same file.
mv -T "$work/done" "$target" 2>/dev/null || [ -f "$target/libonnxruntime.so" ] ||
  fail "$target could not be written; is the disk full?"
