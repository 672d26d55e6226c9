// Texts of the page in English and Chinese, and the formats of times and numbers.

/** Texts by name: English, Chinese. `{0}` is the first value; `{0:message|messages}` chooses by it. */
const WORDS = {
  earlierVersion: ["Earlier version", "早期版本"], "label.project": ["Project", "项目"], "label.time": ["Time", "时间"], "label.role": ["Who said it", "谁说的"], "label.source": ["Source", "来源"], "label.mode": ["Match", "匹配方式"],
  search: ["Search", "搜索"], timeline: ["Sessions", "会话"], memories: ["Memories", "记忆"], health: ["Health", "状态"], settings: ["Settings", "设置"],
  skip: ["Skip to content", "跳到正文"], pair: ["{0}: {1}", "{0}：{1}"], ask: ["Ask your history, paste an error, or name a file", "问问你的历史，粘贴一条错误，或输入文件名"],
  results: ["Results", "结果"], allProjects: ["All projects", "所有项目"], today: ["Today", "今天"], week: ["Last 7 days", "最近 7 天"], month: ["Last 30 days", "最近 30 天"],
  year: ["Last 365 days", "最近一年"], user: ["You", "你"], assistant: ["Claude", "Claude"], toolRole: ["Tools", "工具"], system: ["System", "系统"],
  hybrid: ["Keyword + semantic", "关键词 + 语义"], keyword: ["Keyword", "关键词检索"], semantic: ["Semantic", "语义检索"], exact: ["Exact text", "精确匹配"],
  project: ["All projects", "所有项目"], time: ["Any time", "不限时间"], role: ["Anyone", "任何人"], source: ["Any source", "所有来源"], mode: ["Match", "匹配方式"],
  nothing: ["Nothing found.", "没有找到。"], "match.strong": ["Strong match in {0} {0:session|sessions}", "在 {0} 个会话中有明确答案"], "match.weak": ["Weak match", "匹配较弱"],
  "match.none": ["Nothing in your history speaks of that.", "你的历史中没有谈到这个。"], nearest: ["Closest, and probably not what you mean", "最接近的内容，可能不是你要找的"],
  laterChanged: ["Changed on {0}", "{0} 有变更"], laterOnThis: ["Later on this: {0}", "后续相关：{0}"], "beyond.after": ["Nothing since {0}; before that:", "{0} 之后没有相关内容，之前有："],
  "beyond.before": ["Nothing before {0}; after that:", "{0} 之前没有相关内容，之后有："], "beyond.conditions": ["Nothing with these filters; without them:", "按当前筛选没有相关内容，去掉筛选后有："],
  "beyond.project": ["Nothing in this project; in others:", "该项目中没有相关内容，其他项目中有："], more: ["Show more", "显示更多"], recent: ["Recent sessions", "最近的会话"],
  noHistory: ["Nothing here yet", "这里还没有内容"], noHistoryHint: ["Start a session with your agent, or import the histories on this machine:", "先用代理开始一个会话，或导入本机已有的历史："],
  copy: ["Copy", "复制"], copied: ["Copied", "已复制"], link: ["Copy link", "复制链接"], copyAll: ["Copy as Markdown", "复制为 Markdown"], resume: ["Copy resume command", "复制恢复命令"],
  back: ["Back", "返回"], earlier: ["Earlier messages", "更早的消息"], later: ["Later messages", "更晚的消息"], messages: ["{0} {0:message|messages}", "{0} 条消息"],
  thinking: ["Reasoning", "推理"], output: ["Output", "输出"], summary: ["Summary by the client", "客户端生成的摘要"],
  suspicious: ["looks like an instruction to a model", "疑似给模型的指令"], elsewhere: ["from elsewhere, not confirmed", "来自其他机器，未经确认"], saidBy: ["said by {0}", "{0} 所说"],
  lines: ["{0} {0:line|lines}", "{0} 行"], expandAll: ["Expand all tools", "展开所有工具"], collapseAll: ["Collapse all tools", "收起所有工具"], activity: ["Activity", "活动"],
  less: ["less", "少"], moreWord: ["more", "多"], byProject: ["By project, last 53 weeks", "按项目，最近 53 周"], onDay: ["On {0}", "{0}"], allDays: ["All days", "所有日期"],
  files: ["Files", "文件"], newMemory: ["New memory", "新记忆"], memoryText: ["What to remember", "要记住的内容"], kind: ["Kind", "类型"], save: ["Save", "保存"],
  saved: ["Saved", "已保存"], decisions: ["Decisions", "决定"], subject: ["About", "关于"], state: ["State", "状态"], status: ["Status", "确认情况"], scope: ["Holds", "适用范围"],
  allKinds: ["All kinds", "所有类型"], allStates: ["All states", "所有状态"], openSuggestions: ["Suggested and confirmed", "待确认和已确认"], "kind.decision": ["decision", "决定"],
  "kind.correction": ["correction", "纠正"], "kind.rule": ["rule", "规则"], "state.in_force": ["in force", "有效"], "state.replaced": ["replaced", "已被取代"],
  "state.reverted": ["reverted", "已撤回"], "status.suggested": ["suggested", "待确认"], "status.confirmed": ["confirmed", "已确认"], "status.dismissed": ["dismissed", "已忽略"],
  "scope.project": ["in this project", "本项目"], "scope.everywhere": ["everywhere", "所有项目"],
  saidTimes: ["said {0} {0:time|times} in {1} {1:session|sessions}", "在 {1} 个会话中说过 {0} 次"], proposed: ["The model proposed", "模型的提议"],
  inSession: ["Show in session", "在会话中查看"], seeLater: ["What changed it", "查看后来的改动"], seeMemory: ["Show memory", "查看记忆"], confirm: ["Confirm", "确认"],
  dismiss: ["Dismiss", "忽略"], confirmed: ["Saved as a memory", "已保存为记忆"], dismissed: ["Dismissed", "已忽略"],
  suggestionHint: ["Rules found these among your own words. Nothing is injected until you confirm it.", "这些是按规则从你的发言中找出的，确认之前不会注入任何会话。"],
  suggestionSum: ["{0} {0:suggestion|suggestions}", "{0} 条"], noSuggestions: ["No suggestions.", "没有找到。"],
  olderNotExamined: ["Older turns were not examined.", "更早的发言没有检查。"], injections: ["Injections", "注入"], session: ["Session", "会话"],
  tokens: ["{0} {0:token|tokens}", "{0} 个 token"], used: ["used", "已用到"], notUsedYet: ["not used", "未用到"], noReply: ["no reply yet", "尚无回复"],
  injectedSum: ["{0} {0:injection|injections}, {1} {1:memory|memories}: {2} used, {3} not used. Each entry says why it was injected.", "共注入 {0} 次、{1} 条记忆：{2} 条被用到，{3} 条未用到。每条都注明了注入的原因。"],
  noInjections: ["Nothing has been injected yet.", "还没有注入过内容。"], "moment.SessionStart": ["Session start", "会话开始"], "moment.compact": ["After a compaction", "上下文压缩之后"],
  "moment.UserPromptSubmit": ["Prompt", "用户提问"], "moment.PostToolUseFailure": ["Command failed", "命令失败"], "moment.PreToolUse": ["Before an edit", "编辑之前"],
  "moment.SubagentStart": ["Subagent start", "子代理启动"], "moment.memory_context": ["Requested by the agent", "代理主动查询"],
  asksToForget: ["An agent asks to delete {0} {0:message|messages}", "代理请求删除 {0} 条消息"], discard: ["Keep", "保留"], kept: ["Nothing was deleted.", "没有删除任何内容。"],
  wantsAtHand: ["an agent asks to inject this into every session", "代理请求在每个会话中注入"], allow: ["Allow", "允许"],
  allowed: ["It will be injected into sessions from now on.", "从现在起会注入会话。"], edit: ["Edit", "编辑"], pin: ["Pin", "置顶"], unpin: ["Unpin", "取消置顶"],
  pinned: ["pinned", "已置顶"], forget: ["Delete…", "删除…"], cancel: ["Cancel", "取消"], noMemories: ["No saved memories yet.", "还没有保存的记忆。"], until: ["until {0}", "有效期至 {0}"],
  forgetHeading: ["Permanently delete {0} {0:message|messages}?", "永久删除 {0} 条消息？"],
  forgetWhat: ["They are removed from the store, the index and all searches. Imports do not bring them back.", "它们会从存储、索引和所有搜索结果中删除，再次导入也不会恢复。"],
  forgetBackups: ["Also delete from backups", "同时从备份中删除"], forgetDo: ["Delete permanently", "永久删除"], forgotten: ["Deleted", "已删除"],
  receipt: ["Deleted {0} {0:message|messages}, {1} {1:part|parts} and {2} {2:embedding|embeddings}.", "已删除 {0} 条消息、{1} 个部分、{2} 个向量。"],
  verified: ["No trace of them was found in any file of the store.", "已搜索存储的所有文件，没有残留。"], remaining: ["Text was still found in: {0}", "以下文件中仍有残留：{0}"],
  inBackups: ["These backups may still contain them: {0}", "以下备份可能仍包含它们：{0}"], incomplete: ["The deletion is not complete yet:", "删除尚未全部完成："], done: ["Done", "完成"],
  andMore: ["and {0} more", "以及另外 {0} 条"], readings: ["Metrics", "指标"], disk: ["Disk", "磁盘"], memory: ["Memory", "内存"], cpu: ["CPU", "CPU"],
  response: ["Response time", "响应时间"], database: ["Database", "数据库"], normal: ["normal", "正常"], elevated: ["elevated", "偏高"], info: ["info", "提示"],
  warning: ["warning", "警告"], critical: ["critical", "紧急"], unknown: ["unknown", "未知"], notUsed: ["no requests yet", "暂无请求"], checks: ["Checks", "检查项"],
  fine: ["Everything is fine.", "一切正常。"], openAlerts: ["Open alerts", "未解除的告警"], pastAlerts: ["Past alerts", "历史告警"], noAlerts: ["None.", "无。"],
  transcripts: ["{0} of {1} {1:transcript|transcripts} read", "已读取 {0} / {1} 个对话记录"], waiting: ["{0} pending", "{0} 条待同步"], up: ["reachable", "可用"],
  down: ["not reachable", "不可用"], growth: ["Growth", "增长"], forecast: ["At the current rate", "按目前的速度"], inDays: ["in {0} {0:day|days}", "{0} 天后"],
  never: ["not expected", "预计不会"], now: ["now", "现在"], "messages by day": ["Messages by day", "每日消息数"], "size of the database": ["Database size (MB)", "数据库大小（MB）"],
  "size of the index": ["Index size (MB)", "索引大小（MB）"], "reading behind": ["Import lag (s)", "导入延迟（秒）"],
  "PostgreSQL behind": ["PostgreSQL sync lag (s)", "PostgreSQL 同步延迟（秒）"], "Qdrant behind": ["Qdrant sync lag (s)", "Qdrant 同步延迟（秒）"], setting: ["Setting", "设置项"],
  value: ["Value", "值"], origin: ["From", "来源"],
  settingsHint: ["Read only. Change them in the file; a running service reloads it on SIGHUP.", "只读。请在配置文件中修改；运行中的服务收到 SIGHUP 后会重新加载。"], appearance: ["Appearance", "外观"],
  language: ["Language", "语言"], theme: ["Theme", "主题"], auto: ["System", "跟随系统"], light: ["Light", "浅色"], dark: ["Dark", "深色"],
  enterHeading: ["Access token required", "需要访问令牌"],
  enterHint: ["Open this page with the command below, or paste the token from the file http.token.", "请用下面的命令打开本页，或粘贴 http.token 文件中的令牌。"], token: ["Token", "令牌"],
  enter: ["Open", "打开"], wrongToken: ["The token is not correct.", "令牌不正确。"],
  usedUp: ["This link has already been used or has expired. Run the command again.", "该链接已被使用或已过期，请重新运行命令。"], failed: ["Something went wrong", "操作失败"],
  unreachable: ["The service does not answer.", "服务没有响应。"], retry: ["Try again", "重试"], keys: ["Keyboard shortcuts", "键盘快捷键"], views: ["Views", "视图"],
  loading: ["Loading", "加载中"], memoriesAbout: ["What agents may rely on, newest first.", "代理可以依据的内容，最新的在前。"], yesterday: ["Yesterday", "昨天"], filters: ["Filters", "筛选"],
  "about.strong": ["", ""], "about.weak": ["Related, but probably not the answer.", "相关，但可能不是答案。"], "about.none": ["Searched by keyword and meaning.", "已按关键词和语义搜索。"],
  changedLater: ["later changed", "后来有变"], newestOnThis: ["newest on this", "最新结论"], matches: ["{0} {0:match|matches}", "{0} 处匹配"],
  moreInSession: ["{0} more in this session", "此会话中还有 {0} 处"], keywordFirst: ["Keyword matches first …", "先显示关键词结果……"], ms: ["{0} ms", "{0} 毫秒"],
  youCould: ["You could", "可以尝试"], tryFilters: ["remove a filter", "去掉一个筛选条件"],
  tryExact: ["search for the exact text: choose “Exact text” as match", "按原文搜索：匹配方式选「精确匹配」"], tryWords: ["use fewer or other words", "减少或更换关键词"],
  tryImport: ["import what is missing: claude-memory import", "导入缺少的历史：claude-memory import"], waysToAsk: ["Ways to ask", "提问方式"],
  wayQuestion: ["why did we change the pool size", "为什么改了连接池大小"], wayQuestionDoes: ["a question: sessions that answer it", "一个问题：回答它的会话"],
  wayError: ["ERR_POOL_EXHAUSTED", "ERR_POOL_EXHAUSTED"], wayErrorDoes: ["an error: where it occurred and how it ended", "一条错误：在哪里出现、怎样解决"],
  wayPath: ["src/db/pool.ts", "src/db/pool.ts"], wayPathDoes: ["a file: sessions that speak of it", "一个文件：谈到它的会话"], wayTime: ["decisions last week", "上周的决定"],
  wayTimeDoes: ["a time: only what was said then", "一段时间：只看那时的内容"], allSessions: ["All sessions", "全部会话"], nothingHere: ["Nothing here.", "这里没有内容。"],
  within: ["Search in this session", "在此会话中搜索"], matchOf: ["{0} of {1}", "{0} / {1}"], noMatch: ["no match here", "此处没有匹配"], previousMatch: ["Previous match", "上一处匹配"],
  nextMatch: ["Next match", "下一处匹配"], prompts: ["Prompts", "提问"], copyId: ["Copy session id", "复制会话 id"], endOfSession: ["End of what is loaded.", "已加载的内容到此为止。"],
  newMessages: ["{0} new {0:message|messages}", "{0} 条新消息"], client: ["Claude Code", "Claude Code"], todos: ["Todos", "待办"], copyPath: ["Copy path", "复制路径"],
  copyPatch: ["Copy patch", "复制补丁"], "change.written": ["new file", "新文件"], "change.deleted": ["deleted", "已删除"], showAll: ["Show all {0} lines", "显示全部 {0} 行"],
  moreLines: ["{0} more {0:line|lines}", "还有 {0} 行"], exitCode: ["exit code {0}", "退出码 {0}"], noOutput: ["no output", "无输出"], image: ["Image, not kept", "图片，未保存"],
  table: ["Table", "表格"], changesOf: ["Changes of {0}", "{0} 的改动"], open: ["open", "未完成"], "task.open": ["open", "未完成"], "task.doing": ["in progress", "进行中"],
  "task.done": ["done", "已完成"], "look.read": ["Read", "读取"], "look.search": ["Search", "搜索"], "look.list": ["List", "列出"], "look.fetch": ["Fetch", "获取"],
  "steps.read": ["read {0} {0:file|files}", "读取 {0} 个文件"], "steps.search": ["searched {0} {0:time|times}", "搜索 {0} 次"],
  "steps.list": ["listed {0} {0:folder|folders}", "列出 {0} 个目录"], "steps.fetch": ["fetched {0} {0:page|pages}", "获取 {0} 个网页"], comma: [", ", "，"], stop: [". ", "。"],
  stopped: ["Where you stopped", "上次停在这里"], read: ["Read", "阅读"], stepsDone: ["{0} of {1} todos done", "待办完成 {0}/{1}"], openTodos: ["Open todos", "未完成的待办"],
  noTodos: ["No list of todos is open.", "没有未完成的待办。"], repeatedErrors: ["Errors that keep coming back", "反复出现的错误"],
  noErrors: ["No error occurred in more than one session lately.", "近期没有在多个会话中重复出现的错误。"], times: ["{0} {0:time|times}", "{0} 次"], weeks: ["{0} weeks", "{0} 周"],
  overWeeks: ["Occurrences over {0} weeks", "{0} 周内的出现次数"],
  todaySum: ["{0} {0:session|sessions} today, {1} this week. Last message {2}.", "今天 {0} 个会话，本周 {1} 个。最后一条消息在{2}。"], "kind.note": ["note", "笔记"],
  "kind.fact": ["fact", "事实"], "kind.preference": ["preference", "偏好"], "kind.instruction": ["instruction", "指令"], "kind.todo": ["todo", "待办"],
  "kind.thinking": ["reasoning", "推理"], "kind.tool_use": ["tool call", "工具调用"], "kind.tool_result": ["tool output", "工具输出"], "kind.summary": ["summary", "摘要"],
  "kind.meta": ["from the client", "来自客户端"], injectionsAbout: ["Everything this memory put into a session, why, and whether it helped.", "放入会话的每一条内容、原因，以及是否有用。"],
  why: ["Why", "原因"], forYou: ["For you", "概览"], forOperators: ["For operators", "运维"], limits: ["warning {0} · critical {1}", "警告 {0} · 紧急 {1}"],
  fineAbout: ["{0} {0:session|sessions} with {1} {1:message|messages} are saved and can be searched.", "已保存 {0} 个会话、{1} 条消息，均可搜索。"],
  worksWithWork: ["Your memory works. {0} {0:thing|things} to do.", "记忆工作正常，有 {0} 件事要做。"], saving: ["Saving", "保存"], lastSaved: ["Last message {0}", "最后一条消息在{0}"],
  allEmbedded: ["All {0} messages are searchable", "{0} 条消息均可搜索"],
  notEmbedded: ["{0} {0:text|texts} not embedded yet; keyword search finds them", "{0} 段文本尚未嵌入，可用关键词检索找到"],
  busyOthers: ["{0} of this machine is at {1}. That is not the memory's fault, and nothing is to be done.", "本机{0}已用 {1}。这与记忆服务无关，无需处理。"],
  importBehind: ["Messages since {0} are not imported yet.", "{0}以来的消息尚未导入。"], targetDown: ["{0} is not reachable.", "{0} 无法连接。"],
  "full.disk": ["The disk is {0} full. When it is full, new sessions cannot be saved.", "磁盘已用 {0}。写满之后，新会话将无法保存。"], "full.response": ["Searches take {0}.", "搜索耗时 {0}。"],
  "full.database": ["The database has {0}.", "数据库已有 {0}。"],
  "fix.disk": ["claude-memory maintain --cleanup-days 365 --dry-run", "claude-memory maintain --cleanup-days 365 --dry-run"],
  "fix.response": ["claude-memory doctor", "claude-memory doctor"], "fix.database": ["claude-memory report capacity", "claude-memory report capacity"],
  keySearch: ["search; in a session: search within", "搜索；在会话中：在其中搜索"], keyMove: ["next and previous item", "下一项、上一项"], keyOpen: ["open", "打开"],
  keyMatch: ["next and previous match", "下一处、上一处匹配"], keyCopy: ["copy the message", "复制消息"], keyBack: ["back; query and place are kept", "返回，保留查询和位置"],
  keyHelp: ["this list", "显示此列表"], close: ["Close", "关闭"],
};

