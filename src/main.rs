//! Entry point: runs the command line and returns its exit code. See [`claude_memory::run`].

use std::process::ExitCode;

fn main() -> ExitCode {
    // A library named in `embed.runtime` may be a newer ONNX Runtime, which sends telemetry unless it is disabled; the
    // shipped one contains no such code.
    #[expect(unsafe_code, reason = "setting a variable is unsafe while other threads may read the environment")]
    // SAFETY: this is the first statement of the process; no other thread exists.
    unsafe {
        std::env::set_var("ORT_DISABLE_TELEMETRY", "1");
    }
    claude_memory::run()
}
