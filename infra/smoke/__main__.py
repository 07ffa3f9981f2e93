"""Proves that a stack works: whole flows, and what can be seen of them. docs/testing.md describes it.

    .tools/bin/python infra/smoke --moto           on this machine, with moto in place of AWS
    .tools/bin/python infra/smoke --stack NAME     a deployed stack
"""

import argparse
import signal
import sys

from account import Account, AccountChecks, not_shown
from checks import Checks
from emulator import Emulator
from report import Report


def arguments():
    parser = argparse.ArgumentParser(prog="infra/smoke", description="Proves that a stack works.")
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--moto", action="store_true", help="start moto, with a stack of template.yaml in it")
    where.add_argument("--stack", metavar="NAME", help="a stack in AWS")
    parser.add_argument("--client-url", metavar="URL", help="with --stack: a public https address of this machine, for ping and push")
    parser.add_argument("--client-port", metavar="PORT", type=int, default=9200, help="the local port that it leads to")
    return parser.parse_args()


def main():
    given = arguments()
    # Whatever ends it, what it started ends first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    world = Emulator() if given.moto else Account(given.stack, given.client_url, given.client_port)
    report = Report(world.mark, world.log)
    try:
        report.check("the stack, and its functions", world.start)
        if not report.failed():
            checks = Checks(world, report)
            try:
                checks.all()
                if given.moto:
                    report.check("event source mappings", world.deliveries)
                    not_shown(report)
                else:
                    AccountChecks(world, checks).all(report)
            finally:
                report.check("nothing is left behind", checks.clean_up)
    finally:
        world.stop()
    print(f"\n{report.table()}")
    sys.exit(1 if report.failed() else 0)


main()
