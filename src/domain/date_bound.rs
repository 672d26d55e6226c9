//! Dates as people write them, in English and Chinese: "2026-01-22", "yesterday", "last week", "3 days ago", "上周",
//! "三天前". Owns parsing the bound of a filter. Does not look for dates inside sentences.

use jiff::civil::{Date, Weekday};
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

use super::Timestamp;

/// Parses the start of the period that `text` names, in `zone`. `last week` is Monday 00:00 of the week before.
///
/// # Errors
/// Returns a message that lists the accepted forms.
pub fn parse_date_bound(text: &str, now: Timestamp, zone: &TimeZone) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Some(exact) = Timestamp::parse_rfc3339(text) {
        return Ok(exact);
    }
    let lower = text.to_lowercase();
    let here = now.to_jiff().to_zoned(zone.clone());
    if let Some(span) = parse_ago(&lower) {
        let moment = here.checked_sub(span).map_err(|_| unknown_date_message(text))?;
        return Ok(Timestamp::from_jiff(moment.timestamp()));
    }
    let date = parse_named_day(&lower, here.date()).or_else(|| lower.parse::<Date>().ok());
    let date = date.ok_or_else(|| unknown_date_message(text))?;
    let start = date.to_zoned(zone.clone()).map_err(|_| unknown_date_message(text))?;
    Ok(Timestamp::from_jiff(start.timestamp()))
}

fn unknown_date_message(text: &str) -> String {
    format!(
        "{text:?} is not a date or time; use 2026-01-22, 2026-01-22T05:17:00Z, yesterday, last week, 3 days ago, 昨天, 上周 or 三天前"
    )
}

fn parse_named_day(text: &str, today: Date) -> Option<Date> {
    let monday = today.checked_sub(i64::from(today.weekday().to_monday_zero_offset()).days()).ok()?;
    let month = today.first_of_month();
    let year = Date::new(today.year(), 1, 1).ok()?;
    match text {
        "today" | "今天" | "今日" => Some(today),
        "yesterday" | "昨天" | "昨日" => today.yesterday().ok(),
        "前天" => today.checked_sub(2.days()).ok(),
        "this week" | "本周" | "这周" | "這週" | "本週" => Some(monday),
        "last week" | "上周" | "上週" | "上星期" | "上个星期" => monday.checked_sub(7.days()).ok(),
        "this month" | "本月" | "这个月" => Some(month),
        "last month" | "上月" | "上个月" | "上個月" => month.checked_sub(1.month()).ok(),
        "this year" | "今年" => Some(year),
        "last year" | "去年" => year.checked_sub(1.year()).ok(),
        _ => parse_weekday(text).map(|day| {
            let back = (7 + today.weekday().to_monday_zero_offset() - day.to_monday_zero_offset()) % 7;
            let back = if back == 0 { 7 } else { back };
            today.checked_sub(i64::from(back).days()).unwrap_or(today)
        }),
    }
}

fn parse_weekday(text: &str) -> Option<Weekday> {
    match text.strip_prefix("last ").unwrap_or(text) {
        "monday" => Some(Weekday::Monday),
        "tuesday" => Some(Weekday::Tuesday),
        "wednesday" => Some(Weekday::Wednesday),
        "thursday" => Some(Weekday::Thursday),
        "friday" => Some(Weekday::Friday),
        "saturday" => Some(Weekday::Saturday),
        "sunday" => Some(Weekday::Sunday),
        _ => None,
    }
}

/// Parses "3 days ago", "2 weeks ago", "an hour ago", "三天前", "2小时前".
fn parse_ago(text: &str) -> Option<Span> {
    if let Some(rest) = text.strip_suffix('前') {
        let unit_at = rest.find(|c: char| !c.is_ascii_digit() && !"一二两三四五六七八九十 ".contains(c))?;
        let (count, unit) = rest.split_at_checked(unit_at)?;
        return span_of_unit(parse_chinese_number(count.trim())?, unit.trim_start_matches('个'));
    }
    let mut words = text.strip_suffix(" ago")?.split_whitespace();
    let count = match words.next()? {
        "a" | "an" | "one" => 1,
        digits => digits.parse().ok()?,
    };
    span_of_unit(count, words.next()?)
}

fn span_of_unit(count: i64, unit: &str) -> Option<Span> {
    let count = count.min(100_000);
    Some(match unit.strip_suffix('s').unwrap_or(unit) {
        "minute" | "分钟" => count.minutes(),
        "hour" | "小时" => count.hours(),
        "day" | "天" | "日" => count.days(),
        "week" | "周" | "星期" => count.weeks(),
        "month" | "月" => count.min(1000).months(),
        "year" | "年" => count.min(100).years(),
        _ => return None,
    })
}

fn parse_chinese_number(text: &str) -> Option<i64> {
    if let Ok(number) = text.parse() {
        return Some(number);
    }
    let digit = |c: char| "零一二三四五六七八九".chars().position(|d| d == c || (c == '两' && d == '二'));
    let chars: Vec<char> = text.chars().collect();
    let value = match chars.as_slice() {
        ['十'] => 10,
        ['十', unit] => 10 + digit(*unit)?,
        [tens, '十'] => digit(*tens)? * 10,
        [tens, '十', unit] => digit(*tens)? * 10 + digit(*unit)?,
        [unit] => digit(*unit)?,
        _ => return None,
    };
    i64::try_from(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates_in_two_languages() {
        // 2026-11-23 is a Monday.
        let now = Timestamp::parse_rfc3339("2026-11-23T10:00:00Z").unwrap();
        let check = |text: &str, expect: &str| {
            let read = parse_date_bound(text, now, &TimeZone::UTC).map(|m| m.to_string());
            assert_eq!(read.as_deref(), Ok(expect), "{text}");
        };
        check("2026-01-22", "2026-01-22T00:00:00.000Z");
        check("2026-01-22T05:17:00+08:00", "2026-01-21T21:17:00.000Z");
        check("yesterday", "2026-11-22T00:00:00.000Z");
        check("Last week", "2026-11-16T00:00:00.000Z");
        check("上周", "2026-11-16T00:00:00.000Z");
        check("上个月", "2026-10-01T00:00:00.000Z");
        check("3 days ago", "2026-11-20T10:00:00.000Z");
        check("三天前", "2026-11-20T10:00:00.000Z");
        check("两个小时前", "2026-11-23T08:00:00.000Z");
        check("十二天前", "2026-11-11T10:00:00.000Z");
        check("monday", "2026-11-16T00:00:00.000Z");
        check("去年", "2025-01-01T00:00:00.000Z");
        assert!(parse_date_bound("the other day", now, &TimeZone::UTC).unwrap_err().contains("last week"));
    }
}
