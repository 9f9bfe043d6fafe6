//! Which videos there are: UTA-RLDD's folders, a labelled CSV, any folder of videos, or a
//! single one.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{ReplayError, TRUTH_ENDING, digest};
use crate::{
    dataset::{
        DatasetError, labels,
        manifest::{Item, Label, Manifest},
        spans::{self, FilmTruth, SPANS_ENDING},
        uta,
        words::TABLE,
    },
    source::formats::{self, Kind},
};

/// Folders below this depth are not looked into, so that a link to a parent ends.
const MOST_DEPTH: usize = 8;

/// Why a picture is not watched among recordings.
const A_PICTURE: &str = "it is a picture, and recordings are watched here; name pictures apart";
/// Why spans are not used.
const NO_FILM: &str = "no film of this name lies beside it; spans are called as their film";

/// A video of a collection.
#[derive(Clone, Debug, PartialEq)]
pub struct Video {
    /// Its name in the collection, for example `01/10`.
    pub name: String,
    /// The same as a file's name, different for each video.
    pub slug: String,
    /// Its file, or its parts in the order of time.
    pub files: Vec<PathBuf>,
    /// Who is in it.
    pub subject: String,
    /// The collection's own fold, from 1.
    pub fold: Option<u32>,
    /// The label on UTA-RLDD's scale: 0 alert, 5 low vigilance, 10 drowsy.
    pub label: Option<u32>,
    /// What happens in it and when, where somebody annotated it.
    pub spans: Option<FilmTruth>,
}

/// A collection of videos.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Collection {
    /// Where its names begin.
    pub root: PathBuf,
    /// The videos, sorted by name.
    pub videos: Vec<Video>,
    /// What was found and cannot be used, with the reason.
    pub left_out: Vec<(String, String)>,
}

impl Collection {
    /// Whether a path is to be taken for a collection: a list, or a folder with videos.
    pub fn is_one(path: &Path) -> bool {
        match path.is_dir() {
            true => holds_a_video(path, 1),
            false => formats::is_list(path) && path.is_file(),
        }
    }

    /// Lists what is at a path, with the spans that are annotated of its videos.
    ///
    /// # Errors
    /// When it cannot be read or holds no video, or spans cannot be used.
    pub fn open(path: &Path) -> Result<Self, ReplayError> {
        let root = match path.is_dir() {
            true => path,
            false => path.parent().unwrap_or(Path::new("")),
        };
        let root = if root.as_os_str().is_empty() { Path::new(".") } else { root };
        let root = root.canonicalize().map_err(ReplayError::io(path, "read"))?;
        let mut found = if formats::is_list(path) && path.is_file() {
            Self::of_list(path, &root)?
        } else if path.is_dir() {
            Self::of_folder(&root)?
        } else {
            Self { videos: vec![plain(&root, &root.join(name_of(path)))], ..Self::default() }
        };
        if found.videos.is_empty() {
            return Err(ReplayError::NoVideos { path: path.into() });
        }
        found.root = root;
        found.name_files();
        found.read_spans(path.is_dir())?;
        Ok(found)
    }

    /// Gives each video the spans that lie beside it, or that the folder's list has of it.
    /// Who is named there is the person in it. Of a `whole` folder, films of the list that are
    /// not there are named.
    fn read_spans(&mut self, whole: bool) -> Result<(), ReplayError> {
        let list = self.root.join(spans::TRUTH);
        let mut listed = BTreeMap::new();
        if list.is_file() {
            let films = spans::read(&list)?.into_iter();
            listed.extend(films.map(|film| (self.root.join(&film.file), film)));
        }
        for video in &mut self.videos {
            let mut known = None;
            for file in &video.files {
                let (beside, in_list) = (spans::beside(file)?, listed.remove(file));
                if beside.is_some() && in_list.is_some() {
                    let path = file.with_extension(SPANS_ENDING);
                    let why = format!("{} has its spans, too; keep one of them", list.display());
                    return Err(DatasetError::Spans { path, why }.into());
                }
                known = known.or(beside).or(in_list);
            }
            if known.is_some() && video.files.len() > 1 {
                let why = "it is one of several parts of a video, and spans are those of a whole \
                           film; give the parts names of their own";
                self.left_out.push((format!("the spans of {}", video.name), why.into()));
                continue;
            }
            if let Some(truth) = &mut known {
                truth.file = video.name.clone().into();
                match truth.person.trim().is_empty() {
                    true => truth.person.clone_from(&video.subject),
                    false => video.subject.clone_from(&truth.person),
                }
            }
            video.spans = known;
        }
        for file in listed.keys().filter(|file| whole && !file.is_file()) {
            let why = format!("{} names it, and it is not there", spans::TRUTH);
            self.left_out.push((digest::name_below(&self.root, file), why));
        }
        Ok(())
    }

