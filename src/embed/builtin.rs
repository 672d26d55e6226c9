//! The built-in model: its files, mapped once a process or part of the program, and an encoder over them.

use std::sync::OnceLock;

use claude_memory_encoder::{MOST_TOKENS, Processor, Scratch, Vocabulary, Weights};

use super::centre::{Means, normalise};
use super::{Result, assets};

/// Tokens of short texts that are computed together: enough to use each weight several times, few enough for the cache.
const TOGETHER: usize = 256;

/// What all encoders of a process share.
#[derive(Debug)]
struct Model {
    vocabulary: Vocabulary<'static>,
    weights: Weights<'static>,
    means: Means,
    processor: Processor,
}

static MODEL: OnceLock<Result<Model>> = OnceLock::new();

/// An encoder over the shared model: memory for one forward pass.
#[derive(Debug)]
pub(super) struct Builtin {
    model: &'static Model,
    scratch: Scratch,
}

/// The digests of what the weights and the vocabulary were made from, and of the means: they stay the same however those
/// are packed.
pub(super) fn identity() -> Result<String> {
    let sources = ["e5-small-zhen-int8.onnx.zst", "e5-small-zhen.tokenizer.json.zst", assets::MEANS.name];
    let digests = sources.iter().map(|name| assets::digest(name)).collect::<Result<Vec<_>>>()?;
    Ok(digests.join(" "))
}

/// Compares the files with their digests; says how many there are.
pub(super) fn verify() -> Result<usize> {
    let files = [assets::WORDS, assets::LAYERS, assets::VOCABULARY, assets::MEANS];
    files.iter().try_for_each(assets::Asset::verify).map(|()| files.len())
}

/// The instructions that the built-in model is computed with.
pub fn instructions() -> &'static str {
    Processor::fastest().name()
}

fn load() -> Result<Model> {
    let weights = Weights::read(assets::WORDS.bytes()?, assets::LAYERS.bytes()?);
    let weights = weights.map_err(|error| assets::LAYERS.failed(error.to_string()))?;
    let vocabulary = Vocabulary::read(assets::VOCABULARY.bytes()?);
    let vocabulary = vocabulary.map_err(|error| assets::VOCABULARY.failed(error.to_string()))?;
    let means = Means::parse(assets::MEANS.bytes()?, claude_memory_encoder::HIDDEN);
    let means = means.ok_or_else(|| assets::MEANS.failed("it has another length".to_owned()))?;
    if vocabulary.ids() != weights.ids() {
        return Err(assets::VOCABULARY.failed("it is of another model than the weights".to_owned()));
    }
    Ok(Model { vocabulary, weights, means, processor: Processor::fastest() })
}

impl Builtin {
    /// Reads the heads of the files the first time.
    pub(super) fn load() -> Result<Self> {
        let model = MODEL.get_or_init(load).as_ref().map_err(Clone::clone)?;
        Ok(Self { model, scratch: Scratch::default() })
    }

    /// Computes unit vectors. Texts are computed together as long as they are short.
    pub(super) fn encode(&mut self, texts: &[String]) -> Vec<Result<Vec<f32>>> {
        let Model { vocabulary, weights, processor, .. } = self.model;
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| vocabulary.encode(text, MOST_TOKENS)).collect();
        let mut vectors = Vec::with_capacity(ids.len());
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = rest.iter().take_while(|text| {
                tokens += text.len();
                tokens <= TOGETHER
            });
            let count = fits.count().max(1);
            let together: Vec<&[u32]> = rest.iter().take(count).map(Vec::as_slice).collect();
            let means = weights.encode(&together, *processor, &mut self.scratch);
            for mut vector in means {
                normalise(&mut vector);
                vectors.push(Ok(vector.to_vec()));
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        vectors
    }

