//! Secrets that are known by their shape, without a prefix of their own: web tokens, hashes of passwords, webhooks,
//! signatures, keys of wallets.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::Regex;

use super::byte_set::{ALNUM, ByteSet};
use super::literals::Literal;
use super::makeup::distinct_bytes;
use super::non_secrets::is_certain_placeholder;
use super::view::View;
use super::wordiness::word_share;
use super::{Findings, compile, wrapped_lines};

/// A shape: rule, a literal that must occur, the pattern (the secret is its first group that matched, else the match).
struct Shape {
    rule: &'static str,
    literal: Literal,
    pattern: LazyLock<Regex>,
}

macro_rules! shapes {
    ($($rule:literal $literal:literal $pattern:expr;)*) => {
        static SHAPES: LazyLock<Vec<Shape>> = LazyLock::new(|| vec![$(Shape {
            rule: $rule,
            literal: Literal::new($literal),
            pattern: LazyLock::new(|| compile($pattern)),
        }),*]);
    };
}

shapes! {
    "azure-client-secret" "Q~" r"[A-Za-z0-9_~.]{3}[78]Q~[A-Za-z0-9_~.-]{31,34}";
    "terraform-token" ".atlasv1." r"[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_=-]{60,70}";
    "cloudflare" "v1.0-" r"v1\.0-[a-f0-9]{24}-[a-f0-9]{146}";
    "mail-token" "-us" r"\b[a-f0-9]{32}-us[0-9]{1,2}\b";
    "clickup-token" "pk_" r"\bpk_[0-9]{5,12}_[A-Z0-9]{32}\b";
    "telegram-token" ":AA" r"(?:\b|bot)([0-9]{8,10}:AA[A-Za-z0-9_-]{32,33})";
    "webhook-url" "hooks.slack.com/" r"hooks\.slack\.com/(?:services|workflows|triggers)/([A-Za-z0-9@/_+-]{20,400})";
    "webhook-url" "/api/webhooks/" r"discord(?:app)?\.com/api/webhooks/[0-9]+/([A-Za-z0-9_-]{20,200})";
    "webhook-url" "webhook.office.com" r"webhook\.office\.com/webhookb2/([A-Za-z0-9@/_-]{20,400})";
    "webhook-url" "/bot/v2/hook/" r"open\.(?:feishu\.cn|larksuite\.com)/open-apis/bot/v2/hook/([A-Za-z0-9-]{20,100})";
    "webhook-url" "qyapi.weixin" r"qyapi\.weixin\.qq\.com/cgi-bin/webhook/send\?key=([A-Za-z0-9-]{16,100})";
    "webhook-url" "oapi.dingtalk" r"oapi\.dingtalk\.com/robot/send\?access_token=([A-Za-z0-9]{16,200})";
    "webhook-url" "hooks.zapier.com" r"hooks\.zapier\.com/hooks/catch/([A-Za-z0-9/]{10,100})";
    "webhook-url" "chat.googleapis" r"chat\.googleapis\.com/v1/spaces/[A-Za-z0-9]+/messages\?(key=[A-Za-z0-9/_%=&-]{16,400})";
    "azure-sas" "sig=" r"[?&;]sig=([A-Za-z0-9%+/_-]{32,400}={0,2})";
    "signed-url" "X-Amz-" r"X-Amz-(?:Signature=([a-f0-9]{64,128})|Security-Token=([A-Za-z0-9%+/_=-]{60,4000}))";
    "signed-url" "X-Goog-" r"X-Goog-Signature=([a-f0-9]{64,1000})";
    "service-dsn" "@" r"https?://([a-f0-9]{32})(?::[a-f0-9]{32})?@[a-z0-9.-]+/[0-9]+";
    "password-hash" "$2" r"\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}";
    "password-hash" "$" r"\$(?:apr1|[0-9]|y|gy)\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{1,40}(?:\$[./A-Za-z0-9]{1,40})?\$[./A-Za-z0-9]{20,90}|\$(?:apr1|1|5|6)\$[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{20,90}";
    "password-hash" "$P$" r"\$P\$[./A-Za-z0-9]{31}";
    "password-hash" "$H$" r"\$H\$[./A-Za-z0-9]{31}";
    "password-hash" "*" r"['\x22\s]\*([0-9A-F]{40})\b";
    "password-hash" ":::" r"\b([a-f0-9]{32}:[a-f0-9]{32}):::";
    "password-hash" "$argon2" r"\$argon2(?:id|i|d)\$v=[0-9]+\$[a-z0-9=,]+\$[A-Za-z0-9+/]+\$[A-Za-z0-9+/]+";
    "password-hash" "scrypt" r"\$?scrypt[$:][A-Za-z0-9+/=$.,:]{40,400}";
    "password-hash" "pbkdf2" r"\bpbkdf2[_:-]sha(?:1|256|512)[$:][0-9]+[$:][A-Za-z0-9+/=._]{6,100}[$:][A-Za-z0-9+/=._]{24,200}";
    "password-hash" "SHA" r"\{S?SHA(?:256|512)?\}[A-Za-z0-9+/=]{24,200}|SCRAM-SHA-256\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=:]+";
    "aws-secret-key" "AKIA" r"\bAKIA[A-Z0-9]{16}[\s,;:|/\x22']{1,6}([A-Za-z0-9/+]{40})\b";
    "aws-secret-key" "ASIA" r"\bASIA[A-Z0-9]{16}[\s,;:|/\x22']{1,6}([A-Za-z0-9/+]{40})\b";
    "twilio-key" "AC" r"\bAC[a-f0-9]{32}\b[^\n]{0,20}?[\s,:\x22']([a-f0-9]{32})\b";
    "vpn-key" "OpenVPN" r"-----BEGIN OpenVPN Static key V1-----[\s0-9a-f]{64,1200}";
    "ansible-vault" "$ANSIBLE_VAULT" r"\$ANSIBLE_VAULT;[0-9.]+;AES(?:256)?[^\n]{0,80}((?:[ \t]*\n[ \t]*[0-9a-f]{20,80}){1,400})";
    "url-password" ":thin:" r"jdbc:oracle:thin:[A-Za-z0-9_]{1,40}/([^\s@\x22'/]{3,60})@";
    "recovery-code" "ecovery" r"\b[0-9]{6}(?:-[0-9]{6}){7}\b";
    "recovery-phrase" "助记词" r"助记词[^\n]{0,20}?((?:[\xE4-\xE9][\x80-\xBF]{2} ){11,23}[\xE4-\xE9][\x80-\xBF]{2})";
    "recovery-phrase" "助記詞" r"助記詞[^\n]{0,20}?((?:[\xE4-\xE9][\x80-\xBF]{2} ){11,23}[\xE4-\xE9][\x80-\xBF]{2})";
    "totp-secret" "otpauth" r"otpauth://[^\s]{0,200}?[?&]secret=([A-Z2-7]{16,200})";
    "totp-secret" "key" r"(?i)(?:setup|secret|authenticator|totp|2fa)[^\n]{0,20}?key[^\n:]{0,6}:\s*((?:[a-z2-7]{4} ){3,15}[a-z2-7]{2,4})\b";
    "jenkins-token" "enkins" r"(?:Jenkins|jenkins)[^\n]{0,120}?\b(11[0-9a-f]{32})\b";
}

