"""The project files that go with the corpus and the tour, as a user would have them."""

from __future__ import annotations

PROJECT_FILE = """\
# The helpdesk demo: which message belongs to which team. Generated; every planted fault is in truth.parquet.

[data]
path = "tickets.csv"
text = "message"                          # what the model reads
label = "intent"                          # what it has to say, as recorded (about 4 % are wrong)
votes = ["ann_a", "ann_b", "ann_c"]       # what three people said; one of them is clearly worse
time = "created_at"                       # certification uses the latest rows
groups = ["region"]                       # no region may be served worse than the others
key = "customer_id"                       # messages of one customer never straddle splits
license = "CC0-1.0"
source = "smallcraft helpdesk demo corpus, generated"

[budget]                                  # each of these becomes a gate
latency_p95_ms = 25.0
size_mb = 30

[quality]                                 # declared before anything is looked at
metric = "macro_f1"
margin = 0.02                             # a cheaper model may be this much worse, and no more

[rollout]                                 # how a new release goes live; small, so that the tour sees its end
stages = [0.4]
dwell_s = 1.0
baseline_requests = 500
latency_floor_s = 0.05                    # all runs on one machine here, which may be busy
watch_requests = 500

[watch]                                   # what came after the release: alarms within a budget
files = "production.csv"
window = "1d"
false_alarms_per_month = 0.1

[card]
intended_use = "Routing of English customer messages to one of 20 helpdesk queues, for demonstration."
out_of_scope = "Any real helpdesk, other languages, and decisions about a customer without a person."
"""

# The tour's: the same project with a part of the ladder, so that nobody waits.
TOUR_FILE = (
    'name = "tickets"\n'
    + PROJECT_FILE
    + """
[ladder]                                  # a part of it, so that the tour is short; without this, all of it
rungs = ["majority", "ngram", "fast"]

[audits]
rows = 100
"""
)
