"""Writes what ONNX Runtime makes of some texts: the fixture that the program's own encoder is held to, bit by bit.

Vectors are means of the last layer, before language means and unit length. Made on a processor with AVX2 and without VNNI:
ONNX Runtime's kernels for other processors sum in other orders.
"""

import base64
import json
import random

SENTENCES = """
why is the login slow
how do we deploy on Fridays
The payment gateway retries after 30 s; the callback was not idempotent, so customers were charged twice.
cargo test --release -- --nocapture fails with error[E0277]: the trait bound `Foo: Send` is not satisfied
SELECT id, title FROM sessions WHERE started > '2026-01-01' ORDER BY id DESC LIMIT 10;
fn main() { println!("{:?}", std::env::args().collect::<Vec<_>>()); }
https://example.org/path?query=1&other=%E4%B8%AD#fragment
ERROR 2026-11-02T08:15:30Z connection refused (os error 111) at 10.0.0.7:5432
为什么重复扣款
数据库每天凌晨两点用快照备份,并恢复到演练机上验证。
上传的文件最大 20 MB,超过会返回 413;前端要在提交之前检查。
我们把 retry 的次数从 3 改成 5,因为 staging 的 Redis 偶尔超时。
請把這段程式碼改成非同步,然後跑一次測試。
キャッシュの有効期限は 15 分です。
The café's naïve résumé — “quoted”, ‘single’, … and an em-dash.
Ｆｕｌｌｗｉｄｔｈ　ＡＢＣ１２３！？
㎏ ① ½ ﬁ ™ Ⅷ ㍿ ﷺ
e\u0301 a\u0308 n\u0303 ก็ คำ 한국어 각
👩‍👩‍👧‍👦 🇩🇪 👍🏽 ❤️ 🫠
<s> and </s> and <unk> and <pad> and <mask> inside a text, <s
▁▁already▁with▁marks▁
\u200b\u200d\ufeff invisible \u202etext\u202c \u00ad
\U00020000\U0001F900\uE000\uFFFD\u0378 rare and unassigned
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20
{"role":"user","content":[{"type":"text","text":"hello"}]}
diff --git a/src/lib.rs b/src/lib.rs @@ -1,3 +1,4 @@ +mod encoder;
""".strip().split("\n")
POOLS = ["abcXYZ 0129 .,;:-_/\\'\"", "数据库备份怎么重复扣款的,。、", " \u2581\u2581  \t\n\r\u00a0\u3000\u200b\u200d\ufeff",
         "ＡＢＣ１２３ｱｶﾞ㎏①½ﬁ™", "e\u0301a\u0308n\u0303ก็คำ한국어가각", "👩‍👩‍👧‍👦🇩🇪👍🏽❤️",
         "".join(map(chr, range(1, 32))) + "\x7f\x80\x85\u0600ع\u05d0", "\U00020000\U0001F900\uE000\uFFFD\u0378"]
SPECIAL = ["<s>", "</s>", "<unk>", "<pad>", "<s", "< s>", "＜s＞"]


def choose_texts():
    """Own sentences, joined ones of every length, and strings made to be difficult; always the same."""
    chance = random.Random(22)
    sentences = SENTENCES + ["tabs\tand\nline\r\nends\u2028\u2029\u0085"]
    texts = ["", "a", "备", "\x01", " ", "\u3000", "👍", "query: ", "passage: x"]
    texts += ["query: " + sentence for sentence in sentences]
    for count in range(2, 42):
        texts.append("passage: " + " ".join(chance.choices(sentences, k=count)))
    while len(texts) < 220:
        parts = []
        for _ in range(chance.randint(1, 12)):
            if chance.random() < 0.15:
                parts.append(chance.choice(SPECIAL))
            else:
                parts.append("".join(chance.choices(chance.choice(POOLS), k=chance.randint(1, 8))))
        texts.append(chance.choice(["query: ", "passage: ", ""]) + "".join(parts))
    return texts


def write_expected(model_path, tokenizer_path, path):
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer
    tokenizer = Tokenizer.from_file(tokenizer_path)
    tokenizer.enable_truncation(512)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model_path, options, providers=["CPUExecutionProvider"])
    with open(path, "w", encoding="utf8") as out:
        for text in choose_texts():
            ids = tokenizer.encode(text).ids
            batch = np.array([ids], np.int64)
            state = session.run(None, {"input_ids": batch, "attention_mask": np.ones_like(batch)})[0][0]
            mean = np.zeros(state.shape[1], np.float32)
            for row in state:  # In order, in 32 bits: numpy's own sum takes another order.
                mean += row
            mean /= np.float32(len(state))
            vector = base64.b64encode(mean.astype("<f4").tobytes()).decode()
            print(json.dumps({"text": text, "ids": ids, "vector": vector}, ensure_ascii=True), file=out)
