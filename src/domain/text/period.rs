//! The period that a question names, in English and Chinese: "yesterday", "last Friday", "in January", "two weeks ago",
//! "between Monday and Wednesday", 昨天, 上周五, 三月份, 最近三天. Owns finding it, and the question without it. Days as a
//! weight for ranking are in [`super::dates`]; bounds of a filter are in [`crate::domain::date_bound`].

use std::sync::LazyLock;

use jiff::ToSpan as _;
use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use regex_lite::{Captures, Regex};

use super::compile_rule;
use crate::domain::Timestamp;

/// Days from `first` to `last` that a question names, and what else it asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedPeriod {
    /// The words that name it.
    pub words: String,
    pub first: Date,
    pub last: Date,
    /// The question without these words.
    pub rest: String,
}

/// Numbers as words, by their value.
const NUMBER_WORDS: [&str; 13] =
    ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"];
const MONTH_NAMES: &str = "january|february|march|april|may|june|july|august|september|october|november|december|jan|feb|mar|apr|jun|jul|aug|sept|sep|oct|nov|dec";
const DAY_NAMES: &str = "monday|tuesday|wednesday|thursday|friday|saturday|sunday";
const COUNT: &str =
    "[0-9]{1,3}|an?|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|a few|few|a couple of";
const HAN_COUNT: &str = "[0-9]{1,3}|[一二两三四五六七八九十]{1,3}|几";
/// Days of "a few days".
const FEW: i64 = 3;

/// Meaning of the captures of a rule.
#[derive(Clone, Copy)]
enum PeriodShape {
    /// Two periods: from the first day of the first to the last day of the second.
    Between,
    /// One period: from its first day until today.
    Since,
    /// A count and a unit, until today.
    LastUnits,
    /// A count and a unit ago.
    UnitsAgo,
    /// One single expression: see [`parse_single`].
    Single,
}

/// Returns the pattern of one expression for a day, a week, a month or a year, without groups.
fn single_pattern() -> String {
    [
        r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}".to_owned(),
        format!(r"(?:on )?(?:the )?[0-9]{{1,2}}(?:st|nd|rd|th)?(?: of)? (?:{MONTH_NAMES})\b\.?(?:,? [0-9]{{4}}\b)?"),
        format!(r"(?:on )?(?:{MONTH_NAMES})\.? [0-9]{{1,2}}(?:st|nd|rd|th)?\b(?:,? [0-9]{{4}}\b)?"),
        format!(r"(?:in |during |of |last )?(?:{MONTH_NAMES})\.?,?(?: of)? [0-9]{{4}}\b"),
        r"the day before yesterday".to_owned(),
        r"yesterday(?: morning| afternoon| evening)?|last night|today|tonight|this (?:morning|afternoon|evening)".to_owned(),
        r"(?:last|this|previous|past) (?:week(?:end)?|month|year)".to_owned(),
        format!(r"(?:on |last |this past |past |this )?(?:{DAY_NAMES})"),
        format!(r"(?:in|during|last|this past) (?:{MONTH_NAMES})"),
        r"(?:in|during) (?:20[0-9]{2})".to_owned(),
        "大前天|前天|昨天|昨日|昨晚|今天|今日|今早|今晚".to_owned(),
        "(?:上上个?|上个?|这个?|本)(?:周|星期|礼拜)[一二三四五六日天末]?".to_owned(),
        "(?:周|星期|礼拜)[一二三四五六日天]".to_owned(),
        "上上个月|上个?月|这个月|本月".to_owned(),
        "(?:(?:[0-9]{4}|去|今|前)年)?(?:十[一二]?|[一二三四五六七八九]|[0-9]{1,2})月(?:份|里|(?:[0-9]{1,2}|[一二三四五六七八九十]{1,3})[日号])?".to_owned(),
        "前年|去年|今年|20[0-9]{2}年".to_owned(),
    ]
    .join("|")
}

