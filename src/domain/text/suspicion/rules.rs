//! Patterns of planted instructions, grouped by their aim.

use super::SuspicionRule;

/// All rules. English and Chinese in full, "ignore previous instructions" in nine more languages.
pub(super) static SUSPICION_RULES: [SuspicionRule; 47] = [
    // Ignore what you were told.
    SuspicionRule::new(
        &[IGNORE, INSTRUCTIONS],
        r"\b(?:ignore|disregard|forget|override|bypass|overrule|neglect|discard) (?:(?:the|these|those|this|my|of|other|current|existing|and|or|in) ){0,3}(?:all|any|every|everything|your|previous|prior|past|above|earlier|preceding|foregoing|original|initial|system|safety) (?:(?:of|the|these|those|your|my|and|or|other|in|current|existing|all|any|previous|prior|past|above|earlier|preceding|foregoing|original|initial|system|safety|security|user|developer) ){0,5}(?:instructions?|directives?|guidelines?|directions|guardrails?|guidance|prompts?|rules?|restrictions|constraints|context|commands|policies|safeguards)\b",
    ),
    SuspicionRule::new(
        &[IGNORE, INSTRUCTIONS],
        r"\b(?:ignore|disregard|override|bypass) (?:(?:the|these|those|my|existing|current) ){1,2}(?:instructions|directives|guidelines|guardrails|restrictions)\b",
    ),
    SuspicionRule::new(
        &[&["ignore", "disregard", "forget"], &["above", "before", "prior", "previous", "you", "told"]],
        r"\b(?:ignore|disregard|forget) (?:everything|anything|all)(?: (?:that|of))?(?: (?:was|is|came|said|written|the|text))* (?:above|before\b|prior|previous|preceding|you(?:'ve| have| were| are)?(?: been)? (?:told|learned|know|read|said|given))|\b(?:ignore|disregard|forget) what(?:ever)? (?:you were|you have been|was|has been|i|we) (?:told|said|written)\b",
    ),
    SuspicionRule::new(
        &[&["overrid", "supersede", "replace", "precedence"], &["instruction", "directive", "prompt"]],
        r"\b(?:overrid(?:es?|ing)|supersed(?:es?|ing)|replac(?:es?|ing)|tak(?:es?|ing) precedence over) (?:(?:the|of) )*(?:(?:all|your|previous|prior|earlier) )(?:(?:all|any|your|the|of|other|previous|prior|earlier|system) ){0,3}(?:instructions|directives|system prompts?)\b",
    ),
    SuspicionRule::new(
        &[
            &["follow"],
            &["instruction", "directive", "guideline", "prompt"],
            &["stop", "not", "n't", "dont", "no longer"],
        ],
        r"\b(?:stop following|(?:not|don'?t|no longer) follow) (?:(?:any|all|of|the|your|these|previous|prior|earlier|above|original) ){0,3}(?:your|previous|prior|earlier|above|original) (?:system )?(?:instructions|directives|guidelines|prompts?)\b|\b(?:stop following|(?:not|don'?t|no longer) follow) the (?:instructions|guidelines) above\b",
    ),
    SuspicionRule::new(
        &[&["begin", "end of"], &["instruction", "prompt"]],
        r"(?:^|\n)[^a-z0-9\n]{0,12}(?:begin(?:ning of)? (?:new|system|admin) (?:instructions?|prompt)|end of (?:(?:the|system|user) ){0,2}(?:instructions|prompt))\b",
    ),
    // Be somebody else.
    SuspicionRule::new(
        &[&["you"], &["now"], &["mode", "assistant", "agent", "ai", "jailbroken", "unrestricted", "dan"]],
        r"\byou are now (?:in )?(?:an? )?(?:[a-z]+\s){0,3}(?:mode|assistant|agent|ai|jailbroken|unrestricted|dan)\b",
    ),
    SuspicionRule::new(
        &[&["longer", "unrestricted", "jailbroken"], &["you", "act as"]],
        r"\byou are no longer (?:bound|restricted) by\b|\bact as (?:an? )?(?:unrestricted|jailbroken)\b",
    ),
    SuspicionRule::new(
        &[&["from"], &["now"], &["you"]],
        r"\bfrom now on you (?:must|will|are|shall|should|only|always|never)\b",
    ),
    SuspicionRule::new(
        &[&["your"], &["new", "real", "true", "actual"], &["is", "are"]],
        r"\byour (?:new|real|true|actual) (?:instructions?|task|objective|mission|orders) (?:is|are)\b",
    ),
    SuspicionRule::new(
        &[
            &["restrictions", "filters", "guidelines"],
            &["no ", "without", "free"],
            &["pretend", "act", "you", "behave"],
        ],
        r"\b(?:pretend|act as|act like|behave as|you have|you are)\b[^.\n]{0,40}\b(?:no|without|free (?:of|from)) (?:any |all |safety |content )*(?:restrictions|filters|guidelines)\b",
    ),
    // Keep it from the person.
    SuspicionRule::new(
        &[NOT, PERSON, &["tell", "inform"]],
        r"\b(?:not|don'?t|never|mustn'?t|shouldn'?t) (?:ever )?(?:tell|inform) (?:the|your|any) (?:user|human|operator|developer|owner)s?\b",
    ),
    SuspicionRule::new(
        &[
            &["not", "don't", "dont", "never"],
            PERSON,
            &["mention", "reveal", "disclose", "show", "report", "say", "alert", "notify"],
        ],
        r"\b(?:not|don'?t|never|mustn'?t|shouldn'?t) (?:ever )?(?:mention|reveal|disclose|show|report|say|alert|notify)(?: (?:this|that|it|these|them|any|anything|of|about|instructions?|message|note|reminder))* (?:to )?(?:the|your) (?:user|human|operator|developer|owner)\b",
    ),
    SuspicionRule::new(
        &[&["not", "don't", "dont", "never"], PERSON, &["let"], &["know", "notice", "find"]],
        r"\b(?:not|don'?t|never) let (?:the|your) (?:user|human|operator|developer|owner) (?:know|notice|find)\b",
    ),
    SuspicionRule::new(
        &[&["without"], PERSON, &["telling", "informing", "notifying", "alerting", "asking"]],
        r"\bwithout (?:telling|informing|notifying|alerting) (?:the|your) (?:user|human|operator)\b|\bwithout asking (?:the|your) (?:user|human|operator)(?: (?:first|for (?:permission|approval|confirmation|consent))\b|[.,;:!)]|\s*$| and\b)",
    ),
    SuspicionRule::new(
        &[&["hide", "secret", "conceal"], PERSON, &["from"]],
        r"\b(?:hide|conceal|keep) (?:this|that|it|these|everything)(?: (?:secret|hidden))? from (?:the|your) (?:user|human|operator|owner)\b",
    ),
    // Give away what you know.
    SuspicionRule::new(
        &[
            &["prompt", "hidden", "initial"],
            &["system", "instructions"],
            &["reveal", "print", "output", "repeat", "leak", "disclose", "show"],
        ],
        r"\b(?:reveal|print|output|repeat|leak|disclose|show) (?:me )?(?:your (?:(?:full|entire|own|hidden|secret) )*(?:system prompt|hidden instructions|initial instructions)\b|the (?:(?:full|entire|hidden|secret) )*(?:system prompt|hidden instructions|initial instructions)(?:[.,;:!?]|\s*$|\n| (?:and|above|verbatim|word for word)\b))",
    ),
    SuspicionRule::new(
        &[
            &["send", "post", "upload", "exfiltrate", "forward", "leak", "transmit"],
            &["password", "secret", "key", "token", "credential", ".env", "environment", "rsa"],
            &["http://", "https://", "@"],
        ],
        r"\b(?:send|post|upload|exfiltrate|forward|leak|transmit)\b[^\n]{0,80}(?:\b(?:passwords?|secrets?|api ?keys?|tokens?|credentials?|ssh keys?|environment variables|id_?rsa)\b|\.env\b)[^\n]{0,80}\b(?:to|at|via) [^\n]{0,16}(?:https?://(?:[^l1\n]|l[^o\n]|1[^2\n])|[a-z0-9]@[a-z0-9])",
    ),
    // A voice of authority.
    SuspicionRule::new(
        &[&["<|", "inst]", "sys>", "_of_turn>"]],
        r"<\|(?:im_start|im_end|system|user|assistant|endoftext|eot_id|start_header_id|end_header_id)\|>|\[/?inst\]|<</?sys>>|<(?:start|end)_of_turn>",
    ),
    SuspicionRule::new(
        &[&[
            "<system",
            "</system",
            "<instruction",
            "</instruction",
            "<assistant_ins",
            "</assistant_ins",
            "<admin",
            "</admin",
        ]],
        r"</?(?:system|instructions?|assistant_instructions|admin)\s?>",
    ),
    SuspicionRule::new(
        &[&["system:", "system\n", "system prompt:"], &["you", "ignore", "the assistant"]],
        r"(?:^|\n)[^a-z0-9\n]{0,4}system(?: prompt)?\s?:\s?(?:you (?:are|must|will|should|now)|ignore|the assistant)\b",
    ),
    SuspicionRule::new(&[&["memory"], &["<", "‹"]], r"[<‹][^a-z0-9]{0,8}memory[^a-z0-9]{1,4}[0-9a-f]{4,}"),
    SuspicionRule::new(
        &[
            &["system"],
            &["notice", "override", "alert", "directive", "instruction", "message", "notification", "warning"],
        ],
        r"\[\s?system (?:notice|override|alert|directive|instructions?|message|notification|warning)\s?[:\]]|(?:^|\n)[^a-z0-9\n]{0,4}system (?:notice|override|directive|alert)\b\s?(?::|$|\n|-)",
    ),
    SuspicionRule::new(
        &[&["new"], &["instruction", "directive", "orders"], &[":"]],
        r"\bnew (?:system )?(?:instructions?|directives?|orders)\s?:",
    ),
    SuspicionRule::new(
        &[
            &["important", "urgent", "critical", "attention", "note", "notice", "message", "instruction"],
            &["ai", "llm", "language", "assistant", "agent", "claude", "chatbot"],
            &[":", "!"],
            &["for", "to"],
        ],
        r"\b(?:important|urgent|critical|attention|note|notice|message|instructions?)\b[^\n]{0,20}\b(?:for|to) (?:(?:the|any|all) )?(?:ai|llms?|language models?|assistants?|ai agents?|coding agents?|claude|chatbots?)\b[^\n]{0,20}[:!]",
    ),
    SuspicionRule::new(
        &[&["must", "should", "shall", "need", "required"], &["agent", "assistant", "model"], &["ai", "llm"]],
        r"\b(?:ai|llm) (?:agents?|assistants?|models?) (?:must|should|shall|need to|are required to)\b",
    ),
    SuspicionRule::new(
        &[
            &["this"],
            &["read", "see", "recall", "retrieve", "process"],
            &["you", "assistant", "agent", "model", "ai"],
            &["when", "if", "once", "after"],
        ],
        r"\b(?:when|if|once|after) (?:you (?:ever )?(?:read|recall|retrieve|process) this(?: (?:message|note|text|memory|page|entry)\b|[,.:;!]|\s*$)|(?:the|any|an) (?:ai )?(?:assistant|agent|model|ai) (?:reads?|sees?|recalls?|retrieves?|process(?:es)?) this\b)",
    ),
    // Do as I say.
    SuspicionRule::new(
        &[&["obey"]],
        r"\b(?:you(?: (?:must|shall|will|should|now|always|have to))*|and) obey(?:[.!\n]|$)|\bobey (?:me|this|these|the following|my|every|all (?:of|my|these|the)|only|without question)\b|(?:^|\n)[^a-z0-9\n]*obey[\s.!]*(?:\n|$)|[>|\]]\s?obey\b",
    ),
    SuspicionRule::new(
        &[&["you"], &["must", "always"], &["run", "execute", "call", "curl", "wget"]],
        r"\byou (?:must|have to|are required to) (?:(?:first|now|always|immediately|then|also|silently) )*(?:run|execute|call|pipe) (?:(?:curl|wget|powershell)\b|https?://)|\byou must run (?:this|these|the following)\b|\byou must (?:always|first|now|immediately|silently) (?:run|execute)\b|\balways (?:run|execute) (?:curl|wget)\b",
    ),
    SuspicionRule::new(
        &[&["curl", "wget", "iwr"], &["run", "execute", "pipe"], &["first", "before", "silently", "immediately"]],
        r"\b(?:run|execute|pipe) (?:curl|wget|iwr)\b(?:[^a-z0-9\n]{1,12}|[^\n]{0,40}https?://(?:[^l1\n]|l[^o\n]|1[^2\n])[^\n]{0,80})\b(?:first|before (?:you|anything|any|doing|answering|each|every)|silently|immediately)\b",
    ),
    SuspicionRule::new(
        &[&["piping", "pipe"], &["http"], &["bash", "shell", " sh"]],
        r"\bpip(?:e|es|ing) [^\n]{0,20}https?://[^\s]{1,120} (?:in)?to (?:(?:a|the) )?(?:ba|z)?sh(?:ell)?\b",
    ),
    // Chinese.
    SuspicionRule::new(
        &[
            &["忽略", "忽视", "无视", "忘记", "忘掉", "绕过", "理会", "抛弃", "别管", "遵守", "遵循", "听从"],
            ZH_INSTRUCTIONS,
        ],
        r"(?:忽略|忽视|无视|忘记|忘掉|绕过|抛弃|不理会|不要理会|不必理会|不用理会|别理会|别管|(?:不要|不再|停止|别再|别|不必|无需)(?:再|继续)?(?:遵守|遵循|听从))(?:掉|了)?(?:你|我|它|对|的|在|于){0,3}(?:之前|以上|上面|上述|前面|先前|此前|以前|原有|原来|原先|所有|全部|一切|任何|你的|你被|系统|安全)(?:之前|以上|上面|上述|前面|先前|此前|以前|原有|所有|全部|一切|任何|系统|安全|内置|开发者|用户|收到|得到|给出|给|设置|设定|说|过|到|的|和|与|及|或|你|我|对|被|那些|这些|各种|有关|相关|、){0,10}(?:指令|指示|提示词?|规则|要求|限制|设定|约束|规定|命令|准则|守则)|(?:忽略|忽视|无视|忘记|忘掉|不要理会|别管)(?:掉)?你?(?:之前|以上|上面|上述|前面|先前|此前|以前|所有|全部|一切)(?:的|所有|全部|一切){0,3}(?:[\u{4e00}-\u{9fff}]{0,4}(?:指令|提示词)|说明|内容|对话)",
    ),
    SuspicionRule::new(
        &[&["指令", "指示", "提示词", "规则", "内容", "设定"], &["作废", "无效", "失效", "忽略", "忘", "无视", "取消"]],
        r"(?:之前|以上|此前|先前|前面|上述|上面|原有|所有|全部)(?:的|所有|全部|一切|系统|那些){0,3}(?:指令|指示|提示词)(?:全部|全都|都|一律|一概|均|现在|已经?|可以|请|不必|不再|被){0,4}(?:作废|无效|失效|忽略|忘记|忘掉|无视|取消)|[把将](?:之前|以上|此前|先前|前面|上述|上面|所有)(?:的|所有|全部|一切|系统|那些){0,3}(?:指令|指示|提示词|规则|内容|设定)(?:全部|全都|都|通通|统统){0,2}(?:忘|忽略|无视)",
    ),
    SuspicionRule::new(
        &[&["告诉", "告知", "通知", "提醒", "透露", "泄露", "说", "保密", "提及", "提起"], ZH_PERSON],
        r"(?:不要|别|不得|禁止|切勿|请勿|不许|不能|绝不|勿)(?:再|向)?(?:告诉|告知|通知|提醒|透露给|泄露给)(?:用户|人类|使用者|主人)|(?:无需|不必|不用|无须)(?:告诉|告知)(?:用户|人类|使用者|主人)|(?:不要|别|不得|切勿|请勿|不能)(?:向|对|跟|和)(?:用户|人类|使用者|主人)(?:透露|提及|提起|说明|说|泄露)|对(?:用户|使用者|主人)保密",
    ),
    SuspicionRule::new(
        &[&["知道", "发现", "察觉", "知情", "瞒着", "背着"], ZH_PERSON],
        r"(?:不要|别|不能|不可|不得|切勿)(?:让|被)(?:用户|人类|使用者|主人)(?:知道|发现|察觉)|(?:用户|使用者)(?:毫)?不知情的?情况下|(?:瞒着|背着)(?:用户|使用者|主人)",
    ),
    SuspicionRule::new(
        &[&["提示词", "系统提示", "指令", "指示", "命令"]],
        r"(?:输出|泄露|显示|重复|打印|复述|透露|公开|说出|告诉我)(?:出|一下|你|的|全部|完整|所有|原始|隐藏|内部){0,5}系统提示词|(?:输出|泄露|显示|重复|打印|复述|透露|公开|说出|告诉我)(?:全部|完整|所有)?你的(?:全部|完整|所有|原始|隐藏|内部|的){0,3}系统(?:提示|指令)|把你[^\n。]{0,8}系统(?:提示|指令)[^\n。]{0,4}(?:输出|复述|说出|打印|发|告诉|列出)|新的?(?:系统)?(?:指令|指示|命令)\s?[:：]",
    ),
    SuspicionRule::new(
        &[&["从现在", "从此刻", "从今", "从这一刻", "你现在是"]],
        r"从(?:现在|此刻|今|这一刻)(?:开始|起|往后)?[,，、\s]?你(?:必须|要|将|就是|只能|不再|务必|得)|你现在是(?:一个|一名|一位)?[^\n。,，?？]{0,10}(?:模式|助手|智能体|黑客)",
    ),
    SuspicionRule::new(
        &[&["必须", "务必", "无条件"], &["你", "助手", "代理", "智能体", "服从", "遵从", "运行", "执行"]],
        r"无条件(?:服从|遵从|听从)|(?:必须|务必)(?:先|首先|立即)?(?:运行|执行)\s?(?:curl|wget)\b|你(?:必须|务必)(?:无条件|立即|立刻|马上|绝对|完全|首先|先|地){0,3}(?:服从|听从|遵从|同意所有|执行(?:以下|下面|下列)|运行(?:以下|下面|下列)?(?:curl|wget|命令))|(?:\bai|人工智能|模型)\s?(?:助手|代理|智能体)\s?(?:必须|务必)",
    ),
    SuspicionRule::new(
        &[&["没有", "不受"], &["限制", "约束"], &["你", "扮演"]],
        r"(?:你(?:现在|将)?(?:是|要)|扮演)[^\n。,]{0,8}(?:没有|不受)(?:任何|一切)?(?:限制|约束)",
    ),
    SuspicionRule::new(
        &[
            &["读到", "看到", "读取", "检索到"],
            &["你", "ai", "助手", "模型", "智能体"],
            &["请", "必须", "务必", "立即", "立刻"],
        ],
        r"(?:你|\bai|助手|模型|智能体)\s?(?:读到|看到|读取到?|检索到)(?:这|此|本)[段条篇则份句]?(?:文字|内容|消息|信息|话|文本|笔记|记忆|指令)(?:时|后|的时候)?[,，]?(?:请|你)?(?:必须|务必|立即|立刻)",
    ),
    SuspicionRule::new(
        &[&["系统通知", "系统消息", "系统指令", "系统公告", "系统提示", "系统警告"]],
        r"[\[【]\s?系统(?:通知|消息|指令|公告|警告|提示)\s?[\]】:：]|(?:^|\n)#+\s?系统(?:通知|指令|公告)",
    ),
    SuspicionRule::new(
        &[
            &["密码", "密钥", "令牌", "凭据", "凭证", "环境变量", ".env", "token", "api key", "私钥"],
            &["http://", "https://", "@", "出去"],
        ],
        r"(?:把|将)[^\n。]{0,30}(?:密码|密钥|令牌|凭据|凭证|环境变量|\.env|token|api key|私钥)[^\n。]{0,20}(?:(?:发送|上传|发|传|提交|转发)(?:到|给|至)[^\n。]{0,20}(?:https?://|@)|(?:发送|发|传|泄露)出去)",
    ),
    // The order to ignore, in other languages.
    SuspicionRule::new(
        &[
            &["ignorier", "missachte", "vergiss", "vergessen sie", "beachte"],
            &["anweisung", "instruktion", "regel", "befehl", "vorgabe", "prompt", "alles"],
        ],
        r"\b(?:ignorier(?:e|en|t)?|missachtet?|missachten|vergiss|vergessen)(?: sie)?(?: bitte)? (?:(?:alle|samtliche|jegliche|die|deine|ihre|diese|den|oben|obigen?|vorherigen?|vorigen?|fruheren?|vorangegangenen?|bisherigen?|genannten|und) ){0,4}(?:alle|samtliche|jegliche|deine|ihre|obigen?|vorherigen?|vorigen?|fruheren?|vorangegangenen?|bisherigen?|genannten) (?:system ?)?(?:anweisung(?:en)?|instruktion(?:en)?|regeln|befehle|vorgaben|prompts?)\b|\b(?:ignorier(?:e|en)|vergiss|vergessen)(?: sie)? (?:alles was|alles) (?:zuvor|vorher|bisher|oben|davor)\b|\bbeachte[nt]? (?:sie )?(?:die|alle|deine) (?:vorherigen|bisherigen|fruheren|obigen) (?:anweisungen|regeln) nicht\b",
    ),
    SuspicionRule::new(
        &[
            &["ignor", "oubli", "olvid", "esquec", "desconsider", "descart", "dimentica", "compte", "caso"],
            &[
                "instruc",
                "istruz",
                "consigne",
                "directive",
                "diretriz",
                "directric",
                "regl",
                "regra",
                "regole",
                "indicacion",
                "orden",
                "tout",
                "todo",
                "tudo",
                "tutto",
            ],
        ],
        concat!(
            r"\b(?:ignor(?:e|ez|er|a|ar|en|are|ate)|oubli(?:e|ez|er)|olvid(?:a|e|en)|esquec(?:a|am|e)|desconsider(?:e|a)|descart(?:a|e)|dimentica(?:te)?|compte|caso(?: omiso)?) (?:(?:a|les|l|des|de|tes|vos|ces|las|los|tus|sus|estas|as|os|suas|tuas|le|gli|tue) ){0,3}",
            r"(?:(?:toutes?|tous|todas?|todos|tutte|quaisquer|cualquier|precedentes?|precedenti|anteriores|previas|tes|vos|tus|tuas|suas) (?:(?:les|des|de|tes|vos|ces|las|los|tus|sus|estas|as|os|suas|tuas|le|gli|tue|precedentes?|precedenti|anteriores|previas) ){0,3}(?:instructions|consignes|directives|instrucciones|indicaciones|ordenes|directrices|instrucoes|ordens|diretrizes|istruzioni)",
            r"|(?:(?:toutes?|tous|todas?|todos|tutte|les|las|as|le) ){0,3}(?:instructions|consignes|directives|regles|instrucciones|indicaciones|ordenes|directrices|reglas|instrucoes|regras|ordens|diretrizes|istruzioni|regole) (?:[a-z]+\s){0,2}(?:precedent(?:es?|i)|anterieures?|ci dessus|anterior(?:es)?|previas|acima|arriba|(?:do|del|du) sist?eme?a?|systeme)|tout ce qui precede|todo lo anterior|tudo (?:acima|(?:o )?que veio antes|anterior)|tutto cio che precede)\b",
        ),
    ),
    SuspicionRule::new(
        &[
            &["игнорир", "забуд", "внимани", "отбрось"],
            &["инструкци", "указани", "правил", "команд", "ограничени", "промпт", "подсказ"],
        ],
        r"(?:игнорируи|забудь|отбрось|обращаи)(?:те)?(?: внимания на)?(?: (?:про|o|об))? (?:(?:вс[а-я]{1,2}|люб[а-я]{2}|тво[а-я]|сво[а-я]|данн[а-я]{2,3}|ранее|предыдущ[а-я]{2}|прежни[а-я]|прошл[а-я]{2}|системн[а-я]{2}|полученн[а-я]{2}|эт[а-я]{1,2}) ){1,4}(?:инструкци|указани|правил|команд|ограничени|промпт|подсказ)|(?:игнорируи|забудь|отбрось)(?:те)? (?:инструкци|указани|правил|команд)[а-я]* выше",
    ),
    SuspicionRule::new(
        &[&["指示", "命令", "ルール", "指令", "プロンプト", "规则", "制约"], &["无视", "忘れ", "破弃", "従わ"]],
        r"(?:これまで|今まで|过去|以前|上记|前|先|以上|ここまで|すべて|全て|全部|あらゆる|元|システム)(?:の|すべて|全て|全部|あらゆる|システム|与えられた|受けた|出された){0,5}(?:指示|命令|ルール|指令|プロンプト|规则|制约)(?:事项)?(?:は|を|に|について|すべて|全て|全部|完全に|、|,){0,4}(?:无视|忘れ|破弃|従わな)",
    ),
    SuspicionRule::new(
        &[&["지시", "명령", "지침", "규칙", "프롬프트"], &["무시", "잊"]],
        r"(?:이전|앞선|앞의|위의?|기존|지금까지|모든|상기|시스템)(?:의|에|모든|받은|내린|주어진|시스템|[^a-z0-9가-힣]){0,6}(?:지시|명령|지침|규칙|프롬프트)(?:사항|어|문)?(?:들)?(?:을|를|은|는)?(?:모두|전부|다|완전히|[^a-z0-9가-힣]){0,4}(?:무시|잊)",
    ),
];

const IGNORE: &[&str] = &["ignore", "disregard", "forget", "override", "bypass", "overrule", "neglect", "discard"];
const INSTRUCTIONS: &[&str] = &[
    "instruction",
    "rule",
    "prompt",
    "guid",
    "directi",
    "guardrail",
    "restriction",
    "constraint",
    "context",
    "command",
    "polic",
    "safeguard",
];
const NOT: &[&str] = &["not", "n't", "nt ", "never"];
const PERSON: &[&str] = &["user", "human", "operator", "developer", "owner"];
const ZH_INSTRUCTIONS: &[&str] = &[
    "指令", "指示", "提示", "规则", "要求", "限制", "设定", "约束", "规定", "命令", "准则", "守则", "说明", "内容",
    "对话",
];
const ZH_PERSON: &[&str] = &["用户", "人类", "使用者", "主人"];
