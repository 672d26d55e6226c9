//! Whether what was acknowledged survives: kills, power cuts, failing calls, full disks, rotten bits, damaged files, wrong
//! clocks, unfit places, many processes. Each test prints one line with its figures.
//!
//! `cargo test` does a little of each. `CLAUDE_MEMORY_RELIABILITY=ci` does what CI does, `=record` what
//! docs/reliability.md reports: `CLAUDE_MEMORY_RELIABILITY=record cargo test --release --test reliability -- --nocapture`.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    clippy::cast_possible_truncation,
    reason = "tests may panic and break things on purpose"
)]

mod backups;
mod calls;
mod clock;
#[path = "../it/home.rs"]
#[expect(dead_code, reason = "the other tests need more of it")]
mod home;
mod index;
mod kills;
mod model;
mod places;
mod power;
mod processes;
mod queries;
mod removals;
mod rig;
mod room;
mod rot;
mod session;
mod soak;

/// How often something is done: with every `cargo test`, in CI, for the record.
pub(crate) fn extent(quick: u64, ci: u64, record: u64) -> u64 {
    match std::env::var("CLAUDE_MEMORY_RELIABILITY").as_deref() {
        Ok("ci") => ci,
        Ok("record") => record,
        Ok(other) => panic!("CLAUDE_MEMORY_RELIABILITY is `ci` or `record`, not {other:?}"),
        Err(_) => quick,
    }
}

/// The seed of everything random here; printed, so that a failure can be had again.
pub(crate) fn seed() -> u64 {
    std::env::var("SEED").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}