static PERIOD_RULES: LazyLock<Vec<(Regex, PeriodShape)>> = LazyLock::new(|| {
    let single = single_pattern();
    let bare_month = format!("{single}|{MONTH_NAMES}");
    let rules = [
        (format!(r"\b(?:between|from) ({bare_month}) (?:and|to|until|till) ({bare_month})\b"), PeriodShape::Between),
        (format!("从?({single})(?:到|至)({single})"), PeriodShape::Between),
        (format!(r"\bsince ({bare_month})\b"), PeriodShape::Since),
        (format!("(?:自从|自|从)?({single})(?:以来|至今|到现在|到今天)"), PeriodShape::Since),
        (
            format!(
                r"\b(?:(?:in|over|during|within|for|of) )?(?:the )?(?:last|past|previous) ({COUNT}) (day|week|month|year)s?\b"
            ),
            PeriodShape::LastUnits,
        ),
        (format!("(?:最近|过去|近)的?({HAN_COUNT})个?(天|日|周|星期|礼拜|月|年)"), PeriodShape::LastUnits),
        (format!(r"\b({COUNT}) (day|week|month|year)s? ago\b"), PeriodShape::UnitsAgo),
        (format!("({HAN_COUNT})个?(天|周|星期|礼拜|月|年)(?:以?前)"), PeriodShape::UnitsAgo),
        (
            format!(r"\b({})\b", single.split_once("|大前天").map_or(single.as_str(), |(latin, _)| latin)),
            PeriodShape::Single,
        ),
        (format!("({single})"), PeriodShape::Single),
    ];
    rules.into_iter().map(|(pattern, shape)| (compile_rule(&format!("(?i){pattern}")), shape)).collect()
});

/// Returns true if a text can name a period: most do not, and the rules take milliseconds to compile.
fn may_name_a_period(text: &str) -> bool {
    const HINTS: [&str; 26] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "day", "week", "month",
        "year", "night", "this ", "in 20", "年", "月", "天", "昨", "今", "周", "礼拜",
    ];
    let lower = text.to_lowercase();
    HINTS.iter().any(|hint| lower.contains(hint)) || lower.contains("星期") || lower.contains('-')
}

/// Finds the period that a text names; `None` if it names none, or one that begins in the future.
///
/// `zone` is called only if the text may name one. Days are those of the zone.
pub fn find_period(text: &str, now: Timestamp, zone: impl Fn() -> TimeZone) -> Option<NamedPeriod> {
    if !may_name_a_period(text) {
        return None;
    }
    let today = now.to_jiff().to_zoned(zone()).date();
    PERIOD_RULES.iter().find_map(|(rule, shape)| {
        let captures = rule.captures(text)?;
        let (first, last) = parse_shape(&captures, *shape, today)?;
        let found = captures.get(0)?;
        let before = text.get(..found.start())?.trim_end();
        let before = PREPOSITION.find(before).map_or(before, |word| before.get(..word.start()).unwrap_or(before));
        let rest = format!("{} {}", before, text.get(found.end()..)?.trim_start_matches(['的', ',', '，', ' ']));
        let rest = rest.trim().trim_end_matches(['?', '？', '.', '。', ' ']).to_owned();
        (first <= today).then(|| NamedPeriod {
            words: found.as_str().trim().to_owned(),
            first,
            last: last.min(today),
            rest,
        })
    })
}

/// Preposition that is left before the words of a period.
static PREPOSITION: LazyLock<Regex> =
    LazyLock::new(|| compile_rule(r"(?i)(?:^| )(?:on|in|at|of|from|during|since|over|for|within|the)$|在$"));

fn parse_shape(captures: &Captures<'_>, shape: PeriodShape, today: Date) -> Option<(Date, Date)> {
    let group = |index: usize| captures.get(index).map(|found| found.as_str());
    match shape {
        PeriodShape::Between => {
            let (start, end) = (parse_single(group(1)?, today)?, parse_single(group(2)?, today)?);
            let mut first = start.0;
            // "Between Monday and Wednesday" on a Tuesday: the Monday before that Wednesday.
            if first > end.1 {
                first = first.checked_sub(if is_weekday_name(group(1)?) { 7.days() } else { 1.year() }).ok()?;
            }
            (first <= end.1).then_some((first, end.1))
        }
        PeriodShape::Since => Some((parse_single(group(1)?, today)?.0, today)),
        PeriodShape::LastUnits => {
            let count = parse_count(group(1)?)?;
            let span = match parse_unit(group(2)?) {
                PeriodUnit::Day => (count - 1).max(0).days(),
                PeriodUnit::Week => count.weeks(),
                PeriodUnit::Month => count.months(),
                PeriodUnit::Year => count.years(),
            };
            Some((today.checked_sub(span).ok()?, today))
        }
        PeriodShape::UnitsAgo => {
            let (count, unit) = (parse_count(group(1)?)?, parse_unit(group(2)?));
            let day = match unit {
                PeriodUnit::Day => today.checked_sub(count.days()),
                PeriodUnit::Week => today.checked_sub(count.weeks()),
                PeriodUnit::Month => today.checked_sub(count.months()),
                PeriodUnit::Year => today.checked_sub(count.years()),
            };
            unit_around(day.ok()?, unit)
        }
        PeriodShape::Single => parse_single(group(1)?, today),
    }
}

