import MillraceCore

/// `millrace log …`
let logVerbs = Verb(
    name: "log", summary: "create, write, read and check topics",
    about: """
        A topic is a named set of partitions; a partition is a sequence of records with offsets from 0 on.
        Files hold Kafka's record batches and nothing else.
        """,
    verbs: [])
