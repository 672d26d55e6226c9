//! Reads attachments, which the client adds to a prompt. Most are bookkeeping; a queued prompt was typed by a person,
//! and a mentioned file is content.

use serde_json::Value;

use super::{TranscriptState, id_text, kinds, message, without_envelope};
use crate::domain::{Origin, PartKind, Role, own_output};
use crate::import::Item;
use crate::import::content::{content_text, readable_strings};
use crate::import::draft_builder::text_field;

impl TranscriptState {
    pub(super) fn read_attachment(&mut self, record: &Value, line: u64) -> Item {
        let attachment = record.get("attachment").unwrap_or(&Value::Null);
        let kind = text_field(attachment, "type").unwrap_or("unknown");
        match kind {
            "queued_command" => self.read_queued_command(record, attachment, line),
            _ if kinds::is_file_attachment(kind) => self.read_attached_file(record, attachment, kind, line),
            _ if kind.starts_with("hook_") => self.read_hook_output(record, attachment, kind, line),
            _ if kinds::is_attachment_bookkeeping(kind) => Item::Bookkeeping(format!("attachment:{kind}").into()),
            _ => {
                let mut inner = record.clone();
                if let Some(fields) = inner.as_object_mut() {
                    fields.insert("attachment".to_owned(), without_envelope(attachment));
                }
                self.build_unknown(&inner, &format!("attachment:{kind}"), line)
            }
        }
    }

    /// Reads a prompt that was typed while Claude worked and absorbed into the running turn.
    fn read_queued_command(&mut self, record: &Value, attachment: &Value, line: u64) -> Item {
        let text = attachment.get("prompt").map(content_text).unwrap_or_default();
        self.queue.remove_delivered(&text);
        let by = [attachment, record].iter().find_map(|holder| holder.pointer("/origin/kind").and_then(Value::as_str));
        let mode = text_field(attachment, "commandMode").unwrap_or("prompt");
        let typed = matches!(mode, "prompt" | "bash") && by.is_none_or(|by| by == "human");
        let id = message::record_id(record, &text);
        let mut builder = self.start_message(record, &id, Role::User, line);
        if typed {
            message::add_prompt_pieces(&mut builder, &format!("{id}/0"), &text, Origin::Person, by.is_some());
        } else {
            builder.add_keyed_part(format!("{id}/0"), PartKind::Meta, Origin::Client, &text, None);
        }
        builder.finish()
    }

    /// Reads a file that was mentioned, opened or selected.
    fn read_attached_file(&self, record: &Value, attachment: &Value, kind: &str, line: u64) -> Item {
        let names = ["filename", "displayPath", "path", "name", "uri"];
        let name = names.iter().find_map(|name| text_field(attachment, name));
        let content = attachment.get("content").unwrap_or(&Value::Null);
        let text =
            ["/file/content", "/content", "/text"].iter().find_map(|place| content.pointer(place)).map(content_text);
        let text = text.filter(|text| !text.is_empty()).unwrap_or_else(|| match content {
            Value::String(text) => text.clone(),
            _ => readable_strings(&without_envelope(attachment)),
        });
        let id = record.get("uuid").and_then(id_text).unwrap_or_else(|| message::record_id(record, &text));
        let mut builder = self.start_message(record, &id, Role::Tool, line);
        let text = name.map_or_else(|| text.clone(), |name| format!("{name}\n{text}"));
        builder.add_keyed_part(format!("{id}/0"), PartKind::ToolResult, Origin::Tool, &text, Some(kind));
        builder.draft_mut().files.extend(name.map(str::to_owned));
        builder.finish()
    }

    /// Reads the output of a hook. Ours is left out; that of others is kept if it went to the model.
    fn read_hook_output(&self, record: &Value, attachment: &Value, kind: &str, line: u64) -> Item {
        let text = attachment.get("content").map(content_text).unwrap_or_default();
        if own_output::is_own_output(&text) {
            return Item::Own;
        }
        if kind != "hook_additional_context" || text.trim().is_empty() {
            return Item::Bookkeeping(format!("attachment:{kind}").into());
        }
        let id = message::record_id(record, &text);
        let mut builder = self.start_message(record, &id, Role::System, line);
        builder.add_keyed_part(format!("{id}/0"), PartKind::Meta, Origin::Client, &text, None);
        builder.finish()
    }
}
