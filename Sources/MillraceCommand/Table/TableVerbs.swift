import MillraceCore

/// `millrace table …`
let tableVerbs = Verb(
    name: "table", summary: "create, write, read and check tables",
    about: """
        A table is named KEYSPACE.TABLE. Its rows are found by the partition key, and within a partition they are
        kept in the order of the clustering columns. Values are written as CQL's literals without quotes:
        2026-03-01T12:00:00Z, 0x00ff, 12.50; lists, maps and the like as JSON.
        """,
    examples: [
        .init(
            "millrace table create site.views 'page text, at timestamp, n bigint, PRIMARY KEY (page, at)'",
            "makes a table, and its keyspace when it is missing"),
        .init("millrace table import site.views views.ndjson", "writes a row for each line"),
        .init("millrace table get site.views /home --reverse --limit 10", "the last ten rows of a partition"),
        .init("millrace table export site.views --csv > views.csv", "all rows, with a header"),
    ],
    verbs: [
        listTablesVerb, describeTableVerb, createTableVerb, alterTableVerb, dropTableVerb, getVerb, scanVerb, putVerb,
        deleteRowsVerb,
        exportVerb, importVerb, snapshotVerb, restoreVerb, verifyTablesVerb,
    ])
