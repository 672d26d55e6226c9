//! Lists of words that names and values are compared with. Each is sorted, in lower case.

/// A sorted list of words of at most 16 bytes, each packed into a number so that a look-up compares numbers.
#[derive(Debug)]
pub(super) struct WordList {
    words: &'static [u128],
    /// First letters of the words of each length: most words that are looked up are told by them.
    firsts: [u32; MAX_WORD + 1],
}

impl WordList {
    /// Creates the list of packed and sorted words.
    #[expect(
        clippy::indexing_slicing,
        reason = "computed when the program is compiled, where nothing else is possible"
    )]
    pub(super) const fn new(words: &'static [u128]) -> Self {
        let (mut firsts, mut at) = ([0; MAX_WORD + 1], 0);
        while at < words.len() {
            let unused = words[at].trailing_zeros() as usize / 8;
            firsts[MAX_WORD - unused] |= 1 << (words[at].to_be_bytes()[0] & 31);
            at += 1;
        }
        Self { words, firsts }
    }

    /// Returns true if the list has the word.
    pub(super) fn contains(&self, word: &str) -> bool {
        self.contains_bytes(word.as_bytes())
    }

    /// Returns true if the list has the word in lower case.
    pub(super) fn contains_any_case(&self, word: &str) -> bool {
        // The bits of a letter are the same in both cases.
        let mut lower = [0; MAX_WORD];
        let Some(lower) = lower.get_mut(..word.len()).filter(|_| self.may_list(word.as_bytes())) else { return false };
        lower.copy_from_slice(word.as_bytes());
        lower.make_ascii_lowercase();
        self.contains_bytes(lower)
    }

    fn contains_bytes(&self, word: &[u8]) -> bool {
        self.may_list(word) && self.words.binary_search(&pack(word)).is_ok()
    }

    /// Returns false for a word whose length and first letter no word of the list has.
    fn may_list(&self, word: &[u8]) -> bool {
        let first = word.first().copied().unwrap_or(0);
        self.firsts.get(word.len()).is_some_and(|firsts| firsts >> (first & 31) & 1 == 1)
    }
}

/// Most bytes of a word of a list.
const MAX_WORD: usize = 16;

/// Packs the first 16 bytes of a word, so that numbers are in the order of words.
#[expect(clippy::indexing_slicing, reason = "computed when the program is compiled, where nothing else is possible")]
pub(super) const fn pack(bytes: &[u8]) -> u128 {
    let (mut packed, mut at) = (0, 0);
    while at < MAX_WORD {
        packed = packed << 8 | if at < bytes.len() { bytes[at] as u128 } else { 0 };
        at += 1;
    }
    packed
}

/// Packs words of at most 16 bytes.
#[expect(clippy::indexing_slicing, reason = "computed when the program is compiled, where nothing else is possible")]
pub(super) const fn pack_all<const N: usize>(words: &[&str; N]) -> [u128; N] {
    let (mut packed, mut at) = ([0; N], 0);
    while at < N {
        packed[at] = pack(words[at].as_bytes());
        at += 1;
    }
    packed
}

