//! Answers a question that names a period: "what did I do yesterday", 上周五的报错. The period is a filter only while it
//! helps: a history may tell of a time long after it, and then the words of the question are what counts.

use jiff::civil::Date;

use crate::domain::text::period::{self, NamedPeriod};
use crate::domain::{AskedPeriod, Confidence, Filter, PeriodUse, Query, SearchMode, SearchResults, Timestamp};
use crate::memory::{Memory, Result};

/// Period of a question, with its days as times.
pub(super) struct QuestionPeriod {
    named: NamedPeriod,
    after: Timestamp,
    before: Timestamp,
    /// True if the question is about somebody else: its period is then that of what was told.
    is_about_others: bool,
}

impl QuestionPeriod {
    fn to_asked(&self, usage: PeriodUse) -> AskedPeriod {
        AskedPeriod { words: self.named.words.clone(), after: self.after, before: self.before, usage }
    }
}

impl Memory {
    /// Finds the period that a query names in words. Times of the filter, a session and a literal search win over it.
    pub(super) fn find_asked_period(&self, query: &Query, now: Timestamp) -> Option<QuestionPeriod> {
        let [text] = query.texts.as_slice() else { return None };
        let filter = &query.filter;
        if filter.after.is_some()
            || filter.before.is_some()
            || filter.session.is_some()
            || query.mode == SearchMode::Exact
        {
            return None;
        }
        let named = period::find_period(text, now, || self.zone.clone())?;
        let start = |date: Date| Some(Timestamp::from_jiff(date.to_zoned(self.zone.clone()).ok()?.timestamp()));
        let (after, before) = (start(named.first)?, start(named.last.tomorrow().ok()?)?);
        Some(QuestionPeriod { is_about_others: period::is_about_others(text), named, after, before })
    }

    /// Answers a query within the period that it names. If nothing else is asked, the sessions of the period are the
    /// answer. Else its hits are, unless hits of any time answer more clearly.
    pub(super) fn answer_in_period(
        &self,
        query: &Query,
        asked: &QuestionPeriod,
        now: Timestamp,
    ) -> Result<SearchResults> {
        let filter = Filter { after: Some(asked.after), before: Some(asked.before), ..query.filter.clone() };
        let within = Query { filter, ..query.clone() };
        if asked.named.asks_only_for_time() && !asked.is_about_others {
            let period = asked.to_asked(PeriodUse::Timeline);
            let (sessions, _) = self.sessions_in_period(&period, query.filter.projects.clone(), 1)?;
            let mut answer = self.search(&within, now)?;
            answer.confidence = if sessions.is_empty() { Confidence::None } else { Confidence::Strong };
            answer.period = Some(period);
            return Ok(answer);
        }
        if asked.is_about_others {
            return self.answer_beyond_filter(query, now);
        }
        let answer = self.search(&within, now)?;
        let anytime = self.answer_beyond_filter(query, now)?;
        let helps = answer.confidence != Confidence::None && answer.confidence >= anytime.confidence;
        let (mut answer, usage) = if helps { (answer, PeriodUse::Filter) } else { (anytime, PeriodUse::Unused) };
        answer.period = Some(asked.to_asked(usage));
        Ok(answer)
    }
}
