//! Built-in embedding model: its files, mapped once per process or part of the program, and a forward pass over them.

use std::sync::OnceLock;

use claude_memory_encoder::{ForwardScratch, MOST_TOKENS, ModelWeights, Processor, Vocabulary};

use super::centring::{LanguageMeans, scale_to_unit};
use super::{Result, assets};

/// Tokens of short texts in one batch: enough to use each weight several times, few enough for the cache.
const BATCH_TOKENS: usize = 256;

/// Vocabulary and weights that all instances of a process share.
#[derive(Debug)]
struct SharedModel {
    vocabulary: Vocabulary<'static>,
    weights: ModelWeights<'static>,
    means: LanguageMeans,
    processor: Processor,
}

static MODEL: OnceLock<Result<SharedModel>> = OnceLock::new();

/// Instance over the shared model: owns the memory of one forward pass.
#[derive(Debug)]
pub(super) struct BuiltinModel {
    model: &'static SharedModel,
    scratch: ForwardScratch,
}

/// Returns the digests of the sources of weights and vocabulary, and of the means: they stay the same however the files
/// are packed.
pub(super) fn source_digests() -> Result<String> {
    let sources = ["e5-small-zhen-int8.onnx.zst", "e5-small-zhen.tokenizer.json.zst", assets::MEANS.name];
    let digests = sources.iter().map(|name| assets::manifest_digest(name)).collect::<Result<Vec<_>>>()?;
    Ok(digests.join(" "))
}

/// Compares the files with their digests; returns the number of files.
pub(super) fn verify_files() -> Result<usize> {
    let files = [assets::WORDS, assets::LAYERS, assets::VOCABULARY, assets::MEANS];
    files.iter().try_for_each(assets::ShippedFile::verify_digest).map(|()| files.len())
}

/// Returns the name of the processor instructions that compute the built-in model.
pub fn instruction_set() -> &'static str {
    Processor::fastest().name()
}

fn load_shared_model() -> Result<SharedModel> {
    let weights = ModelWeights::read(assets::WORDS.load_bytes()?, assets::LAYERS.load_bytes()?);
    let weights = weights.map_err(|error| assets::LAYERS.asset_error(error.to_string()))?;
    let vocabulary = Vocabulary::read(assets::VOCABULARY.load_bytes()?);
    let vocabulary = vocabulary.map_err(|error| assets::VOCABULARY.asset_error(error.to_string()))?;
    let means = LanguageMeans::parse_means(assets::MEANS.load_bytes()?, claude_memory_encoder::HIDDEN);
    let means = means.ok_or_else(|| assets::MEANS.asset_error("its length does not fit the model".to_owned()))?;
    if vocabulary.ids() != weights.ids() {
        return Err(assets::VOCABULARY.asset_error("it belongs to another model than the weights".to_owned()));
    }
    Ok(SharedModel { vocabulary, weights, means, processor: Processor::fastest() })
}

impl BuiltinModel {
    /// Creates an instance; the first one of a process reads the headers of the files.
    pub(super) fn load_builtin() -> Result<Self> {
        let model = MODEL.get_or_init(load_shared_model).as_ref().map_err(Clone::clone)?;
        Ok(Self { model, scratch: ForwardScratch::default() })
    }

    /// Computes unit vectors. Short texts are computed in batches.
    pub(super) fn encode_texts(&mut self, texts: &[String]) -> Vec<Result<Vec<f32>>> {
        let SharedModel { vocabulary, weights, processor, .. } = self.model;
        let ids: Vec<Vec<u32>> = texts.iter().map(|text| vocabulary.encode(text, MOST_TOKENS)).collect();
        let mut vectors = Vec::with_capacity(ids.len());
        let mut rest = ids.as_slice();
        while !rest.is_empty() {
            let mut tokens = 0;
            let fits = rest.iter().take_while(|text| {
                tokens += text.len();
                tokens <= BATCH_TOKENS
            });
            let count = fits.count().max(1);
            let together: Vec<&[u32]> = rest.iter().take(count).map(Vec::as_slice).collect();
            let means = weights.encode(&together, *processor, &mut self.scratch);
            for mut vector in means {
                scale_to_unit(&mut vector);
                vectors.push(Ok(vector.to_vec()));
            }
            rest = rest.get(count..).unwrap_or_default();
        }
        vectors
    }

    /// Subtracts the mean of the text's language; the vector has unit length again.
    pub(super) fn centre_vector(&self, vector: &mut [f32], text: &str) {
        self.model.means.centre_vector(vector, text);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokenizers::Tokenizer;

    use super::*;
    use crate::embed::manifest::Manifest;
    use crate::embed::onnx::OnnxModel;
    use crate::embed::onnx_runtime;

    fn unpacked(name: &str) -> Vec<u8> {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("models").join(name);
        zstd::decode_all(std::fs::File::open(path).unwrap()).unwrap()
    }

    fn own_ids(text: &str) -> Vec<u32> {
        BuiltinModel::load_builtin().unwrap().model.vocabulary.encode(text, MOST_TOKENS)
    }

    /// Texts with characters that are difficult for tokenizers, among any others.
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
        let environment = onnx_runtime::onnx_environment("", folder.path()).unwrap();
        let (model, tokenizer) =
            (unpacked("e5-small-zhen-int8.onnx.zst"), unpacked("e5-small-zhen.tokenizer.json.zst"));
        let mut oracle = OnnxModel::load_instances(1, &environment, &Manifest::builtin_manifest(), &model, &tokenizer)
            .unwrap()
            .pop()
            .unwrap();
        let texts: Vec<String> =
            ["why is the login slow", "数据库怎么备份", "", "a", "重启 postgres 容器 after the migration"]
                .iter()
                .map(|text| format!("query: {text}"))
                .chain([format!("passage: {}", "the quick brown fox 跳过了懒狗。".repeat(60))])
                .collect();
        let mut own = BuiltinModel::load_builtin().unwrap();
        for (text, vector) in texts.iter().zip(own.encode_texts(&texts)) {
            let (vector, expected) = (vector.unwrap(), oracle.encode_text(text.clone()).unwrap());
            let cosine: f32 = vector.iter().zip(&expected).map(|(own, other)| own * other).sum();
            assert!(cosine > 0.99, "{text}: {cosine}");
            // ONNX Runtime gives other bits on processors with other instructions.
            if instruction_set() == "avx2" {
                assert_eq!(vector, expected, "{text}");
            }
        }
    }

    #[test]
    fn many_threads_get_the_vectors_of_one() {
        let texts: Vec<String> = (0..8).map(|number| format!("query: number {number} 第 {number} 个")).collect();
        let alone: Vec<Vec<f32>> =
            BuiltinModel::load_builtin().unwrap().encode_texts(&texts).into_iter().map(Result::unwrap).collect();
        std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..32).map(|_| scope.spawn(|| BuiltinModel::load_builtin().unwrap().encode_texts(&texts))).collect();
            for thread in threads {
                let vectors: Vec<Vec<f32>> = thread.join().unwrap().into_iter().map(Result::unwrap).collect();
                assert_eq!(vectors, alone);
            }
        });
    }
}
