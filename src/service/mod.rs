//! The long-running process that `serve` starts, joins and ends. HTTP and signals are async; following transcripts, the
//! schedule and alert watching are threads. Owns the order of starting and stopping; does not own the work itself.

mod background;
mod follow;
mod live_settings;
mod manager;
mod push_targets;
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

use crate::bridge::EngineHandle;
use crate::config::{Paths, Settings, env};
use crate::embed::lower_thread_priority;
use crate::http::{
    BoundServer, ConnectionPool, HttpOptions, MonitoringState, ProbeCache, TokenSet, bind_loopback, serve_webhook,
};
use crate::import::Source;
use crate::mcp::{Server, Worker};
use crate::memory::{self, Memory};
use crate::monitor::alerts::AlertLog;
use crate::monitor::metrics::Metrics;
use crate::sync;
use background::{AlertNotifier, AlertWatcher};
use live_settings::LiveSettings;
use signals::{SignalEvent, SignalHandlers};
use tasks::{TaskSet, Ticker};

/// Time from the signal to the end of the process.
const GRACE: Duration = Duration::from_secs(2);
/// Part of [`GRACE`] that requests in progress may use.
const REQUESTS_GRACE: Duration = Duration::from_millis(1500);

/// Parts and addresses of a service.
pub struct ServiceSetup {
    /// Opens the memory on first use.
    pub desk: EngineHandle<Memory, memory::Error>,
    pub server: Server,
    pub paths: Paths,
    /// Settings at the start.
    pub settings: Settings,
    /// Folder of Claude Code's transcripts.
    pub transcripts: Option<PathBuf>,
    /// Sources that are read as they are written, with their folders.
    pub followed: Vec<(Source, PathBuf)>,
    /// True if missing embeddings are computed.
    pub make_vectors: bool,
    /// Address of MCP and the web interface.
    pub http: SocketAddr,
    /// Address of the Alertmanager webhook; `None` for no webhook.
    pub webhook: Option<SocketAddr>,
    /// Origins of web pages that may call the server.
    pub origins: Vec<String>,
    /// Bearer tokens, one of which a request must carry.
    pub tokens: TokenSet,
    /// Prints a line for the person who started the service.
    pub say: Box<dyn Fn(&str)>,
    /// Reads the settings again and resets the log filter.
    pub reload: Box<dyn Fn() -> Result<Settings, String>>,
}

impl std::fmt::Debug for ServiceSetup {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Setup").field("http", &self.http).finish_non_exhaustive()
    }
}

