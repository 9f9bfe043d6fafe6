//! What every part of the page writes alike.

use crate::evaluate::bootstrap::Estimate;

/// Text that may stand in HTML.
pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// What a difference comes to, in a word.
pub(super) fn verdict(less: Estimate, more_is_better: bool) -> &'static str {
    let Some((low, high)) = less.low.zip(less.high) else { return "" };
    match (low > 0.0, high < 0.0) {
        (true, _) if more_is_better => "better",
        (_, true) if !more_is_better => "better",
        (true, _) | (_, true) => "worse",
        _ if low == 0.0 && high == 0.0 => "the same",
        _ => "not told apart",
    }
}
