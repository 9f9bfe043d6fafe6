//! The page: one HTML file that needs nothing else. First what it comes to, then the worst
//! cells with a strip of their pictures, the grid of requirement by condition, every answer
//! on a line with its window, and with what it was played. The pictures are drawn, so that
//! they may be shown; no time of day is in it, so that the same run gives the same bytes.

mod lines;
mod strips;

use std::{fs, path::Path, path::PathBuf};

use maud::{Markup, html};

use super::{Cell, Outcome, Played, ProtocolError, Table, Total, judge::word};
use crate::{evaluate::report::document, os::write_whole};

/// So many of the worst cells get a strip of pictures.
const WORST: usize = 12;
/// The page's name in its folder.
const PAGE: &str = "index.html";
/// The results' name in its folder, one JSON line a cell.
const RESULTS: &str = "results.jsonl";

/// With what the cells were played.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Provenance {
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
pub(crate) struct Report {
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
    pub(crate) fn total(&self) -> Total {
        Total::of(&self.played)
    }

    /// Writes `index.html` and `results.jsonl`; gives the path of the page.
    ///
    /// # Errors
    /// When the folder cannot be written, or a picture cannot be drawn again.
    pub(crate) fn write(&self, folder: &Path) -> Result<PathBuf, ProtocolError> {
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
    pub(crate) fn html(&self) -> Result<String, ProtocolError> {
        let both = self.both();
        let body = html! {
            header {
                h1 { "Road-safety tests" }
                p {
                    "What a driver monitor must tell and by when, played by a " b { "drawn driver" }
                    " whose truth is known, through the whole path that a camera's pictures take. \
                    The tolerance is " b { (self.table.play.tolerance_s) " s" } ". A drawing proves \
                    the logic and the times; it cannot prove that real sleepiness or real optics \
                    are read as well."
                }
            }
            (self.tiles())
            (self.worst(&both)?)
            (self.grid(&both))
            (self.answers(&both))
            (self.not_promised(&both))
            (self.made_with())
        };
        Ok(document("road-safety tests", include_str!("page.css"), &body))
    }

    /// What was played, each with its row of the table.
    fn both(&self) -> Vec<Both<'_>> {
        let cell = |played: &Played| self.table.cells.iter().find(|cell| cell.id == played.cell);
        self.played.iter().filter_map(|played| Some((cell(played)?, played))).collect()
    }

    fn tiles(&self) -> Markup {
        let total = self.total();
        let share = 100.0 * (total.right + total.unreadable) as f64 / total.cells.max(1) as f64;
        let minutes = self.table.play.fps.max(1.0);
        let minutes = total.frames as f64 / f64::from(minutes) / 60.0;
        let count = |count: usize| count.to_string();
        let (driven, broken) = (
            format!("{minutes:.0} minutes of driving"),
            format!("{} of them promised", total.promises_broken),
        );
        let (right, blind) = (count(total.right), count(total.unreadable));
        let tiles = [
            ("cells", count(total.cells), driven.as_str(), ""),
            ("right", right, "in time, nothing needless", "good"),
            ("told as unreadable", blind, "where no eyes can be read", "blind"),
            ("failed", count(total.failed), broken.as_str(), "failed"),
            ("passed", format!("{share:.1}%"), "right, or told as unreadable", ""),
        ];
        html! {
            section.tiles {
                @for (name, figure, below, class) in tiles {
                    div class={ "tile " (class) } {
                        span { (name) } strong { (figure) } small { (below) }
                    }
                }
            }
        }
    }

