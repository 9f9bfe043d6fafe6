//! The few figures of statistics that several rooms need.

/// Mean; 0 of none.
pub(crate) fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// Standard deviation of all values there are (not of a sample); 0 of none.
pub(crate) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    (values.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / values.len().max(1) as f64).sqrt()
}

/// The value below which a share (0..1) of the sorted values lies, interpolated (type 7, as
/// numpy does it); 0 of none.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> f64 {
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let at = share.clamp(0.0, 1.0) * last as f64;
    let (low, part) = (at.floor() as usize, at.fract());
    let high = (low + 1).min(last);
    sorted[low] + part * (sorted[high] - sorted[low])
}

/// The middle value, of an even number the upper one of the two; `None` of none.
pub(crate) fn median(mut values: Vec<f32>) -> Option<f32> {
    values.sort_by(f32::total_cmp);
    values.get(values.len() / 2).copied()
}

/// The log-odds of a probability, which is first kept `margin` away from 0 and 1.
pub(crate) fn log_odds(probability: f32, margin: f32) -> f32 {
    let p = probability.clamp(margin, 1.0 - margin);
    (p / (1.0 - p)).ln()
}

/// The probability of log-odds.
pub(crate) fn probability(log_odds: f32) -> f32 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_numpys() {
        // numpy.quantile([1, 2, 4, 8], [0, .1, .5, .9, 1])
        let sorted = [1.0, 2.0, 4.0, 8.0];
        for (share, expected) in [(0.0, 1.0), (0.1, 1.3), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            approx::assert_abs_diff_eq!(quantile(&sorted, share), expected, epsilon = 1e-12);
        }
        assert_eq!((quantile(&[], 0.5), quantile(&[7.0], 0.99)), (0.0, 7.0));
    }

    #[test]
    fn means_deviations_and_odds() {
        assert_eq!((mean(&[1.0, 3.0]), deviation(&[1.0, 3.0])), (2.0, 1.0));
        assert_eq!((mean(&[]), deviation(&[]), median(Vec::new())), (0.0, 0.0, None));
        assert_eq!(median(vec![4.0, 1.0, 3.0, 2.0]), Some(3.0));
        for p in [0.01, 0.5, 0.9] {
            approx::assert_abs_diff_eq!(probability(log_odds(p, 1e-3)), p, epsilon = 1e-6);
        }
        assert!(log_odds(0.0, 1e-3).is_finite() && log_odds(1.0, 1e-3).is_finite());
    }
}
