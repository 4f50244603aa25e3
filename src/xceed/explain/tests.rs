//! Hashes made with another tool by each mistake, and what is said of them.
//! Made in bash, with `NL=$'\n' K=311a5439c8bda8ef` and PAYLOAD in `P`: `printf '%s' "3210021Wire$K$P" | sha1sum` is
//! the right one. The others change the text by hand, by sed, by iconv or by a second printf before sha1sum.

use super::*;

const PAYLOAD: &str = "<Events version=\"1.0\"><n>Zoë &amp; €</n>\n<a>-1.00</a><b/></Events>";
const RIGHT: &str = "6f41c46c189bf24b12e6b46aec048e9b43f9da34";

fn fields(payload: &str) -> Vec<(Value, &str)> {
    vec![
        (Value::PlatformId, "3"),
        (Value::ServiceId, "210021"),
        (Value::Channel, "Wire"),
        (Value::SecretKey, "311a5439c8bda8ef"),
        (Value::Payload, payload),
    ]
}

fn signing<'a>(fields: &'a [(Value, &'a str)]) -> Signing<'a> {
    Signing {
        fields,
        case: Case::Lower,
        callback_id: None,
        next_key: Some("0123456789abcdef"),
        other_channels: &["ACH"],
    }
}

fn found(signing: &Signing<'_>, given: &str) -> Option<Vec<String>> {
    let told = explain(signing, given).mistakes?;
    Some(told.into_iter().map(|told| told.mistake).collect())
}

#[test]
fn a_right_hash_needs_no_explanation() {
    assert_eq!(found(&signing(&fields(PAYLOAD)), RIGHT), Some(vec![]));
}

#[test]
fn each_usual_mistake_is_told_by_its_hash() {
    let fields = fields(PAYLOAD);
    for (given, part) in [
        ("452ce360e78dc45f2396ac53ede89a2db85addab", "line ends were CRLF"),
        ("4844fa9173f21aa068bceafda99cde1d0d660f83", "line ends were CR"),
        ("079d148f6a5244b657865b1ea601c389093166c3", "a line end (LF) stood behind the payload"),
        ("dd774d93e87476935dd4f14f63ce964d99ed2d6a", "a line end (CRLF) stood behind the payload"),
        ("8328e126df6e46bedc3cfef84a7e2a280ba424cf", "a byte order mark stood before"),
        ("120e42cdf65fd56c5a6775d0c802e1635295fba4", "escaped before it was signed: <, > and &"),
        ("a9cfcf9ce350b2fd933444654fb35504bd4e0f26", "both quotes"),
        ("f5cc2748b15617595051ab391ea50ae82a3fc501", "unescaped once too often"),
        ("423b46066ad5340b411ac7d0c4c7fd3c8a620212", "CDATA markers"),
        ("a174128a7f4072e7b38b64bd1c2c81c0c2a73027", "an XML declaration was put before"),
        ("574faa53d34bc55d2f2af15621dc60e1da6662a6", "encoding=\"UTF-8\"?> and a line end (LF)"),
        ("957ec8bf06bded6b7758e923745690eac9f2e38f", "written as <a></a>"),
        ("097cb4d8e32aa1e7eb15f8df1feaac89d1cd2048", "written as <a />"),
        ("4ecaae35559f45345e48d066cdb6b158a6045963", "single quotes"),
        ("6b6a55ac51fc03546c916349d9d22f8785416c30", "indented, 2 spaces"),
        ("197a4f9384399692aa6a3316e22a02ba11019074", "between the payload's elements was left out"),
        ("db990fc6e5a366cca5173f2e606d72b2f7de4b2e", "references such as &#8364;"),
        ("25cf334fbf95fd3c4e2a5323c7d56df835404293", "was read as Windows-1252"),
        ("0aa963d93ce653a50370f4d6f53452a068e42d15", "bytes in UTF-16LE instead"),
        ("f96ff792d65709b39124c9b83a74f14b0475bfc2", "bytes in Windows-1252"),
        ("0eb5e9fdca47a3b95d77c2228a71e4b8b97922e6", "bytes in ISO-8859-1"),
        ("6019916ca2c29215a23c6a815bf7649e2ba5bc2b", "U+2212 stood for the hyphen"),
        ("d2da6864ffd69b2f2b9b94e05ae97e08ab3b4bf8", "U+2010 stood for the hyphen"),
        ("2c06ad388efe611c29549c7d10aa082bc11500f0", "order: the service id, the platform id, the channel"),
        ("3e07607a54579cae4d9ad8c44f22804067605650", "order: the secret key, the platform id"),
        ("cb7de36108002d2cfae0d5288db5c0b456f51a31", "the payload, the secret key"),
        ("9198157985283ef697749f0ab81993425180a26a", "\"|\" between them"),
        ("2f487337e572e1e67b59476b7eed7eb29c0db9b9", "a line end (LF) stood behind the secret key"),
        ("5a67e14771a2549b82d974bd0e234196d44a16b0", "the secret key was in upper case"),
        ("b6226013bee7ead57a2c55e84252f293d7907f70", "read as hexadecimal digits"),
        ("38991fe70c76c1b81efb19fbdf0fff81e9588d94", "secret_key_next"),
        ("509f7e46d2f56f6d8ad0483831fa41b37e5a0e73", "the channel was in lower case"),
        ("6dfb0e568019f4c863214ea17fd9e59efc9c4d38", "the channel ACH"),
        ("aaf0b95b314a0b53678e00a331656e2ee0a89a58", "the secret key was left out"),
    ] {
        let found = found(&signing(&fields), given).unwrap_or_else(|| panic!("nothing explains: {part}"));
        assert!(found.len() == 1 && found[0].contains(part), "{found:?} does not say {part}");
    }
}

#[test]
fn two_mistakes_together_are_told_too() {
    let fields = fields(PAYLOAD);
    for (given, first, second) in [
        ("3d972c3025beaf7bcbb727cd5561e39448991850", "channel was in lower case", "UTF-16LE"),
        ("fe209648f265a8fbf748fb175791887a586b002f", "XML declaration", "behind the payload"),
        ("c9bdf74e14ce09419c8365e3cfdf4af7a6575cbf", "<a></a>", "single quotes"),
    ] {
        let found = found(&signing(&fields), given).unwrap_or_default();
        assert!(found.len() == 2 && found[0].contains(first) && found[1].contains(second), "{found:?}");
    }
    let upper = "3D972C3025BEAF7BCBB727CD5561E39448991850";
    assert_eq!(found(&signing(&fields), upper).map(|found| found.len()), Some(3), "and in upper case");
}

#[test]
fn the_same_digits_in_upper_case_are_a_mistake_of_their_own() {
    let fields = fields(PAYLOAD);
    let told = found(&signing(&fields), &RIGHT.to_uppercase()).expect("explained");
    assert_eq!(told, ["the digits of the hash were written in upper case"]);
    let foreign = Signing { case: Case::Upper, ..signing(&fields) };
    assert_eq!(found(&foreign, &RIGHT.to_uppercase()), Some(vec![]));
    assert!(found(&foreign, RIGHT).expect("explained")[0].contains("lower case"));
}

#[test]
fn a_callback_id_may_be_in_the_wrong_place() {
    let mut fields = fields(PAYLOAD);
    fields.push((Value::CallbackId, "cb-7"));
    let signing = Signing { callback_id: Some("cb-7"), ..signing(&fields) };
    for (given, part) in [
        (RIGHT, "the callback id was left out"),
        ("a4b8d949874aba2d0663a9b4a281f66f3f9f92fa", "the callback id stood in front"),
        ("dd4e3aaa0dba2ef33b1df90fd1f5ce5271352f88", "behind the whole text"),
    ] {
        let found = found(&signing, given).unwrap_or_default();
        assert!(found.len() == 1 && found[0].contains(part), "{found:?} does not say {part}");
    }
    assert_eq!(found(&signing, "711729f45b4d9d26c49339222e2bcd87180cc235"), Some(vec![]));
    let both = found(&signing, "079d148f6a5244b657865b1ea601c389093166c3").expect("explained");
    assert!(both.len() == 2 && both[1].contains("left out"), "{both:?}");
    let without = self::fields(PAYLOAD);
    let signing = Signing { fields: &without, ..signing };
    let told = found(&signing, "711729f45b4d9d26c49339222e2bcd87180cc235").expect("explained");
    assert_eq!(told, ["the callback id stood at the end"]);
}

#[test]
fn a_payload_that_is_wrong_itself_is_told_from_the_other_side() {
    let crlf = format!("\u{feff}{}", PAYLOAD.replace('\n', "\r\n"));
    let told = found(&signing(&fields(&crlf)), RIGHT).expect("explained");
    assert!(told[0].contains("as a parser makes them") && told[1].contains("byte order mark"), "{told:?}");
    let behind = format!("{PAYLOAD}\n");
    let told = found(&signing(&fields(&behind)), RIGHT).expect("explained");
    assert_eq!(told, ["the line end behind the payload was left out"]);
}

#[test]
fn a_hash_of_something_else_is_not_explained_and_the_work_is_bounded() {
    let nothing = "0000000000000000000000000000000000000000";
    let small = fields(PAYLOAD);
    let explanation = explain(&signing(&small), nothing);
    assert_eq!(explanation.mistakes, None);
    assert!(explanation.all_pairs && (1_000..20_000).contains(&explanation.tried), "{explanation:?}");
    assert_eq!(explain(&signing(&small), "no hash").mistakes, None);
}

#[test]
fn no_mistake_is_told_with_a_value_that_is_signed() {
    let fields = fields(PAYLOAD);
    for mistake in mistakes::all(&signing(&fields)) {
        let Told { mistake, cure } = mistake.told();
        for value in ["311a5439c8bda8ef", "0123456789abcdef", "Zoë"] {
            assert!(!mistake.contains(value) && !cure.contains(value), "{mistake}");
        }
    }
}
