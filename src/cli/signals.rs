//! Signals that would end the process where an error does better. SIGPIPE is ignored by Rust's runtime already.

/// A file that may not grow (a limit of the shell, of a container) is an error of the write then, as a full disk is, and not
/// the end of the process.
#[cfg(unix)]
pub(super) fn survive_file_size_limit() {
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: no handler is installed; the signal is ignored. Nothing else in this process uses it.
    unsafe {
        libc::signal(libc::SIGXFSZ, libc::SIG_IGN);
    }
}

/// There is no such signal.
#[cfg(not(unix))]
pub(super) const fn survive_file_size_limit() {}
