//! What the window tells outside of its screens: its title, a call for attention, and how
//! fast it was, in the log.

use eframe::egui::{Context, UserAttentionType, ViewportCommand};

use super::{Stage, Window};
use crate::{
    app::text,
    monitor::{Level, State},
};

impl Window {
    /// Puts the state into the title, and calls for attention when an alarm begins while
    /// the window is not looked at.
    pub(super) fn tell(&mut self, ctx: &Context, state: State, level: Level) {
        if self.told.0 != state {
            let title = format!("{} · {}", text::state_word(state), text::TITLE);
            ctx.send_viewport_cmd(ViewportCommand::Title(title));
        }
        if level == Level::Critical && self.told.1 < level {
            let attention = UserAttentionType::Critical;
            ctx.send_viewport_cmd(ViewportCommand::RequestUserAttention(attention));
        }
        self.told = (state, level);
    }

    /// Says in the log how fast was drawn and judged.
    pub(super) fn sum_up(&self) {
        let mut passes: Vec<f32> = self.passes.iter().copied().collect();
        passes.sort_by(f32::total_cmp);
        let at = |share: f32| {
            let at = (passes.len() as f32 * share) as usize;
            passes.get(at.min(passes.len().saturating_sub(1))).map_or(0.0, |pass| pass * 1e3)
        };
        let (median, most) = (at(0.5), at(0.95));
        tracing::info!("{} passes drawn, median {median:.1} ms, 95% {most:.1} ms", passes.len());
        if let Stage::Watching(session) = &self.stage {
            let (stats, seconds) = (session.snapshot().stats, self.since.elapsed().as_secs_f32());
            let rate = stats.frames as f32 / seconds.max(0.1);
            tracing::info!(
                "{} frames judged in {seconds:.1} s, {rate:.1} a second, {} dropped",
                stats.frames,
                stats.dropped
            );
        }
    }
}
