"""The work of the rows that Python's asyncio can do, on its own loop or on uvloop's.

    python3 rows.py ROW asyncio|uvloop SCALE

Prints the figures of one measurement as a line of JSON. What is done, and what is asserted, is what
`src/bodies.rs` and its siblings do; the counts are smaller, as an operation takes longer here.
"""

import asyncio
import json
import resource
import sys
import time


def cpu_ns():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return round(usage.ru_utime * 1e9), round(usage.ru_stime * 1e9)


def resident_bytes():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


class Span:
    def __init__(self):
        self.cpu = cpu_ns()
        self.wall = time.perf_counter_ns()

    def end(self, operations):
        wall = time.perf_counter_ns() - self.wall
        user, system = cpu_ns()
        user, system = user - self.cpu[0], system - self.cpu[1]
        figures = {"cpu_ns": user + system, "user_ns": user, "wall_ns": wall}
        return {name: figure / operations for name, figure in figures.items()}


async def number_of(number):
    return number


async def spawn_join(count, batch):
    total = 0
    for _ in range(count // batch):
        tasks = [asyncio.create_task(number_of(number)) for number in range(batch)]
        for task in tasks:
            total += await task
    assert total == count // batch * (batch * (batch - 1) // 2)
    return count // batch * batch


async def yields(count, tasks):
    async def one():
        done = 0
        for _ in range(count // tasks):
            await asyncio.sleep(0)
            done += 1
        return done

    handles = [asyncio.create_task(one()) for _ in range(tasks)]
    done = 0
    for handle in handles:
        done += await handle
    assert done == count // tasks * tasks
    return done


async def stream(count):
    queue = asyncio.Queue(100)

    async def receiving():
        total = 0
        while (number := await queue.get()) is not None:
            total += number
        return total

    async def sending():
        for number in range(count):
            await queue.put(number)
        await queue.put(None)

    receiver = asyncio.create_task(receiving())
    await asyncio.create_task(sending())
    assert await receiver == count * (count - 1) // 2
    return count


async def ping_pong(count):
    there, back = asyncio.Queue(1), asyncio.Queue(1)

    async def echo():
        while (number := await there.get()) is not None:
            await back.put(number + 1)

    echoing = asyncio.create_task(echo())
    number = 0
    while number < count:
        await there.put(number)
        number = await back.get()
    await there.put(None)
    await echoing
    return count


async def takes_lock(count):
    lock, total = asyncio.Lock(), 0
    for number in range(count):
        async with lock:
            total += number
    assert total == count * (count - 1) // 2
    return count


async def permits(count):
    semaphore, inside, most = asyncio.Semaphore(10), 0, 0

    async def one():
        nonlocal inside, most
        for _ in range(count // 100):
            async with semaphore:
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(0)
                inside -= 1

    handles = [asyncio.create_task(one()) for _ in range(100)]
    for handle in handles:
        await handle
    assert most == 10
    return count // 100 * 100


async def gathered(count):
    total = 0
    for _ in range(count // 100):
        total += sum(await asyncio.gather(*(number_of(number) for number in range(100))))
    assert total == count // 100 * 4950
    return count // 100 * 100


async def timeouts(count):
    for _ in range(count):
        async with asyncio.timeout(30):
            await asyncio.sleep(0)
    return count


async def blocking_trips(count):
    total = 0
    for number in range(count):
        total += await asyncio.to_thread(lambda: number)
    assert total == count * (count - 1) // 2
    return count


async def sleepers(count):
    # The deadlines are those of the other peers, after the time that making takes here.
    start, delay = time.monotonic(), 0.5 + 60e-6 * count
    before = resident_bytes()
    span = Span()

    async def one(until):
        await asyncio.sleep(until - time.monotonic())
        return 1

    handles = []
    for number in range(count):
        spread = number * 7919 % 1000 / 1000
        handles.append(asyncio.create_task(one(start + delay + spread)))
    await asyncio.sleep(0)
    await asyncio.sleep(0.001)
    created = span.end(count)
    memory = resident_bytes() - before
    assert time.monotonic() - start < delay, "creating took too long"
    span = Span()
    woken = 0
    for handle in handles:
        woken += await handle
    assert woken == count
    fired = span.end(count)
    return {
        # A list holds a pointer to each.
        "bytes": memory / count - 8,
        "create_ns": created["cpu_ns"],
        "fire_ns": fired["cpu_ns"],
    }


ROWS = {
    "spawn_b1": (spawn_join, 200_000, 1),
    "spawn_b1000": (spawn_join, 400_000, 1000),
    "yield_t1": (yields, 400_000, 1),
    "yield_t1000": (yields, 800_000, 1000),
    "stream_cap100": (stream, 400_000),
    "pingpong_cap1": (ping_pong, 100_000),
    "lock_t1": (takes_lock, 1_000_000),
    "semaphore": (permits, 200_000),
    "gather": (gathered, 200_000),
    "timeout": (timeouts, 200_000),
    "blocking": (blocking_trips, 20_000),
}


async def measured(body, count, *more):
    await asyncio.create_task(body(count // 10, *more))
    span = Span()
    return span.end(await asyncio.create_task(body(count, *more)))


def main():
    row, loop, scale = sys.argv[1], sys.argv[2], int(sys.argv[3])
    if row == "sleepers":
        work = sleepers(1_000_000 // scale)
    else:
        body, count, *more = ROWS[row]
        work = measured(body, count // scale, *more)
    if loop == "uvloop":
        import uvloop

        figures = uvloop.run(work)
    else:
        figures = asyncio.run(work)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
