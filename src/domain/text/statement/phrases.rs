//! Phrases by which statements are recognised. Each pattern is for one sentence in lower case.

use std::sync::LazyLock;

use regex_lite::Regex;

use crate::domain::text::compile_rule;

type Pattern = LazyLock<Regex>;

/// Words that may stand before what a sentence says: "ok, but now …".
pub(super) const OPENING: &str = r"^(?:(?:ok|okay|hmm|hm|ah|and|but|so|now|then|also|yes|yeah|no|sorry|well|right|great|btw|again|one (?:last|more) (?:thing|modification|question)|(?:quick )?(?:follow up )?question(?: first)?|looking at [^:,]{0,40})[,:.]* )*";

/// "Let's", with the adverbs after it. [`WORK`] says whether what follows only orders work.
pub(super) static LETS: Pattern = LazyLock::new(|| {
    compile_rule(
        r"\blet(?:'s|s| us) (?:(?:also|just|then|now|maybe|rather|instead|completely|please|only|not|quickly|first) )*",
    )
});

/// Work that "let's" may order without deciding anything.
pub(super) static WORK: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)^(?:start|begin|see|look|check|commit|continue|go\ (?:on|ahead|through|over|back|step)|review|discuss|do
        |try\ (?:again|it|that|this\ again)|push|pull|fix|test|run|work|think|talk|figure|find|investigate|debug|verify|validate
        |proceed|move\ (?:on|to\ (?:the|step|phase))|get|take|wait|finish|plan|explore|brainstorm|read|implement|say|assume|open
        |create|merge|rebase|first|have\ a\ look|tackle|handle|write|ask|focus|be\ focus|recap|summari[sz]e|understand|clean\ ?up
        |be\ clear|be\ honest|give|search|double|update|release|deploy|install|build|add\ (?:(?:a|some|the|more)\ )?tests?
        |use\ the\ \S+\ (?:skill|agent|plugin)|pick\ up|address\ (?:the|these|this|all|comments?))\b",
    )
});

/// What a person wants; the group `verb` is what is to be done, if it is named.
pub(super) static WANT: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)\b(?:i|we)(?:'d|\ would|\ do)?(?:\ also|\ really|\ rather|\ still)*\ (?:like|love|want|prefere?|think\ we\ want)
        \ (?:(?:to|us\ to|you\ to|it\ to|this\ to|that\ to)\ (?:be\ )?(?P<verb>[a-z]+)|(?:the|it|if|this|that|a|an|option|no|only|both|is)\b)",
    )
});

/// Verbs of work after "I'd like to".
pub(super) const WORK_VERBS: [&str; 40] = [
    "know",
    "see",
    "understand",
    "check",
    "ask",
    "test",
    "try",
    "validate",
    "verify",
    "look",
    "hear",
    "learn",
    "discuss",
    "think",
    "find",
    "get",
    "run",
    "debug",
    "investigate",
    "review",
    "start",
    "figure",
    "continue",
    "confirm",
    "explore",
    "first",
    "commit",
    "work",
    "update",
    "write",
    "build",
    "add",
    "brainstorm",
    "open",
    "push",
    "merge",
    "read",
    "go",
    "implement",
    "show",
];

/// Phrases that decide wherever they stand.
pub(super) static STRONG: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \bi(?:'d|\ would)\ (?:(?:also|even|rather|then|just)\ )*(?:prefer|rather|replace|suggest|go|keep|change|remove|use|call|drop|say
            |leave|put|move|rename|make|skip|show|stick|opt|vote|lean)\b
        | \bwe\ (?:should|shouldn't|must|mustn't|won't)\b
        | \bwe(?:'ll|\ will|'re\ going\ to|\ are\ going\ to)\ (?:use|keep|go|have|store|call|support|only|not|never|always|stick|stay|drop)\b
        | \bwe\ (?:can|could)\ (?:(?:just|simply|also)\ )?(?:skip|drop|remove|leave|keep|use|ignore)\b
        | \bwe\ need\ to\ (?:make\ sure|be|keep|use|have|support|show|store|always|avoid|also)\b
        | \bno\ need\ (?:to|for)\b | \b(?:out\ of\ scope|good\ enough|overkill)\b | \bbetter\ to\b | \bi\ think\ it'?s\ better\b
        | \b(?:go|switch|change\ (?:it|this|that))\ back\ to\b | \brevert\ to\b
        | \bgo(?:ing)?\ (?:for|with)\b | \bstick\ (?:with|to)\b | \b(?:i|we)(?:'ve)?\ decided?\b | \bi\ (?:like|prefer)\ (?:the|option|\d|your)\b
        | \bdon'?t\ (?:use|show|add|include|store|call|print|rename|name|keep|support|allow|expose|default)\b
        | \bmaybe\ like\ this\b | ^not\ .{2,60}\ but\b | \bkeep\ backwards\b",
    )
});

