#!/usr/bin/python3
"""Measures speed beside a peer in the same run. Prints 'bench NAME VALUE UNIT' and 'ratio NAME R PEER' lines.

    bench.py [--json FILE] [NAME...]
"""
import argparse
import importlib
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(os.path.dirname(HERE)), "lab")]

from measure import Report  # noqa: E402  (the path comes first)

BENCHES = ["core", "switches", "switch_sonic", "vsphere_read", "xenapi_read", "advance"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", help="write the figures to this file as well")
    parser.add_argument("names", nargs="*", default=BENCHES, help=f"of {', '.join(BENCHES)}")
    words = parser.parse_args()
    report = Report()
    for name in words.names:
        with tempfile.TemporaryDirectory(prefix="vsn-bench-") as folder:
            importlib.import_module(name).run(report, folder)
    if words.json:
        report.save(words.json)


main()
