//! The long-running process: what `serve` starts, joins and ends. HTTP and signals are async; following transcripts, the schedule and
//! watching are threads. Owns the order of starting and stopping; does not own what any of them does.

mod copy;
mod follow;
mod live;
mod manager;
mod routine;
mod signals;
mod systemd;
mod tasks;

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};

use crate::bridge::Desk;
use crate::config::{Paths, Settings, env};
use crate::embed::give_way;
use crate::http::{Bound, Looked, Options, Token, Watch, listen, load_or_create, webhook};
use crate::import::Source;
use crate::mcp::{Server, Worker};
use crate::memory::{self, Memory};
use crate::ops::alerts::Log;
use crate::ops::metrics::Metrics;
use crate::sync;
use live::Live;
use routine::{Lookout, Teller};
use signals::{Signals, Told};
use tasks::{Rest, Tasks};

/// From the signal to the end.
const GRACE: Duration = Duration::from_secs(2);
/// Of that, requests that are being worked on may take so long.
const REQUESTS_GRACE: Duration = Duration::from_millis(1500);

/// What a service is made of.
pub struct Setup {
    /// Opens the memory on first need.
    pub desk: Desk<Memory, memory::Error>,
    /// Answers MCP.
    pub server: Server,
    /// The data folder.
    pub paths: Paths,
    /// The settings at the start.
    pub settings: Settings,
    /// Where Claude Code keeps its transcripts.
    pub transcripts: Option<PathBuf>,
    /// What is read as it is written: sources and their folders.
    pub followed: Vec<(Source, PathBuf)>,
    /// Whether missing vectors are made.
    pub make_vectors: bool,
    /// Where to listen.
    pub http: SocketAddr,
    /// Where alerts come in; `None` for nowhere.
    pub webhook: Option<SocketAddr>,
    /// Origins of pages that may talk to it.
    pub origins: Vec<String>,
    /// What a request has to bring.
    pub token: Token,
    /// Says something to whoever started it.
    pub say: Box<dyn Fn(&str)>,
    /// Reads the settings again, and sets the log's filter.
    pub reload: Box<dyn Fn() -> Result<Settings, String>>,
}

impl std::fmt::Debug for Setup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Setup").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Runs until a signal ends it.
///
/// # Errors
/// When an address cannot be had; it is named.
pub fn run(setup: &Setup) -> io::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let live = Live::new(setup.settings.clone());
    let metrics = setup.server.metrics();
    metrics.speak_for(setup.settings.serve.window_seconds);
    let teller = Teller { log: Arc::new(Log::open(setup.paths.alerts_log())?), live: live.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build()?;
    // Addresses first: nothing else is started for a service that cannot listen.
    let (bound, hook) = runtime.block_on(listen_everywhere(setup))?;
    // Before anybody is told that it is there: whoever knows of it may end it.
    let signals = runtime.block_on(async { Signals::hear() })?;
    (setup.say)(&format!("MCP at http://{}/mcp, token in {}", bound.address()?, setup.paths.http_token().display()));
    if let Some(hook) = &hook {
        (setup.say)(&format!("alerts at http://{}/webhook", hook.local_addr()?));
    }
    let worker = Worker::start(setup.desk.clone(), Arc::clone(&metrics), setup.make_vectors, Arc::clone(&stop))?;
    let mut tasks = Tasks::new(Arc::clone(&stop));
    start(&mut tasks, setup, &live, &metrics, &teller)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "started");

    let watch = Watch {
        desk: setup.desk.clone(),
        metrics: Arc::clone(&metrics),
        settings: {
            let live = live.clone();
            Box::new(move || live.get())
        },
        transcripts: setup.transcripts.clone(),
        started: Instant::now(),
        looked: Looked::default(),
    };
    let (ending, ended) = watch::channel(false);
    let signal = Signalled { stop: &stop, ending, live: &live, metrics: &metrics };
    let outcome = runtime.block_on(async {
        let (sender, told) = mpsc::unbounded_channel();
        tokio::spawn(signals.pass_on(sender));
        tokio::spawn(probe(setup.desk.clone(), live.clone(), ended.clone()));
        let served = bound.serve(setup.server.clone(), watch, over(ended.clone()));
        let hooked = async {
            let Some(listener) = hook else { return Ok(()) };
            let tell = {
                let teller = teller.clone();
                move |lines: &[_]| teller.tell(lines)
            };
            webhook(listener, setup.token.clone(), Arc::clone(&teller.log), Box::new(tell), over(ended.clone())).await
        };
        let both = async {
            let (served, hooked) = tokio::join!(served, hooked);
            served.and(hooked)
        };
        let late = async {
            over(ended.clone()).await;
            tokio::time::sleep(REQUESTS_GRACE).await;
        };
        tokio::pin!(both);
        tokio::select! {
            outcome = &mut both => outcome,
            () = late => { tracing::warn!("requests that took too long were left"); Ok(()) }
            never = signal.obey(setup, told) => match never {},
        }
    });
    let deadline = Instant::now() + GRACE.saturating_sub(REQUESTS_GRACE);
    stop.store(true, Ordering::Relaxed);
    manager::stopping();
    worker.finish(deadline.saturating_duration_since(Instant::now()));
    tasks.finish(deadline);
    runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
    tracing::info!("ended");
    outcome
}

