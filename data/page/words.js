// Texts of the page in English and Chinese, and the formats of times and numbers.

/** Texts by name: English, Chinese. `{0}` is the first value; `{0:message|messages}` chooses by it. */
const WORDS = {
  search: ["Search", "搜索"], timeline: ["Timeline", "时间线"], memories: ["Memories", "记忆"], health: ["Health", "状态"],
  settings: ["Settings", "设置"], skip: ["Skip to content", "跳到正文"], pair: ["{0}: {1}", "{0}：{1}"],
  ask: ["Search your conversations and memories", "搜索对话和记忆"], results: ["Results", "结果"],
  allProjects: ["All projects", "所有项目"], anyTime: ["Any time", "不限时间"], today: ["Today", "今天"], week: ["Last 7 days", "最近 7 天"],
  month: ["Last 30 days", "最近 30 天"], year: ["Last 365 days", "最近一年"], anyRole: ["All roles", "所有角色"], user: ["You", "你"],
  assistant: ["Assistant", "助手"], toolRole: ["Tools", "工具"], system: ["System", "系统"], anySource: ["All sources", "所有来源"],
  hybrid: ["Hybrid", "混合检索"], keyword: ["Keyword", "关键词检索"], semantic: ["Semantic", "语义检索"], exact: ["Exact text", "精确匹配"],
  project: ["Project", "项目"], time: ["Time", "时间"], role: ["Role", "角色"], source: ["Source", "来源"], mode: ["Search mode", "检索方式"],
  nothing: ["Nothing found.", "没有找到。"], nothingHint: ["Try fewer words, a longer time range or all projects.", "试试减少关键词、放宽时间范围，或选择所有项目。"],
  "match.strong": ["Strong match", "高度匹配"], "match.weak": ["Perhaps:", "可能相关："], "match.none": ["Nothing here speaks of that.", "这里没有相关内容。"],
  nearest: ["Nearest, probably unrelated", "最接近的内容，很可能无关"], laterChanged: ["later changed, {0}", "后来有变更：{0}"], laterOnThis: ["later on this: {0}", "后续相关：{0}"],
  "beyond.after": ["Nothing since {0}; before that:", "{0} 之后没有相关内容，之前有："], "beyond.before": ["Nothing before {0}; after that:", "{0} 之前没有相关内容，之后有："],
  "beyond.conditions": ["Nothing with these filters; without them:", "按当前筛选没有相关内容，去掉筛选后有："], "beyond.project": ["Nothing in this project; in others:", "该项目中没有相关内容，其他项目中有："],
  found: ["{0} {0:result|results} in {1} ms", "{0} 个结果，{1} 毫秒"], more: ["Show more", "显示更多"], recent: ["Recent conversations", "最近的对话"],
  noHistory: ["No conversations yet.", "还没有对话。"], noHistoryHint: ["Import your history: claude-memory import claude-code", "导入历史记录：claude-memory import claude-code"],
  copy: ["Copy", "复制"], copied: ["Copied", "已复制"], link: ["Copy link", "复制链接"], copyAll: ["Copy as Markdown", "复制为 Markdown"],
  resume: ["Copy resume command", "复制继续会话的命令"], back: ["Back", "返回"], earlier: ["Earlier messages", "更早的消息"], later: ["Later messages", "更晚的消息"],
  messages: ["{0} {0:message|messages}", "{0} 条消息"], sessionsOf: ["{0} {0:session|sessions}", "{0} 个会话"], thinking: ["Reasoning", "推理"], output: ["Output", "输出"],
  summary: ["Summary by the client", "客户端生成的摘要"], meta: ["From the client", "来自客户端"], suspicious: ["looks like an instruction to a model", "疑似给模型的指令"],
  elsewhere: ["from elsewhere, not confirmed", "来自其他机器，未经确认"], saidBy: ["said by {0}", "{0} 所说"],
  lines: ["{0} {0:line|lines}", "{0} 行"], expandAll: ["Expand all tools", "展开所有工具"], collapseAll: ["Collapse all tools", "收起所有工具"],
  activity: ["Activity", "活动"], less: ["less", "少"], moreWord: ["more", "多"], byProject: ["By project, last 53 weeks", "按项目，最近 53 周"],
  conversations: ["Conversations", "对话"], onDay: ["On {0}", "{0}"], allDays: ["All days", "所有日期"], files: ["Files", "文件"],
  newMemory: ["New memory", "新记忆"], memoryText: ["What to remember", "要记住的内容"], kind: ["Kind", "类型"], save: ["Save", "保存"], saved: ["Saved", "已保存"],
  decisions: ["Decisions", "决定"], subject: ["About", "关于"], state: ["State", "状态"], status: ["Status", "确认情况"], scope: ["Holds", "适用范围"],
  allKinds: ["All kinds", "所有类型"], allStates: ["All states", "所有状态"], openSuggestions: ["Suggested and confirmed", "待确认和已确认"],
  "kind.decision": ["decision", "决定"], "kind.correction": ["correction", "纠正"], "kind.rule": ["rule", "规则"],
  "state.in_force": ["in force", "有效"], "state.replaced": ["replaced", "已被取代"], "state.reverted": ["reverted", "已撤回"],
  "status.suggested": ["suggested", "待确认"], "status.confirmed": ["confirmed", "已确认"], "status.dismissed": ["dismissed", "已忽略"],
  "scope.project": ["in this project", "本项目"], "scope.everywhere": ["everywhere", "所有项目"],
  saidTimes: ["said {0} {0:time|times} in {1} {1:session|sessions}", "在 {1} 个会话中说过 {0} 次"], proposed: ["The model proposed", "模型的提议"],
  inSession: ["Show in session", "在会话中查看"], seeLater: ["What changed it", "查看后来的改动"], seeMemory: ["Show memory", "查看记忆"],
  confirm: ["Confirm", "确认"], dismiss: ["Dismiss", "忽略"], confirmed: ["Saved as a memory", "已保存为记忆"], dismissed: ["Dismissed", "已忽略"],
  suggestionHint: ["Rules found these among your own words. Nothing is injected until you confirm it.", "这些是按规则从你的发言中找出的，确认之前不会注入任何会话。"],
  suggestionSum: ["{0} {0:suggestion|suggestions}", "{0} 条"], noSuggestions: ["No suggestions.", "没有找到。"], olderNotExamined: ["Older turns were not examined.", "更早的发言没有检查。"],
  injections: ["Injections", "注入"], session: ["Session", "会话"], tokens: ["{0} {0:token|tokens}", "{0} 个 token"], used: ["used", "已用到"], notUsedYet: ["not used", "未用到"], noReply: ["no reply yet", "尚无回复"],
  injectedSum: ["{0} {0:injection|injections}, {1} {1:memory|memories}: {2} used, {3} not used. Each entry says why it was injected.", "共注入 {0} 次、{1} 条记忆：{2} 条被用到，{3} 条未用到。每条都注明了注入的原因。"],
  noInjections: ["Nothing has been injected yet.", "还没有注入过内容。"], "moment.SessionStart": ["Session start", "会话开始"], "moment.compact": ["After a compaction", "上下文压缩之后"],
  "moment.UserPromptSubmit": ["Prompt", "用户提问"], "moment.PostToolUseFailure": ["Command failed", "命令失败"], "moment.PreToolUse": ["Before an edit", "编辑之前"],
  "moment.SubagentStart": ["Subagent start", "子代理启动"], "moment.memory_context": ["Requested by the agent", "代理主动查询"],
  asksToForget: ["An agent asks to delete {0} {0:message|messages}", "代理请求删除 {0} 条消息"], discard: ["Keep", "保留"], kept: ["Nothing was deleted.", "没有删除任何内容。"],
  wantsAtHand: ["an agent asks to inject this into every session", "代理请求在每个会话中注入"], allow: ["Allow", "允许"], allowed: ["It will be injected into sessions from now on.", "从现在起会注入会话。"],
  edit: ["Edit", "编辑"], pin: ["Pin", "置顶"], unpin: ["Unpin", "取消置顶"], pinned: ["pinned", "已置顶"], forget: ["Delete…", "删除…"], cancel: ["Cancel", "取消"],
  noMemories: ["No saved memories yet.", "还没有保存的记忆。"], until: ["until {0}", "有效期至 {0}"],
  forgetHeading: ["Permanently delete {0} {0:message|messages}?", "永久删除 {0} 条消息？"], forgetWhat: ["They are removed from the store, the index and all searches. Imports do not bring them back.", "它们会从存储、索引和所有搜索结果中删除，再次导入也不会恢复。"],
  forgetBackups: ["Also delete from backups", "同时从备份中删除"], forgetDo: ["Delete permanently", "永久删除"], forgotten: ["Deleted", "已删除"],
  receipt: ["Deleted {0} {0:message|messages}, {1} {1:part|parts} and {2} {2:embedding|embeddings}.", "已删除 {0} 条消息、{1} 个部分、{2} 个向量。"], verified: ["No trace of them was found in any file of the store.", "已搜索存储的所有文件，没有残留。"],
  remaining: ["Text was still found in: {0}", "以下文件中仍有残留：{0}"], inBackups: ["These backups may still contain them: {0}", "以下备份可能仍包含它们：{0}"], incomplete: ["The deletion is not complete yet:", "删除尚未全部完成："], done: ["Done", "完成"],
  andMore: ["and {0} more", "以及另外 {0} 条"],
  readings: ["Metrics", "指标"], disk: ["Disk", "磁盘"], memory: ["Memory", "内存"], cpu: ["CPU", "CPU"], response: ["Response time", "响应时间"], database: ["Database", "数据库"],
  normal: ["normal", "正常"], elevated: ["elevated", "偏高"], info: ["info", "提示"], warning: ["warning", "警告"], critical: ["critical", "紧急"], unknown: ["unknown", "未知"], notUsed: ["no requests yet", "暂无请求"],
  checks: ["Checks", "检查项"], fine: ["Everything is OK", "一切正常"], notFine: ["Something needs attention", "有问题需要处理"],
  openAlerts: ["Open alerts", "未解除的告警"], pastAlerts: ["Past alerts", "历史告警"], noAlerts: ["None.", "无。"], upToDate: ["Import and sync", "导入与同步"], reading: ["Import", "导入"], transcripts: ["{0} of {1} {1:transcript|transcripts} read", "已读取 {0} / {1} 个对话记录"], waiting: ["{0} pending", "{0} 条待同步"],
  up: ["reachable", "可用"], down: ["not reachable", "不可用"], lag: ["{0} s behind", "落后 {0} 秒"], growth: ["Growth", "增长"], forecast: ["At the current rate", "按目前的速度"],
  inDays: ["in {0} {0:day|days}", "{0} 天后"], never: ["not expected", "预计不会"], now: ["now", "现在"],
  "messages by day": ["Messages by day", "每日消息数"], "size of the database": ["Database size (MB)", "数据库大小（MB）"],
  "size of the index": ["Index size (MB)", "索引大小（MB）"], "reading behind": ["Import lag (s)", "导入延迟（秒）"],
  "PostgreSQL behind": ["PostgreSQL sync lag (s)", "PostgreSQL 同步延迟（秒）"], "Qdrant behind": ["Qdrant sync lag (s)", "Qdrant 同步延迟（秒）"],
  setting: ["Setting", "设置项"], value: ["Value", "值"], origin: ["From", "来源"], settingsHint: ["Read only. Change them in the file; a running service reloads it on SIGHUP.", "只读。请在配置文件中修改；运行中的服务收到 SIGHUP 后会重新加载。"],
  appearance: ["Appearance", "外观"], language: ["Language", "语言"], theme: ["Theme", "主题"], auto: ["System", "跟随系统"], light: ["Light", "浅色"], dark: ["Dark", "深色"],
  enterHeading: ["Access token required", "需要访问令牌"], enterHint: ["Open this page with the command below, or paste the token from the file http.token.", "请用下面的命令打开本页，或粘贴 http.token 文件中的令牌。"],
  token: ["Token", "令牌"], enter: ["Open", "打开"], wrongToken: ["The token is not correct.", "令牌不正确。"], usedUp: ["This link has already been used or has expired. Run the command again.", "该链接已被使用或已过期，请重新运行命令。"],
  failed: ["Something went wrong", "操作失败"], unreachable: ["The service does not answer.", "服务没有响应。"], retry: ["Try again", "重试"],
  keys: ["Keyboard shortcuts", "键盘快捷键"], keyList: [
    "/ search · j k or ↓ ↑ move · Enter open · c copy · Esc back · g then s t m d i h go to a view · ? this help",
    "/ 搜索 · j k 或 ↓ ↑ 移动 · Enter 打开 · c 复制 · Esc 返回 · 先按 g 再按 s t m d i h 切换视图 · ? 显示本帮助"],
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
export function chooseTheme(name) {
  localStorage.setItem("claude-memory.theme", name);
  document.documentElement.dataset.theme = name;
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
export const clock = dated("clock", { hour: "2-digit", minute: "2-digit" });
/** Returns the distance from now: "3 days ago". */
export function ago(text) {
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
  return formatter(Intl.RelativeTimeFormat, "ago", { numeric: "auto" }).format(Math.round(seconds / length), unit);
}
