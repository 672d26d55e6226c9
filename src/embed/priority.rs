//! Thread priority: embedding in the background should not slow down the work that the user waits for.

/// Lowers the priority of the calling thread, and of the threads it starts from now on, permanently. A lower priority
/// stays as it is.
#[cfg(target_os = "linux")]
pub fn lower_thread_priority() {
    /// Half-way to the lowest priority: still scheduled on a machine that is always a little busy.
    const NICE: libc::c_int = 10;
    #[expect(unsafe_code, reason = "calls into the C library")]
    // SAFETY: the calls take no pointer. On Linux 0 stands for the calling thread.
    let refused = unsafe {
        libc::getpriority(libc::PRIO_PROCESS, 0) < NICE && libc::setpriority(libc::PRIO_PROCESS, 0, NICE) != 0
    };
    if refused {
        tracing::debug!("failed to lower the priority of a background thread");
    }
}

/// Does nothing: elsewhere the call would lower the priority of the whole process, which also answers searches.
#[cfg(not(target_os = "linux"))]
pub const fn lower_thread_priority() {}
