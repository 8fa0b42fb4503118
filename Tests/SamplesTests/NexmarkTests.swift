import BenchmarkData
import Millrace
import MillraceTesting
import Testing

@testable import NexmarkSample

/// Every query against a plain computation over all events at once.
@Suite struct NexmarkTests {
    private static let events: [Nexmark.Event] = {
        // 100 events a second: the stream lasts two minutes, so that windows and sessions end in it.
        let nexmark = Nexmark(seed: 1, start: .seconds(1_700_000_000), eventsPerSecond: 100)
        return (0..<12_000).map { nexmark.event($0) }
    }()
    private static let bids = events.compactMap { if case .bid(let bid) = $0 { bid } else { nil } }
    private static let people = events.compactMap { if case .person(let person) = $0 { person } else { nil } }
    private static let auctions = events.compactMap { if case .auction(let auction) = $0 { auction } else { nil } }

    /// Feeds the stream to a query with one input or two, and lets event time end.
    private func results<P: Pipeline>(_ query: P) throws -> [P.Output] where P.Input == NexmarkRecord {
        let driver = try PipelineDriver(query)
        let inputs = driver.plan.stages.flatMap(\.ports).filter { if case .source = $0 { true } else { false } }.count
        for event in Self.events {
            for port in 0..<inputs { driver.feed(NexmarkRecord(event: event), port: port) }
        }
        driver.advance(to: .distantFuture)
        return driver.output
    }

