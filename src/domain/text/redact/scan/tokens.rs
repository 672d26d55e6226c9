//! Tokens that are known by their prefix. The table is written from what the issuers publish about their formats.

use std::sync::LazyLock;

use super::byte_set::{ByteSet, WORD};
use super::judge::looks_generated;
use super::makeup::{distinct_bytes, entropy, has_digit, is_sequence};
use super::non_secrets::is_certain_placeholder;
use super::view::View;
use super::wordiness::word_share;
use super::{Findings, blank_run, wrapped_lines};

static B62: ByteSet = ByteSet::parse("A-Za-z0-9");
static B64: ByteSet = ByteSet::parse("A-Za-z0-9+/=");
static B64URL: ByteSet = ByteSet::parse("A-Za-z0-9_-");
static WORDS: ByteSet = ByteSet::parse("A-Za-z0-9_");
static DOTTED: ByteSet = ByteSet::parse("A-Za-z0-9_.-");
static DOTTED_EQ: ByteSet = ByteSet::parse("A-Za-z0-9_.=-");
static LOOSE: ByteSet = ByteSet::parse("A-Za-z0-9_.%+/=-");
static DASHED: ByteSet = ByteSet::parse("A-Za-z0-9-");
static UPPER: ByteSet = ByteSet::parse("A-Z0-9");
static UPPER_DOT: ByteSet = ByteSet::parse("A-Z0-9.");
static LOWER: ByteSet = ByteSet::parse("a-z0-9");
static LOWER_DOLLAR: ByteSet = ByteSet::parse("a-z0-9$");
static HEX: ByteSet = ByteSet::parse("a-f0-9");
static HEX_ANY: ByteSet = ByteSet::parse("a-fA-F0-9");
static HEX_DASH: ByteSet = ByteSet::parse("a-f0-9-");
static HEX_WORD: ByteSet = ByteSet::parse("a-f0-9_");

