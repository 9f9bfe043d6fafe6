# `make run` and `make test` do everything on a fresh Debian 12 with Rust, git and make.
.PHONY: dist test-dist run test setup build format lint features unit screenshots test-demo demo-pictures models bench bench-faces bench-drivers help deny protocol test-long soak test-camera fuzz mutated
ARGS ?=

help:                ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: setup           ## set up, build, open the window; ARGS="watch --source demo --headless"
	cargo run --release --locked -- $(ARGS)

test: export TESTS = 1
# What this sets up is there: a test that would skip for want of it fails.
test: export WAKEWATCH_REQUIRE = 1
test: setup format lint features unit deny   ## everything that CI checks

setup:               ## install what is missing; GPU=1 for the CUDA build of ONNX Runtime and NVIDIA's libraries
	@GPU=$(GPU) TESTS=$(TESTS) assets/setup.sh

build: setup         ## the optimised binary, target/release/wakewatch
	cargo build --release --locked

format:              ## the formatting, checked
	cargo fmt --check

lint:                ## clippy and the lint table, warnings denied
	cargo clippy --locked --all-targets -- --deny warnings

features:            ## each feature can be left out
	cargo check --locked --no-default-features
	cargo check --locked --no-default-features --features gui,webcam,audio,video

unit:                ## the tests; with WAKEWATCH_DATA=FOLDER also those on real pictures
	cargo test --locked

test-demo: setup     ## the drawn driver, all of it: every driver in every scenario, ten minutes of each harmless one
	cargo test --release --locked --test demo -- --ignored --nocapture

demo-pictures:       ## makes docs/demo-drivers.png, docs/demo-people.png and docs/demo-tour.gif again
	cargo run --release --locked --example demo_pictures

models: build        ## makes the models again from DATA=FOLDER into target/models; goes on where it was cut off
	DATA=$(DATA) OUT=$(OUT) SHORT=$(SHORT) assets/models.sh

bench-faces:         ## the table of faces found and measured; WAKEWATCH_DATA=FOLDER holds the pictures
	cargo test --locked --test bench_faces -- --ignored --nocapture --test-threads 1

bench-drivers:       ## how real drivers' eyes are read, a frame and in time; WAKEWATCH_DATA=FOLDER holds the films
	cargo test --locked --test bench_drivers -- --ignored --nocapture

protocol: build      ## the road-safety tests on the drawn driver, and their page in target/protocol
	target/release/wakewatch protocol --report target/protocol

bench:               ## how fast everything is on this machine; SOURCE=FILE for a clip instead of the demo
	cargo bench --locked --bench pipeline
	cargo run --release --locked -- bench --source $(or $(SOURCE),demo)
	cargo bench --locked --bench training

# Every screen on the drawn driver, for README and docs; nobody real is ever in them.
SHOT = ALSA_CONFIG_PATH=assets/silent.conf xvfb-run -a -s "-screen 0 1600x1000x24" \
  target/release/wakewatch watch --window 1024x640
SET = target/drawn-set

screenshots: build   ## makes docs/window-*.png again, on the demo driver
	cargo run --release --locked --example drawn_set -- $(SET)
	$(SHOT) --source demo --screenshot docs/window-watch.png --after 14
	$(SHOT) --source demo --screenshot docs/window-watch-light.png --after 14 --light
	$(SHOT) --source demo:asleep --screenshot docs/window-asleep.png --after 13
	$(SHOT) --source demo --replay demo:asleep --screenshot docs/window-replay.png --after 62
	$(SHOT) --source demo --measure $(SET)/list.csv --screenshot docs/window-metrics.png --after 40
	rm -rf $(SET)/mae
	target/release/wakewatch prepare --images $(SET)/list.csv --out $(SET)/crops
	$(SHOT) --source demo --train $(SET)/pretrain.toml --screenshot docs/window-training.png --after 90
	$(SHOT) --source demo --screen settings --screenshot docs/window-settings.png --after 4

deny:                ## licences, sources and known weaknesses of what is built in
	@if cargo deny --version >/dev/null 2>&1; then \
	  cargo deny --locked check bans licenses sources && { cargo deny --locked check advisories || \
	    { [ -d $${CARGO_HOME:-$$HOME/.cargo}/advisory-dbs ] && exit 1; \
	      echo "deny: the advisories were not checked, their list cannot be fetched"; }; }; \
	else echo "deny: skipped, there is no cargo-deny (cargo install cargo-deny); tests/supply.rs has checked licences and sources"; fi
	@if cargo audit --version >/dev/null 2>&1; then \
	  cargo audit || { [ -d $${CARGO_HOME:-$$HOME/.cargo}/advisory-db ] && exit 1; \
	    echo "deny: cargo audit could not fetch its list"; }; \
	else echo "deny: skipped, there is no cargo-audit (cargo install cargo-audit)"; fi

dist: setup          ## what a driver downloads, into target/dist: archive, Debian package, digests
	assets/dist/build.sh

test-dist:           ## tries target/dist in bare Debian 12 and 13; skips without root or debootstrap
	assets/dist/test.sh

test-long: setup     ## ten minutes of driving with faults at random, and 200 kills
	SOAK_PNG=docs/soak.png cargo test --release --locked --test soak -- --ignored --nocapture --test-threads 1 ten_minutes again_and_again
	cargo test --locked --test killed -- --ignored --nocapture two_hundred

soak: setup          ## the same for eight hours of the driver's time; hours of ours
	SOAK_PNG=docs/soak.png cargo test --release --locked --test soak -- --ignored --nocapture eight_hours

test-camera: setup   ## the camera path against the kernel's test camera, in QEMU; skips without it
	cargo build --locked
	tests/camera/run.sh target/debug/wakewatch

FUZZ = csv settings events card model image video clock policy
mutated: setup       ## mutated inputs at every door without a fuzzer, SECONDS=60 each; DOORS="csv clock"
	SECONDS=$(SECONDS) DOORS="$(DOORS)" cargo test --locked --test mutated -- --ignored --nocapture

fuzz:                ## every fuzzer for SECONDS=60; needs a nightly Rust and cargo-fuzz
	@for door in $(FUZZ); do \
	  cargo +nightly fuzz run $$door -- -max_total_time=$(or $(SECONDS),60) -rss_limit_mb=4096 || exit 1; \
	done