    fn of_folder(root: &Path) -> Result<Self, ReplayError> {
        match uta::list(root) {
            Ok(listing) => {
                let left_out = listing.left_out.into_iter();
                Ok(Self {
                    videos: of_manifest(root, &listing.manifest),
                    left_out: left_out
                        .map(|(path, why)| (digest::name_below(root, &path), why))
                        .collect(),
                    ..Self::default()
                })
            }
            // Not that dataset, but perhaps videos all the same.
            Err(DatasetError::NoUta { .. }) => Self::of_any_folder(root),
            Err(error) => Err(error.into()),
        }
    }

    /// Any folder with videos; folders that are called as labels are their labels.
    fn of_any_folder(root: &Path) -> Result<Self, ReplayError> {
        let labelled = match labels::list(root) {
            Ok(listing) => listing.manifest.items,
            Err(DatasetError::NoLabels { .. }) => Vec::new(),
            Err(error) => return Err(error.into()),
        };
        let mut found = Self::default();
        found.gather(root, root, 1);
        if !labelled.is_empty() {
            found.left_out.retain(|(name, _)| name != TABLE);
        }
        for video in &mut found.videos {
            let said = labelled.iter().find(|item| video.files.first() == Some(&item.file));
            if let Some(Item { label, subject, .. }) = said {
                video.label = level(*label);
                video.subject.clone_from(subject);
            }
        }
        Ok(found)
    }

    /// Gathers the videos below a folder, and names what is none.
    fn gather(&mut self, root: &Path, folder: &Path, depth: usize) {
        let entries: Result<Vec<_>, _> = std::fs::read_dir(folder).and_then(Iterator::collect);
        let mut entries: Vec<PathBuf> = match entries {
            Ok(entries) => entries.iter().map(std::fs::DirEntry::path).collect(),
            Err(why) => return self.leave_out(root, folder, format!("it cannot be read ({why})")),
        };
        entries.sort();
        let before = self.videos.len();
        for path in entries.iter().filter(|path| !formats::is_litter(path)) {
            if path.is_dir() {
                match depth < MOST_DEPTH {
                    true => self.gather(root, path, depth + 1),
                    false => {
                        self.leave_out(root, path, "it lies too deep; is it a link in a circle?");
                    }
                }
                continue;
            }
            match formats::kind(path) {
                Kind::Recording => self.videos.push(plain(root, path)),
                _ if is_known_of_another(root, path) => {}
                Kind::Picture => self.leave_out(root, path, A_PICTURE),
                Kind::Other(what) => self.leave_out(root, path, what),
            }
        }
        for path in entries.iter().filter(|path| ends_in(path, SPANS_ENDING)) {
            let own = |file: &PathBuf| file.with_extension(SPANS_ENDING) == *path;
            if !self.videos.iter().skip(before).any(|video| video.files.iter().any(own)) {
                self.leave_out(root, path, NO_FILM);
            }
        }
    }

    fn leave_out(&mut self, root: &Path, path: &Path, why: impl Into<String>) {
        self.left_out.push((digest::name_below(root, path), why.into()));
    }

    /// The videos of a list.
    fn of_list(path: &Path, root: &Path) -> Result<Self, ReplayError> {
        let mut manifest = Manifest::read_unchecked(path)?;
        let mut left_out = Vec::new();
        let mut missing = None;
        manifest.items.retain_mut(|item| {
            let why = match item.file.canonicalize() {
                Err(why) => {
                    missing.get_or_insert_with(|| item.file.clone());
                    format!("it cannot be read ({why}); correct its line in the list")
                }
                Ok(file) if formats::is_picture(&file) => A_PICTURE.into(),
                Ok(file) => {
                    item.file = file;
                    return true;
                }
            };
            left_out.push((digest::name_below(root, &item.file), why));
            false
        });
        if let (true, Some(file)) = (manifest.items.is_empty(), missing) {
            return Err(DatasetError::Missing { list: path.into(), file }.into());
        }
        for item in &mut manifest.items {
            if item.video.is_empty() {
                item.video = digest::name_below(root, &item.file);
            }
        }
        Ok(Self { videos: of_manifest(root, &manifest), left_out, ..Self::default() })
    }

    /// Sorts the videos and gives each a file name that no other has.
    fn name_files(&mut self) {
        self.videos.sort_by(|a, b| a.name.cmp(&b.name));
        let mut taken = BTreeSet::new();
        for video in &mut self.videos {
            let safe = |c: char| if c.is_alphanumeric() || "-.".contains(c) { c } else { '_' };
            let stem: String = video.name.chars().map(safe).collect();
            let mut slug = stem.clone();
            let mut again = 2;
            // Some file systems do not tell capitals apart.
            while !taken.insert(slug.to_lowercase()) {
                slug = format!("{stem}-{again}");
                again += 1;
            }
            video.slug = slug;
        }
    }