/// A family of tokens: rule, prefixes, bytes of the body, least and most of them. `most` 0 means open.
struct TokenFamily(&'static str, &'static [&'static str], &'static ByteSet, usize, usize);

#[rustfmt::skip]
static FAMILIES: &[TokenFamily] = &[
    // Clouds.
    TokenFamily("aws-access-key", &["AKIA", "ASIA", "ABIA", "ACCA", "A3TA"], &UPPER, 16, 16),
    TokenFamily("aws-bedrock-key", &["ABSK"], &B64, 60, 0),
    TokenFamily("google-api-key", &["AIza"], &B64URL, 35, 35),
    TokenFamily("google-oauth", &["GOCSPX-"], &B64URL, 20, 0),
    TokenFamily("google-oauth", &["ya29."], &DOTTED, 30, 0),
    TokenFamily("google-oauth", &["1//0"], &B64URL, 30, 0),
    TokenFamily("digitalocean", &["dop_v1_", "doo_v1_", "dor_v1_"], &HEX, 64, 64),
    TokenFamily("alibaba-key", &["LTAI"], &B62, 12, 26),
    TokenFamily("tencent-key", &["AKID"], &B62, 32, 36),
    TokenFamily("volcengine-key", &["AKLT"], &B62, 40, 0),
    TokenFamily("huawei-key", &["HPUA"], &UPPER, 16, 0),
    TokenFamily("linode-token", &["LIN_"], &B62, 40, 0),
    TokenFamily("heroku-token", &["HRKU-"], &B64URL, 36, 0),
    TokenFamily("fly-token", &["fo1_", "fm1r_", "fm1a_", "fm2_"], &B64_FLY, 40, 0),
    // Code hosting and packages.
    TokenFamily("github-token", &["ghp_", "gho_", "ghu_", "ghs_", "ghr_"], &B62, 36, 255),
    TokenFamily("github-token", &["github_pat_"], &WORDS, 22, 0),
    TokenFamily("gitlab-token", &["glpat-", "gldt-", "glrt-", "glcbt-", "glptt-", "glft-", "glimt-", "glagent-", "gloas-", "glsoat-", "glffct-", "GR1348941"], &DOTTED, 20, 120),
    TokenFamily("gitlab-token", &["_gitlab_session="], &HEX, 32, 0),
    TokenFamily("bitbucket-token", &["ATBB"], &B62, 32, 40),
    TokenFamily("atlassian-token", &["ATATT3", "ATCTT3", "ATOAT"], &DOTTED_EQ, 50, 0),
    TokenFamily("npm-token", &["npm_"], &B62, 36, 36),
    TokenFamily("pypi-token", &["pypi-AgEI"], &B64URL, 50, 0),
    TokenFamily("rubygems-token", &["rubygems_"], &HEX, 48, 48),
    TokenFamily("crates-token", &["cio"], &B62, 32, 32),
    TokenFamily("nuget-key", &["oy2"], &LOWER, 43, 43),
    TokenFamily("clojars-token", &["CLOJARS_"], &LOWER, 60, 0),
    TokenFamily("docker-token", &["dckr_pat_", "dckr_oat_"], &B64URL, 20, 0),
    TokenFamily("artifactory-key", &["AKCp"], &B62, 60, 0),
    TokenFamily("artifactory-key", &["cmVmdGtu"], &B62, 50, 0),
    TokenFamily("sourcegraph-token", &["sgp_"], &WORDS, 40, 0),
    // Building and deploying.
    TokenFamily("buildkite-token", &["bkua_", "bkct_"], &B62, 40, 0),
    TokenFamily("circleci-token", &["CCIPAT_", "CCIPRJ_"], &WORDS, 20, 0),
    TokenFamily("netlify-token", &["nfp_", "nfc_"], &B62, 36, 0),
    TokenFamily("render-token", &["rnd_"], &B62, 28, 0),
    TokenFamily("vercel-token", &["vcp_", "vca_", "vercel_blob_rw_"], &WORDS, 24, 0),
    TokenFamily("snyk-token", &["snyk_"], &DOTTED, 30, 0),
    TokenFamily("pulumi-token", &["pul-"], &HEX, 40, 40),
    TokenFamily("sonar-token", &["squ_", "sqp_", "sqa_"], &HEX, 40, 0),
    TokenFamily("infracost-key", &["ico-"], &B62, 32, 32),
    TokenFamily("harness-token", &["pat.", "sat."], &DOTTED, 60, 0),
    TokenFamily("prefect-key", &["pnu_"], &B62, 32, 0),
    TokenFamily("packagist-token", &["pck_"], &B62, 32, 0),
    // Models.
    TokenFamily("anthropic-key", &["sk-ant-"], &B64URL, 20, 0),
    TokenFamily("openai-key", &["sk-proj-", "sk-svcacct-", "sk-admin-", "sk-None-", "sk-or-v1-", "sk-lf-", "sk-or-"], &B64URL, 20, 0),
    TokenFamily("openai-key", &["sk-"], &B62, 20, 0),
    TokenFamily("openai-key", &["sess-"], &B62, 36, 0),
    TokenFamily("model-host-key", &["ak-", "sk-cp-", "sk-kimi-", "sk-sp-"], &B64URL, 24, 0),
    TokenFamily("model-host-key", &["hf_", "api_org_"], &B62, 30, 0),
    TokenFamily("model-host-key", &["gsk_"], &B62, 40, 0),
    TokenFamily("model-host-key", &["r8_"], &B62, 37, 0),
    TokenFamily("model-host-key", &["xai-"], &B62, 60, 0),
    TokenFamily("model-host-key", &["pplx-"], &B62, 40, 0),
    TokenFamily("model-host-key", &["nvapi-"], &B64URL, 50, 0),
    TokenFamily("model-host-key", &["fw_"], &B62, 22, 0),
    TokenFamily("model-host-key", &["pa-"], &B64URL, 43, 43),
    TokenFamily("model-host-key", &["sk_"], &HEX, 48, 48),
    TokenFamily("model-host-key", &["tvly-"], &B64URL, 30, 0),
    TokenFamily("model-host-key", &["fc-"], &HEX, 32, 32),
    TokenFamily("model-host-key", &["jina_"], &B64URL, 50, 0),
    TokenFamily("model-host-key", &["lsv2_pt_", "lsv2_sk_"], &HEX_WORD, 32, 0),
    TokenFamily("model-host-key", &["pcsk_"], &WORDS, 40, 0),
    TokenFamily("model-host-key", &["csk-"], &B62, 40, 0),
    TokenFamily("model-host-key", &["tgp_v1_"], &B64URL, 30, 0),
    TokenFamily("model-host-key", &["exa_"], &B62, 24, 0),
    TokenFamily("model-host-key", &["e2b_"], &HEX, 40, 0),
    TokenFamily("model-host-key", &["co_"], &B62, 36, 44),
    TokenFamily("model-host-key", &["ak_"], &B62, 20, 40),
    TokenFamily("model-host-key", &["crsr_"], &HEX, 40, 0),
    TokenFamily("model-host-key", &["m0-"], &B62, 36, 0),
    // Data.
    TokenFamily("database-service", &["dapi", "dkea"], &HEX, 32, 34),
    TokenFamily("database-service", &["sbp_"], &HEX, 40, 0),
    TokenFamily("database-service", &["sb_secret_"], &B64URL, 20, 0),
    TokenFamily("database-service", &["pscale_tkn_", "pscale_oauth_", "pscale_pw_"], &DOTTED_EQ, 32, 0),
    TokenFamily("database-service", &["napi_", "neon_"], &LOWER, 40, 0),
    TokenFamily("database-service", &["ntn_"], &B62, 40, 0),
    TokenFamily("database-service", &["secret_"], &B62, 43, 43),
    TokenFamily("database-service", &["tprisma_", "pdl_"], &B64URL, 40, 0),
    TokenFamily("database-service", &["mdb_sa_sk_"], &B64URL, 30, 0),
    TokenFamily("database-service", &["cflt"], &B64, 60, 0),
    TokenFamily("database-service", &["pat"], &B62_DOT, 79, 79),
    TokenFamily("database-service", &["CFPAT-"], &B64URL, 43, 0),
    // Messages and payments.
    TokenFamily("slack-token", &["xoxb-", "xoxp-", "xoxa-", "xoxr-", "xoxs-", "xoxc-", "xoxd-", "xoxe-", "xoxe.", "xapp-"], &LOOSE, 10, 0),
    TokenFamily("stripe-key", &["sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_", "sk_org_"], &STRIPE, 16, 0),
    TokenFamily("payment-token", &["sq0atp-", "sq0csp-", "sq0idp-"], &B64URL, 22, 0),
    TokenFamily("payment-token", &["EAAA"], &B64URL, 56, 0),
    TokenFamily("payment-token", &["access_token$production$", "access_token$sandbox$"], &LOWER_DOLLAR, 40, 0),
    TokenFamily("payment-token", &["shpat_", "shpca_", "shppa_", "shpss_", "shptka_"], &HEX_ANY, 32, 0),
    TokenFamily("payment-token", &["pdl_live_", "pdl_sdbx_"], &WORDS, 40, 0),
    TokenFamily("payment-token", &["access-production-", "access-development-", "access-sandbox-"], &HEX_DASH, 36, 36),
    TokenFamily("payment-token", &["EZAK", "EZTK"], &B62, 54, 0),
    TokenFamily("payment-token", &["live_", "test_"], &HEX, 35, 35),
    TokenFamily("payment-token", &["duffel_live_", "duffel_test_"], &B64URL, 40, 0),
    TokenFamily("facebook-token", &["EAA"], &B62, 80, 0),
    TokenFamily("twilio-key", &["SK"], &HEX, 32, 32),
    TokenFamily("mail-token", &["SG."], &DOTTED, 50, 0),
    TokenFamily("mail-token", &["key-"], &HEX, 32, 32),
    TokenFamily("mail-token", &["xkeysib-", "xsmtpsib-"], &DASHED, 64, 0),
    TokenFamily("mail-token", &["re_"], &WORDS, 26, 0),
    TokenFamily("mail-token", &["mlsn."], &HEX, 60, 0),
    TokenFamily("hubspot-token", &["pat-na1-", "pat-eu1-"], &HEX_DASH, 36, 36),
    TokenFamily("intercom-token", &["dG9r"], &B64, 56, 64),
    TokenFamily("yandex-token", &["y0_", "AQVN"], &B64URL, 30, 0),
    TokenFamily("payment-token", &["rzp_live_", "rzp_test_", "live_sk_", "test_sk_", "xnd_production_", "xnd_development_"], &B62, 14, 0),
    TokenFamily("dingtalk-secret", &["SEC"], &HEX, 64, 64),
    TokenFamily("lark-token", &["t-g", "u-g"], &B62_DOT, 38, 60),
    TokenFamily("coze-token", &["pat_"], &B62, 60, 0),
    // Operations.
    TokenFamily("vault-token", &["hvs.", "hvb.", "hvr."], &B64URL, 24, 0),
    TokenFamily("vault-token", &["s."], &B62, 24, 24),
    TokenFamily("operations-token", &["glsa_"], &WORDS, 41, 0),
    TokenFamily("operations-token", &["glc_"], &B64, 32, 0),
    TokenFamily("operations-token", &["NRAK-", "NRAA-", "NRJS-"], &B62, 19, 0),
    TokenFamily("operations-token", &["NRII-"], &B64URL, 30, 0),
    TokenFamily("operations-token", &["PMAK-"], &HEX_DASH, 59, 0),
    TokenFamily("operations-token", &["sntrys_", "sntryu_"], &SENTRY, 40, 0),
    TokenFamily("operations-token", &["tskey-"], &DASHED, 20, 0),
    TokenFamily("operations-token", &["dp.pt.", "dp.st.", "dp.ct.", "dp.sa.", "dp.scim."], &DOTTED, 36, 0),
    TokenFamily("operations-token", &["lin_api_", "lin_oauth_"], &B62, 32, 0),
    TokenFamily("operations-token", &["figd_", "figdr_"], &B64URL, 38, 0),
    TokenFamily("operations-token", &["phx_"], &B62, 40, 0),
    TokenFamily("operations-token", &["ops_eyJ"], &B64URL, 60, 0),
    TokenFamily("operations-token", &["rdme_"], &LOWER, 70, 0),
    TokenFamily("operations-token", &["tfp_"], &DOTTED_EQ, 40, 0),
    TokenFamily("operations-token", &["dt0c01.", "dt0s16."], &UPPER_DOT, 80, 0),
    TokenFamily("operations-token", &["fio-u-"], &B64URL, 60, 0),
    TokenFamily("operations-token", &["sk.eyJ"], &DOTTED, 60, 0),
    TokenFamily("operations-token", &["nango_"], &DASHED, 30, 0),
    TokenFamily("age-key", &["AGE-SECRET-KEY-1"], &UPPER, 50, 0),
];
static B64_FLY: ByteSet = ByteSet::parse("A-Za-z0-9_+/=,-");
static B62_DOT: ByteSet = ByteSet::parse("A-Za-z0-9.");
static STRIPE: ByteSet = ByteSet::parse("A-Za-z0-9+/=_");
static SENTRY: ByteSet = ByteSet::parse("A-Za-z0-9+/=_-");

/// Prefixes whose tokens must not read as words: common words begin so.
const WORDLIKE: &[&str] =
    &["cio", "oy2", "key-", "live_", "test_", "sess-", "ak_", "exa_", "neon_", "pat_", "snyk_", "LIN_"];
/// Most bytes of a body that are judged: longer ones are data.
const JUDGED: usize = 256;

/// Prefixes and their families, by the first byte, longest prefix first.
static BY_FIRST_BYTE: LazyLock<Vec<Vec<(&'static str, usize)>>> = LazyLock::new(|| {
    let mut table = vec![Vec::new(); 256];
    for (index, family) in FAMILIES.iter().enumerate() {
        for prefix in family.1 {
            if let Some(entries) = prefix.bytes().next().and_then(|byte| table.get_mut(usize::from(byte))) {
                entries.push((*prefix, index));
            }
        }
    }
    table.iter_mut().for_each(|entries| entries.sort_by_key(|(prefix, _)| std::cmp::Reverse(prefix.len())));
    table
});

