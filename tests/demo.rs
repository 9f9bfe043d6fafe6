//! The drawn driver through the real path: found, measured and judged as it was drawn.

#[path = "demo/played.rs"]
mod played;