/// Finds secrets by their shape.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    for shape in SHAPES.iter().filter(|shape| shape.literal.occurs_in(view)) {
        for captures in shape.pattern.captures_iter(text.as_bytes()) {
            let secret = captures.iter().skip(1).flatten().next().or_else(|| captures.get(0));
            let Some(secret) = secret else { continue };
            let Some(body) = text.get(secret.range()) else { continue };
            let is_certain = matches!(shape.rule, "password-hash" | "ansible-vault" | "webhook-url" | "vpn-key");
            if distinct_bytes(body) >= 8 && (is_certain || !is_certain_placeholder(body) && !body.contains("EXAMPLE")) {
                findings.add(shape.rule, view, secret.range());
            }
        }
    }
    find_web_tokens(view, findings);
    find_runs(view, findings);
}

static SEGMENT: ByteSet = ByteSet::parse("A-Za-z0-9_-");
static DOTTED_SEGMENT: ByteSet = ByteSet::parse("A-Za-z0-9_.-");

static WEB_TOKEN: LazyLock<Literal> = LazyLock::new(|| Literal::new("eyJ"));

/// Finds JSON Web Tokens: segments with dots between them, the first of which is the beginning of a JSON object.
fn find_web_tokens(view: &View<'_>, findings: &mut Findings<'_>) {
    let bytes = view.text().as_bytes();
    let mut done = 0;
    for start in WEB_TOKEN.find_in(view) {
        if start < done {
            continue;
        }
        let mut end = SEGMENT.run_end(bytes, start, bytes.len());
        done = end;
        // Too short for a header; what stands behind it is not looked at for each beginning.
        if end - start <= 10 {
            continue;
        }
        let mut segments = 1;
        while bytes.get(end) == Some(&b'.') {
            // The header of an encrypted token may have an empty segment behind it.
            let next = end + 1 + usize::from(bytes.get(end + 1) == Some(&b'.'));
            let segment = SEGMENT.run_end(bytes, next, bytes.len());
            if segment == next {
                break;
            }
            (end, segments) = (segment, segments + 1);
        }
        let second = bytes.get(done + 1..).map_or(0, |rest| SEGMENT.run_end(rest, 0, rest.len()));
        let starts_object = bytes.get(done + 1..done + 4) == Some(b"eyJ");
        if segments > 1 && (second > 10 || starts_object || segments > 3) {
            let body = view.text().get(start..end).unwrap_or("");
            if distinct_bytes(body.get(..body.len().min(512)).unwrap_or(body)) > 12 {
                findings.add("jwt", view, start..end);
                for line in wrapped_lines(bytes, end, &DOTTED_SEGMENT) {
                    end = line.end;
                    findings.add("jwt", view, line);
                }
            }
            done = end;
        }
    }
}