/// Returns the prefixes of all families, with the bytes of their bodies.
pub(super) fn prefixes() -> impl Iterator<Item = (&'static str, &'static ByteSet)> {
    FAMILIES.iter().flat_map(|family| family.1.iter().map(|prefix| (*prefix, family.2)))
}

/// Finds tokens by their prefixes. Each run of body bytes is measured once, so that repeated prefixes cost no more than
/// one.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    let bytes = text.as_bytes();
    let table = &*BY_FIRST_BYTE;
    // Made when a prefix is there: most texts have none.
    let mut runs: Vec<(usize, usize)> = Vec::new();
    let mut skip_until = 0;
    for at in view.grams().tokens().iter().copied() {
        let byte = bytes.get(at).copied().unwrap_or(0);
        if at < skip_until {
            continue;
        }
        let Some(entries) = table.get(usize::from(byte)).filter(|entries| !entries.is_empty()) else { continue };
        let second = bytes.get(at + 1).copied();
        for (prefix, index) in entries {
            if prefix.as_bytes().get(1).copied() != second
                || !bytes.get(at..).is_some_and(|rest| rest.starts_with(prefix.as_bytes()))
                || !border_allows(bytes, at, prefix)
            {
                continue;
            }
            let Some(family) = FAMILIES.get(*index) else { continue };
            let body = at + prefix.len();
            runs.resize(FAMILIES.len(), (0, 0));
            let Some(run) = runs.get_mut(*index) else { continue };
            if !(run.0 <= body && body < run.1) {
                *run = (body, family.2.run_end(bytes, body, bytes.len()));
            }
            let is_glued = at.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(|byte| WORD.contains(*byte));
            match judge(view, family, (prefix, is_glued), body, run.1) {
                Judgement::Token(end) => {
                    findings.add(family.0, view, at..end);
                    skip_until = end;
                    break;
                }
                Judgement::Wrapped(end, rest) => {
                    findings.add(family.0, view, at..end);
                    findings.add(family.0, view, rest);
                    break;
                }
                // A long run that is no token is data: the next look at it is some way on.
                Judgement::Cut => findings.has_cut_token = true,
                Judgement::Nothing if run.1 - body > JUDGED * 2 => skip_until = at + JUDGED,
                Judgement::Nothing => {}
            }
        }
    }
}

