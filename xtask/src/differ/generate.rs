//! Templates out of a seed: all actions, all functions with all sorts of arguments, verbs, and texts for YAML.

use std::sync::LazyLock;

use chart::Host;
use gotmpl::{Functions as _, Signature, Type};

/// What the templates see as `.Values`.
pub(super) const VALUES: &str = r#"{
  "s": "héllo wörld", "e": "", "n": null, "i": 5, "f": 1.5, "big": 1000000, "huge": 1e21,
  "tiny": 1e-7, "neg": -3, "t": true, "fa": false, "l": [1, "a", null, [2], {"x": 1}], "el": [],
  "m": {"a": 1, "b": {"c": "d"}, "z": null}, "em": {}, "sl": ["b", "a", "c"], "num": "42",
  "hex": "0x10", "ver": "1.2.3-rc.1+b", "lines": "a\n b\n\nc\n", "odd": "a\tb\u007f\u00e9\"'<&>"
}"#;

const FIELDS: [&str; 21] = [
    "s", "e", "n", "i", "f", "big", "huge", "tiny", "neg", "t", "fa", "l", "el", "m", "em", "sl",
    "num", "hex", "ver", "lines", "odd",
];

const TEXTS: [&str; 40] = [
    "",
    " ",
    "a",
    "abc",
    "Hello World",
    "a-b_c.d",
    "FirstNameHTTPServer2x",
    "  padded  ",
    "a,b,,c",
    "1",
    "-1",
    "0x1F",
    "010",
    "1.5",
    "1e3",
    "true",
    "null",
    "~",
    "yes",
    "a: b",
    "- a",
    "[1, 2]",
    "{a: 1}",
    "{\"a\": [1, null]}",
    "\u{e9}\u{4e16}\u{1f600}",
    "a\nb\n",
    "\ttab",
    "%d%%",
    "$1",
    "[a-z]+",
    "(",
    "^a.*$",
    "2024-01-02T03:04:05Z",
    "2006-01-02",
    "1h30m",
    ">=1.2.3",
    "1.2.3",
    "^1.2 || ~2",
    "https://u:p@h:80/p?q=1#f",
    "YWJj",
];

const NUMBERS: [&str; 18] = [
    "0", "1", "2", "3", "-1", "-2", "5", "7", "10", "0x10", "1_0", "'a'", "1.0", "0.5", "-1.5",
    "2.5", "1e6", "100",
];

/// Numbers that functions which make so many things must not get.
const LARGE: [&str; 8] = [
    "9223372036854775807",
    "-9223372036854775808",
    "1e20",
    "1e21",
    "1e-7",
    "1000000",
    "4294967296",
    "3.4e38",
];

/// Functions whose results do not depend on time, chance or the order of Go's maps; without `splitn`,
/// whose table without any part is empty with Go and nil here, and `slice`, which may go beyond a list's
/// length with Go, as far as the memory behind it does.
static FUNCTIONS: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "abbrev abbrevboth add add1 add1f addf adler32sum all any append atoi b32dec b32enc \
         b64dec b64enc base biggest camelcase cat ceil clean coalesce compact concat contains \
         deepCopy deepEqual default dict dig dir div divf duration durationRound empty ext fail \
         first float64 floor fromJson fromJsonArray fromYaml fromYamlArray get has hasKey \
         hasPrefix hasSuffix hello indent initial initials int int64 isAbs join kebabcase kindIs \
         kindOf last list lower max maxf merge mergeOverwrite min minf mod mul mulf mustAppend \
         mustChunk mustCompact mustDeepCopy mustFirst mustFromJson mustHas mustInitial mustLast \
         mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll \
         mustRegexMatch mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit mustRest \
         mustReverse mustToJson mustToPrettyJson mustToRawJson mustToYaml mustUniq \
         mustWithout nindent nospace omit osBase osClean osDir osExt osIsAbs pick pluck plural \
         prepend push quote regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll \
         regexReplaceAllLiteral regexSplit repeat replace required rest reverse round semver \
         semverCompare seq set sha1sum sha256sum sha512sum snakecase sortAlpha split \
         splitList squote sub subf substr swapcase ternary title toDecimal toJson toPrettyJson \
         toRawJson toString toStrings toYaml toYamlPretty trim trimAll trimPrefix trimSuffix \
         trimall trunc tuple typeIs typeIsLike typeOf uniq unset until untilStep untitle upper \
         urlJoin urlParse without wrap wrapWith toDate mustToDate and or not eq ne lt le gt ge \
         len index print println printf html js urlquery call ",
    )
});