/// Phrases that decide unless the turn asks or reports a fault.
pub(super) static WEAK: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \bshould\ (?:(?:not|also|only|still|always|never|rather|just|instead|really)\ )*
            (?:be|use|say|stay|live|go|default|include|show|return|contain|print|ask|keep|remain|become|apply|support)\b
        | \bwe\ (?:don't|do\ not)\ need\b | \btoo?\ (?:much|big|complex|complicated|long|risky)\b | \bby\ default\b | \bno\ longer\b
        | \bis\ obsolete\b | \brather\ than\b | \binstead\b | \bfrom\ now\ on\b | \bonly\ (?:the\ )?(?:first|once|when)\b | \bfor\ now\b
        | \b(?:needs?|has)\ to\ be\b | \bmust\ (?:not\ )?(?:be|have|use)\b | ^.{3,80}\ ->\ [^/]{3,120}$",
    )
});

/// Orders that say what is to be; the group `rest` is what follows the verb.
pub(super) static ORDER: Pattern = LazyLock::new(|| {
    compile_rule(&format!(
        "{OPENING}(?:(?:please|just|all good,|perfect,|sure,|maybe|better|or better:?|do) )*(?:rename|remove|drop|replace|switch|use\
        |keep|make|call|put|move|hide|default|store|name|prefer|leave|stick|never|always|rather|set|allow|disable|skip|no need|only|not) (?P<rest>.*)"
    ))
});

/// What such a verb is followed by when it only orders work.
pub(super) static ORDERED_WORK: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)^(?:sure|me\b|a\ (?:commit|pr|plan|list|test|branch|new)|the\ (?:commit|pr|tests?|changes?|same|\S+\ (?:skill|agent|plugin|command|tool|mcp))
        |it\ work|going|all\ (?:the\ )?tests|up\b|on\b|in\ mind|an?\b.{0,20}(?:agent|skill)|subagents?|@|/|track)",
    )
});

/// An option that is taken with a change, or the answers to a list of questions.
pub(super) static CHANGED_OPTION: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)^(?:option\ |opt\ )?(?:[0-9]|[a-d])\b[.,:)]?\ ?(?:but|and\ (?:i|we|also|then|make|let)|with|no\b|we\b|i\b)
        | ^[0-9][.)]\ +(?:yes|no|we|i|option|only|keep|use|left|right|don't|both)\b
        | ^(?:选|用)?(?:方案|第)?[0-9一二三四a-d]个?[，,]\s*(?:但|不过|只是|并且|同时)",
    )
});

/// Proposals that replace another one: "could we show the message instead?".
pub(super) static COUNTER_PROPOSAL: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \bhow\ about\ (?:this|we|using|calling|just|instead|making|a\b) | \bwhat\ about\ (?:using|just|calling)\b
        | \b(?:can|could|should)(?:n't)?\ (?:we|it|you|this)\ .{0,80}\binstead\b
        | \bwhy\ (?:can't|don't|can\ we\ not|not)\ (?:we\ )?(?:not\ )?just\b | \bshould(?:n't)?\ (?:we\ )?rather\b",
    )
});

