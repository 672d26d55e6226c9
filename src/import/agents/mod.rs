//! Reads the histories of other coding agents, one file or folder per agent. Changes nothing in them.

mod aider;
mod amp;
mod blocks;
mod cline;
mod continue_dev;
mod copilot;
mod cursor;
mod droid;
mod goose;
mod mutation_log;
mod opencode;
mod pi;
mod places;
mod qwen;
mod vscode_chat;
mod zed;

pub(super) use aider::AIDER;
pub(super) use amp::AMP;
pub(super) use cline::{CLINE, ROO_CODE};
pub(super) use continue_dev::CONTINUE;
pub(super) use copilot::COPILOT_CLI;
pub(super) use cursor::CURSOR;
pub(super) use droid::DROID;
pub(super) use goose::GOOSE;
pub(super) use opencode::{KILO, OPENCODE};
pub(super) use pi::PI;
pub(super) use qwen::QWEN_CODE;
pub(super) use vscode_chat::VSCODE_CHAT;
pub(super) use zed::ZED;
