//! The runtime of the real world, from outside.

use simoom::runtime::Runtime;

#[test]
fn spawned_tasks_run_and_join() {
    let rt = Runtime::new().unwrap();
    let sum = rt.block_on(async {
        let tasks: Vec<_> = (0..1000u64)
            .map(|n| {
                simoom::spawn(async move {
                    simoom::task::yield_now().await;
                    n
                })
            })
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await.unwrap();
        }
        sum
    });
    assert_eq!(sum, 499_500);
}