    /// The worst first: what failed, promised before the rest, then what was nearly late.
    fn worst(&self, both: &[Both<'_>]) -> Result<Markup, ProtocolError> {
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
        let says = match failed {
            0 => "No cell failed; these came nearest to the edge of their window.".into(),
            n if n > WORST => format!("The first {WORST} of {n} cells that failed."),
            n => format!("{n} cells failed."),
        };
        Ok(html! {
            section {
                h2 { "Worst cells first" }
                p { (says) }
                @for both in &worst { (self.article(both)?) }
            }
        })
    }

    /// A cell with its cause and a strip of its pictures.
    fn article(&self, (cell, played): &Both<'_>) -> Result<Markup, ProtocolError> {
        let (class, outcome) = called(played);
        let margin = played.judged.worst();
        let cause = match played.cause.as_str() {
            "" if margin.is_finite() => {
                format!("told in time, {:.2} s before the window's nearer end", -margin)
            }
            "" => "nothing had to be told, and nothing was".into(),
            cause => cause.to_owned(),
        };
        Ok(html! {
            article {
                h3 {
                    span class={ "mark " (class) } { (outcome) } " "
                    (self.table.requirement(cell).title) " "
                    small { (self.table.variant(cell).title) }
                }
                p { (cause) @if !played.promised { ". Not promised: " (cell.why) } }
                (strips::strip(cell, played, &self.table.play)?)
            }
        })
    }

    /// A row a condition, a column a requirement.
    fn grid(&self, both: &[Both<'_>]) -> Markup {
        let columns: Vec<usize> = (0..self.table.requirements.len())
            .filter(|column| both.iter().any(|(cell, _)| cell.requirement == *column))
            .collect();
        let of_axis = |axis: usize| {
            both.iter().filter(move |(cell, _)| self.table.variant(cell).axis == axis)
        };
        html! {
            section {
                h2 { "Requirement by condition" }
                p {
                    "Seconds from the event to the first thing that had to be told; "
                    span.mark.good { "right" } " within its window, "
                    span.mark.blind { "unreadable" } " told that no eyes can be read, "
                    span.mark.failed { "failed" } " early, late, missed or needless; a * is not \
                    promised."
                }
                div.scroll {
                    table.cells {
                        thead {
                            tr {
                                th {}
                                @for column in &columns {
                                    @let requirement = &self.table.requirements[*column];
                                    th title=(requirement.title) { (requirement.id.replace('-', " ")) }
                                }
                            }
                        }
                        tbody {
                            @for (axis, kind) in self.table.axes.iter().enumerate() {
                                @if of_axis(axis).next().is_some() {
                                    tr.group {
                                        th colspan=(columns.len() + 1) title=(kind.source) {
                                            (kind.title)
                                        }
                                    }
                                }
                                @for (at, variant) in self.table.variants.iter().enumerate() {
                                    @let row = of_axis(axis).filter(|(cell, _)| cell.variant == at);
                                    (grid_row(&variant.title, &columns, &row.collect::<Vec<_>>()))
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// Every answer on a line with its window, a plot for each thing that had to be told.
    fn answers(&self, both: &[Both<'_>]) -> Markup {
        html! {
            section {
                h2 { "The time of each answer" }
                p {
                    "A dot is an answer, in seconds after the event; the band is its window, the \
                    pale ends are the tolerance. A cross was never told."
                }
                @for (column, requirement) in self.table.requirements.iter().enumerate() {
                    @let rows: Vec<&Both<'_>> =
                        both.iter().filter(|(cell, _)| cell.requirement == column).collect();
                    @let tells = rows.iter().map(|(cell, _)| cell.tells.len()).max().unwrap_or(0);
                    @if !rows.is_empty() {
                        details open {
                            summary { (requirement.title) }
                            p { (requirement.source) }
                            @for tell in 0..tells { (lines::plot(&self.table, &rows, tell)) }
                            @if tells == 0 { (lines::quiet(&self.table, &rows)) }
                        }
                    }
                }
            }
        }
    }

    /// What the program does not promise, and why.
    fn not_promised(&self, both: &[Both<'_>]) -> Markup {
        let mut whys: Vec<(&str, Vec<&Both<'_>>)> = Vec::new();
        for both in both.iter().filter(|(cell, _)| !cell.promised) {
            match whys.iter_mut().find(|(why, _)| *why == both.0.why) {
                Some((_, cells)) => cells.push(both),
                None => whys.push((&both.0.why, vec![both])),
            }
        }
        let names = |cells: &[&Both<'_>]| {
            let name = |(cell, played): &&Both<'_>| format!("{} ({})", cell.id, called(played).1);
            cells.iter().map(name).collect::<Vec<_>>().join(", ")
        };
        html! {
            @if !whys.is_empty() {
                section {
                    h2 { "Not promised" }
                    table {
                        tbody {
                            @for (why, cells) in &whys {
                                tr { th { (why) } td.text { (names(cells)) } }
                            }
                        }
                    }
                }
            }
        }
    }

    fn made_with(&self) -> Markup {
        let (p, play) = (&self.provenance, &self.table.play);
        let mut entries = vec![("command", p.command.join(" ")), ("wakewatch", p.version.clone())];
        let models = p.models.iter();
        entries.extend(models.map(|(name, digest)| (name.as_str(), format!("SHA-256 {digest}"))));
        entries.push(("table", format!("{} (SHA-256 {})", p.table, p.table_digest)));
        let drawn = format!("{} x {} pixels, {} a second", play.width, play.height, play.fps);
        entries.push(("pictures", drawn));
        html! {
            section {
                h2 { "With what it was played" }
                dl { @for (name, value) in &entries { dt { (name) } dd { (value) } } }
                p {
                    "The same command gives the same bytes. Beside this page lies results.jsonl with \
                    everything that was told. The requirements are those of the table; figures of \
                    Euro NCAP are taken second hand, and no test of theirs is replaced."
                }
            }
        }
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

/// A condition of the grid; nothing where it was not played.
fn grid_row(title: &str, columns: &[usize], row: &[&Both<'_>]) -> Markup {
    let of = |column: usize| row.iter().find(move |(cell, _)| cell.requirement == column);
    html! {
        @if !row.is_empty() {
            tr {
                th { (title) }
                @for column in columns {
                    @if let Some(both) = of(*column) { (grid_cell(both)) } @else { td {} }
                }
            }
        }
    }
}

fn grid_cell((cell, played): &Both<'_>) -> Markup {
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
    html! {
        td class=(class) title={ (cell.id) ": " (title) } {
            (shown) @if !played.promised { " *" }
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