const kept = (name) => localStorage.getItem(`claude-memory.${name}`);
let chosen = kept("language") ?? "auto";

export const language = () => (chosen === "auto" ? (navigator.language.toLowerCase().startsWith("zh") ? "zh" : "en") : chosen);
export const chosenLanguage = () => chosen;
export function choose(name) {
  chosen = name;
  localStorage.setItem("claude-memory.language", name);
  document.documentElement.lang = language();
}

export const theme = () => kept("theme") ?? "auto";
export const isDark = () => (theme() === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : theme() === "dark");
export function chooseTheme(name) {
  localStorage.setItem("claude-memory.theme", name);
  document.documentElement.dataset.theme = isDark() ? "dark" : "light";
}

/** Returns the text of that name with its values filled in; an English noun agrees with its number. */
export function t(name, ...values) {
  const text = WORDS[name]?.[language() === "zh" ? 1 : 0] ?? name;
  return text.replace(/\{(\d)(?::([^|}]*)\|([^}]*))?\}/g, (_, place, one, many) => {
    const value = String(values[Number(place)] ?? "");
    if (one === undefined) return value;
    return value === "1" ? one : many;
  });
}

const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");
// Building a formatter takes longer than a hundred uses of it: one is kept for each kind and language.
const made = new Map();
function formatter(Kind, name, options) {
  const key = `${name} ${locale()}`;
  if (!made.has(key)) made.set(key, new Kind(locale(), options));
  return made.get(key);
}
const dated = (name, options) => (text) => {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text) : formatter(Intl.DateTimeFormat, name, options).format(date);
};
export const number = (value) => formatter(Intl.NumberFormat, "number").format(value);
export const day = dated("day", { year: "numeric", month: "short", day: "numeric", weekday: "short" });
export const moment = dated("moment", { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit" });
export const date = dated("date", { year: "numeric", month: "short", day: "numeric" });
export const longDay = dated("longDay", { weekday: "long", month: "long", day: "numeric" });
const weekday = dated("weekday", { weekday: "short", hour: "2-digit", minute: "2-digit" });
export const clock = dated("clock", { hour: "2-digit", minute: "2-digit" });
/** Returns the distance from now: "3 days ago". */
export function ago(text) {
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
  return formatter(Intl.RelativeTimeFormat, "ago", { numeric: "auto" }).format(Math.round(seconds / length), unit);
}

/** Returns the distance from now within a day, the weekday within a week, else the date. */
export function ageOf(text) {
  const days = (Date.now() - Date.parse(text)) / 86400000;
  if (days < 1) return ago(text);
  return days < 7 ? weekday(text) : date(text);
}
