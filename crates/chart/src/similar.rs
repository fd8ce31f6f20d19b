//! "Did you mean": the nearest of some names.

const BYTES_PER_CHAR_MAX: usize = 4;

/// The name that is nearest to a word, when it is near enough to be meant.
pub(crate) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let distance_max = (word.chars().count() / 3).min(3);
    let word = word.to_lowercase();
    names
        .filter(|name| name.len().abs_diff(word.len()) <= BYTES_PER_CHAR_MAX * distance_max)
        .map(|name| (distance(&word, &name.to_lowercase()), name))
        .filter(|(distance, _)| *distance <= distance_max)
        .min_by_key(|(distance, name)| (*distance, *name))
        .map(|(_, name)| name)
}

/// How many letters must be put in, taken out, changed or swapped with their neighbours.
fn distance(one: &str, two: &str) -> usize {
    let (one, two): (Vec<char>, Vec<char>) = (one.chars().collect(), two.chars().collect());
    let mut rows = [Vec::new(), Vec::new(), (0..=two.len()).collect::<Vec<usize>>()];
    for i in 1..=one.len() {
        rows.rotate_left(1);
        let mut row = vec![i];
        for j in 1..=two.len() {
            let is_same = one[i - 1] == two[j - 1];
            let mut best =
                (rows[1][j] + 1).min(row[j - 1] + 1).min(rows[1][j - 1] + usize::from(!is_same));
            if 1 < i && 1 < j && one[i - 1] == two[j - 2] && one[i - 2] == two[j - 1] {
                best = best.min(rows[0][j - 2] + 1);
            }
            row.push(best);
        }
        rows[2] = row;
    }
    rows[2][two.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_name_is_meant() {
        let check = |word, expect| {
            let names = ["nindent", "indent", "toYaml", "replicas", "replicaCount"];
            assert_eq!(nearest(word, names.into_iter()), expect, "{word}");
        };
        check("nindentt", Some("nindent"));
        check("toyaml", Some("toYaml"));
        check("toYmal", Some("toYaml"));
        check("replica", Some("replicas"));
        check("wholly", None);
        check("", None);
        // In short words everything is near everything.
        assert_eq!(nearest("a", ["b"].into_iter()), None);
    }
}