#[derive(Clone, Copy)]
enum PeriodUnit {
    Day,
    Week,
    Month,
    Year,
}

fn parse_unit(text: &str) -> PeriodUnit {
    match text.to_lowercase().as_str() {
        "week" | "周" | "星期" | "礼拜" => PeriodUnit::Week,
        "month" | "月" => PeriodUnit::Month,
        "year" | "年" => PeriodUnit::Year,
        _ => PeriodUnit::Day,
    }
}

/// Returns the whole unit that a day lies in; weeks begin on Monday.
fn unit_around(day: Date, unit: PeriodUnit) -> Option<(Date, Date)> {
    match unit {
        PeriodUnit::Day => Some((day, day)),
        PeriodUnit::Week => {
            let monday = day.checked_sub(i64::from(day.weekday().to_monday_zero_offset()).days()).ok()?;
            Some((monday, monday.checked_add(6.days()).ok()?))
        }
        PeriodUnit::Month => Some((day.first_of_month(), day.last_of_month())),
        PeriodUnit::Year => Some((Date::new(day.year(), 1, 1).ok()?, Date::new(day.year(), 12, 31).ok()?)),
    }
}

fn parse_count(text: &str) -> Option<i64> {
    let text = text.trim().to_lowercase();
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    match text.as_str() {
        "a" | "an" => Some(1),
        "few" | "a few" | "几" => Some(FEW),
        "a couple of" | "两" => Some(2),
        _ => NUMBER_WORDS
            .iter()
            .position(|word| *word == text)
            .and_then(|value| i64::try_from(value).ok())
            .or_else(|| parse_han_number(&text)),
    }
}

/// Parses a Chinese number up to 99.
fn parse_han_number(text: &str) -> Option<i64> {
    let digit = |character: char| match character {
        '两' => Some(2),
        _ => "零一二三四五六七八九"
            .chars()
            .position(|digit| digit == character)
            .and_then(|value| i64::try_from(value).ok()),
    };
    let characters: Vec<char> = text.chars().collect();
    match characters.as_slice() {
        ['十'] => Some(10),
        ['十', unit] => Some(10 + digit(*unit)?),
        [tens, '十'] => Some(digit(*tens)? * 10),
        [tens, '十', unit] => Some(digit(*tens)? * 10 + digit(*unit)?),
        [unit] => digit(*unit),
        _ => None,
    }
}

/// Parses one expression: a day, a week, a month or a year. Without a year it is the newest that has begun.
fn parse_single(text: &str, today: Date) -> Option<(Date, Date)> {
    let text = text.trim().to_lowercase();
    let days_ago = |days: i64| today.checked_sub(days.days()).ok().map(|day| (day, day));
    match text.as_str() {
        "today" | "tonight" | "this morning" | "this afternoon" | "this evening" | "今天" | "今日" | "今早"
        | "今晚" => days_ago(0),
        "last night" | "昨天" | "昨日" | "昨晚" => days_ago(1),
        "the day before yesterday" | "前天" => days_ago(2),
        "大前天" => days_ago(3),
        _ if text.starts_with("yesterday") => days_ago(1),
        _ => parse_calendar_unit(&text, today)
            .or_else(|| parse_weekday(&text, today))
            .or_else(|| parse_date(&text, today))
            .or_else(|| parse_han_date(&text, today)),
    }
}

