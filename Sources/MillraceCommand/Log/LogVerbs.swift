import MillraceCore

/// `millrace log …`
let logVerbs = Verb(
    name: "log", summary: "create, write, read and check topics",
    about: """
        A topic is a named set of partitions; a partition is a sequence of records with offsets from 0 on.
        Files hold Kafka's record batches and nothing else.
        """,
    examples: [
        .init("millrace log create clicks --partitions 8", "makes a topic"),
        .init("millrace log append clicks --key page < clicks.ndjson", "appends a record a line, keyed by a member"),
        .init("millrace log tail clicks", "shows the last records, and each new one as it comes"),
    ],
    verbs: [
        createTopicVerb, listTopicsVerb, describeTopicVerb, alterTopicVerb, deleteTopicVerb, appendVerb, readVerb,
        tailVerb, offsetsVerb, resetVerb, verifyVerb, dumpVerb, compactVerb,
    ])
