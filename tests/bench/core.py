"""The decision core alone, in a large installation: what reading it in and settling cost (core_bench.c)."""
import os
import subprocess

from vsnlab import BUILD


def run(report, _folder):
    program = os.path.join(BUILD, "tests", "bench", "core_bench")
    for line in subprocess.run([program], check=True, text=True, capture_output=True).stdout.splitlines():
        _, name, value, unit = line.split()
        report.bench(name, float(value), unit)