/// Runs until a signal ends it.
///
/// # Errors
/// If an address cannot be bound; the message names it.
pub fn run(setup: &ServiceSetup) -> io::Result<()> {
    let stop = Arc::new(AtomicBool::new(false));
    let live = LiveSettings::new(setup.settings.clone());
    let metrics = setup.server.metrics();
    metrics.set_window(setup.settings.serve.window_seconds);
    let teller = AlertNotifier { log: Arc::new(AlertLog::open(setup.paths.alerts_log())?), live: live.clone() };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(16).build()?;
    let pool = ConnectionPool::new(Arc::clone(&metrics));
    // Addresses first: nothing else is started for a service that cannot listen.
    let (bound, hook) = runtime.block_on(async { listen_everywhere(setup, &pool) })?;
    // Before the address is printed: a process that knows it may already send a signal.
    let signals = runtime.block_on(async { SignalHandlers::install_handlers() })?;
    (setup.say)(&format!(
        "MCP at http://{}/mcp, token in {}",
        bound.bound_address()?,
        setup.paths.http_token_file().display()
    ));
    if let Some(hook) = &hook {
        (setup.say)(&format!("alerts at http://{}/webhook", hook.local_addr()?));
    }
    let worker = Worker::start_thread(setup.desk.clone(), Arc::clone(&metrics), setup.make_vectors, Arc::clone(&stop))?;
    let mut tasks = TaskSet::new(Arc::clone(&stop));
    start_tasks(&mut tasks, setup, &live, &metrics, &teller)?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), "service started");

    let watch = MonitoringState {
        desk: setup.desk.clone(),
        metrics: Arc::clone(&metrics),
        settings: {
            let live = live.clone();
            Box::new(move || live.get())
        },
        transcripts: setup.transcripts.clone(),
        started: Instant::now(),
        looked: ProbeCache::default(),
    };
    let (ending, ended) = watch::channel(false);
    let signal = SignalContext { stop: &stop, ending, live: &live, metrics: &metrics };
    let outcome = runtime.block_on(async {
        let (sender, told) = mpsc::unbounded_channel();
        tokio::spawn(signals.forward_signals(sender));
        tokio::spawn(probe_targets(setup.desk.clone(), live.clone(), ended.clone()));
        let served = bound.serve_requests(setup.server.clone(), watch, wait_for_end(ended.clone()));
        let hooked = async {
            let Some(listener) = hook else { return Ok(()) };
            let tell = {
                let teller = teller.clone();
                move |lines: &[_]| teller.notify_alerts(lines)
            };
            serve_webhook(
                listener,
                setup.tokens.clone(),
                pool.clone(),
                Arc::clone(&teller.log),
                Box::new(tell),
                wait_for_end(ended.clone()),
            )
            .await
        };
        let both = async {
            let (served, hooked) = tokio::join!(served, hooked);
            served.and(hooked)
        };
        let late = async {
            wait_for_end(ended.clone()).await;
            tokio::time::sleep(REQUESTS_GRACE).await;
        };
        tokio::pin!(both);
        tokio::select! {
            outcome = &mut both => outcome,
            () = late => { tracing::warn!("requests still running after the grace period were abandoned"); Ok(()) }
            never = signal.handle_signals(setup, told) => match never {},
        }
    });
    let deadline = Instant::now() + GRACE.saturating_sub(REQUESTS_GRACE);
    stop.store(true, Ordering::Relaxed);
    manager::notify_stopping();
    worker.join_within(deadline.saturating_duration_since(Instant::now()));
    tasks.join_all(deadline);
    runtime.shutdown_timeout(deadline.saturating_duration_since(Instant::now()));
    tracing::info!("service ended");
    outcome
}

fn listen_everywhere(
    setup: &ServiceSetup,
    pool: &ConnectionPool,
) -> io::Result<(BoundServer, Option<tokio::net::TcpListener>)> {
    let named = |what: &str, address: SocketAddr| {
        let text = format!("cannot serve {what} on {address}");
        move |error: io::Error| io::Error::new(error.kind(), format!("{text}: {error}"))
    };
    let (address, tokens, origins) = (setup.http, setup.tokens.clone(), setup.origins.clone());
    let options = HttpOptions { address, tokens, pool: pool.clone(), origins };
    let bound = BoundServer::new(options).map_err(named("MCP", setup.http))?;
    let hook = match setup.webhook {
        Some(address) => Some(bind_loopback(address).map_err(named("the webhook", address))?),
        None => None,
    };
    Ok((bound, hook))
}

fn start_tasks(
    tasks: &mut TaskSet,
    setup: &ServiceSetup,
    live: &LiveSettings,
    metrics: &Arc<Metrics>,
    teller: &AlertNotifier,
) -> io::Result<()> {
    let desk = setup.desk.clone();
    tasks.start_task("manager", move |rest, _| manager::report_state(rest, &desk))?;
    for (source, folder) in setup.followed.clone() {
        let (desk, live) = (setup.desk.clone(), live.clone());
        tasks.start_task(source.name(), move |rest, waker| {
            lower_thread_priority();
            follow::TranscriptFollower { source, desk, live }.follow_folder(rest, &waker, &folder);
        })?;
    }
    for target in ["postgres", "qdrant"] {
        let (desk, inner) = (setup.desk.clone(), live.clone());
        tasks.start_task(target, move |rest, _| push_targets::push_until_stopped(rest, &desk, &inner, target))?;
    }
    let (desk, inner, paths) = (setup.desk.clone(), live.clone(), setup.paths.clone());
    let transcripts = setup.transcripts.clone();
    let schedule = move |rest: &Ticker, _| {
        background::run_schedule(rest, &desk, &inner, (&paths, transcripts.as_deref()));
    };
    tasks.start_task("schedule", schedule)?;
    let lookout = AlertWatcher {
        desk: setup.desk.clone(),
        metrics: Arc::clone(metrics),
        paths: setup.paths.clone(),
        transcripts: setup.transcripts.clone(),
        teller: teller.clone(),
    };
    tasks.start_task("watch", move |rest, _| background::watch_alerts(rest, &lookout))
}

