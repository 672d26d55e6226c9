//! Signals that would end the process where an error does better, and the end itself where threads may still be at work. SIGPIPE is
//! ignored by Rust's runtime already.

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

/// Ends the process with success, now. Returning from `main` runs the destructors of the C++ library that makes vectors, and a
/// thread that is still inside it then crashes the process. Nothing here relies on being told that the process ends.
#[cfg(unix)]
pub(super) fn leave() -> ! {
    let _ = std::io::Write::flush(&mut std::io::stdout());
    #[expect(unsafe_code, reason = "a call into the C library")]
    // SAFETY: it ends the process and runs nothing of it.
    unsafe {
        libc::_exit(0)
    }
}

/// The system ends all other threads before it runs destructors.
#[cfg(not(unix))]
pub(super) fn leave() -> ! {
    std::process::exit(0)
}
