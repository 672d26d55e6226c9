//! Writes a tiny cross-encoder as a user would have one: `model.onnx` and `tokenizer.json`. It counts the pairs of
//! different words with one meaning between a query and a text, for the few words that it knows.
//!
//! The graph: concept = table[id]; score = Σ over words of both sides of (same concept − same id), where concept 0 is no
//! word. Field numbers are those of `onnx.proto3`.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::home::TestHome;

/// Words with one meaning; the trial of `model import --reranker` and the tests use them.
const SYNONYMS: [&[&str]; 8] = [
    &["login", "authentication"],
    &["fridays", "weekend"],
    &["font", "serif"],
    &["waters", "garden"],
    &["upload", "files"],
    &["backups", "copy"],
    &["rota", "schedule"],
    &["refund", "reimbursement"],
];
/// `[PAD]`, `[CLS]`, `[SEP]`, `[UNK]`.
const SPECIAL_TOKENS: [&str; 4] = ["[PAD]", "[CLS]", "[SEP]", "[UNK]"];

/// Writes the model to a folder of the home and returns the folder.
pub(crate) fn write_cross_encoder(home: &TestHome, name: &str) -> PathBuf {
    let mut vocabulary: Vec<&str> = SPECIAL_TOKENS.to_vec();
    let mut concepts = vec![0_i64; SPECIAL_TOKENS.len()];
    for (concept, words) in (1..).zip(SYNONYMS) {
        vocabulary.extend(words);
        concepts.extend(words.iter().map(|_| concept));
    }
    home.write(&format!("{name}/tokenizer.json"), tokenizer(&vocabulary).to_string());
    home.write(&format!("{name}/model.toml"), "name = \"synonyms\"\n");
    home.write(&format!("{name}/model.onnx"), model(&concepts)).parent().unwrap().to_owned()
}

fn tokenizer(vocabulary: &[&str]) -> Value {
    let special = |token: &str, id: usize| json!({ "id": token, "ids": [id], "tokens": [token] });
    let mark = |token: &str, side: usize| json!({ "SpecialToken": { "id": token, "type_id": side } });
    let part = |name: &str, side: usize| json!({ "Sequence": { "id": name, "type_id": side } });
    let ids: serde_json::Map<String, Value> =
        (0..).zip(vocabulary).map(|(id, word)| ((*word).to_owned(), Value::from(id))).collect();
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "decoder": null,
        "normalizer": { "type": "Lowercase" },
        "pre_tokenizer": { "type": "Whitespace" },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [mark("[CLS]", 0), part("A", 0), mark("[SEP]", 0)],
            "pair": [mark("[CLS]", 0), part("A", 0), mark("[SEP]", 0), part("B", 1), mark("[SEP]", 1)],
            "special_tokens": { "[CLS]": special("[CLS]", 1), "[SEP]": special("[SEP]", 2) },
        },
        "model": { "type": "WordLevel", "vocab": ids, "unk_token": "[UNK]" },
    })
}