enum Judgement {
    /// A token that ends here.
    Token(usize),
    /// A token that a terminal has wrapped: the end of its first line, and the rest of it.
    Wrapped(usize, std::ops::Range<usize>),
    /// The beginning of a token in a string that may go on in another one.
    Cut,
    Nothing,
}

/// Most bytes of a run before a prefix that is glued to it: a longer one is data.
const MAX_GLUED: usize = 32;

/// Returns true for a prefix that tells a token wherever it stands, as in `token_ghp_…`.
pub(super) fn is_distinctive(prefix: &str) -> bool {
    prefix.len() >= 4 && !WORDLIKE.contains(&prefix)
}

fn border_allows(bytes: &[u8], at: usize, prefix: &str) -> bool {
    let before = at.checked_sub(1).and_then(|at| bytes.get(at)).copied().unwrap_or(b' ');
    if prefix == "_gitlab_session=" {
        return true;
    }
    if WORD.contains(before) && is_distinctive(prefix) {
        // Behind a letter only a prefix that ends with a mark: `AKIA` may stand in any text of letters.
        let run = WORD.run_start(bytes, at, at.saturating_sub(MAX_GLUED));
        return at - run < MAX_GLUED && (before == b'_' || prefix.ends_with(['_', '-', '.']));
    }
    !WORD.contains(before) && !(matches!(before, b'-' | b'.') && (prefix.len() < 4 || prefix == "key-"))
}

