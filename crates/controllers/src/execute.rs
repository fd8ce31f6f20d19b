//! Carries out the actions of a decision, and tells the loop what came of them.

use futures_util::{StreamExt as _, stream::FuturesUnordered};
use reconcile::{Action, Notice, Report, Step, Target};
use serde_json::Value;
use tokio::sync::mpsc;

use crate::{engine::Event, folder, request};

/// How many requests of one decision run at once.
const REQUESTS_MAX: usize = 32;

/// Why a decision's actions ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    pub(crate) step: Step,
    /// The reason of the server's `Status`, where it answered.
    pub(crate) reason: String,
    pub(crate) message: String,
}

impl Failure {
    /// Decided on what was no longer so: the same decision from fresh state may well succeed.
    pub(crate) fn is_conflict(&self) -> bool {
        self.reason == "Conflict"
    }
}

#[derive(Clone)]
pub(crate) struct Executor {
    pub(crate) client: kube::Client,
    pub(crate) events: mpsc::Sender<Event>,
}

impl Executor {
    /// Carries out actions in order; neighbours of the concurrent sort together; the first failure ends the list.
    pub(crate) async fn carry_out(&self, actions: Vec<Action>) -> Result<(), Failure> {
        let mut actions = actions.into_iter().peekable();
        while let Some(first) = actions.next() {
            let is_first_concurrent = is_concurrent(&first);
            let mut group = vec![first];
            while is_first_concurrent && let Some(next) = actions.next_if(is_concurrent) {
                group.push(next);
            }
            self.carry_out_together(group).await?;
        }
        Ok(())
    }

    /// After a failure nothing more is started, but what is under way is awaited: its outcome counts.
    async fn carry_out_together(&self, group: Vec<Action>) -> Result<(), Failure> {
        let mut waiting = group.into_iter();
        let mut running: FuturesUnordered<_> =
            waiting.by_ref().take(REQUESTS_MAX).map(|it| self.perform(it)).collect();
        let mut outcome = Ok(());
        while let Some(result) = running.next().await {
            outcome = outcome.and(result);
            if outcome.is_ok()
                && let Some(next) = waiting.next()
            {
                running.push(self.perform(next));
            }
        }
        outcome
    }

    async fn perform(&self, action: Action) -> Result<(), Failure> {
        match action {
            Action::Create { kind, object, report } => {
                let result = self.client.request::<Value>(request::create(kind, &object)).await;
                match result {
                    Err(kube::Error::Api(status)) if is_namespace_ending(&status) => Ok(()),
                    Err(error) => Err(self.refused(Step::Create, error, report).await),
                    Ok(object) => {
                        self.created(&object, report).await;
                        self.tell(Event::Seen { kind, object }).await;
                        Ok(())
                    }
                }
            }
            Action::Patch { target, part, patch } => {
                let kind = target.key.kind;
                match self.client.request::<Value>(request::patch(&target, part, patch)).await {
                    Ok(object) => self.tell(Event::Seen { kind, object }).await,
                    Err(error) if is_not_found(&error) => {}
                    Err(error) => return Err(failure(Step::Other, error)),
                }
                Ok(())
            }
            Action::Delete { target, propagation, report } => {
                match self.client.request::<Value>(request::delete(&target, propagation)).await {
                    Ok(answer) => self.deleted(target, answer, report).await,
                    Err(error) if is_not_found(&error) => {}
                    Err(error) => return Err(self.refused(Step::Delete, error, report).await),
                }
                Ok(())
            }
            Action::DeleteCollection { kind, namespace } => {
                self.delete_collection(kind, &namespace).await
            }
            Action::FinalizeNamespace { target, finalizers } => {
                let kind = target.key.kind;
                match self.client.request::<Value>(request::finalize(&target, &finalizers)).await {
                    Ok(object) => self.tell(Event::Seen { kind, object }).await,
                    Err(error) if is_not_found(&error) => {}
                    Err(error) => return Err(failure(Step::Other, error)),
                }
                Ok(())
            }
            Action::Bind { target, node, report } => self.bind(target, node, report).await,
            Action::Look { target } => self.look(target).await,
            Action::Record(notice) => {
                self.tell(Event::Noticed(notice)).await;
                Ok(())
            }
            Action::MakeFolder(path) => {
                folder_outcome("make", &path.clone(), folder::make(path).await)
            }
            Action::RemoveFolder(path) => {
                folder_outcome("remove", &path.clone(), folder::remove(path).await)
            }
            // The loop sets timers before it hands the rest over.
            Action::Requeue { .. } => Ok(()),
        }
    }

