//! Measures models on labelled data, with the definitions that scikit-learn uses
//! ([`metrics`]), and the landmark network on annotated faces ([`landmarks`]). Nothing here is drawn or printed.

pub mod landmarks;
pub mod metrics;
