//! The files under `models/`: inside the binary in optimised builds, on disk in debug builds. Verified before use.

use std::path::PathBuf;

use super::{Error, Result};
#[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
use crate::disk;
use crate::domain::hash::sha256_hex;

/// File names, digests and origins, written by `models/build.py`.
const MANIFEST: &str = include_str!("../../models/manifest.toml");

/// Largest unpacked file that is accepted, so that a damaged frame cannot ask for all memory.
const LARGEST: usize = 256 << 20;

/// Begins on a multiple of 64 bytes, so that the numbers of a file can be read where they lie.
#[cfg(all(feature = "embedded-models", not(debug_assertions)))]
#[repr(C, align(64))]
struct Aligned<B: ?Sized>(B);

/// One file of the product.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asset {
    /// Path below `models/`.
    pub(super) name: &'static str,
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    bytes: &'static [u8],
}

macro_rules! asset {
    ($name:literal) => {
        Asset {
            name: $name,
            #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
            bytes: {
                const FILE: &Aligned<[u8]> = &Aligned(*include_bytes!(concat!("../../models/", $name)));
                &FILE.0
            },
        }
    };
}

pub(super) static WORDS: Asset = asset!("e5-small-zhen.words.bin");
pub(super) static LAYERS: Asset = asset!("e5-small-zhen.layers.bin");
pub(super) static VOCABULARY: Asset = asset!("e5-small-zhen.vocabulary.bin");
pub(super) static MEANS: Asset = asset!("e5-small-zhen.means.f32");

/// ONNX Runtime for the platform of this build.
pub(super) static RUNTIME: Option<Asset> = {
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

/// SHA-256 of the unpacked content of a file, from the manifest.
pub(super) fn digest(name: &str) -> Result<String> {
    let failed = |why: &str| Error::Asset { path: path(name), why: why.to_owned() };
    let manifest: toml::Table = MANIFEST.parse().map_err(|_| failed("models/manifest.toml is not TOML"))?;
    let digest = manifest.get(name).and_then(|entry| entry.get("unpacked_sha256")).and_then(toml::Value::as_str);
    digest.map(str::to_owned).ok_or_else(|| failed("not listed in models/manifest.toml"))
}

fn path(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/models")).join(name)
}

impl Asset {
    pub(super) fn path(&self) -> PathBuf {
        path(self.name)
    }

    /// SHA-256 of the unpacked content.
    pub(super) fn digest(&self) -> Result<String> {
        digest(self.name)
    }

    /// The file as it is kept: part of the program.
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    fn read(&self) -> Result<&'static [u8]> {
        Ok(self.bytes)
    }

    /// The file as it is kept: mapped.
    #[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
    fn read(&self) -> Result<memmap2::Mmap> {
        disk::map(&self.path()).map_err(|error| self.failed(error.to_string()))
    }

    /// The content, aligned for numbers. Part of the program.
    #[cfg(all(feature = "embedded-models", not(debug_assertions)))]
    pub(super) fn bytes(&self) -> Result<&'static [u8]> {
        self.read()
    }

    /// The content, aligned for numbers, compared with its digest. Stays mapped: each file is asked for once a process.
    #[cfg(not(all(feature = "embedded-models", not(debug_assertions))))]
    pub(super) fn bytes(&self) -> Result<&'static [u8]> {
        let content = self.read()?;
        self.compare(&content)?;
        Ok(Box::leak(Box::new(content)))
    }

    /// Compares the content with its digest.
    pub(super) fn verify(&self) -> Result<()> {
        self.compare(&self.read()?)
    }

    /// Unpacks a file that is kept compressed, and compares it with its digest.
    pub(super) fn unpack(&self) -> Result<Vec<u8>> {
        let content = unzip(&self.read()?).map_err(|why| self.failed(why))?;
        self.compare(&content).map(|()| content)
    }

    fn compare(&self, content: &[u8]) -> Result<()> {
        if sha256_hex(content) == self.digest()? {
            Ok(())
        } else {
            Err(self.failed("its content is not what the manifest lists".to_owned()))
        }
    }

    /// Why this file cannot be used.
    pub(super) fn failed(&self, why: String) -> Error {
        Error::Asset { path: self.path(), why }
    }
}

fn unzip(packed: &[u8]) -> std::result::Result<Vec<u8>, String> {
    let size = zstd::zstd_safe::get_frame_content_size(packed).ok().flatten();
    let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size <= LARGEST);
    let size = size.ok_or("not a zstd frame of an acceptable size")?;
    zstd::bulk::decompress(packed, size).map_err(|error| error.to_string())
}
