//! Replicas in others' hands.

use crate::{machine::Machine, project::Project};

const SCALER: &str = "---
apiVersion: autoscaling/v2
kind: HorizontalPodAutoscaler
metadata:
  name: {{ .Release.Name }}
spec:
  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: {{ .Release.Name }}}
  minReplicas: 2
  maxReplicas: 4
  metrics: [{type: Resource, resource: {name: cpu, target: {type: Utilization, averageUtilization: 80}}}]
";

#[test]
fn an_autoscaler_takes_replicas_over_and_they_stay() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    let template = "chart/templates/web.yaml";
    project.replace(template, "  replicas: {{ .Values.replicas }}\n", "");
    project.append(template, SCALER);
    let plan = machine.zarpa(project.path(), &["plan"]).good();
    assert!(!plan.out.contains("replicas"), "{}", plan.out);
    machine.zarpa(project.path(), &["up"]).good();
    let replicas = "jsonpath={.spec.replicas}";
    let found = machine.kubectl(&["get", "deployment", "web", "-n", "dev", "-o", replicas]);
    assert_eq!(found, "2");
    assert_eq!(machine.history("dev", "web").len(), 2);
}
