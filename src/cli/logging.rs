//! Log output: to stderr, and for the service also to a rotating file of limited size.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{DefaultFields, Format};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, reload};

use crate::config::{LayeredSettings, Paths, env};
use crate::disk::RotatingLog;

/// Filter of the log messages of libraries, which rarely concern our users.
const LIBRARY_FILTER: &str =
    "ort=error,rmcp=error,h2=warn,hyper=warn,tonic=warn,tower=warn,tokio_postgres=warn,rustls=warn,notify=warn";

/// Handle to the filter of the log file, if there is one.
#[derive(Debug, Clone, Default)]
pub(super) struct Logging {
    file: Option<reload::Handle<EnvFilter, Registry>>,
}

/// Writes each log message in one piece to the rotating file.
#[derive(Clone)]
struct SharedLogFile(Arc<Mutex<RotatingLog>>);

impl Write for SharedLogFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).append_lines(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for SharedLogFile {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

impl Logging {
    /// Starts logging to stderr; with `service`, also to the log file of that data folder.
    pub(super) fn init_logging(service: Option<&Paths>) -> Self {
        let words = env::log_filter().unwrap_or_else(|| format!("warn,{LIBRARY_FILTER}"));
        let stderr = tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(false)
            .with_filter(EnvFilter::new(words));
        let (file, handle) = service.and_then(build_file_layer).unzip();
        tracing_subscriber::registry().with(file).with(stderr).init();
        Self { file: handle }
    }

    /// Replaces the filter of the log file.
    ///
    /// # Errors
    /// When `words` is not a valid filter; the old one stays.
    pub(super) fn set_file_filter(&self, words: &str) -> Result<(), String> {
        let filter = parse_filter(words)?;
        self.file.as_ref().map_or(Ok(()), |file| file.reload(filter).map_err(|error| error.to_string()))
    }
}

type FileLayer = tracing_subscriber::filter::Filtered<
    tracing_subscriber::fmt::Layer<Registry, DefaultFields, Format, SharedLogFile>,
    reload::Layer<EnvFilter, Registry>,
    Registry,
>;

/// Builds the layer that writes the service's log, and the handle of its filter.
///
/// Returns `None` if the file cannot be created: the service runs without it.
fn build_file_layer(paths: &Paths) -> Option<(FileLayer, reload::Handle<EnvFilter, Registry>)> {
    let log = RotatingLog::new(paths.service_log()).ok()?;
    let settings = LayeredSettings::load_file(&paths.config_file()).ok().map(|layered| layered.settings);
    let wanted = settings.and_then(|settings| parse_filter(&settings.log.filter).ok());
    let (first, handle) =
        reload::Layer::new(wanted.unwrap_or_else(|| EnvFilter::new(format!("info,{LIBRARY_FILTER}"))));
    let layer = tracing_subscriber::fmt::layer().with_writer(SharedLogFile(Arc::new(Mutex::new(log)))).with_ansi(false);
    Some((layer.with_filter(first), handle))
}

fn parse_filter(words: &str) -> Result<EnvFilter, String> {
    let whole = format!("{LIBRARY_FILTER},{words}");
    EnvFilter::try_new(whole).map_err(|error| format!("invalid setting log.filter {words:?}: {error}"))
}
