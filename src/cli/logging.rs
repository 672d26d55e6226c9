//! Where the program's own messages go: to stderr, and for the service also to a file that does not grow without end.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, reload};

use crate::config::{Layered, Paths, env};
use crate::disk::RotatingLog;

/// What libraries say is rarely for our users.
const QUIET: &str =
    "ort=error,rmcp=error,h2=warn,hyper=warn,tonic=warn,tower=warn,tokio_postgres=warn,rustls=warn,notify=warn";

/// The filter of the file, if there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Logging {
    file: Option<reload::Handle<EnvFilter, Registry>>,
}

/// Writes each message whole.
#[derive(Clone)]
struct File(Arc<Mutex<RotatingLog>>);

impl Write for File {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for File {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Logging {
    /// Begins; with a file for the service of this folder.
    pub(super) fn start(service: Option<&Paths>) -> Self {
        let words = env::log().unwrap_or_else(|| format!("warn,{QUIET}"));
        let stderr = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false)
            .with_filter(EnvFilter::new(words));
        let (file, handle) = service.and_then(file).unzip();
        tracing_subscriber::registry().with(file).with(stderr).init();
        Self { file: handle }
    }

    /// Sets what the file gets from now on.
    ///
    /// # Errors
    /// When the words are no filter.
    pub(super) fn filter(&self, words: &str) -> Result<(), String> {
        let filter = filter(words)?;
        self.file.as_ref().map_or(Ok(()), |file| file.reload(filter).map_err(|error| error.to_string()))
    }
}

type FileLayer = tracing_subscriber::filter::Filtered<
    tracing_subscriber::fmt::Layer<Registry, DefaultFields, Format, File>,
    reload::Layer<EnvFilter, Registry>,
    Registry,
>;

/// The layer that writes the service's log, and the handle of its filter. A log that cannot be made is no reason not to serve.
fn file(paths: &Paths) -> Option<(FileLayer, reload::Handle<EnvFilter, Registry>)> {
    let log = RotatingLog::new(paths.service_log()).ok()?;
    let settings = Layered::load(&paths.config()).ok().map(|layered| layered.settings);
    let wanted = settings.and_then(|settings| filter(&settings.log.filter).ok());
    let (first, handle) = reload::Layer::new(wanted.unwrap_or_else(|| EnvFilter::new(format!("info,{QUIET}"))));
    let layer = tracing_subscriber::fmt::layer().with_writer(File(Arc::new(Mutex::new(log)))).with_ansi(false);
    Some((layer.with_filter(first), handle))
}

fn filter(words: &str) -> Result<EnvFilter, String> {
    let whole = format!("{QUIET},{words}");
    EnvFilter::try_new(whole).map_err(|error| format!("log.filter is {words:?}: {error}"))
}
