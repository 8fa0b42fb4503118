"""Spark Structured Streaming: available-now over the file, one core, a watermark of one second."""
import os
import shutil
import sys
import tempfile

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

events, campaigns, out = sys.argv[1:]
# Beside the answer: a hard link does not cross file systems.
work = tempfile.mkdtemp(dir=os.path.dirname(out))
source = os.path.join(work, "in")
os.mkdir(source)
os.link(events, os.path.join(source, "events.ndjson"))
spark = (
    SparkSession.builder.master("local[1]")
    .config("spark.sql.shuffle.partitions", "1")
    .config("spark.ui.enabled", "false")
    .config("spark.driver.bindAddress", "127.0.0.1")
    .config("spark.driver.host", "127.0.0.1")
    .config("spark.driver.memory", "4g")
    .config("spark.sql.session.timeZone", "UTC")
    .getOrCreate()
)
spark.sparkContext.setLogLevel("ERROR")
table = spark.read.csv(campaigns, schema="ad_id string, campaign string")
windows = (
    spark.readStream.schema("ad_id string, event_type string, event_time long")
    .json(source)
    .where("event_type = 'view'")
    .join(f.broadcast(table), "ad_id")
    .withColumn("at", f.timestamp_millis("event_time"))
    .withWatermark("at", "1 second")
    .groupBy("campaign", f.window("at", "10 seconds"))
    .count()
)


def write(batch, number):
    rows = batch.select("campaign", f.unix_millis("window.start"), "count").collect()
    with open(out, "w") as file:
        file.writelines(f"{c},{w},{n}\n" for c, w, n in rows)


# Complete mode: append would hold back the windows the watermark has not passed when the file ends.
query = (
    windows.writeStream.outputMode("complete")
    .foreachBatch(write)
    .option("checkpointLocation", os.path.join(work, "checkpoint"))
    .trigger(availableNow=True)
    .start()
)
query.awaitTermination()
gateway = spark.sparkContext._gateway
spark.stop()
# Waited for, so that the virtual machine's time is in ours: by itself it ends when nobody looks any more.
gateway.shutdown()
gateway.proc.stdin.close()
gateway.proc.wait()
shutil.rmtree(work)
