//! Letters that look like Latin ones. Owns the table, made by eye; nothing here knows what a text says.

/// Letters that look like a Latin one even alone, in pairs: the letter written, the letter read.
const CONFUSABLES: &str = "аaеeоoрpсcуyхxіiѕsјjһhԁdԛqԝwѵvӏlкkүyҽeԍgԌgѡw\
    АaВbЕeКkМmНhОoРpСcТtУyХxІiЅsЈjӀlԀdԚqԜwҮy\
    αaβbγyδdεeζzηnιiκkμuνvοoρpσoτtυuχxωwΑaΒbΕeΖzΗhΙiΚkΜmΝnΟoΡpΤtΥyΧxϲcϳj\
    օoոnսuհhցgյjզqքpիhւiտsՕoՍuԼlՏsՊnՈn\
    ıiɩiɑaɡgɪiłløođdħhŧtɛeƒfʟlɴnʀrʏyʙbɢgʜhᴀaᴄcᴅdᴇeꜰfᴊjᴋkᴍmᴏoᴘpꜱsᴛtᴜuᴠvᴡwᴢz\
    ᎠdᎡrᎢtᎥiᎪaᎫjᎬeᎳwᎷmᎻhᎽyᏀgᏃzᏎsᏒrᏔwᏙvᏚsᏞlᏟcᏢpᏦkᏴb";

/// Cyrillic letters that look like a Latin one only among Latin letters: whole words of them are Russian.
const CYRILLIC_CONFUSABLES: &str = "вbгrмmнhпnтtьbиuшwцu";

/// Rewrites a word in the Latin letters that it looks like; `None` for ASCII words and words of another script.
///
/// A word counts as Latin if all of its letters look Latin or some of them are.
pub fn to_latin(word: &str) -> Option<String> {
    let mixed = word.contains(|c: char| c.is_ascii_alphabetic());
    let letter = |c: char| {
        let among = || find_latin(CYRILLIC_CONFUSABLES, c).filter(|_| mixed);
        if c.is_ascii() { Some(c) } else { find_latin(CONFUSABLES, c).or_else(among).or(mixed.then_some(c)) }
    };
    if word.is_ascii() { None } else { word.chars().map(letter).collect() }
}

fn find_latin(table: &str, written: char) -> Option<char> {
    let mut letters = table.chars();
    while let (Some(alike), Some(latin)) = (letters.next(), letters.next()) {
        if alike == written {
            return Some(latin);
        }
    }
    None
}

/// Returns the letter inside an enclosed one that Unicode does not decompose: `🅸`, `🅘` and the letters of flags.
pub fn unbox_letter(character: char) -> Option<char> {
    let (first, code) = match u32::from(character) {
        code @ 0x1f150..=0x1f169 => (0x1f150, code),
        code @ 0x1f170..=0x1f189 => (0x1f170, code),
        code @ 0x1f1e6..=0x1f1ff => (0x1f1e6, code),
        _ => return None,
    };
    char::from_u32(u32::from('a') + (code - first))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_tables_are_pairs_of_another_letter_and_a_latin_one() {
        let mut seen = HashSet::new();
        for table in [CONFUSABLES, CYRILLIC_CONFUSABLES] {
            let letters: Vec<char> = table.chars().collect();
            for pair in letters.chunks(2) {
                let [written, read] = pair else { panic!("half a pair: {pair:?}") };
                assert!(!written.is_ascii() && read.is_ascii_lowercase(), "{written} {read}");
                assert!(seen.insert(*written), "{written} twice");
            }
        }
        assert!(seen.len() >= 60);
    }

    #[test]
    fn words_that_look_latin_are_read_so_and_others_are_left() {
        for (word, read) in [
            ("previоus", "previous"),
            ("оbеу", "obey"),
            ("Іgnоrе", "ignore"),
            ("tоkеn", "token"),
            ("ηοw", "now"),
            ("ruԼеs", "rules"),
            ("ɪɢɴᴏʀᴇ", "ignore"),
            ("ᎥᏀnore", "ignore"),
        ] {
            assert_eq!(to_latin(word).map(|word| word.to_lowercase()).as_deref(), Some(read), "{word}");
        }
        for word in ["все", "правила", "инструкции", "ignore", "数据", "naïve"] {
            let read = to_latin(word);
            assert!(read.is_none() || read.as_deref() == Some(word), "{word}: {read:?}");
        }
        assert_eq!("🅸🅶🇳🅞".chars().filter_map(unbox_letter).collect::<String>(), "igno");
    }
}
