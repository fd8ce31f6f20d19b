//! Which services a run is about, in which order, and where it takes them.

use std::collections::BTreeSet;

use crate::{
    nearest,
    project::{ENVIRONMENT_DEFAULT, Environment, Project, Service},
};

/// What one run does: services in the order of their needs, and the environment.
#[derive(Debug, Clone)]
pub struct Selection<'a> {
    pub services: Vec<&'a Service>,
    pub environment: &'a Environment,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectError {
    #[error("there is no environment `{name}`")]
    Environment { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("there is no service `{name}`")]
    Service { name: String, nearest: Option<String>, known: Vec<String> },
    #[error("service `{service}` needs `{need}`, which is not there")]
    Need { service: String, need: String },
    #[error("services need each other in a circle: {}", circle.join(" → "))]
    Circle { circle: Vec<String> },
}

impl SelectError {
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Environment { nearest: Some(it), .. }
            | Self::Service { nearest: Some(it), .. } => Some(format!("did you mean `{it}`?")),
            Self::Environment { known, .. } | Self::Service { known, .. } => {
                Some(format!("known: {}", known.join(", ")))
            }
            Self::Need { .. } | Self::Circle { .. } => None,
        }
    }
}

/// Chooses services (all of them when none is named, each with what it needs) and the environment.
pub fn select<'a>(
    project: &'a Project,
    names: &[String],
    environment: Option<&str>,
) -> Result<Selection<'a>, SelectError> {
    let name = environment.unwrap_or(ENVIRONMENT_DEFAULT);
    let environment = project.environments.get(name).ok_or_else(|| {
        let known: Vec<String> = project.environments.keys().cloned().collect();
        let near = nearest(name, known.iter().map(String::as_str)).map(str::to_owned);
        SelectError::Environment { name: name.to_owned(), nearest: near, known }
    })?;
    let mut order = Order { project, done: BTreeSet::new(), services: Vec::new() };
    let all: Vec<String> = project.services.keys().cloned().collect();
    for name in if names.is_empty() { &all } else { names } {
        let Some(service) = project.services.get(name) else {
            let near = nearest(name, all.iter().map(String::as_str)).map(str::to_owned);
            return Err(SelectError::Service { name: name.clone(), nearest: near, known: all });
        };
        order.add(service, &mut Vec::new())?;
    }
    Ok(Selection { services: order.services, environment })
}

struct Order<'a> {
    project: &'a Project,
    done: BTreeSet<&'a str>,
    services: Vec<&'a Service>,
}

impl<'a> Order<'a> {
    /// Adds what `service` needs, then `service`; `above` is the chain that led here.
    fn add(&mut self, service: &'a Service, above: &mut Vec<&'a str>) -> Result<(), SelectError> {
        if self.done.contains(service.name.as_str()) {
            return Ok(());
        }
        if let Some(start) = above.iter().position(|it| *it == service.name) {
            let circle = above[start..].iter().copied().chain([service.name.as_str()]);
            return Err(SelectError::Circle { circle: circle.map(str::to_owned).collect() });
        }
        above.push(&service.name);
        for need in &service.needs {
            let Some(needed) = self.project.services.get(need) else {
                return Err(SelectError::Need {
                    service: service.name.clone(),
                    need: need.clone(),
                });
            };
            self.add(needed, above)?;
        }
        above.pop();
        self.done.insert(&service.name);
        self.services.push(service);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parse;

    fn project(needs: &[(&str, &str)]) -> Project {
        let service = |(name, needs): &(&str, &str)| {
            format!("[services.{name}]\nneeds = [{needs}]\nchart = {{ path = \"chart\" }}\n")
        };
        let services: String = needs.iter().map(service).collect();
        parse("zarpa.toml", &format!("name = \"demo\"\n{services}")).unwrap()
    }

    fn order(project: &Project, names: &[&str]) -> Result<String, String> {
        let names: Vec<String> = names.iter().map(|it| (*it).to_owned()).collect();
        let selection = select(project, &names, None).map_err(|it| it.to_string())?;
        let names: Vec<&str> = selection.services.iter().map(|it| it.name.as_str()).collect();
        Ok(names.join(" "))
    }

    #[test]
    fn what_is_needed_comes_first() {
        let project = project(&[("a", "\"c\""), ("b", ""), ("c", "\"b\"")]);
        assert_eq!(order(&project, &[]), Ok("b c a".to_owned()));
        assert_eq!(order(&project, &["c"]), Ok("b c".to_owned()));
    }

    #[test]
    fn a_circle_is_shown_whole() {
        let project = project(&[("a", "\"b\""), ("b", "\"a\"")]);
        let expect = "services need each other in a circle: a → b → a".to_owned();
        assert_eq!(order(&project, &[]), Err(expect));
    }

    #[test]
    fn unknown_names_come_with_the_nearest() {
        let project = project(&[("web", "")]);
        let error = select(&project, &["wbe".to_owned()], None).unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `web`?");
        let error = select(&project, &[], Some("prod")).unwrap_err();
        assert_eq!(error.hint().unwrap(), "known: dev");
    }
}
