//! A text with its signature below it (RFC 4880, section 7).

use super::armor;

const BEGIN: &str = "-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &str = "-----BEGIN PGP SIGNATURE-----";

/// What was signed, and the packets of the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    /// Lines as they were signed, but with `\n` between them; the last has none.
    pub(super) text: String,
    pub(super) signature: Vec<u8>,
}

/// Reads a message; `None` when it is not one, or not whole.
pub(super) fn read(text: &str) -> Option<Message> {
    let mut lines = text.lines().skip_while(|it| it.trim_end() != BEGIN).skip(1);
    // Headers: which hash, and nothing else that could be taken for a part of the text.
    loop {
        match lines.next()?.trim_end() {
            "" => break,
            header if header.starts_with("Hash: ") => {}
            _ => return None,
        }
    }
    let mut signed: Vec<&str> = Vec::new();
    loop {
        let line = lines.next()?.trim_end_matches([' ', '\t', '\r']);
        match line.strip_prefix("- ") {
            _ if line == SIGNATURE => break,
            Some(line) => signed.push(line),
            None if line.starts_with('-') && line != "-" => return None,
            None => signed.push(line),
        }
    }
    let rest = text.rfind(SIGNATURE).map(|it| &text[it..])?;
    let signature = armor::unpack(rest, "PGP SIGNATURE")?;
    Some(Message { text: signed.join("\n"), signature })
}

impl Message {
    /// A text that is to be signed, but for white space at the ends of its lines.
    ///
    /// A line feed at its end is signed, too, as helm does.
    pub(super) fn of(text: &str) -> Self {
        let lines: Vec<&str> =
            text.split('\n').map(|it| it.trim_end_matches([' ', '\t', '\r'])).collect();
        Self { text: lines.join("\n"), signature: Vec::new() }
    }

    /// The message with a signature in its armor.
    pub(super) fn print(&self, hash: &str, signature: &str) -> String {
        let mut text = format!("{BEGIN}\nHash: {hash}\n\n");
        for line in self.text.split('\n') {
            text.push_str(if line.starts_with('-') { "- " } else { "" });
            text.extend([line, "\n"]);
        }
        text + signature
    }

    /// The bytes that were hashed: lines end with CR and LF.
    pub(super) fn canonical(&self) -> Vec<u8> {
        self.text.replace('\n', "\r\n").into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNED: &str = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\na: 1  \n- -b\n\n...\n-----BEGIN PGP SIGNATURE-----\n\naGVsbG8=\n=R/WK\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn escapes_and_blanks_at_the_end_are_no_part_of_what_was_signed() {
        let message = read(SIGNED).unwrap();
        assert_eq!(message.text, "a: 1\n-b\n\n...");
        assert_eq!(message.canonical(), b"a: 1\r\n-b\r\n\r\n...");
        assert_eq!(message.signature, b"hello");
        assert_eq!(read(&SIGNED.replace('\n', "\r\n")), Some(message));
    }

    #[test]
    fn what_is_printed_is_read_back() {
        let message = Message::of("a: 1  \n-b\n\n...");
        let signature = armor::pack(b"hello", "PGP SIGNATURE");
        let printed = message.print("SHA512", &signature);
        assert_eq!(printed.trim_end(), SIGNED.replace("a: 1  ", "a: 1").trim_end());
        assert_eq!(read(&printed).unwrap().text, message.text);
    }

    #[test]
    fn what_could_be_taken_for_signed_text_is_refused() {
        let forged = SIGNED.replace("Hash: SHA512\n", "Hash: SHA512\nfiles: forged\n");
        assert_eq!(read(&forged), None);
        assert_eq!(read(&SIGNED.replace("- -b", "-b")), None);
        assert_eq!(read(&SIGNED[..SIGNED.len() - 40]), None);
        assert_eq!(read("a: 1\n"), None);
    }
}
