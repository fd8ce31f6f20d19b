//! Scripts about Jobs, StatefulSets and DaemonSets.

use crate::script::check;

#[test]
fn a_job_counts_each_end_once_and_completes() {
    check(
        "
        > job 3 2
        > run
        > show pods
        pod task ready
        pod task ready
        > show job
        active 2
        > finish Succeeded
        > show job
        active 2, succeeded 1
        > finish Failed
        > show job
        active 1, succeeded 1, failed 1
        > show pods
        pod task ended
        pod task ended
        pod task starting
        > advance 10
        > run
        > finish Succeeded
        > finish Succeeded
        > show pods
        pod task ended
        pod task ended
        pod task ended
        pod task ended
        > show job
        succeeded 3, failed 1, SuccessCriteriaMet, Complete
        ",
    );
}

#[test]
fn a_job_fails_at_its_limit_and_its_deadline() {
    check(
        "
        > job 1 1
        > run
        > finish Failed
        > advance 10
        > run
        > finish Failed
        > advance 20
        > run
        > finish Failed
        > show job
        failed 3, FailureTarget, Failed
        ",
    );
    check(
        "
        > job 1 1 activeDeadlineSeconds 60
        > run
        > advance 59
        > show job
        active 1
        > advance 1
        > show pods
        pod task ending
        > run
        > show job
        failed 1, FailureTarget, Failed
        ",
    );
}

#[test]
fn a_finished_job_goes_when_its_time_is_over() {
    check(
        "
        > job 1 1 ttlSecondsAfterFinished 5
        > run
        > finish Succeeded
        > show pods
        pod task ended
        > advance 4
        > show pods
        pod task ended
        > advance 1
        > run
        > show pods
        ",
    );
}

#[test]
fn a_stateful_set_starts_in_order_and_rolls_from_the_end() {
    check(
        "
        > stateful 2
        > settle
        > show names
        db-0 a starting
        > kubelet
        > show names
        db-0 a ready
        db-1 a starting
        > run
        > show names
        db-0 a ready
        db-1 a ready
        > update b
        > settle
        > show names
        db-0 a ready
        db-1 a ending
        > kubelet
        > show names
        db-0 a ready
        db-1 b starting
        > run
        > show names
        db-0 b ready
        db-1 b ready
        > show stateful
        replicas 2, updatedReplicas 2, currentReplicas 2
        ",
    );
}

#[test]
fn a_daemon_set_has_a_pod_on_the_node_and_replaces_it() {
    check(
        "
        > daemon
        > run
        > show pods
        pod a ready
        > show daemon
        updatedNumberScheduled 1, numberAvailable 1
        > renew b
        > settle
        > show pods
        pod a ending
        > run
        > show pods
        pod b ready
        > show daemon
        updatedNumberScheduled 1, numberAvailable 1
        ",
    );
}
