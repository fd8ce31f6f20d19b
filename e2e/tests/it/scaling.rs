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
fn an_autoscaler_takes_replicas_over_and_no_pod_goes() {
    let (machine, project) = (Machine::new(), Project::new());
    machine.zarpa(project.path(), &["up"]).good();
    let pods = machine.pods("dev");
    let template = "chart/templates/web.yaml";
    project.replace(template, "  replicas: {{ .Values.replicas }}\n", "");
    project.append(template, SCALER);
    let plan = machine.zarpa(project.path(), &["plan"]).good();
    assert!(!plan.out.contains("replicas"), "{}", plan.out);
    machine.zarpa(project.path(), &["up"]).good();
    assert_eq!(machine.pods("dev"), pods);
    assert_eq!(machine.history("dev", "web").len(), 2);
}
