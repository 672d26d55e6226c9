//! Makes stored text safe to show: on a terminal and inside a model's context.
//! Stored text is never changed; this applies to output only.

use std::borrow::Cow;

const ESCAPE: char = '\u{1b}';
const BELL: char = '\u{7}';

/// Removes characters that are invisible or can act: terminal escape sequences with their payload, control characters
/// except newline and tab, bidirectional controls, and characters without a shape, which hide instructions from a
/// reader.
///
/// A joiner or a variation selector stays where the script or an emoji needs it, one at a time. A separator of lines
/// other than newline becomes a space: the text never gets a line that it did not have.
pub fn sanitise_text(text: &str) -> Cow<'_, str> {
    let mut at = text.find(is_unsafe_char);
    if at.is_none() {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((plain, tail)) = at.and_then(|at| rest.split_at_checked(at)) {
        safe.push_str(plain);
        let mut characters = tail.chars();
        let character = characters.next().unwrap_or_default();
        rest = characters.as_str();
        match character {
            ESCAPE | '\u{80}'..='\u{9f}' if character != '\u{85}' => rest = skip_sequence(character, rest),
            '\r' if rest.starts_with('\n') => {}
            '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => safe.push(' '),
            _ if is_needed_joiner(safe.chars().next_back(), character, rest.chars().next()) => safe.push(character),
            _ => {}
        }
        at = rest.find(is_unsafe_char);
    }
    safe.push_str(rest);
    Cow::Owned(safe)
}

/// Returns whether a character is invisible or can act: controls, separators of lines, and what Unicode calls default
/// ignorable, with the blank Braille pattern and the marks of annotations.
fn is_unsafe_char(character: char) -> bool {
    match character {
        // Nearly every text is of these only.
        ' '..='~' | '\n' | '\t' | '\u{3165}'..='\u{fdff}' => false,
        _ => is_unsafe_uncommon_char(character),
    }
}

