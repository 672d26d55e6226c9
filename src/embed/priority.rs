//! Giving way: what makes vectors in the background should not slow down what its user waits for.

/// Lowers the priority of the calling thread, and of the threads it starts from now on, for good. One that is lower already
/// stays as it is.
#[cfg(target_os = "linux")]
pub fn give_way() {
    /// Half-way to the lowest priority: still served on a machine that is always a little busy.
    const NICE: libc::c_int = 10;
    #[expect(unsafe_code, reason = "calls into the C library")]
    // SAFETY: the calls take no pointer. On Linux 0 stands for the calling thread.
    let refused = unsafe {
        libc::getpriority(libc::PRIO_PROCESS, 0) < NICE && libc::setpriority(libc::PRIO_PROCESS, 0, NICE) != 0
    };
    if refused {
        tracing::debug!("the priority could not be lowered");
    }
}

/// Elsewhere the call would concern the whole process, which also answers.
#[cfg(not(target_os = "linux"))]
pub const fn give_way() {}
