//! Static files of the web page. They hold no data and need no token; the data comes from `api`, which needs a key.

use axum::Router;
use axum::http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::routing::get;

/// Content Security Policy: own files and own server only, no inline script or style, no code from strings, no framing.
const PAGE_CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// Files of the page: path, content type, content.
pub const FILES: [(&str, &str, &str); FILE_COUNT] = [
    ("/", "text/html; charset=utf-8", include_str!("../../data/page/index.html")),
    ("/page/tokens.css", "text/css; charset=utf-8", include_str!("../../data/page/tokens.css")),
    ("/page/app.css", "text/css; charset=utf-8", include_str!("../../data/page/app.css")),
    ("/page/icon.svg", "image/svg+xml", include_str!("../../data/page/icon.svg")),
    ("/page/app.js", SCRIPT, include_str!("../../data/page/app.js")),
    ("/page/dom.js", SCRIPT, include_str!("../../data/page/dom.js")),
    ("/page/icons.js", SCRIPT, include_str!("../../data/page/icons.js")),
    ("/page/server.js", SCRIPT, include_str!("../../data/page/server.js")),
    ("/page/words.js", SCRIPT, include_str!("../../data/page/words.js")),
    ("/page/documents.js", SCRIPT, include_str!("../../data/page/documents.js")),
    ("/page/charts.js", SCRIPT, include_str!("../../data/page/charts.js")),
    ("/page/today.js", SCRIPT, include_str!("../../data/page/today.js")),
    ("/page/search.js", SCRIPT, include_str!("../../data/page/search.js")),
    ("/page/turns.js", SCRIPT, include_str!("../../data/page/turns.js")),
    ("/page/conversation.js", SCRIPT, include_str!("../../data/page/conversation.js")),
    ("/page/timeline.js", SCRIPT, include_str!("../../data/page/timeline.js")),
    ("/page/memories.js", SCRIPT, include_str!("../../data/page/memories.js")),
    ("/page/decisions.js", SCRIPT, include_str!("../../data/page/decisions.js")),
    ("/page/injections.js", SCRIPT, include_str!("../../data/page/injections.js")),
    ("/page/health.js", SCRIPT, include_str!("../../data/page/health.js")),
    ("/page/settings.js", SCRIPT, include_str!("../../data/page/settings.js")),
];

const FILE_COUNT: usize = 21;
const SCRIPT: &str = "text/javascript; charset=utf-8";

pub(super) fn build_routes() -> Router {
    FILES.into_iter().fold(Router::new(), |router, (path, kind, content)| {
        let answer = move || async move { (page_headers(kind), content) };
        router.route(path, get(answer))
    })
}

fn page_headers(kind: &'static str) -> HeaderMap {
    let fixed: [(HeaderName, &'static str); 4] = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, PAGE_CSP),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    fixed.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_small_and_keeps_its_own_policy() {
        let bytes: usize = FILES.iter().map(|(.., content)| content.len()).sum();
        assert!(bytes < 300_000, "{bytes}");
        for (path, kind, content) in FILES {
            let code = kind == SCRIPT;
            for word in [
                "innerHTML",
                "outerHTML",
                "insertAdjacentHTML",
                "document.write",
                "eval(",
                "new Function",
                "document.cookie",
            ] {
                assert!(!code || !content.contains(word), "{path} has {word}");
            }
            assert!(!content.contains("style=") && !content.contains(" onclick="), "{path} has code or style in it");
        }
    }
}
