# `make run` and `make test` do everything on a fresh Debian 12 with Rust, git and make.
.PHONY: run test setup build format lint features unit bench screenshot help
ARGS ?=

help:                ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*##/\t/'

run: setup           ## set up, build, open the window; ARGS="watch --source demo --headless"
	cargo run --release --locked -- $(ARGS)

test: setup format lint features unit   ## everything that CI checks

setup:               ## install what is missing; GPU=1 for the CUDA build of ONNX Runtime
	@GPU=$(GPU) assets/setup.sh

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

bench:               ## how fast the offline mode learns on this machine
	cargo bench --locked --bench training

screenshot: build    ## makes docs/watch.png again, on the demo driver
	xvfb-run -a -s "-screen 0 1280x800x24" target/release/wakewatch watch \
	  --source demo --screenshot docs/watch.png --after 20