/// Parses "last week", "this month", 上上周, 本月, 去年.
fn parse_calendar_unit(text: &str, today: Date) -> Option<(Date, Date)> {
    let back = |unit, count: i64| {
        let span = match unit {
            PeriodUnit::Day => count.days(),
            PeriodUnit::Week => count.weeks(),
            PeriodUnit::Month => count.months(),
            PeriodUnit::Year => count.years(),
        };
        unit_around(today.checked_sub(span).ok()?, unit)
    };
    if let Some((which, unit)) = text.split_once(' ')
        && let Some(unit) = [("week", PeriodUnit::Week), ("month", PeriodUnit::Month), ("year", PeriodUnit::Year)]
            .iter()
            .find_map(|(name, value)| (unit == *name).then_some(*value))
    {
        return back(unit, i64::from(which != "this"));
    }
    if text.ends_with("weekend") {
        let (monday, _) = back(PeriodUnit::Week, i64::from(!text.starts_with("this")))?;
        return Some((monday.checked_add(5.days()).ok()?, monday.checked_add(6.days()).ok()?));
    }
    let count = han_steps_back(text);
    let named = text.trim_start_matches(['上', '这', '本', '个']);
    match named {
        "周" | "星期" | "礼拜" => back(PeriodUnit::Week, count?),
        "月" => back(PeriodUnit::Month, count?),
        _ => match text {
            "今年" => back(PeriodUnit::Year, 0),
            "去年" => back(PeriodUnit::Year, 1),
            "前年" => back(PeriodUnit::Year, 2),
            _ => None,
        },
    }
}

/// Returns how many units 上, 上上, 这 and 本 go back; `None` without one of them.
fn han_steps_back(text: &str) -> Option<i64> {
    let steps = text.chars().take_while(|character| *character == '上').count();
    match text.chars().next()? {
        '上' => i64::try_from(steps).ok(),
        '这' | '本' => Some(0),
        _ => None,
    }
}

fn is_weekday_name(text: &str) -> bool {
    let lower = text.to_lowercase();
    DAY_NAMES.split('|').any(|name| lower.ends_with(name))
        || ["周", "星期", "礼拜"].iter().any(|word| lower.contains(word))
}

/// Parses a weekday: alone the newest one, today included; "last Friday" before today; 上周五 of the week before.
fn parse_weekday(text: &str, today: Date) -> Option<(Date, Date)> {
    let day = |found: Date| Some((found, found));
    if let Some(place) = DAY_NAMES.split('|').position(|name| text.ends_with(name)) {
        let wanted = Weekday::from_monday_zero_offset(i8::try_from(place).ok()?).ok()?;
        let mut back = i64::from((7 + today.weekday().to_monday_zero_offset() - wanted.to_monday_zero_offset()) % 7);
        if back == 0 && (text.starts_with("last") || text.contains("past")) {
            back = 7;
        }
        return day(today.checked_sub(back.days()).ok()?);
    }
    let unit = ["星期", "礼拜", "周"].iter().find_map(|word| text.split_once(word).map(|(_, rest)| rest))?;
    let place = i64::try_from(
        "一二三四五六日"
            .chars()
            .position(|name| unit.starts_with(name))
            .or_else(|| unit.starts_with('天').then_some(6))
            .or_else(|| unit.starts_with('末').then_some(5))?,
    )
    .ok()?;
    let today_place = i64::from(today.weekday().to_monday_zero_offset());
    let back = match han_steps_back(text) {
        Some(weeks) => today_place - place + weeks * 7,
        None => (7 + today_place - place) % 7,
    };
    let found = today.checked_sub(back.days()).ok()?;
    if unit.starts_with('末') { Some((found, found.tomorrow().ok()?)) } else { day(found) }
}

/// Parses "2026-01-22", "8 May 2023", "May 8th", "in January", "March 2024", "in 2024".
fn parse_date(text: &str, today: Date) -> Option<(Date, Date)> {
    if let Ok(date) = text.parse::<Date>() {
        return Some((date, date));
    }
    let mut month = None;
    let (mut day, mut year) = (None, None);
    for word in text.split([' ', ',', '.']).filter(|word| !word.is_empty()) {
        let digits = word.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
        if let Ok(number) = digits.parse::<i16>() {
            if digits.len() == 4 { year = Some(number) } else { day = i8::try_from(number).ok() }
        } else if MONTH_NAMES.split('|').any(|name| name == word) {
            month = month_number(word);
        }
    }
    match (month, year) {
        (Some(month), _) => date_range(year, month, day, today),
        (None, Some(year)) => unit_around(Date::new(year, 1, 1).ok()?, PeriodUnit::Year),
        (None, None) => None,
    }
}

