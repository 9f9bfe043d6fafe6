//! Chooses a file or folder inside the window: with keys and screen readers alike, on
//! every desktop. Folders are listed on a thread, since a network drive may take its time.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::mpsc::{Receiver, TryRecvError},
};

use eframe::egui::{
    Align, Button, Context, Frame, Id, Key, Label, Layout, Modal, RichText, ScrollArea, TextEdit,
    Ui, vec2,
};

use crate::background;

use super::{
    text::choose as words,
    theme::{self, GAP, Tokens},
    widgets::{name, remark},
};

/// So many entries of a folder are shown.
const MOST: usize = 2000;
/// Size of the list, in points.
const LIST: [f32; 2] = [640.0, 300.0];

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Want {
    /// A file with one of these endings.
    File(&'static [&'static str]),
    /// A file with one of these endings, or a folder.
    FileOrFolder(&'static [&'static str]),
    /// A folder.
    Folder,
    /// A file that need not be there yet, with the name that is proposed.
    Save(&'static str),
}

impl Want {
    fn shows(self, path: &Path, folder: bool) -> bool {
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        match self {
            _ if folder => true,
            Want::File(endings) | Want::FileOrFolder(endings) => {
                endings.iter().any(|known| known.eq_ignore_ascii_case(ending))
            }
            Want::Folder => false,
            Want::Save(proposed) => {
                Path::new(proposed).extension().and_then(|known| known.to_str()) == Some(ending)
            }
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    name: String,
    path: PathBuf,
    folder: bool,
}

type Listed = Result<Vec<Entry>, String>;

enum Listing {
    Asked(Receiver<Listed>),
    Known(Listed),
}

struct Asked<P> {
    purpose: P,
    title: &'static str,
    want: Want,
    folder: PathBuf,
    typed: String,
    listing: Listing,
}

/// Asks for paths; `P` says what for.
pub(crate) struct Chooser<P> {
    asked: Option<Asked<P>>,
    /// Where the last one was found.
    last: Option<PathBuf>,
}

impl<P> Default for Chooser<P> {
    fn default() -> Self {
        Self { asked: None, last: None }
    }
}

impl<P> Chooser<P> {
    /// Opens the chooser.
    pub(crate) fn ask(&mut self, ctx: &Context, purpose: P, title: &'static str, want: Want) {
        let here = || std::env::current_dir().ok();
        let folder = self.last.clone().or_else(here).unwrap_or_else(|| PathBuf::from("."));
        let listing = list(ctx, &folder, want);
        let mut asked = Asked { purpose, title, want, folder, typed: String::new(), listing };
        asked.propose();
        self.asked = Some(asked);
    }

    /// Closes it; false where it was not open.
    pub(crate) fn close(&mut self) -> bool {
        self.asked.take().is_some()
    }

    /// Draws it, if it is open; the path that was chosen, and what for.
    pub(crate) fn show(&mut self, ctx: &Context) -> Option<(P, PathBuf)> {
        let asked = self.asked.as_mut()?;
        let fill = Tokens::of(ctx.theme()).surface;
        let frame = Frame::new().fill(fill).corner_radius(theme::RADIUS).inner_margin(20);
        let modal = Modal::new(Id::unique("choose")).frame(frame);
        let shown = modal.show(ctx, |ui| asked.draw(ui));
        let done = match shown.inner {
            Some(done) => done,
            None if shown.should_close() => false,
            None => return None,
        };
        let asked = self.asked.take()?;
        if !done || asked.typed.trim().is_empty() {
            return None;
        }
        self.last = Some(asked.folder);
        Some((asked.purpose, PathBuf::from(asked.typed.trim())))
    }
}

impl<P> Asked<P> {
    /// What is chosen when nothing else is said.
    fn propose(&mut self) {
        self.typed = match self.want {
            Want::Save(proposed) => self.folder.join(proposed).display().to_string(),
            Want::Folder | Want::FileOrFolder(_) => self.folder.display().to_string(),
            Want::File(_) => String::new(),
        };
    }

    fn enter(&mut self, ctx: &Context, folder: PathBuf) {
        self.listing = list(ctx, &folder, self.want);
        self.folder = folder;
        self.propose();
    }

    /// Some(true) = chosen, Some(false) = given up.
    fn draw(&mut self, ui: &mut Ui) -> Option<bool> {
        if let Listing::Asked(answer) = &self.listing {
            match answer.try_recv() {
                Ok(listed) => self.listing = Listing::Known(listed),
                Err(TryRecvError::Empty) => {}
                Err(TryRecvError::Disconnected) => self.listing = Listing::Known(Ok(vec![])),
            }
        }
        let mut done = None;
        ui.set_width(LIST[0]);
        ui.heading(self.title);
        ui.add_space(GAP / 2.0);
        ui.horizontal(|ui| {
            let up = self.folder.parent().map(Path::to_path_buf);
            if ui.add_enabled(up.is_some(), Button::new(words::UP)).clicked()
                && let Some(up) = up
            {
                self.enter(ui.ctx(), up);
            }
            let place = RichText::new(self.folder.display().to_string()).size(theme::SMALL);
            ui.add(Label::new(place).truncate());
        });
        if let Some((path, choose)) = self.entries(ui) {
            match path.folder {
                true => self.enter(ui.ctx(), path.path),
                false => {
                    self.typed = path.path.display().to_string();
                    done = choose.then_some(true);
                }
            }
        }
        ui.add_space(GAP / 2.0);
        let field = TextEdit::singleline(&mut self.typed).desired_width(f32::INFINITY);
        let field = ui.add(field.hint_text(words::PATH));
        name(ui, &field, words::PATH);
        if field.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter)) {
            done = Some(true);
        }
        ui.add_space(GAP / 2.0);
        ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
            let tokens = Tokens::current(ui);
            let label = RichText::new(words::CHOOSE).color(tokens.background);
            let choose = Button::new(label).fill(tokens.accent).min_size(vec2(110.0, 32.0));
            if ui.add_enabled(!self.typed.trim().is_empty(), choose).clicked() {
                done = Some(true);
            }
            if ui.add(Button::new(words::CANCEL).min_size(vec2(90.0, 32.0))).clicked() {
                done = Some(false);
            }
        });
        done
    }

    /// The list; what was pressed in it, and whether twice.
    fn entries(&self, ui: &mut Ui) -> Option<(Entry, bool)> {
        let tokens = Tokens::current(ui);
        let mut pressed = None;
        let frame = Frame::new().fill(tokens.background).corner_radius(6).inner_margin(6);
        frame.show(ui, |ui| {
            let height = LIST[1].min(ui.ctx().content_rect().height() - 290.0).max(90.0);
            ScrollArea::vertical().max_height(height).auto_shrink(false).show(ui, |ui| {
                ui.set_min_height(height);
                match &self.listing {
                    Listing::Asked(_) => remark(ui, words::LISTING),
                    Listing::Known(Err(why)) => remark(ui, why),
                    Listing::Known(Ok(entries)) if entries.is_empty() => remark(ui, words::EMPTY),
                    Listing::Known(Ok(entries)) => {
                        for entry in entries {
                            let label = match entry.folder {
                                true => format!("{}/", entry.name),
                                false => entry.name.clone(),
                            };
                            let chosen = Path::new(&self.typed) == entry.path;
                            let row = ui.selectable_label(chosen, label);
                            if row.double_clicked() {
                                pressed = Some((entry.clone(), true));
                            } else if row.clicked() {
                                pressed = Some((entry.clone(), false));
                            }
                        }
                    }
                }
            });
        });
        pressed
    }
}

