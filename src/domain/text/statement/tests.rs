//! Turns in both languages with what they state. Written for this table; none of them is from a transcript.

use super::{StatementKind, own_words, read_proposal, read_turn};

use StatementKind::{Assent, Correction, Decision, Rule};

/// Asserts that each turn states exactly these kinds; lists all that do not.
fn assert_statements(turns: &[(&str, &[StatementKind])]) {
    let wrong: Vec<String> = turns
        .iter()
        .map(|(turn, wanted)| (turn, *wanted, read_turn(turn).kinds))
        .filter(|(_, wanted, found)| wanted != found)
        .map(|(turn, wanted, found)| format!("{turn}: {found:?}, not {wanted:?}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn english_statements() {
    assert_statements(&[
        ("let's call the table deliveries", &[Decision]),
        ("Use pnpm instead of npm.", &[Decision]),
        ("we should keep the old endpoint until March", &[Decision]),
        ("I'd prefer the settings file over an environment variable", &[Decision]),
        ("2, but with a limit of 50", &[Decision]),
        ("How about using a ring buffer? The queue grows without end.", &[Decision]),
        ("could we return the id instead?", &[Decision]),
        ("The timeout should be 30 seconds, not 10", &[Decision]),
        ("drop the Redis cache, Postgres is fast enough", &[Decision]),
        ("ok, then keep both columns for now", &[Decision]),
        ("We'll use UTC in the database and local time on the page.", &[Decision]),
        ("I think we should round half to even", &[Decision]),
        ("no need for a feature flag here", &[Decision]),
        ("don't add another dependency for this", &[Decision]),
        ("go with the second design, the first one is too complicated", &[Decision]),
        ("The export is CSV by default", &[Decision]),
        ("not as a flag, but as a subcommand", &[Decision, Correction]),
        ("this is wrong, the total has no tax in it", &[Correction]),
        ("it still doesn't show the new column", &[Correction]),
        ("I meant the staging server", &[Correction]),
        ("you forgot the index on email", &[Correction]),
        ("no, that is another table", &[Correction]),
        ("From now on write the commit messages in English.", &[Decision, Rule]),
        ("Never push to main.", &[Decision, Rule]),
        ("can you add this to CLAUDE.md?", &[Rule]),
        ("you should always run the linter before you commit", &[Rule]),
        ("yes", &[Assent]),
        ("Yes please, do it", &[Assent]),
        ("option 2", &[Assent]),
        ("1 and 3", &[Assent]),
        ("sounds good, go ahead", &[Assent]),
        ("ok, let's do that", &[Assent]),
        ("let's start with the login page", &[]),
        ("let's look at the failing test first", &[]),
        ("can you run the tests again?", &[]),
        ("what does this function return?", &[]),
        ("don't fix anything, just validate", &[]),
        ("use the review skill", &[]),
        ("make sure the tests pass", &[]),
        ("I'd like to understand how the cache is filled", &[]),
        ("commit this and open a pull request", &[]),
        ("why should the client retry?", &[]),
        ("The reviewer asked whether we should lock the table", &[]),
    ]);
}

#[test]
fn chinese_statements() {
    assert_statements(&[
        ("连接池改成十二个", &[Decision]),
        ("统一用 UTC 存时间", &[Decision]),
        ("就用 SQLite，别上 Postgres 了", &[Decision]),
        ("定了，接口返回数组", &[Decision]),
        ("默认关掉遥测", &[Decision]),
        ("不要再用全局变量了", &[Decision]),
        ("去掉这个参数", &[Decision]),
        ("用指数退避吧", &[Decision]),
        ("错误码还是用字符串", &[Decision]),
        ("日志放到 logs 目录就行", &[Decision]),
        ("表名应该叫 orders", &[Decision]),
        ("旧接口保留到三月", &[Decision]),
        ("不支持 IE 了", &[Decision]),
        ("决定不做缓存", &[Decision]),
        ("金额必须用整数分", &[Decision]),
        ("方案二，但超时改成 5 秒", &[Decision]),
        ("以后都用 pnpm", &[Decision, Rule]),
        ("以后提交信息都写英文", &[Rule]),
        ("从现在起一律先写测试", &[Decision, Rule]),
        ("每次提交前都要跑一遍 lint", &[Rule]),
        ("记住，生产库不能直接改", &[Rule]),
        ("下次请先问我", &[Rule]),
        ("我们的约定是接口名不用缩写", &[Rule]),
        ("把这条写进 CLAUDE.md", &[Rule]),
        ("不对，单位是毫秒", &[Correction]),
        ("错了，应该是 12", &[Decision, Correction]),
        ("我的意思是测试环境", &[Correction]),
        ("还是报错", &[Correction]),
        ("你漏了一个字段", &[Correction]),
        ("改完没有生效", &[Correction]),
        ("不是这个意思，我说的是另一张表", &[Correction]),
        ("好", &[Assent]),
        ("可以", &[Assent]),
        ("好的，就这么办", &[Assent]),
        ("选第二个", &[Assent]),
        ("方案二", &[Assent]),
        ("没问题，开始吧", &[Assent]),
        ("跑一下测试", &[]),
        ("这个函数是做什么的？", &[]),
        ("要不要改成异步？", &[]),
        ("为什么默认是十个连接", &[]),
        ("帮我看看这个报错", &[]),
        ("先提交，然后继续", &[]),
        ("解释一下这段代码", &[]),
        ("查一下上周的日志", &[]),
    ]);
}

#[test]
fn what_was_pasted_is_not_own() {
    let pasted = [
        "Implement the following plan:\n\n# Plan\nWe should use a queue.",
        "I got this error:\n\nerror: we should never get here\n    at main (app.js:3)",
        "```\nlet's use tabs\n```",
        "> we should use tabs",
        "The cache keeps its entries for ever and should be emptied when the settings change, otherwise readers see values of before.",
        "the log says:  use pnpm instead of npm",
    ];
    for turn in pasted {
        assert_eq!(read_turn(turn).kinds, [], "{turn}");
    }
    let own = "this fails:\n\n❯ make\nuse gmake instead\n\nI think we should switch to ninja";
    assert_eq!(own_words(own), "this fails:\nI think we should switch to ninja\n");
    assert_eq!(read_turn(own).kinds, [Decision]);
    let list = "This is what I want:\n- keep the old names\n- no aliases";
    assert_eq!(own_words(list).lines().count(), 3);
}

#[test]
fn a_proposal_is_what_the_assistant_asked_last() {
    let named = "Two tables say the same.\n\nI suggest to merge them into `deliveries`.\n\nWant me to rename it?";
    assert!(read_proposal(named).unwrap().contains("deliveries"));
    let options = "Which one?\n1. Keep the flag\n2. Remove the flag";
    assert!(read_proposal(options).unwrap().contains("2. Remove the flag"));
    assert!(read_proposal("缓存放在内存里还是 Redis 里？").is_some());
    for work in ["Done. Shall I commit this?", "All tests pass.", "Would you like me to continue?", "要我现在提交吗？"]
    {
        assert_eq!(read_proposal(work), None, "{work}");
    }
}

#[test]
fn what_is_taken_back_and_what_holds_everywhere() {
    for turn in ["remove this again", "let's go back to npm", "thinking again: no cache", "改回 npm", "算了，不要缓存"]
    {
        assert!(read_turn(turn).takes_back, "{turn}");
    }
    assert!(!read_turn("we should use npm").takes_back);
    for (turn, everywhere) in
        [("in all my projects: tabs", true), ("所有项目都用 pnpm", true), ("this project uses tabs", false)]
    {
        assert_eq!(read_turn(turn).is_everywhere, everywhere, "{turn}");
    }
    assert!(read_turn("let's rename it to deliveries").changes && read_turn("换成 pnpm").changes);
}