/// Follows one source below a folder until `stop` is set, without the rest of the service.
pub fn follow_source(
    source: Source,
    folder: &Path,
    desk: &EngineHandle<Memory, memory::Error>,
    mut settings: Settings,
    stop: &Arc<AtomicBool>,
) -> io::Result<()> {
    settings.serve.follow = true;
    let follower = follow::TranscriptFollower { source, desk: desk.clone(), live: LiveSettings::new(settings) };
    let mut tasks = TaskSet::new(Arc::clone(stop));
    let folder = folder.to_owned();
    tasks.start_task(source.name(), move |rest, waker| follower.follow_folder(rest, &waker, &folder))?;
    while !stop.load(Ordering::Relaxed) {
        std::thread::park_timeout(Duration::from_millis(200));
    }
    tasks.join_all(Instant::now() + GRACE);
    Ok(())
}

/// Completes when the service ends.
async fn wait_for_end(mut ended: watch::Receiver<bool>) {
    // A dropped sender also means the end.
    let _ = ended.wait_for(|ended| *ended).await;
}

/// Pings the sync targets now and then, starting at once, and records the outcome.
async fn probe_targets(desk: EngineHandle<Memory, memory::Error>, live: LiveSettings, ended: watch::Receiver<bool>) {
    loop {
        let settings = live.get();
        for probed in sync::probe_targets(&settings.sync).await {
            if let Some(trouble) = &probed.trouble {
                tracing::warn!(target = probed.name, trouble, "target did not answer");
            }
            let note = move |memory: &Memory| memory.record_probe(probed.name, probed.trouble, env::current_time());
            if let Ok(Ok(Err(error)) | Err(error)) = desk.run_blocking(note).await {
                tracing::debug!(%error, "failed to record probe result");
            }
        }
        let pause = Duration::from_secs(settings.serve.watch_seconds.max(1).into());
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = wait_for_end(ended.clone()) => return,
        }
    }
}

/// State that signals act on.
struct SignalContext<'a> {
    stop: &'a AtomicBool,
    ending: watch::Sender<bool>,
    live: &'a LiveSettings,
    metrics: &'a Metrics,
}

impl SignalContext<'_> {
    /// Handles signals until the service has ended.
    async fn handle_signals(
        &self,
        setup: &ServiceSetup,
        mut told: mpsc::UnboundedReceiver<SignalEvent>,
    ) -> std::convert::Infallible {
        while let Some(next) = told.recv().await {
            match next {
                SignalEvent::Reload => self.reload_config(setup),
                SignalEvent::Stop if self.stop.swap(true, Ordering::Relaxed) => exit_now(),
                SignalEvent::Stop => {
                    (setup.say)("stopping; send the signal again to stop at once");
                    self.ending.send_replace(true);
                }
            }
        }
        std::future::pending().await
    }

    /// Reads the configuration and the tokens again. An invalid one changes nothing; it is logged, counted and raises an
    /// alert.
    fn reload_config(&self, setup: &ServiceSetup) {
        manager::notify_reload(false);
        let settings = (setup.reload)();
        let tokens = setup.tokens.reload_files();
        self.metrics.record_config(settings.is_ok() && tokens.is_ok());
        match settings {
            Ok(settings) => {
                self.metrics.set_window(settings.serve.window_seconds);
                self.live.replace_settings(settings);
                tracing::info!("configuration reloaded");
                (setup.say)("configuration reloaded");
            }
            Err(why) => tracing::error!("cannot read the configuration, the old one stays in force: {why}"),
        }
        if let Err(error) = tokens {
            tracing::error!("cannot read the tokens, the old ones stay in force: {error}");
        }
        manager::notify_reload(true);
    }
}

#[expect(clippy::disallowed_methods, clippy::exit, reason = "the user asked twice; every write is atomic")]
fn exit_now() {
    std::process::exit(130);
}