/// Chinese phrases that decide.
pub(super) static CHINESE_DECISION: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        以后(?:都|就|统一|一律|别|不) | 不要再|别再 | 改成|改为|改用|换成|换回|改回 | 统一(?:用|使用|成|改|叫|放|写) | 就(?:用|按|选|这么|叫|放)
        | 定了|定下来|决定|确定(?:用|采用) | 采用|保留|去掉|删掉|不再|必须|一律 | 默认(?:用|是|为|改|开|关|不) | 还是用|还是按
        | 只(?:用|保留|支持|允许|在) | 选(?:方案|第|用) | 用.{1,16}(?:吧|就好|就行|而不是|代替|不用) | 应该(?:用|叫|放|是|改)
        | 不(?:需要|用)再|不(?:支持|兼容|引入)|不用兼容 | 按.{1,12}(?:来|做) | (?:叫|放在|放到|存到|写到).{1,20}(?:吧|就行|就好) | 不要(?:用|加|引入|改)",
    )
});

/// Beginnings of Chinese sentences that order work.
pub(super) static CHINESE_WORK: Pattern = LazyLock::new(|| {
    compile_rule(
        "^(?:先|请|帮我|麻烦|再|你)*(?:看看|看一下|看下|检查|跑|运行|测试|提交|继续|开始|解释|分析|找|修|查|写)",
    )
});

/// Says that something is wrong.
pub(super) static CORRECTION: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \b(?:that|this|it|which)(?:'s|\ is|s)\ (?:still\ )?(?:wrong|not\ (?:right|correct|true|working|what)|incorrect|misleading|broken)
        | \b(?:it(?:'s|\ is)|is)\ still\b
        | \bstill\ (?:not|using|displaying|shows?|showing|doesn'?t|isn'?t|lists?|listing|fails?|failing|the\ same|wrong|broken|happen(?:s|ing))\b
        | ^(?:hmm,?\ |no,?\ |sorry,?\ )?i\ (?:mean|meant|said|was\ (?:talking|asking))\b | \bi\ (?:can\ )?still\ see\b | \bi\ am\ talking\ about\b
        | \bmy\ point\ (?:is|was)\b | \bnot\ (?:[a-z]+\ )?correct\b | \bincorrect\b | \bi\ don'?t\ (?:like|think|agree|believe)\b
        | \byou\ (?:wrote|(?:also\ )?said|missed|forgot|removed|broke|misunder[a-z]+|are\ wrong|did\ not|didn't)\b | \byou've\ [a-z]+ed\b
        | \bnot\ what\ i\b | \bthat'?s\ not\b | ^no,?\ (?:that|this|it|the|i|you|not)\b | \bwhy\ (?:did|do)\ you\b
        | \blooks\ (?:a\ bit\ )?(?:strange|wrong|odd|off|weird)\b | \bis\ lost\ now\b
        | ^(?:yeah\ |yes\ |hmm,?\ )?but\ (?:it|isn'?t|wasn'?t|aren'?t|doesn'?t|why|that|this\ is|the|all)\b | ^isn'?t\ it\b
        | \b(?:is|was|you're|are|totally|completely|still|got\ (?:it|this|that))\ wrong\b | \bi'?m\ questioning\b | ^not\ .{2,60}\ but\b
        | \bdoesn'?t\ work\b | \bnot\ working\b | ^it\ somehow\b
        | ^(?:不对|错了|不是(?:这|那|我|说)) | 不是这样|不是这个意思|我说的是|我的意思是|还是不行|还是(?:报错|失败|没|有问题) | 没有?生效
        | 你(?:又|还是)?(?:漏|忘|搞错|弄错|理解错|误解) | 改错|弄反|搞反|写错|不是我(?:要|想)的",
    )
});

/// Marks of a rule for all later work.
pub(super) static RULE: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \bfrom\ now\ on\b | \bgoing\ forward\b | \byou\ (?:(?:should|must|need\ to)\ )?(?:always|never)\b
        | ^(?:(?:please|and|also|but)\ )?(?:always|never)\ [a-z]+ | \bevery\ time\ you\b | \bwhenever\ you\b
        | \bremember\ (?:to\ (?:always|never)|this\ for|that\ (?:we|i|you))\b
        | 以后(?:都|就|统一|一律|别|不|请|提交|写|改) | 今后 | 每次.{0,8}(?:都|必须|要) | 永远(?:不|要)|一律 | (?:请|要|你|次)记住|^记住 | 下次(?:都|请|别|不要|也) | (?:我们|我)的(?:习惯|惯例|约定|规矩) | 从现在(?:起|开始) | 凡是",
    )
});

