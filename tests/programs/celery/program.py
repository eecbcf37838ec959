"""A worker with SQS as its broker and S3 for its results. `program.py WAY PREFIX`

`program.py worker`: the worker itself.
"""

import os
import subprocess
import sys

from celery import Celery

prefix = os.environ.get("TASKS") or sys.argv[2]
app = Celery("tasks", broker="sqs://", backend="s3")
app.conf.update(
    task_default_queue=f"{prefix}-tasks",
    broker_transport_options={"region": "eu-west-1", "wait_time_seconds": 1, "polling_interval": 0.2},
    worker_enable_remote_control=False,
    broker_connection_retry_on_startup=True,
    s3_bucket=prefix,
    s3_region="eu-west-1",
)
if os.environ.get("HTTP_PROXY"):
    # The queue's own URL is https, and is dialled.
    app.conf.broker_transport_options["is_secure"] = False
    app.conf.s3_endpoint_url = "http://s3.eu-west-1.amazonaws.com"


@app.task(name="shout")
def shout(text):
    return text.upper()


def main():
    environment = {**os.environ, "TASKS": prefix}
    worker = subprocess.Popen(
        [sys.executable, __file__, "worker"], env=environment, stdout=sys.stderr, stderr=sys.stderr
    )
    try:
        results = [shout.delay(f"Grüße {number}") for number in range(5)]
        # What cannot come is not waited for.
        seconds = 15 if sys.argv[1] == "https" else 60
        texts = [result.get(timeout=seconds) for result in results]
    finally:
        worker.terminate()
        worker.wait()
    assert texts == [f"GRÜSSE {number}" for number in range(5)], texts


if sys.argv[1] == "worker":
    app.worker_main(["worker", "--pool=solo", "--concurrency=1", "--without-gossip", "--without-mingle", "--loglevel=info"])
else:
    main()
