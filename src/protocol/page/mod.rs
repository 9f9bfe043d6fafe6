//! The page: one HTML file that needs nothing else. First what it comes to, then the worst
//! cells with a strip of their pictures, the grid of requirement by condition, every answer
//! on a line with its window, and with what it was played. The pictures are drawn, so that
//! they may be shown; no time of day is in it, so that the same run gives the same bytes.

mod lines;
mod strips;

use std::{fmt::Write, fs, path::Path, path::PathBuf};

use super::{Cell, Outcome, Played, ProtocolError, Table, Total, judge::word};
use crate::{
    evaluate::report::{STYLE, escape},
    os::write_whole,
};

/// So many of the worst cells get a strip of pictures.
const WORST: usize = 12;
/// The page's name in its folder.
const PAGE: &str = "index.html";
/// The results' name in its folder, one JSON line a cell.
const RESULTS: &str = "results.jsonl";

/// With what the cells were played.
#[derive(Clone, Debug, PartialEq)]
pub struct Provenance {
    /// Version of the program.
    pub version: String,
    /// The models, each with the SHA-256 of its file.
    pub models: Vec<(String, String)>,
    /// The table, as it was named.
    pub table: String,
    /// SHA-256 of its text.
    pub table_digest: String,
    /// The command line.
    pub command: Vec<String>,
}

/// Everything that the page tells of.
#[derive(Clone, Debug)]
pub struct Report {
    /// What was asked.
    pub table: Table,
    /// What came of it, in the table's order.
    pub played: Vec<Played>,
    /// With what.
    pub provenance: Provenance,
}

/// A played cell with its row of the table.
type Both<'r> = (&'r Cell, &'r Played);

impl Report {
    /// What all cells come to.
    pub fn total(&self) -> Total {
        Total::of(&self.played)
    }

