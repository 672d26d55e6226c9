//! Secrets in the places where programs and people put them: behind the marks of programs, in shouted sentences, between
//! tabs, beside pictures, glued to a name, in tables, on the line behind their label. Beside them what looks alike.

use super::tests::{ALNUM, Dice, prefixed, redact};

/// Marks that programs put before the lines of others.
const PROGRAM_MARKS: &[&str] = &[
    "web-1  | ",
    "web_1             | ",
    "[pod/web-7f4c9 app] ",
    "[web] ",
    "remote: ",
    "远程: ",
    "远程：",
    "stderr: ",
    "标准错误：",
    "stdout | ",
    "INFO: ",
    "[INFO] ",
    "ERROR ",
    "npm ERR! ",
    "12:00:01 ",
    "12:00:01.123 ",
    "[12:00:01] ",
    "[29/Nov/2026:12:00:01 +0000] ",
    "Nov 29 12:00:01 host app[12]: ",
    "Nov  9 12:00:01 host app: ",
    "I1129 12:00:01.123456       1 main.go:12] ",
    "1732900000.123 ",
    "2026-11-29T12:00:00.123456789Z stdout F ",
    "web-1  | 2026-11-29T12:00:00.123456789Z ",
    "[pod/web-7f4c9 app] 12:00:01 [ERROR] ",
    "#12 0.345 ",
];