    /// Digest of all its files, and of the spans that are annotated of them.
    ///
    /// # Errors
    /// When one cannot be read.
    pub fn digest(&self) -> Result<String, ReplayError> {
        let mut files = Vec::new();
        for video in &self.videos {
            files.extend(video.files.iter().cloned());
            if let (true, [file]) = (video.spans.is_some(), video.files.as_slice()) {
                files.push(file.with_extension(SPANS_ENDING));
            }
        }
        if self.videos.iter().any(|video| video.spans.is_some()) {
            files.push(self.root.join(spans::TRUTH));
        }
        // Of spans, the one place or the other is there.
        files.retain(|file| !is_known_of_another(&self.root, file) || file.is_file());
        let named: Vec<_> =
            files.into_iter().map(|file| (digest::name_below(&self.root, &file), file)).collect();
        digest::of_files(&named)
    }
}

fn name_of(path: &Path) -> PathBuf {
    path.file_name().unwrap_or_default().into()
}

/// A video of which only its file is known.
fn plain(root: &Path, file: &Path) -> Video {
    let name = digest::name_below(root, file);
    Video {
        slug: String::new(),
        files: vec![file.into()],
        subject: name.clone(),
        fold: None,
        label: None,
        spans: None,
        name,
    }
}

/// Whether a file is what is known of a video beside it, or of the films of the folder.
fn is_known_of_another(root: &Path, path: &Path) -> bool {
    ends_in(path, TRUTH_ENDING) || ends_in(path, SPANS_ENDING) || path == root.join(spans::TRUTH)
}

/// Whether a name has a stem before this ending, which may hold a dot.
fn ends_in(path: &Path, ending: &str) -> bool {
    name_of(path).to_string_lossy().ends_with(&format!(".{ending}"))
}

fn holds_a_video(folder: &Path, depth: usize) -> bool {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths = entries.map(|entry| entry.path()).filter(|path| !formats::is_litter(path));
    paths.any(|path| match path.is_dir() {
        true => depth < MOST_DEPTH && holds_a_video(&path, depth + 1),
        false => formats::is_recording(&path),
    })
}

/// A label on UTA-RLDD's scale.
fn level(label: Option<Label>) -> Option<u32> {
    label.map(|label| if label == Label::Awake { 0 } else { 10 })
}

