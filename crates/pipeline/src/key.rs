//! The keys by which a stage knows that nothing it depends on has changed.

use sha2::{Digest as _, Sha256};

/// A digest of everything that decides a stage's result; printed as 64 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct StageKey(String);

impl StageKey {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes a key from named parts; their order counts, and no two lists of parts run together.
pub fn stage_key(stage: &str, parts: &[(&str, &str)]) -> StageKey {
    let mut hasher = Sha256::new();
    let mut add = |text: &str| {
        hasher.update((text.len() as u64).to_be_bytes());
        hasher.update(text.as_bytes());
    };
    add(stage);
    for (name, value) in parts {
        add(name);
        add(value);
    }
    let digits = hasher.finalize().iter().map(|it| format!("{it:02x}")).collect::<Vec<String>>();
    StageKey(digits.concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let one = stage_key("test", &[("a", "bc"), ("d", "")]);
        assert_ne!(one, stage_key("test", &[("a", "b"), ("cd", "")]));
        assert_ne!(one, stage_key("build", &[("a", "bc"), ("d", "")]));
        assert_eq!(one, stage_key("test", &[("a", "bc"), ("d", "")]));
        assert_eq!(one.as_str().len(), 64);
    }
}