    /// The file that other systems read holds the events that are made here.
    @Test func aLineOfTheFileIsTheEventThatItWasMadeOf() throws {
        for event in Self.events {
            var line = ByteWriter()
            event.write(to: &line)
            let read = try line.bytes.withUnsafeBytes { try NexmarkRecord.decode(key: nil, value: $0) }
            #expect(read.event == event)
        }
    }
    @Test func aNameThatIsTooLongIsBadInput() throws {
        let line = Array(
            #"{"kind":"person","at":1,"id":2,"name":"Nebuchadnezzar II","city":"Babylon","state":"BA"}"#.utf8)
        #expect(throws: RecordFault.self) {
            try line.withUnsafeBytes { try NexmarkRecord.decode(key: nil, value: $0) }
        }
    }
    /// As state and between stages it is bytes of another kind.
    @Test func anEventComesBackFromItsStoredForm() throws {
        for event in Self.events.prefix(100) {
            var writer = ByteWriter()
            NexmarkRecord(event: event).store(into: &writer)
            let read = try writer.bytes.withUnsafeBytes { bytes in
                var reader = ByteReader(bytes)
                defer { #expect(throws: Never.self) { try reader.expectEnd() } }
                return try NexmarkRecord.load(from: &reader)
            }
            #expect(read.event == event)
        }
    }

    @Test func query0GivesEveryEventBack() throws {
        #expect(try results(Query0()).map(\.event) == Self.events)
    }
    @Test func query1ConvertsPrices() throws {
        #expect(try results(Query1()).map(\.price) == Self.bids.map { $0.price * 89 / 100 })
    }
    @Test func query2KeepsSomeAuctions() throws {
        let expected = Self.bids.filter { $0.auction % 123 == 0 }
        #expect(try results(Query2()) == expected)
        #expect(!expected.isEmpty)
    }

    @Test func query3FindsSellers() throws {
        let states: Set<ShortText> = ["OR", "ID", "CA"]
        var expected: [[Int64]: Int] = [:]
        for auction in Self.auctions where auction.category == 10 {
            for person in Self.people where person.id == auction.seller && states.contains(person.state) {
                expected[[person.id, auction.id], default: 0] += 1
            }
        }
        let found = try results(Query3()).map { [$0.value.left.id, $0.value.right.id] }
        #expect(found.reduce(into: [:]) { $0[$1, default: 0] += 1 } == expected)
        #expect(expected.count > 10)
    }

    @Test func query4FollowsTheMeanWinningPrice() throws {
        var sales: [(at: EventTime, category: Int64, price: Int64)] = []
        for auction in Self.auctions {
            let valid = Self.bids.filter {
                $0.auction == auction.id && $0.price >= auction.reserve && $0.at < auction.expires
            }
            if let best = valid.map(\.price).max() { sales.append((auction.expires, auction.category, best)) }
        }
        // The last result of each category is the mean over all its sales.
        let expected = Dictionary(grouping: sales, by: \.category).mapValues { sales in
            sales.reduce(0.0) { $0 + Double($1.price) } / Double(sales.count)
        }
        let found = try results(Query4())
        #expect(found.count == sales.count && sales.count > 50)
        var last: [Int64: Double] = [:]
        for result in found { last[result.key] = result.value }
        for (category, mean) in expected {
            let difference = abs((last[category] ?? 0) - mean)
            #expect(difference <= mean * 1e-9, "category \(category)")
        }
    }

    @Test func query5FindsTheHottestAuction() throws {
        var counts: [EventTime: [Int64: Int]] = [:]
        for bid in Self.bids {
            let second = bid.at.microseconds / 1_000_000
            for end in (second + 1)...(second + 10) where end % 2 == 0 {
                counts[.seconds(end), default: [:]][bid.auction, default: 0] += 1
            }
        }
        let expected = counts.mapValues { auctions in
            auctions.max { ($0.value, -$0.key) < ($1.value, -$1.key) }.map { [Int64($0.value), $0.key] }
        }
        let found = try results(Query5())
        #expect(found.count == expected.count)
        for result in found {
            #expect([Int64(result.value.bids), result.value.auction] == expected[result.key], "\(result.key)")
        }
    }

    @Test func query7FindsTheHighestBid() throws {
        let windows = Dictionary(grouping: Self.bids) { $0.at.microseconds / 10_000_000 }
        let found = try results(Query7())
        #expect(found.count == windows.count)
        for result in found {
            let bids = windows[result.key.microseconds / 10_000_000 - 1] ?? []
            let best = bids.max { ($0.price, $0.auction, $0.bidder) < ($1.price, $1.auction, $1.bidder) }
            #expect(result.value == best.map(HighestBid.init))
        }
    }

    @Test func query8FindsNewSellers() throws {
        var expected: [Int64: Set<NewSeller>] = [:]
        for person in Self.people {
            let window = person.at.microseconds / 10_000_000
            for auction in Self.auctions
            where auction.seller == person.id && auction.at.microseconds / 10_000_000 == window {
                expected[person.id, default: []].insert(NewSeller(name: person.name, auction: auction.id))
            }
        }
        let found = try results(Query8())
        #expect(Dictionary(grouping: found, by: \.key).mapValues { Set($0.map(\.value)) } == expected)
        #expect(found.count == expected.reduce(0) { $0 + $1.value.count } && expected.count > 10)
    }

    @Test func query11CountsSessions() throws {
        var expected: [[Int64]: Int] = [:]
        for (bidder, bids) in Dictionary(grouping: Self.bids, by: \.bidder) {
            var start = bids[0].at, last = bids[0].at, count = 0
            for bid in bids {
                if bid.at - last >= .seconds(10) {
                    expected[[bidder, start.microseconds]] = count
                    (start, count) = (bid.at, 0)
                }
                (last, count) = (bid.at, count + 1)
            }
            expected[[bidder, start.microseconds]] = count
        }
        var found: [[Int64]: Int] = [:]
        for result in try results(Query11()) { found[[result.key, result.start.microseconds]] = result.value }
        #expect(found == expected)
    }

    @Test func query12CountsByTheWallClock() throws {
        let driver = try PipelineDriver(Query12())
        var expected: [[Int64]: Int] = [:]
        for (number, event) in Self.events.enumerated() {
            // A thousand events in a second of the wall clock.
            let wall = EventTime.seconds(2_000_000_000 + Int64(number / 1_000))
            if number % 1_000 == 0 { driver.tick(wall: wall) }
            driver.feed(NexmarkRecord(event: event))
            if case .bid(let bid) = event {
                expected[[bid.bidder, wall.microseconds / 10_000_000], default: 0] += 1
            }
        }
        driver.tick(wall: .seconds(2_000_000_100))
        var found: [[Int64]: Int] = [:]
        for result in driver.output { found[[result.key, result.start.microseconds / 10_000_000]] = result.value }
        #expect(found == expected)
    }
}
