#!/bin/sh
# Makes the models that ship again from the data: `make models DATA=FOLDER`. DATA holds the
# unpacked collections (yawdd, cew_closed, utk_faces, lfw, aflw, landmarks68, narrow_eyes.csv,
# mrl_eyes, nonfaces, drivers, faces_wild, yawns_generated, faces5.csv.gz, uta_blinks.jsonl).
# Everything is written below OUT (target/models); the same command goes on where it was cut
# off, and OUT/times.txt keeps how long each step took. SHORT=1 makes every training a few
# steps long, to see that all of it runs.
set -eu

repository=$(cd "$(dirname "$0")/.." && pwd)
program=${WAKEWATCH:-$repository/target/release/wakewatch}
if [ ! -d "${DATA:-}" ]; then
  echo "name the folder of the collections: make models DATA=FOLDER" >&2
  exit 2
fi
data=$(cd "$DATA" && pwd)
mkdir -p "${OUT:-$repository/target/models}"
cd "${OUT:-$repository/target/models}"
mkdir -p data runs models

# The configurations name data/... and runs/..., from here.
for one in "$data"/*; do
  name=$(basename "$one")
  [ "$name" = crops ] || ln -sfn "$one" "data/$name"
done

ln -sfn "$repository/models/driver_blinks.csv" data/driver_blinks.csv

timed() { # timed NAME COMMAND...: runs it unless it was done, and keeps how long it took
  name=$1
  shift
  if grep -q "^$name	" times.txt 2>/dev/null; then
    return
  fi
  echo "== $name" >&2
  began=$(date +%s)
  "$@"
  printf '%s\t%s s\n' "$name" "$(($(date +%s) - began))" >>times.txt
}

learn() { # learn WHAT CONFIG: from the beginning, or on from its last checkpoint
  out=$(sed -n 's/^out = "\(.*\)"/\1/p' "$repository/models/$2.toml")
  cp "$repository/models/$2.toml" "$2.toml"
  if [ "${SHORT:-}" ]; then
    sed -i 's/^steps = .*/steps = 4/; s/^validate_every = .*/validate_every = 4/; s/^drawn = .*/drawn = 8/; /^turned_faces = /d; s/^resamples = .*/resamples = 20/' "$2.toml"
  fi
  if [ -d "$out/last" ]; then
    "$program" train "$1" --config "$2.toml" --resume >"runs/$2.json"
  else
    "$program" train "$1" --config "$2.toml" >"runs/$2.json"
  fi
}

timed detector learn detector detector
timed export-detector "$program" export --checkpoint runs/detector --out models/detector.onnx
timed landmarks-first learn landmarks landmarks-first
timed landmarks learn landmarks landmarks
timed landmarks-confidence learn landmarks landmarks-confidence
timed export-landmarks "$program" export --checkpoint runs/landmarks-confidence --out models/landmarks.onnx
# A network of four steps finds no face to go on with.
points=models/landmarks.onnx
[ -z "${SHORT:-}" ] || points=$repository/models/landmarks.onnx
timed prepare "$program" prepare --collections data --crop-px 144 --rate 5 --out data/crops \
  --landmarks-model "$points"
timed pretrain learn pretrain pretrain
timed export-mae "$program" export --checkpoint runs/mae --out models/mae.onnx
timed finetune learn finetune finetune
timed finetune-more learn finetune finetune-more
timed finetune-films learn finetune finetune-films
timed finetune-glasses learn finetune finetune-glasses
timed finetune-tinted learn finetune finetune-tinted
timed finetune-sun learn finetune finetune-sun
timed export-drowsiness "$program" export --checkpoint runs/finetune-sun \
  --mean-with runs/finetune-films --fp16 \
  --out models/drowsiness.onnx
timed blinks learn blinks blinks
cp runs/blinks/blinks.onnx models/
cat times.txt
echo "the models lie in $(pwd)/models; compare them with \`wakewatch evaluate --data LIST.csv \
--model FILE.onnx\` before they replace those of the repository" >&2