fn judge(
    view: &View<'_>,
    family: &TokenFamily,
    (prefix, is_glued): (&str, bool),
    start: usize,
    run_end: usize,
) -> Judgement {
    let TokenFamily(_, _, set, least, most) = *family;
    let text = view.text();
    let mut end = run_end;
    if most > 0 && end - start > most {
        if most == least || end - start > most + 8 {
            return Judgement::Nothing;
        }
        end = start + most;
    }
    let Some(body) = text.get(start..end) else { return Judgement::Nothing };
    if body.len() < least {
        // A string that is put together from pieces.
        let bytes = text.as_bytes();
        if body.len() >= 4 && matches!(bytes.get(end), Some(b'"' | b'\'' | b'`' | b'\\')) {
            return Judgement::Cut;
        }
        return judge_wrapped(text, set, body, start..end, least, most);
    }
    let judged = body.get(..JUDGED.min(body.len())).unwrap_or(body);
    let is_sample = judged.contains("EXAMPLE") || is_certain_placeholder(judged);
    if is_sample || distinct_bytes(judged) < 8 || is_sequence(judged) {
        return Judgement::Nothing;
    }
    let is_hex = std::ptr::eq(set, &raw const HEX);
    let is_weak = prefix.len() < 4 || WORDLIKE.contains(&prefix);
    let least_bits = if std::ptr::eq(set, &raw const UPPER) { 3.0 } else { 3.9 };
    let is_long_word = judged.len() >= 40 && word_share(judged) < 25 && entropy(judged) > 3.6;
    if !has_digit(judged) && (is_weak || entropy(judged) < least_bits) && !is_long_word
        || is_weak && !is_hex && word_share(judged) > 40
        || (WORDLIKE.contains(&prefix) || is_glued) && word_share(judged) > 30
    {
        return Judgement::Nothing;
    }
    if most == 0 && end == run_end {
        let lines = wrapped_lines(text.as_bytes(), end, set);
        if let Some(last) = lines.last() {
            return Judgement::Wrapped(end, lines.first().map_or(end, |line| line.start)..last.end);
        }
    }
    // Signs at the end belong to the sentence.
    let trimmed = body.trim_end_matches(['.', '-', ',']).len();
    Judgement::Token(start + trimmed)
}

/// Judges a body that ends at the end of a line: the rest may stand alone at the start of the next one.
fn judge_wrapped(
    text: &str,
    set: &ByteSet,
    body: &str,
    range: std::ops::Range<usize>,
    least: usize,
    most: usize,
) -> Judgement {
    let bytes = text.as_bytes();
    if most == 0 || body.len() < 8 || bytes.get(range.end) != Some(&b'\n') {
        return Judgement::Nothing;
    }
    let start = blank_run(bytes, range.end + 1, 8);
    let end = set.run_end(bytes, start, start + 300);
    let Some(rest) = text.get(start..end).filter(|rest| rest.len() >= 6) else { return Judgement::Nothing };
    let ends = bytes.get(end).is_none_or(|byte| !byte.is_ascii_graphic() || b"\"'`*.,)}".contains(byte));
    let whole = || format!("{body}{rest}");
    if ends && body.len() + rest.len() >= least && has_digit(rest) && looks_generated(&whole(), 16, false) {
        return Judgement::Wrapped(range.end, start..end);
    }
    Judgement::Nothing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_have_bodies_of_some_length() {
        assert!(FAMILIES.iter().all(|family| family.4 == 0 || family.4 >= family.3));
    }
}