    /// Takes out what all texts of the language have in common; the length is 1 again.
    pub(super) fn centre(&self, vector: &mut [f32], text: &str) {
        self.model.means.centre(vector, text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::Tokenizer;

    use super::*;
    use crate::embed::onnx::Onnx;
    use crate::embed::runtime;
    use crate::embed::spec::Manifest;

    fn unpacked(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
        zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
    }

    fn own_ids(text: &str) -> Vec<u32> {
        Builtin::load().unwrap().model.vocabulary.encode(text, MOST_TOKENS)
    }

    /// Characters that a tokenizer may stumble over, beside any others.
    fn difficult_text() -> impl Strategy<Value = String> {
        let pools = [
            "[a-zA-Z0-9 .,;:/_'\"-]{1,12}",
            "[数据库备份怎么重复扣款的，。、]{1,8}",
            "[ \u{2581}\t\n\r\u{a0}\u{3000}\u{200b}\u{200d}\u{feff}]{1,6}",
            "[ＡＢＣ１２３ｱｶﾞ㎏①½ﬁ™]{1,6}",
            "[e\u{301}a\u{308}n\u{303}ก็คำ한국어가각]{1,8}",
            "[👩\u{200d}👧🇩🇪👍🏽❤️]{1,6}",
            "(<s>|</s>|<unk>|<pad>|<s|< s>|＜s＞)",
            "[\u{1}-\u{1f}\u{7f}-\u{85}]{1,4}",
            "\\PC{1,6}",
            ".{1,6}",
        ];
        let part = proptest::sample::select(pools.to_vec()).prop_flat_map(|pool| pool);
        proptest::collection::vec(part, 0..12).prop_map(|parts| parts.concat())
    }

    #[test]
    fn ids_are_those_of_the_tokenizers_package_for_any_text() {
        let mut tokenizer = Tokenizer::from_bytes(unpacked("e5-small-zhen.tokenizer.json.zst")).unwrap();
        let truncation = tokenizers::TruncationParams { max_length: MOST_TOKENS, ..Default::default() };
        tokenizer.with_truncation(Some(truncation)).unwrap();
        proptest!(ProptestConfig::with_cases(2_000), |(text in difficult_text(), repeat in 1_usize..3)| {
            let text = text.repeat(repeat);
            let expected = tokenizer.encode(text.as_str(), true).unwrap();
            prop_assert_eq!(own_ids(&text), expected.get_ids(), "{:?}", text);
        });
    }

    #[test]
    fn vectors_are_those_of_onnx_runtime() {
        let folder = tempfile::tempdir().unwrap();
        let environment = runtime::environment("", folder.path()).unwrap();
        let (model, tokenizer) =
            (unpacked("e5-small-zhen-int8.onnx.zst"), unpacked("e5-small-zhen.tokenizer.json.zst"));
        let mut oracle = Onnx::load(1, &environment, &Manifest::builtin(), &model, &tokenizer).unwrap().pop().unwrap();
        let texts: Vec<String> =
            ["why is the login slow", "数据库怎么备份", "", "a", "重启 postgres 容器 after the migration"]
                .iter()
                .map(|text| format!("query: {text}"))
                .chain([format!("passage: {}", "the quick brown fox 跳过了懒狗。".repeat(60))])
                .collect();
        let mut own = Builtin::load().unwrap();
        for (text, vector) in texts.iter().zip(own.encode(&texts)) {
            let (vector, expected) = (vector.unwrap(), oracle.encode(text.clone()).unwrap());
            let cosine: f32 = vector.iter().zip(&expected).map(|(own, other)| own * other).sum();
            assert!(cosine > 0.99, "{text}: {cosine}");
            // Where ONNX Runtime computes with other instructions, it has other bits.
            if instructions() == "avx2" {
                assert_eq!(vector, expected, "{text}");
            }
        }
    }

    #[test]
    fn many_threads_get_the_vectors_of_one() {
        let texts: Vec<String> = (0..8).map(|number| format!("query: number {number} 第 {number} 个")).collect();
        let alone: Vec<Vec<f32>> = Builtin::load().unwrap().encode(&texts).into_iter().map(Result::unwrap).collect();
        std::thread::scope(|scope| {
            let threads: Vec<_> = (0..32).map(|_| scope.spawn(|| Builtin::load().unwrap().encode(&texts))).collect();
            for thread in threads {
                let vectors: Vec<Vec<f32>> = thread.join().unwrap().into_iter().map(Result::unwrap).collect();
                assert_eq!(vectors, alone);
            }
        });
    }
}
