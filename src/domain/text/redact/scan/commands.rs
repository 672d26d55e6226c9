//! Passwords on command lines: behind options of known programs, and piped into programs that read one.

use std::sync::LazyLock;

use regex::bytes::Regex;

use super::byte_set::{ByteSet, PROGRAM_NAME};
use super::judge::{is_password_value, looks_generated, looks_like_password};
use super::literals::Literal;
use super::makeup::{has_digit, has_strong_sign};
use super::non_secrets::{is_certain_placeholder, is_no_value, is_number_like, is_reference};
use super::sentences::is_user_name;
use super::view::View;
use super::word_lists::pack;
use super::{Findings, compile, floor_boundary, lines_of};

/// How an argument is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Argument {
    /// A password.
    Password,
    /// A password that must look like one: the place has other things too.
    LikelyPassword,
    /// A password that stands right behind its option.
    Attached,
    /// `user:password`, or a password alone.
    UserAndPassword,
    /// A token.
    Token,
    /// Any value but a placeholder.
    Any,
}

/// Programs, their options and how the argument is judged.
struct CommandForm {
    programs: &'static [&'static str],
    option: LazyLock<Regex>,
    argument: Argument,
}

/// An argument in quotation marks or without.
const ARGUMENT: &str = r#"(?:"([^"\n]{3,120})"|'([^'\n]{3,120})'|([^\s"'|;&<>\x80-\xff]{3,120}))"#;

macro_rules! forms {
    ($($argument:ident [$($program:literal)*] $option:expr;)*) => {
        static FORMS: LazyLock<Vec<CommandForm>> = LazyLock::new(|| vec![$(CommandForm {
            programs: &[$($program),*],
            option: LazyLock::new(|| compile(&$option.replace("ARG", ARGUMENT))),
            argument: Argument::$argument,
        }),*]);
    };
}

forms! {
    Attached ["mysql" "mysqldump" "mysqladmin" "mysqlimport" "mysqlcheck" "mysqlshow" "mariadb" "mariadb-dump"] r"\s-pARG";
    Any ["sshpass"] r"\s-p\s?ARG";
    Password ["redis-cli" "valkey-cli" "keydb-cli"] r"\s(?:-a|--pass)\sARG";
    Password ["docker" "podman" "nerdctl" "helm" "oras" "crane" "skopeo" "buildah" "az" "argocd" "oc" "cf" "heroku" "ibmcloud" "vault"
        "ctr" "snowsql" "mongo" "mongosh" "mongodump" "mongorestore" "mongoexport" "mongoimport" "cqlsh" "influx"
        "clickhouse-client" "mqttx" "sqlcmd" "bcp" "kinit" "docker-compose" "lpass" "rclone" "smbpasswd" "ldapsearch"
        "ldapadd" "ldapmodify" "vncpasswd" "psql"] r"\s(?:-p|-P|-w|--password|-password|-pw|--pass)[\s=]ARG";
    Password ["htpasswd"] r"\s-[A-Za-z]*n[A-Za-z]*\s+\S+\s+ARG";
    Password ["htpasswd"] r"\s-[A-Za-z]*b[A-Za-z]*\s+\S+\s+\S+\s+ARG";
    Password ["keytool" "jarsigner" "openssl" "apksigner"]
        r"\s-?-(?:storepass|keypass|srcstorepass|deststorepass|pass|passin|passout|ks-pass|k)\s(?:pass:)?ARG";
    UserAndPassword ["curl" "wget" "http" "https" "xh" "siege" "ab" "lftp" "ncftpget" "smbclient" "rpcclient" "net" "xfreerdp"
        "rdesktop" "hydra" "evil-winrm" "mosquitto_pub" "mosquitto_sub"]
        r#"\s(?:-u|--user|-a|--auth|-U|-A|--proxy-user|-P|-p|/p:|-w)[\s=]?["']?([^\s:"'%,]{1,64}[:%,])?([^\s"'|;&<>]{4,120})"#;
    Password ["kubectl" "oc" "kustomize"] r#"--from-literal[= ]["']?[A-Za-z0-9_.-]{1,64}=ARG"#;
    Password ["gh" "glab"] r"\s(?:secret|variable)\s+set\s[^\n]{0,80}?(?:--body|-b|--value|-v)[\s=]ARG";
    Token ["wandb" "vault" "snyk" "sentry-cli" "huggingface-cli" "hf" "fly" "flyctl" "railway" "doctl" "npm" "cargo" "doppler"
        "infisical" "pulumi" "netlify" "circleci" "ngrok" "tailscale" "codecov" "cloudflared" "transifex" "scw" "hcloud" "modal"]
        r"\s(?:login|auth|authtoken|add-authtoken|auth init|auth login|config add-authtoken|token add|token set|service install|setup|up)\s(?:[^\n]{0,40}?\s)?(?:--?[A-Za-z0-9_-]+[\s=])?ARG";
    Attached ["7z" "7za" "7zz" "rar" "unrar"] r"\s-pARG";
    Password ["unzip" "zip"] r"\s-P\s?ARG";
    Password ["gpg" "gpg2" "borg" "restic" "duplicity" "ssh-keygen" "ssh-add" "cryptsetup" "age"] r"\s(?:--passphrase|-N|-P)[\s=]ARG";
    Any ["sqlplus" "rman" "expdp" "impdp" "sqlldr"] r#"\s["']?[A-Za-z][A-Za-z0-9_]{0,30}/([^\s@"'/]{3,60})(?:@|\s|$)"#;
    Password ["plink" "pscp" "psftp" "sqlcmd" "winscp" "psexec" "wmic"] r"\s(?:-pw|-P|-p|/password:)\s?ARG";
    LikelyPassword ["net"] r"\suser\s+\S+\s+ARG";
    Password ["net"] r"\suse\s[^\n]{0,80}?/user:\S+\s+ARG";
    Password ["security"] r"\s-w\sARG";
    Password ["nmcli"] r"\spassword\sARG";
    Password ["wpa_passphrase"] r"\s\S+\sARG";
    Token ["aws"] r"\s(?:put-parameter|put-secret-value|create-secret|update-secret)\s[^\n]{0,300}?--(?:value|secret-string)[\s=]ARG";
    Token ["AUTH"] r"^\s(?:[A-Za-z][A-Za-z0-9_-]*\s)?ARG";
    Password ["SETUSER"] r"\s>ARG";
    Password ["rabbitmqctl"] r"\s(?:add_user|change_password|authenticate_user)\s+\S+\s+ARG";
    Password ["net"] r"\suse\s[^\n]{0,80}?\sARG\s+/user:";
    Token ["aws"] r"configure\s+set\s+\S*(?:secret|token)\S*\s+ARG";
    LikelyPassword ["dotnet"] r"user-secrets\s+set\s+\S+\s+ARG";
    Password ["git"] r"credential[^\n]*password=ARG";
    LikelyPassword ["send" "send_user" "expect" "sendline" "send_line"] r#"^(?:\(?\s*|\s+-- )?["']([^"'\n]{5,80}?)(?:[\r\n]|\\[rn])*["']"#;
}