fn list(ctx: &Context, folder: &Path, want: Want) -> Listing {
    let (folder, ctx) = (folder.to_path_buf(), ctx.clone());
    match background::answer("list", move || ctx.request_repaint(), move || entries(&folder, want))
    {
        Ok(coming) => Listing::Asked(coming),
        Err(why) => Listing::Known(Err(why.to_string())),
    }
}

/// Folders first, then what is looked for, both by name; hidden ones are left out.
fn entries(folder: &Path, want: Want) -> Listed {
    let read = fs::read_dir(folder).map_err(|why| words::unreadable(folder, &why))?;
    let mut entries: Vec<Entry> = read
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let (name, path) = (entry.file_name().to_string_lossy().into_owned(), entry.path());
            let folder = path.is_dir();
            let shown = !name.starts_with('.') && want.shows(&path, folder);
            shown.then_some(Entry { name, path, folder })
        })
        .collect();
    entries.sort_by_key(|entry| (!entry.folder, entry.name.to_lowercase()));
    entries.truncate(MOST);
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_come_first_and_only_what_is_looked_for_is_shown() {
        let folder = tempfile::tempdir().unwrap();
        for file in ["b.csv", "A.CSV", "c.mp4", ".hidden.csv"] {
            fs::write(folder.path().join(file), "").unwrap();
        }
        fs::create_dir(folder.path().join("z")).unwrap();
        let names = |want| -> Vec<String> {
            let listed = entries(folder.path(), want).unwrap();
            listed.into_iter().map(|entry| entry.name).collect()
        };
        assert_eq!(names(Want::File(&["csv"])), ["z", "A.CSV", "b.csv"]);
        assert_eq!(names(Want::Folder), ["z"]);
        assert_eq!(names(Want::Save("new.csv")), ["z", "b.csv"]);
        let error = entries(&folder.path().join("no"), Want::Folder).unwrap_err();
        assert!(error.contains("no"), "{error}");
    }
}