/// Items of one video that follow each other are its parts.
fn of_manifest(root: &Path, manifest: &Manifest) -> Vec<Video> {
    let same = |a: &Item, b: &Item| a.video == b.video && a.subject == b.subject;
    let parts = manifest.items.chunk_by(same).filter_map(|parts| {
        let first = parts.first()?;
        let named = first.video.rsplit('/').next().and_then(|level| level.parse().ok());
        let name = match first.video.is_empty() {
            true => digest::name_below(root, &first.file),
            false => first.video.clone(),
        };
        Some(Video {
            name,
            slug: String::new(),
            files: parts.iter().map(|part| part.file.clone()).collect(),
            subject: first.subject.clone(),
            fold: first.fold,
            // The dataset's own videos carry low vigilance in their name.
            label: level(first.label).or(named.filter(|level| *level == 5)),
            spans: None,
        })
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        folder
    }

    #[test]
    fn the_datasets_folders_give_labels_folds_and_whole_videos() {
        let folder = tree(&[
            "Fold1_part1/01/0.mov",
            "Fold1_part1/01/5.mov",
            "Fold2_part1/13/10_1.mp4",
            "Fold2_part1/13/10_2.mp4",
            "Fold1_part1/01/x.mov",
        ]);
        let found = Collection::open(folder.path()).unwrap();
        let rows: Vec<_> = found
            .videos
            .iter()
            .map(|v| (&*v.name, &*v.slug, v.fold, v.label, v.files.len()))
            .collect();
        assert_eq!(
            rows,
            [
                ("01/0", "01_0", Some(1), Some(0), 1),
                ("01/5", "01_5", Some(1), Some(5), 1),
                ("13/10", "13_10", Some(2), Some(10), 2)
            ]
        );
        assert_eq!(found.left_out.len(), 1);
        assert_eq!(found.left_out[0].0, "Fold1_part1/01/x.mov");
    }

    #[test]
    fn other_folders_and_lists_are_collections_too() {
        let folder = tree(&["a/b.mp4", "a_b.mp4", "A_B.mp4", "c.jpg", ".hidden.mp4"]);
        let found = Collection::open(folder.path()).unwrap();
        let slugs: BTreeSet<_> = found.videos.iter().map(|v| v.slug.to_lowercase()).collect();
        assert_eq!((found.videos.len(), slugs.len()), (3, 3), "{slugs:?}");
        let list = folder.path().join("list.csv");
        std::fs::write(&list, "file,label,subject\na/b.mp4,drowsy,ann\na_b.mp4,awake,bob\n")
            .unwrap();
        let found = Collection::open(&list).unwrap();
        let rows: Vec<_> = found.videos.iter().map(|v| (&*v.name, &*v.subject, v.label)).collect();
        assert_eq!(rows, [("a/b.mp4", "ann", Some(10)), ("a_b.mp4", "bob", Some(0))]);
        assert!(!Collection::is_one(&folder.path().join("c.jpg")));
        assert!(Collection::is_one(folder.path()));
        let error = Collection::open(tree(&["c.jpg"]).path()).unwrap_err().to_string();
        assert!(error.contains("holds no video"), "{error}");
    }

    #[test]
    fn what_a_folder_holds_beside_recordings_is_named() {
        let folder = tree(&["Drowsy/a.mp4", "Non Drowsy/b.mov", "c.jpg", "b.truth.jsonl", ".x"]);
        std::fs::write(folder.path().join("notes.txt"), "seen on Monday").unwrap();
        let found = Collection::open(folder.path()).unwrap();
        let rows: Vec<_> = found.videos.iter().map(|v| (&*v.name, v.label)).collect();
        assert_eq!(rows, [("Drowsy/a.mp4", Some(10)), ("Non Drowsy/b.mov", Some(0))]);
        let left: Vec<_> = found.left_out.iter().map(|(name, why)| (&**name, &**why)).collect();
        assert_eq!(left, [("c.jpg", A_PICTURE), ("notes.txt", "it is a text")]);
        // A file that is missing does not keep the others from being watched.
        let list = folder.path().join("list.tsv");
        let lines = "file\tlabel\tsubject\nDrowsy\\a.mp4\tdrowsy\tann\nno.mp4\tawake\tbob\n";
        std::fs::write(&list, lines).unwrap();
        assert!(Collection::is_one(&list));
        let found = Collection::open(&list).unwrap();
        assert_eq!((found.videos.len(), found.left_out.len()), (1, 1), "{:?}", found.left_out);
        assert!(found.left_out[0].0.contains("no.mp4"));
    }

    #[test]
    fn spans_lie_beside_their_film_or_in_the_list_of_the_folder() {
        let folder = tree(&["a.mp4", "b.mov", "sub/c.mp4", "d.mp4"]);
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, text: &str| std::fs::write(at(name), text).unwrap();
        let before = Collection::open(folder.path()).unwrap().digest().unwrap();
        write("a.spans.json", "{\"closures\": [[1, 2]], \"person\": \"ann\"}");
        write("b.spans.json", "{}");
        write("lost.spans.json", "{}");
        let line =
            |file: &str| format!("{{\"file\":\"{file}\",\"seconds\":9,\"person\":\"bob\"}}\n");
        write("truth.jsonl", &(line("sub/c.mp4") + &line("gone.mp4")));
        let found = Collection::open(folder.path()).unwrap();
        let rows: Vec<_> = found
            .videos
            .iter()
            .map(|v| (&*v.name, &*v.subject, v.spans.as_ref().map(|film| &*film.person)))
            .collect();
        assert_eq!(
            rows,
            [
                ("a.mp4", "ann", Some("ann")),
                ("b.mov", "b.mov", Some("b.mov")),
                ("d.mp4", "d.mp4", None),
                ("sub/c.mp4", "bob", Some("bob")),
            ]
        );
        let left: Vec<_> = found.left_out.iter().map(|(name, _)| &**name).collect();
        assert_eq!(left, ["lost.spans.json", "gone.mp4"]);
        let with_spans = found.digest().unwrap();
        assert_ne!(with_spans, before, "other spans are other data");

        write("a.spans.json", "{\"closures\": [[2, 1]]}");
        let error = Collection::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("a.spans.json") && error.contains("closures"), "{error}");
        write("a.spans.json", "{}");
        assert_ne!(Collection::open(folder.path()).unwrap().digest().unwrap(), with_spans);
        write("sub/c.spans.json", "{}");
        let error = Collection::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains("c.spans.json") && error.contains("truth.jsonl"), "{error}");
    }

    #[test]
    fn the_digest_knows_names_and_content() {
        let digest =
            |files: &[&str]| Collection::open(tree(files).path()).unwrap().digest().unwrap();
        assert_eq!(digest(&["a.mp4", "b.mp4"]), digest(&["b.mp4", "a.mp4"]));
        assert_ne!(digest(&["a.mp4"]), digest(&["c.mp4"]));
        let folder = tree(&["a.mp4"]);
        std::fs::write(folder.path().join("a.mp4"), "other").unwrap();
        let other = Collection::open(folder.path()).unwrap().digest().unwrap();
        assert_ne!(other, digest(&["a.mp4"]));
    }
}