fn month_number(name: &str) -> Option<i8> {
    let all = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
    let start = name.get(..3)?;
    i8::try_from(all.iter().position(|month| *month == start)? + 1).ok()
}

/// Parses 2026年3月, 三月份, 5月2日, 去年十二月, 2024年.
fn parse_han_date(text: &str, today: Date) -> Option<(Date, Date)> {
    let (year, rest) = match text.split_once('年') {
        Some((year, rest)) => {
            let year = match year {
                "去" => today.year() - 1,
                "前" => today.year() - 2,
                "今" => today.year(),
                digits => digits.parse().ok()?,
            };
            (Some(year), rest)
        }
        None => (None, text),
    };
    if rest.is_empty() {
        return unit_around(Date::new(year?, 1, 1).ok()?, PeriodUnit::Year);
    }
    let (month, rest) = rest.split_once('月')?;
    let month = i8::try_from(parse_count(month)?).ok()?;
    let day = rest.trim_end_matches(['日', '号', '份', '里']);
    let day = if day.is_empty() { None } else { Some(i8::try_from(parse_count(day)?).ok()?) };
    date_range(year, month, day, today)
}

/// Returns a day or a month; without a year the newest that has begun.
fn date_range(year: Option<i16>, month: i8, day: Option<i8>, today: Date) -> Option<(Date, Date)> {
    let mut first = Date::new(year.unwrap_or(today.year()), month, day.unwrap_or(1)).ok()?;
    if year.is_none() && first > today {
        first = Date::new(today.year() - 1, month, day.unwrap_or(1)).ok()?;
    }
    Some((first, if day.is_some() { first } else { first.last_of_month() }))
}

/// Words of a question that asks for nothing but what was done.
const ACTIVITY_WORDS: &str = "what which did do does doing done have has had i i've we we've you me us my our was were is are been be work works worked working on happen happened happening go went going get got thing things stuff anything something everything all the a any show list tell give find about up to session sessions conversation conversations chat chats history activity summary summarize summarise recap overview of in at for and please can could during timeline accomplish accomplished achieve achieved talk talked talking discuss discussed from with claude so far again";
/// The same for Chinese, longest first.
const HAN_ACTIVITY_WORDS: &[&str] = &[
    "总结一下",
    "回顾一下",
    "做了些什么",
    "什么事情",
    "聊天记录",
    "工作内容",
    "我们",
    "咱们",
    "你们",
    "什么",
    "哪些",
    "事情",
    "工作",
    "发生",
    "会话",
    "对话",
    "聊天",
    "记录",
    "看看",
    "总结",
    "回顾",
    "一下",
    "列出",
    "完成",
    "主要",
    "讨论",
    "我",
    "你",
    "都",
    "做",
    "干",
    "的",
    "了",
    "过",
    "有",
    "在",
    "聊",
    "说",
    "事",
    "忙",
    "些",
    "啥",
    "吗",
    "请",
];

impl NamedPeriod {
    /// Returns true if the question asks for nothing but what was done in the period.
    pub fn asks_only_for_time(&self) -> bool {
        let mut rest = self.rest.to_lowercase();
        for word in HAN_ACTIVITY_WORDS {
            rest = rest.replace(word, " ");
        }
        let words = rest.split(|letter: char| letter.is_whitespace() || ",.!?，。！？、：:呢帮".contains(letter));
        words.filter(|word| !word.is_empty()).all(|word| ACTIVITY_WORDS.split(' ').any(|known| known == word))
    }
}

static OTHER_PERSON: LazyLock<Regex> = LazyLock::new(|| {
    compile_rule(
        r"\b(?:[Dd]id|[Dd]oes|[Hh]as|[Hh]ave|[Hh]ad|[Ww]as|[Ww]ere|[Ii]s|[Aa]re) (?:[A-Z][a-z]+|he|she|they|his|her|their)\b|\b[A-Z][a-z]+['’]s\b|他|她",
    )
});

