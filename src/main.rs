//! The binary: nothing but the exit code. See [`claude_memory::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    // A library that the user names as `embed.runtime` may be a newer ONNX Runtime, which sends telemetry unless told not
    // to; the shipped one contains no such code.
    #[expect(unsafe_code, reason = "setting a variable is unsafe while other threads may read the environment")]
    // SAFETY: this is the first statement of the process; no other thread exists.
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
    claude_memory::cli::run()
}
