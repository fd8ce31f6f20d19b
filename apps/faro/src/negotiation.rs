//! Which of the forms that a handler offers a client wants (RFC 9110, section 12.5.1).

use std::convert::Infallible;

use axum::{
    extract::FromRequestParts,
    http::{HeaderMap, header, request::Parts},
};

const FORMS: [Form; 3] = [Form::Text, Form::Json, Form::Html];

/// Forms of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    Text,
    Json,
    Html,
}

impl Form {
    fn media_type(self) -> (&'static str, &'static str) {
        match self {
            Self::Text => ("text", "plain"),
            Self::Json => ("application", "json"),
            Self::Html => ("text", "html"),
        }
    }
}

/// How much a client likes each form, in thousandths, by its `Accept`; all zero when it says nothing.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Accept([u32; 3]);

impl Accept {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let mut best = [None; FORMS.len()];
        for value in headers.get_all(header::ACCEPT) {
            for range in value.to_str().unwrap_or_default().split(',') {
                for (best, form) in best.iter_mut().zip(FORMS) {
                    // What is named more closely decides a form's weight.
                    *best = (*best).max(weight(range, form));
                }
            }
        }
        Self(best.map(|it| it.map_or(0, |(_, quality)| quality)))
    }

    /// The offered form that the client likes best; the first when it says nothing, and when it likes none.
    pub(crate) fn best(self, offered: &[Form]) -> Form {
        let mut best = (0, *offered.first().unwrap_or(&Form::Text));
        for form in offered {
            let weight = self.0[*form as usize];
            if best.0 < weight {
                best = (weight, *form);
            }
        }
        best.1
    }
}

impl<S: Sync> FromRequestParts<S> for Accept {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(&parts.headers))
    }
}

/// How closely a range names a form, and its weight in thousandths; `None` when it does not match.
fn weight(range: &str, form: Form) -> Option<(u8, u32)> {
    let mut parts = range.split(';').map(str::trim);
    let (main, sub) = parts.next()?.split_once('/')?;
    let (form_main, form_sub) = form.media_type();
    let closeness = match (main, sub) {
        ("*", "*") => 0,
        (main, "*") if main.eq_ignore_ascii_case(form_main) => 1,
        (main, sub)
            if main.eq_ignore_ascii_case(form_main) && sub.eq_ignore_ascii_case(form_sub) =>
        {
            2
        }
        _ => return None,
    };
    let quality = parts.find_map(|it| it.strip_prefix("q=").or_else(|| it.strip_prefix("Q=")));
    let quality = quality.map_or(Some(1.0), |it| it.trim().parse::<f32>().ok())?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and 1000"
    )]
    let thousandths = (quality.clamp(0.0, 1.0) * 1000.0) as u32;
    Some((closeness, thousandths))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[track_caller]
    fn check(accept: &str, expect: Form) {
        let mut headers = HeaderMap::new();
        if !accept.is_empty() {
            headers.insert(header::ACCEPT, HeaderValue::from_str(accept).unwrap());
        }
        assert_eq!(Accept::of(&headers).best(&FORMS), expect, "{accept}");
    }

    #[test]
    fn clients_get_what_they_like_best() {
        check("", Form::Text);
        check("*/*", Form::Text);
        check("application/json", Form::Json);
        check("application/json, text/plain;q=0.5", Form::Json);
        check("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", Form::Html);
        check("text/*;q=0.3, application/*", Form::Json);
        check("text/plain;q=0, application/json;q=0.1", Form::Json);
        check("image/png", Form::Text);
        check("Text/HTML; Q=1, */*;q=nonsense", Form::Html);
        check(";;;,,/", Form::Text);
    }
}
