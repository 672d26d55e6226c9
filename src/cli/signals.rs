//! Signals that must not end the process, and an exit that does not wait for running threads. Rust's runtime already
//! ignores SIGPIPE.

/// Ignores SIGXFSZ: a file size limit (of a shell or a container) then fails the write, as a full disk does, and does
/// not end the process.
#[cfg(unix)]
pub(super) fn ignore_file_size_signal() {
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: no handler is installed; the signal is ignored. Nothing else in this process uses it.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// Does nothing: this platform has no such signal.
#[cfg(not(unix))]
pub(super) const fn ignore_file_size_signal() {}

/// Ends the process at once with exit code 0.
///
/// Returning from `main` runs the destructors of the C++ library that computes embeddings, and a thread that is still
/// inside it would then crash the process. Nothing here relies on cleanup at the end of the process.
#[cfg(unix)]
pub(super) fn exit_immediately() -> ! {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: it ends the process and runs nothing of it.
    unsafe {
        libc::_exit(0)
    }
}

/// Ends the process with exit code 0. This system ends all other threads before it runs destructors.
#[cfg(not(unix))]
pub(super) fn exit_immediately() -> ! {
    std::process::exit(0)
}