    /// A closed loop needs no news.
    async fn tell(&self, event: Event) {
        let _closed = self.events.send(event).await;
    }

    async fn notice(&self, notice: Option<Notice>) {
        if let Some(notice) = notice {
            self.tell(Event::Noticed(notice)).await;
        }
    }

    async fn created(&self, object: &Value, report: Option<Report>) {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        self.notice(report.and_then(|it| it.done(name))).await;
    }

    async fn refused(&self, step: Step, error: kube::Error, report: Option<Report>) -> Failure {
        let failure = failure(step, error);
        if !failure.is_conflict() && failure.reason != "AlreadyExists" {
            self.notice(report.and_then(|it| it.failed(&failure.message))).await;
        }
        failure
    }

    /// An object that stays for a while comes back with its time of deletion; else it is gone.
    async fn deleted(&self, target: Target, answer: Value, report: Option<Report>) {
        self.notice(report.and_then(|it| it.done(&target.key.name))).await;
        let stays =
            !answer["metadata"]["deletionTimestamp"].is_null() && answer["kind"] != "Status";
        let event = if stays {
            Event::Seen { kind: target.key.kind, object: answer }
        } else {
            Event::Removed { key: target.key, uid: target.uid }
        };
        self.tell(event).await;
    }

    /// What the server says it deletes is news where the watch is behind.
    async fn delete_collection(
        &self,
        kind: reconcile::Kind,
        namespace: &str,
    ) -> Result<(), Failure> {
        match self.client.request::<Value>(request::delete_collection(kind, namespace)).await {
            Ok(mut list) => {
                if let Value::Array(items) = list["items"].take() {
                    for object in items {
                        self.tell(Event::Seen { kind, object }).await;
                    }
                }
                Ok(())
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 405) => Ok(()),
            Err(error) => Err(failure(Step::Delete, error)),
        }
    }

    async fn bind(
        &self,
        target: Target,
        node: String,
        report: Option<Report>,
    ) -> Result<(), Failure> {
        match self.client.request::<Value>(request::bind(&target, &node)).await {
            Ok(_) => {
                self.notice(report.and_then(|it| it.done(&target.key.name))).await;
                self.tell(Event::Bound { target, node }).await;
                Ok(())
            }
            Err(error) if is_not_found(&error) => Ok(()),
            Err(error) => Err(self.refused(Step::Other, error, report).await),
        }
    }

    async fn look(&self, target: Target) -> Result<(), Failure> {
        match self.client.request::<Value>(request::get(&target)).await {
            Ok(object) => {
                if object["metadata"]["uid"] != target.uid.as_str() {
                    self.tell(Event::Absent { uid: target.uid }).await;
                }
                self.tell(Event::Seen { kind: target.key.kind, object }).await;
                Ok(())
            }
            Err(error) if is_not_found(&error) => {
                self.tell(Event::Absent { uid: target.uid }).await;
                Ok(())
            }
            Err(error) => Err(failure(Step::Other, error)),
        }
    }
}

fn is_concurrent(action: &Action) -> bool {
    matches!(
        action,
        Action::Create { .. }
            | Action::Delete { .. }
            | Action::DeleteCollection { .. }
            | Action::Bind { .. }
            | Action::Look { .. }
    )
}

fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

/// Nothing is created in a namespace that ends, and nothing needs to be.
fn is_namespace_ending(status: &kube::core::Status) -> bool {
    let causes = status.details.as_ref().map_or(&[][..], |it| &it.causes);
    causes.iter().any(|it| it.reason == "NamespaceTerminating")
}

fn failure(step: Step, error: kube::Error) -> Failure {
    match error {
        kube::Error::Api(status) => {
            Failure { step, reason: status.reason, message: status.message }
        }
        error => Failure { step, reason: String::new(), message: chain(&error) },
    }
}

/// An error with its causes on one line, for events and logs.
fn chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let text = cause.to_string();
        if !line.contains(&text) {
            line = format!("{line}: {text}");
        }
        source = cause.source();
    }
    line
}

fn folder_outcome(
    verb: &str,
    path: &std::path::Path,
    result: std::io::Result<()>,
) -> Result<(), Failure> {
    result.map_err(|error| Failure {
        step: Step::Other,
        reason: String::new(),
        message: format!("could not {verb} folder {}: {error}", path.display()),
    })
}
