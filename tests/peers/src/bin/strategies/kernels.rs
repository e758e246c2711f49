// Six small programs with one bug each, as one source text.
//
// They are those of SCTBench (Thomson, Donaldson, Betts, "Concurrency testing using controlled
// schedulers", TOPC 2016) by the names under which papers quote them. The text is included in the
// module of each peer, where `program!`, `task!` and `visible!` and the names `Cell`, `Lock`, `join`
// and `ensure` stand for that peer's own. What C leaves to the machine is visible to the scheduler:
// each reading and each writing of a shared variable, each lock, each start and end of a thread.

use std::sync::Arc;

program! {
    // `setters` threads set `a` and then `b`. One more finds the first set and the second not. It
    // reads as C does, which stops at the first condition that does not hold and reads `a` again.
    fn reorder(setters: usize) {
        let cells = Arc::new((Cell::new(0), Cell::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..setters {
            let cells = cells.clone();
            tasks.push(task!({
                let (a, b) = &*cells;
                visible!(a.write(1));
                visible!(b.write(-1));
            }));
        }
        tasks.push(task!({
            let (a, b) = &*cells;
            let is_unset = visible!(a.read()) == 0 && visible!(b.read()) == 0;
            ensure(is_unset || visible!(a.read()) == 1 && visible!(b.read()) == -1);
        }));
        for task in tasks {
            visible!(join(task));
        }
    }
}

program! {
    // `writers` threads set one datum behind one lock and then, behind another, a second that
    // follows from it. One more reads both and finds the first set and the second not.
    fn twostage(writers: usize) {
        let locks = Arc::new((Lock::new(()), Lock::new(())));
        let data = Arc::new((Cell::new(0), Cell::new(0)));
        let mut tasks = Vec::new();
        for _ in 0..writers {
            let (locks, data) = (locks.clone(), data.clone());
            tasks.push(task!({
                let guard = visible!(locks.0.lock());
                visible!(data.0.write(1));
                drop(guard);
                let guard = visible!(locks.1.lock());
                let first = visible!(data.0.read());
                visible!(data.1.write(first + 1));
                drop(guard);
            }));
        }
        tasks.push(task!({
            let guard = visible!(locks.0.lock());
            let is_set = visible!(data.0.read()) != 0;
            let first = if is_set { visible!(data.0.read()) } else { 0 };
            drop(guard);
            if is_set {
                let guard = visible!(locks.1.lock());
                let second = visible!(data.1.read());
                drop(guard);
                ensure(second == first + 1);
            }
        }));
        for task in tasks {
            visible!(join(task));
        }
    }
}

program! {
    // One thread pays in, one takes out, one looks whether the sum is right once both have, and has
    // it wrong. The original does not join its threads; the amounts never change and are no cells.
    fn account() {
        let lock = Arc::new(Lock::new(()));
        let (before, paid, taken) = (1, 2, 4);
        // The balance, and whether each is done.
        let cells = Arc::new((Cell::new(before), Cell::new(0), Cell::new(0)));
        let (own, theirs) = (cells.clone(), lock.clone());
        let check = task!({
            let (balance, is_paid, is_taken) = &*own;
            let guard = visible!(theirs.lock());
            if visible!(is_paid.read()) == 1 && visible!(is_taken.read()) == 1 {
                ensure(visible!(balance.read()) == before - paid - taken);
            }
            drop(guard);
        });
        let (own, theirs) = (cells.clone(), lock.clone());
        let pay = task!({
            let (balance, is_paid, _) = &*own;
            let guard = visible!(theirs.lock());
            let found = visible!(balance.read());
            visible!(balance.write(found + paid));
            visible!(is_paid.write(1));
            drop(guard);
        });
        let take = task!({
            let (balance, _, is_taken) = &*cells;
            let guard = visible!(lock.lock());
            let found = visible!(balance.read());
            visible!(balance.write(found - taken));
            visible!(is_taken.write(1));
            drop(guard);
        });
        for task in [check, pay, take] {
            visible!(join(task));
        }
    }
}

program! {
    // A driver does its work while another thread stops it: it looks at the flag, and counts itself
    // in later. What is atomic in the original is done behind a lock.
    fn bluetooth_driver() {
        let device = Arc::new(Device {
            lock: Lock::new(()),
            pending: Cell::new(1),
            is_stopping: Cell::new(0),
            event: Cell::new(0),
            is_stopped: Cell::new(0),
        });
        let shared = device.clone();
        let stop = task!({
            visible!(shared.is_stopping.write(1));
            visible!(count_out(&shared));
            if visible!(shared.event.read()) == 1 {
                visible!(shared.is_stopped.write(1));
            }
        });
        if visible!(device.is_stopping.read()) == 0 {
            let guard = visible!(device.lock.lock());
            let pending = visible!(device.pending.read());
            visible!(device.pending.write(pending + 1));
            drop(guard);
            ensure(visible!(device.is_stopped.read()) == 0);
        }
        visible!(count_out(&device));
        visible!(join(stop));
    }
}

struct Device {
    lock: Lock,
    pending: Cell,
    is_stopping: Cell,
    event: Cell,
    is_stopped: Cell,
}

program! {
    fn count_out(device: &Device) {
        let guard = visible!(device.lock.lock());
        let pending = visible!(device.pending.read());
        visible!(device.pending.write(pending - 1));
        // The original reads it once more, which is atomic with the writing.
        let pending = visible!(device.pending.read());
        drop(guard);
        if pending == 0 {
            visible!(device.event.write(1));
        }
    }
}

program! {
    // The kernel of this name; the number is that of its threads beside the main one.
    fn run(name: &str) {
        match name {
            "reorder_3" => visible!(reorder(2)),
            "reorder_10" => visible!(reorder(9)),
            "reorder_100" => visible!(reorder(99)),
            "twostage_20" => visible!(twostage(19)),
            "account" => visible!(account()),
            "bluetooth_driver" => visible!(bluetooth_driver()),
            _ => panic!("there is no kernel {name}"),
        }
    }
}
