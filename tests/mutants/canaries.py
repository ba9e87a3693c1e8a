"""Mutants that random runs of the simulator must notice, too: see judge_in_simulator in run. The
ones that need rare coincidences are left to the stories."""
CANARIES = """
promote-early
other-not-demoted
users-forgotten
restarted-main-not-refreshed
s-never-joins
stray-main-left-alone
stray-demoted-unrecorded
fenced-for-ever
written-before-looked-at
promoted-in-another-run
follower-acts
open-to-another-run
promoted-unarmed
failover-unconditional
back-to-another-process
back-to-another-run
""".split()