async fn listen_everywhere(setup: &Setup) -> io::Result<(Bound, Option<tokio::net::TcpListener>)> {
    let named = |what: &str, address: SocketAddr| {
        let text = format!("cannot serve {what} on {address}");
        move |error: io::Error| io::Error::new(error.kind(), format!("{text}: {error}"))
    };
    let options = Options { address: setup.http, token: setup.token.clone(), origins: setup.origins.clone() };
    let bound = Bound::new(options).await.map_err(named("MCP", setup.http))?;
    let hook = match setup.webhook {
        Some(address) => Some(listen(address).await.map_err(named("the webhook", address))?),
        None => None,
    };
    Ok((bound, hook))
}

fn start(tasks: &mut Tasks, setup: &Setup, live: &Live, metrics: &Arc<Metrics>, teller: &Teller) -> io::Result<()> {
    let desk = setup.desk.clone();
    tasks.start("manager", move |rest, _| manager::report(rest, &desk))?;
    for (source, folder) in setup.followed.clone() {
        let (desk, live) = (setup.desk.clone(), live.clone());
        tasks.start(source.name(), move |rest, waker| {
            give_way();
            follow::Follower { source, desk, live }.follow(rest, &waker, &folder);
        })?;
    }
    for target in ["postgres", "qdrant"] {
        let (desk, inner) = (setup.desk.clone(), live.clone());
        tasks.start(target, move |rest, _| copy::keep(rest, &desk, &inner, target))?;
    }
    let (desk, inner, paths) = (setup.desk.clone(), live.clone(), setup.paths.clone());
    let transcripts = setup.transcripts.clone();
    let schedule = move |rest: &Rest, _| {
        routine::schedule(rest, &desk, &inner, (&paths, transcripts.as_deref()));
    };
    tasks.start("schedule", schedule)?;
    let lookout = Lookout {
        desk: setup.desk.clone(),
        metrics: Arc::clone(metrics),
        paths: setup.paths.clone(),
        transcripts: setup.transcripts.clone(),
        teller: teller.clone(),
    };
    tasks.start("watch", move |rest, _| routine::watch(rest, &lookout))
}

/// Reads what a source writes below a folder until `stop` is set, without anything else that the service does.
///
/// # Errors
/// When the system gives no thread.
pub fn follow_alone(
    source: Source,
    folder: &Path,
    desk: &Desk<Memory, memory::Error>,
    mut settings: Settings,
    stop: &Arc<AtomicBool>,
) -> io::Result<()> {
    settings.serve.follow = true;
    let follower = follow::Follower { source, desk: desk.clone(), live: Live::new(settings) };
    let mut tasks = Tasks::new(Arc::clone(stop));
    let folder = folder.to_owned();
    tasks.start(source.name(), move |rest, waker| follower.follow(rest, &waker, &folder))?;
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(200));
    }
    tasks.finish(Instant::now() + GRACE);
    Ok(())
}

/// Ends when the service does.
async fn over(mut ended: watch::Receiver<bool>) {
    // A sender that is gone has ended too.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Asks the other places of the memory, at once and then now and then, whether they answer.
async fn probe(desk: Desk<Memory, memory::Error>, live: Live, ended: watch::Receiver<bool>) {
    loop {
        let settings = live.get();
        for probed in sync::probe(&settings.sync).await {
            if let Some(trouble) = &probed.trouble {
                tracing::warn!(target = probed.name, trouble, "it does not answer");
            }
            let note = move |memory: &Memory| memory.note_target(probed.name, probed.trouble, env::now());
            if let Ok(Ok(Err(error)) | Err(error)) = desk.run(note).await {
                tracing::debug!(%error, "that was not noted down");
            }
        }
        let pause = Duration::from_secs(settings.serve.watch_seconds.max(1).into());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = over(ended.clone()) => return,
        }
    }
}

/// What signals act on.
struct Signalled<'a> {
    stop: &'a AtomicBool,
    ending: watch::Sender<bool>,
    live: &'a Live,
    metrics: &'a Metrics,
}

impl Signalled<'_> {
    /// Does what signals say, until the service has ended.
    async fn obey(&self, setup: &Setup, mut told: mpsc::UnboundedReceiver<Told>) -> std::convert::Infallible {
        while let Some(next) = told.recv().await {
            match next {
                Told::Reload => self.reload(setup),
                Told::Stop if self.stop.swap(true, Ordering::Relaxed) => end_now(),
                Told::Stop => {
                    (setup.say)("ending; once more to end at once");
                    self.ending.send_replace(true);
                }
            }
        }
        std::future::pending().await
    }

    /// An invalid configuration changes nothing, and is said, counted and an alert.
    fn reload(&self, setup: &Setup) {
        manager::reloading(false);
        let settings = (setup.reload)();
        let token = load_or_create(&setup.paths.http_token());
        self.metrics.note_config(settings.is_ok() && token.is_ok());
        match settings {
            Ok(settings) => {
                self.metrics.speak_for(settings.serve.window_seconds);
                self.live.replace(settings);
                tracing::info!("the configuration was read again");
                (setup.say)("the configuration was read again");
            }
            Err(why) => tracing::error!("the configuration cannot be read, the old one stays in force: {why}"),
        }
        match token {
            Ok(token) => setup.token.replace(&token),
            Err(error) => tracing::error!("the token cannot be read, the old one stays in force: {error}"),
        }
        manager::reloading(true);
    }
}

#[expect(clippy::disallowed_methods, clippy::exit, reason = "the user asked twice; every write is atomic")]
fn end_now() {
    std::process::exit(130);
}
