//! Languages that code is coloured for: comments, quotation marks, keywords. One row for each family; a name that stands
//! in no row is shown without colours.

/// Lexical rules of a language.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Language {
    /// Names after a fence and endings of files.
    names: &'static [&'static str],
    pub(super) line_comments: &'static [&'static str],
    pub(super) block_comment: Option<(&'static str, &'static str)>,
    /// Characters that open and close a literal.
    pub(super) quotes: &'static str,
    /// Quotation marks that may hold line ends.
    pub(super) long_quotes: &'static [&'static str],
    /// Separated by spaces.
    keywords: &'static str,
    /// True if words are compared without case.
    pub(super) any_case: bool,
    /// True if a capital begins the name of a type.
    pub(super) has_types: bool,
}

impl Language {
    /// Finds the rules for a name after a fence, the name of a file or its ending.
    pub(super) fn find_language(name: &str) -> Option<&'static Self> {
        let file = name.rsplit(['/', '\\']).next().unwrap_or(name).to_ascii_lowercase();
        let ending = file.rsplit('.').next().unwrap_or(&file);
        LANGUAGES.iter().find(|language| language.names.contains(&file.as_str()) || language.names.contains(&ending))
    }

    pub(super) fn is_keyword(&self, word: &str) -> bool {
        self.keywords.split(' ').any(
            |keyword| {
                if self.any_case { keyword.eq_ignore_ascii_case(word) } else { keyword == word }
            },
        )
    }
}

/// Rules that most languages with braces share.
const BRACES: Language = Language {
    names: &[],
    line_comments: &["//"],
    block_comment: Some(("/*", "*/")),
    quotes: "\"'",
    long_quotes: &[],
    keywords: "",
    any_case: false,
    has_types: true,
};

/// Rules that languages with `#` comments share.
const HASHES: Language = Language { line_comments: &["#"], block_comment: None, has_types: false, ..BRACES };

static LANGUAGES: &[Language] = &[
    Language {
        names: &["rust", "rs"],
        quotes: "\"",
        keywords: "as async await break const continue crate dyn else enum extern false fn for if impl in let loop match mod move mut pub ref return self Self static struct super trait true type union unsafe use where while bool char f32 f64 i8 i16 i32 i64 i128 isize str u8 u16 u32 u64 u128 usize",
        ..BRACES
    },
    Language {
        names: &["go", "golang"],
        long_quotes: &["`"],
        keywords: "break case chan const continue default defer else fallthrough for func go goto if import interface map package range return select struct switch type var true false nil iota error string int int64 bool byte rune float64 any",
        ..BRACES
    },
    Language {
        names: &["js", "jsx", "mjs", "cjs", "javascript", "ts", "tsx", "mts", "typescript", "vue", "svelte", "json5"],
        long_quotes: &["`"],
        keywords: "abstract as async await break case catch class const continue debugger declare default delete do else enum export extends false finally for from function get if implements import in instanceof interface is keyof let namespace new null of private protected public readonly return satisfies set static super switch this throw true try type typeof undefined var void while yield string number boolean any unknown never",
        ..BRACES
    },
    Language {
        names: &["java", "kotlin", "kt", "kts", "scala", "swift", "dart", "groovy", "gradle"],
        long_quotes: &["\"\"\""],
        keywords: "abstract actor as async await boolean break byte case catch char class companion const continue data def default do double else enum extends extension false final finally float for fun func guard if implements import in init inline instanceof int interface internal is lateinit lazy let long match mut namespace new nil null object open operator override package private protected protocol public return sealed self static struct super suspend switch synchronized this throw throws trait true try type typealias val var void volatile when where while with yield",
        ..BRACES
    },
    Language {
        names: &[
            "c", "h", "cc", "cpp", "cxx", "hpp", "hh", "c++", "objc", "m", "cs", "csharp", "c#", "php", "zig", "proto",
            "solidity", "sol",
        ],
        keywords: "alignas abstract as async auto await bool break case catch char class const constexpr const_cast continue default delete do double echo else enum explicit export extern false final float fn for foreach friend function goto if inline int interface internal long message mutable namespace new noexcept null nullptr operator override private protected public pub readonly repeated return rpc sealed service short signed sizeof static static_cast string struct switch template this throw true try typedef typename union unsigned using var virtual void volatile while yield",
        ..BRACES
    },
    Language {
        names: &["css", "scss", "less"],
        has_types: false,
        keywords: "important media import supports keyframes font-face root hover focus not and only screen print",
        ..BRACES
    },
    Language {
        names: &["json", "jsonc", "jsonl"],
        quotes: "\"",
        keywords: "true false null",
        has_types: false,
        ..BRACES
    },
    Language {
        names: &["python", "py", "pyi", "python3"],
        long_quotes: &["\"\"\"", "'''"],
        keywords: "and as assert async await break case class continue def del elif else except False finally for from global if import in is lambda match None nonlocal not or pass raise return self True try while with yield",
        has_types: true,
        ..HASHES
    },
    Language {
        names: &["ruby", "rb", "elixir", "ex", "exs", "crystal", "cr"],
        keywords: "alias and begin break case class def defmodule defp do else elsif end ensure false fn for if in include module next nil not or private raise redo require rescue retry return self super then true undef unless until use when while yield",
        has_types: true,
        ..HASHES
    },
    Language {
        names: &["sh", "bash", "zsh", "shell", "console", "fish", "dockerfile", "makefile", "mk"],
        keywords: "case do done elif else esac exit export fi for function if in local return set shift source sudo then trap unset until while cd echo FROM RUN COPY ADD ENV ARG WORKDIR ENTRYPOINT CMD EXPOSE USER VOLUME LABEL",
        ..HASHES
    },
    Language {
        names: &[
            "yaml",
            "yml",
            "toml",
            "ini",
            "cfg",
            "conf",
            "properties",
            "env",
            "tf",
            "hcl",
            "nix",
            "r",
            "jl",
            "julia",
            "pl",
            "perl",
        ],
        keywords: "true false null yes no on off function if else for while end return let in with rec inherit my use sub resource variable module",
        ..HASHES
    },
    Language {
        names: &["sql", "psql", "mysql", "sqlite", "pgsql"],
        line_comments: &["--"],
        keywords: "add all alter and as asc begin between by case cast check column commit conflict constraint create cross database default delete desc distinct do drop else end except exists explain foreign from full group having if in index inner insert integer into is join key left like limit not null offset on or order outer over partition primary real references returning right rollback select set table text then transaction trigger union unique update using values view when where window with",
        any_case: true,
        has_types: false,
        ..BRACES
    },
    Language {
        names: &["lua", "haskell", "hs", "elm", "ada"],
        line_comments: &["--"],
        block_comment: Some(("{-", "-}")),
        keywords: "and as break case class data deriving do else elseif end false for forall function goto if import in infix instance let local module newtype nil not of or qualified repeat return then true type until where while",
        ..BRACES
    },
    Language {
        names: &["html", "xml", "svg", "xhtml", "plist"],
        line_comments: &[],
        block_comment: Some(("<!--", "-->")),
        keywords: "a body button class code div doctype form h1 h2 h3 head href html id img input label li link main meta nav ol p path pre script section span src style svg table tbody td th thead title tr type ul value",
        has_types: false,
        ..BRACES
    },
];
