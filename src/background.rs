//! Work on threads of its own, for whoever must not wait: one that is named, one that
//! answers once, one with progress that can be given up.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
        mpsc::{Receiver, TryRecvError, sync_channel},
    },
    thread::{Builder, JoinHandle},
};

use thiserror::Error;

/// Called from another thread when there is something new.
pub(crate) type Waker = Arc<dyn Fn() + Send + Sync>;

/// The system has no thread to give.
#[derive(Debug, Error)]
#[error("no thread could be started ({0}); close other programs and try again")]
pub struct NoThread(#[from] pub(crate) std::io::Error);

/// Starts a thread.
///
/// # Errors
/// When the system has none to give.
pub(crate) fn thread<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, NoThread> {
    Ok(Builder::new().name(name.into()).spawn(work)?)
}

/// Does `work` on a thread; its answer comes once, and `wake` is called then.
///
/// # Errors
/// When the system has no thread to give.
pub(crate) fn answer<T: Send + 'static>(
    name: &str,
    wake: impl FnOnce() + Send + 'static,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<Receiver<T>, NoThread> {
    let (out, coming) = sync_channel(1);
    thread(name, move || {
        // Whoever asked may have gone.
        let _ = out.try_send(work());
        // Who is woken sees that nothing more comes.
        drop(out);
        wake();
    })?;
    Ok(coming)
}

/// Runs `work` on a thread and, inside it, on all cores but one, which is left to what else
/// runs.
///
/// # Errors
/// When the system has no thread to give.
pub(crate) fn apart(name: &str, work: impl FnOnce() + Send + 'static) -> Result<(), NoThread> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = cores.saturating_sub(1).max(1);
    let run = move || match rayon::ThreadPoolBuilder::new().num_threads(threads).build() {
        Ok(pool) => pool.install(work),
        // Without a pool of its own it takes the common one.
        Err(_) => work(),
    };
    thread(name, run).map(drop)
}

/// Told how much is done, of how much.
pub(crate) type Progress<'p> = &'p (dyn Fn(u64, u64) + Sync);

/// What came of work in the background.
pub(crate) enum Ended<T> {
    /// All of it.
    Done(Box<T>),
    /// It was given up.
    Cancelled,
    /// It failed, one sentence.
    Failed(String),
}

/// Work that runs. Dropping it gives it up.
pub(crate) struct Background<T> {
    name: &'static str,
    done: Arc<AtomicU64>,
    of: Arc<AtomicU64>,
    stop: Arc<AtomicBool>,
    ended: Receiver<Ended<T>>,
}

impl<T: Send + 'static> Background<T> {
    /// Begins `work`, which looks at `stop` from time to time and ends early when it is true;
    /// `name` is shown to users.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(crate) fn start<E: std::fmt::Display>(
        name: &'static str,
        stop: Arc<AtomicBool>,
        waker: Waker,
        work: impl FnOnce(Progress<'_>) -> Result<T, E> + Send + 'static,
    ) -> Result<Self, NoThread> {
        let (done, of) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
        let (out, ended) = sync_channel(1);
        let (told, whole, halt) = (done.clone(), of.clone(), stop.clone());
        apart(name, move || {
            let worked = work(&|done, of| {
                told.store(done, Relaxed);
                whole.store(of, Relaxed);
                waker();
            });
            // Whoever began it may have gone.
            let _ = out.try_send(match worked {
                Ok(all) => Ended::Done(Box::new(all)),
                Err(_) if halt.load(Relaxed) => Ended::Cancelled,
                Err(why) => Ended::Failed(why.to_string()),
            });
            waker();
        })?;
        Ok(Self { name, done, of, stop, ended })
    }
}

impl<T> Background<T> {
    /// How much is done, of how much; 0 of 0 at first.
    pub(crate) fn progress(&self) -> (u64, u64) {
        (self.done.load(Relaxed), self.of.load(Relaxed))
    }

    /// Gives it up after what is at hand.
    pub(crate) fn cancel(&self) {
        self.stop.store(true, Relaxed);
    }

    /// What came of it, once.
    pub(crate) fn ended(&self) -> Option<Ended<T>> {
        match self.ended.try_recv() {
            Ok(ended) => Some(ended),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Ended::Failed(format!(
                "the {} broke down; start it again, and report this",
                self.name
            ))),
        }
    }
}

impl<T> Drop for Background<T> {
    fn drop(&mut self) {
        self.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Running = Background<u8>;

    fn start(
        work: impl FnOnce(Progress<'_>, &AtomicBool) -> Result<u8, String> + Send + 'static,
    ) -> Running {
        let stop = Arc::<AtomicBool>::default();
        let seen = stop.clone();
        Running::start("sum", stop, Arc::new(|| {}), move |told| work(told, &seen)).unwrap()
    }

    fn end(running: &Running) -> Ended<u8> {
        loop {
            match running.ended() {
                Some(ended) => return ended,
                None => std::thread::yield_now(),
            }
        }
    }

    #[test]
    fn work_ends_whole_failed_given_up_or_broken_down() {
        let whole = start(|told, _| {
            told(3, 4);
            Ok(7)
        });
        assert!(matches!(end(&whole), Ended::Done(sum) if *sum == 7));
        assert_eq!(whole.progress(), (3, 4));

        let failed = start(|_, _| Err("no figures".into()));
        assert!(matches!(end(&failed), Ended::Failed(why) if why == "no figures"));

        let given_up = start(|_, stop| {
            while !stop.load(Relaxed) {
                std::thread::yield_now();
            }
            Err("stopped".into())
        });
        given_up.cancel();
        assert!(matches!(end(&given_up), Ended::Cancelled));

        let broken = start(|_, _| panic!("on purpose"));
        assert!(
            matches!(end(&broken), Ended::Failed(why) if why.starts_with("the sum broke down"))
        );
    }

    #[test]
    fn an_answer_comes_once_and_wakes() {
        let (woken, wakes) = sync_channel(1);
        let coming = answer("ask", move || woken.try_send(()).unwrap(), || 5).unwrap();
        wakes.recv().unwrap();
        assert_eq!(
            (coming.try_recv(), coming.try_recv()),
            (Ok(5), Err(TryRecvError::Disconnected))
        );
    }
}
