"""Bytewax: one worker, event-time tumbling windows of ten seconds, the campaigns in a dictionary."""
import json
import sys
from datetime import datetime, timedelta, timezone

import bytewax.operators as op
from bytewax.connectors.files import FileSource
from bytewax.dataflow import Dataflow
from bytewax.operators import windowing as win
from bytewax.outputs import DynamicSink, StatelessSinkPartition
from bytewax.testing import run_main

events, campaigns, out = sys.argv[1:]
with open(campaigns) as table:
    campaign_of = dict(line.strip().split(",") for line in table)
epoch = datetime(1970, 1, 1, tzinfo=timezone.utc)


def view(line):
    event = json.loads(line)
    campaign = campaign_of.get(event["ad_id"])
    return (campaign, event["event_time"]) if event["event_type"] == "view" and campaign else None


class Rows(DynamicSink, StatelessSinkPartition):
    def build(self, step_id, worker_index, worker_count):
        self.file = open(out, "w")
        return self

    def write_batch(self, items):
        for campaign, (window, count) in items:
            self.file.write(f"{campaign},{window * 10000},{count}\n")

    def close(self):
        self.file.close()


flow = Dataflow("ads")
views = op.filter_map("view", op.input("in", flow, FileSource(events, batch_size=1000)), view)
counted = win.count_window(
    "count",
    views,
    win.EventClock(
        ts_getter=lambda v: epoch + timedelta(milliseconds=v[1]), wait_for_system_duration=timedelta(seconds=1)
    ),
    win.TumblingWindower(length=timedelta(seconds=10), align_to=epoch),
    lambda v: v[0],
)
op.output("out", counted.down, Rows())
run_main(flow)
