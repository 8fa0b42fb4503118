"""The batch reference: the whole file at once, in SQL. No stream, no state; its answer is what others are checked by."""
import sys

import duckdb

events, campaigns, out = sys.argv[1:]
db = duckdb.connect()
db.execute("SET threads = 1")
db.execute(
    f"""
    COPY (
        SELECT c.campaign, (e.event_time // 10000) * 10000 AS window_start, count(*) AS views
        FROM read_json('{events}', format = 'newline_delimited',
                       columns = {{ad_id: 'VARCHAR', event_type: 'VARCHAR', event_time: 'BIGINT'}}) e
        JOIN read_csv('{campaigns}', header = false, columns = {{'ad': 'VARCHAR', 'campaign': 'VARCHAR'}}) c
          ON c.ad = e.ad_id
        WHERE e.event_type = 'view'
        GROUP BY ALL
    ) TO '{out}' (HEADER false, DELIMITER ',')
    """
)