/// Words that identifiers are made of, so that they are no signs of chance.
#[rustfmt::skip]
pub(super) static IDENTIFIER_WORDS: WordList = WordList::new(&pack_all(&[
    "access", "action", "adam", "add", "admin", "agent", "all", "and", "android", "angular", "any", "api", "app",
    "array", "as", "at", "auth", "base", "batch", "bert", "block", "body", "bool", "bottom", "branch", "buffer",
    "build", "button", "by", "cache", "call", "can", "center", "chat", "check", "checkpoint", "class", "cli",
    "client", "close", "cluster", "cnn", "code", "color", "column", "commit", "component", "config", "container",
    "content", "controller", "conv", "cookie", "count", "create", "css", "data", "date", "day", "default", "delete",
    "demo", "deploy", "deployment", "dev", "development", "directory", "django", "docker", "down", "embed", "entry",
    "epoch", "error", "eval", "event", "example", "external", "field", "file", "first", "flask", "folder", "font",
    "for", "form", "format", "from", "function", "get", "git", "gpt", "handler", "has", "hash", "header", "heap",
    "height", "host", "hour", "html", "http", "https", "hub", "id", "ids", "image", "in", "index", "input",
    "insert", "internal", "ios", "is", "it", "item", "java", "job", "js", "json", "kafka", "key", "lab", "last",
    "layer", "layout", "left", "length", "line", "linux", "list", "llm", "load", "local", "log", "login", "lora",
    "loss", "macos", "main", "manager", "map", "mask", "max", "md5", "merge", "message", "method", "min", "minute",
    "model", "module", "mongo", "month", "mount", "mysql", "name", "net", "new", "next", "nginx", "no", "node",
    "norm", "not", "number", "object", "of", "off", "ok", "old", "on", "one", "open", "or", "out", "output", "page",
    "password", "path", "per", "pipeline", "pod", "pool", "port", "postgres", "prev", "private", "process", "prod",
    "production", "project", "prompt", "proxy", "public", "put", "python", "query", "queue", "react", "read",
    "redis", "refresh", "release", "remote", "remove", "render", "request", "resnet", "response", "result", "right",
    "rnn", "root", "route", "router", "row", "run", "rust", "sample", "save", "sdk", "second", "secret", "select",
    "server", "service", "session", "set", "sha", "site", "size", "socket", "source", "spring", "sqlite", "stack",
    "stage", "staging", "start", "state", "step", "stop", "store", "stream", "string", "style", "summary", "table",
    "target", "task", "template", "tensor", "test", "text", "that", "the", "this", "thread", "time", "to", "token",
    "toml", "tool", "top", "train", "ts", "two", "type", "uid", "unmount", "up", "update", "user", "uuid", "value",
    "vector", "version", "via", "view", "vue", "web", "width", "windows", "with", "worker", "workflow", "workspace",
    "write", "www", "yaml", "year", "yes",
]));
/// Words that stand where a secret would stand and are none.
#[rustfmt::skip]
pub(super) static NO_VALUES: WordList = WordList::new(&pack_all(&[
    "a", "above", "accesstoken", "admin", "always", "an", "and", "any", "apikey", "are", "argon2", "as", "ascii", "at",
    "auth", "authentication", "authorization", "auto", "aws", "azure", "bar", "base64", "basic", "baz", "bcrypt", "be",
    "bearer", "bearertoken", "below", "body", "bool", "boolean", "by", "bytes", "changed", "changeme", "cleartext",
    "cookie", "cookies", "correct", "created", "default", "deleted", "different", "digest", "disabled", "empty",
    "enabled", "encrypted", "env", "erforderlich", "error", "expired", "external", "failed", "false", "field", "file",
    "files", "foo", "for", "form", "from", "github", "gitlab", "given", "google", "hash", "hashed", "header",
    "headers", "here", "hex", "hidden", "hmac", "http", "https", "id", "if", "in", "incorrect", "input", "int",
    "interactive", "internal", "invalid", "is", "it", "its", "json", "jwt", "key", "keys", "letmein", "localhost",
    "login", "logout", "manual", "masked", "md5", "missing", "name", "names", "never", "nil", "no", "none", "not",
    "null", "number", "oauth", "oauth2", "object", "obligatoire", "obligatoria", "obligatorio", "obrigatoria", "of",
    "off", "ok", "omitted", "on", "option", "optional", "or", "pass", "passwd", "password", "pbkdf2", "plain",
    "plaintext", "postgres", "private", "prompt", "prompted", "protected", "provided", "public", "pwd", "query",
    "redacted", "removed", "requerida", "requerido", "required", "requis", "reset", "richiesta", "richiesto", "root",
    "safe", "same", "scrypt", "secret", "secrets", "secured", "see", "self", "session", "sessions", "set", "sha256",
    "signin", "signup", "some", "ssh", "stdin", "stored", "str", "string", "success", "test", "testing", "tests",
    "text", "the", "there", "this", "to", "token", "tokens", "toml", "true", "type", "undefined", "unknown", "unset",
    "unused", "updated", "use", "used", "user", "username", "users", "using", "utf-8", "utf8", "value", "values",
    "verplicht", "via", "with", "wrong", "wymagane", "yaml", "yes",
]));
/// Last words of names whose value is a password.
#[rustfmt::skip]
pub(super) static PASSWORD_NAMES: WordList = WordList::new(&pack_all(&[
    "adminpass", "adminpw", "bindpw", "clave", "contrasena", "dbpass", "dbpw", "ftppass", "kennwort", "keypass",
    "masterauth", "mdp", "mypass", "parola", "pass", "passcode", "passphrase", "passwd", "password", "passwords",
    "passwort", "pgpass", "psk", "pw", "pwd", "pword", "requirepass", "rootpass", "rootpw", "senha", "smtppass",
    "storepass", "userpass", "userpassword", "userpw", "wachtwoord",
]));
/// Last words, or last two words, of names whose value is a secret.
#[rustfmt::skip]
pub(super) static SECRET_NAMES: WordList = WordList::new(&pack_all(&[
    "accesskey", "accesstoken", "accountkey", "apikey", "apikeys", "apisecret", "apitoken", "appkey", "appsecret",
    "authkey", "authpassword", "authtoken", "bearer", "clientsecret", "credential", "credentials", "csrftoken",
    "encryptionkey", "idtoken", "jwt", "licensekey", "masterkey", "privatekey", "refreshtoken", "secret",
    "secretaccess", "secretkey", "secrets", "sessiontoken", "sharedaccesskey", "sharedkey", "signingkey", "token",
    "tokens",
]));
/// Words that make a secret of the `key` behind them.
#[rustfmt::skip]
pub(super) static KEY_QUALIFIERS: WordList = WordList::new(&pack_all(&[
    "2fa", "access", "account", "admin", "aes", "anthropic", "api", "app", "auth", "azure", "cf", "cipher",
    "client", "cohere", "consumer", "cookie", "crypto", "dashscope", "data", "dd", "deepseek", "deploy",
    "encryption", "function", "gemini", "heroku", "hmac", "host", "integration", "jwt", "license", "mailgun",
    "master", "mistral", "moonshot", "openai", "otp", "preshared", "private", "project", "read", "recovery",
    "registration", "replicate", "root", "sas", "secret", "security", "sendgrid", "server", "service", "session",
    "setup", "shared", "signing", "ssh", "ssl", "storage", "stripe", "subscription", "tls", "totp", "twilio",
    "unseal", "wandb", "webhook", "wifi", "write", "x", "zhipu", "zhipuai",
]));
/// Last words of names whose value is a secret only if it looks drawn.
#[rustfmt::skip]
pub(super) static WEAK_NAMES: WordList = WordList::new(&pack_all(&[
    "auth", "community", "conn", "connection", "connectionstring", "cookie", "cred", "creds", "dsn", "hmac", "key",
    "keys", "otp", "pat", "pin", "salt", "seed", "sessionid", "sid", "sk", "webhook", "webhookurl",
]));
/// Last words of names that speak about a secret and do not hold it.
#[rustfmt::skip]
pub(super) static DESCRIBING_TAILS: WordList = WordList::new(&pack_all(&[
    "age", "alg", "algorithm", "arg", "args", "array", "audience", "binding", "bindings", "bits", "board", "budget",
    "budgets", "builder", "button", "bytes", "cache", "cached", "callback", "chain", "change", "changed", "char",
    "chars", "check", "checks", "class", "cmd", "code", "codes", "column", "command", "component", "context",
    "cost", "count", "counter", "counts", "creation", "dict", "digest", "dir", "disabled", "down", "enabled",
    "encoder", "encoding", "encrypted", "endpoint", "enum", "env", "error", "errors", "estimate", "estimator",
    "event", "events", "exception", "expiration", "expire", "expired", "expires", "expiry", "factory", "field",
    "fields", "file", "files", "fixture", "flow", "flows", "form", "format", "frame", "func", "function",
    "generation", "generator", "get", "group", "handler", "hash", "hashed", "hasher", "header", "headers", "helper",
    "hint", "host", "id", "ids", "impl", "import", "in", "index", "interface", "invalid", "issuer", "kind", "kinds",
    "label", "left", "len", "length", "less", "limit", "limits", "list", "manager", "map", "max", "message",
    "method", "methods", "min", "mock", "mode", "module", "name", "names", "offset", "out", "output", "package",
    "page", "pair", "pairs", "param", "params", "parser", "path", "paths", "pattern", "per", "policy", "port",
    "pos", "position", "prefix", "press", "price", "prompt", "provider", "providers", "rate", "reader", "reads",
    "ref", "refs", "regex", "remaining", "required", "reset", "ring", "rotation", "rotator", "row", "rule", "rules",
    "scheme", "scope", "scopes", "screen", "server", "service", "set", "size", "source", "sources", "span", "spans",
    "spec", "state", "stats", "status", "storage", "store", "strength", "stroke", "strokes", "struct", "stub",
    "suffix", "table", "test", "tests", "timeout", "title", "total", "trait", "ttl", "type", "types", "up",
    "updated", "uri", "url", "urls", "usage", "usages", "used", "valid", "validation", "validator", "var",
    "variable", "vault", "verified", "verify", "version", "versions", "view", "window", "word", "words", "writer",
]));
/// Last words of names that say nothing of what the value is.
#[rustfmt::skip]
pub(super) static VALUE_TAILS: WordList = WordList::new(&pack_all(&[
    "admin", "b64", "backup", "base64", "data", "db", "default", "dev", "live", "local", "main", "new", "old",
    "plain", "primary", "prod", "production", "raw", "root", "secondary", "staging", "str", "string", "user", "val",
    "value",
]));
/// Words before `token` with which it is a place in a list or a piece of text.
#[rustfmt::skip]
pub(super) static COUNTED_TOKENS: WordList = WordList::new(&pack_all(&[
    "bos", "build", "cancel", "cancellation", "change", "cls", "completion", "continuation", "cursor", "end", "eos",
    "first", "has", "idempotency", "input", "is", "last", "lock", "mask", "max", "next", "no", "num", "output",
    "pad", "page", "prev", "previous", "prompt", "reserved", "sep", "shift", "special", "start", "sync", "total",
    "unk",
]));
/// Words before `key` with which it is no secret.
#[rustfmt::skip]
pub(super) static PUBLIC_KEYS: WordList = WordList::new(&pack_all(&[
    "cache", "candidate", "column", "composite", "config", "dict", "foreign", "group", "hot", "i18n", "index",
    "json", "lookup", "map", "message", "metadata", "msg", "natural", "object", "partition", "primary", "public",
    "query", "react", "row", "shortcut", "sort", "sorting", "ssh", "storage-key", "surrogate", "translation",
    "unique",
]));
/// English words that no recovery phrase consists of.
#[rustfmt::skip]
pub(super) static STOP_WORDS: WordList = WordList::new(&pack_all(&[
    "all", "also", "and", "any", "are", "but", "can", "for", "from", "has", "have", "how", "into", "its", "not",
    "only", "our", "than", "that", "the", "their", "them", "then", "there", "they", "this", "use", "used", "was",
    "were", "what", "when", "which", "who", "will", "with", "you", "your",
]));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_and_words_are_found() {
        let lists = [
            &IDENTIFIER_WORDS,
            &NO_VALUES,
            &PASSWORD_NAMES,
            &SECRET_NAMES,
            &KEY_QUALIFIERS,
            &WEAK_NAMES,
            &DESCRIBING_TAILS,
            &VALUE_TAILS,
            &COUNTED_TOKENS,
            &PUBLIC_KEYS,
            &STOP_WORDS,
        ];
        assert!(lists.iter().all(|list| list.words.is_sorted()));
        assert!(SECRET_NAMES.contains("sharedaccesskey") && !SECRET_NAMES.contains("sharedaccesskeys"));
        assert!(!SECRET_NAMES.contains("") && !SECRET_NAMES.contains("a word of more than sixteen bytes"));
    }
}
