//! Measures models on labelled data, with the definitions that scikit-learn uses
//! ([`metrics`]). Nothing here is drawn or printed.

pub mod metrics;
