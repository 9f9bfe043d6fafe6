//! Measures models on labelled data, with the definitions that scikit-learn uses
//! ([`metrics`]), and draws what charts need ([`chart`]). Nothing here is printed.

pub mod chart;
pub mod metrics;
