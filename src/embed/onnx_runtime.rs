//! ONNX Runtime library: unpacked once, verified, loaded once per process.
//!
//! Version 1.24.4 on purpose: newer builds carry a telemetry client (docs/decisions/0005).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use ort::environment::Environment;

use super::{Error, assets};
use crate::disk;
use crate::domain::hash::sha256_hex;
use crate::domain::limits;

/// Environment of ONNX Runtime. It can exist once per process, so a failure is kept too.
static ENVIRONMENT: OnceLock<Result<Environment, Error>> = OnceLock::new();

/// Loads the library: the user's own if `own` is its path, else the shipped one, unpacked into `folder`.
pub(super) fn onnx_environment(own: &str, folder: &Path) -> Result<Environment, Error> {
    ENVIRONMENT.get_or_init(|| load_library(own, folder)).clone()
}

fn load_library(own: &str, folder: &Path) -> Result<Environment, Error> {
    let path = if own.is_empty() { unpack_library(folder)? } else { PathBuf::from(own) };
    let failed = |why: String| Error::Runtime { path: path.clone(), why };
    if !path.is_file() {
        return Err(failed("no such file".to_owned()));
    }
    let builder = ort::init_from(&path).map_err(|error| failed(error.to_string()))?;
    builder.with_name("claude-memory").with_telemetry(false).build().map_err(|error| failed(error.to_string()))
}

/// Returns the path of the shipped library, unpacking it if it is missing or its content differs.
fn unpack_library(folder: &Path) -> Result<PathBuf, Error> {
    let asset = assets::RUNTIME.as_ref().ok_or(Error::NoRuntime)?;
    let digest = asset.unpacked_digest()?;
    let name = Path::new(asset.name).file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let path = folder.join(format!("{}-{name}", digest.get(..8).unwrap_or("")));
    if disk::read_foreign_file(&path, limits::MODEL_BYTES as u64).is_ok_and(|content| sha256_hex(&content) == digest) {
        return Ok(path);
    }
    let failed =
        |error: std::io::Error| Error::Runtime { path: path.clone(), why: format!("cannot unpack it: {error}") };
    disk::create_private_folder(folder).map_err(failed)?;
    disk::write_atomic(&path, &asset.unpack_verified()?).map_err(failed)?;
    Ok(path)
}
