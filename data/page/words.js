// What the page says, in English and Chinese, and how it writes times and numbers.

const WORDS = {
  search: ["Search", "搜索"], timeline: ["Timeline", "时间线"], memories: ["Memories", "记忆"], health: ["Health", "健康"],
  settings: ["Settings", "设置"], skip: ["Skip to content", "跳到内容"],
  ask: ["What do you remember about …?", "还记得……吗?"], results: ["Results", "结果"],
  allProjects: ["All projects", "所有项目"], anyTime: ["Any time", "任何时间"], today: ["Today", "今天"], week: ["Last 7 days", "最近 7 天"],
  month: ["Last 30 days", "最近 30 天"], year: ["Last year", "最近一年"], anyRole: ["Anyone", "所有角色"], user: ["You", "你"],
  assistant: ["Assistant", "助手"], toolRole: ["Tools", "工具"], system: ["System", "系统"], anySource: ["All sources", "所有来源"],
  hybrid: ["Words and meaning", "词语和语义"], keyword: ["Words", "词语"], semantic: ["Meaning", "语义"], exact: ["Literal text", "精确文本"],
  project: ["Project", "项目"], time: ["Time", "时间"], role: ["Who", "角色"], source: ["Source", "来源"], mode: ["Match by", "匹配方式"],
  nothing: ["Nothing was found.", "没有找到。"], nothingHint: ["Fewer words, another time or all projects may help.", "可以减少词语、放宽时间或选择所有项目。"],
  found: ["{0} results in {1} ms", "{0} 个结果,{1} 毫秒"], more: ["Show more", "显示更多"], recent: ["Recent conversations", "最近的对话"],
  noHistory: ["Nothing is kept yet.", "还没有内容。"], noHistoryHint: ["Read your history with: claude-memory import claude-code", "读取历史:claude-memory import claude-code"],
  copy: ["Copy", "复制"], copied: ["Copied", "已复制"], link: ["Copy link", "复制链接"], copyAll: ["Copy as Markdown", "复制为 Markdown"],
  resume: ["Copy resume command", "复制恢复命令"], back: ["Back", "返回"], earlier: ["Earlier messages", "更早的消息"], later: ["Later messages", "更晚的消息"],
  messages: ["{0} messages", "{0} 条消息"], sessionsOf: ["{0} sessions", "{0} 个会话"], thinking: ["Reasoning", "推理"], output: ["Output", "输出"],
  summary: ["Summary by the client", "客户端摘要"], meta: ["From the client", "来自客户端"], note: ["Saved", "已保存"], suspicious: ["reads like an instruction to a model", "像是给模型的指令"],
  lines: ["{0} lines", "{0} 行"], expandAll: ["Open all tools", "展开所有工具"], collapseAll: ["Close all tools", "收起所有工具"],
  activity: ["Activity", "活动"], less: ["less", "少"], moreWord: ["more", "多"], byProject: ["By project, last 53 weeks", "按项目,最近 53 周"],
  conversations: ["Conversations", "对话"], onDay: ["On {0}", "{0}"], allDays: ["All days", "所有日期"], files: ["Files", "文件"],
  newMemory: ["New memory", "新记忆"], memoryText: ["What to remember", "要记住的内容"], kind: ["Kind", "类型"], save: ["Save", "保存"], saved: ["Saved", "已保存"],
  edit: ["Edit", "编辑"], pin: ["Pin", "置顶"], unpin: ["Unpin", "取消置顶"], pinned: ["pinned", "已置顶"], forget: ["Forget…", "遗忘……"], cancel: ["Cancel", "取消"],
  noMemories: ["Nothing was saved on purpose yet.", "还没有特意保存的内容。"], until: ["until {0}", "有效至 {0}"],
  forgetHeading: ["Forget {0} messages for good?", "永久遗忘 {0} 条消息?"], forgetWhat: ["They are taken out of the store, the index and every search. Imports do not bring them back.", "它们会从存储、索引和所有搜索中删除,导入也不会恢复。"],
  forgetBackups: ["Also out of the backups", "同时从备份中删除"], forgetDo: ["Forget for good", "永久遗忘"], forgotten: ["Forgotten", "已遗忘"],
  receipt: ["{0} messages, {1} parts and {2} vectors are gone.", "已删除 {0} 条消息、{1} 个部分、{2} 个向量。"], verified: ["No file of the store holds a piece of them any more.", "存储的任何文件都不再包含它们。"],
  remaining: ["A piece was still found in: {0}", "仍在以下文件中找到:{0}"], inBackups: ["These backups still hold them: {0}", "这些备份仍包含它们:{0}"], done: ["Done", "完成"],
  andMore: ["and {0} more", "以及另外 {0} 条"],
  readings: ["Readings", "指标"], disk: ["Disk", "磁盘"], memory: ["Memory", "内存"], cpu: ["CPU", "CPU"], response: ["Response time", "响应时间"], database: ["Database", "数据库"],
  normal: ["normal", "正常"], elevated: ["elevated", "偏高"], warning: ["warning", "警告"], critical: ["critical", "严重"], unknown: ["not known", "未知"], notUsed: ["no requests yet", "暂无请求"],
  checks: ["Checks", "检查"], fine: ["Everything is well", "一切正常"], notFine: ["Something needs attention", "有项目需要处理"],
  openAlerts: ["Open alerts", "未解决的告警"], pastAlerts: ["Past alerts", "历史告警"], noAlerts: ["None.", "无。"], upToDate: ["Up to date", "同步状态"], reading: ["reading", "读取"], transcripts: ["{0} of {1} transcripts read", "已读 {0} / {1} 个对话记录"], waiting: ["{0} wait", "{0} 条等待"],
  up: ["answers", "可用"], down: ["does not answer", "不可用"], lag: ["{0} s behind", "落后 {0} 秒"], growth: ["Growth", "增长"], forecast: ["If it goes on like this", "照此增长"],
  inDays: ["in {0} days", "{0} 天后"], never: ["not in sight", "暂不会"], now: ["now", "现在"],
  "messages by day": ["Messages by day", "每日消息数"], "size of the database": ["Size of the database (MB)", "数据库大小(MB)"],
  "size of the index": ["Size of the index (MB)", "索引大小(MB)"], "reading behind": ["Reading behind (s)", "读取落后(秒)"],
  "PostgreSQL behind": ["PostgreSQL behind (s)", "PostgreSQL 落后(秒)"], "Qdrant behind": ["Qdrant behind (s)", "Qdrant 落后(秒)"],
  setting: ["Setting", "设置项"], value: ["Value", "值"], origin: ["From", "来源"], settingsHint: ["Read only. They are changed in the file, and a running service reads it again on SIGHUP.", "只读。在文件中修改;运行中的服务收到 SIGHUP 后会重新读取。"],
  appearance: ["Appearance", "外观"], language: ["Language", "语言"], theme: ["Theme", "主题"], auto: ["As the system", "跟随系统"], light: ["Light", "浅色"], dark: ["Dark", "深色"],
  enterHeading: ["This memory is yours alone", "这份记忆只属于你"], enterHint: ["Open it with the command below, or paste the token from the file http.token.", "用下面的命令打开,或粘贴 http.token 文件中的令牌。"],
  token: ["Token", "令牌"], enter: ["Open", "打开"], wrongToken: ["This token is not the right one.", "令牌不正确。"], usedUp: ["That link was used already or is too old. Run the command again.", "该链接已被使用或已过期,请重新运行命令。"],
  failed: ["That did not work", "操作失败"], unreachable: ["The service does not answer.", "服务没有响应。"], retry: ["Try again", "重试"],
  keys: ["Keyboard", "键盘"], keyList: [
    "/ search · j k or ↓ ↑ move · Enter open · c copy · Esc back · g then s t m h ? go · ? this",
    "/ 搜索 · j k 或 ↓ ↑ 移动 · Enter 打开 · c 复制 · Esc 返回 · g 再按 s t m h 跳转 · ? 帮助"],
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

/** A text by its name, with `{0}` and so on filled in. */
export function t(name, ...values) {
  const text = WORDS[name]?.[language() === "zh" ? 1 : 0] ?? name;
  return text.replace(/\{(\d)\}/g, (_, place) => values[Number(place)] ?? "");
}

const locale = () => (language() === "zh" ? "zh-CN" : "en-GB");
// Making a formatter takes longer than a hundred uses of it: one of each kind and language.
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
/** "3 days ago". */
export function ago(text) {
  const seconds = (Date.parse(text) - Date.now()) / 1000;
  const units = [["year", 31557600], ["month", 2629800], ["day", 86400], ["hour", 3600], ["minute", 60]];
  const [unit, length] = units.find(([, length]) => Math.abs(seconds) >= length) ?? ["minute", 60];
  return formatter(Intl.RelativeTimeFormat, "ago", { numeric: "auto" }).format(Math.round(seconds / length), unit);
}