/// Most bytes of a command line that are looked at.
const MAX_LINE: usize = 600;
/// Most bytes of a program's name.
const MAX_PROGRAM: usize = 20;

/// Packed names of programs, names and forms, sorted.
static PROGRAMS: LazyLock<Vec<(u128, &'static str, usize)>> = LazyLock::new(|| {
    let names = FORMS
        .iter()
        .enumerate()
        .flat_map(|(index, form)| form.programs.iter().map(move |name| (pack(name.as_bytes()), *name, index)));
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
});

/// Bytes behind the name of a program.
static AFTER_PROGRAM: ByteSet = ByteSet::parse(" \t(");

/// Returns the names of all programs, with the bytes that may stand behind them.
pub(super) fn programs() -> impl Iterator<Item = (&'static str, &'static ByteSet)> {
    FORMS.iter().flat_map(|form| form.programs.iter().map(|name| (*name, &AFTER_PROGRAM)))
}

/// Finds passwords on command lines. A line is looked at once for each form, however often its program stands on it.
pub(super) fn find(view: &View<'_>, findings: &mut Findings<'_>) {
    let text = view.text();
    let bytes = text.as_bytes();
    let programs = &*PROGRAMS;
    let mut done = Vec::new();
    for start in view.grams().programs().iter().copied() {
        let end = PROGRAM_NAME.run_end(bytes, start, start + MAX_PROGRAM + 1);
        let after = bytes.get(end).copied().unwrap_or(b'\n');
        // A dash belongs to the name, unless it marks a removed line of a diff.
        let before = |back: usize| start.checked_sub(back).and_then(|at| bytes.get(at)).copied();
        if before(1) == Some(b'-') && before(2).is_some_and(|byte| byte != b'\n') {
            continue;
        }
        if end - start > MAX_PROGRAM || !AFTER_PROGRAM.contains(after) {
            continue;
        }
        let name = text.get(start..end).unwrap_or("");
        let packed = pack(name.as_bytes());
        let first = programs.partition_point(|(program, ..)| *program < packed);
        let same = programs.iter().skip(first).take_while(|(program, ..)| *program == packed);
        for (_, _, index) in same.filter(|(_, program, _)| *program == name) {
            done.resize(FORMS.len(), 0);
            let (Some(form), Some(done)) = (FORMS.get(*index), done.get_mut(*index)) else { continue };
            if end < *done {
                continue;
            }
            let limit = floor_boundary(text, end + MAX_LINE);
            let line = text.get(end..limit).unwrap_or("");
            let line = line.split('\n').next().unwrap_or(line);
            *done = end + line.len();
            find_arguments(view, form, end, line, findings);
        }
    }
    find_piped(view, findings);
}