const fn is_unsafe_uncommon_char(character: char) -> bool {
    matches!(character,
        '\0'..='\u{9f}' | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Returns what follows the escape sequence that a control character opens (ECMA-48).
fn skip_sequence(opening: char, rest: &str) -> &str {
    let two_bytes = rest.chars().next().filter(|next| opening == ESCAPE && matches!(next, ' '..='~'));
    let (kind, rest) = match two_bytes {
        Some(next) => (next, rest.strip_prefix(next).unwrap_or(rest)),
        // `U+009B` is what `ESC [` is in two characters, and so on.
        None => (char::from_u32(u32::from(opening).saturating_sub(0x40)).unwrap_or_default(), rest),
    };
    match kind {
        '[' => strip_char(rest.trim_start_matches(|c| matches!(c, ' '..='?')), |c| matches!(c, '@'..='~')),
        // Commands of the operating system, of the device, of a program; a title in the form of screen and tmux.
        ']' | 'P' | 'X' | '^' | '_' | 'k' => skip_string(rest),
        ' '..='/' => strip_char(rest.trim_start_matches(|c| matches!(c, ' '..='/')), |c| matches!(c, '0'..='~')),
        _ => rest,
    }
}

/// Returns what follows a payload and its end: a bell, the terminator, a cancelling control. Without one it ends before
/// the next escape or at the end of the line, so that half a sequence cannot hide the rest of a text.
fn skip_string(text: &str) -> &str {
    let ends = |c| matches!(c, BELL | '\u{9c}' | '\u{18}' | '\u{1a}');
    let end = text.find(|c| ends(c) || matches!(c, '\n' | '\r' | ESCAPE)).unwrap_or(text.len());
    strip_char(text.get(end..).unwrap_or(""), ends)
}

fn strip_char(text: &str, fits: impl Fn(char) -> bool) -> &str {
    text.strip_prefix(fits).unwrap_or(text)
}

/// Returns whether an invisible character shapes its neighbours: a selector of the emoji's form behind an emoji, a
/// joiner between two emoji or between letters of a script that joins.
fn is_needed_joiner(before: Option<char>, character: char, after: Option<char>) -> bool {
    let Some(before) = before else { return false };
    match character {
        '\u{fe0e}' | '\u{fe0f}' => is_pictograph(before) || (is_keycap(before) && after == Some('\u{20e3}')),
        '\u{200c}' | '\u{200d}' if is_joining_script(before) => after.is_some_and(is_joining_script),
        '\u{200d}' => (is_pictograph(before) || before == '\u{fe0f}') && after.is_some_and(is_pictograph),
        _ => false,
    }
}

const fn is_keycap(character: char) -> bool {
    matches!(character, '0'..='9' | '#' | '*')
}

/// Returns whether a character is, or may be shown as, an emoji.
const fn is_pictograph(character: char) -> bool {
    matches!(character,
        '©' | '®' | '‼' | '⁉' | '™' | 'ℹ' | '\u{2190}'..='\u{21ff}' | '\u{2300}'..='\u{23ff}' | 'Ⓜ'
        | '\u{25a0}'..='\u{27bf}' | '\u{2900}'..='\u{297f}' | '\u{2b00}'..='\u{2bff}' | '〰' | '〽' | '㊗' | '㊙'
        | '\u{1f000}'..='\u{1faff}')
}

/// Returns whether a character is of a script in which joiners change words: Arabic, Syriac, those of India, Sinhala.
const fn is_joining_script(character: char) -> bool {
    matches!(character,
        '\u{620}'..='\u{669}' | '\u{66e}'..='\u{77f}' | '\u{8a0}'..='\u{dff}' | '\u{fb50}'..='\u{fdff}'
        | '\u{fe70}'..='\u{fefc}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn removes_what_acts_and_keeps_the_rest() {
        assert_eq!(sanitise_text("plain 中文\n\ttext"), "plain 中文\n\ttext");
        assert_eq!(sanitise_text("\u{1b}[31mred\u{1b}[0m\u{7}"), "red");
        assert_eq!(sanitise_text("a\u{202e}b\u{200b}c\u{e0041}"), "abc");
        assert_eq!(sanitise_text("one\r\ntwo"), "one\ntwo");
    }

    #[test]
    fn plain_text_is_borrowed() {
        for text in
            ["", "fn main() {}\n\t// “quoted” — naïve café", "数据库，怎么备份？「好」（对）", "한국어 かな ➜ é 🙂"]
        {
            assert!(matches!(sanitise_text(text), Cow::Borrowed(_)), "{text}");
        }
    }

    #[test]
    fn escape_sequences_go_with_their_payload() {
        for (hostile, shown) in [
            // CSI: plain, private, with intermediates, of one character, unfinished, followed by other scripts.
            ("a\u{1b}[1;31mb", "ab"),
            ("a\u{1b}[?25lb\u{1b}[2J\u{1b}[Hc\u{1b}[6nd", "abcd"),
            ("a\u{1b}[0 qb", "ab"),
            ("a\u{9b}31mb", "ab"),
            ("a\u{1b}[31", "a"),
            ("a\u{1b}[3数据", "a数据"),
            ("a\u{1b}[3\nb", "a\nb"),
            // OSC: title, clipboard, link; ended by a bell, by both forms of the terminator, unfinished.
            ("a\u{1b}]0;OWNED\u{7}b", "ab"),
            ("a\u{1b}]52;c;ZWNobw==\u{1b}\\b", "ab"),
            ("\u{1b}]8;;http://evil.example\u{1b}\\link\u{1b}]8;;\u{1b}\\", "link"),
            ("a\u{9d}0;t\u{9c}b", "ab"),
            ("a\u{1b}]0;OWNED", "a"),
            ("a\u{1b}]0;OWNED\nb\r\nc", "a\nb\nc"),
            ("a\u{1b}]0;one\u{1b}]0;two\u{7}b", "ab"),
            ("a\u{1b}]0;one\u{18}b", "ab"),
            // DCS, APC, PM, SOS, a title of screen; a sequence inside another one.
            ("a\u{1b}P$q\"p\u{1b}\\b", "ab"),
            ("a\u{90}$q\"p\u{9c}b", "ab"),
            ("a\u{1b}_Gi=1;AAAA\u{1b}\\b\u{9f}x\u{9c}c", "abc"),
            ("a\u{1b}^x\u{1b}\\b\u{9e}x\u{9c}c", "abc"),
            ("a\u{1b}Xx\u{1b}\\b\u{98}x\u{9c}c", "abc"),
            ("a\u{1b}kx\u{1b}\\b", "ab"),
            ("a\u{1b}Ptmux;\u{1b}\u{1b}]52;c;AAAA\u{7}\u{1b}\\b", "ab"),
            // Two bytes, three bytes, none.
            ("a\u{1b}cb\u{1b}7c", "abc"),
            ("a\u{1b}(Bb\u{1b}#8c\u{1b}%Gd", "abcd"),
            ("a\u{1b}", "a"),
            ("a\u{1b}\u{1b}[31mb", "ab"),
            ("a\u{1b}数", "a数"),
        ] {
            assert_eq!(sanitise_text(hostile), shown, "{hostile:?}");
        }
    }

    #[test]
    fn controls_go_and_separators_of_lines_become_spaces() {
        let controls = (0..=0x9f).filter_map(char::from_u32).filter(|c| c.is_control());
        for control in controls.filter(|c| !"\n\t\r\u{b}\u{c}\u{1b}\u{85}".contains(*c) && !('\u{90}'..).contains(c)) {
            assert_eq!(sanitise_text(&format!("a{control}b")), "ab", "{control:?}");
        }
        for control in ['\u{91}', '\u{97}', '\u{99}', '\u{9a}', '\u{9c}'] {
            assert_eq!(sanitise_text(&format!("a{control}b")), "ab", "{control:?}");
        }
        for separator in ['\r', '\u{b}', '\u{c}', '\u{85}', '\u{2028}', '\u{2029}'] {
            assert_eq!(sanitise_text(&format!("a{separator}b")), "a b", "{separator:?}");
        }
    }

    #[test]
    fn characters_without_a_shape_go() {
        let ranges = [
            (0xad, 0xad),
            (0x34f, 0x34f),
            (0x61c, 0x61c),
            (0x115f, 0x1160),
            (0x17b4, 0x17b5),
            (0x180b, 0x180f),
            (0x200b, 0x200f),
            (0x202a, 0x202e),
            (0x2060, 0x206f),
            (0x2800, 0x2800),
            (0x3164, 0x3164),
            (0xfe00, 0xfe0f),
            (0xfeff, 0xfeff),
            (0xffa0, 0xffa0),
            (0xfff9, 0xfffb),
            (0x1bca0, 0x1bca3),
            (0x1d173, 0x1d17a),
            (0xe0000, 0xe007f),
            (0xe0100, 0xe01ef),
        ];
        for character in ranges.into_iter().flat_map(|(first, last)| first..=last).filter_map(char::from_u32) {
            for (before, after) in [("a", "b"), ("数", "据"), ("", ""), ("1", "2"), ("🙂", "x"), ("ب", " ")] {
                let is_form = matches!(character, '\u{fe0e}' | '\u{fe0f}') && before == "🙂";
                let shown = if is_form { format!("{before}{character}{after}") } else { format!("{before}{after}") };
                assert_eq!(
                    sanitise_text(&format!("{before}{character}{after}")),
                    shown,
                    "{character:?} after {before:?}"
                );
            }
        }
    }

    #[test]
    fn scripts_and_emoji_keep_what_shapes_them() {
        for text in [
            "می\u{200c}خواهم",
            "क\u{94d}\u{200d}ष",
            "ක\u{dca}\u{200d}ර",
            "⚠\u{fe0f} careful, ✔\u{fe0e} done, 1\u{fe0f}\u{20e3} first",
            "👩\u{200d}💻 ❤\u{fe0f}\u{200d}🔥 👩🏽\u{200d}🚀 🏳\u{fe0f}\u{200d}🌈 👨\u{200d}👩\u{200d}👧",
        ] {
            assert_eq!(sanitise_text(text), text);
        }
        // One at a time, and only between those.
        assert_eq!(sanitise_text("⚠\u{fe0f}\u{fe0f}\u{fe00}\u{fe0f}x"), "⚠\u{fe0f}x");
        assert_eq!(sanitise_text("می\u{200d}\u{200c}\u{200c}خواهم"), "می\u{200c}خواهم");
        assert_eq!(sanitise_text("🙂\u{200d}x 🙂\u{200d}\u{200d}🙂 a\u{200d}b a\u{200c}ب"), "🙂x 🙂\u{200d}🙂 ab aب");
        assert_eq!(sanitise_text("葛\u{e0100}飾 神\u{fe00}"), "葛飾 神");
    }

    #[test]
    fn what_is_safe_stays_the_same() {
        for text in [
            "a\u{1b}\u{9b}\u{1b}]x\u{7}[31mb",
            "🙂\u{200d}\u{200b}🙂",
            "می\u{200c}\u{200c}خ",
            "1\u{fe0f}\u{200b}\u{20e3}",
        ] {
            let once = sanitise_text(text).into_owned();
            assert_eq!(sanitise_text(&once), once, "{text:?}");
        }
    }
}
