//! Drift: the real clients run scripted sessions in which every text carries a marker word. The words are then counted in
//! what was imported and, without our code, in what the clients wrote. `.ci/drift` does it with the newest clients.

mod check;
mod claude_code;
mod claude_program;
mod codex;
mod files;
mod gemini;
mod stage;
mod terminal;
