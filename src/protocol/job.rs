//! The tests in the background, for whoever must not wait: with progress and a way to give
//! them up. One core is left to what else runs.

use std::{
    path::Path,
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
};

use super::{
    Choice, ProtocolError, ProtocolOptions, Table,
    page::Report,
    run::{play, provenance},
};
use crate::evaluate::job::{Waker, apart};

/// What came of the tests.
pub enum Ended {
    /// Everything that was played.
    Played(Box<Report>),
    /// They were given up.
    Cancelled,
    /// They could not be played, one sentence.
    Failed(String),
}

/// Tests that run. Dropping it gives them up.
pub struct ProtocolJob {
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    ended: Receiver<Ended>,
}

impl ProtocolJob {
    /// Begins to play the cells of the built-in table that are chosen.
    ///
    /// # Errors
    /// When no thread can be started, one sentence.
    pub fn start(
        choice: Choice,
        options: ProtocolOptions,
        command: Vec<String>,
        waker: Waker,
    ) -> Result<Self, String> {
        let (done, of) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let stop = options.stop.clone();
        let (out, ended) = sync_channel(1);
        let (told, whole) = (done.clone(), of.clone());
        apart("protocol", move || {
            let progress = |done, of| {
                told.store(done, Relaxed);
                whole.store(of, Relaxed);
                waker();
            };
            // Whoever began it may have gone.
            let _ = out.try_send(match run(&choice, &options, command, &progress) {
                Ok(report) => Ended::Played(Box::new(report)),
                Err(_) if options.stop.load(Relaxed) => Ended::Cancelled,
                Err(why) => Ended::Failed(why.to_string()),
            });
            waker();
        })?;
        Ok(Self { done, of, stop, ended })
    }

    /// Seconds of driving that were played, of how many; 0 of 0 at first.
    pub fn progress(&self) -> (u64, u64) {
        (self.done.load(Relaxed), self.of.load(Relaxed))
    }

    /// Gives them up at the next picture.
    pub fn cancel(&self) {
        self.stop.store(true, Relaxed);
    }

    /// What came of them, once.
    pub fn ended(&self) -> Option<Ended> {
        match self.ended.try_recv() {
            Ok(ended) => Some(ended),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Ended::Failed(
                "the tests broke down; start them again, and report this".into(),
            )),
        }
    }
}

impl Drop for ProtocolJob {
    fn drop(&mut self) {
        self.cancel();
    }
}

fn run(
    choice: &Choice,
    options: &ProtocolOptions,
    command: Vec<String>,
    progress: &(dyn Fn(u64, u64) + Sync),
) -> Result<Report, ProtocolError> {
    let table = Table::open(None)?;
    let cells = table.choose(choice)?;
    let provenance = provenance(&table, options, command)?;
    let played = play(&table, &cells, options, progress, &mut |_| true)?;
    Ok(Report { table, played, provenance })
}

/// Opens a page with the program that the desktop opens pages with.
///
/// # Errors
/// When there is none, one sentence with the page's path.
pub fn open_page(page: &Path) -> Result<(), String> {
    let opener = match std::env::consts::OS {
        "macos" => "open",
        "windows" => "explorer",
        _ => "xdg-open",
    };
    let started = Command::new(opener)
        .arg(page)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    match started {
        Ok(mut child) => {
            // Waited for on a thread, so that it leaves no zombie.
            let wait = move || drop(child.wait());
            let waits = std::thread::Builder::new().name("opener".into()).spawn(wait);
            waits.map(drop).map_err(|why| format!("no thread could be started ({why})"))
        }
        Err(why) => {
            Err(format!("{opener} could not be started ({why}); open {} yourself", page.display()))
        }
    }
}