/// Finds secrets that are one run of letters and digits of a fixed length, with or without a mark inside.
fn find_runs(view: &View<'_>, findings: &mut Findings<'_>) {
    const LEAST: usize = 24;
    let bytes = view.text().as_bytes();
    let is_hex = |from: usize, to: usize| {
        bytes.get(from..to).is_some_and(|run| run.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')))
    };
    let runs = view.long_runs().iter().filter(|run| run.len() >= LEAST).flat_map(|run| {
        let piece = bytes.get(..run.end).unwrap_or(&[]);
        let after = |from| ALNUM.next_run(piece, from, LEAST);
        std::iter::successors(after(run.start), move |run| after(run.end))
    });
    for Range { start, end } in runs {
        let length = end - start;
        let before = start.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
        if b"+/=_-.%".contains(&before) {
            // The middle of something longer; what is one secret with marks in it begins elsewhere.
            continue;
        }
        let mark = bytes.get(end).copied().unwrap_or(b' ');
        let next = ALNUM.run_end(bytes, end + 1, bytes.len().min(end + 80));
        let after = bytes.get(next).copied().unwrap_or(b' ');
        let text = view.text();
        let body = text.get(start..end).unwrap_or("");
        if length == 32 && is_hex(start, end) && mark == b'.' && next - end == 17 && after != b'.' {
            findings.add("zhipu-key", view, start..next);
        } else if length == 32 && is_hex(start, end) && mark == b'-' && next - end == 9 && is_hex(end + 1, next) {
            let last = ALNUM.run_end(bytes, next + 1, bytes.len().min(next + 20));
            if after == b'-' && last - next == 9 && is_hex(next + 1, last) {
                findings.add("mail-token", view, start..last);
            }
        } else if length == 32 && is_hex(start, end) && before == b':' && is_asana(bytes, start) {
            findings.add("asana-token", view, start..end);
        } else if (24..=28).contains(&length) && body.starts_with(['M', 'N', 'O']) && mark == b'.' {
            find_discord(view, findings, start, end);
        } else if is_wallet_key(body) && (!mark.is_ascii() || b" \t\n\"'`:=,.;()[]*_".contains(&mark)) {
            findings.add("wallet-key", view, start..end);
        }
    }
}

fn find_discord(view: &View<'_>, findings: &mut Findings<'_>, start: usize, end: usize) {
    let bytes = view.text().as_bytes();
    let second = SEGMENT.run_end(bytes, end + 1, bytes.len());
    let third = SEGMENT.run_end(bytes, (second + 1).min(bytes.len()), bytes.len());
    if second - end == 7 && bytes.get(second) == Some(&b'.') && (28..=41).contains(&(third - second)) {
        findings.add("discord-token", view, start..third);
    }
}

/// Returns true if a number of an Asana task stands before the colon.
fn is_asana(bytes: &[u8], start: usize) -> bool {
    static TASK: ByteSet = ByteSet::parse("0-9/");
    let from = TASK.run_start(bytes, start.saturating_sub(1), start.saturating_sub(48));
    let task = bytes.get(from..start.saturating_sub(1)).unwrap_or(&[]);
    task.len() > 11 && (task.starts_with(b"1/") || task.starts_with(b"2/"))
}

/// Returns true for a private key of a wallet in its import format, or an extended private key.
fn is_wallet_key(body: &str) -> bool {
    static BASE58: ByteSet = ByteSet::parse("1-9A-HJ-NP-Za-km-z");
    let has_shape = match body.as_bytes() {
        [b'5', b'H' | b'J' | b'K', ..] => body.len() == 51,
        [b'K' | b'L', ..] => body.len() == 52,
        [b'x' | b'y' | b'z', b'p', b'r', b'v', ..] => (104..=116).contains(&body.len()),
        _ => false,
    };
    has_shape && body.bytes().all(|byte| BASE58.contains(byte)) && distinct_bytes(body) > 16 && word_share(body) < 40
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_compiles() {
        assert!(SHAPES.iter().all(|shape| !shape.pattern.as_str().is_empty()));
    }
}