fn find_arguments(view: &View<'_>, form: &CommandForm, start: usize, line: &str, findings: &mut Findings<'_>) {
    for captures in form.option.captures_iter(line.as_bytes()) {
        let groups: Vec<_> = captures.iter().skip(1).collect();
        let is_pair = form.argument == Argument::UserAndPassword && groups.first().is_some_and(Option::is_some);
        let group = if form.argument == Argument::UserAndPassword {
            groups.get(1).copied().flatten()
        } else {
            groups.iter().flatten().next().copied()
        };
        let Some(group) = group else { continue };
        let Some(secret) = line.get(group.range()) else { continue };
        let secret = secret.trim_end_matches("\\r").trim_end_matches("\\n");
        let is_secret = match form.argument {
            Argument::UserAndPassword if is_pair => {
                secret.len() >= 4
                    && !is_reference(secret)
                    && !is_certain_placeholder(secret)
                    && !is_no_value(secret)
                    && !secret.starts_with("//")
                    && !is_number_like(secret)
            }
            Argument::UserAndPassword => {
                looks_like_password(secret) && has_strong_sign(secret) && !secret.contains([':', '/', '='])
            }
            Argument::Token => {
                looks_generated(secret, 16, true) || looks_like_password(secret) && has_strong_sign(secret)
            }
            Argument::Attached => {
                looks_like_password(secret)
                    || secret.len() >= 5
                        && !secret.starts_with('-')
                        && is_password_value(secret, true, false)
                        && has_digit(secret)
            }
            Argument::LikelyPassword => {
                looks_like_password(secret) && (has_strong_sign(secret) || looks_generated(secret, 10, false))
            }
            Argument::Any => is_password_value(secret, true, true) && !secret.starts_with('-'),
            Argument::Password => !secret.starts_with('-') && is_argument_password(secret),
        };
        if is_secret {
            findings.add("command-password", view, start + group.start()..start + group.start() + secret.len());
        }
    }
}

/// Returns true for a password behind an option that may take a port, a file or an image as well.
fn is_argument_password(secret: &str) -> bool {
    let is_ports = secret.bytes().all(|byte| byte.is_ascii_digit() || byte == b':');
    let is_mapping = || {
        secret
            .rsplit_once(':')
            .is_some_and(|(_, last)| last.starts_with(|c: char| c.is_ascii_digit()) && !has_strong_sign(secret))
    };
    looks_like_password(secret) && !is_mapping()
        || is_password_value(secret, true, false) && has_digit(secret) && !is_ports && !is_mapping()
}

/// Finds what `echo` and `printf` pipe into a program that reads a password.
fn find_piped(view: &View<'_>, findings: &mut Findings<'_>) {
    static PIPE: LazyLock<Regex> = LazyLock::new(|| {
        compile(concat!(
            r#"\b(?:echo|printf)\s+(?:-n\s+|-e\s+|'%s'\s+|"%s\\n"\s+)?(?:"([^"\n]{4,120})"|'([^'\n]{4,120})'|([^\s"'|]{4,120}))"#,
            r"\s*\|\s*[^\n]{0,80}?(?:(--password-stdin|--pass(?:word|phrase)-(?:stdin|fd)|sudo\s+(?:-[A-Za-z]+\s+)*-[A-Za-z]*S",
            r"|chpasswd|passwd\b|--with-token|-password-stdin|--passphrase-fd|cryptsetup)",
            r"|secrets? (?:create|set|put|versions add)|base64|openssl|docker secret create|vault kv put|login)",
        ))
    });
    static ECHO: LazyLock<[Literal; 2]> = LazyLock::new(|| [Literal::new("echo"), Literal::new("printf")]);
    let text = view.text();
    if !ECHO.iter().any(|echo| echo.occurs_in(view)) || memchr::memchr(b'|', text.as_bytes()).is_none() {
        return;
    }
    for (start, line) in lines_of(text) {
        if !line.contains('|') || !(line.contains("echo") || line.contains("printf")) {
            continue;
        }
        let window = line.get(..floor_boundary(line, MAX_LINE)).unwrap_or(line);
        for captures in PIPE.captures_iter(window.as_bytes()) {
            let Some(group) = captures.iter().skip(1).flatten().next() else { continue };
            let Some(secret) = window.get(group.range()).filter(|secret| !is_reference(secret)) else { continue };
            let first = start + group.start();
            let pair = secret.split_once(':').filter(|(user, password)| {
                let is_read = captures.get(4).is_some();
                is_user_name(user)
                    && (looks_like_password(password) || is_read && is_password_value(password, true, true))
            });
            if let Some((user, _)) = pair {
                findings.add("command-password", view, first + user.len() + 1..first + secret.len());
            } else if !secret.contains(' ')
                && (looks_like_password(secret) && (has_strong_sign(secret) || captures.get(4).is_some())
                    || looks_generated(secret, 16, false))
            {
                findings.add("command-password", view, first..first + secret.len());
            }
        }
    }
}