/// Requests to write something into the file of standing instructions.
pub(super) static RULE_FILE: Pattern = LazyLock::new(|| {
    compile_rule(
        r"\b(?:add|put|note|document|write|remember|save|mention)\b.{0,40}\b(?:claude|agents)\.md\b|(?:写进|写到|写入|加到|加进|记到|记在).{0,4}(?:claude|agents)\.md",
    )
});

/// Takes an earlier decision back.
pub(super) static TAKE_BACK: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \brevert\b | \bundo\b | \broll\ (?:it\ |this\ |that\ )?back\b | \b(?:go|switch|change(?:\ it|\ this|\ that)?)\ back\b | \bafter\ all\b
        | \b(?:remove|drop)\ (?:this|it|that)\ again\b | \bnever\ ?mind\b | \bthinking\ again\b | \bchanged\ my\ mind\b | \babandon\b
        | 改回|撤销|撤回|回退|恢复成|还原|不要了|算了|取消这个|换回",
    )
});

/// Changes something that was decided or built before.
pub(super) static CHANGE: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)
        \binstead\b | \brename\b | \bno\ longer\b | \bany\ ?more\b | \brather\ than\b | \bobsolete\b | \binvert\b | \breplace\b
        | \bswitch\ (?:it\ |this\ |that\ )?(?:to|from)\b | \bchange\ (?:it|this|that|the|from)\b | \bmove\ (?:it|this|that|away)\b
        | 改成|改为|改用|换成|不再|取代|替换",
    )
});

/// Says that a statement holds everywhere.
pub(super) static EVERYWHERE: Pattern = LazyLock::new(|| {
    compile_rule(
        r"\b(?:in|for|across) (?:all|every|any)(?: of)?(?: my| our| the)? (?:projects?|repos?|repositor(?:y|ies))\b|\beverywhere\b|\bglobally\b|~/\.claude/|所有项目|全部项目|任何项目|每个项目|全局",
    )
});

/// Short agreement at the beginning of a turn.
pub(super) static AGREEMENT: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)^(?:yes|yeah|yep|yup|y|ok|okay|sure|sounds?\ (?:good|great)|looks?\ good|lgtm|perfect|great|go\ ahead|go\ for\ it|please\ do
        |do\ it|do\ that|agreed?|correct|exactly|right|fine|that\ works|it'?s\ perfect|makes\ sense|proceed|i\ agree|approved?|of\ course
        |definitely|absolutely|that\ was\ the\ idea|good\ idea|好啊|好的|好|可以的|可以|行吧|行|嗯嗯|嗯|对的|对|是的|是|没问题|同意|就这样|就这么(?:办|做|定)
        |按你说的(?:做|来)?|当然|来吧|没错)(?:[,.!，。！、\ ]|$)",
    )
});

/// A choice among what was offered: "option 3", "1 and 2", "do both", 选第二个.
pub(super) static CHOICE: Pattern = LazyLock::new(|| {
    compile_rule(
        r"(?x)^(?:(?:please|now|ok|okay|yes|yeah|then|let'?s|let\ us|can\ you|just|and|那就|那|就)[,，\ ]*)*
        (?:implement|fix|do|apply|go\ with|go\ for|try|take|address|make|give|add|use|选择|选|用|做|按)?:?\ ?(?:options?\ |方案\ ?|选项\ ?|第)?
        (?:[0-9a-d一二三四](?:\s*(?:,|and|\+|&|和|、)\s*[0-9])*|all(?:\ of\ (?:them|it))?|both|it|this|that|these|them|the\ fix|the\ change
            |the\ first(?:\ one)?|the\ second(?:\ one)?|都要|全部|两个都)
        (?:\ ?(?:[0-9]|of\ them|one|too|then|please|个|种|吧|change|changes|as\ well|both|a\ try))*[.!。！\ ]*$",
    )
});

/// Words after an agreement that take some of it back.
pub(super) static RESERVATION: Pattern = LazyLock::new(|| {
    compile_rule(r"\b(?:but|not|should|must|need|don't|instead)\b|但|不过|不要|改成|改用|必须|应该|以后|只")
});
