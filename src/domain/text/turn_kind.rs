//! Kinds of turns that are no request for a change by themselves: questions, and work on what is there (commit, push, test);
//! and prompts that hand a plan over. Small talk is in `prompt`, references in `reference`.

use std::sync::LazyLock;

use regex_lite::Regex;

use super::prompt::prompt_gist;
use super::{compile_rule, count_units};

/// Most words of a question, and of what follows an order to commit or push.
const MAX_QUESTION_WORDS: usize = 60;
const MAX_WORDS: usize = 12;

/// Turns about commits, pushing and reviews: work on what is there, no reason for it.
static PROCEDURAL: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?ix)^[\s.,!;:'~)(，。！、？?-]*(?:(?:ok|okay|yes|yeah|great|good|now|then|please|and|can\ you|could\ you|let'?s|also)[\s.,!;:'~)(，。！、？?-]+)*
        (?:(?:git\s+)?(?:commit|push|merge|rebase|stash|squash|amend)\b|(?:create|open|make|update|draft|write)\ (?:a\ |the\ )?(?:pr|pull\ request|commit|branch|pr\ description)\b
          |run\ (?:the\ )?(?:tests?|linter?|build|simplifier)\b|rename\ this\ branch|check\ ?out\b|/\w+|提交|推送|合并|变基|跑(?:一下)?测试|创建?(?:一个)?\s*pr)
        (?P<rest>.*)$",
    )
});

/// Turns that only approve of what was done.
static PRAISE: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?ix)^[\s.,!;:'~)(，。！、？?-]*(?:(?:ok|okay|yes|yeah|wow|that|this|it|its|it's|that's|was|is|works?|working|looks?|sounds?|very|so|now|all|perfect|great|good|nice|awesome|excellent|cool|fine|correct|exactly|fixed|done|much|better|love|well|lgtm|thanks?|you)[\s.,!;:'~)(，。！、？?-]*)+$
        |^[\s.,!;:'~)(，。！、？?-]*(?:好|很|太|不错|完美|可以了?|没问题|正确|搞定|成功|谢谢|棒|了|的|啊|呀|，|。|！)+[\s.,!;:'~)(，。！、？?-]*$",
    )
});

/// Beginning of a prompt that hands a plan over.
static PLAN: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?i)^\s*(?:please )?(?:implement|execute|carry out) (?:the|this) (?:following )?plan\b|^\s*(?:请)?(?:实现|执行|按照?)(?:以下|下面|这个)的?计划",
    )
});

/// Questions that ask for an answer and for no work.
static QUESTION: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?ix)^[\s.,!;:'~)(，。！、？?-]*(?:(?:ok|okay|and|but|so|hmm|q|question|genuine\ question|wait)[\s.,!;:'~)(，。！、？?-]+)*
        (?:(?:what|why|how|where|when|which|who|whose|is|are|was|were|does|do|did|has|have|would|should)\b
          |(?:can|could)\ you\ (?:again\ )?(?:explain|show|tell|list|describe|summari[sz]e|remind|help\ me\ understand|print|confirm|double\ check|check)\b
          |什么|为什么|为何|怎么|如何|哪|谁|是不是|是否|有没有|能不能(?:解释|说明)|解释|说明一下)",
    )
});

/// Orders to write an answer rather than to change anything.
static ANSWER_ORDER: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"(?ix)^[\s.,!;:'~)(，。！、？?-]*(?:(?:ok|okay|now|first|please|can\ you|could\ you|let'?s)[\s.,!;:'~)(，。！、？?-]+)*
        (?:(?:write\ down|explain|show\ me|list|summari[sz]e|describe|tell\ me|give\ me|(?:create|make|write|prepare)\ (?:a|the)\ plan|think\ (?:about|through)|analy[sz]e|brainstorm)\b
          |先?(?:请)?(?:列出|写出|总结|分析|说明|解释|制定计划|做个计划|想想))",
    )
});

/// Returns true for a turn that only asks to commit, push, test or review what is there.
pub fn is_procedural(turn: &str) -> bool {
    let turn = turn.trim();
    PROCEDURAL.captures(turn).is_some_and(|found| {
        let rest = found.name("rest").map_or("", |rest| rest.as_str());
        // "commit this, then fix the other bit" is more than that.
        count_units(rest) <= MAX_WORDS && !rest.contains(" then ") && !rest.contains("然后")
    })
}

/// Returns true for a turn that only approves of what was done.
pub fn is_praise(turn: &str) -> bool {
    PRAISE.is_match(turn.trim())
}

/// Returns true for a turn that asks for an answer rather than for work.
pub fn is_question(turn: &str) -> bool {
    let gist = prompt_gist(turn);
    let asks = gist.ends_with(['?', '？', '吗', '呢']) && QUESTION.is_match(&gist);
    count_units(&gist) <= MAX_QUESTION_WORDS && (asks || ANSWER_ORDER.is_match(&gist))
}

/// Returns the title of the plan that a prompt hands over.
pub fn read_plan_title(turn: &str) -> Option<String> {
    if !PLAN.is_match(turn) {
        return None;
    }
    let heading = turn.lines().map(str::trim).find(|line| line.starts_with('#'))?;
    let title = heading.trim_start_matches('#').trim();
    let title = title.strip_prefix("Plan:").or_else(|| title.strip_prefix("计划：")).unwrap_or(title).trim();
    (!title.is_empty()).then(|| title.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_on_what_is_there_is_no_reason() {
        for turn in
            ["push and create a PR", "commit these changes", "ok, commit", "run the test", "提交并推送", "/commit"]
        {
            assert!(is_procedural(turn), "{turn}");
        }
        for turn in [
            "commit this, then let's do the other bit",
            "create a retry loop",
            "let's rename the flag",
            "改成二十",
            "ok，改成二十，然后 commit",
        ] {
            assert!(!is_procedural(turn), "{turn}");
        }
    }

    #[test]
    fn praise_is_no_request() {
        for turn in ["its perfect", "ok, works. great", "looks good!", "很好，谢谢", "完美"] {
            assert!(is_praise(turn), "{turn}");
        }
        for turn in ["All good, but I would replace the flag", "works only on main", "好，改成二十", "ok，改成二十"]
        {
            assert!(!is_praise(turn), "{turn}");
        }
    }

    #[test]
    fn the_title_of_a_plan_is_read() {
        let prompt = "Implement the following plan:\n\n# Plan: Rename `clean` to `cleanup`\n\n## Steps\n1. x";
        assert_eq!(read_plan_title(prompt).as_deref(), Some("Rename `clean` to `cleanup`"));
        assert_eq!(read_plan_title("执行以下计划：\n# 连接池\n"), Some("连接池".to_owned()));
        assert_eq!(read_plan_title("# Title of a note"), None);
    }

    #[test]
    fn questions_are_told_from_requests() {
        for question in [
            "what does session show do?",
            "ok, and how does the log look now?",
            "can you explain the third option?",
            "为什么要加锁？",
            "please write down all the steps we have to follow",
            "先列出所有步骤",
        ] {
            assert!(is_question(question), "{question}");
        }
        for request in
            ["can you sort the branches by date?", "could we also print the name?", "rename it", "能把大小改成二十吗？"]
        {
            assert!(!is_question(request), "{request}");
        }
    }
}
