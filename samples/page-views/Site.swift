import Millrace

struct Click: Record, Codable {
    var page: String
    var user: UInt64
    var at: EventTime
}

struct PageViews: Pipeline {
    var body: some Flow<Click, Pane<String, Int>> {
        Events<Click>()
            .keyed(by: \.page)
            .window(.tumbling(.seconds(10)), at: \.at, lateness: .seconds(5))
            .count()
    }
}

@main struct Site: StreamApp {
    var topology: Topology {
        Log<Click>("clicks", partitions: 8)
            .feeds(PageViews())
            .into(Table("page_views"))
        Console(port: 8080)
    }
}