    /// Writes `index.html` and `results.jsonl`; gives the path of the page.
    ///
    /// # Errors
    /// When the folder cannot be written, or a picture cannot be drawn again.
    pub fn write(&self, folder: &Path) -> Result<PathBuf, ProtocolError> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |why| ProtocolError::Write { path, why }
        };
        let html = self.html()?;
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let mut lines = Vec::new();
        let results = folder.join(RESULTS);
        for played in &self.played {
            serde_json::to_writer(&mut lines, played)
                .map_err(|why| failed(&results)(why.into()))?;
            lines.push(b'\n');
        }
        write_whole(&results, &lines).map_err(failed(&results))?;
        let page = folder.join(PAGE);
        write_whole(&page, html.as_bytes()).map_err(failed(&page))?;
        Ok(page)
    }

    /// The whole page.
    ///
    /// # Errors
    /// When a picture cannot be drawn again.
    pub fn html(&self) -> Result<String, ProtocolError> {
        let mut out = String::from(
            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
             <title>wakewatch: road-safety tests</title>\n<style>",
        );
        out.push_str(STYLE);
        out.push_str(include_str!("page.css"));
        out.push_str("</style></head>\n<body><main>\n<header><h1>Road-safety tests</h1>");
        let _ = write!(
            out,
            "<p>What a driver monitor must tell and by when, played by a <b>drawn driver</b> whose \
             truth is known, through the whole path that a camera's pictures take. The tolerance \
             is <b>{} s</b>. A drawing proves the logic and the times; it cannot prove that real \
             sleepiness or real optics are read as well.</p></header>",
            self.table.play.tolerance_s
        );
        let both = self.both();
        self.tiles(&mut out);
        self.worst(&mut out, &both)?;
        self.grid(&mut out, &both);
        self.answers(&mut out, &both);
        self.not_promised(&mut out, &both);
        self.made_with(&mut out);
        out.push_str("</main></body></html>\n");
        Ok(out)
    }

    /// What was played, each with its row of the table.
    fn both(&self) -> Vec<Both<'_>> {
        let cell = |played: &Played| self.table.cells.iter().find(|cell| cell.id == played.cell);
        self.played.iter().filter_map(|played| Some((cell(played)?, played))).collect()
    }

    fn tiles(&self, out: &mut String) {
        let total = self.total();
        let share = 100.0 * (total.right + total.unreadable) as f64 / total.cells.max(1) as f64;
        let minutes = self.table.play.fps.max(1.0);
        let minutes = total.frames as f64 / f64::from(minutes) / 60.0;
        out.push_str("<section class=\"tiles\">");
        for (name, figure, below, class) in [
            ("cells", total.cells.to_string(), format!("{minutes:.0} minutes of driving"), ""),
            ("right", total.right.to_string(), "in time, nothing needless".into(), "good"),
            (
                "told as unreadable",
                total.unreadable.to_string(),
                "where no eyes can be read".into(),
                "blind",
            ),
            (
                "failed",
                total.failed.to_string(),
                format!("{} of them promised", total.promises_broken),
                "failed",
            ),
            ("passed", format!("{share:.1}%"), "right, or told as unreadable".into(), ""),
        ] {
            let _ = write!(
                out,
                "<div class=\"tile {class}\"><span>{name}</span><strong>{figure}</strong>\
                 <small>{below}</small></div>"
            );
        }
        out.push_str("</section>\n");
    }

    /// The worst first: what failed, promised before the rest, then what was nearly late.
    fn worst(&self, out: &mut String, both: &[Both<'_>]) -> Result<(), ProtocolError> {
        let mut worst = both.to_vec();
        let rank = |(_, played): &Both<'_>| match (played.judged.outcome, played.promised) {
            (Outcome::Failed, true) => 0,
            (Outcome::Failed, false) => 1,
            (Outcome::Right, _) => 2,
            (Outcome::Unreadable, _) => 3,
        };
        // Stable, so that equals stay in the table's order.
        worst.sort_by(|a, b| {
            rank(a).cmp(&rank(b)).then(b.1.judged.worst().total_cmp(&a.1.judged.worst()))
        });
        let failed = worst.iter().filter(|both| rank(both) < 2).count();
        worst.truncate(WORST.min(failed.max(4)));
        let _ = write!(
            out,
            "<section><h2>Worst cells first</h2><p>{}</p>",
            match failed {
                0 => "No cell failed; these came nearest to the edge of their window.".into(),
                n if n > WORST => format!("The first {WORST} of {n} cells that failed."),
                n => format!("{n} cells failed."),
            }
        );
        for (cell, played) in worst {
            let (class, outcome) = called(played);
            let margin = played.judged.worst();
            let cause = match played.cause.as_str() {
                "" if margin.is_finite() => {
                    format!("told in time, {:.2} s before the window's nearer end", -margin)
                }
                "" => "nothing had to be told, and nothing was".into(),
                cause => cause.to_owned(),
            };
            let _ = write!(
                out,
                "<article><h3><span class=\"mark {class}\">{outcome}</span> {} <small>{}</small></h3><p>{}{}</p>",
                escape(&self.table.requirement(cell).title),
                escape(&self.table.variant(cell).title),
                escape(&cause),
                match played.promised {
                    true => String::new(),
                    false => format!(". Not promised: {}", escape(&cell.why)),
                }
            );
            strips::strip(out, cell, played, &self.table.play)?;
            out.push_str("</article>");
        }
        out.push_str("</section>\n");
        Ok(())
    }

    /// A row a condition, a column a requirement.
    fn grid(&self, out: &mut String, both: &[Both<'_>]) {
        let columns: Vec<usize> = (0..self.table.requirements.len())
            .filter(|column| both.iter().any(|(cell, _)| cell.requirement == *column))
            .collect();
        out.push_str(
            "<section><h2>Requirement by condition</h2><p>Seconds from the event to the first \
             thing that had to be told; <span class=\"mark good\">right</span> within its window, \
             <span class=\"mark blind\">unreadable</span> told that no eyes can be read, \
             <span class=\"mark failed\">failed</span> early, late, missed or needless; a * is \
             not promised.</p><div class=\"scroll\"><table class=\"cells\"><thead><tr><th></th>",
        );
        for column in &columns {
            let requirement = &self.table.requirements[*column];
            let _ = write!(
                out,
                "<th title=\"{}\">{}</th>",
                escape(&requirement.title),
                escape(&requirement.id.replace('-', " "))
            );
        }
        out.push_str("</tr></thead><tbody>");
        for (axis, kind) in self.table.axes.iter().enumerate() {
            let of_axis = |cell: &Cell| self.table.variant(cell).axis == axis;
            if !both.iter().any(|(cell, _)| of_axis(cell)) {
                continue;
            }
            let _ = write!(
                out,
                "<tr class=\"group\"><th colspan=\"{}\" title=\"{}\">{}</th></tr>",
                columns.len() + 1,
                escape(&kind.source),
                escape(&kind.title)
            );
            for (at, variant) in self.table.variants.iter().enumerate() {
                let row: Vec<&Both<'_>> =
                    both.iter().filter(|(cell, _)| cell.variant == at && of_axis(cell)).collect();
                if row.is_empty() {
                    continue;
                }
                let _ = write!(out, "<tr><th>{}</th>", escape(&variant.title));
                for column in &columns {
                    match row.iter().find(|(cell, _)| cell.requirement == *column) {
                        Some(both) => grid_cell(out, both),
                        None => out.push_str("<td></td>"),
                    }
                }
                out.push_str("</tr>");
            }
        }
        out.push_str("</tbody></table></div></section>\n");
    }

    /// Every answer on a line with its window, a plot for each thing that had to be told.
    fn answers(&self, out: &mut String, both: &[Both<'_>]) {
        out.push_str(
            "<section><h2>The time of each answer</h2><p>A dot is an answer, in seconds after the \
             event; the band is its window, the pale ends are the tolerance. A cross was never \
             told.</p>",
        );
        for (column, requirement) in self.table.requirements.iter().enumerate() {
            let rows: Vec<&Both<'_>> =
                both.iter().filter(|(cell, _)| cell.requirement == column).collect();
            let tells = rows.iter().map(|(cell, _)| cell.tells.len()).max().unwrap_or(0);
            if rows.is_empty() {
                continue;
            }
            let _ = write!(
                out,
                "<details open><summary>{}</summary><p>{}</p>",
                escape(&requirement.title),
                escape(&requirement.source)
            );
            for tell in 0..tells {
                lines::plot(out, &self.table, &rows, tell);
            }
            if tells == 0 {
                lines::quiet(out, &self.table, &rows);
            }
            out.push_str("</details>");
        }
        out.push_str("</section>\n");
    }

    /// What the program does not promise, and why.
    fn not_promised(&self, out: &mut String, both: &[Both<'_>]) {
        let mut whys: Vec<(&str, Vec<&Both<'_>>)> = Vec::new();
        for both in both.iter().filter(|(cell, _)| !cell.promised) {
            match whys.iter_mut().find(|(why, _)| *why == both.0.why) {
                Some((_, cells)) => cells.push(both),
                None => whys.push((&both.0.why, vec![both])),
            }
        }
        if whys.is_empty() {
            return;
        }
        out.push_str("<section><h2>Not promised</h2><table><tbody>");
        for (why, cells) in whys {
            let names: Vec<String> = cells
                .iter()
                .map(|(cell, played)| format!("{} ({})", escape(&cell.id), called(played).1))
                .collect();
            let _ = write!(
                out,
                "<tr><th>{}</th><td class=\"text\">{}</td></tr>",
                escape(why),
                names.join(", ")
            );
        }
        out.push_str("</tbody></table></section>\n");
    }

    fn made_with(&self, out: &mut String) {
        let p = &self.provenance;
        out.push_str("<section><h2>With what it was played</h2><dl>");
        let mut entry = |name: &str, value: &str| {
            let _ = write!(out, "<dt>{}</dt><dd>{}</dd>", escape(name), escape(value));
        };
        entry("command", &p.command.join(" "));
        entry("wakewatch", &p.version);
        for (name, digest) in &p.models {
            entry(name, &format!("SHA-256 {digest}"));
        }
        entry("table", &format!("{} (SHA-256 {})", p.table, p.table_digest));
        let play = &self.table.play;
        let drawn = format!("{} x {} pixels, {} a second", play.width, play.height, play.fps);
        entry("pictures", &drawn);
        out.push_str(
            "</dl><p>The same command gives the same bytes. Beside this page lies results.jsonl \
             with everything that was told. The requirements are those of the table; figures of \
             Euro NCAP are taken second hand, and no test of theirs is replaced.</p></section>\n",
        );
    }
}

/// Class and word of what a cell comes to.
fn called(played: &Played) -> (&'static str, &'static str) {
    match played.judged.outcome {
        Outcome::Right => ("good", "right"),
        Outcome::Unreadable => ("blind", "unreadable"),
        Outcome::Failed => ("failed", "failed"),
    }
}

fn grid_cell(out: &mut String, (cell, played): &Both<'_>) {
    let (class, outcome) = called(played);
    let delay = played.judged.answers.first().and_then(|answer| answer.delay);
    let shown = match (played.judged.outcome, delay) {
        (Outcome::Unreadable, _) => "unreadable".into(),
        (_, Some(delay)) => format!("{delay:.2}"),
        (Outcome::Right, None) => "quiet".into(),
        (Outcome::Failed, None) => match played.judged.needless.first() {
            Some(needless) if cell.tells.is_empty() => word(&needless.level),
            _ => "not told".into(),
        },
    };
    let title = if played.cause.is_empty() { outcome } else { &played.cause };
    let _ = write!(
        out,
        "<td class=\"{class}\" title=\"{}\">{shown}{}</td>",
        escape(&format!("{}: {title}", cell.id)),
        if played.promised { "" } else { " *" }
    );
}

#[cfg(test)]
pub(crate) mod tests;
