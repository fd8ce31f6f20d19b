//! Random text and numbers, from the source's randomness.

use gotmpl::{
    Type::{Int, String as Text},
    Value,
};

use super::{
    Env, Function, Result,
    args::{int, text},
    encoding::{BASE64, encode},
    fail, fixed,
};

pub(super) const FUNCTIONS: &[Function] = &[
    fixed("randAlphaNum", &[Int], |env, args| pick(env, &args[0], |it| it.is_ascii_alphanumeric())),
    fixed("randAlpha", &[Int], |env, args| pick(env, &args[0], |it| it.is_ascii_alphabetic())),
    fixed("randNumeric", &[Int], |env, args| pick(env, &args[0], |it| it.is_ascii_digit())),
    fixed("randAscii", &[Int], |env, args| pick(env, &args[0], |it| (b' '..=b'~').contains(&it))),
    fixed("randBytes", &[Int], bytes),
    fixed("randInt", &[Int, Int], integer),
    fixed("shuffle", &[Text], shuffle),
    fixed("uuidv4", &[], uuid),
];

impl Env<'_, '_> {
    /// A number below `end`, each equally likely.
    pub(super) fn below(&self, end: u64) -> u64 {
        let limit = u64::MAX - u64::MAX % end;
        loop {
            let mut buffer = [0; 8];
            self.host.source.fill_random(&mut buffer);
            let number = u64::from_le_bytes(buffer);
            if number < limit {
                return number % end;
            }
        }
    }

    /// Some bytes, if that many may be given.
    fn random_bytes(&self, count: i64) -> Result<Vec<u8>> {
        let limit = self.context.limits().output_bytes_max;
        match usize::try_from(count) {
            Ok(count) if count <= limit => {
                let mut buffer = vec![0; count];
                self.host.source.fill_random(&mut buffer);
                Ok(buffer)
            }
            _ => fail("runtime error: makeslice: len out of range"),
        }
    }
}

/// Characters of a class, each equally likely.
fn pick(env: &mut Env<'_, '_>, count: &Value, belongs: fn(u8) -> bool) -> Result<Value> {
    // goutils gives nothing for a negative count.
    let Ok(count) = usize::try_from(int(count)) else { return Ok("".into()) };
    if count > env.context.limits().output_bytes_max {
        return fail("runtime error: makeslice: len out of range");
    }
    let alphabet: Vec<u8> = (0..128).filter(|byte| belongs(*byte)).collect();
    let limit = 256 / alphabet.len() * alphabet.len();
    let mut out = String::with_capacity(count);
    let mut buffer = [0; 64];
    while out.len() < count {
        env.host.source.fill_random(&mut buffer);
        let picked = buffer
            .iter()
            .filter(|byte| usize::from(**byte) < limit)
            .map(|byte| char::from(alphabet[usize::from(*byte) % alphabet.len()]));
        out.extend(picked.take(count - out.len()));
    }
    Ok(out.into())
}

fn bytes(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    Ok(encode(&env.random_bytes(int(&args[0]))?, &BASE64).into())
}

fn integer(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let (min, max) = (int(&args[0]), int(&args[1]));
    match u64::try_from(max.wrapping_sub(min)) {
        Ok(span) if span > 0 => Ok(Value::Int(min.wrapping_add_unsigned(env.below(span)))),
        _ => fail("invalid argument to Intn"),
    }
}

fn shuffle(env: &mut Env<'_, '_>, args: &[Value]) -> Result<Value> {
    let mut characters: Vec<char> = text(&args[0]).to_text().chars().collect();
    for place in (1..characters.len()).rev() {
        let other = env.below(place as u64 + 1) as usize;
        characters.swap(place, other);
    }
    Ok(characters.into_iter().collect::<String>().into())
}

fn uuid(env: &mut Env<'_, '_>, _: &[Value]) -> Result<Value> {
    let mut bytes = [0; 16];
    env.host.source.fill_random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = |from: usize, to: usize| -> String {
        bytes[from..to].iter().map(|byte| format!("{byte:02x}")).collect()
    };
    let parts = [hex(0, 4), hex(4, 6), hex(6, 8), hex(8, 10), hex(10, 16)];
    Ok(parts.join("-").into())
}