/// Returns true if a question is about somebody else than who asks. A time in it is then the time of what was told, and
/// not the time of telling.
pub fn is_about_others(text: &str) -> bool {
    OTHER_PERSON.find_iter(text).any(|found| {
        !["What's", "Let's", "That's", "It's", "Who's"].iter().any(|word| found.as_str().starts_with(word))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(text: &str) -> Option<NamedPeriod> {
        // A Saturday.
        let now = Timestamp::parse_rfc3339("2026-11-28T12:00:00Z").unwrap();
        find_period(text, now, || TimeZone::UTC)
    }

    #[test]
    fn questions_name_periods() {
        for (text, first, last, rest) in [
            ("what did I do yesterday", "2026-11-27", "2026-11-27", "what did I do"),
            ("昨天我做了什么", "2026-11-27", "2026-11-27", "我做了什么"),
            ("which tests failed last Friday?", "2026-11-27", "2026-11-27", "which tests failed"),
            ("on Saturday we changed the pool", "2026-11-28", "2026-11-28", "we changed the pool"),
            ("上周五改了什么配置", "2026-11-20", "2026-11-20", "改了什么配置"),
            ("周三的报错", "2026-11-25", "2026-11-25", "报错"),
            ("what broke in January", "2026-01-01", "2026-01-31", "what broke"),
            ("三月份我们决定了什么", "2026-03-01", "2026-03-31", "我们决定了什么"),
            ("去年十二月的发布", "2025-12-01", "2025-12-31", "发布"),
            ("two weeks ago we moved the repo", "2026-11-09", "2026-11-15", "we moved the repo"),
            ("三天前的错误", "2026-11-25", "2026-11-25", "错误"),
            ("the bug of the last 3 days", "2026-11-26", "2026-11-28", "the bug"),
            ("最近一周的会话", "2026-11-21", "2026-11-28", "会话"),
            ("what changed between Monday and Wednesday", "2026-11-23", "2026-11-25", "what changed"),
            ("from Friday to Monday", "2026-11-20", "2026-11-23", ""),
            ("周一到周三做了什么", "2026-11-23", "2026-11-25", "做了什么"),
            ("errors since Monday", "2026-11-23", "2026-11-28", "errors"),
            ("what did we do last week", "2026-11-16", "2026-11-22", "what did we do"),
            ("上周的事", "2026-11-16", "2026-11-22", "事"),
            ("上个月的报告", "2026-10-01", "2026-10-31", "报告"),
            ("the talk of May 8th", "2026-05-08", "2026-05-08", "the talk"),
            ("log of 2026-01-06, please", "2026-01-06", "2026-01-06", "log please"),
            ("what happened in 2025", "2025-01-01", "2025-12-31", "what happened"),
            ("5月2日说了什么", "2026-05-02", "2026-05-02", "说了什么"),
            ("in December we slept", "2025-12-01", "2025-12-31", "we slept"),
        ] {
            let found = find(text).unwrap_or_else(|| panic!("{text} names a period"));
            assert_eq!(
                (found.first.to_string(), found.last.to_string()),
                (first.to_owned(), last.to_owned()),
                "{text}"
            );
            assert_eq!(found.rest, rest, "{text}");
        }
        for text in [
            "I may go",
            "version 1.2.3",
            "march on",
            "the second of them",
            "on-call rotation",
            "每周的例会",
            "",
            "13 of 14",
            "two days later",
        ] {
            assert_eq!(find(text), None, "{text}");
        }
    }

    #[test]
    fn some_questions_ask_for_nothing_but_the_time() {
        for text in [
            "what did I do yesterday",
            "yesterday",
            "昨天我做了什么",
            "what happened last Friday?",
            "上周五我们都干了些什么",
            "What have we been working on this week",
            "三月份做了什么",
            "show me the sessions of last week",
            "最近三天的会话",
            "what did we discuss between Monday and Wednesday",
            "总结一下昨天的工作",
        ] {
            assert!(find(text).unwrap().asks_only_for_time(), "{text}: {:?}", find(text));
        }
        for text in
            ["which tests failed yesterday", "昨天的连接池错误", "what did we decide last week", "上周改了什么配置"]
        {
            assert!(!find(text).unwrap().asks_only_for_time(), "{text}");
        }
    }

    #[test]
    fn a_question_about_somebody_else_is_known() {
        for text in
            ["What did Caroline do last year?", "When was Melanie in Rome", "Caroline's trip in June", "她昨天说了什么"]
        {
            assert!(is_about_others(text), "{text}");
        }
        for text in
            ["What did I do yesterday", "what did we change in January", "昨天的报错", "What's new since Monday"]
        {
            assert!(!is_about_others(text), "{text}");
        }
    }
}