fn model(concepts: &[i64]) -> Vec<u8> {
    let nodes = [
        node("Gather", &["concepts", "input_ids"], "concept", &[]),
        // 1.0 for a word of the query, of the text, and for a word that has a concept.
        node("Cast", &["token_type_ids"], "in_text", &[("to", FLOAT)]),
        node("Cast", &["attention_mask"], "attended", &[("to", FLOAT)]),
        node("Sub", &["attended", "in_text"], "in_query", &[]),
        node("Cast", &["concept"], "has_concept", &[("to", BOOL)]),
        node("Cast", &["has_concept"], "is_word", &[("to", FLOAT)]),
        node("Mul", &["in_query", "is_word"], "query_words", &[]),
        node("Mul", &["in_text", "is_word"], "text_words", &[]),
        node("Unsqueeze", &["query_words", "second"], "query_column", &[]),
        node("Unsqueeze", &["text_words", "first"], "text_row", &[]),
        node("Mul", &["query_column", "text_row"], "pairs", &[]),
        // The same concept, but not the same word.
        node("Unsqueeze", &["concept", "second"], "concept_column", &[]),
        node("Unsqueeze", &["concept", "first"], "concept_row", &[]),
        node("Equal", &["concept_column", "concept_row"], "same_concept", &[]),
        node("Unsqueeze", &["input_ids", "second"], "id_column", &[]),
        node("Unsqueeze", &["input_ids", "first"], "id_row", &[]),
        node("Equal", &["id_column", "id_row"], "same_id", &[]),
        node("Cast", &["same_concept"], "same_meaning", &[("to", FLOAT)]),
        node("Cast", &["same_id"], "same_word", &[("to", FLOAT)]),
        node("Sub", &["same_meaning", "same_word"], "synonyms", &[]),
        node("Mul", &["synonyms", "pairs"], "found", &[]),
        node("ReduceSum", &["found", "second"], "by_query_word", &[("keepdims", 0)]),
        node("ReduceSum", &["by_query_word", "first"], "logits", &[("keepdims", 1)]),
    ];
    let mut graph = Vec::new();
    nodes.iter().for_each(|node| put(&mut graph, 1, node));
    put(&mut graph, 2, b"synonyms");
    for (name, numbers) in [("concepts", concepts), ("first", &[1]), ("second", &[2])] {
        put(&mut graph, 5, &tensor(name, numbers));
    }
    for name in ["input_ids", "attention_mask", "token_type_ids"] {
        put(&mut graph, 11, &value(name, INT64, &["batch", "sequence"]));
    }
    put(&mut graph, 12, &value("logits", FLOAT, &["batch", "one"]));
    let mut opset = Vec::new();
    put(&mut opset, 1, b"");
    put_number(&mut opset, 2, 13);
    let mut model = Vec::new();
    put_number(&mut model, 1, 8);
    put(&mut model, 7, &graph);
    put(&mut model, 8, &opset);
    model
}

/// Element types of `TensorProto`.
const FLOAT: u64 = 1;
const INT64: u64 = 7;
const BOOL: u64 = 9;

fn node(operator: &str, inputs: &[&str], output: &str, attributes: &[(&str, u64)]) -> Vec<u8> {
    const INT_ATTRIBUTE: u64 = 2;
    let mut bytes = Vec::new();
    inputs.iter().for_each(|input| put(&mut bytes, 1, input.as_bytes()));
    put(&mut bytes, 2, output.as_bytes());
    put(&mut bytes, 4, operator.as_bytes());
    for (name, number) in attributes {
        let mut attribute = Vec::new();
        put(&mut attribute, 1, name.as_bytes());
        put_number(&mut attribute, 3, *number);
        put_number(&mut attribute, 20, INT_ATTRIBUTE);
        put(&mut bytes, 5, &attribute);
    }
    bytes
}

/// A constant row of whole numbers.
fn tensor(name: &str, numbers: &[i64]) -> Vec<u8> {
    let mut bytes = Vec::new();
    put_number(&mut bytes, 1, numbers.len() as u64);
    put_number(&mut bytes, 2, INT64);
    put(&mut bytes, 8, name.as_bytes());
    put(&mut bytes, 9, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>());
    bytes
}

/// An input or output whose dimensions have names instead of lengths.
fn value(name: &str, element: u64, dimensions: &[&str]) -> Vec<u8> {
    let mut shape = Vec::new();
    for dimension in dimensions {
        let mut bytes = Vec::new();
        put(&mut bytes, 2, dimension.as_bytes());
        put(&mut shape, 1, &bytes);
    }
    let (mut tensor, mut of_type, mut bytes) = (Vec::new(), Vec::new(), Vec::new());
    put_number(&mut tensor, 1, element);
    put(&mut tensor, 2, &shape);
    put(&mut of_type, 1, &tensor);
    put(&mut bytes, 1, name.as_bytes());
    put(&mut bytes, 2, &of_type);
    bytes
}

/// Appends a field of bytes to a protobuf message.
fn put(message: &mut Vec<u8>, field: u64, bytes: &[u8]) {
    const LENGTH_DELIMITED: u64 = 2;
    put_varint(message, field << 3 | LENGTH_DELIMITED);
    put_varint(message, bytes.len() as u64);
    message.extend(bytes);
}

/// Appends a field with a number to a protobuf message.
fn put_number(message: &mut Vec<u8>, field: u64, number: u64) {
    put_varint(message, field << 3);
    put_varint(message, number);
}

fn put_varint(message: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        message.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    message.push(u8::try_from(number).unwrap());
}
