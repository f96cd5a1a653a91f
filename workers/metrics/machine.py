"""What the machine knows about a worker: processor and memory of its processes, and its GPUs. Read when asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import psutil
import pynvml
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class ProcessUse:
    """`place` is `main`, or the process's place in the pool."""

    place: str
    pid: int
    cpu_s: float
    resident_bytes: int


@dataclass(frozen=True, slots=True)
class GpuUse:
    """`use` is the share of the last moments in which the GPU worked, from 0 to 1."""

    device: str
    name: str
    used_bytes: int
    total_bytes: int
    use: float


def process_uses() -> list[ProcessUse]:
    """This process and its children, which are the pool, in the order of their start."""
    main = psutil.Process()
    children = sorted(main.children(), key=lambda child: child.pid)
    named = [("main", main), *((str(place), child) for place, child in enumerate(children))]
    uses = []
    for place, process in named:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            times = process.cpu_times()
            uses.append(ProcessUse(place, process.pid, times.user + times.system, process.memory_info().rss))
    return uses


def gpu_uses() -> list[GpuUse]:
    """The GPUs of this machine, by NVIDIA's management library. It needs no memory of the GPU. Empty without one."""
    try:
        pynvml.nvmlInit()
        return [_gpu(number) for number in range(pynvml.nvmlDeviceGetCount())]
    except pynvml.NVMLError:  # no driver, or a GPU that does not tell
        return []


def _gpu(number: int) -> GpuUse:
    handle = pynvml.nvmlDeviceGetHandleByIndex(number)
    memory = pynvml.nvmlDeviceGetMemoryInfo(handle)
    return GpuUse(
        device=str(number),
        name=str(pynvml.nvmlDeviceGetName(handle)),
        used_bytes=int(memory.used),
        total_bytes=int(memory.total),
        use=pynvml.nvmlDeviceGetUtilizationRates(handle).gpu / 100,
    )


class MachineCollector(Collector):
    def collect(self) -> Iterator[Metric]:
        cpu = CounterMetricFamily("minutebook_process_cpu_seconds", "Processor time.", labels=["process"])
        memory = GaugeMetricFamily("minutebook_process_resident_bytes", "Memory in use.", labels=["process"])
        for each in process_uses():
            cpu.add_metric([each.place], each.cpu_s)
            memory.add_metric([each.place], each.resident_bytes)
        yield cpu
        yield memory
        yield from _gpu_metrics()


def _gpu_metrics() -> Iterator[Metric]:
    used = GaugeMetricFamily("minutebook_gpu_memory_used_bytes", "GPU memory in use.", labels=["device"])
    total = GaugeMetricFamily("minutebook_gpu_memory_bytes", "GPU memory.", labels=["device"])
    use = GaugeMetricFamily("minutebook_gpu_use_ratio", "Share of time in which the GPU worked.", labels=["device"])
    for each in gpu_uses():
        used.add_metric([each.device], each.used_bytes)
        total.add_metric([each.device], each.total_bytes)
        use.add_metric([each.device], each.use)
    yield from (used, total, use)
