//! Files under `models/`: inside the binary in optimised builds, on disk in debug builds. Verified before use.

use std::path::PathBuf;

use super::{Error, Result};
#[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
use crate::disk;
use crate::domain::hash::sha256_hex;

/// Manifest of file names, digests and origins, written by `models/build.py`.
const MANIFEST: &str = include_str!("../../models/manifest.toml");

/// Largest unpacked file that is accepted, so that a damaged frame cannot request all memory.
const MAX_UNPACKED_BYTES: usize = 256 << 20;

/// Wrapper aligned to 64 bytes, so that the numbers of a file can be read in place.
#[cfg(all(feature = "embedded-models", not(debug_assertions)))]
#[repr(C, align(64))]
struct Aligned64<B: ?Sized>(B);

/// Model or library file that ships with this program.
#[derive(Debug, Clone, Copy)]
pub(super) struct ShippedFile {
    /// Path below `models/`.
    pub(super) name: &'static str,
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal) => {
        ShippedFile {
            name: $name,
            #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
            bytes: {
                const FILE: &Aligned64<[u8]> = &Aligned64(*include_bytes!(concat!("../../models/", $name)));
                &FILE.0
            },
        }
    };
}

pub(super) static WORDS: ShippedFile = asset!("e5-small-zhen.words.bin");
pub(super) static LAYERS: ShippedFile = asset!("e5-small-zhen.layers.bin");
pub(super) static VOCABULARY: ShippedFile = asset!("e5-small-zhen.vocabulary.bin");
pub(super) static MEANS: ShippedFile = asset!("e5-small-zhen.means.f32");

/// ONNX Runtime library for the platform of this build.
pub(super) static RUNTIME: Option<ShippedFile> = {
    #[cfg(all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-linux-x64.so.zst"))
    }
    #[cfg(all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-linux-arm64.so.zst"))
    }
    #[cfg(all(target_os = "macos", target_arch = "aarch64"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-macos-arm64.dylib.zst"))
    }
    #[cfg(all(target_os = "windows", target_arch = "x86_64"))]
    {
        Some(asset!("runtime/onnxruntime-1.24.4-windows-x64.dll.zst"))
    }
    #[cfg(not(any(
        all(target_os = "linux", target_arch = "x86_64", target_env = "gnu"),
        all(target_os = "linux", target_arch = "aarch64", target_env = "gnu"),
        all(target_os = "macos", target_arch = "aarch64"),
        all(target_os = "windows", target_arch = "x86_64")
    )))]
    {
        None
    }
};

/// Looks up the SHA-256 of the unpacked content of a file in the manifest.
pub(super) fn manifest_digest(name: &str) -> Result<String> {
    let failed = |why: &str| Error::Asset { path: asset_path(name), why: why.to_owned() };
    let manifest: toml::Table = MANIFEST.parse().map_err(|_| failed("models/manifest.toml is not TOML"))?;
    let digest = manifest.get(name).and_then(|entry| entry.get("unpacked_sha256")).and_then(toml::Value::as_str);
    digest.map(str::to_owned).ok_or_else(|| failed("not listed in models/manifest.toml"))
}

fn asset_path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models")).join(name)
}

impl ShippedFile {
    pub(super) fn path(&self) -> PathBuf {
        asset_path(self.name)
    }

    /// Returns the SHA-256 of the unpacked content.
    pub(super) fn unpacked_digest(&self) -> Result<String> {
        manifest_digest(self.name)
    }

    /// Returns the file as it is stored: part of the program.
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    fn stored_bytes(&self) -> Result<&'static [u8]> {
        Ok(self.bytes)
    }

    /// Returns the file as it is stored: mapped from disk.
    #[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
    fn stored_bytes(&self) -> Result<memmap2::Mmap> {
        disk::map_file(&self.path()).map_err(|error| self.asset_error(error.to_string()))
    }

    /// Returns the content, aligned for numbers. Part of the program.
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    pub(super) fn load_bytes(&self) -> Result<&'static [u8]> {
        self.stored_bytes()
    }

    /// Returns the content, aligned for numbers, after comparing it with its digest. Stays mapped: each file is read
    /// once per process.
    #[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
    pub(super) fn load_bytes(&self) -> Result<&'static [u8]> {
        let content = self.stored_bytes()?;
        self.compare_digest(&content)?;
        Ok(Box::leak(Box::new(content)))
    }

    /// Compares the content with its digest.
    pub(super) fn verify_digest(&self) -> Result<()> {
        self.compare_digest(&self.stored_bytes()?)
    }

    /// Unpacks a file that is stored compressed, and compares it with its digest.
    pub(super) fn unpack_verified(&self) -> Result<Vec<u8>> {
        let content = decompress_frame(&self.stored_bytes()?).map_err(|why| self.asset_error(why))?;
        self.compare_digest(&content).map(|()| content)
    }

    fn compare_digest(&self, content: &[u8]) -> Result<()> {
        if sha256_hex(content) == self.unpacked_digest()? {
            Ok(())
        } else {
            Err(self.asset_error("its content is not what the manifest lists".to_owned()))
        }
    }

    /// Makes the error of this file.
    pub(super) fn asset_error(&self, why: String) -> Error {
        Error::Asset { path: self.path(), why }
    }
}

fn decompress_frame(packed: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= MAX_UNPACKED_BYTES);
    let size = size.ok_or("not a zstd frame of an acceptable size")?;
    zstd::bulk::decompress(packed, size).map_err(|error| error.to_string())
}