/// Those of them that may get any number.
static TAKES_LARGE: LazyLock<Vec<&str>> = LazyLock::new(|| {
    words(
        "add add1 addf sub subf mul mulf div divf mod max maxf min minf eq ne lt le gt ge print \
         printf toJson toYaml int int64 float64 floor ceil quote toString typeOf kindOf list cat \
         default ",
    )
});

const VERBS: &[u8] = b"vTtbcdoOqxXUeEfFgGspwz%";
const SCALARS: &[u8] = b"abnyYNofFeExX0123456789.,:;-+_~!&*#?|<>=%@`'\"\\ \t\n{}[]/()$^\xc3\xa9";

fn words(text: &'static str) -> Vec<&'static str> {
    text.split_whitespace().collect()
}

pub(super) struct Generator {
    state: u64,
    /// What each of the functions takes, where it is known.
    signatures: Vec<Option<Signature>>,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let source = super::Still::default();
        let host = Host::new(&source, false);
        let signature = |name: &&str| host.find(name).map(|it| *host.signature(it));
        Self { state: seed, signatures: FUNCTIONS.iter().map(signature).collect() }
    }

    /// The next template, of the kind if one is wanted.
    pub(super) fn template(&mut self, only: Option<&str>) -> String {
        let kinds = ["call", "template", "verb", "yaml", "json"];
        let kind = only.unwrap_or_else(|| match self.below(10) {
            0..4 => kinds[0],
            4..7 => kinds[1],
            7 => kinds[2],
            8 => kinds[3],
            _ => kinds[self.below(5)],
        });
        match kind {
            "template" => {
                let mut text = String::new();
                self.list(&mut text, 3);
                text
            }
            "verb" => {
                let arguments = (0..self.below(4)).map(|_| self.argument(true, 1) + " ");
                // What is in a time shows its fields, which nobody prints.
                let arguments: String = arguments.filter(|it| !it.contains("toDate")).collect();
                format!("{{{{ printf {:?} {arguments}}}}}", self.format())
            }
            "yaml" => self.yaml(),
            "json" => {
                let text = go_quoted(&self.text_of(SCALARS, 24));
                format!(
                    "{{{{ toJson (fromJson {text}) }}}}{{{{ toPrettyJson {text} }}}}{{{{ toYaml (dict {text} {text}) }}}}"
                )
            }
            _ => {
                let name = self.one(&FUNCTIONS);
                let arguments = self.arguments(4, name);
                match self.below(3) {
                    0 => format!("{{{{ typeOf ({name} {arguments}) }}}}"),
                    1 => format!("{{{{ {name} {arguments} | toJson }}}}"),
                    _ => format!("{{{{ {name} {arguments} }}}}"),
                }
            }
        }
    }

    /// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>
    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    fn text_of(&mut self, bytes: &[u8], length_max: usize) -> String {
        let length = self.below(length_max + 1);
        let text = (0..length).map(|_| bytes[self.below(bytes.len())]).collect();
        String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
    }

    fn yaml(&mut self) -> String {
        let text = go_quoted(&self.text_of(SCALARS, 30));
        match self.below(4) {
            0 => format!(
                "{{{{ toYaml (dict \"k\" {text}) }}}}|{{{{ toYaml (list {text} (list {text})) }}}}"
            ),
            1 => format!("{{{{ toJson (fromYaml {text}) }}}}"),
            2 => format!("{{{{ toJson (fromYaml (printf \"k: %s\\nl: [1]\" {text})) }}}}"),
            _ => format!(
                "{{{{ toYamlPretty (dict \"k\" {text} {text} (list 1)) }}}}{{{{ toYaml (fromYamlArray (printf \"- %s\" {text})) }}}}"
            ),
        }
    }

    fn format(&mut self) -> String {
        let mut format = String::new();
        for _ in 0..=self.below(2) {
            format.push('%');
            for _ in 0..self.below(3) {
                format.push(char::from(b"+-# 0"[self.below(5)]));
            }
            match self.below(6) {
                0 => format.push_str(&self.below(12).to_string()),
                1 => format.extend([format!("{}.{}", self.below(12), self.below(6))]),
                2 => format.extend([format!(".{}", self.below(6))]),
                3 if self.below(4) == 0 => format.extend([format!("[{}]", self.below(4))]),
                3 if self.below(4) == 0 => format.push('*'),
                _ => {}
            }
            format.push(char::from(VERBS[self.below(VERBS.len())]));
            format.push('|');
        }
        format
    }

    fn arguments(&mut self, most: usize, name: &str) -> String {
        self.arguments_within(most, 2, name)
    }

    /// Mostly arguments that fit, else any.
    fn arguments_within(&mut self, most: usize, depth: usize, name: &str) -> String {
        if name == "set" || name.contains("erge") {
            // Of what contains itself Go's program would die.
            let tables =
                ["(dict \"a\" 1 \"b\" (dict))", "(deepCopy .Values.m)", "(deepCopy .Values)"];
            let count = self.below(most.min(3) + 1);
            let all: Vec<String> = (0..count)
                .map(|place| match (name, place) {
                    ("set", 1) => go_quoted(self.one(&TEXTS)),
                    _ => self.one(&tables).to_owned(),
                })
                .collect();
            return all.join(" ");
        }
        let takes_large = TAKES_LARGE.contains(&name);
        let place = FUNCTIONS.iter().position(|it| *it == name);
        let signature = place.and_then(|place| self.signatures[place]);
        let all: Vec<String> = match signature.filter(|_| self.below(5) != 0) {
            None => {
                let count = self.below(most + 1);
                (0..count).map(|_| self.argument(takes_large, depth)).collect()
            }
            Some(signature) => {
                let params = signature.params;
                let n_more = if signature.is_variadic { self.below(3) } else { 0 };
                let last = params.last().copied().unwrap_or(Type::Any);
                // In a pipeline the last one comes from before.
                let n_given = (params.len() + n_more).min(most);
                let wanted = |place: usize| params.get(place).copied().unwrap_or(last);
                (0..n_given).map(|place| self.fitting(wanted(place), takes_large, depth)).collect()
            }
        };
        all.join(" ")
    }

    /// An argument of a type.
    fn fitting(&mut self, wanted: Type, takes_large: bool, depth: usize) -> String {
        match wanted {
            Type::Bool => self.one(&["true", "false", ".Values.t"]).to_owned(),
            Type::Int | Type::Int64 | Type::Uint32 => self.one(&NUMBERS[..12]).to_owned(),
            Type::Float64 => self.one(&NUMBERS).to_owned(),
            Type::String if self.below(4) == 0 => {
                self.one(&[".Values.s", ".Values.lines", ".Values.odd", ".Values.ver"]).to_owned()
            }
            Type::String => go_quoted(self.one(&TEXTS)),
            Type::List => {
                let items = self.arguments_within(3, depth.saturating_sub(1), "list");
                self.one(&[".Values.l", ".Values.sl", "(list)", &format!("(list {items})")])
                    .to_owned()
            }
            Type::Map => self
                .one(&[
                    ".Values.m",
                    ".Values",
                    "(dict \"a\" 1 \"b\" (dict))",
                    "(deepCopy .Values.m)",
                ])
                .to_owned(),
            _ => self.argument(takes_large, depth),
        }
    }

    fn argument(&mut self, takes_large: bool, depth: usize) -> String {
        match self.below(if depth == 0 { 9 } else { 13 }) {
            0..3 => go_quoted(self.one(&TEXTS)),
            3 | 4 => self.one(&NUMBERS).to_owned(),
            5 if takes_large => self.one(&LARGE).to_owned(),
            5 => self.one(&["true", "false", "nil", ".", "$"]).to_owned(),
            6..9 => format!(".Values.{}", self.small_field(takes_large)),
            9 => {
                let of = self.one(&["list", "tuple", "dict", "list"]);
                let count = self.below(4);
                let all: Vec<String> =
                    (0..count).map(|_| self.argument(takes_large, depth - 1)).collect();
                format!("({of} {})", all.join(" "))
            }
            10 => {
                let text = go_quoted(self.one(&TEXTS));
                let of = [
                    "splitList \",\" ",
                    "split \",\" ",
                    "b64enc ",
                    "int ",
                    "float64 ",
                    "fromYaml ",
                    "toDate \"2006-01-02\" ",
                ];
                format!("({}{text})", self.one(&of))
            }
            11 => self
                .one(&[
                    "(until 3)",
                    "(untilStep 1 9 3)",
                    "(semver \"1.2.3-a+b\")",
                    "(int64 7)",
                    "(add 1 2)",
                    "(deepCopy .Values.m)",
                ])
                .to_owned(),
            _ => {
                let name = self.one(&FUNCTIONS);
                let arguments = self.arguments_within(4, depth - 1, name);
                format!("({name} {arguments})")
            }
        }
    }

    fn small_field(&mut self, takes_large: bool) -> &'static str {
        loop {
            let field = self.one(&FIELDS);
            if takes_large || !["big", "huge"].contains(&field) {
                return field;
            }
        }
    }

    /// Some actions and text between them.
    fn list(&mut self, text: &mut String, depth: usize) {
        for _ in 0..=self.below(3) {
            let (open, close) =
                (self.one(&["{{", "{{ ", "{{- "]), self.one(&["}}", " }}", " -}}"]));
            match self.below(if depth == 0 { 6 } else { 16 }) {
                0 => text.push_str(self.one(&["x", " \n", "a: b\n", "  ", "}}", "<no value>"])),
                1..4 => text.extend([format!("{open}{}{close}", self.pipeline())]),
                4 => text.extend([format!("{open}$v := {}{close}", self.pipeline())]),
                5 => text.push_str(self.one(&[
                    "{{/* c */}}",
                    "{{- /* c */ -}}",
                    "{{ $v }}",
                    "{{ $v = 1 }}",
                    "{{ break }}",
                    "{{continue}}",
                    "{{ .x }}",
                    "{{ $.Values.m.b.c }}",
                    "{{ .Values.nope.x }}",
                    "{{ (.Values.nope).x }}",
                ])),
                6..9 => self.branch(text, depth, (open, close)),
                9 | 10 => self.range(text, depth, (open, close)),
                11 => {
                    let name = self.below(3);
                    text.extend([format!("{{{{ define \"d{name}\" }}}}")]);
                    self.list(text, depth - 1);
                    text.push_str("{{ end }}");
                }
                12 => text.extend([format!(
                    "{{{{ template \"d{}\" {} }}}}",
                    self.below(3),
                    self.argument(false, 1)
                )]),
                13 => text.extend([format!(
                    "{{{{ include \"d{}\" {} | quote }}}}",
                    self.below(3),
                    self.argument(false, 1)
                )]),
                14 => {
                    let mut inner = String::new();
                    self.list(&mut inner, 0);
                    text.extend([format!(
                        "{{{{ tpl {} {} }}}}",
                        go_quoted(&inner),
                        self.one(&[".", "$", ".Values", "5"])
                    )]);
                }
                _ => {
                    text.extend([format!("{open}with $w := {}{close}", self.pipeline())]);
                    self.list(text, depth - 1);
                    text.push_str("{{ $w }}{{ else with .Values }}{{ .i }}{{ end }}");
                }
            }
        }
    }

    fn branch(&mut self, text: &mut String, depth: usize, (open, close): (&str, &str)) {
        text.extend([format!(
            "{open}{} {}{close}",
            self.one(&["if", "with", "if"]),
            self.pipeline()
        )]);
        self.list(text, depth - 1);
        match self.below(3) {
            0 => {
                text.push_str("{{ else }}");
                self.list(text, depth - 1);
            }
            1 => {
                text.extend([format!("{{{{ else if {} }}}}", self.pipeline())]);
                self.list(text, depth - 1);
            }
            _ => {}
        }
        text.push_str("{{ end }}");
    }

    fn range(&mut self, text: &mut String, depth: usize, (open, close): (&str, &str)) {
        let variables = self.one(&["", "", "$x := ", "$k, $x := ", "$v = "]);
        text.extend([format!("{open}range {variables}{}{close}", self.pipeline())]);
        text.push_str(self.one(&[
            "",
            "{{ . }}",
            "{{ $x }}",
            "{{ if eq . 1 }}{{ break }}{{ end }}",
        ]));
        self.list(text, depth - 1);
        if self.below(3) == 0 {
            text.push_str("{{ else }}none");
        }
        text.push_str("{{ end }}");
    }

    fn pipeline(&mut self) -> String {
        let mut pipeline = match self.below(3) {
            0 => self.argument(false, 2),
            _ => {
                let name = self.one(&FUNCTIONS);
                format!("{name} {}", self.arguments(3, name))
            }
        };
        for _ in 0..self.below(3) {
            let name = self.one(&FUNCTIONS);
            pipeline.extend([format!(" | {name} {}", self.arguments(2, name))]);
        }
        pipeline
    }
}

/// A text as Go's templates take it in quotes.
fn go_quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}