#[test]
fn marks_of_programs_hide_no_line() {
    let body: Vec<String> = (0..4).map(|seed| Dice(seed + 90).text(ALNUM, 64)).collect();
    let key = format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----", body.join("\n"));
    let mut missed = Vec::new();
    for mark in PROGRAM_MARKS {
        let clean = redact(&prefixed(&key, mark));
        if body.iter().any(|line| clean.contains(line.as_str())) {
            missed.push(format!("key behind {mark:?}"));
        }
        let clean = redact(&prefixed("DB_HOST=db\nDB_PASSWORD=sunshine\nDB_PORT=5432", mark));
        if clean.contains("sunshine") || !clean.contains("DB_PORT=5432") {
            missed.push(format!("password behind {mark:?}: {clean}"));
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
}

/// Texts with the password `hunter22`, or `Tr0ub4dor&3`.
const PLACED: &[&str] = &[
    // In capital letters.
    "MY PASSWORD IS hunter22",
    "THE NEW ADMIN PASSWORD IS NOW hunter22",
    "The Password Was Changed To hunter22",
    "PASSWORD FOR ROOT IS hunter22.",
    "USE Tr0ub4dor&3 AS THE PASSWORD",
    "密码 IS hunter22",
    "我的密码 WAS hunter22",
    "LOGIN IS admin / Tr0ub4dor&3",
    "KENNWORT IST hunter22",
    // Between tabs.
    "my password\tis\thunter22",
    "password\t\t\tis\t\thunter22",
    "Password:\t\t\t\t\t\thunter22",
    "password:                hunter22",
    "try\tTr0ub4dor&3\tas\tthe\tpassword",
    "密码\t是\thunter22",
    "密码：\t\thunter22",
    // Beside pictures and letters of other alphabets.
    "password: hunter22🔑",
    "the password is hunter22é",
    "the password is hunter22 🔑",
    "DB_PASSWORD=hunter22✅",
    "password: 🔑 hunter22",
    "the password is 🔑 hunter22",
    "the password is 🔑hunter22",
    "password: «hunter22»",
    "password → hunter22",
    "密码是hunter22🔑",
    "密码：🔑hunter22",
    "密码：🔑 hunter22",
    // In tables.
    "<td>Password</td><td>hunter22</td>",
    "<table><tr><th>User</th><th>Password</th></tr>\n<tr><td>bob</td><td>hunter22</td></tr></table>",
    "<tr>\n  <td class=\"k\">Password:</td>\n  <td>hunter22</td>\n</tr>",
    "<dt>Password</dt><dd>hunter22</dd>",
    "<label>Password</label> <span class=\"x\">hunter22</span>",
    "<b>Password</b>: <code>hunter22</code>",
    "<td>密码</td><td>hunter22</td>",
    "<tr>\n  <td>管理员密码：</td>\n  <td>hunter22</td>\n</tr>",
    "| Password | hunter22 |",
    "| 1 | Password | hunter22 |",
    "| User | Password |\n|---|---|\n| bob | hunter22 |",
    "| 登录密码 | hunter22 |",
    "| 用户 | 密码 |\n|---|---|\n| bob | hunter22 |",
    "Password\thunter22\nHost\tdb",
    // On the line behind their label.
    "Password:\n  hunter22",
    "Password\n\nhunter22\n",
    "Password:\n\n    hunter22\n\nSee you",
    "Your new password is:\n\n    hunter22",
    "The password for the admin user is\nhunter22\n",
    "Password:\n```\nhunter22\n```",
    "- Password:\n  - hunter22",
    "**Password:**\n> hunter22",
    "密码：\n  hunter22",
    "密码是\nhunter22",
    "新密码如下：\nhunter22",
    "管理员密码：\n\n`hunter22`",
];

#[test]
fn passwords_are_found_in_their_places() {
    let missed: Vec<_> = PLACED
        .iter()
        .map(|text| (*text, redact(text)))
        .filter(|(_, clean)| clean.contains("hunter22") || clean.contains("Tr0ub4dor"))
        .collect();
    assert!(missed.is_empty(), "{missed:#?}");
}

#[test]
fn letters_of_other_alphabets_make_a_password_as_well() {
    for (text, password) in [
        ("пароль: Солнце77!", "Солнце77"),
        ("contraseña: Girasól_884", "Girasól"),
        ("the password is Überflieger99", "berflieger99"),
        ("mot de passe : Été2026!x", "2026"),
        ("password=žluťoučký77", "77"),
    ] {
        let clean = redact(text);
        assert!(!clean.contains(password), "{clean}");
    }
}

#[test]
fn a_token_glued_to_a_name_is_found() {
    let mut dice = Dice(77);
    let mut missed = Vec::new();
    for (before, prefix, length) in [
        ("token_", "ghp_", 36),
        ("TOKEN", "ghp_", 36),
        ("my-", "ghp_", 36),
        ("令牌", "ghp_", 36),
        ("key", "glpat-", 20),
        ("bot_", "xoxb-", 40),
        ("env_", "sk-ant-api03-", 80),
        ("x_", "AKIA", 16),
        ("old2", "github_pat_", 60),
        ("secret_", "sk_live_", 24),
        ("npm", "npm_", 36),
    ] {
        let body = dice.text(if prefix == "AKIA" { "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567" } else { ALNUM }, length);
        for text in [format!("{before}{prefix}{body}"), format!("use {before}{prefix}{body}, please")] {
            if redact(&text).contains(body.get(body.len() - 8..).unwrap()) {
                missed.push(text);
            }
        }
    }
    assert!(missed.is_empty(), "{missed:#?}");
    let key = dice.text(ALNUM, 24);
    assert!(!redact(&format!("API key:\n  {key}7x")).contains(&key));
    assert!(!redact(&format!("| API key | {key}7x |")).contains(&key));
}

/// Texts that speak of passwords, keys and tokens and hold none.
const LOOK_ALIKES: &[&str] = &[
    "password:\n  type: string",
    "password:\n  required: true\n  minLength: 8",
    "Password:\n  Choose something you can remember.",
    "Password:\n\n## Next section",
    "Password:\n  (hidden)",
    "Enter password:\nPermission denied, please try again.",
    "[sudo] password for bob:\nSorry, try again.",
    "Password for 'https://github.com':\nremote: Invalid username or password.",
    "Your password is:\nincorrect",
    "The password is\nstored as a hash.",
    "the API key is:\n- stored in the vault\n- never printed",
    "api key:\n  from the dashboard",
    "Secret:\n  see the wiki",
    "let password =\n    read_password()?;",
    "password:\n    os.environ[\"DB_PASSWORD\"]",
    "password: |\n  see the manual page",
    "password: # set by the operator",
    "密码：\n请输入密码",
    "忘记密码？\n点击这里重置",
    "新密码规则如下：\n至少 12 位",
    "| Field | Type |\n|---|---|\n| password | string |",
    "| password | varchar(255) | NOT NULL |",
    "| Password | yes |",
    "| Password | Level |\n|---|---|\n| weak | low |",
    "| Secret | Where |\n|---|---|\n| db | vault |",
    "| token | bearer |",
    "| 密码 | 必填 |",
    "| 密码 | 说明 |\n|---|---|\n| 必填 | 至少 12 位 |",
    "<td>Password</td><td>required</td>",
    "<td>密码</td><td>至少8位</td>",
    "<th>Password</th><th>Last login</th>",
    "<label>Password</label><input type=\"password\" name=\"password\">",
    "<dt>Password</dt><dd>Your account password.</dd>",
    "<b>Password</b>: see below",
    "Password\tStrength\nweak\tlow",
    "MY PASSWORD IS EXPIRED",
    "THE PASSWORD IS REQUIRED AND MUST BE AT LEAST 12 CHARACTERS",
    "The Password Is Case Sensitive",
    "PASSWORD MUST BE UTF-8",
    "WHERE password IS NOT NULL AND token IS NULL",
    "密码 IS NULL",
    "password\tis\trequired",
    "password:\t\tstring",
    "password:                string",
    "password 🔑 is required",
    "Reset your password ✅",
    "password → hash → compare",
    "密码错误 ❌ 请重试",
    "contraseña: obligatoria",
    "пароль: обязательное поле",
    "mot de passe : au moins huit caractères",
    "token_ghp_ is the prefix",
    "my_ghp_helper_function_name()",
    "openapi_generator_version_two_is_out",
    "task-list and disk-usage are words, and so is a_sk-learn_model",
    "the secret key is the one that opens the store",
    "The key\nis under the mat.",
    "web-1  | Server started on port 8080\nweb-1  | password check passed",
    "remote: Resolving deltas: 100% (12/12), done.\nremote: This repository moved.",
    "stderr: permission denied for user password_admin\nstderr: exit 1",
    "[INFO] token refreshed in 12ms\n[INFO] session closed",
    "12:00:01 password accepted for bob from 10.0.0.7 port 51234 ssh2\n12:00:02 session opened",
    "error: invalid token at line 12\nerror: expected a key",
    "key | value\nname | x",
    "const passwordField = screen.getByLabelText('Password');",
    "password: Option<String>,\n    token: Option<Token>,",
];

#[test]
fn what_speaks_of_passwords_stays() {
    assert!(LOOK_ALIKES.len() >= 60, "{}", LOOK_ALIKES.len());
    let changed: Vec<_> =
        LOOK_ALIKES.iter().map(|text| (*text, redact(text))).filter(|(text, clean)| text != clean).collect();
    assert!(changed.is_empty(), "{changed:#?}");
}
